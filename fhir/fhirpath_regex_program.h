#pragma once

/* What a regular expression is compiled to, between its compiler and its engine. */

#include "fhir/fhirpath_regex.h"

#include <stdint.h>

enum item_kind {
    ITEM_EMPTY,
    ITEM_CHAR,
    ITEM_ANY,
    ITEM_CLASS,
    ITEM_START, /* ^ */
    ITEM_END,   /* $ */
    ITEM_WORD,  /* \b */
    ITEM_NOT_WORD,
    ITEM_SEQUENCE, /* left, then right */
    ITEM_EITHER,   /* left or right */
    ITEM_REPEAT,
    ITEM_GROUP,
};

struct range {
    unsigned low, high;
    struct range *next;
};

struct char_class {
    struct range *ranges;
    bool negated;
};

enum op { OP_CHAR, OP_ANY, OP_CLASS, OP_MATCH, OP_JUMP, OP_SPLIT, OP_SAVE, OP_ASSERT };

struct instruction {
    enum op op;
    enum item_kind assertion;
    unsigned code;                  /* CHAR; SAVE: the slot */
    const struct char_class *class; /* CLASS */
    unsigned x, y;                  /* JUMP: x; SPLIT: first x, then y */
};

struct thread {
    unsigned pc;
    long saved[2 * REGEX_GROUPS];
};

struct threads {
    struct thread *items;
    unsigned count;
    uint32_t *marks; /* marks[pc] == generation: already in the list */
    uint32_t generation;
};

struct regex {
    struct instruction *program;
    unsigned size, room, work;
    bool too_large;
    struct threads now, next; /* of a search */
    struct thread *stack;
};

/* The character at `at`; an invalid byte counts as itself. */
unsigned regex_decode(struct text text, size_t at, size_t *size);

/* Makes the working memory of a search, once the program is complete. */
void regex_make_room(struct regex *regex, struct arena *arena);
