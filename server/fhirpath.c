/*
 * FHIRPath - `isthmus fhirpath`: evaluates expressions on a resource in a
 * file, or on an empty one of a given type.
 */

#include "fhir/fhirpath.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "fhir/definitions.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/validate.h"
#include "server/commands.h"
#include "server/file.h"

#include <errno.h>
#include <jansson.h>

struct evaluation {
    struct arena *arena;
    const struct node *resource;
    struct fhirpath_values values;
    const char *stage; /* where it failed: syntax, semantic, execution */
    struct err err;
};

static int print_usage(FILE *out, int status);
static const struct node *read_resource(struct arena *arena, const char *path, const char *type);
static int run_words(const struct node *resource, char **words, int count);
static int run_lines(const struct node *resource);
static bool run(struct evaluation *evaluation, struct text expression);
static json_t *answer_line(const struct node *resource, const char *line, size_t size);

int command_fhirpath(int argc, char **argv)
{
    const char *path = NULL, *type = NULL;
    struct arena *arena;
    const struct node *resource;
    int i = 0, status = 1;

    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return print_usage(stdout, 0);
        if (strcmp(argv[i], "--in") == 0 && i + 1 < argc)
            path = argv[++i];
        else if (strcmp(argv[i], "--base-type") == 0 && i + 1 < argc)
            type = argv[++i];
        else
            return print_usage(stderr, 2);
    }
    arena = arena_new();
    resource = read_resource(arena, path, type);
    if (resource || !(path || type))
        status = i < argc ? run_words(resource, argv + i, argc - i) : run_lines(resource);
    arena_free(arena);
    return fflush(stdout) == 0 ? status : 1;
}

static int print_usage(FILE *out, int status)
{
    fputs("usage: isthmus fhirpath [--in FILE | --base-type TYPE] [EXPRESSION...]\n"
          "\n"
          "Evaluates FHIRPath expressions on a FHIR R4 resource (JSON) and prints the results,\n"
          "one a line, as \"type: value\". Without expressions it reads lines of JSON from\n"
          "standard input, {\"expression\": \"...\"}, and answers each with a line:\n"
          "{\"result\": [{\"type\": ..., \"value\": ...}]} or {\"error\": ..., \"stage\": ...}.\n"
          "\n"
          "  --in FILE         the resource; without one, expressions see nothing\n"
          "  --base-type TYPE  an empty resource of this type instead: to see whether expressions\n"
          "                    make sense on the type\n",
          out);
    return status;
}

/* NULL when none was asked for, or (with a sentence on standard error) when
 * it cannot be had. Findings about its structure do not matter here. */
static const struct node *read_resource(struct arena *arena, const char *path, const char *type)
{
    struct buf content = buf_in(arena);
    const struct node *resource;
    struct issues issues;
    struct err err = {0};

    if (!path) {
        resource = type ? node_new_resource(arena, type) : NULL;
        if (type && !resource)
            fprintf(stderr, "isthmus fhirpath: R4 has no resource type %s.\n", type);
        return resource;
    }
    if (!file_read(path, json_default_limits.size, &content)) {
        fprintf(stderr, "isthmus fhirpath: %s: %s\n", path, strerror(errno));
        return NULL;
    }
    issues_init(&issues, arena, 1);
    resource = json_read(arena, content.data, content.size, &json_default_limits, &issues, &err);
    if (!resource)
        fprintf(stderr, "isthmus fhirpath: %s: %s\n", path, err.text);
    return resource;
}

static int run_words(const struct node *resource, char **words, int count)
{
    int status = 0;

    for (int i = 0; i < count; i++) {
        struct evaluation evaluation = {.arena = arena_new(), .resource = resource};

        if (!run(&evaluation, text_of(words[i]))) {
            fprintf(stderr, "isthmus fhirpath: %s (%s)\n", evaluation.err.text, evaluation.stage);
            status = 1;
        }
        for (size_t k = 0; k < evaluation.values.count; k++) {
            struct buf out = buf_in(evaluation.arena);

            fhirpath_write(&evaluation.values.items[k], &out);
            printf("%s: %s\n", fhirpath_type_name(&evaluation.values.items[k]), buf_text(&out));
        }
        arena_free(evaluation.arena);
    }
    return status;
}

static int run_lines(const struct node *resource)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t size;

    while ((size = getline(&line, &room, stdin)) > 0) {
        json_t *answer = answer_line(resource, line, (size_t)size);
        char *text = json_dumps(answer, JSON_COMPACT);

        printf("%s\n", text);
        free(text);
        json_decref(answer);
    }
    free(line);
    return 0;
}

static bool run(struct evaluation *evaluation, struct text expression)
{
    const struct validation validation = {.definitions = definitions_base()};
    struct fhirpath_context context = {.resource = evaluation->resource,
                                       .root_resource = evaluation->resource,
                                       .validation = &validation};
    struct fhirpath *compiled = fhirpath_compile(evaluation->arena, expression, &evaluation->err);

    if (!compiled || (evaluation->resource &&
                      !fhirpath_fits(compiled, evaluation->resource->type, &evaluation->err))) {
        evaluation->stage = evaluation->err.kind == ERR_UNPROCESSABLE ? "semantic" : "syntax";
        return false;
    }
    evaluation->stage = "execution";
    return fhirpath_evaluate(compiled, &context, evaluation->resource, evaluation->arena,
                             &evaluation->values, &evaluation->err);
}

static json_t *describe(const struct evaluation *evaluation)
{
    json_t *results = json_array();

    for (size_t i = 0; i < evaluation->values.count; i++) {
        const struct fhirpath_value *value = &evaluation->values.items[i];
        struct buf out = buf_in(evaluation->arena);

        fhirpath_write(value, &out);
        json_array_append_new(results, json_pack("{s:s, s:s%}", "type", fhirpath_type_name(value),
                                                 "value", buf_text(&out), (size_t)out.size));
    }
    return json_pack("{s:o}", "result", results);
}

static json_t *answer_line(const struct node *resource, const char *line, size_t size)
{
    struct evaluation evaluation = {.arena = arena_new(), .resource = resource};
    json_t *question = json_loadb(line, size, 0, NULL), *answer;
    const char *expression = NULL;

    if (question && json_unpack(question, "{s:s}", "expression", &expression) != 0)
        expression = NULL;
    if (!expression)
        answer = json_pack("{s:s, s:s}", "error", "The line is no {\"expression\": \"...\"}.",
                           "stage", "syntax");
    else if (run(&evaluation, text_of(expression)))
        answer = describe(&evaluation);
    else
        answer = json_pack("{s:s, s:s}", "error", evaluation.err.text, "stage", evaluation.stage);
    json_decref(question);
    arena_free(evaluation.arena);
    return answer;
}
