#pragma once

/*
 * Regular expressions for matches() and its kin: a simulation of all paths at
 * once, so that no pattern takes more than text times pattern. In exchange
 * there are no back references and no look-around. A compiled pattern holds
 * its own working memory: one search at a time.
 */

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct regex;

#define REGEX_GROUPS 10

/* Where a match and its groups lie; -1: a group that took no part. */
struct regex_match {
    long start[REGEX_GROUPS], end[REGEX_GROUPS];
};

/* NULL, and why in `*reason`, when the pattern is malformed or too large. */
struct regex *regex_compile(struct arena *arena, struct text pattern, const char **reason);

/*
 * The leftmost match that begins at `from` or behind. `whole`: it must span the
 * entire text. `*budget` is lowered by the work done; when it is used up, the
 * answer is false and `*budget` is 0.
 */
bool regex_search(struct regex *regex, struct text text, size_t from, bool whole, unsigned *budget,
                  struct regex_match *match);
