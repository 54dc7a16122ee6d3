#pragma once

/*
 * JSON reader - what json_read.c (elements of R4) and json_skip.c (everything
 * else) share, and the limits and nodes also xml_read.c: the state of one reading, and the steps
 * through objects and arrays. Inline, because each runs once per element.
 *
 * Every function that returns bool returns false with `err` set.
 */

#include "base/arena.h"
#include "fhir/json.h"
#include "fhir/json_scan.h"
#include "fhir/node.h"

#define SLAB_NODES 32

/* Siblings are searched for pairs and duplicates, which a hostile document
 * could make quadratic: this many are looked at per node that is allowed. */
#define STEPS_A_NODE 8

struct json_reader {
    struct json_scan scan;
    struct arena *arena;
    struct issues *issues;
    const struct json_limits *limits;
    struct node *slab; /* nodes are allocated by the slab */
    unsigned slab_left;
    unsigned nodes_left;
    unsigned depth_left;
    uint64_t steps_left;
};

/* json_skip.c: an element that R4 does not know, its name already read. Fails
 * when it stands there twice; reports it if the parent's type is known; keeps
 * its value as text. */
bool json_read_unknown(struct json_reader *r, struct node *parent, struct text name);

/* The same without looking for a second one and without a report. */
bool json_keep_unknown(struct json_reader *r, struct node *parent, struct text name);

/* Makes the value at hand, whatever it is, the node's value: JSON as text. */
bool json_read_raw(struct json_reader *r, struct node *node);

/* Any JSON value, only checked. */
bool json_skip_value(struct json_reader *r);

/* Goes one level deeper; the caller adds it back to `depth_left`. */
static inline bool json_enter(struct json_reader *r)
{
    if (r->depth_left == 0)
        return err_set(r->scan.err, ERR_TOO_LARGE, NULL,
                       "Objects and arrays are nested deeper than %u levels.", r->limits->depth);
    r->depth_left--;
    return true;
}

static inline bool json_step(struct json_reader *r)
{
    if (r->steps_left == 0)
        return err_set(r->scan.err, ERR_TOO_LARGE, NULL,
                       "Too many elements stand in one object to tell them apart.");
    r->steps_left--;
    return true;
}

/* NULL past the limit. */
static inline struct node *json_new_node(struct json_reader *r)
{
    if (r->nodes_left == 0) {
        err_set(r->scan.err, ERR_TOO_LARGE, NULL,
                "The document has more than %u elements; send it in parts.", r->limits->nodes);
        return NULL;
    }
    r->nodes_left--;
    if (r->slab_left == 0) {
        r->slab = arena_many(r->arena, struct node, SLAB_NODES);
        r->slab_left = SLAB_NODES;
    }
    r->slab_left--;
    return r->slab++;
}

static inline void json_link_behind(struct node *parent, struct node *behind, struct node *node)
{
    node->parent = parent;
    node->next = behind ? behind->next : NULL;
    if (behind)
        behind->next = node;
    else
        parent->first = node;
    if (parent->last == behind)
        parent->last = node;
}

/* Moves from '{' or from behind a member to the next name, or behind '}'. */
static inline bool json_next_member(struct json_reader *r, bool first, bool *more)
{
    struct json_scan *scan = &r->scan;
    char c;

    if (first)
        scan->at++;
    c = json_scan_space(scan);
    *more = c != '}';
    if (!*more) {
        scan->at++;
        return true;
    }
    if (!first) {
        if (c != ',')
            return json_scan_expected(scan, "',' or '}'");
        scan->at++;
        c = json_scan_space(scan);
    }
    if (c != '"')
        return json_scan_expected(scan, "a name in double quotes");
    return true;
}

/* A member's name; stops at its value. */
static inline bool json_read_name(struct json_reader *r, struct text *name)
{
    struct json_scan *scan = &r->scan;
    bool plain;

    if (!json_scan_string(scan, name, &plain))
        return false;
    if (json_scan_space(scan) != ':')
        return json_scan_expected(scan, "':' after the name");
    scan->at++;
    if (json_scan_space(scan) == 0)
        return json_scan_expected(scan, "a value");
    return true;
}

/* Moves from '[' or from behind an item to the next item, or behind ']'. */
static inline bool json_next_item(struct json_reader *r, bool first, bool *more)
{
    struct json_scan *scan = &r->scan;
    char c;

    if (first)
        scan->at++;
    c = json_scan_space(scan);
    *more = c != ']';
    if (!*more) {
        scan->at++;
        return true;
    }
    if (!first) {
        if (c != ',')
            return json_scan_expected(scan, "',' or ']'");
        scan->at++;
        c = json_scan_space(scan);
    }
    if (c == 0 || c == ']')
        return json_scan_expected(scan, "a value");
    return true;
}
