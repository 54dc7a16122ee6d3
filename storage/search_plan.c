/*
 * Search plan - reading a query for what it can be driven by, and taking a choice.
 */

#include "storage/search_plan.h"

#include "fhir/type.h"
#include "storage/search_cost.h"
#include "storage/search_order.h"
#include "storage/search_sql.h"

static void note_terms(struct search_plan *plan);
static void take(struct search_plan *plan, enum search_driver driver, enum search_mode mode,
                 int driving);
static bool can_drive(const struct search_plan *plan, enum search_driver driver, int driving);
static bool can_order(struct search_plan *plan, enum search_driver driver, enum search_mode mode,
                      int driving);

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
    search_bound_dates(plan);
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
    struct search_candidate cheapest;

    search_order_by_sort(plan);
    if (!search_cheapest(plan, purpose, limit, &cheapest))
        return false;
    take(plan, cheapest.driver, cheapest.mode, cheapest.driving);
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
    if (driver < 0 || driver > DRIVE_ALL || mode < 0 || mode > MODE_SORT || driving < -1 ||
        driving >= (int64_t)plan->term_count ||
        !can_drive(plan, (enum search_driver)driver, (int)driving) ||
        !can_order(plan, (enum search_driver)driver, (enum search_mode)mode, (int)driving))
        return false;
    search_order_by_sort(plan);
    take(plan, (enum search_driver)driver, (enum search_mode)mode, (int)driving);
    return true;
}

/* A cursor is signed, but an older program may have made it. */
static bool can_drive(const struct search_plan *plan, enum search_driver driver, int driving)
{
    bool sorted_by_side =
        plan->query->sort_count == 1 && search_index_key(plan, DRIVE_SIDE, -1).h != 0;

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
    case DRIVE_UPDATED:
    case DRIVE_ALL:
        return true;
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
    struct search_key key = search_index_key(plan, driver, driving);
    return plan->key_count == 0 || search_same_keys(plan, &key);
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

/* Whether one index answers all alternatives of a term. */
bool search_term_is_uniform(const struct search_term *term)
{
    for (size_t i = 1; i < term->atom_count; i++)
        if (term->atoms[i].kind != term->atoms[0].kind)
            return false;
    return term->atom_count > 0 && !term->negated;
}
