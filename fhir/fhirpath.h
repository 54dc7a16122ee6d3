#pragma once

/*
 * FHIRPath - expressions over resources (FHIRPath 2.0, R4 fhirpath.html).
 *
 * An expression is compiled once and evaluated many times, from any thread:
 * a compiled one is immutable. Evaluation allocates only in the arena handed
 * in and is bounded in steps and collection sizes, because expressions come
 * from outside too.
 */

#include "base/err.h"
#include "base/text.h"
#include "fhir/type.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct buf;
struct fhirpath;
struct node;
struct profile_work;
struct validation;

enum fhirpath_kind {
    FHIRPATH_NODE, /* an element of the resource, primitives included */
    FHIRPATH_BOOLEAN,
    FHIRPATH_STRING,
    FHIRPATH_INTEGER,
    FHIRPATH_DECIMAL,
    FHIRPATH_DATE,
    FHIRPATH_DATETIME,
    FHIRPATH_TIME,
    FHIRPATH_QUANTITY,
    FHIRPATH_REFERENCED, /* what resolve() gives without looking: a resource known by its reference
                            only */
    FHIRPATH_TYPE_INFO,  /* what type() gives: `text` is the name, `unit` the namespace */
};

struct fhirpath_value {
    enum fhirpath_kind kind;
    const struct node *node; /* NODE; REFERENCED: the Reference or canonical it came from */
    const struct type *type; /* NODE: its type; REFERENCED: the resource type, or NULL if unknown */
    struct text text; /* STRING, DECIMAL, DATE, DATETIME, TIME, QUANTITY's number: as written */
    struct text unit; /* QUANTITY */
    int64_t integer;  /* INTEGER; BOOLEAN: 0 or 1 */
};

struct fhirpath_values {
    struct fhirpath_value *items;
    size_t count;
};

struct fhirpath_context {
    const struct node *resource;      /* %resource, %context; NULL allowed */
    const struct node *root_resource; /* %rootResource */
    unsigned max_steps;               /* 0: the default of 1,000,000 */
    bool search_rules; /* as R4's search parameters are meant: `as` filters several items instead
                        * of failing, and `|` may leave duplicates */
    const struct validation *validation; /* who answers memberOf(), subsumes(), conformsTo() and
                                          * references that leave the document; NULL: nobody */
    unsigned *steps_left; /* like max_steps, shared by several evaluations: lowered by what each
                           * takes; or NULL */
    struct profile_work *work; /* of the profile check that evaluates this; or NULL */
};

/* Compiles; the result lives in `arena`. NULL with ERR_INVALID and the
 * position in the text; with ERR_UNPROCESSABLE when it is well-formed but
 * names an element, type, function or variable that does not exist. */
struct fhirpath *fhirpath_compile(struct arena *arena, struct text expression, struct err *err);

/* Whether the expression makes sense on an element or resource of this type: whether each name in
 * it can be an element where it stands. False with ERR_UNPROCESSABLE when one certainly cannot. */
bool fhirpath_fits(const struct fhirpath *expression, const struct type *type, struct err *err);

/* Evaluates on one focus. The values live in `arena`. False with ERR_INVALID
 * when the expression cannot be applied (singleton rule, wrong types), with
 * ERR_TOO_LARGE past a bound. */
bool fhirpath_evaluate(const struct fhirpath *expression, const struct fhirpath_context *context,
                       const struct node *focus, struct arena *arena,
                       struct fhirpath_values *values, struct err *err);

/* The name of a value's type: "boolean", "HumanName", "System.String" as FHIRPath's own types are
 * spelled "string", "integer", ... by the test suites: lower-camel without a namespace. */
const char *fhirpath_type_name(const struct fhirpath_value *value);

/* Appends the value in FHIRPath's own spelling; for complex elements compact JSON. */
void fhirpath_write(const struct fhirpath_value *value, struct buf *out);
