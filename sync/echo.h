#pragma once

/*
 * Echo - by what a resource is known again when it comes back: the marks that pushing puts
 * on a copy, and a hash of what it says. docs/sync.md, "Loops".
 *
 *   identifier  {system: "urn:isthmus:<instance>", value: "Type/id"}: of which resource it is a
 * copy. Only in copies for servers that are no Isthmus, of types that have identifiers meta.source
 * "[base of the origin]/Type/id", the same at every server it passes through meta.tag    {system:
 * "urn:isthmus:feeder", code: "<instance>"}: who keeps this copy up to date
 */

#include "base/text.h"
#include "storage/landing.h"

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct node;

/* A UUID that names the database of `store` among all servers; always the same. */
void echo_instance(const struct store *store, char instance[LANDING_ID_SIZE]);

/* "urn:isthmus:<instance>", in the arena. */
struct text echo_system(const struct store *store, struct arena *arena);

/* Who keeps this copy up to date; absent when nothing says so. */
struct text echo_feeder(const struct node *resource);

/* Takes out the mark of who feeds it. What was pulled is fed by pulling. */
void echo_unmark(struct node *resource);

/* Whether a type has identifiers that repeat and can be searched for. */
bool echo_has_identifier(const char *type);

/* Adds the identifier, unless it is there. */
void echo_add_identifier(struct arena *arena, struct node *resource, struct text system,
                         struct text value);

/* Sets tag, and source unless absent. */
void echo_mark(struct arena *arena, struct node *resource, const char *instance,
               struct text source);

/*
 * Hash of what a resource says, the same at every server it passes through: without id, meta,
 * narrative, identifiers of ours, and what references point to; the order of elements makes no
 * difference, that of repetitions does. Never 0.
 */
uint64_t echo_content(const struct node *resource, const struct store *store);
