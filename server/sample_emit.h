#pragma once

/*
 * Emit - writes FHIR JSON straight into a buf, commas by itself. Only for
 * sample data: texts come from our tables, whose generator refuses what JSON
 * would have to escape. Numbers are integers with a point put in, so that
 * every machine writes the same digits.
 */

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct emit {
    struct buf out;
    bool comma; /* a value stands before */
};

void emit_open(struct emit *emit, char bracket);
void emit_close(struct emit *emit, char bracket);
void emit_key(struct emit *emit, const char *key);
void emit_text(struct emit *emit, const char *text);

/* One text of up to four parts, the first NULL ends it. */
void emit_joined(struct emit *emit, const char *a, const char *b, const char *c, const char *d);
void emit_number(struct emit *emit, int64_t number, int decimals);
void emit_raw(struct emit *emit, const char *json); /* as it is */

/* A key with its value. */
void emit_member(struct emit *emit, const char *key, const char *text);
void emit_count(struct emit *emit, const char *key, int64_t number);
void emit_bool(struct emit *emit, const char *key, bool value);
void emit_begin(struct emit *emit, const char *key, char bracket); /* NULL: in an array */

/* "key": "2020-02-29" */
void emit_date(struct emit *emit, const char *key, int days);

/* "key": "2020-02-29T10:15:00-05:00"; minutes of local time since 1970 in a
 * place of the United States whose standard time is `offset` minutes from UTC. */
void emit_time(struct emit *emit, const char *key, int64_t minutes, int offset);

/* {"system": .., "code": .., "display": ..}; display may be NULL. */
void emit_coding(struct emit *emit, const char *system, const char *code, const char *display);

/* "key": a CodeableConcept of one coding; the display is its text, too. */
void emit_concept(struct emit *emit, const char *key, const char *system, const char *code,
                  const char *display);

/* The same within an array of its own: "key": [{..}]. */
void emit_concepts(struct emit *emit, const char *key, const char *system, const char *code,
                   const char *display);

/* "key": {value, unit, system, code}; `ucum` may be NULL. */
void emit_quantity(struct emit *emit, const char *key, int64_t number, int decimals,
                   const char *unit, const char *ucum);
