#pragma once

/*
 * Search cursors - where a page ends, as the opaque text of a link, and from there the next one
 * (R4 http.html#paging): the plan, the total if it is known, and the keys of the last row.
 */

#include "storage/search_paging.h"

/* In the arena of the plan. */
const char *search_cursor_write(const struct search_paging *paging);

/* Takes up the plan, the total and the position from the query's page. ERR_GONE when the cursor was
 * written for another query, tenant or database. */
bool search_cursor_read(struct search_paging *paging, struct err *err);
