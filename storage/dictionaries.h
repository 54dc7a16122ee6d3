#pragma once

/*
 * Dictionaries - those of the database, for a codec of bodies.
 */

#include "base/err.h"

#include <stdbool.h>

struct body_codec;
struct pg;

/* Waits. All that there are; again when a body names one that is unknown. */
bool dictionaries_load(struct pg *pg, struct body_codec *codec, struct err *err);
