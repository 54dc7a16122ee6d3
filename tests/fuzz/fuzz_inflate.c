/*
 * Any bytes as a compressed body: no crash, and never more than was allowed. The first byte says
 * whether the headers spoke of deflate.
 */

#include "base/arena.h"
#include "base/err.h"
#include "sync/inflate.h"

#include <assert.h>

#define MOST ((size_t)4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct text plain = {0};
    struct err err = {0};

    if (size > 0) {
        struct text body = {(const char *)data + 1, size - 1};
        bool good = inflate_body(arena, body, data[0] & 1, MOST, &plain, &err);

        assert(good == (err.kind == ERR_NONE));
        assert(!good || plain.size <= MOST || plain.data == body.data);
    }
    arena_free(arena);
    return 0;
}
