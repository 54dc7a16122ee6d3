/*
 * Bench JSON - how fast resources are read, checked, validated and written,
 * next to memchr() over the same bytes and to jansson.
 *
 *     bench_json [DEFINITION.json...] FILE.ndjson...
 *
 * With definitions, such as the profiles that the resources claim, validation is
 * measured with them, too.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "fhir/check.h"
#include "fhir/definitions.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/validate.h"
#include "fhir/xml.h"

#include <jansson.h>

/* Each contender runs over all lines until it has used this much of the
 * processor: the machine may have other work, which wall time would count. */
#define RUN_SECONDS 2.0

struct lines {
    struct buf content;
    struct text *lines;
    size_t count, bytes;
};

/* What a contender keeps from line to line. */
struct state {
    struct arena *arena;
    struct buf out;
    const struct definitions *definitions; /* to validate with; borrowed */
    size_t sink;                           /* so that no work is optimized away */
};

typedef bool(contender_fn)(struct state *state, struct text line);

static bool read_lines(int count, char **paths, struct lines *lines);
static bool append_file(const char *path, struct buf *content);
static const struct definitions *read_definitions(int *count, char **paths);
static double run(const char *name, contender_fn *contender, const struct lines *lines,
                  const struct definitions *definitions, double compared);
static bool scan_bytes(struct state *state, struct text line);
static bool read_only(struct state *state, struct text line);
static bool read_and_check(struct state *state, struct text line);
static bool read_and_validate(struct state *state, struct text line);
static bool read_and_write(struct state *state, struct text line);
static void write_as_xml(const struct lines *lines, struct arena *arena, struct lines *xml);
static bool read_xml(struct state *state, struct text document);
static bool read_and_write_xml(struct state *state, struct text document);
static bool jansson_read(struct state *state, struct text line);
static bool jansson_read_and_write(struct state *state, struct text line);

int main(int argc, char **argv)
{
    struct lines lines = {0};
    const struct definitions *base = definitions_base(), *more;
    int given = argc - 1;
    double jansson;

    more = read_definitions(&given, argv + 1);
    if (given == 0)
        return fprintf(stderr, "usage: bench_json [DEFINITION.json...] FILE.ndjson...\n"), 2;
    if (!read_lines(given, argv + argc - given, &lines))
        return 1;
    printf("%zu resources, %.1f MB, %.0f bytes each\n", lines.count, (double)lines.bytes / 1e6,
           (double)lines.bytes / (double)lines.count);

    printf("%-24s %10s %14s %12s\n", "", "MB/s", "resources/s", "to jansson");
    jansson = run("jansson read", jansson_read, &lines, NULL, 0);
    run("json_read", read_only, &lines, NULL, jansson);
    run("json_read, check", read_and_check, &lines, NULL, jansson);
    run("json_read, validate", read_and_validate, &lines, base, jansson);
    if (more)
        run("the same, with profiles", read_and_validate, &lines, more, jansson);
    run("memchr", scan_bytes, &lines, NULL, jansson);
    jansson = run("jansson read, write", jansson_read_and_write, &lines, NULL, 0);
    run("json_read, json_write", read_and_write, &lines, NULL, jansson);

    struct arena *arena = arena_new();
    struct lines xml;
    write_as_xml(&lines, arena, &xml);
    printf("the same as XML, %.1f MB\n", (double)xml.bytes / 1e6);
    run("xml_read", read_xml, &xml, NULL, 0);
    run("xml_read, xml_write", read_and_write_xml, &xml, NULL, 0);
    arena_free(arena);
    buf_release(&lines.content);
    free(lines.lines);
    definitions_release(more);
    definitions_release(base);
    return 0;
}

/* Those in front; `*count` becomes the number of the others. NULL when there are none. */
static const struct definitions *read_definitions(int *count, char **paths)
{
    struct arena *arena = arena_new();
    struct definitions *definitions = NULL;
    struct issues issues;

    issues_init(&issues, arena, 100);
    for (; *count > 0 && text_ends_with(text_of(*paths), TEXT(".json")); paths++, --*count) {
        struct buf content = buf_in(arena);
        struct err err = {0};
        struct node *resource = NULL;

        if (append_file(*paths, &content))
            resource =
                json_read(arena, content.data, content.size, &json_default_limits, &issues, &err);
        if (!definitions)
            definitions = definitions_new();
        if (resource)
            definitions_add(definitions, resource, "bench");
        else
            fprintf(stderr, "%s is left out: %s\n", *paths, err.text);
    }
    const struct definitions *finished =
        definitions ? definitions_finish(definitions, &issues) : NULL;
    arena_free(arena);
    return finished;
}

static bool read_lines(int count, char **paths, struct lines *lines)
{
    struct text rest, line;
    size_t room = 0;

    for (int i = 0; i < count; i++)
        if (!append_file(paths[i], &lines->content))
            return false;
    rest = (struct text){lines->content.data, lines->content.size};
    while (text_split(rest, '\n', &line, &rest)) {
        if (line.size == 0)
            continue;
        if (lines->count == room) {
            room = room ? room * 2 : 1024;
            lines->lines = realloc(lines->lines, room * sizeof(*lines->lines));
            if (!lines->lines)
                abort();
        }
        lines->lines[lines->count++] = line;
        lines->bytes += line.size;
    }
    return lines->count > 0;
}

static bool append_file(const char *path, struct buf *content)
{
    const size_t room = (size_t)1 << 20;
    FILE *file = fopen(path, "rb");
    size_t got;

    if (!file) {
        perror(path);
        return false;
    }
    while ((got = fread(buf_reserve(content, room), 1, room, file)) > 0)
        content->size += got;
    buf_add_char(content, '\n');
    fclose(file);
    return true;
}

/* Prints one row; returns MB/s. */
static double run(const char *name, contender_fn *contender, const struct lines *lines,
                  const struct definitions *definitions, double compared)
{
    struct state state = {.arena = arena_new(), .definitions = definitions};
    clock_t start = clock();
    unsigned rounds = 0;
    double passed, speed, resources;

    do {
        for (size_t i = 0; i < lines->count; i++) {
            if (!contender(&state, lines->lines[i])) {
                fprintf(stderr, "%s: resource %zu is refused\n", name, i + 1);
                exit(1);
            }
        }
        rounds++;
        passed = (double)(clock() - start) / CLOCKS_PER_SEC;
    } while (passed < RUN_SECONDS);

    speed = (double)lines->bytes * rounds / passed / 1e6;
    resources = (double)lines->count * rounds / passed;
    printf("%-24s %10.0f %14.0f", name, speed, resources);
    if (compared > 0)
        printf(" %11.1fx", speed / compared);
    printf("\n");
    arena_free(state.arena);
    buf_release(&state.out);
    return speed;
}

static bool scan_bytes(struct state *state, struct text line)
{
    state->sink += memchr(line.data, '\n', line.size) == NULL;
    return true;
}

static struct node *read_one(struct state *state, struct text line, struct issues *issues)
{
    struct err err = {0};

    arena_reset(state->arena);
    issues_init(issues, state->arena, 100);
    return json_read(state->arena, line.data, line.size, &json_default_limits, issues, &err);
}

static bool read_only(struct state *state, struct text line)
{
    struct issues issues;

    return read_one(state, line, &issues) && issues.errors == 0;
}

static bool read_and_check(struct state *state, struct text line)
{
    struct issues issues;
    struct node *resource = read_one(state, line, &issues);

    if (!resource)
        return false;
    check_structure(resource, &issues);
    return issues.errors == 0;
}

/* Everything that R4 says, and the profiles that are claimed. */
static bool read_and_validate(struct state *state, struct text line)
{
    struct validation validation = {.definitions = state->definitions, .level = VALIDATION_FULL};
    struct issues issues;
    struct node *resource = read_one(state, line, &issues);

    if (!resource)
        return false;
    validate_resource(resource, &validation, &issues);
    state->sink += issues.kept; /* sample data has its faults: finding them is the work */
    return true;
}

static bool read_and_write(struct state *state, struct text line)
{
    struct issues issues;
    struct node *resource = read_one(state, line, &issues);

    if (!resource)
        return false;
    buf_clear(&state->out);
    json_write(resource, &state->out);
    state->sink += state->out.size;
    return true;
}

static void write_as_xml(const struct lines *lines, struct arena *arena, struct lines *xml)
{
    struct state state = {.arena = arena_new()};
    struct issues issues;

    *xml = (struct lines){.lines = arena_many(arena, struct text, lines->count)};
    for (size_t i = 0; i < lines->count; i++) {
        const struct node *resource = read_one(&state, lines->lines[i], &issues);
        struct buf out = buf_in(arena);
        if (!resource)
            continue;
        xml_write(resource, &out);
        xml->lines[xml->count++] = (struct text){out.data, out.size};
        xml->bytes += out.size;
    }
    arena_free(state.arena);
}

static struct node *read_one_xml(struct state *state, struct text document)
{
    struct err err = {0};
    struct issues issues;

    arena_reset(state->arena);
    issues_init(&issues, state->arena, 100);
    return xml_read(state->arena, document.data, document.size, &json_default_limits, &issues,
                    &err);
}

static bool read_xml(struct state *state, struct text document)
{
    return read_one_xml(state, document) != NULL;
}

static bool read_and_write_xml(struct state *state, struct text document)
{
    const struct node *resource = read_one_xml(state, document);

    if (!resource)
        return false;
    buf_clear(&state->out);
    xml_write(resource, &state->out);
    return true;
}

static bool jansson_read(struct state *state, struct text line)
{
    json_t *json = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES, NULL);

    state->sink += json != NULL;
    json_decref(json);
    return state->sink > 0;
}

static bool jansson_read_and_write(struct state *state, struct text line)
{
    json_t *json = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES, NULL);
    char *text = json_dumps(json, JSON_COMPACT);

    if (!text)
        return false;
    state->sink += strlen(text);
    free(text);
    json_decref(json);
    return true;
}
