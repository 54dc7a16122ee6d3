/*
 * FHIRPath's functions - the table, and those on types, of general use, and
 * FHIR's own (R4 fhirpath.html#functions).
 */

#include "fhir/fhirpath_functions.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/count.h"
#include "fhir/fhirpath_eval.h"
#include "fhir/fhirpath_value.h"
#include "fhir/node.h"

static function_fn function_not, function_iif, function_is, function_as, function_of_type,
    function_type, function_trace, function_now, function_today, function_time_of_day,
    function_extension, function_has_extension, function_has_value, function_get_value,
    function_resolve;

enum { ON_EMPTY = FUNCTION_ON_EMPTY, ON_ONE = FUNCTION_ON_ONE, TYPE = FUNCTION_TAKES_TYPE };

/* Sorted by name. */
static const struct function functions[] = {
    {"abs", 0, 0, ON_ONE, function_abs},
    {"aggregate", 1, 2, ON_EMPTY, function_aggregate},
    {"all", 1, 1, ON_EMPTY, function_all},
    {"allFalse", 0, 0, ON_EMPTY, function_all_false},
    {"allTrue", 0, 0, ON_EMPTY, function_all_true},
    {"anyFalse", 0, 0, ON_EMPTY, function_any_false},
    {"anyTrue", 0, 0, ON_EMPTY, function_any_true},
    {"as", 1, 1, TYPE, function_as},
    {"ceiling", 0, 0, ON_ONE, function_ceiling},
    {"checkModifiers", 0, CALL_ARGS_MAX, 0, function_check_modifiers},
    {"children", 0, 0, 0, function_children},
    {"combine", 1, 1, ON_EMPTY, function_combine},
    {"comparable", 1, 1, ON_ONE, function_comparable},
    {"conformsTo", 1, 1, ON_ONE, function_conforms_to},
    {"contains", 1, 1, ON_ONE, function_contains},
    {"convertsToBoolean", 0, 0, ON_ONE, function_converts},
    {"convertsToDate", 0, 0, ON_ONE, function_converts},
    {"convertsToDateTime", 0, 0, ON_ONE, function_converts},
    {"convertsToDecimal", 0, 0, ON_ONE, function_converts},
    {"convertsToInteger", 0, 0, ON_ONE, function_converts},
    {"convertsToQuantity", 0, 1, ON_ONE, function_converts},
    {"convertsToString", 0, 0, ON_ONE, function_converts},
    {"convertsToTime", 0, 0, ON_ONE, function_converts},
    {"count", 0, 0, ON_EMPTY, function_count},
    {"decode", 1, 1, ON_ONE, function_transform},
    {"descendants", 0, 0, 0, function_descendants},
    {"distinct", 0, 0, 0, function_distinct},
    {"elementDefinition", 0, 0, 0, function_element_definition},
    {"empty", 0, 0, ON_EMPTY, function_empty},
    {"encode", 1, 1, ON_ONE, function_transform},
    {"endsWith", 1, 1, ON_ONE, function_ends_with},
    {"escape", 1, 1, ON_ONE, function_transform},
    {"exclude", 1, 1, 0, function_exclude},
    {"exists", 0, 1, ON_EMPTY, function_exists},
    {"exp", 0, 0, ON_ONE, function_exp},
    {"extension", 1, 1, 0, function_extension},
    {"first", 0, 0, 0, function_first},
    {"floor", 0, 0, ON_ONE, function_floor},
    {"getValue", 0, 0, ON_ONE, function_get_value},
    {"hasExtension", 1, 1, ON_EMPTY, function_has_extension},
    {"hasValue", 0, 0, ON_EMPTY, function_has_value},
    {"highBoundary", 0, 1, ON_ONE, function_high_boundary},
    {"htmlChecks", 0, 0, ON_ONE, function_html_checks},
    {"iif", 2, 3, ON_EMPTY, function_iif},
    {"indexOf", 1, 1, ON_ONE, function_index_of},
    {"intersect", 1, 1, 0, function_intersect},
    {"is", 1, 1, TYPE | ON_ONE, function_is},
    {"isDistinct", 0, 0, ON_EMPTY, function_is_distinct},
    {"join", 0, 1, 0, function_join},
    {"last", 0, 0, 0, function_last},
    {"lastIndexOf", 1, 1, ON_ONE, function_last_index_of},
    {"length", 0, 0, ON_ONE, function_length},
    {"ln", 0, 0, ON_ONE, function_ln},
    {"log", 1, 1, ON_ONE, function_log},
    {"lowBoundary", 0, 1, ON_ONE, function_low_boundary},
    {"lower", 0, 0, ON_ONE, function_lower},
    {"matches", 1, 1, ON_ONE, function_matches},
    {"matchesFull", 1, 1, ON_ONE, function_matches_full},
    {"memberOf", 1, 1, ON_ONE, function_member_of},
    {"not", 0, 0, ON_ONE, function_not},
    {"now", 0, 0, ON_EMPTY, function_now},
    {"ofType", 1, 1, TYPE, function_of_type},
    {"power", 1, 1, ON_ONE, function_power},
    {"precision", 0, 0, ON_ONE, function_precision},
    {"repeat", 1, 1, 0, function_repeat},
    {"replace", 2, 2, ON_ONE, function_replace},
    {"replaceMatches", 2, 2, ON_ONE, function_replace_matches},
    {"resolve", 0, 0, 0, function_resolve},
    {"round", 0, 1, ON_ONE, function_round},
    {"select", 1, 1, 0, function_select},
    {"single", 0, 0, 0, function_single},
    {"skip", 1, 1, 0, function_skip},
    {"slice", 2, 2, 0, function_slice},
    {"sort", 0, CALL_ARGS_MAX, 0, function_sort},
    {"split", 1, 1, ON_ONE, function_split},
    {"sqrt", 0, 0, ON_ONE, function_sqrt},
    {"startsWith", 1, 1, ON_ONE, function_starts_with},
    {"subsetOf", 1, 1, ON_EMPTY, function_subset_of},
    {"substring", 1, 2, ON_ONE, function_substring},
    {"subsumedBy", 1, 1, ON_ONE, function_subsumed_by},
    {"subsumes", 1, 1, ON_ONE, function_subsumes},
    {"supersetOf", 1, 1, ON_EMPTY, function_superset_of},
    {"tail", 0, 0, 0, function_tail},
    {"take", 1, 1, 0, function_take},
    {"timeOfDay", 0, 0, ON_EMPTY, function_time_of_day},
    {"toBoolean", 0, 0, ON_ONE, function_convert},
    {"toChars", 0, 0, ON_ONE, function_to_chars},
    {"toDate", 0, 0, ON_ONE, function_convert},
    {"toDateTime", 0, 0, ON_ONE, function_convert},
    {"toDecimal", 0, 0, ON_ONE, function_convert},
    {"toInteger", 0, 0, ON_ONE, function_convert},
    {"toQuantity", 0, 1, ON_ONE, function_convert},
    {"toString", 0, 0, ON_ONE, function_convert},
    {"toTime", 0, 0, ON_ONE, function_convert},
    {"today", 0, 0, ON_EMPTY, function_today},
    {"trace", 1, 2, 0, function_trace},
    {"trim", 0, 0, ON_ONE, function_trim},
    {"truncate", 0, 0, ON_ONE, function_truncate},
    {"type", 0, 0, 0, function_type},
    {"unescape", 1, 1, ON_ONE, function_transform},
    {"union", 1, 1, ON_EMPTY, function_union},
    {"upper", 0, 0, ON_ONE, function_upper},
    {"where", 1, 1, 0, function_where},
};

const struct function *function_find(struct text name)
{
    size_t low = 0, high = COUNT(functions);

    while (low < high) {
        size_t middle = (low + high) / 2;
        struct text row = text_of(functions[middle].name);
        int order = memcmp(name.data, row.data, name.size < row.size ? name.size : row.size);

        if (order == 0 && name.size == row.size)
            return &functions[middle];
        if (order < 0 || (order == 0 && name.size < row.size))
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static bool function_not(struct eval *eval, const struct expr *call, const struct scope *scope,
                         const struct list *focus, struct list *out)
{
    enum truth truth;

    (void)call, (void)scope;
    return list_truth(eval, focus, &truth) && list_add_boolean(eval, out, truth == FALSE);
}

/* Only the branch that is chosen is evaluated. */
static bool function_iif(struct eval *eval, const struct expr *call, const struct scope *scope,
                         const struct list *focus, struct list *out)
{
    struct scope inner = *scope;
    struct fhirpath_value value;
    bool found;

    if (call->left && focus->count > 1)
        return eval_refuse(eval, "iif() works on one item, but there are several");
    if (call->left && focus->count == 1)
        inner.this = &focus->items[0];
    if (!eval_one(eval, call->call.args[0], &inner, &value, &found))
        return false;
    if (found && value.kind != FHIRPATH_BOOLEAN)
        return eval_refuse(eval, "the condition of iif() is no boolean");
    if (found && value.integer)
        return evaluate(eval, call->call.args[1], &inner, out);
    return call->call.arg_count < 3 || evaluate(eval, call->call.args[2], &inner, out);
}

static bool function_is(struct eval *eval, const struct expr *call, const struct scope *scope,
                        const struct list *focus, struct list *out)
{
    (void)scope;
    return list_add_boolean(eval, out, value_has_type(&focus->items[0], &call->call.type, false));
}

static bool function_of_type(struct eval *eval, const struct expr *call, const struct scope *scope,
                             const struct list *focus, struct list *out)
{
    (void)scope;
    for (size_t i = 0; i < focus->count; i++) {
        if (value_has_type(&focus->items[i], &call->call.type, true) &&
            !list_add(eval, out, &focus->items[i]))
            return false;
    }
    return true;
}

static bool function_as(struct eval *eval, const struct expr *call, const struct scope *scope,
                        const struct list *focus, struct list *out)
{
    if (focus->count > 1 && !eval->context->search_rules)
        return eval_refuse(eval, "as() works on one item, but there are several");
    return function_of_type(eval, call, scope, focus, out);
}

static bool function_type(struct eval *eval, const struct expr *call, const struct scope *scope,
                          const struct list *focus, struct list *out)
{
    static const char *const system[] = {
        [FHIRPATH_BOOLEAN] = "Boolean",    [FHIRPATH_STRING] = "String",
        [FHIRPATH_INTEGER] = "Integer",    [FHIRPATH_DECIMAL] = "Decimal",
        [FHIRPATH_DATE] = "Date",          [FHIRPATH_DATETIME] = "DateTime",
        [FHIRPATH_TIME] = "Time",          [FHIRPATH_QUANTITY] = "Quantity",
        [FHIRPATH_TYPE_INFO] = "TypeInfo",
    };

    (void)call, (void)scope;
    for (size_t i = 0; i < focus->count; i++) {
        const struct fhirpath_value *value = &focus->items[i];
        bool fhir = value->kind == FHIRPATH_NODE || value->kind == FHIRPATH_REFERENCED;
        struct fhirpath_value info = {.kind = FHIRPATH_TYPE_INFO, .unit = TEXT("System")};

        info.text = text_of(fhir ? fhirpath_type_name(value) : system[value->kind]);
        if (fhir)
            info.unit = TEXT("FHIR");
        if (!list_add(eval, out, &info))
            return false;
    }
    return true;
}

/* Evaluates what would be traced, and passes its input on: nothing is logged
 * here, since it would be health data. */
static bool function_trace(struct eval *eval, const struct expr *call, const struct scope *scope,
                           const struct list *focus, struct list *out)
{
    for (size_t i = 0; call->call.arg_count > 1 && i < focus->count; i++) {
        struct scope inner = {&focus->items[i], scope->total, (int64_t)i};
        struct list ignored = {0};

        if (!evaluate(eval, call->call.args[1], &inner, &ignored))
            return false;
    }
    return list_add_all(eval, out, focus);
}

static struct text instant(struct eval *eval)
{
    char *text = arena_alloc_raw(eval->arena, CLOCK_INSTANT_SIZE);

    clock_format_instant(eval_now(eval), text);
    return text_of(text);
}

static bool function_now(struct eval *eval, const struct expr *call, const struct scope *scope,
                         const struct list *focus, struct list *out)
{
    (void)call, (void)scope, (void)focus;
    return list_add_text(eval, out, FHIRPATH_DATETIME, instant(eval));
}

static bool function_today(struct eval *eval, const struct expr *call, const struct scope *scope,
                           const struct list *focus, struct list *out)
{
    (void)call, (void)scope, (void)focus;
    return list_add_text(eval, out, FHIRPATH_DATE, (struct text){instant(eval).data, 10});
}

static bool function_time_of_day(struct eval *eval, const struct expr *call,
                                 const struct scope *scope, const struct list *focus,
                                 struct list *out)
{
    (void)call, (void)scope, (void)focus;
    return list_add_text(eval, out, FHIRPATH_TIME, (struct text){instant(eval).data + 11, 12});
}

static bool add_extensions(struct eval *eval, const struct list *focus, struct text url,
                           struct list *out)
{
    for (size_t i = 0; i < focus->count; i++) {
        if (focus->items[i].kind != FHIRPATH_NODE)
            continue;
        for (const struct node *child = focus->items[i].node->first; child; child = child->next) {
            if (child->element && child->element->name_id == eval->expression->names.extension &&
                text_equals(node_value(child, "url"), url) && !list_add_node(eval, out, child))
                return false;
        }
    }
    return true;
}

static bool function_extension(struct eval *eval, const struct expr *call,
                               const struct scope *scope, const struct list *focus,
                               struct list *out)
{
    struct text url;
    bool found;

    if (!eval_string_arg(eval, call, 0, scope, &url, &found))
        return false;
    return !found || add_extensions(eval, focus, url, out);
}

static bool function_has_extension(struct eval *eval, const struct expr *call,
                                   const struct scope *scope, const struct list *focus,
                                   struct list *out)
{
    struct list extensions = {0};
    struct text url;
    bool found;

    if (!eval_string_arg(eval, call, 0, scope, &url, &found))
        return false;
    if (found && !add_extensions(eval, focus, url, &extensions))
        return false;
    return list_add_boolean(eval, out, extensions.count > 0);
}

static bool has_value(const struct fhirpath_value *value)
{
    if (value->kind != FHIRPATH_NODE)
        return value->kind != FHIRPATH_REFERENCED;
    return value->type && value->type->primitive != PRIMITIVE_NONE && value->node->value.data;
}

static bool function_has_value(struct eval *eval, const struct expr *call,
                               const struct scope *scope, const struct list *focus,
                               struct list *out)
{
    (void)call, (void)scope;
    return list_add_boolean(eval, out, focus->count == 1 && has_value(&focus->items[0]));
}

static bool function_get_value(struct eval *eval, const struct expr *call,
                               const struct scope *scope, const struct list *focus,
                               struct list *out)
{
    struct fhirpath_value system;

    (void)call, (void)scope;
    if (!has_value(&focus->items[0]) || !value_to_system(eval, &focus->items[0], &system))
        return true;
    return list_add(eval, out, &system);
}

static bool function_resolve(struct eval *eval, const struct expr *call, const struct scope *scope,
                             const struct list *focus, struct list *out)
{
    struct fhirpath_value resolved;

    (void)call, (void)scope;
    for (size_t i = 0; i < focus->count; i++) {
        if (value_resolve(eval, &focus->items[i], &resolved) && !list_add(eval, out, &resolved))
            return false;
    }
    return true;
}
