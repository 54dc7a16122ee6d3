/*
 * Evaluation - runs compiled expressions over a tree of nodes.
 */

#include "fhir/fhirpath_eval.h"

#include "base/arena.h"
#include "base/clock.h"
#include "fhir/fhirpath_value.h"
#include "fhir/node.h"
#include "fhir/search_values.h"

#include <stdarg.h>

#define DEFAULT_STEPS 1000000U
#define MAX_MEMORY    ((size_t)128 * 1024 * 1024)
#define FIRST_BLOCKS  4
#define BYTES_A_STEP  256

static void free_block(struct eval *eval, union block *block);
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

    for (size_t i = 0; i < FIRST_BLOCKS; i++)
        free_block(&eval, &blocks[i]);
    if (!evaluate(&eval, expression->root, &scope, &out))
        return false;
    values->items = NULL;
    values->count = out.count;
    if (out.count == 0)
        return true;
    values->items = arena_alloc_raw(arena, out.count * sizeof(*out.items));
    memcpy(values->items, out.items, out.count * sizeof(*out.items));
    return true;
}

static void free_block(struct eval *eval, union block *block)
{
    block->next = eval->free_blocks;
    eval->free_blocks = block;
}

static struct fhirpath_value *take_block(struct eval *eval)
{
    union block *block = eval->free_blocks;

    if (!block)
        return arena_alloc_raw(eval->arena, sizeof(*block));
    eval->free_blocks = block->next;
    return block->values;
}

void list_release(struct eval *eval, struct list *list)
{
    if (list->room == LIST_BLOCK)
        free_block(eval, (union block *)list->items);
    *list = (struct list){0};
}

bool eval_step(struct eval *eval)
{
    if (eval->steps-- > 0)
        return true;
    eval->steps = 0;
    return err_set(eval->err, ERR_TOO_LARGE, NULL,
                   "FHIRPath: the expression needs too many steps on this resource.");
}

bool eval_text_step(struct eval *eval, struct text text)
{
    size_t steps = text.size / BYTES_A_STEP;

    eval->steps = steps < eval->steps ? eval->steps - (unsigned)steps : 0;
    return eval->steps > 0 || eval_step(eval);
}

bool eval_memory(struct eval *eval, size_t more)
{
    if (more <= MAX_MEMORY && arena_used(eval->arena) - eval->memory_start + more <= MAX_MEMORY)
        return true;
    return err_set(eval->err, ERR_TOO_LARGE, NULL,
                   "FHIRPath: the expression needs too much memory on this resource.");
}

bool eval_refuse(struct eval *eval, const char *fmt, ...)
{
    char text[200];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return err_set(eval->err, ERR_INVALID, NULL, "FHIRPath: %s.", text);
}

int64_t eval_now(struct eval *eval)
{
    if (eval->now == 0)
        eval->now = clock_now();
    return eval->now;
}

static bool list_grow(struct eval *eval, struct list *list)
{
    size_t count = list->count, room = list->room * 2;
    struct fhirpath_value *items;

    if (list->room == 0) {
        list->items = take_block(eval);
        list->room = LIST_BLOCK;
        return true;
    }
    if (!eval_memory(eval, room * sizeof(*items)))
        return false;
    items = arena_alloc_raw(eval->arena, room * sizeof(*items));
    memcpy(items, list->items, count * sizeof(*items));
    list_release(eval, list);
    *list = (struct list){items, count, room};
    return true;
}

bool list_add(struct eval *eval, struct list *list, const struct fhirpath_value *value)
{
    if (!eval_step(eval))
        return false;
    if (list->count == list->room && !list_grow(eval, list))
        return false;
    list->items[list->count++] = *value;
    return true;
}

bool list_add_all(struct eval *eval, struct list *list, const struct list *more)
{
    for (size_t i = 0; i < more->count; i++) {
        if (!list_add(eval, list, &more->items[i]))
            return false;
    }
    return true;
}

bool list_add_boolean(struct eval *eval, struct list *list, bool value)
{
    return list_add(eval, list,
                    &(struct fhirpath_value){.kind = FHIRPATH_BOOLEAN, .integer = value});
}

bool list_add_truth(struct eval *eval, struct list *list, enum truth value)
{
    return value == UNKNOWN || list_add_boolean(eval, list, value == TRUE);
}

bool list_add_integer(struct eval *eval, struct list *list, int64_t value)
{
    return list_add(eval, list,
                    &(struct fhirpath_value){.kind = FHIRPATH_INTEGER, .integer = value});
}

bool list_add_number(struct eval *eval, struct list *list, struct number number)
{
    return list_add_text(eval, list, FHIRPATH_DECIMAL, number_write(eval->arena, number));
}

bool list_add_text(struct eval *eval, struct list *list, enum fhirpath_kind kind, struct text text)
{
    return list_add(eval, list, &(struct fhirpath_value){.kind = kind, .text = text});
}

bool list_add_node(struct eval *eval, struct list *list, const struct node *node)
{
    return list_add(
        eval, list,
        &(struct fhirpath_value){.kind = FHIRPATH_NODE, .node = node, .type = node->type});
}

bool list_has(struct eval *eval, const struct list *list, const struct fhirpath_value *value,
              bool *has)
{
    enum truth equal = FALSE;

    for (size_t i = 0; i < list->count && equal != TRUE; i++) {
        if (!value_equal(eval, &list->items[i], value, &equal))
            return false;
    }
    *has = equal == TRUE;
    return true;
}

bool list_add_new(struct eval *eval, struct list *list, const struct fhirpath_value *value)
{
    bool has;

    if (!list_has(eval, list, value, &has))
        return false;
    return has || list_add(eval, list, value);
}

bool list_truth(struct eval *eval, const struct list *list, enum truth *truth)
{
    struct fhirpath_value system;

    if (list->count == 0) {
        *truth = UNKNOWN;
        return true;
    }
    if (list->count > 1)
        return eval_refuse(eval, "several items where one boolean is needed");
    *truth = TRUE;
    if (value_to_system(eval, &list->items[0], &system) && system.kind == FHIRPATH_BOOLEAN)
        *truth = system.integer ? TRUE : FALSE;
    return true;
}

bool eval_truth(struct eval *eval, const struct expr *expr, const struct scope *scope,
                enum truth *truth)
{
    struct list list = {0};

    if (!evaluate(eval, expr, scope, &list) || !list_truth(eval, &list, truth))
        return false;
    list_release(eval, &list);
    return true;
}

bool eval_one(struct eval *eval, const struct expr *expr, const struct scope *scope,
              struct fhirpath_value *value, bool *found)
{
    struct list list = {0};

    *value = (struct fhirpath_value){0};
    if (!evaluate(eval, expr, scope, &list))
        return false;
    *found = list.count > 0;
    if (list.count == 0)
        return true;
    if (list.count > 1)
        return eval_refuse(eval, "several items where one is needed");
    if (!value_to_system(eval, &list.items[0], value)) {
        *value = list.items[0];
        if (value->kind == FHIRPATH_NODE && value->type && value->type->primitive)
            *found = false;
    }
    list_release(eval, &list);
    return true;
}

bool eval_string_arg(struct eval *eval, const struct expr *call, unsigned number,
                     const struct scope *scope, struct text *text, bool *found)
{
    struct fhirpath_value value;

    *text = (struct text){NULL, 0};
    if (!eval_one(eval, call->call.args[number], scope, &value, found))
        return false;
    if (!*found)
        return true;
    if (value.kind != FHIRPATH_STRING)
        return eval_refuse(eval, "%s() needs a string", call->call.function->name);
    *text = value.text;
    return true;
}

bool eval_integer_arg(struct eval *eval, const struct expr *call, unsigned number,
                      const struct scope *scope, int64_t *integer, bool *found)
{
    struct fhirpath_value value;

    *integer = 0;
    if (!eval_one(eval, call->call.args[number], scope, &value, found))
        return false;
    if (!*found)
        return true;
    if (value.kind != FHIRPATH_INTEGER)
        return eval_refuse(eval, "%s() needs an integer", call->call.function->name);
    *integer = value.integer;
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
    for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++) {
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
    if (count == 1 && steps->id == eval->expression->names.value && node->type &&
        node->type->primitive != PRIMITIVE_NONE)
        return walk_primitive(eval, node, out);
    for (const struct node *child = node->first; child; child = child->next) {
        if (!child->element || child->element->name_id != steps->id)
            continue;
        if (count == 1 ? !list_add_node(eval, out, child)
                       : !walk(eval, child, steps + 1, count - 1, out))
            return false;
    }
    return true;
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

static const struct node *find_contained(const struct node *root, struct text id)
{
    for (const struct node *child = root->first; child; child = child->next) {
        if (text_is(child->name, "contained") && text_equals(node_value(child, "id"), id))
            return child;
    }
    return NULL;
}

/* An entry of the Bundle that the expression is evaluated on. */
static const struct node *find_entry(const struct node *root, struct text url)
{
    for (const struct node *child = root->first; child; child = child->next) {
        if (text_is(child->name, "entry") && text_equals(node_value(child, "fullUrl"), url))
            return node_child(child, "resource");
    }
    return NULL;
}

/* The outermost resource that is not a Bundle's entry: fragments refer to it. */
static const struct node *container_of(const struct node *node)
{
    while (node->parent && !(node_is_resource(node) && !text_is(node->name, "contained")))
        node = node->parent;
    return node;
}

static struct text reference_text(const struct fhirpath_value *value)
{
    if (value->kind == FHIRPATH_STRING)
        return value->text;
    if (value->kind != FHIRPATH_NODE)
        return (struct text){NULL, 0};
    return value->node->value.data ? value->node->value : node_value(value->node, "reference");
}

static const struct node *outermost(const struct node *node)
{
    while (node && node->parent)
        node = node->parent;
    return node;
}

bool value_resolve(const struct eval *eval, const struct fhirpath_value *value,
                   struct fhirpath_value *resolved)
{
    struct text text = reference_text(value), base, type, id, version;
    const struct node *start = value->node ? value->node : eval->focus, *found = NULL;
    const struct node *root = outermost(start);

    if (text.data && text.size > 1 && text.data[0] == '#' && start)
        found = find_contained(container_of(start), (struct text){text.data + 1, text.size - 1});
    else if (text.data && root && root->type && text_is(text_of(root->type->name), "Bundle"))
        found = find_entry(root, text);
    if (found) {
        *resolved =
            (struct fhirpath_value){.kind = FHIRPATH_NODE, .node = found, .type = found->type};
        return true;
    }
    *resolved =
        (struct fhirpath_value){.kind = FHIRPATH_REFERENCED, .node = value->node, .text = text};
    if (text.data && text.data[0] == '#')
        return false;
    if (text.data && reference_split(text, &base, &type, &id, &version))
        resolved->type = resource_type_find(type);
    else if (value->node && node_value(value->node, "type").data)
        resolved->type = resource_type_find(node_value(value->node, "type"));
    return text.data || resolved->type;
}
