/*
 * Search merge - of matches with the same time, those of the type that comes first in the query
 * come first, whatever the direction; then they are in the order of their keys.
 */

#include "storage/search_merge.h"

#include "base/arena.h"
#include "base/hash.h"
#include "storage/cursor.h"
#include "storage/search_paging.h"

struct merging {
    struct store *store;
    const struct access *access;
    const struct query *query;
    struct arena *arena;
    bool descending;
    bool resumed; /* what follows is behind these */
    int64_t time, type, rkey;
    struct search_paging *pagings; /* one for each type */
    size_t *taken;                 /* of its entries */
};

static bool is_by_time(const struct query *query);
static bool open_cursor(struct merging *merging);
static bool ask(struct merging *merging, size_t at, bool *by_time, struct err *err);
static struct search_position position_of(const struct merging *merging, size_t at);
static void take_page(struct merging *merging, struct store_page *page, int64_t *rkeys);
static size_t first_type(const struct merging *merging);
static bool has_more(const struct merging *merging);
static const char *write_cursor(const struct merging *merging);
static uint64_t identity(const struct merging *merging);

bool search_merge(struct store *store, const struct access *access, const struct query *query,
                  struct arena *arena, struct store_page *page, int64_t **rkeys, bool *merged,
                  struct err *err)
{
    struct merging merging = {.store = store, .access = access, .query = query, .arena = arena};
    bool by_time = true;

    *merged = false;
    if (!is_by_time(query) || (query->page.data && !open_cursor(&merging)))
        return true;
    merging.descending = query->sorts[0].descending;
    merging.pagings = arena_many(arena, struct search_paging, query->type_count);
    merging.taken = arena_many(arena, size_t, query->type_count);
    for (size_t at = 0; at < query->type_count && by_time; at++)
        if (query->types[at] && !ask(&merging, at, &by_time, err))
            return false;
    if (!by_time)
        return true;
    *merged = true;
    *rkeys = arena_many(arena, int64_t, query->count);
    page->entries = arena_many(arena, struct store_entry, query->count);
    take_page(&merging, page, *rkeys);
    if (page->count > 0 && has_more(&merging))
        page->next = write_cursor(&merging);
    return true;
}

static bool is_by_time(const struct query *query)
{
    return query->type_count > 0 && query->sort_count == 1 &&
           query->sorts[0].subject == QUERY_LAST_UPDATED && query->count > 0;
}

static bool open_cursor(struct merging *merging)
{
    struct cursor cursor;
    struct err other = {0};

    if (!cursor_open(&cursor, merging->arena, merging->query->page, &merging->store->cursor_key,
                     identity(merging), &other))
        return false;
    merging->resumed = true;
    merging->time = cursor_take_int(&cursor);
    merging->type = cursor_take_int(&cursor);
    merging->rkey = cursor_take_int(&cursor);
    return cursor_end(&cursor, &other);
}

/* Whether it is done by time is decided with the first page. */
static bool ask(struct merging *merging, size_t at, bool *by_time, struct err *err)
{
    struct search_paging *paging = &merging->pagings[at];
    struct search_plan *plan = &paging->plan;
    struct query *one = arena_one(merging->arena, struct query);

    *one = *merging->query->types[at];
    one->sorts = merging->query->sorts;
    one->sort_count = merging->query->sort_count;
    one->include_count = 0;
    one->page = (struct text){0};
    paging->pg = merging->store->search;
    paging->limit = merging->query->count;
    if (!search_paging_begin(paging, merging->store, merging->access, one, merging->arena, err))
        return false;
    if (merging->resumed) {
        search_plan_resume(plan, DRIVE_UPDATED, MODE_INDEX, -1);
        paging->position = position_of(merging, at);
    }
    *by_time = plan->driver == DRIVE_UPDATED && plan->mode == MODE_INDEX;
    if (!*by_time)
        return true;
    if (!search_paging_fill(paging, err))
        return false;
    *by_time = plan->driver == DRIVE_UPDATED && plan->mode == MODE_INDEX; /* as it turned out */
    return true;
}

/* Types before the last match's have shown all of its time, those behind it nothing. */
static struct search_position position_of(const struct merging *merging, size_t at)
{
    bool before = (int64_t)at < merging->type, all = before != merging->descending;

    return (struct search_position){
        .set = true,
        .keys = {{.time = merging->time}},
        .rkey = (int64_t)at == merging->type ? merging->rkey
                : all                        ? INT64_MAX
                                             : INT64_MIN,
    };
}

static void take_page(struct merging *merging, struct store_page *page, int64_t *rkeys)
{
    while (page->count < merging->query->count) {
        size_t at = first_type(merging);

        if (at == merging->query->type_count)
            return;
        const struct search_paging *paging = &merging->pagings[at];
        size_t entry = merging->taken[at]++;

        merging->time = paging->entries[entry].version.last_updated;
        merging->type = (int64_t)at;
        merging->rkey = rkeys[page->count] = paging->rkeys[entry];
        page->entries[page->count++] = paging->entries[entry];
    }
}

/* That whose next match comes first, or the number of types when nothing is left. */
static size_t first_type(const struct merging *merging)
{
    size_t found = merging->query->type_count;
    int64_t first = 0;

    for (size_t at = 0; at < merging->query->type_count; at++) {
        const struct search_paging *paging = &merging->pagings[at];

        if (merging->taken[at] == paging->count)
            continue;
        int64_t time = paging->entries[merging->taken[at]].version.last_updated;
        if (found < merging->query->type_count &&
            (merging->descending ? time <= first : time >= first))
            continue;
        first = time;
        found = at;
    }
    return found;
}

static bool has_more(const struct merging *merging)
{
    for (size_t at = 0; at < merging->query->type_count; at++)
        if (merging->pagings[at].more || merging->taken[at] < merging->pagings[at].count)
            return true;
    return false;
}

static const char *write_cursor(const struct merging *merging)
{
    struct cursor cursor = cursor_begin(merging->arena);

    cursor_put_int(&cursor, merging->time);
    cursor_put_int(&cursor, merging->type);
    cursor_put_int(&cursor, merging->rkey);
    return cursor_text(&cursor, &merging->store->cursor_key, identity(merging));
}

static uint64_t identity(const struct merging *merging)
{
    struct buf text = buf_in(merging->arena);
    struct hash_state state;

    query_write_identity(merging->query, &text);
    hash_init(&state, &merging->store->cursor_key);
    hash_part(&state, "merge1", 6); /* rises when the order of pages changes */
    hash_number(&state, (uint32_t)merging->access->tenant);
    hash_part(&state, text.data, text.size);
    return hash_done(&state);
}
