/*
 * Functions on collections - existence, filtering, subsetting, combining,
 * and the tree (FHIRPath 2.0, sections 5.1 to 5.4 and 5.8).
 */

#include "fhir/fhirpath_functions.h"

#include "fhir/fhirpath_eval.h"
#include "fhir/fhirpath_value.h"
#include "fhir/node.h"

static struct scope inside(const struct scope *scope, const struct list *focus, size_t index)
{
    return (struct scope){&focus->items[index], scope->total, (int64_t)index};
}

/* A condition on one item, which must give a boolean or nothing. */
static bool check(struct eval *eval, const struct expr *condition, const struct scope *scope,
                  const struct list *focus, size_t index, enum truth *truth)
{
    struct scope inner = inside(scope, focus, index);

    return eval_truth(eval, condition, &inner, truth);
}

bool function_empty(struct eval *eval, const struct expr *call, const struct scope *scope,
                    const struct list *focus, struct list *out)
{
    (void)call, (void)scope;
    return list_add_boolean(eval, out, focus->count == 0);
}

bool function_exists(struct eval *eval, const struct expr *call, const struct scope *scope,
                     const struct list *focus, struct list *out)
{
    enum truth truth = FALSE;

    if (call->call.arg_count == 0)
        return list_add_boolean(eval, out, focus->count > 0);
    for (size_t i = 0; i < focus->count && truth != TRUE; i++) {
        if (!check(eval, call->call.args[0], scope, focus, i, &truth))
            return false;
    }
    return list_add_boolean(eval, out, truth == TRUE);
}

bool function_all(struct eval *eval, const struct expr *call, const struct scope *scope,
                  const struct list *focus, struct list *out)
{
    enum truth truth = TRUE;

    for (size_t i = 0; i < focus->count && truth == TRUE; i++) {
        if (!check(eval, call->call.args[0], scope, focus, i, &truth))
            return false;
    }
    return list_add_boolean(eval, out, truth == TRUE);
}

/* Whether all (or any) of the booleans are `wanted`. */
static bool quantify(struct eval *eval, const struct expr *call, const struct list *focus, bool all,
                     bool wanted, struct list *out)
{
    bool result = all;

    for (size_t i = 0; i < focus->count; i++) {
        struct fhirpath_value value;

        if (!value_to_system(eval, &focus->items[i], &value) || value.kind != FHIRPATH_BOOLEAN)
            return eval_refuse(eval, "%s() works on booleans", call->call.function->name);
        if (((value.integer != 0) == wanted) != all)
            result = !all;
    }
    return list_add_boolean(eval, out, result);
}

bool function_all_true(struct eval *eval, const struct expr *call, const struct scope *scope,
                       const struct list *focus, struct list *out)
{
    (void)scope;
    return quantify(eval, call, focus, true, true, out);
}

bool function_any_true(struct eval *eval, const struct expr *call, const struct scope *scope,
                       const struct list *focus, struct list *out)
{
    (void)scope;
    return quantify(eval, call, focus, false, true, out);
}

bool function_all_false(struct eval *eval, const struct expr *call, const struct scope *scope,
                        const struct list *focus, struct list *out)
{
    (void)scope;
    return quantify(eval, call, focus, true, false, out);
}

bool function_any_false(struct eval *eval, const struct expr *call, const struct scope *scope,
                        const struct list *focus, struct list *out)
{
    (void)scope;
    return quantify(eval, call, focus, false, false, out);
}

static bool contains_all(struct eval *eval, const struct list *all, const struct list *some,
                         bool *result)
{
    *result = true;
    for (size_t i = 0; i < some->count && *result; i++) {
        if (!list_has(eval, all, &some->items[i], result))
            return false;
    }
    return true;
}

bool function_subset_of(struct eval *eval, const struct expr *call, const struct scope *scope,
                        const struct list *focus, struct list *out)
{
    struct list other = {0};
    bool result;

    return evaluate(eval, call->call.args[0], scope, &other) &&
           contains_all(eval, &other, focus, &result) && list_add_boolean(eval, out, result);
}

bool function_superset_of(struct eval *eval, const struct expr *call, const struct scope *scope,
                          const struct list *focus, struct list *out)
{
    struct list other = {0};
    bool result;

    return evaluate(eval, call->call.args[0], scope, &other) &&
           contains_all(eval, focus, &other, &result) && list_add_boolean(eval, out, result);
}

bool function_count(struct eval *eval, const struct expr *call, const struct scope *scope,
                    const struct list *focus, struct list *out)
{
    (void)call, (void)scope;
    return list_add_integer(eval, out, (int64_t)focus->count);
}

bool function_distinct(struct eval *eval, const struct expr *call, const struct scope *scope,
                       const struct list *focus, struct list *out)
{
    struct list distinct = {0};

    (void)call, (void)scope;
    return list_add_distinct(eval, &distinct, focus) && list_add_all(eval, out, &distinct);
}

bool function_is_distinct(struct eval *eval, const struct expr *call, const struct scope *scope,
                          const struct list *focus, struct list *out)
{
    struct list distinct = {0};

    (void)call, (void)scope;
    return list_add_distinct(eval, &distinct, focus) &&
           list_add_boolean(eval, out, distinct.count == focus->count);
}

bool function_where(struct eval *eval, const struct expr *call, const struct scope *scope,
                    const struct list *focus, struct list *out)
{
    enum truth truth;

    for (size_t i = 0; i < focus->count; i++) {
        if (!check(eval, call->call.args[0], scope, focus, i, &truth))
            return false;
        if (truth == TRUE && !list_add(eval, out, &focus->items[i]))
            return false;
    }
    return true;
}

bool function_select(struct eval *eval, const struct expr *call, const struct scope *scope,
                     const struct list *focus, struct list *out)
{
    for (size_t i = 0; i < focus->count; i++) {
        struct scope inner = inside(scope, focus, i);

        if (!evaluate(eval, call->call.args[0], &inner, out))
            return false;
    }
    return true;
}

/* Until nothing new comes: an item equal to one that is there is not followed. */
bool function_repeat(struct eval *eval, const struct expr *call, const struct scope *scope,
                     const struct list *focus, struct list *out)
{
    struct list found = {0}, step = {0};

    if (!function_select(eval, call, scope, focus, &step) ||
        !list_add_distinct(eval, &found, &step))
        return false;
    for (size_t i = 0; i < found.count; i++) {
        /* `found` may move while it grows. */
        struct fhirpath_value item = found.items[i];
        struct list one = {&item, 1, 1};

        step.count = 0;
        if (!function_select(eval, call, scope, &one, &step) ||
            !list_add_distinct(eval, &found, &step))
            return false;
    }
    return list_add_all(eval, out, &found);
}

bool function_single(struct eval *eval, const struct expr *call, const struct scope *scope,
                     const struct list *focus, struct list *out)
{
    (void)call, (void)scope;
    if (focus->count > 1)
        return eval_refuse(eval, "single() found several items");
    return list_add_all(eval, out, focus);
}

static bool add_slice(struct eval *eval, const struct list *focus, int64_t from, int64_t to,
                      struct list *out)
{
    int64_t count = (int64_t)focus->count;

    for (int64_t i = from < 0 ? 0 : from; i < to && i < count; i++) {
        if (!list_add(eval, out, &focus->items[i]))
            return false;
    }
    return true;
}

bool function_first(struct eval *eval, const struct expr *call, const struct scope *scope,
                    const struct list *focus, struct list *out)
{
    (void)call, (void)scope;
    return add_slice(eval, focus, 0, 1, out);
}

bool function_last(struct eval *eval, const struct expr *call, const struct scope *scope,
                   const struct list *focus, struct list *out)
{
    (void)call, (void)scope;
    return add_slice(eval, focus, (int64_t)focus->count - 1, (int64_t)focus->count, out);
}

bool function_tail(struct eval *eval, const struct expr *call, const struct scope *scope,
                   const struct list *focus, struct list *out)
{
    (void)call, (void)scope;
    return add_slice(eval, focus, 1, (int64_t)focus->count, out);
}

bool function_skip(struct eval *eval, const struct expr *call, const struct scope *scope,
                   const struct list *focus, struct list *out)
{
    int64_t count;
    bool found;

    if (!eval_integer_arg(eval, call, 0, scope, &count, &found))
        return false;
    return !found || add_slice(eval, focus, count, (int64_t)focus->count, out);
}

bool function_take(struct eval *eval, const struct expr *call, const struct scope *scope,
                   const struct list *focus, struct list *out)
{
    int64_t count;
    bool found;

    if (!eval_integer_arg(eval, call, 0, scope, &count, &found))
        return false;
    return !found || add_slice(eval, focus, 0, count, out);
}

bool function_intersect(struct eval *eval, const struct expr *call, const struct scope *scope,
                        const struct list *focus, struct list *out)
{
    struct list other = {0}, both = {0};
    bool has;

    if (!evaluate(eval, call->call.args[0], scope, &other))
        return false;
    for (size_t i = 0; i < focus->count; i++) {
        if (!list_has(eval, &other, &focus->items[i], &has))
            return false;
        if (has && !list_add_new(eval, &both, &focus->items[i]))
            return false;
    }
    return list_add_all(eval, out, &both);
}

bool function_exclude(struct eval *eval, const struct expr *call, const struct scope *scope,
                      const struct list *focus, struct list *out)
{
    struct list other = {0};
    bool has;

    if (!evaluate(eval, call->call.args[0], scope, &other))
        return false;
    for (size_t i = 0; i < focus->count; i++) {
        if (!list_has(eval, &other, &focus->items[i], &has))
            return false;
        if (!has && !list_add(eval, out, &focus->items[i]))
            return false;
    }
    return true;
}

bool function_union(struct eval *eval, const struct expr *call, const struct scope *scope,
                    const struct list *focus, struct list *out)
{
    struct list other = {0}, all = {0}, once = {0};

    return evaluate(eval, call->call.args[0], scope, &other) && list_add_all(eval, &all, focus) &&
           list_add_all(eval, &all, &other) && list_add_distinct(eval, &once, &all) &&
           list_add_all(eval, out, &once);
}

bool function_combine(struct eval *eval, const struct expr *call, const struct scope *scope,
                      const struct list *focus, struct list *out)
{
    return list_add_all(eval, out, focus) && evaluate(eval, call->call.args[0], scope, out);
}

static bool add_children(struct eval *eval, const struct node *node, bool deep, struct list *out)
{
    for (const struct node *child = node->first; child; child = child->next) {
        if (!list_add_node(eval, out, child) || (deep && !add_children(eval, child, deep, out)))
            return false;
    }
    return true;
}

static bool add_below(struct eval *eval, const struct list *focus, bool deep, struct list *out)
{
    for (size_t i = 0; i < focus->count; i++) {
        if (focus->items[i].kind == FHIRPATH_NODE &&
            !add_children(eval, focus->items[i].node, deep, out))
            return false;
    }
    return true;
}

bool function_children(struct eval *eval, const struct expr *call, const struct scope *scope,
                       const struct list *focus, struct list *out)
{
    (void)call, (void)scope;
    return add_below(eval, focus, false, out);
}

bool function_descendants(struct eval *eval, const struct expr *call, const struct scope *scope,
                          const struct list *focus, struct list *out)
{
    (void)call, (void)scope;
    return add_below(eval, focus, true, out);
}

bool function_aggregate(struct eval *eval, const struct expr *call, const struct scope *scope,
                        const struct list *focus, struct list *out)
{
    struct list total = {0};

    if (call->call.arg_count > 1 && !evaluate(eval, call->call.args[1], scope, &total))
        return false;
    for (size_t i = 0; i < focus->count; i++) {
        struct scope inner = {&focus->items[i], &total, (int64_t)i};
        struct list next = {0};

        if (!evaluate(eval, call->call.args[0], &inner, &next))
            return false;
        total = next;
    }
    return list_add_all(eval, out, &total);
}
