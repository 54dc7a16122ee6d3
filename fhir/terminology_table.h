#pragma once

/*
 * Terminology tables - how code systems and value sets lie in memory.
 *
 * There are two layers of equal form: the base, constant tables made from
 * schemas/r4, and what packages add. Rows refer to each other and to texts by
 * position; a position in the added layer has the highest bit set. Only names
 * (urls) are one table for both, so that what a package brings is found
 * wherever the base refers to it.
 */

#include "base/text.h"

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>

#define TERM_NOBODY  UINT32_MAX
#define TERM_ADDED   (UINT32_C(1) << 31)
#define TERM_PADDING 8 /* readable bytes behind the last text */

struct coded {
    uint32_t code, display; /* texts; 0: none */
    uint32_t parents;       /* rows above, ended by TERM_NOBODY; 0: none */
};

/* Rows sorted by code for binary search: by bytes, in lower case where case does not matter. */
struct code_list {
    uint32_t first, count;
};

enum system_content {
    CONTENT_COMPLETE,
    CONTENT_PART, /* a fragment, an example, nothing: cannot say no */
    CONTENT_MIME, /* grammars: fhir/terminology_grammar.h */
    CONTENT_LANGUAGES,
    CONTENT_UNITS,
};

struct code_system {
    uint32_t name;    /* of the bare url */
    uint32_t version; /* text */
    struct code_list concepts;
    uint8_t content; /* enum system_content */
    bool nocase;
};

enum clause_kind {
    CLAUSE_CODES,    /* `codes` and no others */
    CLAUSE_EXPANDED, /* the same from an expansion, in which exclusions have been made */
    CLAUSE_ALL,      /* the whole system */
    CLAUSE_IS_A,     /* what is `value` or below */
    CLAUSE_BELOW,    /* what is below `value` */
    CLAUSE_IS_NOT_A,
    CLAUSE_UNITS,     /* what measures the same as `value` */
    CLAUSE_LANGUAGES, /* by parts: `value` holds enum language_part required << 8 | forbidden */
    CLAUSE_SETS,      /* only the imported value sets */
    CLAUSE_UNDECIDED, /* a filter over a system that is not loaded */
    CLAUSE_OPEN,      /* more codes that nobody told us */
};

/* One include or exclude (R4 valueset.html#compositions). */
struct clause {
    uint32_t system; /* name of the bare url, TERM_NOBODY: none */
    uint32_t meant;  /* the same with the version that is asked for */
    struct code_list codes;
    uint32_t value;        /* text, or what `kind` says */
    uint32_t first_import; /* value sets (names) that must hold the code too */
    uint16_t import_count; /* */
    uint8_t kind;          /* enum clause_kind */
    bool exclude;          /* these stand behind all that include */
    bool nocase;
};

struct value_set {
    uint32_t name;    /* of the bare url */
    uint32_t version; /* text */
    uint32_t first_clause, clause_count;
};

/* A url, or "url|version"; of what it means TERM_NOBODY when that is not loaded. */
struct term_name {
    uint32_t text, size; /* of its own: a bare url may be the beginning of another text */
    uint32_t set, system;
};

/* One more text for a concept, sorted by concept. */
struct designation {
    uint32_t concept, text;
};

struct term_layer {
    const char *texts; /* each with its size in two bytes, little-endian, in front; padded */
    const struct coded *codes;
    const uint32_t *parents;
    const struct designation *designations;
    size_t designation_count;
    const struct code_system *systems;
    const struct value_set *sets;
    const struct clause *clauses;
    const uint32_t *imports;
};

struct terminology {
    struct term_layer layers[2];
    const struct term_name *names;
    uint32_t name_count;
    const uint32_t *slots; /* open-addressed by table_hash() */
    uint32_t slot_mask;
    struct pending_resources *pending; /* until finished */
};

extern const struct terminology terminology_r4;

static inline const struct term_layer *term_layer_of(const struct terminology *terminology,
                                                     uint32_t position)
{
    return &terminology->layers[position >> 31];
}

static inline uint32_t term_index(uint32_t position)
{
    return position & ~TERM_ADDED;
}

/* Codes lie in the layer of their list. */
static inline struct text term_text_in(const struct term_layer *layer, uint32_t position)
{
    const char *at = layer->texts + term_index(position);

    return (struct text){at + 2, (size_t)(uint8_t)at[0] | (size_t)(uint8_t)at[1] << 8};
}

static inline struct text term_text(const struct terminology *terminology, uint32_t position)
{
    if (position == 0)
        return (struct text){NULL, 0};
    return term_text_in(term_layer_of(terminology, position), position);
}

static inline const struct coded *term_coded(const struct terminology *terminology, uint32_t row)
{
    return &term_layer_of(terminology, row)->codes[term_index(row)];
}

static inline const struct code_system *term_system(const struct terminology *terminology,
                                                    uint32_t number)
{
    return &term_layer_of(terminology, number)->systems[term_index(number)];
}

static inline const struct value_set *term_set(const struct terminology *terminology,
                                               uint32_t number)
{
    return &term_layer_of(terminology, number)->sets[term_index(number)];
}

static inline struct text term_name_text(const struct terminology *terminology, uint32_t name)
{
    const struct term_name *row = &terminology->names[name];

    return (struct text){term_layer_of(terminology, row->text)->texts + term_index(row->text) + 2,
                         row->size};
}

static inline uint64_t table_hash_part(uint64_t hash, uint64_t part)
{
    hash = (hash ^ le64toh(part)) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 32;
}

/* Eight bytes at a time, the last ones filled up with zeros; schemas/generate_terminology.py has
 * the same. */
static inline uint32_t table_hash(struct text text)
{
    uint64_t hash = text.size, part;
    size_t at = 0;

    for (; text.size - at >= sizeof(part); at += sizeof(part)) {
        memcpy(&part, text.data + at, sizeof(part));
        hash = table_hash_part(hash, part);
    }
    if (at < text.size) {
        part = 0;
        memcpy(&part, text.data + at, text.size - at);
        hash = table_hash_part(hash, part);
    }
    return (uint32_t)hash;
}

/* The name, or TERM_NOBODY. */
uint32_t term_name_find(const struct terminology *terminology, struct text text);

/* The number of the value set, or TERM_NOBODY. A version may be given in part. */
uint32_t term_set_find(const struct terminology *terminology, struct text canonical);

/* The code system with this url, or NULL; `*name` is that of the url, or TERM_NOBODY. */
const struct code_system *term_system_find(const struct terminology *terminology,
                                           struct text system, uint32_t *name);

/* How codes are ordered: bytes, or without regard to the case of ASCII letters. */
int term_compare(struct text a, struct text b, bool nocase);

/* The row of the code, or TERM_NOBODY. */
uint32_t term_find(const struct terminology *terminology, struct code_list list, struct text code,
                   bool nocase);

/* Whether `row` is `ancestor` or below it. */
bool term_is_below(const struct terminology *terminology, uint32_t row, uint32_t ancestor);
