/*
 * Pull list - see pull.h: what a document asks for, as pulls.
 */

#include "base/arena.h"
#include "storage/landing.h"
#include "sync/partner.h"
#include "sync/pull_internal.h"

size_t pull_list(const struct partner *partner, struct arena *arena, struct pull_plan **plans)
{
    const struct partner_schedule *schedules[PULL_MODES] = {&partner->search, &partner->history,
                                                            &partner->snapshot};
    size_t most = 1, count = 0;

    for (enum pull_mode mode = 0; mode < PULL_MODES; mode++)
        most += schedules[mode]->count;
    *plans = arena_many(arena, struct pull_plan, most);
    for (enum pull_mode mode = 0; mode < PULL_MODES; mode++) {
        const struct partner_schedule *schedule = schedules[mode];

        if (schedule->on && schedule->system)
            (*plans)[count++] = (struct pull_plan){mode, NULL, schedule->every};
        for (size_t i = 0; schedule->on && i < schedule->count; i++)
            (*plans)[count++] = (struct pull_plan){mode, &schedule->queries[i], schedule->every};
    }
    return count;
}

bool pull_has_key(enum pull_mode mode, const struct partner_query *query,
                  const struct landing_cursor_key *key)
{
    const struct pull pull = {.mode = mode, .query = query};
    const struct landing_cursor_key own = pull_key(&pull);

    return strcmp(key->mode, own.mode) == 0 && strcmp(key->type, own.type) == 0 &&
           text_equals(key->query.data ? key->query : TEXT(""), own.query);
}
