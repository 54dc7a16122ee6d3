/*
 * Any bytes as a resource: no crash, no unbounded work; what is accepted is
 * written as JSON that is accepted again and gives the same tree and bytes,
 * indented or not.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "fhir/check.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct node *read_bytes(struct arena *arena, const char *data, size_t size, unsigned depth);
static void assert_same(const struct node *a, const struct node *b);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct buf first = buf_in(arena), second = buf_in(arena), pretty = buf_in(arena);
    struct node *root = read_bytes(arena, (const char *)data, size, 64), *again;

    if (root) {
        json_write(root, &first);
        /* An object where an array belongs is written as an array: one level more. */
        again = read_bytes(arena, first.data, first.size, 2 * 64);
        assert_same(root, again);
        json_write(again, &second);
        assert(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);

        json_write_pretty(root, &pretty);
        again = read_bytes(arena, pretty.data, pretty.size, 2 * 64);
        assert_same(root, again);
        node_copy(arena, root);
    }
    arena_free(arena);
    return 0;
}

static struct node *read_bytes(struct arena *arena, const char *data, size_t size, unsigned depth)
{
    struct json_limits limits = {.size = (size_t)8 << 20, .depth = depth, .nodes = 100000};
    struct err err = {0};
    struct issues issues;
    struct node *root;

    issues_init(&issues, arena, 20);
    root = json_read(arena, data, size, &limits, &issues, &err);
    assert((root == NULL) == (err.kind != ERR_NONE));
    if (root) {
        check_structure(root, &issues);
        issues_outcome(arena, &issues);
    }
    return root;
}

static void assert_same(const struct node *a, const struct node *b)
{
    const unsigned kinds = NODE_NUMBER | NODE_BOOLEAN | NODE_RAW;
    const struct node *x, *y;

    assert(a && b && a->element == b->element && a->type == b->type);
    assert(text_equals(a->name, b->name) && (a->value.data == NULL) == (b->value.data == NULL));
    assert((a->flags & kinds) == (b->flags & kinds));
    /* Text that is only kept may have lost white space. */
    assert(a->flags & NODE_RAW || text_equals(a->value, b->value));
    for (x = a->first, y = b->first; x && y; x = x->next, y = y->next) {
        assert(x->parent == a && y->parent == b);
        assert_same(x, y);
    }
    assert(!x && !y);
}
