/*
 * Deadlines - which of many waits ends first.
 */

#include "base/deadline.h"

#include <assert.h>

static void put(struct deadlines *deadlines, size_t place, struct deadline *deadline);
static void sift_up(struct deadlines *deadlines, size_t place, struct deadline *deadline);
static void sift_down(struct deadlines *deadlines, size_t place, struct deadline *deadline);

void deadlines_release(struct deadlines *deadlines)
{
    free(deadlines->heap);
    *deadlines = (struct deadlines){0};
}

void deadlines_add(struct deadlines *deadlines, struct deadline *deadline, int64_t when)
{
    assert(deadline->place == 0);
    if (deadlines->count + 1 >= deadlines->room) {
        deadlines->room = deadlines->room ? 2 * deadlines->room : 64;
        deadlines->heap = reallocarray(deadlines->heap, deadlines->room, sizeof(struct deadline *));
        if (!deadlines->heap)
            abort();
    }
    deadline->when = when;
    sift_up(deadlines, ++deadlines->count, deadline);
}

void deadlines_remove(struct deadlines *deadlines, struct deadline *deadline)
{
    size_t place = deadline->place;

    if (place == 0)
        return;
    assert(deadlines->heap[place] == deadline);
    deadline->place = 0;

    struct deadline *last = deadlines->heap[deadlines->count--];
    if (last == deadline)
        return;
    if (place > 1 && last->when < deadlines->heap[place / 2]->when)
        sift_up(deadlines, place, last);
    else
        sift_down(deadlines, place, last);
}

struct deadline *deadlines_first(const struct deadlines *deadlines)
{
    return deadlines->count > 0 ? deadlines->heap[1] : NULL;
}

static void sift_up(struct deadlines *deadlines, size_t place, struct deadline *deadline)
{
    for (; place > 1 && deadline->when < deadlines->heap[place / 2]->when; place /= 2)
        put(deadlines, place, deadlines->heap[place / 2]);
    put(deadlines, place, deadline);
}

static void sift_down(struct deadlines *deadlines, size_t place, struct deadline *deadline)
{
    for (size_t child; (child = 2 * place) <= deadlines->count; place = child) {
        if (child < deadlines->count &&
            deadlines->heap[child + 1]->when < deadlines->heap[child]->when)
            child++;
        if (deadline->when <= deadlines->heap[child]->when)
            break;
        put(deadlines, place, deadlines->heap[child]);
    }
    put(deadlines, place, deadline);
}

static void put(struct deadlines *deadlines, size_t place, struct deadline *deadline)
{
    deadlines->heap[place] = deadline;
    deadline->place = place;
}
