/*
 * Policy - see policy.h.
 */

#include "server/policy.h"

#include "base/arena.h"
#include "fhir/definitions.h"
#include "fhir/issue.h"
#include "fhir/node.h"
#include "fhir/profile.h"
#include "fhir/search_extend.h"
#include "server/config.h"
#include "storage/packages.h"

#define PROFILES_MAX 32 /* of one type */

struct required_profiles {
    const struct type *type;
    const char *profiles[PROFILES_MAX + 1];
    struct required_profiles *next;
};

static bool add_required(struct policy *policy, struct arena *arena, struct text item,
                         struct err *err);
static void check_profile(const struct definitions *definitions, const char *canonical,
                          const struct node *resource, struct issues *issues);
static bool claims(const struct node *resource, const char *canonical);

static enum validation_level level_of(const char *name)
{
    if (strcmp(name, "off") == 0)
        return VALIDATION_OFF;
    return strcmp(name, "structure") == 0 ? VALIDATION_STRUCTURE : VALIDATION_FULL;
}

bool policy_make(struct policy *policy, const struct config *config, struct arena *arena,
                 struct err *err)
{
    struct text rest = text_of(config->profiles_required), item;

    *policy = (struct policy){.level = level_of(config->validation)};
    while (text_next(&rest, ' ', &item))
        if (item.size && !add_required(policy, arena, item, err))
            return false;
    return true;
}

static bool add_required(struct policy *policy, struct arena *arena, struct text item,
                         struct err *err)
{
    struct required_profiles *required = arena_one(arena, struct required_profiles);
    struct text type = {0}, list = {0}, profile;
    unsigned count = 0;

    text_split(item, '=', &type, &list);
    required->type = type.data ? resource_type_find(type) : NULL;
    if (!required->type || !list.size)
        return err_set(err, ERR_INVALID, "profiles-required",
                       "profiles-required is Type=URL[,URL] with a resource type of R4, several "
                       "separated by spaces; this is not: %.*s",
                       TEXT_ARGS(item));
    while (text_next(&list, ',', &profile)) {
        if (count == PROFILES_MAX)
            return err_set(err, ERR_INVALID, "profiles-required",
                           "profiles-required has more than %d profiles for %s.", PROFILES_MAX,
                           required->type->name);
        required->profiles[count++] = text_dup(arena, profile);
    }
    required->next = policy->required;
    policy->required = required;
    return true;
}

void policy_check(const struct policy *policy, const struct definitions *definitions,
                  const struct node *resource, struct issues *issues)
{
    const struct validation validation = {.definitions = definitions, .level = policy->level};

    validate_resource(resource, &validation, issues);
    policy_check_required(policy, definitions, resource, issues);
}

void policy_check_required(const struct policy *policy, const struct definitions *definitions,
                           const struct node *resource, struct issues *issues)
{
    const struct required_profiles *required = policy->required;

    if (strcmp(resource->type->name, "SearchParameter") == 0 && packages_take_resources() &&
        text_is(node_value(resource, "status"), "active"))
        search_extend_check(resource, issues);
    for (; required && policy->level == VALIDATION_FULL; required = required->next)
        if (required->type == resource->type)
            for (const char *const *profile = required->profiles; *profile; profile++)
                check_profile(definitions, *profile, resource, issues);
}

/* One that the resource claims was checked for that. */
static void check_profile(const struct definitions *definitions, const char *canonical,
                          const struct node *resource, struct issues *issues)
{
    const struct validation validation = {.definitions = definitions, .level = VALIDATION_FULL};
    const struct profile *profile = definitions_profile(definitions, text_of(canonical));

    if (!profile)
        issue_add_at(issues, ISSUE_ERROR, "not-found", resource,
                     "This server requires the profile %s of every %s, but does not have it; its "
                     "operator has to install the package that defines it.",
                     canonical, resource->type->name);
    else if (profile->type != resource->type)
        issue_add_at(issues, ISSUE_ERROR, "invalid", resource,
                     "This server requires the profile %s of every %s, but it is for another type; "
                     "its operator has to correct profiles-required.",
                     canonical, resource->type->name);
    else if (!claims(resource, canonical))
        profile_check_node(profile, resource, &validation, 0, issues);
}

static bool claims(const struct node *resource, const char *canonical)
{
    const struct node *profile = node_path(resource, "meta.profile");

    for (; profile; profile = node_next_same(profile))
        if (text_is(profile->value, canonical))
            return true;
    return false;
}

void policy_find_missing(const struct policy *policy, const struct definitions *definitions,
                         void (*missing)(const char *type, const char *profile))
{
    const struct required_profiles *required = policy->required;

    for (; required; required = required->next)
        for (const char *const *profile = required->profiles; *profile; profile++)
            if (!definitions_profile(definitions, text_of(*profile)))
                missing(required->type->name, *profile);
}
