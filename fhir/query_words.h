#pragma once

/*
 * Query words - what _text and _content ask for (R4 search.html#text), as a tree. Words are folded
 * as those of resources are (search_words.h). The index decides whether a resource meets it, since
 * that knows what words have in common.
 */

#include "base/text.h"

#include <stdbool.h>

enum query_words_kind {
    WORDS_ALL, /* every part */
    WORDS_ANY, /* one of the parts */
    WORDS_NOT, /* not the one part */
    WORDS_PHRASE,
};

struct query_words {
    enum query_words_kind kind;
    const struct query_words *parts; /* the first, and how they go on from there */
    const struct query_words *next;
    struct text phrase; /* words with single spaces between */
    bool begins;        /* the last of them may go on */
};
