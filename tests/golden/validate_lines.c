/*
 * Validates one document for each line of standard input, and prints one line
 * for each: what validator_suite.py drives.
 *
 *     {"file": "x.json", "definitions": ["profile.xml", ...], "profiles": ["http://...", ...]}
 *     {"errors": 1, "issues": [{"severity": "error", "code": "value", "expression": "...",
 *      "text": "..."}]}
 *
 * "refuse_examples" and "refuse_displays" are those of struct validation; "comments": true takes
 * comments out of JSON. Files are XML when they are called so.
 * Definitions are kept for the lines that follow with the same ones.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "fhir/definitions.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/validate.h"
#include "fhir/xml.h"

#include <jansson.h>

#define LIMIT    1000
#define PROFILES 16

static const struct definitions *definitions;
static char *definitions_key;

static void answer(const json_t *question);
static struct node *read_file(struct arena *arena, const char *path, bool comments,
                              struct issues *issues);
static bool load(const char *path, struct buf *content);
static void choose_definitions(json_t *paths);
static struct node *definition_of(struct node *resource);
static json_t *write_issues(const struct issues *issues);

int main(void)
{
    char *line = NULL;
    size_t room = 0;

    definitions = definitions_base();
    while (getline(&line, &room, stdin) > 0) {
        json_t *question = json_loads(line, 0, NULL);

        if (!question)
            return fprintf(stderr, "no JSON: %s\n", line), 1;
        choose_definitions(json_object_get(question, "definitions"));
        answer(question);
        json_decref(question);
    }
    free(line);
    free(definitions_key);
    definitions_release(definitions);
    return 0;
}

static void answer(const json_t *question)
{
    struct arena *arena = arena_new();
    const char *profiles[PROFILES + 1] = {NULL};
    struct validation validation = {
        .definitions = definitions,
        .level = VALIDATION_FULL,
        .profiles = profiles,
        .refuse_displays = json_is_true(json_object_get(question, "refuse_displays")),
        .refuse_examples = json_is_true(json_object_get(question, "refuse_examples")),
    };
    struct issues issues;
    struct node *resource;
    json_t *profile, *result;
    size_t i;
    char *text;

    json_array_foreach(json_object_get(question, "profiles"), i, profile) if (i < PROFILES)
        profiles[i] = json_string_value(profile);
    issues_init(&issues, arena, LIMIT);
    resource = read_file(arena, json_string_value(json_object_get(question, "file")),
                         json_is_true(json_object_get(question, "comments")), &issues);
    if (resource)
        validate_resource(resource, &validation, &issues);

    result = json_pack("{s:i, s:o}", "errors", (int)issues.errors, "issues", write_issues(&issues));
    text = json_dumps(result, JSON_COMPACT);
    puts(text);
    fflush(stdout);
    free(text);
    json_decref(result);
    arena_free(arena);
}

/* NULL, with a fatal issue, when it is no resource. */
static struct node *read_file(struct arena *arena, const char *path, bool comments,
                              struct issues *issues)
{
    struct buf content = buf_in(arena);
    struct err err = {0};
    struct node *resource = NULL;

    if (!load(path, &content)) {
        err_set(&err, ERR_NOT_FOUND, NULL, "%s cannot be read", path);
    } else if (text_ends_with(text_of(path), TEXT(".xml"))) {
        resource = xml_read(arena, content.data, content.size, &json_default_limits, issues, &err);
    } else {
        if (comments)
            json_blank_comments(content.data, content.size);
        resource = json_read(arena, content.data, content.size, &json_default_limits, issues, &err);
    }
    if (!resource)
        issue_add(issues, ISSUE_FATAL, "structure", NULL, "%s", err.text);
    return resource;
}

static bool load(const char *path, struct buf *content)
{
    const size_t room = (size_t)1 << 20;
    FILE *file = fopen(path, "rb");
    size_t got;

    if (!file)
        return false;
    while ((got = fread(buf_reserve(content, room), 1, room, file)) > 0)
        content->size += got;
    fclose(file);
    return true;
}

static void choose_definitions(json_t *paths)
{
    char *key = json_array_size(paths) > 0 ? json_dumps(paths, JSON_COMPACT) : NULL;
    struct arena *arena;
    struct definitions *more;
    struct issues issues;
    json_t *path;
    size_t i;

    if (key && definitions_key && strcmp(key, definitions_key) == 0) {
        free(key);
        return;
    }
    definitions_release(definitions);
    free(definitions_key);
    definitions_key = key;
    definitions = definitions_base();
    if (!key)
        return;

    arena = arena_new();
    more = definitions_new();
    issues_init(&issues, arena, LIMIT);
    json_array_foreach(paths, i, path)
    {
        struct node *resource = read_file(arena, json_string_value(path), false, &issues);
        struct node *entry = resource ? definition_of(resource) : NULL;

        for (; entry; entry = node_next_same(entry))
            if (node_child(entry, "resource"))
                definitions_add(more, node_child(entry, "resource"), "test");
        if (resource && !definition_of(resource))
            definitions_add(more, resource, "test");
    }
    definitions = definitions_finish(more, &issues);
    for (const struct issue *issue = issues.first; issue; issue = issue->next)
        fprintf(stderr, "definitions: %s\n", issue->text);
    arena_free(arena);
}

/* The first entry of a Bundle of definitions, or NULL. */
static struct node *definition_of(struct node *resource)
{
    return resource->type && strcmp(resource->type->name, "Bundle") == 0
               ? node_child(resource, "entry")
               : NULL;
}

static json_t *write_issues(const struct issues *issues)
{
    json_t *list = json_array();

    for (const struct issue *issue = issues->first; issue; issue = issue->next)
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s?, s:s}", "severity",
                                        issue_severity_name(issue->severity), "code", issue->code,
                                        "expression", issue->expression, "text", issue->text));
    return list;
}
