/*
 * Knowledge - see knowledge.h.
 */

#include "server/knowledge.h"

#include "base/arena.h"
#include "fhir/definitions.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/search_extend.h"
#include "fhir/type.h"
#include "server/capabilities.h"
#include "server/package_source.h"

#include <malloc.h>
#include <stdatomic.h>

/* The first member, so that one is the other. */
struct counted {
    struct knowledge knowledge;
    struct arena *arena; /* of the statement */
    atomic_uint holders;
};

static void add_definition(const struct package_definition *definition, const char *package,
                           void *context);
static void note_profile(struct knowledge_gathering *gathering, const struct node *resource);
static void drop_unusable(struct knowledge_gathering *gathering,
                          const struct definitions *definitions);

const struct knowledge *knowledge_read(struct packages *packages, const struct config *config,
                                       const char *base, struct err *err)
{
    struct counted *counted = calloc(1, sizeof(*counted));
    struct knowledge_gathering gathering;
    struct issues issues;

    if (!counted)
        abort();
    knowledge_gather(&gathering);
    issues_init(&issues, gathering.arena, 0); /* whoever installed it was told */
    bool good = knowledge_add_installed(&gathering, packages, err);
    const struct definitions *definitions = definitions_finish(gathering.definitions, &issues);
    drop_unusable(&gathering, definitions);
    counted->arena = arena_new();
    counted->knowledge = (struct knowledge){
        .definitions = definitions,
        .capabilities = capabilities_make(counted->arena, config, base, gathering.profiles),
        .epoch = gathering.epoch,
    };
    atomic_init(&counted->holders, 1);
    knowledge_forget(&gathering);
    if (good)
        return &counted->knowledge;
    knowledge_release(&counted->knowledge);
    return NULL;
}

const struct knowledge *knowledge_hold(const struct knowledge *knowledge)
{
    atomic_fetch_add(&((struct counted *)knowledge)->holders, 1);
    return knowledge;
}

void knowledge_release(const struct knowledge *knowledge)
{
    struct counted *counted = (struct counted *)knowledge;

    if (!counted || atomic_fetch_sub(&counted->holders, 1) > 1)
        return;
    definitions_release(knowledge->definitions);
    arena_free(counted->arena);
    free(counted);
}

void knowledge_gather(struct knowledge_gathering *gathering)
{
    *gathering = (struct knowledge_gathering){
        .arena = arena_new(),
        .definitions = definitions_new(),
    };
}

/* What it takes goes back to the system: it may be a hundred megabytes. */
void knowledge_forget(struct knowledge_gathering *gathering)
{
    arena_free(gathering->arena);
    malloc_trim(0);
}

bool knowledge_add_installed(struct knowledge_gathering *gathering, struct packages *packages,
                             struct err *err)
{
    return packages_read(packages, gathering->arena, add_definition, gathering, &gathering->epoch,
                         err);
}

/* SearchParameters are only looked at: which of them are in force storage/parameters.h knows. */
static void add_definition(const struct package_definition *definition, const char *package,
                           void *context)
{
    struct knowledge_gathering *gathering = context;
    struct issues findings;
    struct err err = {0};

    if (gathering->skipped && strcmp(package, gathering->skipped) == 0)
        return;
    bool is_parameter = strcmp(definition->type, "SearchParameter") == 0;
    if (is_parameter && !gathering->parameters)
        return;
    issues_init(&findings, gathering->arena, 0);
    const struct node *resource =
        json_read(gathering->arena, definition->json.data, definition->json.size,
                  &json_stored_limits, &findings, &err);
    if (!resource) /* it was read when it was installed */
        return;
    if (is_parameter) {
        search_extender_add(gathering->parameters, resource);
        return;
    }
    definitions_add(gathering->definitions, resource, package);
    note_profile(gathering, resource);
}

void knowledge_add_source(struct knowledge_gathering *gathering,
                          const struct package_source *source)
{
    for (size_t i = 0; i < source->count; i++)
        definitions_add(gathering->definitions, source->resources[i], source->label);
}

/* Profiles that instances can claim (R4 capabilitystatement.html, supportedProfile). */
static void note_profile(struct knowledge_gathering *gathering, const struct node *resource)
{
    const struct type *type = resource_type_find(node_value(resource, "type"));
    struct text url = node_value(resource, "url");

    if (strcmp(resource->type->name, "StructureDefinition") != 0 || !type || !url.data ||
        !text_is(node_value(resource, "derivation"), "constraint") ||
        text_is(node_value(resource, "abstract"), "true"))
        return;
    struct supported_profile *profile = arena_one(gathering->arena, struct supported_profile);
    *profile = (struct supported_profile){
        .type = type->name,
        .url = text_dup(gathering->arena, url),
        .next = gathering->profiles,
    };
    gathering->profiles = profile;
}

/* Two versions of a package state the same url. */
static bool is_noted(const struct supported_profile *profiles, const char *url)
{
    for (; profiles; profiles = profiles->next)
        if (strcmp(profiles->url, url) == 0)
            return true;
    return false;
}

static void drop_unusable(struct knowledge_gathering *gathering,
                          const struct definitions *definitions)
{
    struct supported_profile **link = &gathering->profiles;

    while (*link) {
        if (definitions_profile(definitions, text_of((*link)->url)) &&
            !is_noted((*link)->next, (*link)->url))
            link = &(*link)->next;
        else
            *link = (*link)->next;
    }
}
