/*
 * Search types - a page may end within a type, or between two. Its cursor says in
 * which type it goes on, and holds that type's own cursor: "12-AbC...", "13-".
 */

#include "storage/search_types.h"

#include "base/arena.h"
#include "fhir/type.h"
#include "storage/search_include.h"
#include "storage/search_merge.h"
#include "storage/search_plan.h"
#include "storage/search_sort.h"

struct typed_page {
    struct store *store;
    const struct access *access;
    const struct query *query;
    struct arena *arena;
    struct store_page *page;
    int64_t *rkeys;
};

static bool count(struct typed_page *typed, struct err *err);
static bool fill(struct typed_page *typed, struct err *err);
static bool read_place(const struct typed_page *typed, size_t *at, struct text *inner,
                       struct err *err);
static bool fill_from(struct typed_page *typed, size_t at, struct text inner, struct err *err);
static void append(struct typed_page *typed, const struct store_page *part);

bool search_types(struct store *store, const struct access *access, const struct query *query,
                  struct arena *arena, struct store_page *page, struct err *err)
{
    struct typed_page typed = {store, access, query, arena, page, NULL};
    bool whole = false; /* all matches were seen */

    *page = (struct store_page){0};
    if (query->count_only)
        return count(&typed, err);
    if (query->sort_count > 0) {
        bool merged;

        if (!search_merge(store, access, query, arena, page, &typed.rkeys, &merged, err) ||
            (!merged && !search_sort(store, access, query, arena, page, &typed.rkeys, err)))
            return false;
        whole = !merged;
    } else if (!fill(&typed, err)) {
        return false;
    }
    if (query->total != QUERY_TOTAL_NONE && !whole && !count(&typed, err))
        return false;
    if (query->include_count == 0 || page->count == 0)
        return true;
    struct search_plan plan = {.store = store,
                               .access = access,
                               .query = query,
                               .tokens = store_tokens(store, access),
                               .arena = arena};
    return search_include(&plan, typed.rkeys, page, err);
}

static bool count(struct typed_page *typed, struct err *err)
{
    typed->page->has_total = true;
    for (size_t i = 0; i < typed->query->type_count; i++) {
        const struct query *type = typed->query->types[i];
        struct query one;
        struct store_page part;

        if (!type)
            continue;
        one = *type;
        one.count_only = true;
        one.page = (struct text){0};
        if (!store_search(typed->store, typed->access, &one, typed->arena, &part, err))
            return false;
        typed->page->total += part.total;
    }
    return true;
}

static bool fill(struct typed_page *typed, struct err *err)
{
    struct text inner = {0};
    size_t at = 0;

    typed->page->entries = arena_many(typed->arena, struct store_entry, typed->query->count);
    typed->rkeys = arena_many(typed->arena, int64_t, typed->query->count);
    if (typed->query->page.data && !read_place(typed, &at, &inner, err))
        return false;
    return fill_from(typed, at, inner, err);
}

static bool read_place(const struct typed_page *typed, size_t *at, struct text *inner,
                       struct err *err)
{
    struct text number;
    int64_t value;

    if (!text_split(typed->query->page, '-', &number, inner) ||
        !text_to_int64(number, 0, (int64_t)typed->query->type_count - 1, &value))
        return err_set(err, ERR_GONE, "_page",
                       "This page belongs to another search; begin again at the first.");
    *at = (size_t)value;
    if (inner->size == 0)
        *inner = (struct text){0};
    return true;
}

/* When the page is full, the next type is asked for one match, to know whether there is more. */
static bool fill_from(struct typed_page *typed, size_t at, struct text inner, struct err *err)
{
    const struct query *query = typed->query;
    struct store_page *page = typed->page;

    for (; at < query->type_count; at++, inner = (struct text){0}) {
        unsigned room = query->count - (unsigned)page->count;
        struct query one;
        struct store_page part;

        if (!query->types[at])
            continue;
        one = *query->types[at];
        one.include_count = 0;
        one.count = room ? room : 1;
        one.page = inner;
        if (!store_search(typed->store, typed->access, &one, typed->arena, &part, err))
            return false;
        if (room == 0 && part.count > 0) {
            page->next = arena_printf(typed->arena, "%zu-", at);
            return true;
        }
        append(typed, &part);
        if (part.next) {
            page->next = arena_printf(typed->arena, "%zu-%s", at, part.next);
            return true;
        }
    }
    return true;
}

static void append(struct typed_page *typed, const struct store_page *part)
{
    struct tokens tokens = store_tokens(typed->store, typed->access);

    for (size_t i = 0; i < part->count; i++) {
        const struct store_version *version = &part->entries[i].version;

        typed->rkeys[typed->page->count] =
            token_rkey(&tokens, text_of(version->type), text_of(version->id));
        typed->page->entries[typed->page->count++] = part->entries[i];
    }
}
