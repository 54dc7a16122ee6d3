#pragma once

/*
 * Change SQL - the statements of changes. They differ by table, by kind, and
 * by which side tables they touch: a CTE that has nothing to write
 * still costs PostgreSQL the opening of its table and indexes.
 */

#include "storage/change.h"

enum change_side {
    SIDE_ADD_STRINGS = 1,
    SIDE_ADD_DATES = 2,
    SIDE_ADD_QUANTITIES = 4,
    SIDE_ADD_CODES = 8,
    SIDE_DROP_STRINGS = 16,
    SIDE_DROP_DATES = 32,
    SIDE_DROP_QUANTITIES = 64,
    SIDE_ADD_CONTAINED = 128,
    SIDE_DROP_CONTAINED = 256,
    SIDE_ADD_WORDS = 512,
    SIDE_DROP_WORDS = 1024,
    SIDE_ALL = 2047,
};

/* What is contained in a resource, written anew, when it is locked. Parameters: rkey, ver, updated,
 * op, tenant, then those of SIDE_ADD_CONTAINED. */
const struct pg_statement *change_sql_contained(void) __attribute__((returns_nonnull));

/* How a create takes the row of its criteria (storage/key.h). */
enum change_key { CHANGE_NO_KEY, CHANGE_INSERT_KEY, CHANGE_REPLACE_HOLDER };

/*
 * Made on first use and kept for the life of the process. Parameters, in order:
 *
 *   all          rkey, ver, updated, op, tenant, rtype, id, patients, write id
 *   all but REMOVE   body
 *   INSERT, ALL      patient, code, d, dhi, vq, vqu, toks
 *   INSERT           key; holder: if there is one
 *   all but INSERT   of the version superseded: ver, updated, op, patients, body
 *   each side        in the order of its bits: h[] norm[]; h[] lo[] hi[]; h[] lo[] hi[] unit[];
 *                    code[] n[]; what is contained: rkey[] rtype[] id[] body[] first[] last[]
 *                    toks[], and of its side rows h[] norm[] rkey[], h[] lo[] hi[] rkey[],
 *                    h[] lo[] hi[] unit[] rkey[], configuration[] h[] words[] rkey[];
 *                    configuration[] h[] words[]; h[]
 */
const struct pg_statement *change_sql(enum change_kind kind, enum change_key key,
                                      enum table_id table, unsigned sides)
    __attribute__((returns_nonnull));
