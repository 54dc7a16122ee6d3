#pragma once

/*
 * Deadlines - which of many waits ends first. Every wait for the database has
 * a deadline that nearly never comes, so adding and removing one must cost
 * little: a binary heap, in which a later deadline than all others is added in
 * one step. For base/loop.c and base/fiber.c.
 */

#include "base/err.h"

#include <stdint.h>

/* Embedded in what waits; zero is one that is not in any heap. */
struct deadline {
    int64_t when; /* microseconds of clock_monotonic() */
    size_t place; /* its index in the heap, counted from 1; 0 when it is not there */
};

/* Zero is an empty one. */
struct deadlines {
    struct deadline **heap;
    size_t count, room;
};

/* The heap; what waited is not told. */
void deadlines_release(struct deadlines *deadlines);

/* `deadline` is borrowed until it is removed. */
void deadlines_add(struct deadlines *deadlines, struct deadline *deadline, int64_t when);

/* Nothing happens when it is not there. */
void deadlines_remove(struct deadlines *deadlines, struct deadline *deadline);

/* The earliest; NULL when there is none. */
struct deadline *deadlines_first(const struct deadlines *deadlines);
