/*
 * Search plan - reading a query for what it can be driven by, and taking a choice.
 */

#include "storage/search_plan.h"

#include "base/arena.h"
#include "fhir/type.h"
#include "storage/search_cost.h"
#include "storage/search_ids.h"
#include "storage/search_link.h"
#include "storage/search_order.h"
#include "storage/search_sql.h"
#include "storage/search_stats.h"
#include "storage/search_without.h"

static void note_terms(struct search_plan *plan);
static void take(struct search_plan *plan, enum search_driver driver, enum search_mode mode,
                 int driving);
static bool can_drive(const struct search_plan *plan, enum search_driver driver, int driving);
static bool can_order(struct search_plan *plan, enum search_driver driver, enum search_mode mode,
                      int driving);
static size_t count_codes(const struct search_plan *plan);
static void add_contains(const struct search_plan *plan, const struct query_param *param,
                         struct search_code *codes, size_t *count);
static void add_codes(const struct search_plan *plan, bool linked, struct search_code *codes,
                      size_t *count);

void search_plan_init(struct search_plan *plan, struct store *store, const struct access *access,
                      const struct query *query, struct arena *arena)
{
    const struct type *type = resource_type_find(text_of(query->type));
    bool contained = query->contained == QUERY_CONTAINED;

    *plan = (struct search_plan){
        .store = store,
        .access = access,
        .query = query,
        .type = type,
        .table = contained ? table_of_contained() : table_of(type),
        .columns = contained ? columns_of_contained() : columns_of(type),
        .tokens = store_tokens(store, access),
        .arena = arena,
        .term_count = query->param_count,
        .driving = -1,
    };
    plan->tokens.contained = contained;
    plan->terms = search_terms_make(&plan->tokens, type, plan->columns, query, arena);
    search_links_make(plan);
    note_terms(plan);
    search_bound_dates(plan);
}

/* The first term that each column can be searched by. */
static void note_terms(struct search_plan *plan)
{
    plan->patients = plan->codes = plan->quantity = -1;
    for (int i = 0; i < (int)plan->term_count; i++) {
        const struct search_term *term = &plan->terms[i];

        plan->inexact |= term->inexact;
        for (size_t k = 0; k < term->link_count; k++) /* a group's row is looked at as a whole */
            plan->inexact |= term->links[k].relation == LINK_SELF && term->links[k].plan->inexact;
        if (plan->patients < 0 && term->patient_count > 0)
            plan->patients = i;
        if (plan->codes < 0 && term->code_count > 0)
            plan->codes = i;
        for (size_t k = 0; k < term->code_count; k++)
            plan->no_codes |= search_stats_is_second(plan->store, plan->type, term->codes[k]);
        if (plan->quantity < 0 && plan->columns->quantity &&
            term->param->param == plan->columns->quantity && !term->negated)
            plan->quantity = i;
    }
    for (int i = 0; plan->patients < 0 && i < (int)plan->term_count; i++)
        if (search_link_is_patients(&plan->terms[i]))
            plan->patients = i;
}

void search_plan_settle(struct search_plan *plan, const int64_t *keys, size_t count)
{
    struct search_term *term = arena_one(plan->arena, struct search_term);
    struct search_atom *atom = arena_one(plan->arena, struct search_atom);
    struct query_param *param = arena_one(plan->arena, struct query_param);

    *atom = (struct search_atom){.kind = ATOM_KEYS, .hashes = keys, .hash_count = count};
    *param = (struct query_param){.param = plan->terms[0].param->param, .subject = QUERY_ID};
    *term = (struct search_term){.param = param, .atoms = atom, .atom_count = 1};
    plan->terms = term;
    plan->term_count = 1;
    plan->inexact = false;
    note_terms(plan);
    search_bound_dates(plan);
    search_plan_choose(plan, SEARCH_COUNT, 0);
}

bool search_plan_choose(struct search_plan *plan, enum search_purpose purpose, unsigned limit)
{
    struct search_candidate cheapest;

    search_order_by_sort(plan);
    if (!search_cheapest(plan, purpose, limit, &cheapest))
        return false;
    take(plan, cheapest.driver, cheapest.mode, cheapest.driving);
    plan->cost = cheapest.cost;
    return true;
}

static void take(struct search_plan *plan, enum search_driver driver, enum search_mode mode,
                 int driving)
{
    plan->driver = driver;
    plan->mode = mode;
    plan->driving = driving;
    if (mode == MODE_KEY)
        plan->key_count = 0;
    if (mode == MODE_INDEX)
        search_order_by_index(plan);
}

bool search_plan_resume(struct search_plan *plan, int64_t driver, int64_t mode, int64_t driving)
{
    search_order_by_sort(plan);
    if (driver < 0 || driver > DRIVE_LAST || mode < 0 || mode > MODE_SORT || driving < -1 ||
        driving >= (int64_t)plan->term_count ||
        !can_drive(plan, (enum search_driver)driver, (int)driving) ||
        !can_order(plan, (enum search_driver)driver, (enum search_mode)mode, (int)driving))
        return false;
    take(plan, (enum search_driver)driver, (enum search_mode)mode, (int)driving);
    return true;
}

bool search_plan_has_range(const struct search_plan *plan)
{
    const struct query_param *param = plan->terms[plan->quantity].param;

    return param->modifier == MODIFIER_NONE && param->value_count == 1 &&
           param->values[0].prefix != PREFIX_NE;
}

/* A cursor is signed, but an older program may have made it. */
static bool can_drive(const struct search_plan *plan, enum search_driver driver, int driving)
{
    struct search_key key = {0};
    int64_t token;

    if (plan->query->sort_count == 1)
        key = search_index_key(plan, DRIVE_SIDE, -1);
    bool sorted_by_side = key.h != 0 && !key.with_column;

    switch (driver) {
    case DRIVE_PATIENT_CODE:
        return plan->patients >= 0 && plan->codes >= 0;
    case DRIVE_PATIENT:
        return plan->patients >= 0;
    case DRIVE_CODE:
        return plan->codes >= 0;
    case DRIVE_CODE_QUANTITY:
        return plan->codes >= 0 && plan->quantity >= 0;
    case DRIVE_QUANTITY:
        return plan->quantity >= 0 && plan->table->vq && !plan->table->shared &&
               search_plan_has_range(plan);
    case DRIVE_DATE:
        return plan->columns->date != NULL;
    case DRIVE_KEYS:
        return driving >= 0 && search_term_is_uniform(&plan->terms[driving]) &&
               plan->terms[driving].atoms[0].kind == ATOM_KEYS;
    case DRIVE_TOKENS:
        return driving >= 0 && search_term_is_uniform(&plan->terms[driving]) &&
               plan->terms[driving].atoms[0].kind == ATOM_TOKENS;
    case DRIVE_SIDE:
        if (driving < 0)
            return sorted_by_side;
        return search_term_is_uniform(&plan->terms[driving]) &&
               sql_side_table(&plan->terms[driving].atoms[0]);
    case DRIVE_WITHOUT:
        return driving >= 0 && search_without_index(plan, driving, &token);
    case DRIVE_LINK:
        return driving >= 0 && plan->terms[driving].link_count > 0 && !plan->terms[driving].negated;
    case DRIVE_UPDATED:
        return !plan->tokens.contained;
    case DRIVE_ALL:
        return true;
    case DRIVE_IDS:
        return search_ids_give_order(plan);
    }
    return false;
}

static bool can_order(struct search_plan *plan, enum search_driver driver, enum search_mode mode,
                      int driving)
{
    search_order_by_sort(plan);
    if (mode != MODE_INDEX)
        return (mode == MODE_SORT) == (plan->key_count > 0) &&
               (driver != DRIVE_SIDE || driving >= 0);
    if (!search_index_is_ordered(plan, driver, driving))
        return false;
    return search_gives_order(plan, driver, driving);
}

const char *search_plan_driving_code(const struct search_plan *plan)
{
    int term = plan->driving;

    if (plan->driver == DRIVE_PATIENT || plan->driver == DRIVE_PATIENT_CODE)
        term = plan->patients;
    else if (plan->driver == DRIVE_CODE || plan->driver == DRIVE_CODE_QUANTITY)
        term = plan->codes;
    else if (plan->driver == DRIVE_QUANTITY)
        term = plan->quantity;
    else if (plan->driver == DRIVE_DATE)
        for (int i = 0; i < (int)plan->term_count; i++)
            if (plan->terms[i].param->param == plan->columns->date)
                term = i;
    if (term < 0)
        return NULL;
    const struct search_param *param = plan->terms[term].param->param;
    if (plan->terms[term].param->subject == QUERY_COMPARTMENT)
        return NULL;
    return param ? param->code : "_filter";
}

const struct search_code *search_plan_codes(const struct search_plan *plan, size_t *count)
{
    struct search_code *codes = arena_many(plan->arena, struct search_code, count_codes(plan) + 1);

    *count = 0;
    add_codes(plan, false, codes, count);
    return codes;
}

static size_t count_codes(const struct search_plan *plan)
{
    size_t count = plan->codes >= 0 ? plan->terms[plan->codes].code_count : 0;

    for (size_t i = 0; i < plan->term_count; i++)
        count += plan->terms[i].param->part_count;
    for (size_t i = 0; i < plan->term_count; i++)
        for (size_t k = 0; k < plan->terms[i].link_count; k++)
            count += count_codes(plan->terms[i].links[k].plan);
    return count;
}

/* What a link looks for in a column depends on the end from which it is looked at. */
static void add_codes(const struct search_plan *plan, bool linked, struct search_code *codes,
                      size_t *count)
{
    bool by_code = plan->driver == DRIVE_PATIENT_CODE || plan->driver == DRIVE_CODE ||
                   plan->driver == DRIVE_CODE_QUANTITY || search_plan_tests_codes(plan);

    if (plan->codes >= 0 && (by_code || (linked && !plan->no_codes)))
        for (size_t i = 0; i < plan->terms[plan->codes].code_count; i++)
            codes[(*count)++] =
                (struct search_code){plan->terms[plan->codes].codes[i], plan->type, NULL};
    for (size_t i = 0; i < plan->term_count; i++)
        add_contains(plan, plan->terms[i].param, codes, count);
    for (size_t i = 0; i < plan->term_count; i++)
        for (size_t k = 0; k < plan->terms[i].link_count; k++)
            add_codes(plan->terms[i].links[k].plan, true, codes, count);
}

/* That no resource of the type contains what its chains lead to is taken for granted by plans. */
static void add_contains(const struct search_plan *plan, const struct query_param *param,
                         struct search_code *codes, size_t *count)
{
    for (size_t i = 0; i < param->part_count; i++) {
        const struct type *target = resource_type_find(text_of(param->parts[i]->type));

        if (param->subject == QUERY_CHAIN && !search_link_enters(plan, target))
            codes[(*count)++] = (struct search_code){token_contains(&plan->tokens, target->name),
                                                     plan->type, target};
    }
}

bool search_plan_tests_codes(const struct search_plan *plan)
{
    return plan->driver == DRIVE_UPDATED && plan->codes >= 0 && plan->table->code &&
           !plan->no_codes;
}

bool search_plan_avoid_codes(struct search_plan *plan)
{
    bool any = search_plan_tests_codes(plan);

    plan->no_codes = true;
    for (size_t i = 0; i < plan->term_count; i++) {
        for (size_t k = 0; k < plan->terms[i].link_count; k++) {
            struct search_plan *linked = plan->terms[i].links[k].plan;

            any |= linked->codes >= 0 && !linked->no_codes;
            any |= search_plan_avoid_codes(linked);
            search_plan_choose(linked, SEARCH_COUNT, 0);
        }
    }
    return any;
}

/* Whether one index answers all alternatives of a term. */
bool search_term_is_uniform(const struct search_term *term)
{
    for (size_t i = 1; i < term->atom_count; i++)
        if (term->atoms[i].kind != term->atoms[0].kind)
            return false;
    return term->atom_count > 0 && !term->negated;
}
