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
struct body_codec;
struct node;
struct store_version;

/* The tree is changed and can be stamped again. The bytes live in `arena`, and
 * a NUL (not counted) follows them. */
struct text stamp(struct node *resource, const char *id, int64_t number, int64_t last_updated,
                  struct arena *arena);

/* The same, but only what becomes of the tree lives in `arena`, the bytes in `bytes`. */
struct text stamp_in(struct node *resource, const char *id, int64_t number, int64_t last_updated,
                     struct arena *arena, struct arena *bytes);

/* The same, packed. What becomes of the tree, and `content`, live in `arena`, all else in `bytes`.
 * `content` gets the bytes; NULL when nobody wants to see them: then the large data of a Binary are
 * packed from where they are. */
struct text stamp_pack(struct body_codec *codec, struct node *resource, const char *id,
                       int64_t number, int64_t last_updated, struct arena *arena,
                       struct arena *bytes, struct store_version *content);
