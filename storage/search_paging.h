#pragma once

/*
 * Search paging - a page in the making: a plan, the rows that its statements have found so far,
 * and where among them the next statement goes on.
 *
 * search_paging_begin() comes first, then search_paging_fill() or search_paging_count().
 */

#include "storage/search_source.h"

struct access;
struct pg;
struct query;
struct store;
struct store_entry;

struct search_paging {
    struct search_plan plan;
    struct pg *pg;  /* borrowed */
    unsigned limit; /* entries of a page; 0: only counted */
    bool look;      /* at every hit itself, not only at its hashes */
    struct search_position position;
    struct store_entry *entries;
    int64_t *rkeys; /* of the entries */
    size_t count;
    bool more; /* there are matches behind the last entry */
    bool has_total;
    int64_t total;       /* known from an earlier page */
    struct arena *arena; /* of the plan, while that has one for its rows */
};

/* Waits. Plans the query, whose page may be a cursor; `pg`, `limit` and `look` are set already.
 * ERR_UNPROCESSABLE when too many match to be sorted, or to be looked at for a chain;
 * ERR_GONE for a cursor that is none of ours. */
bool search_paging_begin(struct search_paging *paging, struct store *store,
                         const struct access *access, const struct query *query,
                         struct arena *arena, struct err *err);

/* Waits. The next `limit` matches behind the position, in the arena of the plan. */
bool search_paging_fill(struct search_paging *paging, struct err *err);

/* Waits. How many match, on all pages. Of a paging that was not filled. */
bool search_paging_count(struct search_paging *paging, int64_t *total, struct err *err);
