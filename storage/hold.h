#pragma once

/*
 * Holds - what one process does alone among all that use the database, for as
 * long as it lives: locks that end with the connection, so that another
 * process can go on as soon as this one was killed.
 */

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct hold;
struct loop;

/* Begins to connect. `conninfo` is borrowed. */
struct hold *hold_new(struct loop *loop, const char *conninfo);

/* Gives everything up. NULL is a no-op. */
void hold_free(struct hold *hold);

/* Waits. `*held`: `number` is ours, from before or from now on. Ask again before each piece of
 * work: with a connection that was lost the hold is lost too. */
bool hold_take(struct hold *hold, int32_t number, bool *held, struct err *err);
