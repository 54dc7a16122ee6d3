/*
 * What can be told about a compiled expression without a resource.
 */

#include "fhir/fhirpath_expr.h"

static const struct element *find_element(const struct type *type, uint16_t name_id)
{
    for (unsigned i = 0; i < type->element_count; i++) {
        if (type->elements[i].name_id == name_id)
            return &type->elements[i];
    }
    return NULL;
}

/* Where a path begins with a type, its steps must be elements that exist, as
 * far as the types are certain: a choice or any resource ends that. */
bool expr_steps_exist(const struct expr *path)
{
    const struct type *type = path->path.root;

    for (unsigned i = 0; type && i < path->path.count && !type->abstract; i++) {
        const struct step *step = &path->path.steps[i];
        const struct element *element = find_element(type, step->id);

        if (!element && type->primitive == PRIMITIVE_NONE)
            return false;
        if (!element || (element->flags & (ELEMENT_CHOICE | ELEMENT_RESOURCE)))
            return true;
        type = type_at(element->type);
    }
    return true;
}

static bool is_binary(const struct expr *expr)
{
    return expr->evaluate == evaluate_item || expr->evaluate == evaluate_union ||
           (expr->left && expr->evaluate != evaluate_path && expr->evaluate != evaluate_call &&
            expr->evaluate != evaluate_is && expr->evaluate != evaluate_as &&
            expr->evaluate != evaluate_sign && expr->evaluate != evaluate_where_resolves);
}

bool expr_is_shallow(const struct expr *expr, unsigned limit)
{
    if (!expr)
        return true;
    if (limit == 0 || !expr_is_shallow(expr->left, limit - 1))
        return false;
    if (is_binary(expr) && !expr_is_shallow(expr->right, limit - 1))
        return false;
    if (expr->evaluate == evaluate_call) {
        for (unsigned i = 0; i < expr->call.arg_count; i++) {
            if (!expr_is_shallow(expr->call.args[i], limit - 1))
                return false;
        }
    }
    return true;
}

/* Only for what is certainly empty when its path is. */
uint64_t expr_heads(const struct expr *expr)
{
    if (expr->evaluate == evaluate_union)
        return expr_heads(expr->left) | expr_heads(expr->right);
    if (expr->evaluate == evaluate_as || expr->evaluate == evaluate_where_resolves)
        return expr->left ? expr_heads(expr->left) : UINT64_MAX;
    if (expr->evaluate == evaluate_call && expr->left &&
        !(expr->call.function->flags & FUNCTION_ON_EMPTY))
        return expr_heads(expr->left);
    if (expr->evaluate == evaluate_item)
        return expr_heads(expr->left);
    if (expr->evaluate != evaluate_path)
        return UINT64_MAX;
    if (expr->left)
        return expr_heads(expr->left);
    return expr->path.count > 0 ? fhirpath_head_bit(expr->path.steps[0].id) : UINT64_MAX;
}
