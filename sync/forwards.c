/*
 * Forwards - see forwards.h.
 */

#include "sync/forwards.h"

#include "base/arena.h"
#include "storage/landing.h"
#include "sync/address.h"
#include "sync/partner.h"

/* A partner of the database, with its document. */
struct known {
    const struct landing_partner *landed;
    struct partner partner;
};

static const struct known *find(const struct known *known, size_t count, const char *named)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(known[i].landed->name, named) == 0 ||
            partner_has_address(&known[i].partner, text_of(named)))
            return &known[i];
    return NULL;
}

/* Without the partner itself, and whose document cannot be read. */
static bool read_known(struct store *store, const struct access *access,
                       const struct partner *partner, struct arena *arena, struct known **known,
                       size_t *count, struct err *err)
{
    struct landing_partner *landed;
    size_t all;

    if (!landing_partner_list(store, access, arena, &landed, &all, err))
        return false;
    *known = arena_many(arena, struct known, all);
    *count = 0;
    for (size_t i = 0; i < all; i++) {
        struct known *next = &(*known)[*count];
        struct err ignored = {0};

        next->landed = &landed[i];
        *count += strcmp(landed[i].name, partner->id) != 0 &&
                  partner_parse(landed[i].config, arena, &next->partner, &ignored);
    }
    return true;
}

bool forwards_read(struct store *store, const struct access *access, const struct partner *partner,
                   struct arena *arena, struct forwards *forwards, struct err *err)
{
    struct known *known;
    size_t count, named = 0;

    *forwards = (struct forwards){0};
    while (partner->forwards[named])
        named++;
    if (named == 0)
        return true;
    if (!read_known(store, access, partner, arena, &known, &count, err))
        return false;
    forwards->partners = arena_many(arena, struct apply_partner, named);
    for (size_t i = 0; i < named; i++) {
        const struct known *found = find(known, count, partner->forwards[i]);

        if (found)
            forwards->partners[forwards->count++] =
                partner_addresses(&found->partner, found->landed->number, arena);
        else if (!forwards->unknown)
            forwards->unknown = partner->forwards[i];
    }
    return true;
}

bool forwards_has(const struct forwards *forwards, struct text base)
{
    for (size_t i = 0; i < forwards->count; i++)
        if (address_is_partner(&forwards->partners[i], base))
            return true;
    return false;
}
