#pragma once

/*
 * Search statistics - how many rows a table has and which tokens are frequent
 * in it, as PostgreSQL's own ANALYZE found; so that the plan knows that
 * `status=final` is nearly everything and an identifier is one. Kept per store
 * and read again now and then. Also the codes that were seen to stand
 * behind the first somewhere: once so, they stay so.
 */

#include "storage/store_internal.h"

/* Waits, when what is known is old. Never fails: without statistics guesses are used. */
void search_stats_refresh(struct store *store);

/* Rows of the table; a guess when nothing is known. */
double search_stats_rows(const struct store *store, const struct table *table);

/* Rows of the table that have this token. */
double search_stats_token(const struct store *store, const struct table *table, int64_t token);

/* Rows of the table's words (storage/words.h) that have this word, as the text search knows it;
 * `begins`: one that begins so. And the share of those rows that are of the parameter with this
 * hash. */
double search_stats_word(const struct store *store, const struct table *table, struct text word,
                         bool begins);
double search_stats_words_of(const struct store *store, const struct table *table, int64_t h);

/* Whether there is an index of the rows without a token (storage/search_without.h). */
bool search_stats_has_without(const struct store *store, const struct table *table, int64_t token);

/* Whether there is an index of the table's ids (storage/search_ids.h). */
bool search_stats_has_ids(const struct store *store, const struct table *table);

/* Whether there is an index of strings by their trigrams (storage/search_contains.h). */
bool search_stats_has_trigrams(const struct store *store);

/* They are read again by the next search, in all threads. */
void search_stats_forget(void);

bool search_stats_is_second(const struct store *store, const struct type *type, int64_t code);
void search_stats_note_second(struct store *store, const struct type *type, int64_t code);

/* Likewise, whether there is a quantity in a unit, by its token. Once so, it counts as so. */
bool search_stats_has_unit(const struct store *store, const struct type *type, int64_t token);
void search_stats_note_unit(struct store *store, const struct type *type, int64_t token);

/* Likewise, whether resources of the type contain some of type `target`. Once so, it stays so. */
bool search_stats_contains(const struct store *store, const struct type *type,
                           const struct type *target);
void search_stats_note_contains(struct store *store, const struct type *type,
                                const struct type *target);

/* The share of rows whose main quantity is below the number, of those that have one; negative when
 * it is not known. */
double search_stats_quantity(const struct store *store, const struct table *table, double number);
