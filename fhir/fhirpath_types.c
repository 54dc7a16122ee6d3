/*
 * What types an expression can meet, told without a resource: every name must
 * be an element of one of the types that can be there.
 *
 * Only what is certain is refused. Where anything may come - contained
 * resources, what resolve() finds, children() - nothing is said.
 */

#include "fhir/fhirpath_expr.h"
#include "fhir/fhirpath_signature.h"

#include <assert.h>

#define TYPES_MAX 768
#define WORK_MAX  100000U /* repeat() in repeat() multiplies */

enum { SYSTEM_KINDS = FHIRPATH_TYPE_INFO + 1, COMPLEX = SYSTEM_KINDS };

/* The types that values may have; `any` when nothing is known. */
struct possible {
    bool any;
    uint16_t system; /* bit of enum fhirpath_kind: FHIRPath's own types */
    uint64_t fhir[TYPES_MAX / 64];
};

struct survey {
    const struct type *context;
    unsigned work;
    struct err *err;
};

static bool visit(struct survey *survey, const struct expr *expr, const struct possible *this,
                  struct possible *out);
static bool visit_path(struct survey *survey, const struct expr *path, const struct possible *this,
                       struct possible *out);
static bool visit_operator(struct survey *survey, const struct expr *expr,
                           const struct possible *this, struct possible *out);
static bool visit_call(struct survey *survey, const struct expr *call, const struct possible *this,
                       struct possible *out);

static void add_type(struct possible *possible, const struct type *type)
{
    if (type->abstract)
        possible->any = true;
    possible->fhir[type->number / 64] |= UINT64_C(1) << type->number % 64;
}

static void add_system(struct possible *possible, enum fhirpath_kind kind)
{
    possible->system |= (uint16_t)(1U << kind);
}

static void add_all(struct possible *possible, const struct possible *more)
{
    possible->any = possible->any || more->any;
    possible->system |= more->system;
    for (unsigned i = 0; i < TYPES_MAX / 64; i++)
        possible->fhir[i] |= more->fhir[i];
}

/* The next type with a number from `*number` on, which then stands behind it; or NULL. */
static const struct type *next_type(const struct possible *possible, unsigned *number)
{
    for (; *number < type_count(); ++*number) {
        if (possible->fhir[*number / 64] >> *number % 64 & 1)
            return type_at((*number)++);
    }
    return NULL;
}

bool fhirpath_fits(const struct fhirpath *expression, const struct type *type, struct err *err)
{
    struct survey whole = {.context = type, .work = WORK_MAX, .err = err};
    struct possible this = {.any = false}, out = {.any = false};

    assert(type_count() <= TYPES_MAX);
    add_type(&this, type);
    return visit(&whole, expression->root, &this, &out);
}

static bool refuse(struct survey *survey, const char *what)
{
    return err_set(survey->err, ERR_UNPROCESSABLE, NULL, "FHIRPath: %s.", what);
}

static void visit_variable(const struct survey *survey, const struct expr *variable,
                           struct possible *out)
{
    if (text_is(variable->name, "context") ||
        (text_is(variable->name, "resource") && survey->context->kind == TYPE_RESOURCE))
        add_type(out, survey->context);
    else if (text_is(variable->name, "resource") || text_is(variable->name, "rootResource"))
        out->any = true;
    else
        add_system(out, FHIRPATH_STRING);
}

static void add_named(struct possible *out, const struct type_name *type)
{
    if (type->fhir)
        add_type(out, type->fhir);
    if (type->system >= 0)
        add_system(out, (enum fhirpath_kind)type->system);
    out->any = out->any || type->system == SYSTEM_ANY;
}

/* What `expr`, evaluated on `this`, can give is added to `out`. */
static bool visit(struct survey *survey, const struct expr *expr, const struct possible *this,
                  struct possible *out)
{
    struct possible ignored = {.any = false};
    evaluate_fn *kind = expr->evaluate;

    if (survey->work == 0 || --survey->work == 0) {
        out->any = true;
        return true;
    }
    if (kind == evaluate_literal)
        return add_system(out, expr->literal.kind), true;
    if (kind == evaluate_index)
        return add_system(out, FHIRPATH_INTEGER), true;
    if (kind == evaluate_this)
        return add_all(out, this), true;
    if (kind == evaluate_empty || kind == evaluate_total)
        return out->any = true;
    if (kind == evaluate_variable)
        return visit_variable(survey, expr, out), true;
    if (kind == evaluate_path)
        return visit_path(survey, expr, this, out);
    if (kind == evaluate_call)
        return visit_call(survey, expr, this, out);
    if (kind == evaluate_where_resolves && !expr->left)
        return add_all(out, this), true;
    if (kind == evaluate_sign || kind == evaluate_where_resolves)
        return visit(survey, expr->left, this, out);
    if (kind == evaluate_is || kind == evaluate_as) {
        if (kind == evaluate_as)
            add_named(out, &expr->type);
        else
            add_system(out, FHIRPATH_BOOLEAN);
        return visit(survey, expr->left, this, &ignored);
    }
    if (kind == evaluate_item)
        return visit(survey, expr->left, this, out) && visit(survey, expr->right, this, &ignored);
    return visit_operator(survey, expr, this, out);
}

/* The types of all elements called so; false when `type` has none. */
static bool add_elements(const struct type *type, const struct step *step, struct possible *out)
{
    bool found = false;

    for (unsigned i = 0; i < type->element_count; i++) {
        const struct element *element = &type->elements[i];

        if (element->name_id != step->id)
            continue;
        found = true;
        if (element->flags & ELEMENT_RESOURCE)
            out->any = true;
        else
            add_type(out, type_at(element->type));
    }
    if (!found && type->primitive != PRIMITIVE_NONE && text_is(step->name, "value"))
        return out->any = true;
    return found;
}

/* FHIRPath's own types have parts, too: a Quantity its number, what type() gives a name. */
static bool add_parts(uint16_t system, struct possible *out)
{
    if (!(system & (1U << FHIRPATH_QUANTITY | 1U << FHIRPATH_TYPE_INFO)))
        return false;
    return out->any = true;
}

static bool visit_step(struct survey *survey, const struct step *step, const struct possible *from,
                       struct possible *out)
{
    const struct type *type, *first = NULL;
    bool found = from->any || add_parts(from->system, out);
    unsigned number = 0;

    out->any = out->any || from->any;
    while ((type = next_type(from, &number)) != NULL) {
        found = add_elements(type, step, out) || found;
        first = first ? first : type;
    }
    return found || err_set(survey->err, ERR_UNPROCESSABLE, NULL,
                            "FHIRPath: %s has no such element: `%.*s`.",
                            first ? first->name : "this value", TEXT_ARGS(step->name));
}

/* A path that begins with another type than what is there gives nothing, and is allowed: search
 * parameters of several types are written so. */
static bool visit_path(struct survey *survey, const struct expr *path, const struct possible *this,
                       struct possible *out)
{
    struct possible at = {.any = false};

    if (path->path.root)
        add_type(&at, path->path.root);
    else if (!path->left)
        at = *this;
    else if (!visit(survey, path->left, this, &at))
        return false;
    for (unsigned i = 0; i < path->path.count; i++) {
        struct possible next = {.any = false};

        if (!visit_step(survey, &path->path.steps[i], &at, &next))
            return false;
        at = next;
    }
    add_all(out, &at);
    return true;
}

/* As which of FHIRPath's own types the values can be read, and whether they may be more than one
 * value: a bit COMPLEX. All bits when nothing is known. */
static unsigned readings(const struct possible *possible)
{
    static const uint8_t kinds[] = {
        [PRIMITIVE_BOOLEAN] = FHIRPATH_BOOLEAN,   [PRIMITIVE_INTEGER] = FHIRPATH_INTEGER,
        [PRIMITIVE_DECIMAL] = FHIRPATH_DECIMAL,   [PRIMITIVE_DATE] = FHIRPATH_DATE,
        [PRIMITIVE_DATETIME] = FHIRPATH_DATETIME, [PRIMITIVE_INSTANT] = FHIRPATH_DATETIME,
        [PRIMITIVE_TIME] = FHIRPATH_TIME,         [PRIMITIVE_POSITIVEINT] = FHIRPATH_INTEGER,
        [PRIMITIVE_XHTML] = FHIRPATH_STRING,      [PRIMITIVE_UNSIGNEDINT] = FHIRPATH_INTEGER,
    };
    const struct type *type, *quantity = type_find(TEXT("Quantity"));
    unsigned bits = possible->any ? ~0U : possible->system, number = 0;

    while ((type = next_type(possible, &number)) != NULL) {
        if (type->primitive == PRIMITIVE_NONE)
            bits |= type_is(type, quantity) ? 1U << FHIRPATH_QUANTITY : 1U << COMPLEX;
        else
            bits |= 1U << (kinds[type->primitive] ? kinds[type->primitive] : FHIRPATH_STRING);
    }
    return bits;
}

/* Numbers come from numbers, texts from texts; a date moves by durations only. */
static bool visit_arithmetic(struct survey *survey, const struct possible *left,
                             const struct possible *right, struct possible *out)
{
    const unsigned moments = 1U << FHIRPATH_DATE | 1U << FHIRPATH_DATETIME | 1U << FHIRPATH_TIME;
    unsigned a = readings(left), b = readings(right);

    if (!(a & ~moments) && !(b & 1U << FHIRPATH_QUANTITY))
        return refuse(survey, "only a duration can be added to a date or time");
    for (unsigned kind = FHIRPATH_STRING; kind <= FHIRPATH_QUANTITY; kind++)
        add_system(out, (enum fhirpath_kind)kind);
    return true;
}

static bool visit_operator(struct survey *survey, const struct expr *expr,
                           const struct possible *this, struct possible *out)
{
    struct possible left = {.any = false}, right = {.any = false};
    evaluate_fn *kind = expr->evaluate;

    if (!visit(survey, expr->left, this, &left) || !visit(survey, expr->right, this, &right))
        return false;
    if (kind == evaluate_union) {
        add_all(out, &left);
        add_all(out, &right);
        return true;
    }
    if (kind == evaluate_add || kind == evaluate_subtract)
        return visit_arithmetic(survey, &left, &right, out);
    if (kind == evaluate_concatenate)
        return add_system(out, FHIRPATH_STRING), true;
    if (kind == evaluate_multiply || kind == evaluate_divide || kind == evaluate_quotient ||
        kind == evaluate_remainder) {
        add_system(out, FHIRPATH_INTEGER);
        add_system(out, FHIRPATH_DECIMAL);
        add_system(out, FHIRPATH_QUANTITY);
        return true;
    }
    return add_system(out, FHIRPATH_BOOLEAN), true;
}

static bool is_same(const struct possible *a, const struct possible *b)
{
    return a->any == b->any && a->system == b->system &&
           memcmp(a->fhir, b->fhir, sizeof(a->fhir)) == 0;
}

/* What the arguments give; of iif() not the condition, which must be a truth. */
static bool visit_arguments(struct survey *survey, const struct expr *call, unsigned flags,
                            const struct possible *this, struct possible *out)
{
    for (unsigned i = 0; i < call->call.arg_count; i++) {
        struct possible condition = {.any = false};
        bool decides = (flags & CONDITION) && i == 0;

        if (!visit(survey, call->call.args[i], this, decides ? &condition : out))
            return false;
        if (decides && !(readings(&condition) & 1U << FHIRPATH_BOOLEAN))
            return refuse(survey, "the condition of iif() is no boolean");
    }
    return true;
}

/* repeat() asks again about what it found. */
static bool visit_repeated(struct survey *survey, const struct expr *call,
                           const struct possible *focus, struct possible *out)
{
    struct possible before;

    do {
        struct possible seen = *focus;

        before = *out;
        add_all(&seen, out);
        if (!visit_arguments(survey, call, 0, &seen, out))
            return false;
    } while (!is_same(&before, out) && !out->any);
    return true;
}

static void add_given(struct possible *out, enum gives gives, const struct type_name *type,
                      const struct possible *focus, const struct possible *arguments)
{
    if (gives == GIVES_TYPE)
        add_named(out, type);
    if (gives == GIVES_EXTENSION)
        add_type(out, type_find(TEXT("Extension")));
    if (gives == GIVES_FOCUS || gives == GIVES_BOTH)
        add_all(out, focus);
    if (gives == GIVES_ARGUMENTS || gives == GIVES_BOTH)
        add_all(out, arguments);
    if (gives == GIVES_ANY)
        out->any = true;
    for (unsigned kind = FHIRPATH_BOOLEAN; gives == GIVES_VALUES && kind < FHIRPATH_QUANTITY;
         kind++)
        add_system(out, (enum fhirpath_kind)kind);
}

static bool visit_call(struct survey *survey, const struct expr *call, const struct possible *this,
                       struct possible *out)
{
    const struct function *function = call->call.function;
    const struct signature *signature = signature_of(function->name);
    struct possible focus = {.any = false}, given = {.any = false};
    const struct possible *seen = signature->flags & EACH ? &focus : this;

    if (!call->left)
        focus = *this;
    else if (!visit(survey, call->left, this, &focus))
        return false;
    if ((signature->flags & WORDS) && readings(&focus) == 1U << COMPLEX)
        return err_set(survey->err, ERR_UNPROCESSABLE, NULL, "FHIRPath: %s() works on strings.",
                       function->name);
    if (signature->flags & AGAIN ? !visit_repeated(survey, call, &focus, &given)
                                 : !visit_arguments(survey, call, signature->flags, seen, &given))
        return false;
    add_given(out, signature->gives, &call->call.type, &focus, &given);
    return true;
}
