#pragma once

/* What the tests of terminology share: systems and sets made of documents, and questions about
 * codes. */

#include "fhir/terminology.h"
#include "fhir/terminology_set.h"
#include "tests/unit/fhir/reading.h"

#define SNOMED "http://snomed.info/sct"
#define SET    "http://hl7.org/fhir/ValueSet/"

/* The tests bring a terminology without other definitions. */
const struct terminology *definitions_terminology(const struct definitions *definitions)
{
    return (const void *)definitions;
}

static inline const struct definitions *base(void)
{
    return (const void *)terminology_base();
}

static inline struct code_finding find_in(const struct definitions *definitions, const char *set,
                                          const char *system, const char *code)
{
    struct code_finding finding;

    value_set_has(definitions, text_of(set), text_of(system), text_of(code), &finding);
    return finding;
}

static inline enum code_answer has(const struct definitions *definitions, const char *set,
                                   const char *system, const char *code)
{
    return find_in(definitions, set, system, code).answer;
}

static inline void assert_missing(const struct definitions *definitions, const char *set,
                                  const char *system, const char *code, const char *missing)
{
    struct code_finding finding = find_in(definitions, set, system, code);

    assert_int_equal(finding.answer, CODE_UNKNOWN);
    if (!text_is(finding.missing, missing))
        fail_msg("missing is %.*s", TEXT_ARGS(finding.missing));
}

static inline struct text text(const char *string)
{
    return text_of(string);
}

/* A terminology from documents written here. */
struct made {
    struct arena *arena;
    struct issues issues;
    struct terminology *terminology;
    const struct definitions *definitions;
};

static inline void add_json(struct made *made, const char *json, size_t size)
{
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, made->arena, 10);
    struct node *node = json_read(made->arena, json, size, &json_default_limits, &issues, &err);
    if (!node)
        fail_msg("%s", err.text);
    terminology_add(made->terminology, node);
}

static inline struct made make(const char *const *documents)
{
    struct made made = {.arena = arena_new()};

    made.terminology = terminology_new(made.arena);
    made.definitions = (const void *)made.terminology;
    issues_init(&made.issues, made.arena, 100);
    for (; documents && *documents; documents++)
        add_json(&made, *documents, strlen(*documents));
    if (documents)
        terminology_finish(made.terminology, &made.issues);
    return made;
}
