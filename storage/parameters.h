#pragma once

/*
 * Parameters - search parameters of packages and of SearchParameter resources, as a process knows
 * them, and as the database knows what has been indexed by them (docs/decisions says why so).
 *
 * The database has a row for each (f_parameter), with its state:
 *
 *   B  being indexed: resources are written by it, nobody searches by it; made whole by reindex.c
 *   R  ready: everything is indexed by it
 *   G  going: its definition is gone; still written, and searched no more
 *   D  dead: neither; what is stored by it is being removed (parameters_sweep.c)
 *   X  removed
 *
 * Each has a number, higher than all before whenever something about it changes by which others
 * must write or search differently. A process takes the rows B, R and G as a whole, and its stores
 * say when all that they have under way does (storage/member.h). What must not happen before
 * everybody follows waits for that: B becomes R, and G becomes D.
 */

#include "base/err.h"
#include "storage/extraction.h"

#include <stdbool.h>
#include <stdint.h>

struct hash_key;
struct pg;

/* Waits. Brings the rows up to what is installed, and the parameters of this process to the rows,
 * if anything has changed since it did so last; also how far indexing is. */
bool parameters_learn(struct pg *pg, struct err *err);

/* Waits. One step in removing what is gone; `*more` when there is something left to be done, now or
 * later. One at a time does it. */
bool parameters_sweep(struct pg *pg, const struct hash_key *key, bool *more, struct err *err);

/* Whether a parameter of this process is not whole, or one is on its way out, or what is stored has
 * to be indexed anew. */
bool parameters_unfinished(void);

/* Whether SearchParameter resources count. */
bool parameters_are_stored(void);

/* The highest number that was there when this process learned the parameters last. */
int64_t parameters_number(void);

/* A select of how many connections of stores belong to such as do not know of the number $1, or
 * extract less. Those of programs of before f_member say nothing: they count as well. */
#define PARAMETERS_COUNT_OTHERS                                                                    \
    "select count(*) from pg_stat_activity a left join f_member m on"                              \
    " m.id = substring(a.application_name from '#([0-9]+)$')::int8"                                \
    " where a.datname = current_database() and"                                                    \
    " a.application_name ~ '^isthmus/(read|search|write|transaction)'"                             \
    " and (coalesce(m.number, 0) < $1::int8 or coalesce(m.extraction, 0) < " EXTRACTION ")"

/* The statements by which servers learn of a change, of packages or of parameters; in order, in the
 * transaction that makes it. The row of f_meta is the lock that lets one after the other. */
#define PARAMETERS_RAISE_EPOCH                                                                     \
    "insert into f_meta values ('packages', '1') on conflict (key) do update"                      \
    " set value = convert_to((convert_from(f_meta.value, 'UTF8')::int8 + 1)::text, 'UTF8')"
#define PARAMETERS_TELL "select pg_notify('isthmus_packages', '')::text"
#define PARAMETERS_EPOCH                                                                           \
    "coalesce((select convert_from(value, 'UTF8')::int8 from f_meta where key = 'packages'), 0)"
