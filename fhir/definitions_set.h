#pragma once

/*
 * Definitions, inside - how the built-in set is made like any other.
 */

struct definitions;
struct issues;

/* Reads what R4 publishes; for definitions_base() and its test. To be released by nobody
 * but definitions_free(). */
struct definitions *definitions_build_base(struct issues *issues);

/* A set on top of `base`, which may be NULL. */
struct definitions *definitions_start(const struct definitions *base);

/* Adds the resources and datatypes of R4, as profiles without rules. */
void definitions_add_types(struct definitions *definitions);

void definitions_free(struct definitions *definitions);
