/*
 * Load input - see load_input.h.
 */

#include "server/load_input.h"

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/bundle.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "server/gzip_file.h"

#define FILE_MAX (1U << 30)

struct load_input {
    const char *const *files; /* borrowed; the next one to open */
    const char *name;         /* of the open one */
    struct gzip_file *file;   /* NULL: none is open */
    unsigned number;
    uint64_t before; /* bytes of the files already closed */
};

static bool open_next(struct load_input *input, struct err *err);
static bool is_ndjson(const char *name);
static bool read_lines(struct load_input *input, struct arena *arena, struct load_unit *unit,
                       struct err *err);
static bool read_whole(struct load_input *input, struct arena *arena, struct load_unit *unit,
                       struct err *err);

struct load_input *load_input_new(const char *const *files)
{
    struct load_input *input = calloc(1, sizeof(*input));

    if (!input)
        abort();
    input->files = files;
    return input;
}

void load_input_free(struct load_input *input)
{
    if (!input)
        return;
    gzip_file_close(input->file);
    free(input);
}

struct load_unit *load_input_next(struct load_input *input, struct arena *arena, struct err *err)
{
    struct load_unit *unit = arena_one(arena, struct load_unit);

    if (!input->file && (!*input->files || !open_next(input, err)))
        return NULL;
    unit->file = input->name;
    unit->number = ++input->number;
    if (is_ndjson(input->name) ? !read_lines(input, arena, unit, err)
                               : !read_whole(input, arena, unit, err))
        return NULL;
    unit->position = input->before + gzip_file_position(input->file);
    if (unit->last) {
        input->before = unit->position;
        gzip_file_close(input->file);
        input->file = NULL;
    }
    return unit;
}

static bool open_next(struct load_input *input, struct err *err)
{
    input->name = *input->files++;
    input->number = 0;
    input->file = gzip_file_open(input->name, err);
    return input->file != NULL;
}

static bool is_ndjson(const char *name)
{
    return strstr(name, ".ndjson") != NULL;
}

/* Learns type and id; an entry that is no resource keeps type NULL, and the server says why. */
static void look_into(struct arena *arena, struct load_entry *entry)
{
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, 1);
    const struct node *tree =
        json_read(arena, entry->json.data, entry->json.size, &json_default_limits, &issues, &err);
    if (!tree)
        return;
    entry->type = tree->type->name;
    entry->id = node_value(tree, "id");
}

static bool read_lines(struct load_input *input, struct arena *arena, struct load_unit *unit,
                       struct err *err)
{
    struct buf line = buf_in(arena);
    size_t bytes = 0;
    bool more = true;

    unit->entries = arena_many(arena, struct load_entry, LOAD_LINES);
    unit->repeatable = true;
    while (unit->count < LOAD_LINES && bytes < LOAD_BYTES) {
        if (!gzip_file_line(input->file, &line, FILE_MAX, &more, err))
            return false;
        if (!more)
            break;
        if (line.size == 0)
            continue;
        struct load_entry *entry = &unit->entries[unit->count++];
        entry->json = (struct text){arena_strndup(arena, line.data, line.size), line.size};
        bytes += line.size;
        look_into(arena, entry);
        unit->repeatable = unit->repeatable && entry->id.data;
    }
    unit->last = !more;
    return true;
}

/* POST without a condition makes another resource each time. */
static bool is_repeatable(const struct bundle_entry *entry)
{
    return !text_is(entry->method, "POST") || entry->if_none_exist.data;
}

static void list_bundle(struct arena *arena, const struct node *tree, struct load_unit *unit)
{
    struct bundle bundle;
    struct err err = {0};

    if (!bundle_read(arena, tree, &bundle, &err)) {
        unit->problem = "it is no Bundle that can be read";
        return;
    }
    if (!text_is(bundle.type, "transaction") && !text_is(bundle.type, "batch")) {
        unit->problem = "only Bundles of type transaction and batch can be loaded";
        return;
    }
    unit->repeatable = true;
    unit->entries = arena_many(arena, struct load_entry, bundle.count);
    unit->count = bundle.count;
    for (size_t i = 0; i < bundle.count; i++) {
        const struct node *resource = bundle.entries[i].resource;
        unit->entries[i].type = resource && resource->type ? resource->type->name : NULL;
        unit->repeatable = unit->repeatable && is_repeatable(&bundle.entries[i]);
    }
}

static bool read_whole(struct load_input *input, struct arena *arena, struct load_unit *unit,
                       struct err *err)
{
    struct buf content = buf_in(arena);
    struct issues issues;
    struct err cause = {0};

    unit->last = true;
    if (!gzip_file_all(input->file, &content, FILE_MAX, err))
        return false;
    issues_init(&issues, arena, 1);
    struct text json = {content.data, content.size};
    const struct node *tree =
        json_read(arena, json.data, json.size, &json_default_limits, &issues, &cause);
    if (!tree) {
        unit->problem = arena_strdup(arena, cause.text);
        return true;
    }
    if (strcmp(tree->type->name, "Bundle") == 0) {
        unit->bundle = json;
        list_bundle(arena, tree, unit);
        return true;
    }
    unit->entries = arena_one(arena, struct load_entry);
    unit->entries[0] = (struct load_entry){json, tree->type->name, node_value(tree, "id")};
    unit->count = 1;
    unit->repeatable = unit->entries[0].id.data != NULL;
    return true;
}

struct text load_unit_bundle(struct arena *arena, const struct load_unit *unit, size_t from,
                             size_t to)
{
    struct buf out = buf_in(arena);

    buf_add_text(&out, "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[");
    for (size_t i = from; i < to; i++) {
        const struct load_entry *entry = &unit->entries[i];
        const char *type = entry->type ? entry->type : "Basic";
        buf_add_text(&out, i == from ? "{\"resource\":" : ",{\"resource\":");
        buf_add(&out, entry->json.data, entry->json.size);
        if (entry->id.data)
            buf_printf(&out, ",\"request\":{\"method\":\"PUT\",\"url\":\"%s/%.*s\"}}", type,
                       TEXT_ARGS(entry->id));
        else
            buf_printf(&out, ",\"request\":{\"method\":\"POST\",\"url\":\"%s\"}}", type);
    }
    buf_add_text(&out, "]}");
    return (struct text){out.data, out.size};
}
