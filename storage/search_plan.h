#pragma once

/*
 * Search plan - how one query is answered: by which criterion its rows are
 * found, in which order they come. The program decides this, from hashes it
 * knows to be rare or frequent; PostgreSQL's planner, which does not know the
 * parameters of a prepared statement, is left no choice.
 */

#include "fhir/query.h"
#include "storage/search_term.h"
#include "storage/store_internal.h"

/* What finds the rows. */
enum search_driver {
    DRIVE_KEYS,          /* _id */
    DRIVE_PATIENT_CODE,  /* index (patient, code, d) */
    DRIVE_PATIENT,       /* index (patient, d) */
    DRIVE_TOKENS,        /* the GIN index of toks */
    DRIVE_CODE_QUANTITY, /* index (code, vq) */
    DRIVE_QUANTITY,      /* the same, once for each code there is */
    DRIVE_CODE,          /* index (code, d) */
    DRIVE_DATE,          /* index (d) or (rtype, d) */
    DRIVE_SIDE,          /* a side table */
    DRIVE_LINK,          /* other resources: what a chain or a group finds */
    DRIVE_UPDATED,       /* the log */
    DRIVE_WITHOUT,       /* an index of rows without a token that nearly all have */
    DRIVE_ALL,           /* all rows of the type */
    DRIVE_IDS,           /* the index of ids, where there is one */
    DRIVE_LAST = DRIVE_IDS,
};

/* In which order they come. */
enum search_mode {
    MODE_INDEX, /* that of the driver's index, then by key: stops when the page is full */
    MODE_KEY,   /* by key */
    MODE_SORT,  /* all matches are sorted as the query says; a bounded number */
};

enum search_key_kind {
    KEY_DATE,     /* column d */
    KEY_QUANTITY, /* column vq */
    KEY_UPDATED,  /* column updated */
    KEY_ID,       /* column id */
    KEY_PATIENT,  /* column patient, where several are asked for */
    KEY_STRINGS,  /* the first of f_str in this order; likewise below */
    KEY_DATES,
    KEY_NUMBERS,
};

/* What rows are ordered by, before their key. Rows without a value come last. */
struct search_key {
    enum search_key_kind kind;
    int64_t h;        /* of side tables */
    int64_t presence; /* the token of rows that have a value */
    bool with_column; /* KEY_DATES: one of the values stands in column d */
    bool descending;
};

enum { SEARCH_KEYS_MAX = 8, SEARCH_SORT_MAX = 10000 };

/* Bounds on column d that every match keeps. A row that lies within one day
 * (UTC) has d >= low; a longer one only d >= strict_low and dhi >= long_high. */
struct search_dates {
    bool bounded; /* from some criterion: rows without a date cannot match */
    int64_t low, high, strict_low, long_high;
};

struct search_plan {
    struct store *store;
    const struct access *access;
    const struct query *query;
    const struct type *type;
    const struct table *table;
    const struct columns *columns;
    struct tokens tokens;
    struct arena *arena;
    struct search_term *terms;
    size_t term_count;
    bool inexact;  /* hits must be looked at */
    bool no_codes; /* a code asked for stands second somewhere: not by column */
    struct search_dates dates;

    enum search_driver driver;
    enum search_mode mode;
    int driving;  /* the term that TOKENS, SIDE, KEYS go by, -1: none */
    int patients; /* the term whose patients count, -1: none; likewise codes, quantity */
    int codes, quantity;
    struct search_key keys[SEARCH_KEYS_MAX]; /* none in MODE_KEY */
    size_t key_count;
    double cost; /* rows that are probably read */
};

/* Reads the query; nothing is chosen yet. */
void search_plan_init(struct search_plan *plan, struct store *store, const struct access *access,
                      const struct query *query, struct arena *arena);

enum search_purpose {
    SEARCH_PAGE,  /* some rows, in the query's order */
    SEARCH_COUNT, /* how many there are */
    SEARCH_WALK,  /* a page, but not by sorting all matches: there are too many */
};

/* Makes it one of the rows with these keys, whatever it was before. */
void search_plan_settle(struct search_plan *plan, const int64_t *keys, size_t count);

/* Chooses driver and order. False when there is no way, which SEARCH_WALK may find. */
bool search_plan_choose(struct search_plan *plan, enum search_purpose purpose, unsigned limit);

/* Takes up a choice made for an earlier page. False when it cannot have been made. */
bool search_plan_resume(struct search_plan *plan, int64_t driver, int64_t mode, int64_t driving);

/* Whether the criterion on the main quantity is one range. */
bool search_plan_has_range(const struct search_plan *plan);

/* The code of the parameter that drives, for messages; NULL: none does. */
const char *search_plan_driving_code(const struct search_plan *plan);

/* What the plan, and those of its links, take not to be there: codes that they look for in columns,
 * and that must not stand second in any resource of their type; and chains whose end no resource of
 * their type contains. */
struct search_code {
    int64_t code;
    const struct type *type;
    const struct type *contains; /* NULL: it is a code */
};
const struct search_code *search_plan_codes(const struct search_plan *plan, size_t *count);

/* Whether rows that come in the order of time are looked at by their code's column. */
bool search_plan_tests_codes(const struct search_plan *plan);

/* Makes the plan, which is then to be chosen again, and its links do without. Whether it has only
 * looked for one in rows that are found otherwise, or a link has. */
bool search_plan_avoid_codes(struct search_plan *plan);

/* Whether one index answers all alternatives of a term. */
bool search_term_is_uniform(const struct search_term *term);

/* Whether a side-table term is one range under one hash, and so comes in the order of the index. */
bool search_term_is_range(const struct search_term *term);

/* search_dates.c: what the criteria on the main date say about its column. */
void search_bound_dates(struct search_plan *plan);
