/*
 * Versions - time, identity and equality.
 */

#include "storage/version.h"

#include "base/arena.h"
#include "base/clock.h"
#include "storage/body.h"
#include "storage/current.h"
#include "storage/result_status.h"
#include "storage/stamp.h"
#include "storage/store_internal.h"

enum { MILLISECOND = 1000 };

int64_t version_time(int64_t previous)
{
    int64_t now = clock_now() / MILLISECOND * MILLISECOND;

    return now > previous ? now : previous + MILLISECOND;
}

bool version_same_id(const struct current *current, struct text id, const char *where,
                     struct err *err)
{
    if (!(current->exists || current->deleted) || text_equals(current->id, id))
        return true;
    return err_set(err, ERR_CONFLICT, where,
                   "This id cannot be used: another id of the same type has the same key. Choose "
                   "a different one.");
}

bool version_is_other(const struct current *current, int64_t if_match)
{
    switch (if_match) {
    case 0:
        return false;
    case STORE_ANY_VERSION:
        return !current->exists;
    case STORE_NO_VERSION:
        return current->exists;
    default:
        return !(current->exists && current->number == if_match);
    }
}

/* With the stored stamp, equal content makes equal bytes. Of two that differ nothing is kept. */
bool version_compare(struct store *store, const struct current *current, struct node *resource,
                     struct arena *arena, struct text *json, bool *same, struct err *err)
{
    struct arena *scratch = arena_new();
    struct text stored;
    bool ok = body_unpack(store->codec, current->body, scratch, &stored, err);

    if (ok) {
        struct text stamped = stamp_in(resource, text_dup(arena, current->id), current->number,
                                       current->updated, arena, scratch);

        *same = text_equals(stamped, stored);
        if (*same)
            *json = (struct text){text_dup(arena, stored), stored.size};
        else
            ok = !store->config.result_status_rules || result_status_check(stored, resource, err);
    }
    arena_free(scratch);
    return ok;
}
