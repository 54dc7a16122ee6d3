/*
 * Any bytes as a resource in XML: no crash, no unbounded work; what is accepted
 * is written as XML that is accepted again and gives the same bytes, indented or
 * not. Bytes that are a resource in JSON are written as XML that can be read.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "fhir/check.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/xml.h"

#include <assert.h>

#define DEPTH 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct node *read_bytes(struct arena *arena, const char *data, size_t size, unsigned depth,
                               bool json);
static void check_writing(struct arena *arena, const struct node *root);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    bool json = size > 0 && data[0] == '{';
    const struct node *root = read_bytes(arena, (const char *)data, size, DEPTH, json);

    if (root)
        check_writing(arena, root);
    arena_free(arena);
    return 0;
}

static void check_writing(struct arena *arena, const struct node *root)
{
    struct buf first = buf_in(arena), second = buf_in(arena), pretty = buf_in(arena);
    struct buf json = buf_in(arena);
    const struct node *again;

    /* JSON may have an object where an array belongs: one level less. */
    xml_write(root, &first);
    again = read_bytes(arena, first.data, first.size, 2 * DEPTH, false);
    assert(again);
    xml_write(again, &second);
    assert(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);

    buf_clear(&second);
    xml_write_pretty(root, &pretty);
    again = read_bytes(arena, pretty.data, pretty.size, 2 * DEPTH, false);
    assert(again);
    xml_write(again, &second);
    assert(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);

    json_write(again, &json);
    assert(read_bytes(arena, json.data, json.size, 2 * DEPTH, true));
}

static struct node *read_bytes(struct arena *arena, const char *data, size_t size, unsigned depth,
                               bool json)
{
    struct json_limits limits = {.size = (size_t)8 << 20, .depth = depth, .nodes = 100000};
    struct err err = {0};
    struct issues issues;
    struct node *root;

    issues_init(&issues, arena, 20);
    root = (json ? json_read : xml_read)(arena, data, size, &limits, &issues, &err);
    assert((root == NULL) == (err.kind != ERR_NONE));
    if (root) {
        check_structure(root, &issues);
        issues_outcome(arena, &issues);
    }
    return root;
}
