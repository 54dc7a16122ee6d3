#pragma once

/*
 * JSON - resources read from and written to FHIR's JSON format (R4 json.html).
 *
 * The reader is a single pass over the bytes, directed by the tables of
 * fhir/type.h; no intermediate JSON values. It refuses what is not JSON
 * (RFC 8259: UTF-8, no duplicate keys), and reports as issues what is JSON
 * but not FHIR: unknown elements, arrays where none belong, wrong kinds of
 * values, `_name` arrays that do not align, nulls and empty arrays. (Elements
 * without content are for check_structure(), whatever they were read from.)
 * What has no place in the tree stays in it as JSON text (NODE_RAW), so that
 * nothing is lost when a caller chooses to go on.
 *
 * A round trip keeps every value, number texts to the digit, and the order
 * of elements.
 */

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct buf;
struct issues;
struct node;

struct json_limits {
    size_t size;    /* bytes of the document */
    unsigned depth; /* nesting of objects and arrays */
    unsigned nodes; /* elements in the tree */
};

extern const struct json_limits json_default_limits; /* 64 MiB, 64, 10 million */

/* For what was accepted once: it must stay readable whatever limits are configured, so these are
 * beyond all that can be. */
extern const struct json_limits json_stored_limits;

/*
 * Reads one resource. The tree lives in `arena` and borrows from `data`, which
 * must live as long and not change. NULL with `err` set when the text is no
 * JSON, beyond a limit, or not a resource at all (ERR_INVALID with line and
 * column in the text, ERR_TOO_LARGE); findings that allow a tree go to
 * `issues`.
 */
struct node *json_read(struct arena *arena, const char *data, size_t size,
                       const struct json_limits *limits, struct issues *issues, struct err *err);

/* Turns comments as of JavaScript into blanks, for documents that people wrote; JSON has none. */
void json_blank_comments(char *data, size_t size);

/* Appends the canonical compact form: no white space, elements in the tree's
 * order, `resourceType` first. The bytes of a resource node or of any element. */
void json_write(const struct node *node, struct buf *out);

/* The same, indented by two spaces a level: for people (_pretty=true). */
void json_write_pretty(const struct node *node, struct buf *out);

/* Appends `text` as a JSON string with quotes. */
void json_write_string(struct buf *out, const char *text, size_t size);
