/*
 * What an expression looks at - so that whoever evaluates many expressions on
 * many elements can leave out those that look at nothing the element has.
 */

#include "fhir/fhirpath_expr.h"

#include "base/err.h"

static uint64_t expr_depends(const struct expr *expr);
static uint64_t path_depends(const struct expr *path);
static uint64_t call_depends(const struct expr *call);
static uint64_t focus_depends(const struct expr *focus);

uint64_t fhirpath_depends(const struct fhirpath *expression)
{
    return expr_depends(expression->root);
}

static uint64_t expr_depends(const struct expr *expr)
{
    evaluate_fn *kind = expr->evaluate;

    if (kind == evaluate_literal || kind == evaluate_empty || kind == evaluate_index)
        return 0;
    if (kind == evaluate_this || kind == evaluate_total)
        return UINT64_MAX;
    if (kind == evaluate_variable) /* %ucum is a constant, %resource anything */
        return text_is(expr->name, "ucum") || text_is(expr->name, "loinc") ||
                       text_is(expr->name, "sct")
                   ? 0
                   : UINT64_MAX;
    if (kind == evaluate_path)
        return path_depends(expr);
    if (kind == evaluate_call)
        return call_depends(expr);
    if (kind == evaluate_sign || kind == evaluate_is || kind == evaluate_as ||
        kind == evaluate_where_resolves)
        return focus_depends(expr->left);
    return expr_depends(expr->left) | expr_depends(expr->right); /* an operator, or an index */
}

static uint64_t path_depends(const struct expr *path)
{
    if (path->left)
        return expr_depends(path->left);
    return path->path.count > 0 ? fhirpath_head_bit(path->path.steps[0].id) : UINT64_MAX;
}

/* Arguments may be evaluated on the focus itself. Where they are on its items, their names count
 * although they need not: an evaluation too many does no harm. */
static uint64_t call_depends(const struct expr *call)
{
    uint64_t depends = focus_depends(call->left);

    for (unsigned i = 0; i < call->call.arg_count && depends != UINT64_MAX; i++)
        depends |= expr_depends(call->call.args[i]);
    return depends;
}

static uint64_t focus_depends(const struct expr *focus)
{
    return focus ? expr_depends(focus) : UINT64_MAX;
}
