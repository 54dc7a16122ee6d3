/*
 * Completeness of a record - see completeness.h: whether its sources are up to date, whether what
 * it refers to has come, and whether something that belongs to it could not be applied.
 */

#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"
#include "fhir/bundle.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "server/completeness.h"
#include "storage/landing.h"

#include <inttypes.h>

#define PAGE      500
#define RESOURCES 5000 /* of the record that are looked at */
#define LETTERS   100

/* What the record refers to, each once. */
struct references {
    struct arena *arena;
    struct map seen;  /* "Type/id" */
    struct map types; /* to struct list */
    size_t resources;
    bool whole; /* all of the record was looked at */
};

struct list {
    struct text *ids;
    size_t count, room;
};

static bool is_there(const struct request *req, const char *id, struct err *err);
static bool add_sources(struct completeness *asked, const char *id,
                        const struct landing_partner *only, json_t *answer, struct err *err);
static bool add_references(struct completeness *asked, const char *id, json_t *answer,
                           struct err *err);
static bool add_letters(struct completeness *asked, const char *id,
                        const struct landing_partner *only, json_t *answer, struct err *err);

json_t *completeness_of_patient(struct completeness *asked, const char *id,
                                const struct landing_partner *only, struct err *err)
{
    json_t *answer;

    if (!is_there(asked->req, id, err))
        return NULL;
    answer = json_pack("{s:s+}", "patient", "Patient/", id);
    if (add_sources(asked, id, only, answer, err) && add_references(asked, id, answer, err) &&
        add_letters(asked, id, only, answer, err))
        return answer;
    json_decref(answer);
    return NULL;
}

static bool is_there(const struct request *req, const char *id, struct err *err)
{
    const struct store_version *version;

    if (!store_read(req->service->store, &req->access, "Patient", id, req->arena, &version, err))
        return false;
    if (!version)
        return err_set(err, ERR_NOT_FOUND, NULL, "There is no Patient with this id.");
    return version->json || err_set(err, ERR_GONE, NULL, "This Patient was deleted.");
}

/* Sources. */

static json_t *source_json(struct completeness *asked, const struct landing_identity *identity,
                           const struct landing_partner *landed, struct err *err)
{
    static const char *const presences[] = {"mentioned", "present", "missing",
                                            "gone",      "deleted", "forwarded"};
    struct store *store = asked->req->service->store;
    json_t *source = completeness_of_pulls(asked, landed, err);
    int64_t unread;

    if (!source || !landing_dead_unread(store, landed->number, &unread, err)) {
        json_decref(source);
        return NULL;
    }
    json_object_set_new(source, "presence", json_string(presences[identity->presence]));
    json_object_set_new(source, "origin", json_boolean(!identity->linked));
    json_object_set_new(source, "updatedThere", completeness_time(identity->updated));
    json_object_set_new(source, "unreadable", json_integer((json_int_t)unread));
    if (unread)
        completeness_doubt(asked,
                           "%s: %" PRId64 " records came that nobody can read: they may belong to "
                           "this one.",
                           landed->name, unread);
    if (identity->presence == LANDING_MISSING || identity->presence == LANDING_GONE)
        completeness_doubt(asked, "%s: its last snapshot does not have this patient any more.",
                           landed->name);
    return source;
}

static const struct landing_partner *partner_of(const struct landing_partner *partners,
                                                size_t count, int32_t number)
{
    for (size_t i = 0; i < count; i++)
        if (partners[i].number == number)
            return &partners[i];
    return NULL;
}

static bool add_sources(struct completeness *asked, const char *id,
                        const struct landing_partner *only, json_t *answer, struct err *err)
{
    struct request *req = asked->req;
    struct store *store = req->service->store;
    struct landing_partner *partners;
    struct landing_identity *identities;
    size_t partner_count, count;
    json_t *sources = json_array();

    json_object_set_new(answer, "sources", sources);
    if (!landing_partner_list(store, &req->access, req->arena, &partners, &partner_count, err) ||
        !landing_identity_all(store, "Patient", id, req->arena, &identities, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct landing_partner *landed =
            partner_of(partners, partner_count, identities[i].partner);
        if (!landed || (only && only->number != landed->number))
            continue;
        json_t *source = source_json(asked, &identities[i], landed, err);
        if (!source)
            return false;
        json_array_append_new(sources, source);
    }
    if (only && json_array_size(sources) == 0)
        completeness_doubt(asked, "%s: nothing of this patient has come from there.", only->name);
    return true;
}

/* References. */

static void take_reference(struct node *reference, void *context)
{
    struct references *references = context;
    struct text name = reference->value, type, id;
    struct map_entry *entry;

    if (!text_split(name, '/', &type, &id) || memchr(id.data, '/', id.size) ||
        !resource_type_find(type) || map_find(&references->seen, name))
        return;
    name = (struct text){text_dup(references->arena, name), name.size};
    map_entry(&references->seen, name)->value = references;
    type.data = name.data;
    id.data = name.data + type.size + 1;
    entry = map_entry(&references->types, type);
    struct list *list = entry->value;
    if (!list)
        entry->value = list = arena_one(references->arena, struct list);
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 16;
        struct text *ids = arena_many(references->arena, struct text, room);
        if (list->count)
            memcpy(ids, list->ids, list->count * sizeof(*ids));
        list->ids = ids;
        list->room = room;
    }
    list->ids[list->count++] = id;
}

static void take_page(struct references *references, const struct store_page *page,
                      struct arena *arena)
{
    for (size_t i = 0; i < page->count; i++) {
        const struct store_version *version = &page->entries[i].version;
        struct issues issues;
        struct err ignored = {0};

        if (page->entries[i].mode != STORE_MATCH)
            continue;
        issues_init(&issues, arena, 1);
        struct node *resource = json_read(arena, version->json, version->json_size,
                                          &json_stored_limits, &issues, &ignored);
        references->resources++;
        if (resource)
            bundle_each_reference(resource, take_reference, references);
    }
}

/* Page by page, each in memory of its own. */
static bool gather(const struct request *req, const char *id, struct references *references,
                   struct err *err)
{
    struct store_everything_query query = {.type = "Patient",
                                           .id = id,
                                           .start = INT64_MIN,
                                           .end = INT64_MAX,
                                           .since = INT64_MIN,
                                           .count = PAGE};
    bool good = true;

    while (good && references->resources < RESOURCES) {
        struct arena *arena = arena_new();
        struct store_page page = {0};

        good = store_everything(req->service->store, &req->access, &query, arena, &page, err);
        if (good) {
            take_page(references, &page, arena);
            query.cursor = page.next ? arena_strdup(req->arena, page.next) : NULL;
            references->whole = !page.next;
        }
        arena_free(arena);
        if (!query.cursor)
            break;
    }
    return good;
}

static bool add_references(struct completeness *asked, const char *id, json_t *answer,
                           struct err *err)
{
    struct request *req = asked->req;
    struct references references = {
        .arena = req->arena, .seen.arena = req->arena, .types.arena = req->arena};
    json_t *types = json_object();
    json_int_t missing = 0;

    json_object_set_new(answer, "references", types);
    if (!gather(req, id, &references, err))
        return false;
    for (size_t i = 0; i < references.types.room; i++) {
        const struct map_entry *entry = &references.types.entries[i];
        const struct list *list = entry->value;
        json_int_t mentioned = 0;
        if (!entry->key.data)
            continue;
        struct landing_identity **found =
            arena_many(req->arena, struct landing_identity *, list->count);
        const char *type = text_dup(req->arena, entry->key);
        if (!landing_identity_origin(req->service->store, type, list->ids, list->count, req->arena,
                                     found, err))
            return false;
        for (size_t k = 0; k < list->count; k++)
            mentioned += found[k] && found[k]->presence == LANDING_MENTIONED;
        if (mentioned)
            json_object_set_new(types, type, json_integer(mentioned));
        missing += mentioned;
    }
    json_object_set_new(answer, "references",
                        json_pack("{s:I, s:I, s:b, s:I, s:O}", "of",
                                  (json_int_t)references.resources, "different",
                                  (json_int_t)references.seen.count, "all", references.whole,
                                  "notCome", missing, "types", types));
    if (missing)
        completeness_doubt(asked, "%" PRId64 " resources that the record refers to have not come.",
                           (int64_t)missing);
    if (!references.whole)
        completeness_doubt(asked, "Only %zu resources of the record were looked at.",
                           references.resources);
    return true;
}

/* Dead letters. */

static bool add_letters(struct completeness *asked, const char *id,
                        const struct landing_partner *only, json_t *answer, struct err *err)
{
    struct request *req = asked->req;
    struct landing_partner *partners;
    struct landing_dead *dead;
    size_t partner_count, count;
    json_t *letters = json_array();

    json_object_set_new(answer, "deadLetters", letters);
    if (!landing_partner_list(req->service->store, &req->access, req->arena, &partners,
                              &partner_count, err) ||
        !landing_dead_about(req->service->store, "Patient", id, LETTERS, req->arena, &dead, &count,
                            err))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct landing_partner *landed = partner_of(partners, partner_count, dead[i].partner);
        if (!landed || (only && only->number != landed->number))
            continue;
        json_array_append_new(
            letters, json_pack("{s:s, s:I, s:b, s:s, s:s*, s:s*, s:o}", "partner", landed->name,
                               "number", (json_int_t)dead[i].number, "critical", dead[i].critical,
                               "class", dead[i].class, "type", dead[i].type, "where", dead[i].where,
                               "since", completeness_time(dead[i].first)));
    }
    if (json_array_size(letters))
        completeness_doubt(asked,
                           "%zu records came that belong to this one and could not be applied.",
                           json_array_size(letters));
    return true;
}
