#pragma once

/*
 * Policy - what a resource must pass before it is written (options `validation`
 * and `profiles-required`). Made once at start, then immutable.
 */

#include "base/err.h"
#include "fhir/validate.h"

#include <stdbool.h>

struct arena;
struct config;
struct definitions;
struct issues;
struct node;

struct policy {
    enum validation_level level;
    struct required_profiles *required; /* a list; NULL: none */
};

/* ERR_INVALID when profiles-required is not understood. */
bool policy_make(struct policy *policy, const struct config *config, struct arena *arena,
                 struct err *err);

/* Validates as the policy says. Of a Bundle also the resources inside, but only
 * the resource itself is held against the profiles that its type requires. */
void policy_check(const struct policy *policy, const struct definitions *definitions,
                  const struct node *resource, struct issues *issues);

/* What this server requires beyond R4 alone: for the entries of a transaction, which was checked as
 * a whole. That is the required profiles, and that a SearchParameter which is to be put to use can
 * be. */
void policy_check_required(const struct policy *policy, const struct definitions *definitions,
                           const struct node *resource, struct issues *issues);

/* Calls `missing` for each profile that is required but not known: until it is
 * installed, no resource of the type can be written. */
void policy_find_missing(const struct policy *policy, const struct definitions *definitions,
                         void (*missing)(const char *type, const char *profile));
