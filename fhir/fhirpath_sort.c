/*
 * FHIRPath's sort(): by keys that are expressions.
 */

#include "fhir/fhirpath_functions.h"

#include "base/arena.h"
#include "fhir/fhirpath_eval.h"
#include "fhir/fhirpath_value.h"

struct sort_key {
    struct fhirpath_value value;
    bool found;
};

struct sort_item {
    const struct fhirpath_value *value;
    struct sort_key *keys;
};

struct sort {
    const struct expr *const *args;
    bool *descending;
    unsigned count; /* of keys, at least one */
};

/* A minus before a key means descending, for any type. */
static bool sort_keys(struct eval *eval, const struct sort *sort, const struct scope *scope,
                      struct sort_item *item)
{
    if (!eval_memory(eval, sort->count * sizeof(*item->keys)))
        return false;
    item->keys = arena_many(eval->arena, struct sort_key, sort->count);
    for (unsigned i = 0; i < sort->count; i++) {
        struct scope inner = {item->value, scope->total, 0};
        const struct expr *key = sort->args ? sort->args[i] : NULL;

        if (!key) {
            item->keys[i].found = value_to_system(eval, item->value, &item->keys[i].value);
            continue;
        }
        if (sort->descending[i])
            key = key->left;
        if (!eval_one(eval, key, &inner, &item->keys[i].value, &item->keys[i].found))
            return false;
    }
    return true;
}

/* Empty sorts first, whatever the direction. */
static bool sort_compare(struct eval *eval, const struct sort *sort, const struct sort_item *a,
                         const struct sort_item *b, int *result)
{
    *result = 0;
    for (unsigned i = 0; i < sort->count && *result == 0; i++) {
        enum order order = ORDER_EQUAL;

        if (!a->keys[i].found || !b->keys[i].found) {
            *result = a->keys[i].found - b->keys[i].found;
            continue;
        }
        if (!value_compare(eval, &a->keys[i].value, &b->keys[i].value, &order))
            return false;
        if (order != ORDER_UNKNOWN)
            *result = sort->descending[i] ? -(int)order : (int)order;
    }
    return true;
}

/* A merge sort: stable, and able to stop at an error. */
static bool sort_items(struct eval *eval, const struct sort *sort, struct sort_item *items,
                       struct sort_item *spare, size_t count)
{
    size_t half = count / 2, i = 0, j = half, k = 0;

    if (count < 2)
        return true;
    if (!sort_items(eval, sort, items, spare, half) ||
        !sort_items(eval, sort, items + half, spare, count - half))
        return false;
    while (i < half || j < count) {
        int order = i == half ? 1 : -1;

        if (i < half && j < count &&
            (!eval_step(eval) || !sort_compare(eval, sort, &items[i], &items[j], &order)))
            return false;
        spare[k++] = order <= 0 ? items[i++] : items[j++];
    }
    memcpy(items, spare, count * sizeof(*items));
    return true;
}

bool function_sort(struct eval *eval, const struct expr *call, const struct scope *scope,
                   const struct list *focus, struct list *out)
{
    struct sort sort = {.args = call->call.args, .count = call->call.arg_count};
    struct sort_item *items, *spare;

    if (!eval_memory(eval, focus->count * 2 * sizeof(*items)))
        return false;
    items = arena_many(eval->arena, struct sort_item, focus->count);
    spare = arena_many(eval->arena, struct sort_item, focus->count);
    if (sort.count == 0)
        sort.count = 1;
    sort.descending = arena_many(eval->arena, bool, sort.count);
    for (unsigned i = 0; i < call->call.arg_count; i++)
        sort.descending[i] =
            sort.args[i]->evaluate == evaluate_sign && sort.args[i]->literal.integer < 0;
    for (size_t i = 0; i < focus->count; i++) {
        items[i].value = &focus->items[i];
        if (!sort_keys(eval, &sort, scope, &items[i]))
            return false;
    }
    if (!sort_items(eval, &sort, items, spare, focus->count))
        return false;
    for (size_t i = 0; i < focus->count; i++) {
        if (!list_add(eval, out, items[i].value))
            return false;
    }
    return true;
}
