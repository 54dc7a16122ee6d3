#pragma once

/*
 * What the tests of profiles share: definitions and documents in, findings
 * out. JSON is written with ' for " and ` for ' here, so that it can be read.
 */

#include "fhir/definitions.h"
#include "fhir/profile.h"
#include "fhir/validate.h"
#include "tests/unit/fhir/reading.h"

struct profiling {
    struct arena *arena;
    const struct definitions *definitions;
};

static inline const struct node *read_quoted(struct arena *arena, const char *quoted)
{
    char *json = arena_strdup(arena, quoted);
    struct issues issues;
    struct err err = {0};
    const struct node *root;

    for (char *at = json; *at; at++)
        *at = *at == '\'' ? '"' : *at == '`' ? '\'' : *at;
    issues_init(&issues, arena, 10);
    root = json_read(arena, json, strlen(json), &json_default_limits, &issues, &err);
    if (!root || issues.first)
        fail_msg("%s%s\n%s", err.text, issues.first ? issues.first->text : "", json);
    return root;
}

static inline struct profiling load_definitions(const char *const *quoted)
{
    struct profiling profiling = {.arena = arena_new()};
    struct definitions *definitions = definitions_new();
    struct issues issues;

    for (; *quoted; quoted++)
        definitions_add(definitions, read_quoted(profiling.arena, *quoted), "test#1");
    issues_init(&issues, profiling.arena, 10);
    profiling.definitions = definitions_finish(definitions, &issues);
    for (const struct issue *issue = issues.first; issue; issue = issue->next)
        print_message("%s\n", issue->text);
    assert_int_equal(issues.errors, 0);
    return profiling;
}

static inline void release_definitions(struct profiling *profiling)
{
    definitions_release(profiling->definitions);
    arena_free(profiling->arena);
}

/* "error required Patient.name[0], warning ..."; "" when there is nothing to say. */
static inline char *findings_of(const struct issues *issues)
{
    struct buf out = buf_in(issues->arena);

    for (const struct issue *issue = issues->first; issue; issue = issue->next)
        buf_printf(&out, "%s%s %s %s", out.size > 0 ? ", " : "",
                   issue_severity_name(issue->severity), issue->code, issue->expression);
    return buf_text(&out);
}

static inline char *profile_findings(const struct profiling *profiling, const char *url,
                                     const char *quoted)
{
    const struct validation validation = {.definitions = profiling->definitions,
                                          .level = VALIDATION_FULL};
    const struct profile *profile = definitions_profile(profiling->definitions, text_of(url));
    const struct node *root = read_quoted(profiling->arena, quoted);
    struct issues issues;

    assert_non_null(profile);
    issues_init(&issues, profiling->arena, 50);
    profile_check_node(profile, root, &validation, 0, &issues);
    assert_int_equal(profile_holds(profile, root, &validation, 0), issues.errors == 0);
    return findings_of(&issues);
}

struct profile_case {
    const char *document, *findings;
};

/* Fails with every case that differs, not only the first. */
static inline void check_profile_cases(const struct profiling *profiling, const char *url,
                                       const struct profile_case *cases, size_t count)
{
    unsigned wrong = 0;

    for (size_t i = 0; i < count; i++) {
        const char *findings = profile_findings(profiling, url, cases[i].document);

        if (strcmp(findings, cases[i].findings) == 0)
            continue;
        print_error("%s\n  gives    %s\n  and not  %s\n", cases[i].document, findings,
                    cases[i].findings);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

#define CHECK_PROFILE(profiling, url, cases)                                                       \
    check_profile_cases((profiling), (url), (cases), sizeof(cases) / sizeof((cases)[0]))

/* A profile with a differential of these elements. */
#define PROFILE(name, type, elements)                                                              \
    "{'resourceType':'StructureDefinition','url':'http://x/" name "','name':'" name                \
    "','status':'active','kind':'resource','abstract':false,'type':'" type                         \
    "','baseDefinition':'http://hl7.org/fhir/StructureDefinition/" type                            \
    "','derivation':'constraint','differential':{'element':[" elements "]}}"
