#pragma once

/*
 * Stamp - puts identity and version into a resource and makes its bytes:
 * `id` first, then `meta` with versionId and lastUpdated in front, then the
 * rest as it was. Equal content so gives equal bytes, whatever order the client chose
 * for these.
 */

#include "base/text.h"

#include <stdint.h>

struct arena;
struct node;

/* The tree is changed and can be stamped again. The bytes live in `arena`, and
 * a NUL (not counted) follows them. */
struct text stamp(struct node *resource, const char *id, int64_t number, int64_t last_updated,
                  struct arena *arena);

/* The same for many: what becomes of the tree lives in `arena`, only the bytes in `bytes`. */
struct text stamp_in(struct node *resource, const char *id, int64_t number, int64_t last_updated,
                     struct arena *arena, struct arena *bytes);
