/*
 * The public suites of patches: JSON Patch (RFC 6902) and FHIRPath Patch.
 *
 *     test_patch_suites DATA    exits with 77 when DATA has no suites
 *
 * Prints passed/total for each file, and every case that fails. What a suite
 * itself disables is counted apart and not run.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/json_value.h"
#include "fhir/node.h"
#include "fhir/patch.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

typedef bool case_fn(struct arena *arena, const struct json_value *test);

static case_fn run_json_case, run_fhirpath_case;

static const struct {
    const char *path;
    case_fn *run;
    unsigned least;
} suites[] = {
    {"json-patch/tests.json", run_json_case, 92},
    {"json-patch/spec_tests.json", run_json_case, 16},
    {"fhir-patch/json-patch-tests.json", run_json_case, 16},
    {"fhir-patch/fhir-patch-tests.json", run_fhirpath_case, 33},
};

static bool run_json_case(struct arena *arena, const struct json_value *test)
{
    struct json_value *document = json_value_member(test, TEXT("doc"));
    const struct json_value *expected = json_value_member(test, TEXT("expected"));
    const struct json_value *patch = json_value_member(test, TEXT("patch"));
    struct err err = {0};
    bool applied;

    document = json_value_copy(arena, document);
    applied = patch_json(arena, &document, patch, &err);
    if (json_value_member(test, TEXT("error")))
        return !applied;
    return applied && (!expected || json_value_equals(document, expected));
}

static struct node *read_resource(struct arena *arena, const struct json_value *value)
{
    struct buf text = buf_in(arena);
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, 10);
    json_value_write(value, &text);
    return json_read(arena, text.data, text.size, &json_default_limits, &issues, &err);
}

/* The suite compares narratives as XML, where white space next to tags means nothing. */
static void fold_narratives(struct arena *arena, struct json_value *value)
{
    struct text text = value->text;
    char *out;
    size_t size = 0;

    for (struct json_value *child = value->first; child; child = child->next)
        fold_narratives(arena, child);
    if (value->kind != JSON_VALUE_TEXT || !text_starts_with(text, TEXT("<div")))
        return;
    out = arena_alloc_raw(arena, text.size);
    for (size_t i = 0; i < text.size; i++) {
        bool space = strchr(" \r\n\t", text.data[i]) != NULL;
        if (text.data[i] == '<')
            while (size > 0 && out[size - 1] == ' ')
                size--;
        if (!space)
            out[size++] = text.data[i];
        else if (size > 0 && out[size - 1] != ' ' && out[size - 1] != '>')
            out[size++] = ' ';
    }
    value->text = (struct text){out, size};
}

static bool run_fhirpath_case(struct arena *arena, const struct json_value *test)
{
    struct node *resource = read_resource(arena, json_value_member(test, TEXT("input")));
    struct node *parameters = read_resource(arena, json_value_member(test, TEXT("diff")));
    struct json_value *output = json_value_member(test, TEXT("output"));
    struct json_value *result;
    struct buf text = buf_in(arena);
    struct err err = {0};

    if (!patch_fhirpath(arena, resource, parameters, &err))
        return json_value_member(test, TEXT("error")) != NULL;
    if (json_value_member(test, TEXT("error")))
        return false;
    json_write(resource, &text);
    result = json_value_read(arena, text.data, text.size, &json_default_limits, &err);
    if (result) {
        fold_narratives(arena, result);
        fold_narratives(arena, output);
    }
    return result && json_value_equals(result, output);
}

static const char *name_of(const json_t *test, const char *member)
{
    const char *name = json_string_value(json_object_get(test, member));

    return name ? name : "";
}

/* The file goes through jansson, which bears the names that stand twice in disabled cases. */
static bool run_case(struct arena *arena, const json_t *test, case_fn *run)
{
    char *text = json_dumps(test, JSON_COMPACT);
    struct err err = {0};
    const struct json_value *value =
        json_value_read(arena, text, strlen(text), &json_default_limits, &err);
    bool passed = value && run(arena, value);

    free(text);
    return passed;
}

static bool run_suite(const char *folder, unsigned number)
{
    struct arena *arena = arena_new();
    json_t *cases =
        json_load_file(arena_printf(arena, "%s/%s", folder, suites[number].path), 0, NULL);
    unsigned passed = 0, total = 0, disabled = 0;

    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *test = json_array_get(cases, i);
        if (json_object_get(test, "disabled")) {
            disabled++;
            continue;
        }
        total++;
        if (run_case(arena, test, suites[number].run))
            passed++;
        else
            printf("  failed: case %zu, %s%s\n", i, name_of(test, "comment"),
                   name_of(test, "name"));
    }
    json_decref(cases);
    printf("%s: %u of %u passed, %u disabled by the suite\n", suites[number].path, passed, total,
           disabled);
    arena_free(arena);
    return passed >= suites[number].least && passed == total;
}

int main(int argc, char **argv)
{
    bool fine = true;
    FILE *first;
    char path[4096];

    if (argc != 2)
        return 2;
    snprintf(path, sizeof path, "%s/%s", argv[1], suites[0].path);
    first = fopen(path, "rb");
    if (!first) {
        printf("skipped: no suites of patches in %s\n", argv[1]);
        return 77;
    }
    fclose(first);
    for (unsigned i = 0; i < sizeof suites / sizeof *suites; i++)
        fine = run_suite(argv[1], i) && fine;
    return fine ? 0 : 1;
}
