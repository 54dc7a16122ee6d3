/*
 * Pull hydrate - what resources refer to but no query of ours brings: asked for
 * one by one, by type and id.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "fhir/type.h"
#include "sync/fetch.h"
#include "sync/page.h"
#include "sync/partner.h"
#include "sync/pull_internal.h"
#include "sync/talk.h"
#include "sync/url.h"

#define BATCH  50                        /* in one unit */
#define AROUND ((size_t)64 << 10)        /* what may stand around the data of a Binary */
#define LATER  (INT64_C(3600) * 1000000) /* what failed may be asked for again then */
#define ENOUGH 3                         /* failures in a row: it is the partner */

/* What came of one request. */
enum came {
    CAME_RESOURCE,
    CAME_NOTHING, /* it is not there, or too large, or leads to where we do not go */
    CAME_FAILURE,
    CAME_STOP, /* the partner is not to be asked now */
};

struct gathering {
    const struct pull *pull;
    struct hydration *hydration;
    const struct landing_identity *wanted;
    size_t count;
    struct arena *arena;
};

void hydration_release(struct hydration *hydration)
{
    tried_release(&hydration->tried);
    attachments_release(&hydration->attachments);
    *hydration = (struct hydration){0};
}

static bool accept(void *context, const struct fetch_response *response, struct arena *arena,
                   struct err *err)
{
    const struct landing_identity *wanted = context;
    struct page_entry entry = {0};

    if (page_read_resource(text_trim(response->body), arena, &entry) &&
        text_is(entry.type, wanted->type) && entry.id.data && text_is(entry.id, wanted->id))
        return true;
    return err_set(err, ERR_INVALID, NULL, "The answer is not the resource that was asked for.");
}

/* Refuses what is another Binary than documents say. */
static void compare(const struct gathering *gathering, const struct landing_identity *identity,
                    struct landing_row *row)
{
    const struct text id = text_of(identity->id);
    const char *rule =
        attachments_refuse(&gathering->hydration->attachments, id, row->body, gathering->arena);

    if (!rule)
        return;
    row->type = TEXT("Binary");
    row->id = id;
    row->refused = TEXT("attachment");
    row->rule = text_of(rule);
}

static enum came came_of(bool answered, const struct fetch_response *response,
                         const struct err *err)
{
    if (answered &&
        response->status == 401) /* a key that has expired says nothing of the resource */
        return CAME_FAILURE;
    if (answered)
        return response->status == 200 ? CAME_RESOURCE : CAME_NOTHING;
    if (err->kind == ERR_THROTTLED || err->kind == ERR_BUSY)
        return CAME_STOP;
    return err->kind == ERR_FORBIDDEN || err->kind == ERR_TOO_LARGE ? CAME_NOTHING : CAME_FAILURE;
}

/* Waits. Asked once: others wait behind it, and what fails will be wanted another time as well. */
static enum came fetch_one(const struct gathering *gathering,
                           const struct landing_identity *identity, struct landing_row *row)
{
    const struct pull *pull = gathering->pull;
    struct buf url = buf_in(gathering->arena);
    struct fetch_response response;
    struct err err = {0};

    buf_printf(&url, "%s/%s/", pull->partner->base, identity->type);
    url_encode(&url, text_of(identity->id));
    const bool shown = strcmp(identity->type, "Binary") == 0 && pull->partner->hydrate_attachments;
    const struct talk_request request = {
        .method = "GET",
        .url = buf_text(&url),
        .most = shown ? (size_t)pull->partner->hydrate_attachments / 3 * 4 + AROUND : 0,
        .tries = 1,
        .accept = accept,
        .context = (void *)(uintptr_t)identity,
    };
    bool answered = talk(pull->talk, &request, gathering->arena, &response, &err);
    enum came came = came_of(answered, &response, &err);
    if (came != CAME_RESOURCE)
        return came;
    if (shown && attachments_size(response.body, gathering->arena) >
                     (uint64_t)pull->partner->hydrate_attachments)
        return CAME_NOTHING;
    *row = (struct landing_row){.body = response.body, .updated = INT64_MIN};
    if (shown)
        compare(gathering, identity, row);
    return CAME_RESOURCE;
}

/* What came is a window of its own: there is nothing to go on with after a crash. */
static bool land(const struct gathering *gathering, const struct landing_row *rows, size_t count,
                 struct err *err)
{
    const struct pull *pull = gathering->pull;
    const struct landing_cursor_key key = {pull->number, PULL_HYDRATE, "", {"", 0}};
    struct landing_window window;
    bool already;

    if (!landing_window_open(pull->store, &key, TEXT(""), false, gathering->arena, &window, err))
        return false;
    const struct landing_unit unit = {
        .window = window.number,
        .url = text_of(arena_printf(gathering->arena, "hydrate#%d", window.units)),
        .rows = rows,
        .count = count,
        .expected = (int64_t)count,
        .last = true,
    };
    if (!landing_land(pull->store, &unit, &already, err))
        return false;
    if (pull->landed && count)
        pull->landed(pull->context, count);
    return true;
}

static bool may_ask_for(const struct gathering *gathering, const struct landing_identity *identity)
{
    return resource_type_find(text_of(identity->type)) &&
           tried_may(&gathering->hydration->tried, identity->type, identity->id, clock_now());
}

static bool gather(const struct gathering *gathering, unsigned most, unsigned *fetched,
                   struct err *err)
{
    struct landing_row rows[BATCH];
    size_t count = 0;
    unsigned asked = 0, failures = 0;

    for (size_t i = 0; i < gathering->count && asked < most && failures < ENOUGH; i++) {
        const struct landing_identity *identity = &gathering->wanted[i];
        if (!may_ask_for(gathering, identity))
            continue;
        asked++;
        enum came came = fetch_one(gathering, identity, &rows[count]);
        if (came == CAME_STOP)
            break;
        failures = came == CAME_FAILURE ? failures + 1 : 0;
        tried_note(&gathering->hydration->tried, identity->type, identity->id,
                   failures ? clock_now() + LATER : INT64_MAX);
        count += came == CAME_RESOURCE;
        *fetched += came == CAME_RESOURCE;
        if (count == BATCH && !land(gathering, rows, count, err))
            return false;
        count %= BATCH;
    }
    return count == 0 || land(gathering, rows, count, err);
}

bool pull_hydrate(const struct pull *pull, struct hydration *hydration, const char *type,
                  unsigned most, unsigned *fetched, struct err *err)
{
    struct gathering gathering = {.pull = pull, .hydration = hydration, .arena = arena_new()};
    struct landing_identity *identities = NULL;
    unsigned limit = most + (unsigned)hydration->tried.count;

    *fetched = 0;
    bool good = landing_identity_list(pull->store, pull->number, LANDING_MENTIONED, type, limit,
                                      gathering.arena, &identities, &gathering.count, err);
    gathering.wanted = identities;
    good = good && gather(&gathering, most, fetched, err);
    arena_free(gathering.arena);
    return good;
}
