/*
 * Evaluation - runs compiled expressions over a tree of nodes.
 */

#include "fhir/fhirpath_eval.h"

#include "base/arena.h"
#include "base/count.h"
#include "fhir/fhirpath_value.h"
#include "fhir/node.h"

#define DEFAULT_STEPS 1000000U
#define FIRST_BLOCKS  4
#define NODES_A_STEP  16 /* passed over while looking for others */

static bool walk(struct eval *eval, const struct node *node, const struct step *steps,
                 unsigned count, struct list *out);

bool fhirpath_evaluate(const struct fhirpath *expression, const struct fhirpath_context *context,
                       const struct node *focus, struct arena *arena,
                       struct fhirpath_values *values, struct err *err)
{
    static const struct fhirpath_context nothing;
    struct eval eval = {
        .expression = expression,
        .context = context ? context : &nothing,
        .focus = focus,
        .arena = arena,
        .err = err,
        .memory_start = arena_used(arena),
        .steps = context && context->max_steps ? context->max_steps : DEFAULT_STEPS,
    };
    struct fhirpath_value this = {
        .kind = FHIRPATH_NODE, .node = focus, .type = focus ? focus->type : NULL};
    struct scope scope = {.this = focus ? &this : NULL};
    union block blocks[FIRST_BLOCKS]; /* enough for most expressions: none from the arena */
    struct list out = {0};
    unsigned *shared = eval.context->steps_left, limit;
    bool done;

    for (size_t i = 0; i < FIRST_BLOCKS; i++)
        eval_give_block(&eval, &blocks[i]);
    if (shared && eval.steps > *shared)
        eval.steps = *shared;
    limit = eval.steps;
    done = evaluate(&eval, expression->root, &scope, &out);
    if (shared)
        *shared = limit - eval.steps < *shared ? *shared - (limit - eval.steps) : 0;
    if (!done)
        return false;
    values->items = NULL;
    values->count = out.count;
    if (out.count == 0)
        return true;
    values->items = arena_alloc_raw(arena, out.count * sizeof(*out.items));
    memcpy(values->items, out.items, out.count * sizeof(*out.items));
    return true;
}

bool evaluate_literal(struct eval *eval, const struct expr *expr, const struct scope *scope,
                      struct list *out)
{
    (void)scope;
    return list_add(eval, out, &expr->literal);
}

bool evaluate_empty(struct eval *eval, const struct expr *expr, const struct scope *scope,
                    struct list *out)
{
    (void)expr, (void)scope, (void)out;
    return eval_step(eval);
}

bool evaluate_this(struct eval *eval, const struct expr *expr, const struct scope *scope,
                   struct list *out)
{
    (void)expr;
    return !scope->this || list_add(eval, out, scope->this);
}

bool evaluate_index(struct eval *eval, const struct expr *expr, const struct scope *scope,
                    struct list *out)
{
    (void)expr;
    return list_add_integer(eval, out, scope->index);
}

bool evaluate_total(struct eval *eval, const struct expr *expr, const struct scope *scope,
                    struct list *out)
{
    (void)expr;
    return !scope->total || list_add_all(eval, out, scope->total);
}

/* R4 fhirpath.html#variables. */
bool evaluate_variable(struct eval *eval, const struct expr *expr, const struct scope *scope,
                       struct list *out)
{
    static const struct {
        const char *name, *value;
    } constants[] = {
        {"sct", "http://snomed.info/sct"},
        {"loinc", "http://loinc.org"},
        {"ucum", "http://unitsofmeasure.org"},
    };
    const struct node *node = eval->context->resource;
    const char *base = "http://hl7.org/fhir/ValueSet/";
    size_t skip = 3; /* vs- */

    (void)scope;
    for (size_t i = 0; i < COUNT(constants); i++) {
        if (text_is(expr->name, constants[i].name))
            return list_add_text(eval, out, FHIRPATH_STRING, text_of(constants[i].value));
    }
    if (text_is(expr->name, "rootResource"))
        node = eval->context->root_resource ? eval->context->root_resource : node;
    else if (text_is(expr->name, "context"))
        node = eval->focus;
    else if (!text_is(expr->name, "resource")) {
        if (text_starts_with(expr->name, TEXT("ext-"))) {
            base = "http://hl7.org/fhir/StructureDefinition/";
            skip = 4;
        }
        return list_add_text(
            eval, out, FHIRPATH_STRING,
            text_of(arena_printf(eval->arena, "%s%.*s", base, (int)(expr->name.size - skip),
                                 expr->name.data + skip)));
    }
    return !node || list_add_node(eval, out, node);
}

/* The parts of values that are no elements: quantities and what type() gives. */
static bool walk_value(struct eval *eval, const struct fhirpath_value *value,
                       const struct step *step, struct list *out)
{
    if (value->kind == FHIRPATH_REFERENCED)
        return err_set(
            eval->err, ERR_NOT_SUPPORTED, NULL,
            "FHIRPath: resolve() knows the type of a resource elsewhere, not its content.");
    if (value->kind == FHIRPATH_TYPE_INFO && text_is(step->name, "name"))
        return list_add_text(eval, out, FHIRPATH_STRING, value->text);
    if (value->kind == FHIRPATH_TYPE_INFO && text_is(step->name, "namespace"))
        return list_add_text(eval, out, FHIRPATH_STRING, value->unit);
    if (value->kind == FHIRPATH_QUANTITY && text_is(step->name, "value"))
        return list_add_text(eval, out, FHIRPATH_DECIMAL, value->text);
    if (value->kind == FHIRPATH_QUANTITY && text_is(step->name, "unit"))
        return list_add_text(eval, out, FHIRPATH_STRING, value->unit);
    return true;
}

static bool walk_from(struct eval *eval, const struct fhirpath_value *value,
                      const struct expr *path, struct list *out)
{
    const struct step *steps = path->path.steps;

    if (path->path.root && !(value->type && type_is(value->type, path->path.root)))
        return true;
    if (path->path.count == 0)
        return list_add(eval, out, value);
    if (value->kind != FHIRPATH_NODE)
        return walk_value(eval, value, steps, out);
    return walk(eval, value->node, steps, path->path.count, out);
}

bool evaluate_path(struct eval *eval, const struct expr *expr, const struct scope *scope,
                   struct list *out)
{
    struct list focus = {0};

    if (!expr->left)
        return !scope->this || walk_from(eval, scope->this, expr, out);
    if (!evaluate(eval, expr->left, scope, &focus))
        return false;
    for (size_t i = 0; i < focus.count; i++) {
        if (!walk_from(eval, &focus.items[i], expr, out))
            return false;
    }
    list_release(eval, &focus);
    return true;
}

/* A FHIR primitive has its value as FHIRPath's own type in `value`. */
static bool walk_primitive(struct eval *eval, const struct node *node, struct list *out)
{
    struct fhirpath_value value = {.kind = FHIRPATH_NODE, .node = node, .type = node->type}, system;

    return !value_to_system(eval, &value, &system) || list_add(eval, out, &system);
}

static bool walk(struct eval *eval, const struct node *node, const struct step *steps,
                 unsigned count, struct list *out)
{
    unsigned passed = 0;

    if (count == 1 && steps->id == eval->expression->names.value && node->type &&
        node->type->primitive != PRIMITIVE_NONE)
        return walk_primitive(eval, node, out);
    for (const struct node *child = node->first; child; child = child->next, passed++) {
        if (!child->element || child->element->name_id != steps->id)
            continue;
        if (count == 1 ? !list_add_node(eval, out, child)
                       : !walk(eval, child, steps + 1, count - 1, out))
            return false;
    }
    return passed < NODES_A_STEP || eval_steps(eval, passed / NODES_A_STEP);
}

bool evaluate_call(struct eval *eval, const struct expr *expr, const struct scope *scope,
                   struct list *out)
{
    const struct function *function = expr->call.function;
    struct list focus = {0};

    if (!eval_step(eval))
        return false;
    if (!expr->left) {
        if (scope->this && !list_add(eval, &focus, scope->this))
            return false;
    } else if (!evaluate(eval, expr->left, scope, &focus)) {
        return false;
    }
    if (focus.count == 0 && !(function->flags & FUNCTION_ON_EMPTY))
        return true;
    if (focus.count > 1 && (function->flags & FUNCTION_ON_ONE))
        return eval_refuse(eval, "%s() works on one item, but there are several", function->name);
    if (!function->run(eval, expr, scope, &focus, out))
        return false;
    list_release(eval, &focus);
    return true;
}

bool evaluate_item(struct eval *eval, const struct expr *expr, const struct scope *scope,
                   struct list *out)
{
    struct list list = {0};
    struct fhirpath_value index;
    bool found;

    if (!evaluate(eval, expr->left, scope, &list) ||
        !eval_one(eval, expr->right, scope, &index, &found))
        return false;
    if (!found)
        return true;
    if (index.kind != FHIRPATH_INTEGER)
        return eval_refuse(eval, "an index must be an integer");
    if (index.integer < 0 || (uint64_t)index.integer >= list.count)
        return true;
    return list_add(eval, out, &list.items[index.integer]);
}

bool evaluate_sign(struct eval *eval, const struct expr *expr, const struct scope *scope,
                   struct list *out)
{
    struct fhirpath_value value;
    struct number number;
    bool found;

    if (!eval_one(eval, expr->left, scope, &value, &found))
        return false;
    if (!found)
        return true;
    if (value.kind == FHIRPATH_INTEGER) {
        value.integer *= expr->literal.integer;
        return list_add(eval, out, &value);
    }
    if (!value_to_number(&value, &number) && !quantity_number(&value, &number))
        return eval_refuse(eval, "only numbers have a sign");
    number.digits *= expr->literal.integer;
    value.text = number_write(eval->arena, number);
    value.node = NULL;
    return list_add(eval, out, &value);
}

bool value_has_type(const struct fhirpath_value *value, const struct type_name *type, bool exact)
{
    if (value->kind == FHIRPATH_NODE || value->kind == FHIRPATH_REFERENCED) {
        if (!value->type || !type->fhir)
            return false;
        if (exact && value->type->primitive != PRIMITIVE_NONE)
            return value->type == type->fhir;
        return type_is(value->type, type->fhir);
    }
    return type->system == SYSTEM_ANY || type->system == (int)value->kind;
}

bool evaluate_is(struct eval *eval, const struct expr *expr, const struct scope *scope,
                 struct list *out)
{
    struct list list = {0};

    if (!evaluate(eval, expr->left, scope, &list))
        return false;
    if (list.count == 0)
        return true;
    if (list.count > 1)
        return eval_refuse(eval, "`is` works on one item, but there are several");
    return list_add_boolean(eval, out, value_has_type(&list.items[0], &expr->type, false));
}

bool evaluate_as(struct eval *eval, const struct expr *expr, const struct scope *scope,
                 struct list *out)
{
    struct list list = {0};

    if (!evaluate(eval, expr->left, scope, &list))
        return false;
    if (list.count > 1 && !eval->context->search_rules)
        return eval_refuse(eval, "`as` works on one item, but there are several");
    for (size_t i = 0; i < list.count; i++) {
        if (value_has_type(&list.items[i], &expr->type, true) &&
            !list_add(eval, out, &list.items[i]))
            return false;
    }
    list_release(eval, &list);
    return true;
}

bool evaluate_where_resolves(struct eval *eval, const struct expr *expr, const struct scope *scope,
                             struct list *out)
{
    struct fhirpath_value resolved;
    struct list list = {0};

    if (!expr->left ? scope->this && !list_add(eval, &list, scope->this)
                    : !evaluate(eval, expr->left, scope, &list))
        return false;
    for (size_t i = 0; i < list.count; i++) {
        if (value_resolve(eval, &list.items[i], &resolved) &&
            value_has_type(&resolved, &expr->type, false) && !list_add(eval, out, &list.items[i]))
            return false;
    }
    return true;
}
