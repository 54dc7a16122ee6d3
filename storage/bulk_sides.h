#pragma once

/*
 * Bulk, side tables - what is found beside the rows that bulk.c inserts, sent with them.
 */

#include "storage/bulk.h"

/* Words of resources that are all of one table. */
void bulk_insert_words(struct bulk *bulk, struct change **changes, size_t count);

/* Strings, dates and quantities of the resources and of what they contain, words of what they
 * contain, and which codes there are. */
void bulk_insert_sides(struct bulk *bulk, struct change **changes, size_t count);

/* Of bulk.c: where the answer goes to what is sent next, which must touch `expected` rows;
 * SIZE_MAX: any number. */
struct pg_reply *bulk_add_reply(struct bulk *bulk, size_t expected);
