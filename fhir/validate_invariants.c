/*
 * Invariants - the constraints of R4 (schemas/r4/invariants.tsv), compiled
 * once and kept by type.
 *
 * Most of them say something about elements that are not there most of the
 * time. For each it is known which elements it looks at, and that it holds
 * when none of them is there; then nothing is evaluated.
 */

#include "fhir/validate_walk.h"

#include "base/arena.h"
#include "base/count.h"
#include "base/err.h"
#include "fhir/fhirpath_expr.h"

#include <pthread.h>

/* Scratch memory is given back when an expression leaves more than this. */
#define SCRATCH_MAX ((size_t)256 * 1024)

/* What each element adds to the work that may be done. */
#define STEPS_AN_ELEMENT 200U

static const struct row {
    uint16_t type;    /* where it is stated */
    uint16_t name_id; /* of the child it is about; 0: the type itself */
    bool is_error;
    bool best_practice;
    const char *key, *human, *expression;
} rows[] = {
#include "fhir/invariant_table.inc"
};

struct compiled {
    const struct fhirpath *expression; /* NULL: it cannot be compiled, and is left out */
    native_fn *native;                 /* decides instead of the expression; or NULL */
    uint64_t depends;
    bool holds_without; /* when none of the elements in `depends` is there */
};

/* Numbers of the rows that concern a type. */
struct concern {
    const uint16_t *rows;
    unsigned count;
    unsigned elements; /* the last so many are about children, not about the type itself */
};

static struct compiled compiled[COUNT(rows)];
static struct concern *concerns; /* by number of the type */

static void prepare(void);
static void compile(struct arena *arena, unsigned number);
static void collect(struct arena *arena, const struct type *type);
static bool may_work(struct walk *walk, const struct node *node);
static void check_own(struct walk *walk, const struct node *node, uint64_t present);
static void check_as_child(struct walk *walk, const struct node *node, uint64_t present);
static void check_one(struct walk *walk, const struct node *node, unsigned number,
                      uint64_t present);
static void report(struct walk *walk, const struct node *node, const struct row *row);
static enum verdict evaluate(struct walk *walk, const struct fhirpath *expression,
                             const struct node *node);
static bool is_false(const struct fhirpath_value *value);
static uint64_t children_of(const struct node *node);
static void prepare_once(void);

void invariants_check(struct walk *walk, const struct node *node)
{
    uint64_t present = children_of(node);

    prepare_once();
    if (!may_work(walk, node))
        return;
    check_own(walk, node, present);
    if (node->parent && node->parent->type && node->element &&
        concerns[node->parent->type->number].elements > 0)
        check_as_child(walk, node, present);
}

static bool may_work(struct walk *walk, const struct node *node)
{
    struct walk_work *work = walk->work;

    if (work->left == 0 && !work->spent) {
        issue_add_at(walk->issues, ISSUE_ERROR, "too-costly", node,
                     "Checking the invariants takes too much work; from here on they were not "
                     "checked.");
        work->spent = true;
    }
    if (work->left < work->most)
        work->left += STEPS_AN_ELEMENT;
    return !work->spent;
}

static void check_own(struct walk *walk, const struct node *node, uint64_t present)
{
    const struct concern *concern = &concerns[node->type->number];

    for (unsigned i = 0; i < concern->count - concern->elements; i++)
        check_one(walk, node, concern->rows[i], present);
}

static void check_as_child(struct walk *walk, const struct node *node, uint64_t present)
{
    const struct concern *concern = &concerns[node->parent->type->number];

    for (unsigned i = concern->count - concern->elements; i < concern->count; i++)
        if (rows[concern->rows[i]].name_id == node->element->name_id)
            check_one(walk, node, concern->rows[i], present);
}

static void check_one(struct walk *walk, const struct node *node, unsigned number, uint64_t present)
{
    const struct compiled *invariant = &compiled[number];
    enum verdict verdict = VERDICT_OPEN;

    if (!(present & invariant->depends) && invariant->holds_without)
        return;
    if (rows[number].best_practice && !walk->validation->best_practice)
        return;
    if (invariant->native)
        verdict = invariant->native(walk, node);
    if (verdict == VERDICT_OPEN)
        verdict = invariant_verdict(walk, number, node);
    if (verdict == VERDICT_FAILS)
        report(walk, node, &rows[number]);
    else if (verdict == VERDICT_OPEN && rows[number].is_error)
        issue_add_at(walk->issues, ISSUE_WARNING, "invariant", node,
                     "Whether %s is met could not be decided. What must hold: %s", rows[number].key,
                     rows[number].human);
}

static void report(struct walk *walk, const struct node *node, const struct row *row)
{
    issue_add_at(walk->issues, row->is_error ? ISSUE_ERROR : ISSUE_WARNING, "invariant", node,
                 "%s is not met. What %s: %s", row->key,
                 row->is_error ? "must hold" : "should hold", row->human);
}

enum verdict invariant_verdict(struct walk *walk, unsigned number, const struct node *node)
{
    prepare_once();
    return compiled[number].expression ? evaluate(walk, compiled[number].expression, node)
                                       : VERDICT_OPEN;
}

/* An expression that cannot be applied leaves it open: it is no fault of the document. */
static enum verdict evaluate(struct walk *walk, const struct fhirpath *expression,
                             const struct node *node)
{
    unsigned before = walk->work->left;
    struct fhirpath_context context = {
        .resource = walk->resource,
        .root_resource = walk->container,
        .validation = walk->validation,
        .steps_left = &walk->work->left,
    };
    struct fhirpath_values values;
    struct err err = {0};
    enum verdict verdict = VERDICT_OPEN;

    if (fhirpath_evaluate(expression, &context, node, walk->scratch, &values, &err) &&
        values.count == 1)
        verdict = is_false(&values.items[0]) ? VERDICT_FAILS : VERDICT_HOLDS;
    walk->work->taken += before - walk->work->left;
    if (arena_used(walk->scratch) > SCRATCH_MAX)
        arena_reset(walk->scratch);
    return verdict;
}

static bool is_false(const struct fhirpath_value *value)
{
    if (value->kind == FHIRPATH_BOOLEAN)
        return value->integer == 0;
    return value->kind == FHIRPATH_NODE && value->type &&
           value->type->primitive == PRIMITIVE_BOOLEAN && text_is(value->node->value, "false");
}

static uint64_t children_of(const struct node *node)
{
    uint64_t present = 0;

    for (const struct node *child = node->first; child; child = child->next)
        if (child->element)
            present |= fhirpath_head_bit(child->element->name_id);
    return present;
}

static void prepare_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, prepare);
}

/* What is made here lives as long as the process. */
static void prepare(void)
{
    struct arena *arena = arena_new();

    concerns = arena_many(arena, struct concern, type_count());
    for (unsigned i = 0; i < COUNT(rows); i++)
        compile(arena, i);
    for (unsigned i = 0; i < type_count(); i++)
        collect(arena, type_at(i));
}

static void compile(struct arena *arena, unsigned number)
{
    struct compiled *invariant = &compiled[number];
    struct arena *scratch = arena_new();
    struct node nothing = {.type = type_at(rows[number].type)};
    const struct validation validation = {0};
    struct walk_work work = {.left = INVARIANT_STEPS};
    struct walk walk = {.validation = &validation,
                        .work = &work,
                        .scratch = scratch,
                        .resource = &nothing,
                        .container = &nothing};
    struct err err = {0};

    invariant->native = native_find(text_of(rows[number].key));
    invariant->expression = fhirpath_compile(arena, text_of(rows[number].expression), &err);
    if (invariant->expression) {
        invariant->depends = fhirpath_depends(invariant->expression);
        invariant->holds_without =
            invariant->depends != UINT64_MAX &&
            evaluate(&walk, invariant->expression, &nothing) != VERDICT_FAILS;
    }
    arena_free(scratch);
}

static bool is_about(const struct row *row, const struct type *type)
{
    return type_is(type, type_at(row->type));
}

static void collect(struct arena *arena, const struct type *type)
{
    struct concern *concern = &concerns[type->number];
    uint16_t *numbers = arena_many(arena, uint16_t, COUNT(rows));

    for (unsigned about_child = 0; about_child < 2; about_child++) {
        for (unsigned i = 0; i < COUNT(rows); i++)
            if (is_about(&rows[i], type) && (rows[i].name_id != 0) == (about_child == 1))
                numbers[concern->count++] = (uint16_t)i;
        if (!about_child)
            concern->elements = concern->count;
    }
    concern->elements = concern->count - concern->elements;
    concern->rows = numbers;
}

unsigned invariant_count(void)
{
    return COUNT(rows);
}

const char *invariant_key(unsigned number)
{
    return rows[number].key;
}

bool invariant_applies(unsigned number, const struct node *node)
{
    const struct row *row = &rows[number];

    if (!node->type || node->flags & NODE_RAW)
        return false;
    if (row->name_id == 0)
        return is_about(row, node->type);
    return node->parent && node->parent->type && node->element &&
           is_about(row, node->parent->type) && node->element->name_id == row->name_id;
}
