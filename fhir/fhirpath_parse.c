/*
 * FHIRPath's grammar (FHIRPath 2.0, appendix B): tokens in, a tree of
 * expressions out. Operators are read by precedence climbing.
 */

#include "fhir/fhirpath.h"

#include "base/arena.h"
#include "base/count.h"
#include "fhir/fhirpath_expr.h"
#include "fhir/fhirpath_lex.h"
#include "fhir/fhirpath_unit.h"

#define MAX_EXPRESSION ((size_t)64 * 1024)
#define MAX_DEPTH      100 /* of the tree: evaluation recurses as deep */
#define MAX_STEPS      64  /* names in one path */

enum { PRECEDENCE_TYPE = 8, PRECEDENCE_SIGN = 12 };

struct parser {
    struct lexer lexer;
    struct arena *arena; /* borrowed */
    unsigned depth;
    struct err *err;
};

static struct expr *parse_expression(struct parser *parser, unsigned precedence);
static struct expr *parse_unary(struct parser *parser);
static struct expr *parse_postfix(struct parser *parser);
static struct expr *parse_term(struct parser *parser);
static struct expr *parse_number(struct parser *parser);
static struct expr *parse_invocation(struct parser *parser, struct expr *focus);
static struct expr *parse_call(struct parser *parser, struct expr *focus, struct token name);
static struct expr *parse_path(struct parser *parser, struct expr *focus, struct token name);
static struct expr *parse_type_operator(struct parser *parser, struct expr *left);
static bool parse_type_name(struct parser *parser, struct type_name *type);

static struct expr *refuse(struct parser *parser, const char *what)
{
    lexer_refuse(&parser->lexer, parser->lexer.token.at, what, parser->err);
    return NULL;
}

/* What is well-formed, but names something that does not exist. */
static struct expr *refuse_name(struct parser *parser, const char *what, struct text name)
{
    err_set(parser->err, ERR_UNPROCESSABLE, NULL, "FHIRPath: %s `%.*s`.", what,
            name.size > 64 ? 64 : (int)name.size, name.data);
    return NULL;
}

static bool advance(struct parser *parser)
{
    return lexer_next(&parser->lexer, parser->err);
}

static bool expect(struct parser *parser, const char *symbol, const char *what)
{
    if (!lexer_is(&parser->lexer, symbol))
        return refuse(parser, what) != NULL;
    return advance(parser);
}

static struct expr *make(struct parser *parser, evaluate_fn *evaluate, const struct expr *left)
{
    struct expr *expr = arena_one(parser->arena, struct expr);

    expr->evaluate = evaluate;
    expr->left = left;
    return expr;
}

/* A copy, since the text of the expression may be gone when it is evaluated. */
static struct text keep(struct parser *parser, struct text text)
{
    return (struct text){arena_strndup(parser->arena, text.data, text.size), text.size};
}

struct fhirpath *fhirpath_compile(struct arena *arena, struct text expression, struct err *err)
{
    struct parser parser = {
        .lexer = {.arena = arena, .input = expression}, .arena = arena, .err = err};
    struct fhirpath *compiled = arena_one(arena, struct fhirpath);
    const struct expr *root;

    if (expression.size > MAX_EXPRESSION) {
        err_set(err, ERR_TOO_LARGE, NULL, "FHIRPath: the expression is longer than %zu bytes.",
                MAX_EXPRESSION);
        return NULL;
    }
    if (expression.size > 0 && !text_is_utf8(expression)) {
        err_set(err, ERR_INVALID, NULL, "FHIRPath: the expression is not UTF-8.");
        return NULL;
    }
    if (!advance(&parser))
        return NULL;
    root = parse_expression(&parser, 0);
    if (!root)
        return NULL;
    if (parser.lexer.token.kind != TOKEN_END) {
        refuse(&parser, "an operator or the end was expected");
        return NULL;
    }
    if (!expr_is_shallow(root, MAX_DEPTH)) {
        err_set(err, ERR_TOO_LARGE, NULL, "FHIRPath: the expression nests deeper than %d levels.",
                MAX_DEPTH);
        return NULL;
    }
    compiled->root = root;
    compiled->names.extension = name_find(TEXT("extension"));
    compiled->names.url = name_find(TEXT("url"));
    compiled->names.value = name_find(TEXT("value"));
    compiled->heads = expr_heads(root);
    return compiled;
}

/* Everything whose operators bind at least as tightly as `precedence`. */
static struct expr *parse_expression(struct parser *parser, unsigned precedence)
{
    struct expr *left;

    if (++parser->depth > MAX_DEPTH)
        return refuse(parser, "nested too deeply");
    left = parse_unary(parser);
    while (left) {
        const struct token *token = &parser->lexer.token;
        const struct operator_row *row;

        if (token->kind != TOKEN_NAME && token->kind != TOKEN_SYMBOL)
            break;
        if (lexer_is(&parser->lexer, "is") || lexer_is(&parser->lexer, "as")) {
            if (precedence > PRECEDENCE_TYPE)
                break;
            left = parse_type_operator(parser, left);
            continue;
        }
        row = operator_find(token->text);
        if (!row || row->precedence < precedence)
            break;
        if (!advance(parser))
            return NULL;
        left = make(parser, row->evaluate, left);
        left->right = parse_expression(parser, row->precedence + 1U);
        if (!left->right)
            return NULL;
    }
    parser->depth--;
    return left;
}

/* A sign binds less tightly than a dot: -1.abs() is -(1.abs()). */
static struct expr *parse_unary(struct parser *parser)
{
    bool minus = lexer_is(&parser->lexer, "-");
    struct expr *expr;

    if (!minus && !lexer_is(&parser->lexer, "+"))
        return parse_postfix(parser);
    if (!advance(parser))
        return NULL;
    expr = parse_expression(parser, PRECEDENCE_SIGN);
    if (!expr)
        return NULL;
    expr = make(parser, evaluate_sign, expr);
    expr->literal.integer = minus ? -1 : 1;
    return expr;
}

static struct expr *parse_postfix(struct parser *parser)
{
    struct expr *expr = parse_term(parser);

    while (expr) {
        if (lexer_is(&parser->lexer, ".")) {
            if (!advance(parser))
                return NULL;
            expr = parse_invocation(parser, expr);
        } else if (lexer_is(&parser->lexer, "[")) {
            struct expr *item = make(parser, evaluate_item, expr);

            if (!advance(parser))
                return NULL;
            item->right = parse_expression(parser, 0);
            if (!item->right || !expect(parser, "]", "`]` was expected"))
                return NULL;
            expr = item;
        } else {
            break;
        }
    }
    return expr;
}

static struct expr *make_literal(struct parser *parser, enum fhirpath_kind kind, struct text text)
{
    struct expr *expr = make(parser, evaluate_literal, NULL);

    expr->literal.kind = kind;
    expr->literal.text = keep(parser, text);
    return advance(parser) ? expr : NULL;
}

static struct expr *parse_parenthesis(struct parser *parser)
{
    struct expr *expr;

    if (!advance(parser))
        return NULL;
    expr = parse_expression(parser, 0);
    return expr && expect(parser, ")", "`)` was expected") ? expr : NULL;
}

static struct expr *parse_special(struct parser *parser)
{
    static const struct {
        const char *name;
        evaluate_fn *evaluate;
    } specials[] = {{"this", evaluate_this}, {"index", evaluate_index}, {"total", evaluate_total}};

    for (size_t i = 0; i < COUNT(specials); i++) {
        if (text_is(parser->lexer.token.text, specials[i].name))
            return advance(parser) ? make(parser, specials[i].evaluate, NULL) : NULL;
    }
    return refuse(parser, "after $ only this, index and total are known");
}

static struct expr *parse_variable(struct parser *parser)
{
    static const char *const known[] = {"resource", "rootResource", "context",
                                        "sct",      "loinc",        "ucum"};
    struct text name = parser->lexer.token.text;
    bool found = text_starts_with(name, TEXT("vs-")) || text_starts_with(name, TEXT("ext-"));

    for (size_t i = 0; i < COUNT(known); i++)
        found = found || text_is(name, known[i]);
    if (!found)
        return refuse_name(parser, "there is no variable", name);

    struct expr *expr = make(parser, evaluate_variable, NULL);
    expr->name = keep(parser, name);
    return advance(parser) ? expr : NULL;
}

static struct expr *parse_boolean(struct parser *parser, bool value)
{
    struct expr *expr = make_literal(parser, FHIRPATH_BOOLEAN, parser->lexer.token.text);

    if (expr)
        expr->literal.integer = value;
    return expr;
}

static struct expr *parse_empty(struct parser *parser)
{
    if (!advance(parser) || !expect(parser, "}", "`}` was expected"))
        return NULL;
    return make(parser, evaluate_empty, NULL);
}

static struct expr *parse_term(struct parser *parser)
{
    const struct token *token = &parser->lexer.token;

    switch (token->kind) {
    case TOKEN_STRING:
        return make_literal(parser, FHIRPATH_STRING, token->text);
    case TOKEN_DATE:
        return make_literal(parser, FHIRPATH_DATE, token->text);
    case TOKEN_DATETIME:
        return make_literal(parser, FHIRPATH_DATETIME, token->text);
    case TOKEN_TIME:
        return make_literal(parser, FHIRPATH_TIME, token->text);
    case TOKEN_NUMBER:
        return parse_number(parser);
    case TOKEN_SPECIAL:
        return parse_special(parser);
    case TOKEN_VARIABLE:
        return parse_variable(parser);
    case TOKEN_SYMBOL:
        if (lexer_is(&parser->lexer, "("))
            return parse_parenthesis(parser);
        if (lexer_is(&parser->lexer, "{"))
            return parse_empty(parser);
        return refuse(parser, "a value was expected");
    case TOKEN_NAME:
        if (lexer_is(&parser->lexer, "true") || lexer_is(&parser->lexer, "false"))
            return parse_boolean(parser, lexer_is(&parser->lexer, "true"));
        return parse_invocation(parser, NULL);
    case TOKEN_DELIMITED:
        return parse_invocation(parser, NULL);
    case TOKEN_END:
        return refuse(parser, "a value was expected, but the expression ends");
    }
    return NULL;
}

/* A number, or with a unit behind it a quantity: 4 days, 10.1 'mg'. */
static struct expr *parse_number(struct parser *parser)
{
    struct text text = parser->lexer.token.text;
    bool decimal = memchr(text.data, '.', text.size) != NULL;
    struct expr *expr = make_literal(parser, decimal ? FHIRPATH_DECIMAL : FHIRPATH_INTEGER, text);
    const struct token *token = &parser->lexer.token;

    if (!expr)
        return NULL;
    if (token->kind == TOKEN_STRING ||
        (token->kind == TOKEN_NAME && unit_is_calendar(token->text))) {
        expr->literal.kind = FHIRPATH_QUANTITY;
        expr->literal.unit = keep(parser, token->text);
        return advance(parser) ? expr : NULL;
    }
    if (!decimal && !text_to_int64(expr->literal.text, 0, INT64_MAX, &expr->literal.integer))
        return refuse(parser, "an integer that is too large");
    return expr;
}

/* A name or a call, behind a dot or (focus NULL) at the beginning. */
static struct expr *parse_invocation(struct parser *parser, struct expr *focus)
{
    struct token name = parser->lexer.token;

    if (focus && name.kind == TOKEN_SPECIAL)
        return refuse(parser, "$this, $index and $total begin an expression");
    if (name.kind != TOKEN_NAME && name.kind != TOKEN_DELIMITED)
        return refuse(parser, "a name was expected");
    if (!focus && name.kind == TOKEN_NAME && operator_find(name.text) &&
        !text_is(name.text, "contains") && !text_is(name.text, "in"))
        return refuse(parser, "a value was expected before the operator");
    if (!advance(parser))
        return NULL;
    if (name.kind == TOKEN_NAME && lexer_is(&parser->lexer, "("))
        return parse_call(parser, focus, name);
    return parse_path(parser, focus, name);
}

static bool parse_args(struct parser *parser, struct expr *call, struct text name)
{
    const struct expr *args[CALL_ARGS_MAX];
    unsigned count = 0;

    while (!lexer_is(&parser->lexer, ")")) {
        if (count == CALL_ARGS_MAX)
            return refuse(parser, "too many arguments") != NULL;
        if (count > 0 && !expect(parser, ",", "`,` or `)` was expected"))
            return false;
        args[count] = parse_expression(parser, 0);
        if (!args[count])
            return false;
        count++;
    }
    if (count < call->call.function->min_args || count > call->call.function->max_args)
        return refuse_name(parser, "wrong number of arguments for", name) != NULL;
    if (count > 0) {
        const struct expr **copy = arena_many(parser->arena, const struct expr *, count);

        for (unsigned i = 0; i < count; i++)
            copy[i] = args[i];
        call->call.args = copy;
    }
    call->call.arg_count = count;
    return true;
}

/* where(resolve() is Patient), without making what resolve() gives. */
static bool is_resolves(const struct expr *call)
{
    const struct expr *condition = call->call.arg_count == 1 ? call->call.args[0] : NULL;
    const struct expr *resolve = condition ? condition->left : NULL;

    return condition && text_is(text_of(call->call.function->name), "where") &&
           condition->evaluate == evaluate_is && resolve->evaluate == evaluate_call &&
           !resolve->left && text_is(text_of(resolve->call.function->name), "resolve");
}

static struct expr *parse_call(struct parser *parser, struct expr *focus, struct token name)
{
    struct expr *call = make(parser, evaluate_call, focus);

    call->call.function = function_find(name.text);
    if (!call->call.function)
        return refuse_name(parser, "there is no function", name.text);
    if (!advance(parser)) /* the bracket */
        return NULL;
    if (call->call.function->flags & FUNCTION_TAKES_TYPE) {
        if (!parse_type_name(parser, &call->call.type))
            return NULL;
    } else if (!parse_args(parser, call, name.text)) {
        return NULL;
    }
    if (!expect(parser, ")", "`)` was expected"))
        return NULL;
    if (is_resolves(call)) {
        struct type_name type = call->call.args[0]->type;

        call->evaluate = evaluate_where_resolves;
        call->type = type;
    }
    return call;
}

/* Names that only the results of type() have. */
static bool is_type_info_name(struct text name)
{
    return text_is(name, "namespace") || text_is(name, "name") || text_is(name, "baseType");
}

/* A name alone, or appended to the path it follows. */
static struct expr *parse_path(struct parser *parser, struct expr *focus, struct token name)
{
    const struct type *type = focus ? NULL : type_find(name.text);
    struct expr *path = focus;
    struct step *steps;

    if (!focus || focus->evaluate != evaluate_path) {
        path = make(parser, evaluate_path, focus);
        if (type && name.text.data[0] >= 'A' && name.text.data[0] <= 'Z') {
            path->path.root = type;
            return path;
        }
    }
    if (path->path.count == MAX_STEPS)
        return refuse(parser, "too many names in one path");
    steps = arena_many(parser->arena, struct step, path->path.count + 1U);
    if (path->path.count > 0)
        memcpy(steps, path->path.steps, path->path.count * sizeof(*steps));
    steps[path->path.count].name = keep(parser, name.text);
    steps[path->path.count].id = name_find(name.text);
    if (steps[path->path.count].id == 0 && !is_type_info_name(name.text))
        return refuse_name(parser, "R4 has no element called", name.text);
    path->path.steps = steps;
    path->path.count++;
    if (expr_steps_exist(path))
        return path;
    return refuse_name(
        parser, arena_printf(parser->arena, "%s has no such element:", path->path.root->name),
        name.text);
}

static struct expr *parse_type_operator(struct parser *parser, struct expr *left)
{
    struct expr *expr =
        make(parser, lexer_is(&parser->lexer, "is") ? evaluate_is : evaluate_as, left);

    if (!advance(parser) || !parse_type_name(parser, &expr->type))
        return NULL;
    return expr;
}

static int find_system_type(struct text name)
{
    static const struct {
        const char *name;
        int kind;
    } types[] = {
        {"Boolean", FHIRPATH_BOOLEAN}, {"String", FHIRPATH_STRING},
        {"Integer", FHIRPATH_INTEGER}, {"Decimal", FHIRPATH_DECIMAL},
        {"Date", FHIRPATH_DATE},       {"DateTime", FHIRPATH_DATETIME},
        {"Time", FHIRPATH_TIME},       {"Quantity", FHIRPATH_QUANTITY},
        {"Any", SYSTEM_ANY},
    };

    for (size_t i = 0; i < COUNT(types); i++) {
        if (text_is(name, types[i].name))
            return types[i].kind;
    }
    return SYSTEM_NONE;
}

/* HumanName, FHIR.HumanName, System.String, `Patient`. */
static bool parse_type_name(struct parser *parser, struct type_name *type)
{
    struct text space = {NULL, 0}, name = parser->lexer.token.text;

    if (parser->lexer.token.kind != TOKEN_NAME && parser->lexer.token.kind != TOKEN_DELIMITED)
        return refuse(parser, "the name of a type was expected") != NULL;
    if (!advance(parser))
        return false;
    if ((text_is(name, "FHIR") || text_is(name, "System")) && lexer_is(&parser->lexer, ".")) {
        space = name;
        if (!advance(parser))
            return false;
        name = parser->lexer.token.text;
        if (parser->lexer.token.kind != TOKEN_NAME && parser->lexer.token.kind != TOKEN_DELIMITED)
            return refuse(parser, "the name of a type was expected") != NULL;
        if (!advance(parser))
            return false;
    }
    type->fhir = text_is(space, "System") ? NULL : type_find(name);
    type->system = text_is(space, "FHIR") ? SYSTEM_NONE : find_system_type(name);
    if (!type->fhir && type->system == SYSTEM_NONE)
        return refuse_name(parser, "there is no type", name) != NULL;
    return true;
}
