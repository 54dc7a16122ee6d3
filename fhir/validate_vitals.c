/*
 * Vital signs - R4 observation-vitalsigns.html: an implementation that has any
 * of these vital signs SHALL conform to its profile, also where an Observation
 * does not claim it. What is wrong is a warning then: too many who send a weight
 * or a pulse have never heard of the profile, and the value is not worse for it.
 */

#include "fhir/validate_walk.h"

#include "base/count.h"
#include "fhir/definitions.h"
#include "fhir/profile.h"

#include <stdio.h>

#define URL_SIZE 96

/* The table of that page: LOINC codes and profiles. */
static const struct {
    const char *code, *profile;
} vitals[] = {
    {"85353-1", "vitalspanel"}, {"9279-1", "resprate"},    {"8867-4", "heartrate"},
    {"2708-6", "oxygensat"},    {"8310-5", "bodytemp"},    {"8302-2", "bodyheight"},
    {"9843-4", "headcircum"},   {"29463-7", "bodyweight"}, {"39156-5", "bmi"},
    {"85354-9", "bp"},
};

static const char *profile_for(const struct node *code);
static bool is_claimed(const struct walk *walk, const struct node *observation,
                       const struct profile *vitalsigns);
static void warn(struct walk *walk, const struct node *observation, const struct profile *profile);

void observation_check(struct walk *walk, const struct node *observation)
{
    const struct definitions *definitions = walk->validation->definitions;
    const struct node *code = node_child(observation, "code");
    const char *name = code ? profile_for(code) : NULL;
    const struct profile *profile;
    char url[URL_SIZE];

    if (!name || !definitions)
        return;
    profile = definitions_profile(definitions,
                                  TEXT("http://hl7.org/fhir/StructureDefinition/vitalsigns"));
    if (!profile || is_claimed(walk, observation, profile))
        return;
    snprintf(url, sizeof(url), "http://hl7.org/fhir/StructureDefinition/%s", name);
    profile = definitions_profile(definitions, text_of(url));
    if (profile && !walk->issues->errors_only)
        warn(walk, observation, profile);
}

static void warn(struct walk *walk, const struct node *observation, const struct profile *profile)
{
    struct issues found;

    issues_init(&found, walk->issues->arena, walk->issues->limit);
    found.places = walk->issues->places;
    profile_check_node(profile, observation, walk->validation, 0, &found);
    for (struct issue *issue = found.first; issue; issue = issue->next)
        if (issue->severity < ISSUE_WARNING)
            issue->severity = ISSUE_WARNING;
    found.errors = 0;
    issues_take(walk->issues, &found);
}

static const char *profile_for(const struct node *code)
{
    for (const struct node *coding = node_child(code, "coding"); coding;
         coding = node_next_same(coding)) {
        struct text value = node_value(coding, "code");

        if (!text_is(node_value(coding, "system"), "http://loinc.org"))
            continue;
        for (size_t i = 0; i < COUNT(vitals); i++)
            if (text_is(value, vitals[i].code))
                return vitals[i].profile;
    }
    return NULL;
}

/* Whether the Observation is held to something for its vital sign by what it claims: a profile that
 * is derived from R4's, such as those of US Core, or one that nobody here knows. */
static bool is_claimed(const struct walk *walk, const struct node *observation,
                       const struct profile *vitalsigns)
{
    const struct node *claim = node_path(observation, "meta.profile");

    if (walk->validation->ignore_claimed)
        return false;
    for (; claim; claim = node_next_same(claim)) {
        const struct profile *claimed =
            definitions_profile(walk->validation->definitions, claim->value);

        if (!claimed && claim->value.size > 0)
            return true;
        for (; claimed; claimed = claimed->base)
            if (claimed == vitalsigns)
                return true;
    }
    return false;
}
