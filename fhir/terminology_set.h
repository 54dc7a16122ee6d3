#pragma once

/*
 * Terminology sets - how the definitions get their code systems and value sets:
 * those of R4 are tables of the program, those of packages are added on top.
 * The questions are in fhir/terminology.h.
 */

#include "fhir/terminology.h"

struct arena;
struct issues;
struct node;
struct terminology;

/* What R4 publishes, and nothing else. */
const struct terminology *terminology_base(void);

/* Starts a set with everything of the base; lives in the arena. */
struct terminology *terminology_new(struct arena *arena);

/*
 * Adds a ValueSet or CodeSystem; its tree must live until terminology_finish().
 * A later one with the same url and version replaces the earlier; one with
 * another version stands beside it, and the highest answers to the bare url.
 */
void terminology_add(struct terminology *terminology, const struct node *resource);

/* Copies what it keeps; the set is immutable from here on. `issues` gets what
 * cannot be used, and what can be used in part only. */
void terminology_finish(struct terminology *terminology, struct issues *issues);

/* The terminology of a set of definitions. */
const struct terminology *definitions_terminology(const struct definitions *definitions);
