#pragma once

/*
 * XML - reading and writing resources as FHIR XML (R4 xml.html), by libxml2.
 * The tree is the one that json_read() makes: read one, write the other.
 */

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct buf;
struct issues;
struct json_limits;
struct node;

/*
 * Reads one resource, as json_read() does: same limits, same kinds of
 * findings, with line and column in texts about malformed XML. No DTD, no external entity is
 * ever read: a document with a DOCTYPE is refused. The tree lives in `arena` and does not borrow
 * from `data`. What has no place in the tree (unknown elements and attributes,
 * text) is a finding and is left out; a narrative is kept byte for byte.
 */
struct node *xml_read(struct arena *arena, const char *data, size_t size,
                      const struct json_limits *limits, struct issues *issues, struct err *err);

/* Appends the resource as an XML document without white space between elements,
 * or indented by two spaces a level; narrative is written as it is. Elements
 * stand in the order of the definition, whatever order the tree has. What the
 * JSON reader could keep only as JSON text (NODE_RAW) is left out. */
void xml_write(const struct node *resource, struct buf *out);
void xml_write_pretty(const struct node *resource, struct buf *out);
