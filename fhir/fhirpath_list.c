/*
 * Lists - values being gathered, the bounds that hold for them, and lists
 * asked for as one boolean, one item or one argument.
 */

#include "fhir/fhirpath_eval.h"

#include "base/arena.h"
#include "base/clock.h"
#include "fhir/fhirpath_value.h"
#include "fhir/node.h"

#include <stdarg.h>
#include <stdlib.h>

#define MAX_MEMORY   ((size_t)128 * 1024 * 1024)
#define BYTES_A_STEP 256
#define MANY         16 /* values that are not compared with each other one by one */

/* A string and where it stood. */
struct ordered {
    struct text text;
    size_t place;
};

static bool strings_in_order(struct eval *eval, const struct list *list,
                             const struct ordered **ordered);
static bool add_first_ones(struct eval *eval, struct list *list, const struct list *more,
                           const struct ordered *texts);

void eval_give_block(struct eval *eval, union block *block)
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
        eval_give_block(eval, (union block *)list->items);
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
    return eval_steps(eval, text.size / BYTES_A_STEP);
}

bool eval_steps(struct eval *eval, size_t steps)
{
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
    if (value < INT32_MIN || value > INT32_MAX)
        return true;
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

bool list_add_distinct(struct eval *eval, struct list *list, const struct list *more)
{
    const struct ordered *texts;

    if (list->count == 0 && more->count > MANY && strings_in_order(eval, more, &texts))
        return add_first_ones(eval, list, more, texts);
    for (size_t i = 0; i < more->count; i++) {
        if (!list_add_new(eval, list, &more->items[i]))
            return false;
    }
    return true;
}

static int compare_ordered(const void *a, const void *b)
{
    const struct ordered *x = a, *y = b;
    size_t size = x->text.size < y->text.size ? x->text.size : y->text.size;
    int order = size > 0 ? memcmp(x->text.data, y->text.data, size) : 0;

    if (order == 0)
        order = (x->text.size > y->text.size) - (x->text.size < y->text.size);
    return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

/* False when not all of them are strings. */
static bool strings_in_order(struct eval *eval, const struct list *list,
                             const struct ordered **ordered)
{
    struct ordered *texts;
    struct err ignored = {0}, *err = eval->err;
    bool room;

    eval->err = &ignored;
    room = eval_memory(eval, list->count * (sizeof(*texts) + 1));
    eval->err = err;
    if (!room)
        return false;
    texts = arena_alloc_raw(eval->arena, list->count * sizeof(*texts));
    for (size_t i = 0; i < list->count; i++) {
        struct fhirpath_value value;

        if (!value_to_system(eval, &list->items[i], &value) || value.kind != FHIRPATH_STRING)
            return false;
        texts[i] = (struct ordered){value.text, i};
    }
    qsort(texts, list->count, sizeof(*texts), compare_ordered);
    *ordered = texts;
    return true;
}

/* Equal strings stand next to each other, the first one first. */
static bool add_first_ones(struct eval *eval, struct list *list, const struct list *more,
                           const struct ordered *texts)
{
    bool *repeated = arena_many(eval->arena, bool, more->count);

    for (size_t i = 1; i < more->count; i++)
        repeated[texts[i].place] = text_equals(texts[i - 1].text, texts[i].text);
    for (size_t i = 0; i < more->count; i++) {
        if (!repeated[i] && !list_add(eval, list, &more->items[i]))
            return false;
    }
    return true;
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
