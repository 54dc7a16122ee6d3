/*
 * Search - answers a query with a page: its matches, their total, what is included.
 */

#include "storage/search.h"

#include "base/arena.h"
#include "fhir/query.h"
#include "storage/extraction.h"
#include "storage/search_contained.h"
#include "storage/search_cost.h"
#include "storage/search_cursor.h"
#include "storage/search_each.h"
#include "storage/search_include.h"
#include "storage/search_paging.h"
#include "storage/search_sort.h"
#include "storage/search_stats.h"
#include "storage/search_types.h"
#include "storage/search_units.h"

#include <math.h>

enum {
    EACH_AT_ONCE = 500,
    COUNTED_MAX = 20000, /* rows that are read for a total that may be an estimate */
};

static bool search(struct store *store, const struct access *access, const struct query *query,
                   struct arena *arena, struct store_page *page, struct err *err);
static void count_page(struct store_page *page);
static bool find_total(struct search_paging *paging, struct err *err);
static bool sort_page(struct search_paging *paging, struct store *store,
                      const struct access *access, const struct query *query, struct arena *arena,
                      struct store_page *page, struct err *err);
static void keep_position(struct search_paging *paging, struct arena *arena);

bool store_search(struct store *store, const struct access *access, const struct query *query,
                  struct arena *arena, struct store_page *page, struct err *err)
{
    unsigned began = member_begin(store);
    bool good = search_is_whole(query, err) && search(store, access, query, arena, page, err);

    if (good && !page->has_total && !page->next && !query->page.data)
        count_page(page);
    member_end(store, began);
    return good;
}

/* All matches are on the first page: whoever did not ask for the total gets it, too. */
static void count_page(struct store_page *page)
{
    page->has_total = true;
    page->total = 0;
    for (size_t i = 0; i < page->count; i++)
        page->total += page->entries[i].mode == STORE_MATCH;
}

bool search_is_whole(const struct query *query, struct err *err)
{
    const struct search_param *unfinished = query_find_unfinished(query);

    if (query->contained != QUERY_OUTER && extraction_lacks_contained())
        return err_set(err, ERR_INVALID, "_contained",
                       "\"_contained\" cannot be used yet: what an earlier version of the server "
                       "stored has to be indexed anew. That is what $reindex is for.");
    return !unfinished ||
           err_set(err, ERR_INVALID, unfinished->code,
                   "%s cannot be searched by \"%s\" now: the definition of the parameter changed.",
                   unfinished->type, unfinished->code);
}

static bool search(struct store *store, const struct access *access, const struct query *query,
                   struct arena *arena, struct store_page *page, struct err *err)
{
    struct search_paging paging = {.pg = store->search, .limit = query->count};
    bool accurate = query->total != QUERY_TOTAL_NONE;

    *page = (struct store_page){0};
    query = search_contained(store, access, query, arena, err);
    if (!query)
        return false;
    if (query->type_count > 0)
        return search_types(store, access, query, arena, page, err);
    store->counters.searches++;
    search_stats_refresh(store);
    query = search_units(store, store->search, access, query, arena, err);
    if (!query)
        return false;
    if (search_sort_is_needed(query) && !query->count_only)
        return sort_page(&paging, store, access, query, arena, page, err);
    if (!search_paging_begin(&paging, store, access, query, arena, err))
        return false;
    if (query->count_only) {
        page->has_total = true;
        return search_paging_count(&paging, &page->total, err);
    }

    if (!search_paging_fill(&paging, err))
        return false;
    page->entries = paging.entries;
    page->count = paging.count;
    if (accurate && !paging.has_total && !find_total(&paging, err))
        return false;
    page->has_total = accurate;
    page->total = paging.total;
    if (paging.more)
        page->next = search_cursor_write(&paging);
    return query->include_count == 0 || search_include(&paging.plan, paging.rkeys, page, err);
}

/* With the first page that asks for it. What is all on this page needs no counting. */
static bool find_total(struct search_paging *paging, struct err *err)
{
    const struct search_plan *plan = &paging->plan;
    struct search_paging counting = {.pg = paging->pg};

    paging->has_total = true;
    paging->total = (int64_t)paging->count;
    if (!plan->query->page.data && !paging->more)
        return true;
    if (!search_paging_begin(&counting, plan->store, plan->access, plan->query, plan->arena, err))
        return false;
    if (plan->query->total == QUERY_TOTAL_ESTIMATE && !plan->inexact &&
        search_plan_choose(&counting.plan, SEARCH_COUNT, 0) &&
        search_cost_rows_read(&counting.plan) > COUNTED_MAX) {
        paging->total = (int64_t)fmax(search_cost_matches(&counting.plan), (double)paging->count);
        return true;
    }
    return search_paging_count(&counting, &paging->total, err);
}

/* The plan is made for what is included. */
static bool sort_page(struct search_paging *paging, struct store *store,
                      const struct access *access, const struct query *query, struct arena *arena,
                      struct store_page *page, struct err *err)
{
    search_plan_init(&paging->plan, store, access, query, arena);
    return search_sort(store, access, query, arena, page, &paging->rkeys, err) &&
           (query->include_count == 0 || search_include(&paging->plan, paging->rkeys, page, err));
}

bool search_find(struct store *store, struct pg *pg, const struct access *access,
                 const struct query *query, size_t limit, struct arena *arena,
                 struct store_version *found, size_t *count, struct err *err)
{
    struct query only = *query; /* order and place do not matter */
    struct search_paging paging = {.pg = pg, .limit = (unsigned)limit, .look = true};

    only.sort_count = 0;
    only.page = (struct text){0};
    search_stats_refresh(store);
    if (!search_is_whole(&only, err))
        return false;
    query = search_units(store, pg, access, &only, arena, err);
    if (!query || !search_paging_begin(&paging, store, access, query, arena, err) ||
        !search_paging_fill(&paging, err))
        return false;
    for (size_t i = 0; i < paging.count; i++)
        found[i] = paging.entries[i].version;
    *count = paging.count;
    return true;
}

bool search_each(struct store *store, struct pg *pg, const struct access *access,
                 const struct query *query, size_t most, struct arena *arena,
                 search_visit_fn *visit, void *context, bool *more, struct err *err)
{
    struct query *only = arena_one(arena, struct query);
    struct search_paging paging = {.pg = pg, .limit = EACH_AT_ONCE};
    size_t seen = 0;
    bool good = true;

    *only = *query;
    only->sort_count = 0;
    only->page = (struct text){0};
    search_stats_refresh(store);
    query = search_units(store, pg, access, only, arena, err);
    if (!query || !search_paging_begin(&paging, store, access, query, arena, err))
        return false;
    do {
        paging.plan.arena = arena_new();
        paging.count = 0;
        paging.more = false;
        good = search_paging_fill(&paging, err);
        for (size_t i = 0; good && i < paging.count; i++) {
            *more = seen++ == most;
            if (*more)
                break;
            visit(context, &paging.plan, paging.rkeys[i], &paging.entries[i].version);
        }
        keep_position(&paging, arena);
        arena_free(paging.plan.arena);
    } while (good && paging.more && !*more);
    return good;
}

/* Beyond the rows it was taken from. */
static void keep_position(struct search_paging *paging, struct arena *arena)
{
    for (size_t i = 0; paging->position.set && i < paging->plan.key_count; i++) {
        struct text *text = &paging->position.keys[i].text;

        text->data = text_dup(arena, *text);
    }
}
