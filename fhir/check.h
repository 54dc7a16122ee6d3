#pragma once

/*
 * Check - the structure of a resource against the tables (R4 conformance-rules.html,
 * datatypes.html): required elements, cardinality, primitive formats and
 * ranges, at most one type of a choice, elements without content, resource
 * ids, contained resources that contain. Everything that needs no
 * terminology, no profile and no invariant.
 *
 * What only JSON can get wrong was reported by json_read().
 */

struct issues;
struct node;

void check_structure(const struct node *resource, struct issues *issues);
