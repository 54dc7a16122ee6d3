/*
 * Search cost - candidates for what drives, what each would read, and the cheapest.
 *
 * The estimates are rough on purpose: they need to tell one row from a
 * thousand from a million, no more.
 */

#include "storage/search_cost.h"

#include "base/clock.h"
#include "fhir/query_near.h"
#include "fhir/query_words.h"
#include "storage/search_contains.h"
#include "storage/search_ids.h"
#include "storage/search_link.h"
#include "storage/search_order.h"
#include "storage/search_stats.h"
#include "storage/search_without.h"
#include "storage/words.h"

#include <math.h>

static const double day_us = 86400e6;

/* Guesses where no statistics are kept. Rows that others speak of lie together, often where one
 * comes last: so much more are read until a page is full than if they lay evenly. */
static const double rows_of_patient = 200, rows_of_patient_code = 10, open_range = 0.3,
                    some_numbers = 0.1, codes_of_table = 500, link_cost = 5, link_risk = 30;

/* One choice under way. */
struct choice {
    const struct search_plan *plan;
    enum search_purpose purpose;
    double limit, rows;
    double before; /* rows read before the driver gives its first */
    struct search_candidate best;
};

static void consider_columns(struct choice *choice);
static bool drives_by_patient(const struct search_plan *plan);
static double patients_of(const struct search_plan *plan);
static double before_patients(const struct search_plan *plan);
static double rows_of_patients(const struct search_plan *plan);
static bool drives_by_code(const struct search_plan *plan);
static double rows_by_code(const struct search_plan *plan, double rows);
static void consider_terms(struct choice *choice);
static void consider_link(struct choice *choice, int i);
static void consider_walks(struct choice *choice);
static void consider(struct choice *choice, enum search_driver driver, int driving, double rows,
                     double rest);
static bool checks_links(const struct search_plan *plan, enum search_driver driver, int driving);
static double rest_of(const struct search_plan *plan, int a, int b, double rows);
static double selectivity(const struct search_plan *plan, int i, double rows);
static double atom_share(const struct search_plan *plan, const struct search_atom *atom,
                         double rows);
static double quantity_share(const struct search_plan *plan, const struct query_value *value);
static double time_share(const struct query_value *value);
static double near_share(const struct query_near *near);
static double words_share(const struct search_plan *plan, const struct search_atom *atom,
                          double rows);
static double words_rows(const struct search_plan *plan, const struct query_words *asked,
                         bool stems, double rows);
static double phrase_rows(const struct search_plan *plan, const struct query_words *asked,
                          bool stems);

bool search_cheapest(const struct search_plan *plan, enum search_purpose purpose, unsigned limit,
                     struct search_candidate *cheapest)
{
    struct choice choice = {
        .plan = plan,
        .purpose = purpose,
        .limit = purpose == SEARCH_COUNT ? INFINITY : limit,
        .rows = search_stats_rows(plan->store, plan->table),
        .best = {.cost = INFINITY},
    };

    consider_columns(&choice);
    consider_terms(&choice);
    consider_walks(&choice);
    *cheapest = choice.best;
    return !isinf(choice.best.cost);
}

double search_cost_matches(const struct search_plan *plan)
{
    double rows = search_stats_rows(plan->store, plan->table);

    return rows * rest_of(plan, -1, -1, rows);
}

double search_cost_rows_read(const struct search_plan *plan)
{
    return plan->cost;
}

static void consider_columns(struct choice *choice)
{
    const struct search_plan *plan = choice->plan;
    bool patient = drives_by_patient(plan), code = drives_by_code(plan);
    double rows = choice->rows, patients = patient ? patients_of(plan) : 0;

    choice->before = patient ? before_patients(plan) : 0;
    if (patient && code)
        consider(choice, DRIVE_PATIENT_CODE, -1,
                 rows_of_patient_code * patients * (double)plan->terms[plan->codes].code_count,
                 rest_of(plan, plan->patients, plan->codes, rows));
    if (patient)
        consider(choice, DRIVE_PATIENT, -1, rows_of_patient * patients,
                 rest_of(plan, plan->patients, -1, rows));
    choice->before = 0;
    if (plan->quantity >= 0 && plan->table->vq && !plan->table->shared &&
        search_plan_has_range(plan))
        consider(choice, DRIVE_QUANTITY, -1,
                 codes_of_table + selectivity(plan, plan->quantity, rows) * rows,
                 rest_of(plan, plan->quantity, -1, rows));
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

/* How many patients are asked for; and how many rows are read to know which. */
static double patients_of(const struct search_plan *plan)
{
    const struct search_term *term = &plan->terms[plan->patients];

    return term->link_count ? term->links[0].matches : (double)term->patient_count;
}

static double before_patients(const struct search_plan *plan)
{
    const struct search_term *term = &plan->terms[plan->patients];

    return term->link_count ? search_cost_rows_read(term->links[0].plan) : 0;
}

static bool drives_by_code(const struct search_plan *plan)
{
    return plan->codes >= 0 && plan->table->code && !plan->no_codes;
}

static double rows_by_code(const struct search_plan *plan, double rows)
{
    return fmax(1, selectivity(plan, plan->codes, rows) * rows);
}

/* No token is looked for among all rows where those of a few patients will do: what is not known to
 * be frequent may be so by now, after a load that statistics do not show yet. */
static double rows_of_patients(const struct search_plan *plan)
{
    const size_t few = 5;
    size_t count = drives_by_patient(plan) ? plan->terms[plan->patients].patient_count : 0;

    return count <= few ? rows_of_patient * (double)count : 0;
}

/* A range that contains any text is the whole index. */
static bool looks_at_all(const struct search_plan *plan, const struct search_term *term)
{
    return term->atoms[0].kind == ATOM_STRINGS && term->atoms[0].mode == STRING_CONTAINS &&
           !search_contains_all_indexed(plan, term);
}

static void consider_terms(struct choice *choice)
{
    const struct search_plan *plan = choice->plan;

    for (int i = 0; i < (int)plan->term_count; i++) {
        const struct search_term *term = &plan->terms[i];
        int64_t token;

        if (term->link_count > 0 && !term->negated && !search_link_is_patients(term))
            consider_link(choice, i);
        if (search_without_index(plan, i, &token))
            consider(choice, DRIVE_WITHOUT, i,
                     choice->rows - search_stats_token(plan->store, plan->table, token) + 1,
                     rest_of(plan, i, -1, choice->rows));
        if (!search_term_is_uniform(term))
            continue;

        double found = selectivity(plan, i, choice->rows) * choice->rows;
        double rest = rest_of(plan, i, -1, choice->rows);
        switch (term->atoms[0].kind) {
        case ATOM_KEYS:
            consider(choice, DRIVE_KEYS, i, found, rest);
            break;
        case ATOM_TOKENS:
            consider(choice, DRIVE_TOKENS, i, fmax(found, rows_of_patients(plan)) + 1, rest);
            break;
        case ATOM_STRINGS:
        case ATOM_DATES:
        case ATOM_NUMBERS:
        case ATOM_NEAR: /* a range that contains any text is the whole index */
        case ATOM_WORDS:
            consider(choice, DRIVE_SIDE, i,
                     1.5 * (looks_at_all(plan, term) ? choice->rows : found) + 2, rest);
            break;
        default:
            break;
        }
    }
}

/* All keys are found; of rows, as many are fetched as the page takes. */
static void consider_link(struct choice *choice, int i)
{
    const struct search_term *term = &choice->plan->terms[i];
    double found = fmin(choice->rows, search_link_found(term));

    choice->before = search_link_read(term) + 1;
    consider(choice, DRIVE_LINK, i, found, rest_of(choice->plan, i, -1, choice->rows));
    choice->before = 0;
}

/* Indexes that hold all rows, or a range of time. */
static void consider_walks(struct choice *choice)
{
    const struct search_plan *plan = choice->plan;
    double rows = choice->rows, all = rest_of(plan, -1, -1, rows);

    if (plan->table->d && plan->columns->date)
        consider(choice, DRIVE_DATE, -1, 2 + rows * (plan->dates.bounded ? 0.5 : 1), all);
    for (int i = 0; i < (int)plan->term_count; i++) {
        if (plan->terms[i].param->param == plan->columns->date && plan->dates.bounded)
            consider(choice, DRIVE_DATE, -1, 2 + selectivity(plan, i, rows) * rows,
                     rest_of(plan, i, -1, rows));
        if (plan->terms[i].param->subject == QUERY_LAST_UPDATED && !plan->tokens.contained)
            consider(choice, DRIVE_UPDATED, i, 2 + 2 * selectivity(plan, i, rows) * rows,
                     rest_of(plan, i, -1, rows));
    }
    if (plan->key_count == 1 && plan->keys[0].kind == KEY_UPDATED && !plan->tokens.contained)
        consider(choice, DRIVE_UPDATED, -1, 2 * rows, all);
    if (plan->key_count == 1 && plan->keys[0].h && !plan->keys[0].with_column &&
        choice->purpose != SEARCH_COUNT)
        consider(choice, DRIVE_SIDE, -1, 2 * rows, all);
    if (search_ids_give_order(plan) && choice->purpose != SEARCH_COUNT)
        consider(choice, DRIVE_IDS, -1, 2 * rows, all);
    consider(choice, DRIVE_ALL, -1, 1.1 * rows, all);
}

/* `rows` are what the driver finds, `rest` is the share of them that the
 * other criteria leave. */
static void consider(struct choice *choice, enum search_driver driver, int driving, double rows,
                     double rest)
{
    const struct search_plan *plan = choice->plan;
    struct search_candidate candidate = {.driver = driver, .driving = driving, .mode = MODE_KEY};
    bool sorted = plan->key_count > 0 && choice->purpose != SEARCH_COUNT;
    bool links = checks_links(plan, driver, driving);
    bool walks = driver == DRIVE_ALL || driver == DRIVE_DATE || driver == DRIVE_UPDATED;
    double read = rows * (links && !walks ? link_cost : 1), risk = links ? link_risk : 1;

    if (choice->purpose == SEARCH_COUNT) {
        candidate.mode = MODE_KEY;
    } else if (search_index_is_ordered(plan, driver, driving)) {
        candidate.mode =
            sorted && !search_gives_order(plan, driver, driving) ? MODE_SORT : MODE_INDEX;
    } else if (sorted) {
        candidate.mode = MODE_SORT;
    }

    if (candidate.mode != MODE_INDEX && driver == DRIVE_DATE && !plan->dates.bounded)
        return; /* it only gives the order */
    if (candidate.mode == MODE_SORT && (choice->purpose == SEARCH_WALK || rows * rest > 1e7))
        return;
    if (candidate.mode == MODE_SORT && rows * rest > SEARCH_SORT_MAX)
        read = 1e9 + rows; /* it will probably fail */
    if (candidate.mode == MODE_INDEX ||
        (candidate.mode == MODE_KEY &&
         (driver == DRIVE_ALL || driver == DRIVE_LINK || driver == DRIVE_WITHOUT)))
        read = fmin(read, risk * choice->limit / fmax(rest, 1e-9));
    candidate.cost = choice->before + read;
    if (candidate.cost < choice->best.cost)
        choice->best = candidate;
}

/* Whether each row that the driver finds is looked for in other tables, too. */
static bool checks_links(const struct search_plan *plan, enum search_driver driver, int driving)
{
    bool by_patient = driver == DRIVE_PATIENT || driver == DRIVE_PATIENT_CODE;

    for (int i = 0; i < (int)plan->term_count; i++)
        if (plan->terms[i].link_count > 0 && i != driving && !(by_patient && i == plan->patients))
            return true;
    return false;
}

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

    if (term->link_count > 0)
        share = search_link_found(term) / rows;
    if (term->patient_count > 0)
        return fmin(1, rows_of_patient * (double)term->patient_count / rows);
    for (size_t k = 0; k < term->atom_count; k++)
        if (i != plan->quantity || term->atoms[k].kind == ATOM_QUANTITY) /* others are few */
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
        return atom->mode == STRING_CONTAINS
                   ? (search_contains_is_indexed(plan, atom) ? 0.0005 : 0.05)
               : atom->mode == STRING_EQUAL ? 0.0005
                                            : pow(0.2, fmin(4, (double)atom->norm.size));
    case ATOM_QUANTITY:
        return quantity_share(plan, atom->value);
    case ATOM_NUMBERS:
        return some_numbers;
    case ATOM_NEAR:
        return near_share(atom->value->near);
    case ATOM_WORDS:
        return words_share(plan, atom, rows);
    }
    return 1;
}

static double quantity_share(const struct search_plan *plan, const struct query_value *value)
{
    double low = search_stats_quantity(plan->store, plan->table, value->number_low);
    double high = search_stats_quantity(plan->store, plan->table, value->number_high);
    const double least = 0.003; /* what lies between two bounds is not known */

    if (low < 0)
        return some_numbers;
    switch (value->prefix) {
    case PREFIX_EQ:
    case PREFIX_AP:
        return fmax(least, high - low);
    case PREFIX_GT:
    case PREFIX_GE:
    case PREFIX_SA:
        return fmax(least, 1 - high);
    case PREFIX_NE:
        return 1;
    default:
        return fmax(least, low);
    }
}

/* As if everything had happened evenly within ten years. */
static double time_share(const struct query_value *value)
{
    const double era = 3652 * day_us;
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

/* As if people lived evenly between the sixtieth parallels. */
static double near_share(const struct query_near *near)
{
    return fmin(1, (near->north - near->south) / 120);
}

static double words_share(const struct search_plan *plan, const struct search_atom *atom,
                          double rows)
{
    bool stems = strcmp(atom->configuration, WORDS_CONFIGURATION) != 0;
    double of = search_stats_words_of(plan->store, plan->table, atom->hashes[0]);

    return fmin(1, of * words_rows(plan, atom->value->words, stems, rows) / rows);
}

static double words_rows(const struct search_plan *plan, const struct query_words *asked,
                         bool stems, double rows)
{
    double all = rows, any = 0;

    if (asked->kind == WORDS_PHRASE)
        return phrase_rows(plan, asked, stems);
    if (asked->kind == WORDS_NOT)
        return fmax(0, rows - words_rows(plan, asked->parts, stems, rows));
    for (const struct query_words *part = asked->parts; part; part = part->next) {
        double found = words_rows(plan, part, stems, rows);

        all = fmin(all, found);
        any += found;
    }
    return asked->kind == WORDS_ALL ? all : any;
}

/* As many as have the rarest of its words. What a configuration leaves of a word is taken to be
 * where it begins. */
static double phrase_rows(const struct search_plan *plan, const struct query_words *asked,
                          bool stems)
{
    const size_t ending = 5, least = 3;
    struct text rest = asked->phrase, word;
    double found = INFINITY;

    while (text_next(&rest, ' ', &word)) {
        bool begins = asked->begins && !rest.data;
        double of_word = search_stats_word(plan->store, plan->table, word, begins);
        struct text stem = word;

        while (stems && stem.size > least && stem.size + ending > word.size) {
            stem.size--;
            of_word = fmax(of_word, search_stats_word(plan->store, plan->table, stem, false));
        }
        found = fmin(found, of_word);
    }
    return found;
}
