/*
 * Package source - see package_source.h.
 */

#include "server/package_source.h"

#include "base/arena.h"
#include "base/count.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "server/archive.h"

#include <jansson.h>
#include <sys/stat.h>

#define PROBLEMS_MAX     1000
#define DEPENDENCIES_MAX 100
#define FOLDER           "package"

/* The largest package known (terminology) unpacks to 120 MB in 10,000 files. */
static const struct archive_limits limits = {
    .file = 64U << 20,
    .total = 512U << 20,
    .count = 50000,
};

struct file {
    const char *name;
    struct text content;
    struct file *next;
};

struct gathering {
    struct arena *arena;
    struct file *files;
    size_t count;
    struct text manifest; /* package.json; absent */
    struct package_source *source;
    const struct node *guide; /* ImplementationGuide; or NULL */
};

static bool is_wanted(const char *name);
static void gather(const char *name, struct text content, void *context);
static struct file **sort_files(const struct gathering *gathering);
static void read_resource(struct gathering *gathering, const struct file *file);
static enum package_kind kind_of(const struct node *resource);
static bool name_package(struct gathering *gathering, const char *path, struct err *err);
static bool read_manifest(struct gathering *gathering, const char *path, struct err *err);
static void read_guide(struct gathering *gathering);

bool package_source_read(const char *path, struct arena *arena, struct package_source *source,
                         struct err *err)
{
    struct gathering gathering = {.arena = arena, .source = source};
    struct stat status;
    bool folder = stat(path, &status) == 0 && S_ISDIR(status.st_mode);

    *source = (struct package_source){0};
    issues_init(&source->problems, arena, PROBLEMS_MAX);
    if (folder
            ? !archive_read_folder(path, FOLDER, &limits, is_wanted, gather, &gathering, arena, err)
            : !archive_read(path, &limits, is_wanted, gather, &gathering, arena, err))
        return false;
    source->definitions = arena_many(arena, struct package_definition, gathering.count);
    source->resources = arena_many(arena, const struct node *, gathering.count);
    struct file **files = sort_files(&gathering);
    for (size_t i = 0; i < gathering.count; i++)
        read_resource(&gathering, files[i]);
    if (!name_package(&gathering, path, err))
        return false;
    source->label = arena_printf(arena, "%s#%s", source->about.name, source->about.version);
    return true;
}

/* The name behind the folder `package`. */
static struct text base_name(const char *name)
{
    struct text base = text_of(name), folder = TEXT(FOLDER "/");

    if (text_starts_with(base, TEXT("./")))
        base = (struct text){base.data + 2, base.size - 2};
    if (text_starts_with(base, folder))
        base = (struct text){base.data + folder.size, base.size - folder.size};
    return base;
}

/* Directly in the folder: examples and other material are in folders below it. Names that begin
 * with a dot are indexes. */
static bool is_wanted(const char *name)
{
    struct text base = base_name(name), folder, rest;

    return text_ends_with(base, TEXT(".json")) && !text_starts_with(base, TEXT(".")) &&
           !text_split(base, '/', &folder, &rest);
}

static void gather(const char *name, struct text content, void *context)
{
    struct gathering *gathering = context;
    struct file *file;

    if (text_is(base_name(name), "package.json")) {
        gathering->manifest = content;
        return;
    }
    file = arena_one(gathering->arena, struct file);
    *file = (struct file){base_name(name).data, content, gathering->files};
    gathering->files = file;
    gathering->count++;
}

static int compare_files(const void *a, const void *b)
{
    return strcmp((*(struct file *const *)a)->name, (*(struct file *const *)b)->name);
}

static struct file **sort_files(const struct gathering *gathering)
{
    struct file **files = arena_many(gathering->arena, struct file *, gathering->count);
    size_t count = 0;

    for (struct file *file = gathering->files; file; file = file->next)
        files[count++] = file;
    if (count)
        qsort(files, count, sizeof(struct file *), compare_files);
    return files;
}

static void read_resource(struct gathering *gathering, const struct file *file)
{
    struct package_source *source = gathering->source;
    struct arena *arena = gathering->arena;
    struct issues findings; /* what does not follow R4 in it is not our business */
    struct err err = {0};

    issues_init(&findings, arena, 1);
    struct node *resource = json_read(arena, file->content.data, file->content.size,
                                      &json_default_limits, &findings, &err);
    if (!resource) {
        issue_add(&source->problems, ISSUE_WARNING, "invalid", NULL, "%s: %s", file->name,
                  err.text);
        return;
    }
    if (strcmp(resource->type->name, "ImplementationGuide") == 0 && !gathering->guide)
        gathering->guide = resource;
    enum package_kind kind = kind_of(resource);
    if (kind == PACKAGE_KINDS) {
        source->others++;
        return;
    }
    source->about.counts[kind]++;
    source->resources[source->count] = resource;
    source->definitions[source->count++] = (struct package_definition){
        .type = resource->type->name,
        .url = text_dup(arena, node_value(resource, "url")),
        .version = text_dup(arena, node_value(resource, "version")),
        .id = text_dup(arena, node_value(resource, "id")),
        .json = file->content,
    };
}

static enum package_kind kind_of(const struct node *resource)
{
    static const struct {
        const char *type;
        enum package_kind kind;
    } kinds[] = {
        {"StructureDefinition", PACKAGE_PROFILE},
        {"ValueSet", PACKAGE_VALUE_SET},
        {"CodeSystem", PACKAGE_CODE_SYSTEM},
        {"SearchParameter", PACKAGE_SEARCH_PARAMETER},
    };

    for (size_t i = 0; i < COUNT(kinds); i++)
        if (strcmp(resource->type->name, kinds[i].type) == 0)
            return kinds[i].kind == PACKAGE_PROFILE &&
                           text_is(node_value(resource, "type"), "Extension")
                       ? PACKAGE_EXTENSION
                       : kinds[i].kind;
    return PACKAGE_KINDS;
}

static bool name_package(struct gathering *gathering, const char *path, struct err *err)
{
    struct package *about = &gathering->source->about;

    if (gathering->manifest.data && !read_manifest(gathering, path, err))
        return false;
    if (gathering->guide)
        read_guide(gathering);
    if (!about->name || !about->version)
        return err_set(err, ERR_INVALID, NULL,
                       "%s is no FHIR package: it has neither a package.json with name and version "
                       "nor an ImplementationGuide with packageId and version.",
                       path);
    return true;
}

static const char *member(struct arena *arena, const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value && *value ? arena_strdup(arena, value) : NULL;
}

static bool read_manifest(struct gathering *gathering, const char *path, struct err *err)
{
    struct package *about = &gathering->source->about;
    json_error_t error;
    json_t *manifest = json_loadb(gathering->manifest.data, gathering->manifest.size, 0, &error);
    const char *name;
    json_t *version;
    size_t count = 0;

    if (!manifest)
        return err_set(err, ERR_INVALID, NULL, "package.json in %s cannot be read: line %d, %s.",
                       path, error.line, error.text);
    about->name = member(gathering->arena, manifest, "name");
    about->version = member(gathering->arena, manifest, "version");
    about->canonical = member(gathering->arena, manifest, "canonical");
    about->title = member(gathering->arena, manifest, "title");
    const char **list = arena_many(gathering->arena, const char *, DEPENDENCIES_MAX + 1);
    json_object_foreach(json_object_get(manifest, "dependencies"), name,
                        version) if (count < DEPENDENCIES_MAX && json_is_string(version))
        list[count++] = arena_printf(gathering->arena, "%s#%s", name, json_string_value(version));
    about->dependencies = list;
    json_decref(manifest);
    return true;
}

/* What package.json did not say. */
static void take_value(struct gathering *gathering, const char *name, const char **value)
{
    if (!*value)
        *value = text_dup(gathering->arena, node_value(gathering->guide, name));
}

static void read_guide(struct gathering *gathering)
{
    struct package *about = &gathering->source->about;
    const struct node *dependency = node_child(gathering->guide, "dependsOn");
    size_t count = 0;

    take_value(gathering, "packageId", &about->name);
    take_value(gathering, "version", &about->version);
    take_value(gathering, "url", &about->canonical);
    take_value(gathering, "title", &about->title);
    if (about->dependencies)
        return;
    const char **list = arena_many(gathering->arena, const char *, DEPENDENCIES_MAX + 1);
    for (; dependency && count < DEPENDENCIES_MAX; dependency = node_next_same(dependency)) {
        struct text name = node_value(dependency, "packageId");
        struct text version = node_value(dependency, "version");

        if (name.data)
            list[count++] =
                arena_printf(gathering->arena, "%.*s#%.*s", TEXT_ARGS(name), TEXT_ARGS(version));
    }
    about->dependencies = list;
}
