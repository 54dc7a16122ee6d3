#pragma once

/*
 * Search term maker - a term in the making, between search_term.c, which makes it, and
 * search_term_value.c, which adds what a value asks for. Everything lives in its arena; nothing
 * here can fail or waits.
 */

#include "storage/search_term.h"

struct search_term_maker {
    const struct tokens *tokens;
    const struct type *type;
    const struct columns *columns;
    struct arena *arena;
    struct search_term *term;
    struct search_atom *atoms;
    size_t atom_room;
    int64_t *hashes; /* of the one ATOM_TOKENS that all values share */
    size_t hash_count, hash_room;
};

/* Atoms and hashes that hold when a row has the value under `param`, which is the parameter of the
 * term or a part of it. At most four atoms. */
void search_term_add_value(struct search_term_maker *maker, const struct search_param *param,
                           const struct query_value *value);

/* One more atom of the term. Valid until the next one is added. */
struct search_atom *search_term_add_atom(struct search_term_maker *maker,
                                         enum search_atom_kind kind);

/* One more hash of the maker's own list. */
void search_term_add_hash(struct search_term_maker *maker, int64_t hash);
