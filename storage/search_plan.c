/*
 * Search plan - candidates, what each would read, and the choice.
 *
 * The estimates are rough on purpose: they need to tell one row from a
 * thousand from a million, no more.
 */

#include "storage/search_plan.h"

#include "base/clock.h"
#include "fhir/type.h"
#include "storage/search_sql.h"
#include "storage/search_stats.h"

#include <assert.h>
#include <math.h>

static const int64_t day_us = 86400 * INT64_C(1000000);

/* Guesses where no statistics are kept. */
static const double rows_of_patient = 200, rows_of_patient_code = 10, open_range = 0.3,
                    some_numbers = 0.1;

struct candidate {
    enum search_driver driver;
    enum search_mode mode;
    int driving;
    double cost;
};

/* One choice under way. */
struct choice {
    struct search_plan *plan;
    enum search_purpose purpose;
    double limit, rows;
    struct candidate best;
};

static void note_terms(struct search_plan *plan);
static bool drives_by_patient(const struct search_plan *plan);
static bool drives_by_code(const struct search_plan *plan);
static void bound_dates(struct search_plan *plan);
static void bound_by_term(struct search_dates *dates, const struct search_term *term);
static void bound_by_value(struct search_dates *hull, const struct query_value *value);
static int64_t start_of_day(int64_t time);
static bool can_drive(const struct search_plan *plan, enum search_driver driver, int driving);
static bool can_order(struct search_plan *plan, enum search_driver driver, enum search_mode mode,
                      int driving);
static void set_sort_keys(struct search_plan *plan);
static struct search_key sort_key(const struct search_plan *plan, const struct query_sort *sort);
static void set_index_key(struct search_plan *plan);
static struct search_key index_key(const struct search_plan *plan, enum search_driver driver,
                                   int driving);
static bool index_is_ordered(const struct search_plan *plan, enum search_driver driver,
                             int driving);
static void consider_columns(struct choice *choice);
static void consider_terms(struct choice *choice);
static bool drives_alone(const struct search_term *term);
static void consider_walks(struct choice *choice);
static void consider(struct choice *choice, enum search_driver driver, int driving, double rows,
                     double rest);
static double rows_by_code(const struct search_plan *plan, double rows);
static double selectivity(const struct search_plan *plan, int i, double rows);
static double rest_of(const struct search_plan *plan, int a, int b, double rows);
static double atom_share(const struct search_plan *plan, const struct search_atom *atom,
                         double rows);
static double time_share(const struct query_value *value);
static bool same_keys(const struct search_plan *plan, const struct search_key *key);

void search_plan_init(struct search_plan *plan, struct store *store, const struct access *access,
                      const struct query *query, struct arena *arena)
{
    const struct type *type = resource_type_find(text_of(query->type));

    *plan = (struct search_plan){
        .store = store,
        .access = access,
        .query = query,
        .type = type,
        .table = table_of(type),
        .columns = columns_of(type),
        .tokens = store_tokens(store, access),
        .arena = arena,
        .term_count = query->param_count,
        .driving = -1,
    };
    plan->terms = search_terms_make(&plan->tokens, type, query, arena);
    note_terms(plan);
    bound_dates(plan);
}

/* The first term that each column can be searched by. */
static void note_terms(struct search_plan *plan)
{
    plan->patients = plan->codes = plan->quantity = -1;
    for (int i = 0; i < (int)plan->term_count; i++) {
        const struct search_term *term = &plan->terms[i];

        plan->inexact |= term->inexact;
        if (plan->patients < 0 && term->patient_count > 0)
            plan->patients = i;
        if (plan->codes < 0 && term->code_count > 0)
            plan->codes = i;
        if (plan->quantity < 0 && plan->columns->quantity &&
            term->param->param == plan->columns->quantity && !term->negated)
            plan->quantity = i;
    }
}

bool search_plan_choose(struct search_plan *plan, enum search_purpose purpose, unsigned limit)
{
    struct choice choice = {
        .plan = plan,
        .purpose = purpose,
        .limit = purpose == SEARCH_COUNT ? INFINITY : limit,
        .rows = search_stats_rows(plan->store, plan->table),
        .best = {.cost = INFINITY},
    };

    set_sort_keys(plan);
    consider_columns(&choice);
    consider_terms(&choice);
    consider_walks(&choice);
    if (isinf(choice.best.cost))
        return false;
    plan->driver = choice.best.driver;
    plan->mode = choice.best.mode;
    plan->driving = choice.best.driving;
    if (plan->mode == MODE_KEY)
        plan->key_count = 0;
    if (plan->mode == MODE_INDEX)
        set_index_key(plan);
    return true;
}

bool search_plan_resume(struct search_plan *plan, int64_t driver, int64_t mode, int64_t driving)
{
    if (driver < 0 || driver > DRIVE_ALL || mode < 0 || mode > MODE_SORT || driving < -1 ||
        driving >= (int64_t)plan->term_count ||
        !can_drive(plan, (enum search_driver)driver, (int)driving) ||
        !can_order(plan, (enum search_driver)driver, (enum search_mode)mode, (int)driving))
        return false;
    plan->driver = (enum search_driver)driver;
    plan->mode = (enum search_mode)mode;
    plan->driving = (int)driving;
    set_sort_keys(plan);
    if (plan->mode == MODE_KEY)
        plan->key_count = 0;
    if (plan->mode == MODE_INDEX)
        set_index_key(plan);
    return true;
}

/* A cursor is signed, but an older program may have made it. */
static bool can_drive(const struct search_plan *plan, enum search_driver driver, int driving)
{
    bool sorted_by_side =
        plan->query->sort_count == 1 && sort_key(plan, &plan->query->sorts[0]).h != 0;

    switch (driver) {
    case DRIVE_PATIENT_CODE:
        return plan->patients >= 0 && plan->codes >= 0;
    case DRIVE_PATIENT:
        return plan->patients >= 0;
    case DRIVE_CODE:
        return plan->codes >= 0;
    case DRIVE_CODE_QUANTITY:
        return plan->codes >= 0 && plan->quantity >= 0;
    case DRIVE_DATE:
        return plan->columns->date != NULL;
    case DRIVE_KEYS:
        return driving >= 0 && drives_alone(&plan->terms[driving]) &&
               plan->terms[driving].atoms[0].kind == ATOM_KEYS;
    case DRIVE_TOKENS:
        return driving >= 0 && drives_alone(&plan->terms[driving]) &&
               plan->terms[driving].atoms[0].kind == ATOM_TOKENS;
    case DRIVE_SIDE:
        if (driving < 0)
            return sorted_by_side;
        return drives_alone(&plan->terms[driving]) &&
               sql_side_table(&plan->terms[driving].atoms[0]);
    case DRIVE_UPDATED:
    case DRIVE_ALL:
        return true;
    }
    return false;
}

static bool can_order(struct search_plan *plan, enum search_driver driver, enum search_mode mode,
                      int driving)
{
    set_sort_keys(plan);
    if (mode != MODE_INDEX)
        return (mode == MODE_SORT) == (plan->key_count > 0) &&
               (driver != DRIVE_SIDE || driving >= 0);
    if (!index_is_ordered(plan, driver, driving))
        return false;
    struct search_key key = index_key(plan, driver, driving);
    return plan->key_count == 0 || same_keys(plan, &key);
}

static void set_index_key(struct search_plan *plan)
{
    bool descending = plan->key_count > 0 && plan->keys[0].descending;
    bool sorted = plan->key_count > 0;

    plan->keys[0] = index_key(plan, plan->driver, plan->driving);
    plan->keys[0].descending = sorted ? descending : plan->keys[0].kind == KEY_DATE;
    plan->key_count = 1;
}

/* Newest first where the client does not say, since that is what is mostly wanted. */
static struct search_key index_key(const struct search_plan *plan, enum search_driver driver,
                                   int driving)
{
    static const enum search_key_kind kinds[] = {
        [ATOM_STRINGS] = KEY_STRINGS,
        [ATOM_DATES] = KEY_DATES,
        [ATOM_NUMBERS] = KEY_NUMBERS,
    };

    if (driver == DRIVE_UPDATED)
        return (struct search_key){.kind = KEY_UPDATED};
    if (driver == DRIVE_CODE_QUANTITY)
        return (struct search_key){.kind = KEY_QUANTITY};
    if (driver != DRIVE_SIDE)
        return (struct search_key){.kind = KEY_DATE};
    if (driving < 0)
        return sort_key(plan, &plan->query->sorts[0]);
    return (struct search_key){.kind = kinds[plan->terms[driving].atoms[0].kind],
                               .h = plan->terms[driving].atoms[0].hashes[0]};
}

static void set_sort_keys(struct search_plan *plan)
{
    const struct query *query = plan->query;

    assert(query->sort_count <= SEARCH_KEYS_MAX);
    plan->key_count = query->sort_count;
    for (size_t i = 0; i < query->sort_count; i++)
        plan->keys[i] = sort_key(plan, &query->sorts[i]);
}

static struct search_key sort_key(const struct search_plan *plan, const struct query_sort *sort)
{
    struct search_key key = {.descending = sort->descending};

    if (sort->subject == QUERY_ID) {
        key.kind = KEY_ID;
    } else if (sort->subject == QUERY_LAST_UPDATED) {
        key.kind = KEY_UPDATED;
    } else if (sort->param == plan->columns->date) {
        key.kind = KEY_DATE;
    } else if (sort->param == plan->columns->quantity) {
        key.kind = KEY_QUANTITY;
    } else {
        key.kind = sort->param->search_type == SEARCH_STRING ? KEY_STRINGS
                   : sort->param->search_type == SEARCH_DATE ? KEY_DATES
                                                             : KEY_NUMBERS;
        key.h = key.presence = token_param(&plan->tokens, sort->param);
    }
    return key;
}

/* Candidates */

static void consider_columns(struct choice *choice)
{
    struct search_plan *plan = choice->plan;
    bool patient = drives_by_patient(plan), code = drives_by_code(plan);
    double rows = choice->rows;

    if (patient && code)
        consider(choice, DRIVE_PATIENT_CODE, -1,
                 rows_of_patient_code * (double)plan->terms[plan->patients].patient_count *
                     (double)plan->terms[plan->codes].code_count,
                 rest_of(plan, plan->patients, plan->codes, rows));
    if (patient)
        consider(choice, DRIVE_PATIENT, -1,
                 rows_of_patient * (double)plan->terms[plan->patients].patient_count,
                 rest_of(plan, plan->patients, -1, rows));
    if (!code)
        return;

    double by_code = rows_by_code(plan, rows);
    consider(choice, DRIVE_CODE, -1, by_code, rest_of(plan, plan->codes, -1, rows));
    if (plan->quantity >= 0 && plan->table->vq && plan->terms[plan->codes].code_count == 1)
        consider(choice, DRIVE_CODE_QUANTITY, -1, by_code * selectivity(plan, plan->quantity, rows),
                 rest_of(plan, plan->codes, plan->quantity, rows));
}

static bool drives_by_patient(const struct search_plan *plan)
{
    return plan->patients >= 0 && plan->table->patient;
}

static bool drives_by_code(const struct search_plan *plan)
{
    return plan->codes >= 0 && plan->table->code && !plan->no_codes;
}

static double rows_by_code(const struct search_plan *plan, double rows)
{
    return fmax(1, selectivity(plan, plan->codes, rows) * rows);
}

static void consider_terms(struct choice *choice)
{
    struct search_plan *plan = choice->plan;

    for (int i = 0; i < (int)plan->term_count; i++) {
        const struct search_term *term = &plan->terms[i];

        if (!drives_alone(term))
            continue;

        double found = selectivity(plan, i, choice->rows) * choice->rows;
        double rest = rest_of(plan, i, -1, choice->rows);
        switch (term->atoms[0].kind) {
        case ATOM_KEYS:
            consider(choice, DRIVE_KEYS, i, found, rest);
            break;
        case ATOM_TOKENS:
            consider(choice, DRIVE_TOKENS, i, found + 1, rest);
            break;
        case ATOM_STRINGS:
        case ATOM_DATES:
        case ATOM_NUMBERS: /* a range that contains any text is the whole index */
            consider(choice, DRIVE_SIDE, i,
                     1.5 * (term->atoms[0].mode == STRING_CONTAINS ? choice->rows : found) + 2,
                     rest);
            break;
        default:
            break;
        }
    }
}

/* Whether one index answers all alternatives of a term. */
static bool drives_alone(const struct search_term *term)
{
    for (size_t i = 1; i < term->atom_count; i++)
        if (term->atoms[i].kind != term->atoms[0].kind)
            return false;
    return term->atom_count > 0 && !term->negated;
}

/* Indexes that hold all rows, or a range of time. */
static void consider_walks(struct choice *choice)
{
    struct search_plan *plan = choice->plan;
    double rows = choice->rows, all = rest_of(plan, -1, -1, rows);

    if (plan->table->d && plan->columns->date)
        consider(choice, DRIVE_DATE, -1, 2 + rows * (plan->dates.bounded ? 0.5 : 1), all);
    for (int i = 0; i < (int)plan->term_count; i++) {
        if (plan->terms[i].param->param == plan->columns->date && plan->dates.bounded)
            consider(choice, DRIVE_DATE, -1, 2 + selectivity(plan, i, rows) * rows,
                     rest_of(plan, i, -1, rows));
        if (plan->terms[i].param->subject == QUERY_LAST_UPDATED)
            consider(choice, DRIVE_UPDATED, i, 2 + 2 * selectivity(plan, i, rows) * rows,
                     rest_of(plan, i, -1, rows));
    }
    if (plan->key_count == 1 && plan->keys[0].kind == KEY_UPDATED)
        consider(choice, DRIVE_UPDATED, -1, 2 * rows, all);
    if (plan->key_count == 1 && plan->keys[0].h && choice->purpose != SEARCH_COUNT)
        consider(choice, DRIVE_SIDE, -1, 2 * rows, all);
    consider(choice, DRIVE_ALL, -1, 1.1 * rows, all);
}

/* `rows` are what the driver finds, `rest` is the share of them that the
 * other criteria leave. */
static void consider(struct choice *choice, enum search_driver driver, int driving, double rows,
                     double rest)
{
    struct search_plan *plan = choice->plan;
    struct candidate candidate = {.driver = driver, .driving = driving, .mode = MODE_KEY};
    bool sorted = plan->key_count > 0 && choice->purpose != SEARCH_COUNT;
    double read = rows;

    if (choice->purpose == SEARCH_COUNT) {
        candidate.mode = MODE_KEY;
    } else if (index_is_ordered(plan, driver, driving)) {
        struct search_key key = index_key(plan, driver, driving);

        candidate.mode = sorted && !same_keys(plan, &key) ? MODE_SORT : MODE_INDEX;
    } else if (sorted) {
        candidate.mode = MODE_SORT;
    }

    if (candidate.mode != MODE_INDEX && driver == DRIVE_DATE && !plan->dates.bounded)
        return; /* it only gives the order */
    if (candidate.mode == MODE_SORT && (choice->purpose == SEARCH_WALK || rows * rest > 1e7))
        return;
    if (candidate.mode == MODE_SORT && rows * rest > SEARCH_SORT_MAX)
        read = 1e9 + rows; /* it will probably fail */
    if (candidate.mode == MODE_INDEX || (candidate.mode == MODE_KEY && driver == DRIVE_ALL))
        read = fmin(rows, choice->limit / fmax(rest, 1e-9));
    candidate.cost = read;
    if (candidate.cost < choice->best.cost)
        choice->best = candidate;
}

/* Whether rows come in an order by which paging can go on. */
static bool index_is_ordered(const struct search_plan *plan, enum search_driver driver, int driving)
{
    switch (driver) {
    case DRIVE_PATIENT_CODE:
        return plan->columns->date && plan->terms[plan->patients].patient_count == 1 &&
               plan->terms[plan->codes].code_count == 1;
    case DRIVE_PATIENT:
        return plan->columns->date && plan->terms[plan->patients].patient_count == 1;
    case DRIVE_CODE:
        return plan->columns->date && plan->terms[plan->codes].code_count == 1;
    case DRIVE_CODE_QUANTITY:
    case DRIVE_DATE:
    case DRIVE_UPDATED:
        return true;
    case DRIVE_SIDE:
        return driving < 0 || search_term_is_range(&plan->terms[driving]);
    case DRIVE_KEYS:
    case DRIVE_TOKENS:
    case DRIVE_ALL:
        return false;
    }
    return false;
}

static bool same_keys(const struct search_plan *plan, const struct search_key *key)
{
    return plan->key_count == 1 && plan->keys[0].kind == key->kind && plan->keys[0].h == key->h;
}

bool search_term_is_range(const struct search_term *term)
{
    const struct search_atom *atom = &term->atoms[0];

    return term->atom_count == 1 && atom->hash_count == 1 && !term->negated &&
           (atom->kind == ATOM_STRINGS ? atom->mode != STRING_CONTAINS
                                       : atom->value->prefix != PREFIX_NE);
}

/* Estimates */

/* The share of all rows that the terms but `a` and `b` leave. */
static double rest_of(const struct search_plan *plan, int a, int b, double rows)
{
    double rest = 1;

    for (int i = 0; i < (int)plan->term_count; i++)
        if (i != a && i != b)
            rest *= selectivity(plan, i, rows);
    return rest;
}

static double selectivity(const struct search_plan *plan, int i, double rows)
{
    const struct search_term *term = &plan->terms[i];
    double share = 0;

    if (term->patient_count > 0)
        return fmin(1, rows_of_patient * (double)term->patient_count / rows);
    for (size_t k = 0; k < term->atom_count; k++)
        share += atom_share(plan, &term->atoms[k], rows);
    share = fmin(share, 1);
    return term->negated ? fmax(1 - share, 0.01) : share;
}

static double atom_share(const struct search_plan *plan, const struct search_atom *atom,
                         double rows)
{
    double found = 0;

    switch (atom->kind) {
    case ATOM_KEYS:
        return (double)atom->hash_count / rows;
    case ATOM_TOKENS:
        for (size_t i = 0; i < atom->hash_count; i++)
            found += search_stats_token(plan->store, plan->table, atom->hashes[i]);
        return found / rows;
    case ATOM_DATE:
    case ATOM_DATES:
    case ATOM_UPDATED:
        return time_share(atom->value);
    case ATOM_STRINGS:
        return atom->mode == STRING_CONTAINS ? 0.05
               : atom->mode == STRING_EQUAL  ? 0.0005
                                             : pow(0.2, fmin(4, (double)atom->norm.size));
    case ATOM_QUANTITY:
    case ATOM_NUMBERS:
        return some_numbers;
    }
    return 1;
}

/* As if everything had happened evenly within ten years. */
static double time_share(const struct query_value *value)
{
    const double era = 3652.0 * (double)day_us;
    int64_t now = clock_now();

    switch (value->prefix) {
    case PREFIX_EQ:
    case PREFIX_AP:
        return fmin(1, (double)(value->time_high - value->time_low) / era);
    case PREFIX_GE:
    case PREFIX_GT:
    case PREFIX_SA:
        return value->time_low > now ? 0.001
                                     : fmin(1, fmax(0.0001, (double)(now - value->time_low) / era));
    case PREFIX_NE:
        return 1;
    default:
        return open_range;
    }
}

/* Bounds on the date column */

static void bound_dates(struct search_plan *plan)
{
    plan->dates = (struct search_dates){
        .low = INT64_MIN, .high = INT64_MAX, .strict_low = INT64_MIN, .long_high = INT64_MIN};
    for (size_t i = 0; i < plan->term_count; i++) {
        const struct search_term *term = &plan->terms[i];

        if (term->atom_count > 0 && term->param->param == plan->columns->date && !term->negated)
            bound_by_term(&plan->dates, term);
    }
    if (plan->dates.strict_low > plan->dates.low)
        plan->dates.low = plan->dates.strict_low;
}

/* Alternatives widen each other, terms narrow each other. */
static void bound_by_term(struct search_dates *dates, const struct search_term *term)
{
    struct search_dates hull = {
        .low = INT64_MAX, .high = INT64_MIN, .strict_low = INT64_MAX, .long_high = INT64_MAX};

    for (size_t i = 0; i < term->atom_count; i++) {
        if (term->atoms[i].kind != ATOM_DATE)
            return; /* may be met by a side row */
        bound_by_value(&hull, term->atoms[i].value);
    }
    dates->bounded = true;
    if (hull.low > dates->low)
        dates->low = hull.low;
    if (hull.high < dates->high)
        dates->high = hull.high;
    if (hull.strict_low > dates->strict_low)
        dates->strict_low = hull.strict_low;
    if (hull.long_high > dates->long_high)
        dates->long_high = hull.long_high;
}

/* From `low <= d`, or `high >= dhi` for a row that lasts. */
static void bound_by_value(struct search_dates *hull, const struct query_value *value)
{
    struct search_dates one = {
        .low = INT64_MIN, .high = INT64_MAX, .strict_low = INT64_MIN, .long_high = INT64_MIN};

    switch (value->prefix) {
    case PREFIX_EQ:
        one.strict_low = one.low = value->time_low;
        one.high = value->time_high;
        break;
    case PREFIX_GT:
        one.long_high = value->time_high + 1;
        one.low = start_of_day(one.long_high);
        break;
    case PREFIX_GE:
    case PREFIX_AP:
        one.long_high = value->time_low;
        one.low = start_of_day(one.long_high);
        if (value->prefix == PREFIX_AP)
            one.high = value->time_high;
        break;
    case PREFIX_LT:
    case PREFIX_EB:
        one.high = value->time_low - 1;
        break;
    case PREFIX_LE:
        one.high = value->time_high;
        break;
    case PREFIX_SA:
        one.strict_low = one.low = value->time_high + 1;
        break;
    case PREFIX_NE:
        break;
    }
    if (one.low < hull->low)
        hull->low = one.low;
    if (one.high > hull->high)
        hull->high = one.high;
    if (one.strict_low < hull->strict_low)
        hull->strict_low = one.strict_low;
    if (one.long_high < hull->long_high)
        hull->long_high = one.long_high;
}

static int64_t start_of_day(int64_t time)
{
    int64_t in_day = time % day_us;

    return time - (in_day < 0 ? in_day + day_us : in_day);
}

const char *search_plan_driving_code(const struct search_plan *plan)
{
    int term = plan->driving;

    if (plan->driver == DRIVE_PATIENT || plan->driver == DRIVE_PATIENT_CODE)
        term = plan->patients;
    else if (plan->driver == DRIVE_CODE || plan->driver == DRIVE_CODE_QUANTITY)
        term = plan->codes;
    else if (plan->driver == DRIVE_DATE)
        for (int i = 0; i < (int)plan->term_count; i++)
            if (plan->terms[i].param->param == plan->columns->date)
                term = i;
    return term >= 0 ? plan->terms[term].param->param->code : NULL;
}

const int64_t *search_plan_codes(const struct search_plan *plan, size_t *count)
{
    bool by_code = plan->driver == DRIVE_PATIENT_CODE || plan->driver == DRIVE_CODE ||
                   plan->driver == DRIVE_CODE_QUANTITY;

    *count = by_code ? plan->terms[plan->codes].code_count : 0;
    return by_code ? plan->terms[plan->codes].codes : NULL;
}
