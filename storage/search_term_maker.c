/*
 * Search term maker - the atoms and hashes of a term, which grow while it is made.
 */

#include "storage/search_term_maker.h"

#include "base/arena.h"
#include "base/err.h"

#include <assert.h>

struct search_atom *search_term_add_atom(struct search_term_maker *maker,
                                         enum search_atom_kind kind)
{
    struct search_term *term = maker->term;

    if (term->atom_count == maker->atom_room) {
        struct search_atom *old = maker->atoms;

        maker->atom_room = maker->atom_room ? 2 * maker->atom_room : 4;
        maker->atoms = arena_many(maker->arena, struct search_atom, maker->atom_room);
        if (term->atom_count > 0)
            memcpy(maker->atoms, old, term->atom_count * sizeof(old[0]));
    }
    assert(maker->atoms);
    struct search_atom *atom = &maker->atoms[term->atom_count++];
    atom->kind = kind;
    return atom;
}

void search_term_add_hash(struct search_term_maker *maker, int64_t hash)
{
    if (maker->hash_count == maker->hash_room) {
        int64_t *old = maker->hashes;

        maker->hash_room = maker->hash_room ? 2 * maker->hash_room : 4;
        maker->hashes = arena_many(maker->arena, int64_t, maker->hash_room);
        if (maker->hash_count > 0)
            memcpy(maker->hashes, old, maker->hash_count * sizeof(old[0]));
    }
    maker->hashes[maker->hash_count++] = hash;
}
