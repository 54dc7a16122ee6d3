#pragma once

/*
 * Search order, part of the plan - in which order the rows of a driver come,
 * and in which they are wanted.
 */

#include "storage/search_plan.h"

/* Sets the plan's keys to what the query sorts by; none when it does not. */
void search_order_by_sort(struct search_plan *plan);

/* Sets them to what the driver's index is ordered by, in the direction the query wants. */
void search_order_by_index(struct search_plan *plan);

/* What the index of a driver is ordered by. */
struct search_key search_index_key(const struct search_plan *plan, enum search_driver driver,
                                   int driving);

/* Whether rows come from it in an order by which paging can go on. */
bool search_index_is_ordered(const struct search_plan *plan, enum search_driver driver,
                             int driving);

/* Whether the order of its rows is the one the plan's keys want. */
bool search_gives_order(const struct search_plan *plan, enum search_driver driver, int driving);
