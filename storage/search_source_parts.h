#pragma once

/* Search source, inside - what the files search_source*.c share. */

#include "storage/search_source.h"

/* A row that lasts longer than a day of UTC: what the indexes named ..._dhi hold. */
#define SOURCE_LASTS                                                                               \
    "date_bin('1 day', t.d, '2000-01-01Z'::timestamptz) <> "                                       \
    "date_bin('1 day', t.dhi, '2000-01-01Z'::timestamptz)"

/* A side table, and the columns that tell its rows of one resource apart. By kind of key. */
struct source_side {
    const char *table, *key, *order, *less, *greater; /* the last two: of rows e and s */
};
extern const struct source_side source_sides[];

/* One for each way to order a page. */
void source_page_by_column(const struct search_plan *plan, const struct search_position *position,
                           unsigned limit, struct search_sql *sql);
void source_page_by_patient(const struct search_plan *plan, const struct search_position *position,
                            unsigned limit, struct search_sql *sql);
void source_page_by_side(const struct search_plan *plan, const struct search_position *position,
                         unsigned limit, struct search_sql *sql);
void source_page_by_time(const struct search_plan *plan, const struct search_position *position,
                         unsigned limit, struct search_sql *sql);
void source_page_sorted(const struct search_plan *plan, const struct search_position *position,
                        unsigned limit, struct search_sql *sql);

/* All matches, in no order: `select t.rkey from ...`, maybe repeated. */
void source_keys(const struct search_plan *plan, struct search_sql *sql);

/* The same: `from ... t where ...`. */
void source_rows(const struct search_plan *plan, struct search_sql *sql);

/* What the driver's index of the main table is asked for, but its range. */
void source_columns(const struct search_plan *plan, struct search_sql *sql);

/* ` and ...`: the range of dates that it is asked for. */
void source_date_range(const struct search_plan *plan, struct search_sql *sql);

/* Whether rows that last into the range, but began before it, are asked for separately. With a
 * patient, all of the patient's rows are looked at: they are few. */
bool source_has_long_rows(const struct search_plan *plan);

/* The same of those that were written in the range of time that is asked for. */
void source_rows_by_time(const struct search_plan *plan, struct search_sql *sql);

/* Whether the source by time answers the term by the range that it reads. */
bool source_is_time_range(const struct search_term *term);

/* ` join lateral ...`: the row of the main table that `of` names, if it may be seen and matches. */
void source_row_by_key(const struct search_plan *plan, const char *of, struct search_sql *sql);

/* The keys that rows of a side table name for a term, each once. */
void source_side_keys(const struct search_plan *plan, struct search_sql *sql);

/* The keys that the index (code, vq) names for a range of the main quantity under any code, and
 * those of the side table; each code is found by one step in the index. */
void source_quantity_keys(const struct search_plan *plan, struct search_sql *sql);

/* ` and ...`: row t may be seen, and is of the type. */
void source_visible(const struct search_plan *plan, struct search_sql *sql);

/* Whether the source answers all criteria by itself. */
bool source_answers_all(const struct search_plan *plan);

/* ` and ...`: those that it does not. */
void source_terms_hold(const struct search_plan *plan, struct search_sql *sql);

/* The value of a key as parameter. */
void source_key_value(const struct search_key *key, const struct search_key_value *value,
                      struct search_sql *sql);

bool source_is_text(const struct search_key *key);
