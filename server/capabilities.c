/*
 * Capabilities - GET [base]/metadata.
 */

#include "server/capabilities.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/count.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/query.h"
#include "fhir/search_param.h"
#include "server/config.h"
#include "server/format.h"
#include "server/interactions.h"
#include "server/knowledge.h"
#include "server/precondition.h"
#include "server/route.h"
#include "server/version.h"

#define WARNING                                                                                    \
    "WARNING: this server does not authenticate its users: everybody who reaches it sees and "     \
    "changes everything. It is for synthetic data and demonstrations only."

struct maker {
    struct arena *arena;
    const struct config *config;
    const char *base;
    const struct supported_profile *profiles;
};

static void add_head(const struct maker *maker, struct node *statement);
static void add_rest(const struct maker *maker, struct node *statement);

bool capabilities(struct request *req, struct err *err)
{
    (void)err;
    req->answer.status = 200;
    req->answer.content_type = FORMAT_FHIR_JSON;
    req->answer.body = req->knowledge->capabilities;
    return true;
}

struct text capabilities_make(struct arena *arena, const struct config *config, const char *base,
                              const struct supported_profile *profiles)
{
    struct maker maker = {arena, config, base, profiles};
    struct node *statement = node_new_resource(arena, "CapabilityStatement");
    struct buf out = buf_in(arena);

    add_head(&maker, statement);
    add_rest(&maker, statement);
    json_write(statement, &out);
    return (struct text){out.data, out.size};
}

static void add(const struct maker *maker, struct node *parent, const char *name, const char *value)
{
    node_add_value(maker->arena, parent, name, text_of(value));
}

static void add_head(const struct maker *maker, struct node *statement)
{
    char now[CLOCK_INSTANT_SIZE];

    clock_format_instant(clock_now(), now);
    add(maker, statement, "status", "active");
    add(maker, statement, "date", now);
    add(maker, statement, "kind", "instance");
    struct node *software = node_add(maker->arena, statement, "software");
    add(maker, software, "name", "Isthmus");
    add(maker, software, "version", ISTHMUS_VERSION);
    struct node *implementation = node_add(maker->arena, statement, "implementation");
    add(maker, implementation, "description", "An EHR exchange server speaking FHIR R4");
    add(maker, implementation, "url", maker->base);
    add(maker, statement, "fhirVersion", "4.0.1");
    add(maker, statement, "format", "application/fhir+json");
    add(maker, statement, "format", "application/fhir+xml");
    add(maker, statement, "format", "json");
    add(maker, statement, "format", "xml");
    add(maker, statement, "patchFormat", "application/json-patch+json");
    add(maker, statement, "patchFormat", "application/fhir+json");
    add(maker, statement, "patchFormat", "application/fhir+xml");
}

static bool has_interaction(const struct node *parent, const char *code)
{
    const struct node *known = node_child(parent, "interaction");

    for (; known; known = node_next_same(known))
        if (text_is(node_value(known, "code"), code))
            return true;
    return false;
}

static bool is_there(const struct route *route, const char *type)
{
    return type ? route_serves(route, type) : route->level == ROUTE_SYSTEM;
}

/* Of a type, or with NULL of the system. */
static void add_interactions(const struct maker *maker, struct node *parent, const char *type)
{
    for (const struct route *route = routes; route->method; route++)
        if (!route->definition && is_there(route, type) && route->run != capabilities &&
            !has_interaction(parent, route->interaction))
            add(maker, node_add(maker->arena, parent, "interaction"), "code", route->interaction);
}

static bool has_operation(const struct node *parent, const char *name)
{
    const struct node *known = node_child(parent, "operation");

    for (; known; known = node_next_same(known))
        if (text_is(node_value(known, "name"), name))
            return true;
    return false;
}

static void add_operations(const struct maker *maker, struct node *parent, const char *type)
{
    for (const struct route *route = routes; route->method; route++) {
        if (!route->definition || !is_there(route, type) ||
            has_operation(parent, route->interaction + 1))
            continue;
        struct node *operation = node_add(maker->arena, parent, "operation");
        add(maker, operation, "name", route->interaction + 1); /* without the dollar sign */
        add(maker, operation, "definition", route->definition);
    }
}

static bool is_includable(const struct search_param *param)
{
    return param->search_type == SEARCH_REFERENCE && query_can_search(param);
}

static bool may_refer_to(const struct search_param *param, const char *type)
{
    for (const char *const *target = param->targets; target && *target; target++)
        if (strcmp(*target, type) == 0)
            return true;
    return !param->targets;
}

/* Every reference that may point at this type, from whatever resource. */
static void add_rev_includes(const struct maker *maker, struct node *resource, const char *type)
{
    for (unsigned i = 0; i < resource_type_count(); i++) {
        unsigned count;
        const struct search_param *const *params = search_params_of(type_at(i)->name, &count);

        for (unsigned k = 0; k < count; k++)
            if (is_includable(params[k]) && may_refer_to(params[k], type))
                add(maker, resource, "searchRevInclude",
                    arena_printf(maker->arena, "%s:%s", params[k]->type, params[k]->code));
    }
}

static void add_search_params(const struct maker *maker, struct node *resource, const char *type)
{
    unsigned count;
    const struct search_param *const *params = search_params_of(type, &count);

    for (unsigned i = 0; i < count; i++)
        if (is_includable(params[i]))
            add(maker, resource, "searchInclude",
                arena_printf(maker->arena, "%s:%s", type, params[i]->code));
    add_rev_includes(maker, resource, type);
    for (unsigned i = 0; i < count; i++) {
        if (!query_can_search(params[i]))
            continue;
        struct node *param = node_add(maker->arena, resource, "searchParam");
        add(maker, param, "name", params[i]->code);
        if (params[i]->url)
            add(maker, param, "definition", params[i]->url);
        add(maker, param, "type", search_type_name(params[i]->search_type));
    }
}

static void add_resource(const struct maker *maker, struct node *rest, const char *type)
{
    struct node *resource = node_add(maker->arena, rest, "resource");

    add(maker, resource, "type", type);
    add(maker, resource, "profile",
        arena_printf(maker->arena, "http://hl7.org/fhir/StructureDefinition/%s", type));
    for (const struct supported_profile *profile = maker->profiles; profile;
         profile = profile->next)
        if (strcmp(profile->type, type) == 0)
            add(maker, resource, "supportedProfile", profile->url);
    add_interactions(maker, resource, type);
    add(maker, resource, "versioning", "versioned-update");
    add(maker, resource, "readHistory", "true");
    add(maker, resource, "updateCreate", "true");
    add(maker, resource, "conditionalCreate", "true");
    add(maker, resource, "conditionalRead", "full-support");
    add(maker, resource, "conditionalUpdate", "true");
    add(maker, resource, "conditionalDelete", maker->config->conditional_delete);
    add(maker, resource, "referencePolicy", "literal");
    add(maker, resource, "referencePolicy", "logical");
    add_search_params(maker, resource, type);
    add_operations(maker, resource, type);
}

static void add_security(const struct maker *maker, struct node *rest)
{
    struct node *security = node_add(maker->arena, rest, "security");

    add(maker, security, "cors", maker->config->cors_origins[0] ? "true" : "false");
    add(maker, security, "description", WARNING);
}

static void add_rest(const struct maker *maker, struct node *statement)
{
    static const char *const compartments[] = {
        "http://hl7.org/fhir/CompartmentDefinition/patient",
        "http://hl7.org/fhir/CompartmentDefinition/encounter",
        "http://hl7.org/fhir/CompartmentDefinition/practitioner",
        "http://hl7.org/fhir/CompartmentDefinition/relatedPerson",
        "http://hl7.org/fhir/CompartmentDefinition/device",
    };
    struct node *rest = node_add(maker->arena, statement, "rest");

    add(maker, rest, "mode", "server");
    add(maker, rest, "documentation",
        maker->config->listen_unauthenticated[0]
            ? WARNING
            : "Reachable from this machine only, since it does not authenticate its users yet.");
    add_security(maker, rest);
    for (unsigned i = 0; i < resource_type_count(); i++)
        add_resource(maker, rest, type_at(i)->name);
    add_interactions(maker, rest, NULL);
    add_operations(maker, rest, NULL);
    for (size_t i = 0; i < COUNT(compartments); i++)
        add(maker, rest, "compartment", compartments[i]);
}
