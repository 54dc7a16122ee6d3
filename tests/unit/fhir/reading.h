#pragma once

/* What the tests of fhir/ share: documents in, trees and findings out. */

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "fhir/check.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* One document and what became of it; the arena is freed by release(). */
struct reading {
    struct arena *arena;
    struct issues issues;
    struct err err;
    struct node *root;
};

static inline struct reading read_sized(const char *json, size_t size)
{
    struct reading reading = {.arena = arena_new()};

    issues_init(&reading.issues, reading.arena, 100);
    reading.root =
        json_read(reading.arena, json, size, &json_default_limits, &reading.issues, &reading.err);
    return reading;
}

static inline struct reading read_json(const char *json)
{
    return read_sized(json, strlen(json));
}

/* Reads and checks the structure too. */
static inline struct reading check_json(const char *json)
{
    struct reading reading = read_json(json);

    if (reading.root)
        check_structure(reading.root, &reading.issues);
    return reading;
}

static inline void release(struct reading *reading)
{
    arena_free(reading->arena);
}

static inline char *written(struct reading *reading)
{
    struct buf out = buf_in(reading->arena);

    json_write(reading->root, &out);
    return buf_text(&out);
}

/* The first finding is at `expression` and of this code, and is the only one. */
static inline void assert_one_issue(const struct reading *reading, const char *code,
                                    const char *expression)
{
    assert_non_null(reading->issues.first);
    assert_string_equal(reading->issues.first->code, code);
    assert_string_equal(reading->issues.first->expression, expression);
    assert_int_equal(reading->issues.kept, 1);
}

/* Reads without an error, a finding or a change. */
static inline void assert_round_trip(const char *json)
{
    struct reading reading = read_json(json);

    assert_string_equal(reading.err.text, "");
    assert_non_null(reading.root);
    if (reading.issues.first)
        fail_msg("%s: %s", reading.issues.first->expression, reading.issues.first->text);
    assert_string_equal(written(&reading), json);
    release(&reading);
}
