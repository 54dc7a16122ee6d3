/*
 * Profile compilation - see profile_compile.h.
 *
 * A snapshot is read like a differential that says everything of a bare type;
 * stripping (profile_strip.c) then makes both alike (R4 profiling.html#snapshot).
 */

#include "fhir/profile_compile.h"

#include "base/arena.h"
#include "base/err.h"
#include "fhir/issue.h"
#include "fhir/node.h"
#include "fhir/profile_draft.h"

#define TYPE_PREFIX TEXT("http://hl7.org/fhir/StructureDefinition/")
#define PATH_DEPTH  64

/* The last element seen at each depth, for definitions without ids. */
struct places {
    struct text paths[PATH_DEPTH];
    struct draft *drafts[PATH_DEPTH];
    bool by_id;
};

static bool is_usable(struct compiler *compiler, const struct node *definition);
static bool refuse(struct compiler *compiler, enum issue_severity severity, const char *code,
                   const struct node *definition, const char *why);
static struct profile *read_header(struct compiler *compiler, const struct node *definition,
                                   const char *package);
static void read_contexts(struct compiler *compiler, const struct node *definition,
                          struct profile *profile);
static void read_context_invariants(struct compiler *compiler, const struct node *definition,
                                    struct profile *profile);
static unsigned count_children(const struct node *node, const char *name);
static void read_elements(struct drafting *drafting, const struct node *elements);
static bool ids_are_usable(const struct node *elements);
static bool id_is_usable(struct text path, struct text id, struct text slice);
static unsigned count_steps(struct text path);
static struct text last_step(struct text path);
static struct draft *find_by_id(struct drafting *drafting, struct text path, struct text id);
static struct draft *find_by_place(struct drafting *drafting, struct places *places,
                                   struct text path, struct text slice);
static struct draft *walk(struct drafting *drafting, struct draft *draft, struct text steps);

struct profile *profile_compile(struct compiler *compiler, const struct node *definition,
                                const char *package, const struct profile *base, bool base_known)
{
    const struct node *snapshot = node_child(definition, "snapshot");
    const struct node *differential = node_child(definition, "differential");
    bool from_snapshot = snapshot && node_child(snapshot, "element");
    struct drafting drafting;
    struct profile *profile;

    if (!is_usable(compiler, definition))
        return NULL;
    if (!from_snapshot && !base_known) {
        refuse(compiler, ISSUE_WARNING, "not-found", definition,
               "it has no snapshot, and its baseDefinition is not loaded");
        return NULL;
    }
    arena_reset(compiler->scratch);
    profile = read_header(compiler, definition, package);
    profile->base = base;
    drafting_start(&drafting, compiler, profile);
    if (base && !from_snapshot) {
        profile->modifier = base->modifier;
        draft_thaw(&drafting, base->root);
    }
    if (from_snapshot || differential)
        read_elements(&drafting, from_snapshot ? snapshot : differential);
    if (drafting.unknown > 0)
        issue_add(compiler->issues, ISSUE_WARNING, "not-supported", NULL,
                  "%s: %u of its elements are unknown to R4, or too many, and left out.",
                  profile->url, drafting.unknown);
    draft_strip(&drafting);
    profile->root = draft_freeze(&drafting);
    return profile;
}

static bool is_usable(struct compiler *compiler, const struct node *definition)
{
    struct text type = node_value(definition, "type");
    struct text kind = node_value(definition, "kind");

    if (text_is(kind, "logical"))
        return refuse(compiler, ISSUE_INFORMATION, "not-supported", definition,
                      "it is a logical model, which no resource is checked against");
    if (!text_is(node_value(definition, "derivation"), "constraint"))
        return refuse(compiler, ISSUE_INFORMATION, "not-supported", definition,
                      "it defines a type and is no profile; the types are those of R4");
    if (!type_find(type) && !profile_type_of_r4(type))
        return refuse(compiler, ISSUE_WARNING, "not-supported", definition,
                      "the type that it constrains is unknown to R4");
    return true;
}

static bool refuse(struct compiler *compiler, enum issue_severity severity, const char *code,
                   const struct node *definition, const char *why)
{
    struct text url = node_value(definition, "url");

    issue_add(compiler->issues, severity, code, NULL, "%.*s is not used: %s.", TEXT_ARGS(url), why);
    return false;
}

const struct type *profile_type_of_r4(struct text url)
{
    const struct type *type;

    if (!text_starts_with(url, TYPE_PREFIX))
        return NULL;
    type = type_find((struct text){url.data + TYPE_PREFIX.size, url.size - TYPE_PREFIX.size});
    return type && type->kind != TYPE_BACKBONE ? type : NULL;
}

static struct profile *read_header(struct compiler *compiler, const struct node *definition,
                                   const char *package)
{
    struct profile *profile = arena_one(compiler->arena, struct profile);
    struct text type = node_value(definition, "type");

    profile->url = compiler_string(compiler, node_value(definition, "url"));
    profile->version = compiler_string(compiler, node_value(definition, "version"));
    profile->name = compiler_string(compiler, node_value(definition, "name"));
    profile->title = compiler_string(compiler, node_value(definition, "title"));
    profile->package = package;
    profile->type = type_find(type) ? type_find(type) : profile_type_of_r4(type);
    profile->abstract = text_is(node_value(definition, "abstract"), "true");
    read_contexts(compiler, definition, profile);
    read_context_invariants(compiler, definition, profile);
    return profile;
}

static void read_contexts(struct compiler *compiler, const struct node *definition,
                          struct profile *profile)
{
    unsigned count = count_children(definition, "context");
    struct extension_context *contexts =
        arena_many(compiler->arena, struct extension_context, count);
    unsigned left = 0;

    for (const struct node *one = node_child(definition, "context"); one;
         one = node_next_same(one)) {
        struct text type = node_value(one, "type");
        struct extension_context context = {
            .type = text_is(type, "extension")  ? CONTEXT_EXTENSION
                    : text_is(type, "fhirpath") ? CONTEXT_FHIRPATH
                                                : CONTEXT_ELEMENT,
            .expression = compiler_string(compiler, node_value(one, "expression")),
        };

        if (!context.expression)
            continue;
        if (context.type == CONTEXT_FHIRPATH)
            context.compiled = compiler_path(compiler, profile, context.expression);
        contexts[left++] = context;
    }
    profile->contexts = left > 0 ? contexts : NULL;
    profile->context_count = left;
}

static void read_context_invariants(struct compiler *compiler, const struct node *definition,
                                    struct profile *profile)
{
    unsigned count = count_children(definition, "contextInvariant");
    struct rule_constraint *list = arena_many(compiler->arena, struct rule_constraint, count);
    unsigned left = 0;

    for (const struct node *one = node_child(definition, "contextInvariant"); one;
         one = node_next_same(one)) {
        struct rule_constraint constraint = {
            .key = "contextInvariant",
            .expression = compiler_string(compiler, one->value),
            .source = profile->url,
            .is_error = true,
        };

        if (constraint.expression)
            constraint.compiled = compiler_path(compiler, profile, constraint.expression);
        if (constraint.compiled)
            list[left++] = constraint;
    }
    profile->context_invariants = left > 0 ? list : NULL;
    profile->context_invariant_count = left;
}

static unsigned count_children(const struct node *node, const char *name)
{
    unsigned count = 0;

    for (const struct node *one = node_child(node, name); one; one = node_next_same(one))
        count++;
    return count;
}

static void read_elements(struct drafting *drafting, const struct node *elements)
{
    struct places places = {.by_id = ids_are_usable(elements)};

    for (const struct node *one = node_child(elements, "element"); one; one = node_next_same(one)) {
        struct text path = node_value(one, "path"), id = node_value(one, "id");
        struct draft *draft =
            places.by_id ? find_by_id(drafting, path, id.data ? id : path)
                         : find_by_place(drafting, &places, path, node_value(one, "sliceName"));

        if (draft)
            draft_read_element(drafting, draft, one);
        else if (!text_is(last_step(path), "value")) /* that of a primitive is no element here */
            drafting->unknown++;
    }
}

/* Ids say of every step which slice it is in; but they are optional, and tools
 * err. Then it is the order of the elements that tells. */
static bool ids_are_usable(const struct node *elements)
{
    for (const struct node *one = node_child(elements, "element"); one; one = node_next_same(one)) {
        struct text path = node_value(one, "path"), id = node_value(one, "id");

        if (!id_is_usable(path, id.data ? id : path, node_value(one, "sliceName")))
            return false;
    }
    return true;
}

static bool id_is_usable(struct text path, struct text id, struct text slice)
{
    struct text last = last_step(id);

    if (count_steps(path) != count_steps(id))
        return false;
    return !slice.data || text_equals(last, slice) || memchr(last.data, ':', last.size);
}

static unsigned count_steps(struct text path)
{
    struct text step;
    unsigned count = 0;

    while (text_next(&path, '.', &step))
        count++;
    return count;
}

static struct text last_step(struct text path)
{
    struct text step = TEXT("");

    while (text_next(&path, '.', &step))
        ;
    return step;
}

static struct draft *find_by_id(struct drafting *drafting, struct text path, struct text id)
{
    struct draft *draft = drafting->root;
    struct text step, named, name, slice;

    text_next(&path, '.', &step);
    text_next(&id, '.', &named);
    while (draft && text_next(&path, '.', &step) && text_next(&id, '.', &named)) {
        bool sliced = text_split(named, ':', &name, &slice);

        draft = draft_child(drafting, draft, sliced ? name : step);
        if (draft && sliced)
            draft = draft_slice(drafting, draft, slice);
    }
    return draft;
}

/* Below the last element with a path that this one continues. */
static struct draft *find_by_place(struct drafting *drafting, struct places *places,
                                   struct text path, struct text slice)
{
    unsigned depth = count_steps(path), at = depth;
    struct draft *draft = drafting->root;
    struct text above, rest = path;

    if (depth > PATH_DEPTH || depth == 0)
        return NULL;
    text_next(&rest, '.', &above);
    while (--at > 0) {
        above = places->paths[at - 1];
        if (above.data && text_starts_with(path, above) && path.data[above.size] == '.') {
            draft = places->drafts[at - 1];
            rest = (struct text){path.data + above.size + 1, path.size - above.size - 1};
            break;
        }
    }
    draft = walk(drafting, draft, rest);
    if (draft && slice.size > 0 && depth > 1 &&
        !(draft->general && text_is(slice, draft->rule.slice)))
        draft = draft_slice(drafting, draft, slice);
    places->paths[depth - 1] = path;
    places->drafts[depth - 1] = draft;
    for (at = depth; at < PATH_DEPTH; at++)
        places->paths[at] = (struct text){0};
    return draft;
}

static struct draft *walk(struct drafting *drafting, struct draft *draft, struct text steps)
{
    struct text step;

    while (draft && text_next(&steps, '.', &step))
        draft = draft_child(drafting, draft, step);
    return draft;
}
