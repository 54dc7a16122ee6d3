/*
 * Definitions - the registry: what is loaded, by url and version.
 */

#include "fhir/definitions.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "fhir/canonical.h"
#include "fhir/definitions_set.h"
#include "fhir/issue.h"
#include "fhir/node.h"
#include "fhir/profile_compile.h"
#include "fhir/profile_draft.h"
#include "fhir/terminology_set.h"

#include <stdatomic.h>

/* Profiles on top of profiles. */
#define BASES_MAX 32

#define R4_VERSION "4.0.1"

enum state { STATE_NEW, STATE_BUSY, STATE_DONE };

/* A StructureDefinition that was added, usable or not. */
struct definition {
    const char *url, *version, *package; /* version, package may be NULL */
    const struct node *resource;         /* borrowed until the set is finished; then NULL */
    struct profile *profile;             /* NULL: not usable, or not yet compiled */
    enum state state;
    struct definition *lower; /* with the same url and a lower version */
    struct definition *next;  /* in the order added */
};

struct definitions {
    struct arena *arena;
    const struct definitions *base; /* borrowed: it lives for ever; NULL for the base itself */
    struct map urls;                /* url -> the definition with the highest version */
    struct definition *first, *last;
    struct terminology *terminology; /* NULL: what R4 publishes */
    atomic_uint holders;
};

static void add_profile(struct definitions *definitions, const struct node *resource,
                        const char *package);
static struct definition *place_of(struct definitions *definitions, struct text url,
                                   struct text version);
static void compile(struct definitions *definitions, struct compiler *compiler,
                    struct definition *definition, unsigned depth);
static const struct profile *find_base(struct definitions *definitions, struct compiler *compiler,
                                       const struct definition *definition, unsigned depth,
                                       bool *known);
static struct definition *find(const struct definitions *definitions, struct canonical canonical);
static const struct definition *find_usable(const struct definitions *definitions,
                                            struct canonical canonical);

struct definitions *definitions_new(void)
{
    struct definitions *definitions = definitions_start(definitions_base());

    definitions->terminology = terminology_new(definitions->arena);
    return definitions;
}

struct definitions *definitions_start(const struct definitions *base)
{
    struct arena *arena = arena_new();
    struct definitions *definitions = arena_one(arena, struct definitions);

    definitions->arena = arena;
    definitions->base = base;
    definitions->urls.arena = arena;
    atomic_init(&definitions->holders, 1);
    return definitions;
}

void definitions_add(struct definitions *definitions, const struct node *resource,
                     const char *package)
{
    const char *type = resource->type ? resource->type->name : "";

    if (strcmp(type, "StructureDefinition") == 0)
        add_profile(definitions, resource, package);
    else if (definitions->terminology &&
             (strcmp(type, "ValueSet") == 0 || strcmp(type, "CodeSystem") == 0))
        terminology_add(definitions->terminology, resource);
}

static void add_profile(struct definitions *definitions, const struct node *resource,
                        const char *package)
{
    struct text url = node_value(resource, "url");
    struct definition *definition;

    if (url.size == 0 || profile_type_of_r4(url))
        return; /* nobody can ask for it; or it is built in */
    definition = place_of(definitions, url, node_value(resource, "version"));
    definition->resource = resource;
    definition->package = package ? arena_strdup(definitions->arena, package) : NULL;
}

/* The definition with this url and version, a new one among those with the url when there is none.
 */
static struct definition *place_of(struct definitions *definitions, struct text url,
                                   struct text version)
{
    struct arena *arena = definitions->arena;
    struct map_entry *entry = map_entry(&definitions->urls, url);
    struct definition **link = (struct definition **)&entry->value, *definition;

    while (*link && canonical_compare_versions(text_of((*link)->version), version) > 0)
        link = &(*link)->lower;
    if (*link && canonical_compare_versions(text_of((*link)->version), version) == 0)
        return *link;
    definition = arena_one(arena, struct definition);
    definition->url = text_dup(arena, url);
    definition->version = text_dup(arena, version);
    definition->lower = *link;
    *link = definition;
    entry->key.data = definition->url;
    if (definitions->last)
        definitions->last->next = definition;
    else
        definitions->first = definition;
    definitions->last = definition;
    return definition;
}

void definitions_add_types(struct definitions *definitions)
{
    struct arena *arena = definitions->arena;

    for (unsigned i = 0; i < type_count(); i++) {
        const struct type *type = type_at(i);
        const char *url =
            arena_printf(arena, "http://hl7.org/fhir/StructureDefinition/%s", type->name);
        struct definition *definition;
        struct rule *root;

        if (type->kind == TYPE_BACKBONE)
            continue;
        definition = place_of(definitions, text_of(url), TEXT(R4_VERSION));
        definition->state = STATE_DONE;
        definition->profile = arena_one(arena, struct profile);
        root = arena_one(arena, struct rule);
        *root = (struct rule){
            .profile = definition->profile,
            .id = type->name,
            .name = TEXT(""),
            .max = ELEMENT_MANY,
        };
        *definition->profile = (struct profile){
            .url = definition->url,
            .version = definition->version,
            .name = type->name,
            .type = type,
            .abstract = type->abstract,
            .root = root,
        };
    }
}

const struct definitions *definitions_finish(struct definitions *definitions, struct issues *issues)
{
    struct arena *session = arena_new();
    struct compiler compiler = {
        .arena = definitions->arena,
        .scratch = arena_new(),
        .issues = issues,
        .strings.arena = session,
        .paths.arena = session,
    };

    for (struct definition *one = definitions->first; one; one = one->next)
        compile(definitions, &compiler, one, 0);
    for (struct definition *one = definitions->first; one; one = one->next)
        one->resource = NULL;
    if (definitions->terminology)
        terminology_finish(definitions->terminology, issues);
    arena_free(compiler.scratch);
    arena_free(session);
    return definitions;
}

/* After its base, which may come later in the list. */
static void compile(struct definitions *definitions, struct compiler *compiler,
                    struct definition *definition, unsigned depth)
{
    const struct profile *base;
    bool known;

    if (definition->state != STATE_NEW)
        return;
    definition->state = STATE_BUSY;
    base = find_base(definitions, compiler, definition, depth, &known);
    definition->profile =
        profile_compile(compiler, definition->resource, definition->package, base, known);
    definition->state = STATE_DONE;
}

static const struct profile *find_base(struct definitions *definitions, struct compiler *compiler,
                                       const struct definition *definition, unsigned depth,
                                       bool *known)
{
    struct text url = node_value(definition->resource, "baseDefinition");
    struct canonical canonical = canonical_split(url);
    struct definition *own = find(definitions, canonical);
    const struct definition *found;

    *known = true;
    if (profile_type_of_r4(canonical.url))
        return NULL;
    if (own && own->state == STATE_NEW && depth < BASES_MAX)
        compile(definitions, compiler, own, depth + 1);
    found = find_usable(definitions, canonical);
    *known = found && found->state == STATE_DONE;
    if (own && own->state == STATE_BUSY)
        issue_add(compiler->issues, ISSUE_WARNING, "business-rule", NULL,
                  "%s: its baseDefinitions lead back to itself.", definition->url);
    return *known ? found->profile : NULL;
}

static struct definition *find(const struct definitions *definitions, struct canonical canonical)
{
    struct definition *found = map_find(&definitions->urls, canonical.url);

    while (found && !canonical_version_fits(canonical.version, text_of(found->version)))
        found = found->lower;
    return found;
}

/* The highest one in this set and its base; this set's when they are equal. */
static const struct definition *find_usable(const struct definitions *definitions,
                                            struct canonical canonical)
{
    const struct definition *found = find(definitions, canonical), *other;

    while (found &&
           (!found->profile || !canonical_version_fits(canonical.version, text_of(found->version))))
        found = found->lower;
    other = definitions->base ? find_usable(definitions->base, canonical) : NULL;
    if (!found || !other)
        return found ? found : other;
    return canonical_compare_versions(text_of(other->version), text_of(found->version)) > 0 ? other
                                                                                            : found;
}

const struct profile *definitions_profile(const struct definitions *definitions,
                                          struct text canonical)
{
    const struct definition *found = find_usable(definitions, canonical_split(canonical));

    return found ? found->profile : NULL;
}

const struct terminology *definitions_terminology(const struct definitions *definitions)
{
    return definitions->terminology ? definitions->terminology : terminology_base();
}

const struct definitions *definitions_hold(const struct definitions *definitions)
{
    struct definitions *held = (struct definitions *)definitions;

    if (held->base)
        atomic_fetch_add(&held->holders, 1);
    return definitions;
}

void definitions_release(const struct definitions *definitions)
{
    struct definitions *held = (struct definitions *)definitions;

    if (held && held->base && atomic_fetch_sub(&held->holders, 1) == 1)
        definitions_free(held);
}

void definitions_free(struct definitions *definitions)
{
    arena_free(definitions->arena);
}

size_t definitions_memory(const struct definitions *definitions)
{
    return definitions->base ? arena_used(definitions->arena) : 0;
}
