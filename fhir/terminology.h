#pragma once

/*
 * Terminology - which codes exist and which belong to a value set
 * (R4 terminology-service.html#validation), from code systems and value sets
 * that are loaded: those of R4 built in, more from packages.
 *
 * Nothing is assumed: what is not loaded is answered with "unknown", and with
 * the url that would have to be there, so that a check can say so instead of
 * failing falsely or passing silently.
 *
 * Immutable once the definitions it belongs to are finished; no allocation
 * and no wait in any question.
 */

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct definitions;
struct node;

enum code_answer {
    CODE_YES,
    CODE_NO,
    CODE_UNKNOWN, /* cannot be decided; `missing` names the code system or value set to load */
};

struct code_finding {
    enum code_answer answer;
    struct text missing; /* UNKNOWN: a canonical url; absent when a set is loaded in part only */
    struct text display; /* YES: the preferred display, absent if none is loaded */
};

/*
 * Whether the value set holds the code. `value_set` may carry "|version": then
 * that version must be the loaded one, else it is UNKNOWN. `system` absent
 * (a code element, which has none): any system of the value set counts.
 */
void value_set_has(const struct definitions *definitions, struct text value_set, struct text system,
                   struct text code, struct code_finding *finding);

/* Whether the code system defines the code; UNKNOWN when it is not loaded, or
 * only as an example or a fragment that does not have the code. */
void code_system_has(const struct definitions *definitions, struct text system, struct text code,
                     struct code_finding *finding);

/* Whether `display` is one of the code's displays or designations (R4: without
 * regard to case and white space). True also when nothing is loaded to compare with. */
bool code_display_fits(const struct definitions *definitions, struct text system, struct text code,
                       struct text display);

/* Whether `ancestor` is `code` or above it in the system's hierarchy. */
enum code_answer code_subsumes(const struct definitions *definitions, struct text system,
                               struct text ancestor, struct text code);

/* Whether a value set, or a code system, with this url is loaded. */
bool value_set_is_known(const struct definitions *definitions, struct text value_set);
bool code_system_is_known(const struct definitions *definitions, struct text system);

/* A code with its system. Texts belong to the definitions. */
struct listed_code {
    struct text system, code;
};

enum listing_outcome {
    LISTING_WHOLE,
    LISTING_TOO_LONG, /* more than `most` */
    LISTING_OPEN,     /* there is no end of them, or nobody says which: a grammar, a filter */
    LISTING_MISSING,  /* a code system or value set, see `missing` */
};

struct code_listing {
    enum listing_outcome outcome;
    struct text missing;             /* MISSING: its canonical url */
    const struct listed_code *codes; /* WHOLE: each once */
    size_t count;
};

/* All codes of a value set. Unlike the questions above it allocates, in the arena. */
void value_set_list(const struct definitions *definitions, struct text value_set, size_t most,
                    struct arena *arena, struct code_listing *listing);

/* A code and all that stand below it, or above it, in its system's hierarchy. A code that the
 * system does not define stands alone. */
void code_system_list(const struct definitions *definitions, struct text system, struct text code,
                      bool above, size_t most, struct arena *arena, struct code_listing *listing);
