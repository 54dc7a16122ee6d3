/*
 * Search extend - see search_extend.h.
 */

#include "fhir/search_extend.h"

#include "base/arena.h"
#include "base/count.h"
#include "base/err.h"
#include "base/hash.h"
#include "fhir/fhirpath.h"
#include "fhir/issue.h"
#include "fhir/node.h"
#include "fhir/search_expression.h"
#include "fhir/type.h"

#include <stdlib.h>

#define CODE_MAX 64

struct entry {
    struct search_addition addition;
    struct entry *next;
};

struct definition {
    const struct node *resource;
    struct definition *next;
};

struct search_extender {
    struct arena *arena;
    struct definition *definitions, **last; /* in order */
    struct entry *first;
    size_t count;
};

/* One definition, for any of its base types. */
struct reading {
    struct search_extender *extender;
    struct issues *issues;
    struct text url;
    struct search_param param;
    uint64_t version;
    bool check; /* only whether it can be used; what is wrong is an error */
    const struct fhirpath *compiled;
    const struct fhirpath *parts[SEARCH_PARTS_MAX]; /* behind the composite's own expression */
    unsigned fitting, bases;
    struct err misfit;
};

static void take(struct search_extender *extender, const struct node *resource,
                 struct issues *issues);
static bool read_definition(struct reading *reading, const struct node *resource);
static bool read_parts(struct reading *reading, const struct node *resource);
static bool read_part(struct reading *reading, const struct node *node,
                      struct search_component *part);
static const char *find_part(const struct reading *reading, struct text url,
                             enum search_type *type);
static bool read_targets(struct reading *reading, const struct node *resource);
static uint64_t version_of(const struct search_param *param);
static void add_bases(struct reading *reading, const struct node *resource);
static void add_type(struct reading *reading, const struct type *type);
static bool says_the_same(const char *a, const char *b);
static bool refuse(const struct reading *reading, const char *why);
static int compare_entries(const void *a, const void *b);

struct search_extender *search_extender_new(struct arena *arena)
{
    struct search_extender *extender = arena_one(arena, struct search_extender);

    extender->arena = arena;
    extender->last = &extender->definitions;
    return extender;
}

void search_extender_add(struct search_extender *extender, const struct node *resource)
{
    struct definition *definition = arena_one(extender->arena, struct definition);

    definition->resource = resource;
    *extender->last = definition;
    extender->last = &definition->next;
}

const struct search_addition *search_extender_finish(struct search_extender *extender,
                                                     struct issues *issues, size_t *count)
{
    struct search_addition *additions;

    extender->first = NULL;
    extender->count = *count = 0;
    for (const struct definition *one = extender->definitions; one; one = one->next)
        take(extender, one->resource, issues);
    additions = arena_many(extender->arena, struct search_addition, extender->count);
    for (const struct entry *entry = extender->first; entry; entry = entry->next)
        additions[(*count)++] = entry->addition;
    qsort(additions, *count, sizeof(*additions), compare_entries);
    return additions;
}

static void take(struct search_extender *extender, const struct node *resource,
                 struct issues *issues)
{
    struct reading reading = {
        .extender = extender, .issues = issues, .url = node_value(resource, "url")};

    if (read_definition(&reading, resource))
        add_bases(&reading, resource);
}

void search_extend_check(const struct node *resource, struct issues *issues)
{
    struct reading reading = {
        .extender = search_extender_new(issues->arena),
        .issues = issues,
        .url = node_value(resource, "url"),
        .check = true,
    };

    if (!read_definition(&reading, resource))
        return;
    add_bases(&reading, resource);
    if (reading.bases && !reading.fitting)
        refuse(&reading, arena_printf(issues->arena, "its expression finds nothing in its base: %s",
                                      reading.misfit.text));
}

/* Beside what is in force. */
static void check_type(struct reading *reading, const struct type *type)
{
    const struct search_param *other = search_param_find(type->name, text_of(reading->param.code));

    bool fits = fhirpath_fits(reading->compiled, type, &reading->misfit);

    for (unsigned i = 0; fits && i < reading->param.component_count; i++)
        fits = fhirpath_fits(reading->parts[i], type, &reading->misfit);
    reading->bases++;
    reading->fitting += fits;
    if (other && search_extension_of(other) && strcmp(other->url, reading->param.url) != 0)
        refuse(reading, arena_printf(reading->extender->arena,
                                     "%s has a parameter %s already, defined by %s", type->name,
                                     other->code, other->url));
}

static bool read_type(struct text name, enum search_type *type)
{
    for (unsigned i = 0; i <= SEARCH_SPECIAL; i++) {
        *type = (enum search_type)i;
        if (text_is(name, search_type_name(*type)))
            return true;
    }
    return false;
}

/* What can stand in a query without being taken for a modifier, a chain, or one of R4's own. */
static bool is_code(struct text code)
{
    if (!code.size || code.size > CODE_MAX || code.data[0] == '_')
        return false;
    for (size_t i = 0; i < code.size; i++) {
        char c = code.data[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '-' && c != '_')
            return false;
    }
    return true;
}

static bool read_definition(struct reading *reading, const struct node *resource)
{
    struct arena *arena = reading->extender->arena;
    struct text code = node_value(resource, "code"),
                expression = node_value(resource, "expression");
    struct search_param *param = &reading->param;
    struct err err = {0};

    if (code.size && code.data[0] == '_' && !reading->check)
        return false; /* R4's own; packages repeat them */
    if (!is_code(code))
        return refuse(reading, "its code cannot be the name of a search parameter");
    if (!read_type(node_value(resource, "type"), &param->search_type))
        return refuse(reading, "its type is unknown");
    if (!expression.size)
        return refuse(reading, "it has no expression");
    expression = search_expression_plain(arena, expression);
    reading->compiled = fhirpath_compile(arena, expression, &err);
    if (!reading->compiled)
        return refuse(reading, arena_printf(arena, "its expression cannot be used: %s", err.text));
    param->code = text_dup(arena, code);
    param->url = text_dup(arena, reading->url.size ? reading->url : TEXT(""));
    param->expression = text_dup(arena, expression);
    if (!read_targets(reading, resource))
        return refuse(reading, "a target is no resource type");
    if (param->search_type == SEARCH_SPECIAL)
        return refuse(reading, "special parameters are R4's own");
    if (param->search_type == SEARCH_COMPOSITE && !read_parts(reading, resource))
        return false;
    reading->version = version_of(param);
    return true;
}

/* R4 search.html#composite. */
static bool read_parts(struct reading *reading, const struct node *resource)
{
    struct search_param *param = &reading->param;
    struct search_component *parts =
        arena_many(reading->extender->arena, struct search_component, SEARCH_PARTS_MAX);

    for (const struct node *node = node_child(resource, "component"); node;
         node = node_next_same(node)) {
        if (param->component_count == SEARCH_PARTS_MAX)
            return refuse(reading, "it has more than three components");
        if (!read_part(reading, node, &parts[param->component_count++]))
            return false;
    }
    param->components = parts;
    return param->component_count > 1 || refuse(reading, "it has fewer than two components");
}

static bool read_part(struct reading *reading, const struct node *node,
                      struct search_component *part)
{
    struct arena *arena = reading->extender->arena;
    struct text expression = node_value(node, "expression"), url = node_value(node, "definition");
    struct err err = {0};

    text_split(url, '|', &url, &(struct text){0});
    part->code = find_part(reading, url, &part->type);
    if (!part->code)
        return refuse(reading,
                      "a component is of no search parameter that is known here, which one "
                      "that was just stored is after a second or two");
    if (part->type == SEARCH_COMPOSITE || part->type == SEARCH_SPECIAL)
        return refuse(reading, "components cannot be composite or special themselves");
    if (!expression.size)
        return refuse(reading, "a component has no expression");
    part->expression = search_expression_plain(arena, expression).data;

    /* Names of elements are looked at where they stand: behind the composite's. */
    const char *whole =
        arena_printf(arena, "(%s).select(%s)", reading->param.expression, part->expression);
    const struct fhirpath *compiled = fhirpath_compile(arena, text_of(part->expression), &err);
    if (compiled)
        compiled = fhirpath_compile(arena, text_of(whole), &err);
    reading->parts[reading->param.component_count - 1] = compiled;
    return compiled || refuse(reading, arena_printf(arena,
                                                    "an expression of a component cannot be "
                                                    "used: %s",
                                                    err.text));
}

/* The code and type of the search parameter with this url; NULL when there is none. What was added
 * before counts only beside which a resource is checked. */
static const char *find_part(const struct reading *reading, struct text url, enum search_type *type)
{
    const struct search_param *known = search_param_with_url(url);
    const char *code = NULL;
    enum search_type found;

    for (const struct definition *one = reading->extender->definitions; one; one = one->next) {
        if (!url.size || !text_equals(node_value(one->resource, "url"), url) ||
            !read_type(node_value(one->resource, "type"), &found))
            continue;
        code = text_dup(reading->extender->arena, node_value(one->resource, "code"));
        *type = found;
    }
    if (code || !known || (search_extension_of(known) && !reading->check))
        return code;
    *type = known->search_type;
    return known->code;
}

static bool read_targets(struct reading *reading, const struct node *resource)
{
    const struct node *first = node_child(resource, "target");
    size_t count = 0;

    for (const struct node *node = first; node; node = node_next_same(node))
        count++;
    if (reading->param.search_type != SEARCH_REFERENCE || count == 0)
        return true;
    const char **targets = arena_many(reading->extender->arena, const char *, count + 1);
    size_t used = 0;
    for (const struct node *node = first; node; node = node_next_same(node)) {
        const struct type *type = resource_type_find(node->value);

        if (text_is(node->value, "Resource"))
            return true; /* any */
        if (!type)
            return false;
        targets[used++] = type->name;
    }
    reading->param.targets = targets;
    return true;
}

/* Of all that decides over what is stored. */
static uint64_t version_of(const struct search_param *param)
{
    static const struct hash_key open = {0}; /* not a secret: tokens are keyed */
    /* Earlier programs kept these in columns where R4 has none of the name. */
    static const char *const had_columns[] = {"patient", "code", "date"};
    struct hash_state state;

    hash_init(&state, &open);
    hash_number(&state, (uint64_t)param->search_type);
    hash_part(&state, param->expression, strlen(param->expression));
    for (unsigned i = 0; i < param->component_count; i++) {
        hash_number(&state, (uint64_t)param->components[i].type);
        hash_part(&state, param->components[i].expression, strlen(param->components[i].expression));
    }
    for (size_t i = 0; i < COUNT(had_columns); i++)
        if (strcmp(param->code, had_columns[i]) == 0)
            hash_number(&state, i);
    return hash_done(&state);
}

static void add_bases(struct reading *reading, const struct node *resource)
{
    for (const struct node *base = node_child(resource, "base"); base;
         base = node_next_same(base)) {
        const struct type *type = resource_type_find(base->value);
        bool all = text_is(base->value, "Resource") || text_is(base->value, "DomainResource");

        if (type)
            add_type(reading, type);
        else if (!all)
            refuse(reading, "a base is no resource type");
        for (unsigned i = 0; all && i < resource_type_count(); i++)
            add_type(reading, type_at(i));
    }
}

static void add_type(struct reading *reading, const struct type *type)
{
    struct search_extender *extender = reading->extender;
    const struct search_param *own =
        search_param_find_published(type->name, text_of(reading->param.code));
    struct entry *entry = extender->first;

    if (reading->check)
        check_type(reading, type);
    if (own) {
        if (!own->expression || own->search_type != reading->param.search_type ||
            !says_the_same(own->expression, reading->param.expression))
            refuse(reading, arena_printf(extender->arena,
                                         "R4 defines the parameter %s of %s otherwise, and that "
                                         "definition stays",
                                         own->code, type->name));
        return;
    }
    while (entry && (strcmp(entry->addition.param.type, type->name) != 0 ||
                     strcmp(entry->addition.param.code, reading->param.code) != 0))
        entry = entry->next;
    if (!entry) {
        entry = arena_one(extender->arena, struct entry);
        entry->next = extender->first;
        extender->first = entry;
        extender->count++;
    }
    entry->addition.param = reading->param;
    entry->addition.param.type = type->name;
    entry->addition.extension = arena_one(extender->arena, struct search_extension);
    entry->addition.extension->version = reading->version;
}

/* But for spaces. */
static bool says_the_same(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (*a == ' ')
            a++;
        while (*b == ' ')
            b++;
        if (*a != *b)
            return false;
        if (!*a)
            return true;
    }
}

static bool refuse(const struct reading *reading, const char *why)
{
    size_t size = strlen(why);

    if (reading->check)
        issue_add(reading->issues, ISSUE_ERROR, "business-rule", "SearchParameter",
                  "The search parameter cannot be put to use: %s%s", why,
                  size && why[size - 1] == '.' ? "" : ".");
    else
        issue_add(reading->issues, ISSUE_WARNING, "business-rule", NULL, "%.*s: %s%s",
                  TEXT_ARGS(reading->url), why, size && why[size - 1] == '.' ? "" : ".");
    return false;
}

static int compare_entries(const void *a, const void *b)
{
    const struct search_addition *left = a, *right = b;
    int order = strcmp(left->param.type, right->param.type);

    return order ? order : strcmp(left->param.code, right->param.code);
}
