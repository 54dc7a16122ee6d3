#pragma once

/*
 * Search links, part of the plan - criteria about other resources, which those
 * searched for refer to, or which refer to them (R4 search.html#chaining,
 * #has); and groups of criteria about themselves. The other side has a plan of
 * its own, which reads no row that the access condition does not let through.
 *
 * A link can be looked at from both ends: row by row, following the reference
 * (search_links_hold), or from what the other side finds (search_link_keys).
 */

#include "storage/search_plan.h"
#include "storage/search_sql.h"

enum search_relation {
    LINK_SELF, /* the row itself */
    LINK_TO,   /* a resource the row refers to */
    LINK_FROM, /* a resource that refers to the row */
    LINK_IN,   /* something that the row contains */
};

struct search_link {
    enum search_relation relation;
    const struct search_plan *of;
    struct search_plan *plan; /* of the other side; may find much, in no order */
    bool by_patient;          /* column `patient` is the reference and knows all of it */
    int64_t reference;        /* what, XORed with a key, gives the reference's token */
    double matches;           /* how many rows the other side probably finds */
};

/* Whether chains of the plan are to be followed into what contains them, too (R4
 * search.html#contained): always from there, otherwise where such things are known to be. */
bool search_link_enters(const struct search_plan *plan, const struct type *target);

/* Makes the links of the plan's terms, and theirs. */
void search_links_make(struct search_plan *plan);

/* The condition that row t has one of the term's links; negation is the caller's. */
void search_links_hold(struct search_sql *sql, const struct search_term *term);

/* `select ... as rkey`: keys of rows that have one of the links, maybe repeated; among them may be
 * some of rows that do not exist. */
void search_link_keys(struct search_sql *sql, const struct search_term *term);

/* Whether the term is equivalent to `patient` being one of what search_link_patients() gives. */
bool search_link_is_patients(const struct search_term *term);

/* `select ... as rkey`: the patients. */
void search_link_patients(struct search_sql *sql, const struct search_term *term);

/* How many rows the term probably finds, and how many others are read to know their keys. */
double search_link_found(const struct search_term *term);
double search_link_read(const struct search_term *term);
