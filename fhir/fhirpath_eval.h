#pragma once

/*
 * Evaluation - what the parts of the FHIRPath engine share while an
 * expression runs: the state, lists of values, and how arguments are asked for.
 */

#include "base/err.h"
#include "fhir/fhirpath_expr.h"
#include "fhir/fhirpath_number.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct eval {
    const struct fhirpath *expression;      /* borrowed */
    const struct fhirpath_context *context; /* borrowed */
    const struct node *focus;               /* what it was asked on; %context */
    struct arena *arena;                    /* borrowed */
    struct err *err;                        /* borrowed */
    size_t memory_start;                    /* arena_used() at the beginning */
    unsigned steps;                         /* left */
    int64_t now;              /* one point in time for now(), today(); 0: neither was asked */
    union block *free_blocks; /* of lists that are done with */
};

/* What a short list takes. */
#define LIST_BLOCK 4

union block {
    struct fhirpath_value values[LIST_BLOCK];
    union block *next; /* while free */
};

/* What $this, $index and $total are at some place of the expression. */
struct scope {
    const struct fhirpath_value *this; /* NULL: empty */
    const struct list *total;          /* NULL outside of aggregate() */
    int64_t index;
};

/* Values in the arena; zero is a valid empty list. */
struct list {
    struct fhirpath_value *items;
    size_t count, room;
};

/* Three-valued logic: empty is UNKNOWN. */
enum truth { FALSE, TRUE, UNKNOWN };

static inline bool evaluate(struct eval *eval, const struct expr *expr, const struct scope *scope,
                            struct list *out)
{
    return expr->evaluate(eval, expr, scope, out);
}

/* Counts one step of work; false with ERR_TOO_LARGE when there were too many. */
bool eval_step(struct eval *eval);

/* The same for several steps. */
bool eval_steps(struct eval *eval, size_t steps);

/* Counts the work of going through a text once. */
bool eval_text_step(struct eval *eval, struct text text);

/* False with ERR_TOO_LARGE when the evaluation has used too much memory, or
 * would with `more` bytes. Whatever makes texts asks first. */
bool eval_memory(struct eval *eval, size_t more);

/* Fills the error with ERR_INVALID; returns false. */
bool eval_refuse(struct eval *eval, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

bool list_add(struct eval *eval, struct list *list, const struct fhirpath_value *value);

/* Makes a block available to short lists. */
void eval_give_block(struct eval *eval, union block *block);

/* Gives the memory of a short list back to the evaluation. Only a saving:
 * lists may as well be left to the arena. */
void list_release(struct eval *eval, struct list *list);

bool list_add_all(struct eval *eval, struct list *list, const struct list *more);
bool list_add_boolean(struct eval *eval, struct list *list, bool value);
bool list_add_truth(struct eval *eval, struct list *list, enum truth value); /* UNKNOWN: nothing */
bool list_add_integer(struct eval *eval, struct list *list,
                      int64_t value); /* past 32 bits: nothing */
bool list_add_number(struct eval *eval, struct list *list, struct number number); /* a decimal */
bool list_add_text(struct eval *eval, struct list *list, enum fhirpath_kind kind, struct text text);
bool list_add_node(struct eval *eval, struct list *list, const struct node *node);

/* Whether an equal value is in the list. */
bool list_has(struct eval *eval, const struct list *list, const struct fhirpath_value *value,
              bool *has);

/* Adds the value unless an equal one is there. */
bool list_add_new(struct eval *eval, struct list *list, const struct fhirpath_value *value);

/* Adds every value of `more` unless an equal one is there. */
bool list_add_distinct(struct eval *eval, struct list *list, const struct list *more);

/* Evaluates to a truth by the rule for singletons: one item that is no
 * boolean is true. More than one item is refused. */
bool eval_truth(struct eval *eval, const struct expr *expr, const struct scope *scope,
                enum truth *truth);

/* The truth of a list that was evaluated already. */
bool list_truth(struct eval *eval, const struct list *list, enum truth *truth);

/* Evaluates to at most one item, as FHIRPath's own type when it is a
 * primitive element. `*found` is false for empty. */
bool eval_one(struct eval *eval, const struct expr *expr, const struct scope *scope,
              struct fhirpath_value *value, bool *found);

/* The same for an argument of a call that must be a string or an integer. */
bool eval_string_arg(struct eval *eval, const struct expr *call, unsigned number,
                     const struct scope *scope, struct text *text, bool *found);
bool eval_integer_arg(struct eval *eval, const struct expr *call, unsigned number,
                      const struct scope *scope, int64_t *integer, bool *found);

/* Whether a value has the type. `exact`: of a primitive element, no
 * specialisation counts, as for as() and ofType(). */
bool value_has_type(const struct fhirpath_value *value, const struct type_name *type, bool exact);

/* What resolve() gives for one item; false: nothing. */
bool value_resolve(const struct eval *eval, const struct fhirpath_value *value,
                   struct fhirpath_value *resolved);

/* Microseconds since 1970, the same for the whole evaluation. */
int64_t eval_now(struct eval *eval);
