#pragma once

/*
 * Search terms - the criteria of a query, as hashes and ranges that the rows
 * of storage/row.h are found by. A term holds when one of its atoms does (none
 * of them, when negated); a query when all of its terms do.
 */

#include "fhir/query.h"
#include "storage/columns.h"
#include "storage/token.h"

struct arena;
struct search_link;
struct type;

enum search_atom_kind {
    ATOM_KEYS,     /* the row's key is one of hashes */
    ATOM_TOKENS,   /* one of hashes is in toks */
    ATOM_DATE,     /* columns d and dhi */
    ATOM_UPDATED,  /* column updated */
    ATOM_QUANTITY, /* columns vq and vqu */
    ATOM_STRINGS,  /* f_str; likewise below, h is one of hashes */
    ATOM_DATES,    /* f_date */
    ATOM_NUMBERS,  /* f_qty */
    ATOM_NEAR,     /* f_qty: lo is the latitude, hi the longitude */
    ATOM_WORDS,    /* the type's table of words */
};

enum search_string_mode { STRING_PREFIX, STRING_EQUAL, STRING_CONTAINS };

struct search_atom {
    enum search_atom_kind kind;
    const int64_t *hashes;
    size_t hash_count;
    const struct query_value *value; /* prefix and span of dates and numbers */

    enum search_string_mode mode;
    struct text norm; /* folded and cut as in the index; WORDS: words_asked() */

    const char *words; /* WORDS: the table */
    const char *configuration;

    int64_t units[QUERY_CODES_MAX]; /* QUANTITY, NUMBERS: the unit is one of these; none: any */
    size_t unit_count;
    int64_t also[2]; /* QUANTITY, NUMBERS: tokens that must be there besides */
    size_t also_count;
};

struct search_term {
    const struct query_param *param;
    bool negated;
    bool inexact; /* finds too much: each hit is to be looked at (fhir/query_match.h) */
    const struct search_atom *atoms;
    size_t atom_count;

    /* What columns know besides, else empty. The term implies `patient = any(patients)`,
     * and is equivalent to it when patients_suffice. It is equivalent to `code =
     * any(codes)` as long as none of these codes stands second anywhere. */
    const int64_t *patients;
    size_t patient_count;
    bool patients_suffice;
    const int64_t *codes;
    size_t code_count;

    struct search_link *links; /* instead of atoms: storage/search_link.h */
    size_t link_count;
};

/* One term for each parameter of the query, in their order. */
struct search_term *search_terms_make(const struct tokens *tokens, const struct type *type,
                                      const struct columns *columns, const struct query *query,
                                      struct arena *arena);
