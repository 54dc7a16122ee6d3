#pragma once

/*
 * Compiled expressions - what fhirpath_parse.c makes and fhirpath_eval.c runs.
 *
 * A tree of small nodes in one arena, immutable once made. Chains of plain
 * element names ("Patient.contact.name") are one node with the numbers of the
 * names, because that is what nearly all of an expression's work is.
 */

#include "base/err.h"
#include "base/text.h"
#include "fhir/fhirpath.h"
#include "fhir/type.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct eval;
struct expr;
struct list;
struct scope;

/* Appends what `expr` gives to `out`. */
typedef bool evaluate_fn(struct eval *eval, const struct expr *expr, const struct scope *scope,
                         struct list *out);

/* Runs a function on its focus; arguments are evaluated by itself. */
typedef bool function_fn(struct eval *eval, const struct expr *call, const struct scope *scope,
                         const struct list *focus, struct list *out);

#define CALL_ARGS_MAX 8

enum function_flag {
    FUNCTION_ON_EMPTY = 1,   /* runs even if the focus is empty; others then give empty */
    FUNCTION_ON_ONE = 2,     /* the focus must be one item (or none) */
    FUNCTION_TAKES_TYPE = 4, /* the argument is the name of a type */
};

struct function {
    const char *name;
    uint8_t min_args, max_args;
    uint8_t flags;
    function_fn *run;
};

/* By name, or NULL. */
const struct function *function_find(struct text name);

struct operator_row {
    const char *name;
    uint8_t precedence; /* higher binds tighter */
    evaluate_fn *evaluate;
};

/* By symbol or keyword, or NULL. */
const struct operator_row *operator_find(struct text name);

/* A type as named in an expression. Quantity, without a namespace, is both. */
struct type_name {
    const struct type *fhir; /* NULL if none of that name */
    int system;              /* enum fhirpath_kind, or SYSTEM_NONE, SYSTEM_ANY */
};

enum { SYSTEM_NONE = -1, SYSTEM_ANY = -2 };

struct step {
    struct text name;
    uint16_t id; /* as in element.name_id; 0: no element of R4 is called so */
};

struct expr {
    evaluate_fn *evaluate;
    const struct expr
        *left; /* left operand; of paths, calls and indexes: the focus, NULL for $this */
    union {
        const struct expr *right; /* right operand; the index */
        struct fhirpath_value literal;
        struct {
            const struct type *root; /* a path that begins with a type's name; or NULL */
            struct step *steps;
            unsigned count;
        } path;
        struct {
            const struct function *function;
            const struct expr *const *args;
            unsigned arg_count;
            struct type_name type;
        } call;
        struct type_name type; /* is, as */
        struct text name;      /* %name */
    };
};

/* The name ids that the engine itself asks for. */
struct fhirpath_names {
    uint16_t extension, url, value;
};

struct fhirpath {
    const struct expr *root;
    struct fhirpath_names names;
    uint64_t heads; /* see fhirpath_heads() */
};

/*
 * Which elements of the resource the expression begins with: bit `name_id %
 * 64` is set for each. When the resource has no element with one of these
 * bits, the result is empty. All bits are set when nothing is known.
 */
static inline uint64_t fhirpath_heads(const struct fhirpath *expression)
{
    return expression->heads;
}

static inline uint64_t fhirpath_head_bit(uint16_t name_id)
{
    return UINT64_C(1) << (name_id % 64);
}

/*
 * Which elements of its focus the expression looks at, as bits like those
 * above; all bits when it may look at anything. Two elements that have none of
 * them give the same result.
 */
uint64_t fhirpath_depends(const struct fhirpath *expression);

/* Whether the steps of a path that begins with a type's name are elements, as
 * far as the types are certain: a choice or any resource ends that. */
bool expr_steps_exist(const struct expr *path);

/* Whether no branch is longer than `limit`. Chains such as a | b | c nest to
 * the left without any brackets. */
bool expr_is_shallow(const struct expr *expr, unsigned limit);

/* See fhirpath_heads(). */
uint64_t expr_heads(const struct expr *expr);

/* The kinds of expressions, in fhirpath_eval.c. */
evaluate_fn evaluate_literal, evaluate_empty, evaluate_this, evaluate_index, evaluate_total,
    evaluate_variable, evaluate_path, evaluate_call, evaluate_item, evaluate_sign, evaluate_is,
    evaluate_as, evaluate_where_resolves;

/* The operators, in fhirpath_operators.c. */
evaluate_fn evaluate_union, evaluate_equal, evaluate_not_equal, evaluate_equivalent,
    evaluate_not_equivalent, evaluate_less, evaluate_less_or_equal, evaluate_greater,
    evaluate_greater_or_equal, evaluate_in, evaluate_contains, evaluate_and, evaluate_or,
    evaluate_xor, evaluate_implies, evaluate_add, evaluate_subtract, evaluate_multiply,
    evaluate_divide, evaluate_quotient, evaluate_remainder, evaluate_concatenate;
