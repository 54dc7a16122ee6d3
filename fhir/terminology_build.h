#pragma once

/*
 * Building the added layer of a terminology (fhir/terminology_table.h). All
 * arrays grow in a scratch arena and are copied when everything is in.
 */

#include "base/buf.h"
#include "fhir/terminology_table.h"

struct issues;
struct node;

struct builder {
    struct terminology *terminology; /* always good for questions: see builder_sync() */
    struct arena *scratch;
    struct issues *issues;
    struct buf texts, codes, parents, designations, systems, sets, clauses, imports, names;
    struct buf concepts; /* of `codes`: the nodes they came from (pointers), or NULL */
    uint32_t *slots;
    uint32_t slot_mask;
};

static inline size_t build_count(const struct buf *buf, size_t size)
{
    return buf->size / size;
}

/* Lets the terminology see what was built so far: arrays move when they grow. */
void builder_sync(struct builder *builder);

/* A position in the added layer; 0 for an empty text, or one above 64 KiB. */
uint32_t build_text(struct builder *builder, struct text text);

/* The number of a name, made if it is new. The second is "url|version", or the url when there
 * is no version. */
uint32_t build_name(struct builder *builder, struct text name);
uint32_t build_canonical(struct builder *builder, struct text url, struct text version);
struct term_name *build_name_at(struct builder *builder, uint32_t number);

struct code_draft {
    struct text code, display;
    const struct node *concept; /* NULL: of an expansion */
};

/* Appends drafts of the children `concept` at all depths. */
void build_collect(const struct node *parent, struct buf *drafts);

/* Sorts the drafts and makes a list of them. */
struct code_list build_codes(struct builder *builder, struct code_draft *drafts, size_t count,
                             bool nocase);

void build_system(struct builder *builder, const struct node *node);
void build_supplement(struct builder *builder, const struct node *node);
void build_set(struct builder *builder, const struct node *node);

/* The set of all codes of a system that names one, unless it is defined. */
void build_implicit_set(struct builder *builder, const struct node *node);

/* Makes the clause do what the filters of an include or exclude say. */
void build_filter(struct builder *builder, const struct node *include, struct clause *clause);
