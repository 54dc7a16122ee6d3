/*
 * Search order - in which order rows can come, and in which they are wanted.
 */

#include "storage/search_order.h"

#include "base/err.h"

#include <assert.h>

static bool same_keys(const struct search_plan *plan, const struct search_key *key);
static struct search_key sort_key(const struct search_plan *plan, const struct query_sort *sort);
static bool has_many_patients(const struct search_plan *plan);
static bool newest_first(const struct search_plan *plan);

void search_order_by_sort(struct search_plan *plan)
{
    const struct query *query = plan->query;

    assert(query->sort_count <= SEARCH_KEYS_MAX);
    plan->key_count = 0;
    for (size_t i = 0; i < query->sort_count; i++) {
        plan->keys[plan->key_count++] = sort_key(plan, &query->sorts[i]);
        if (query->sorts[i].subject == QUERY_ID && !plan->tokens.contained)
            break; /* nothing is left to be told apart */
    }
}

static struct search_key sort_key(const struct search_plan *plan, const struct query_sort *sort)
{
    struct search_key key = {.descending = sort->descending};

    if (sort->subject == QUERY_ID) {
        key.kind = KEY_ID;
    } else if (sort->subject == QUERY_LAST_UPDATED) {
        key.kind = KEY_UPDATED;
    } else if (sort->param == plan->columns->date && !plan->columns->date_repeats) {
        key.kind = KEY_DATE;
    } else if (sort->param == plan->columns->quantity) {
        key.kind = KEY_QUANTITY;
    } else {
        key.kind = sort->param->search_type == SEARCH_STRING ? KEY_STRINGS
                   : sort->param->search_type == SEARCH_DATE ? KEY_DATES
                                                             : KEY_NUMBERS;
        key.h = key.presence = token_param(&plan->tokens, sort->param);
        key.with_column = sort->param == plan->columns->date;
    }
    return key;
}

/* Where the client does not say: what is new is mostly wanted. Of patients the oldest come first:
 * more is known of them, so that what is asked of others about them is found sooner. */
static bool newest_first(const struct search_plan *plan)
{
    return plan->keys[0].kind == KEY_DATE && !plan->columns->own_patient;
}

void search_order_by_index(struct search_plan *plan)
{
    bool descending = plan->key_count > 0 && plan->keys[0].descending;
    bool sorted = plan->key_count > 0;

    plan->keys[0] = search_index_key(plan, plan->driver, plan->driving);
    plan->keys[0].descending = sorted ? descending : newest_first(plan);
    plan->key_count = 1;
}

/* One patient after the other: what comes first is there before the last is looked at. */
static bool has_many_patients(const struct search_plan *plan)
{
    return plan->terms[plan->patients].patient_count != 1;
}

struct search_key search_index_key(const struct search_plan *plan, enum search_driver driver,
                                   int driving)
{
    static const enum search_key_kind kinds[] = {
        [ATOM_STRINGS] = KEY_STRINGS,
        [ATOM_DATES] = KEY_DATES,
        [ATOM_NUMBERS] = KEY_NUMBERS,
    };

    if (driver == DRIVE_UPDATED)
        return (struct search_key){.kind = KEY_UPDATED};
    if (driver == DRIVE_IDS)
        return (struct search_key){.kind = KEY_ID};
    if ((driver == DRIVE_PATIENT || driver == DRIVE_PATIENT_CODE) && has_many_patients(plan))
        return (struct search_key){.kind = KEY_PATIENT};
    if (driver == DRIVE_CODE_QUANTITY)
        return (struct search_key){.kind = KEY_QUANTITY};
    if (driver != DRIVE_SIDE)
        return (struct search_key){.kind = KEY_DATE};
    if (driving < 0)
        return sort_key(plan, &plan->query->sorts[0]);
    return (struct search_key){.kind = kinds[plan->terms[driving].atoms[0].kind],
                               .h = plan->terms[driving].atoms[0].hashes[0]};
}

/* Whether rows come in an order by which paging can go on. */
bool search_index_is_ordered(const struct search_plan *plan, enum search_driver driver, int driving)
{
    switch (driver) {
    case DRIVE_PATIENT_CODE:
        return has_many_patients(plan) ||
               (plan->columns->date && plan->terms[plan->codes].code_count == 1);
    case DRIVE_PATIENT:
        return has_many_patients(plan) || plan->columns->date;
    case DRIVE_CODE:
        return plan->columns->date && plan->terms[plan->codes].code_count == 1;
    case DRIVE_CODE_QUANTITY:
    case DRIVE_DATE:
    case DRIVE_UPDATED:
    case DRIVE_IDS:
        return true;
    case DRIVE_SIDE:
        return driving < 0 || search_term_is_range(&plan->terms[driving]);
    case DRIVE_KEYS:
    case DRIVE_TOKENS:
    case DRIVE_QUANTITY:
    case DRIVE_LINK:
    case DRIVE_WITHOUT:
    case DRIVE_ALL:
        return false;
    }
    return false;
}

bool search_term_is_range(const struct search_term *term)
{
    const struct search_atom *atom = &term->atoms[0];

    return term->atom_count == 1 && atom->hash_count == 1 && !term->negated &&
           atom->kind != ATOM_NEAR && atom->kind != ATOM_WORDS &&
           (atom->kind == ATOM_STRINGS ? atom->mode != STRING_CONTAINS
                                       : atom->value->prefix != PREFIX_NE);
}

/* Of a range of values, the first is not the first of all that a resource has. */
bool search_gives_order(const struct search_plan *plan, enum search_driver driver, int driving)
{
    struct search_key key = search_index_key(plan, driver, driving);

    if (plan->key_count == 0)
        return true;
    if (driver == DRIVE_SIDE && driving >= 0)
        return false;
    return same_keys(plan, &key);
}

static bool same_keys(const struct search_plan *plan, const struct search_key *key)
{
    return plan->key_count == 1 && plan->keys[0].kind == key->kind && plan->keys[0].h == key->h;
}
