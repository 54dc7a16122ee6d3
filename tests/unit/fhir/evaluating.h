#pragma once

/* What the tests of FHIRPath share: an expression in, its results as one text out. */

#include "fhir/fhirpath.h"
#include "tests/unit/fhir/reading.h"

struct evaluation_case {
    const char *expression, *expected;
};

/* "type:value type:value", "" for empty, or "!syntax", "!semantic", "!execution", "!limit". */
static inline char *evaluated(struct arena *arena, const struct node *focus, const char *expression,
                              bool search_rules)
{
    struct fhirpath_context context = {
        .resource = focus, .root_resource = focus, .search_rules = search_rules};
    struct fhirpath_values values = {0};
    struct buf out = buf_in(arena);
    struct err err = {0};
    struct fhirpath *compiled = fhirpath_compile(arena, text_of(expression), &err);

    if (!compiled || !fhirpath_evaluate(compiled, &context, focus, arena, &values, &err)) {
        assert_int_not_equal(err.kind, ERR_NONE);
        if (err.kind == ERR_TOO_LARGE)
            return arena_strdup(arena, "!limit");
        if (err.kind == ERR_NOT_SUPPORTED)
            return arena_strdup(arena, "!unsupported");
        return arena_strdup(arena, compiled                        ? "!execution"
                                   : err.kind == ERR_UNPROCESSABLE ? "!semantic"
                                                                   : "!syntax");
    }
    assert_int_equal(err.kind, ERR_NONE);
    for (size_t i = 0; i < values.count; i++) {
        if (i > 0)
            buf_add_char(&out, ' ');
        buf_add_text(&out, fhirpath_type_name(&values.items[i]));
        buf_add_char(&out, ':');
        fhirpath_write(&values.items[i], &out);
    }
    return buf_text(&out);
}

/* Fails with every case that differs, not only the first. */
static inline void check_cases(const char *json, const struct evaluation_case *cases, size_t count)
{
    struct reading reading = {.arena = arena_new()};
    unsigned wrong = 0;

    if (json) {
        release(&reading);
        reading = read_json(json);
        assert_non_null(reading.root);
    }
    for (size_t i = 0; i < count; i++) {
        const char *result = evaluated(reading.arena, reading.root, cases[i].expression, false);

        if (strcmp(result, cases[i].expected) == 0)
            continue;
        print_error("%s\n  gives    %s\n  and not  %s\n", cases[i].expression, result,
                    cases[i].expected);
        wrong++;
    }
    release(&reading);
    assert_int_equal(wrong, 0);
}

#define CHECK(json, cases) check_cases((json), (cases), sizeof(cases) / sizeof((cases)[0]))
