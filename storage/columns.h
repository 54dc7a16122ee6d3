#pragma once

/*
 * Columns - which search parameters of a type feed the columns of its table.
 * The writer (row*.c) and the query builder (search_*.c) read the same rows,
 * so they cannot disagree.
 *
 * Hot types are chosen by hand; every other type gets `patient`, `code` and
 * `date` if it has parameters so named.
 *
 *   patient  The key of the resource's patient: the first value of the
 *            parameter that is a reference to Patient/id; for a Patient its own key.
 *            Every value is also a reference token, and every patient whose
 *            compartment the resource belongs to has a token_member().
 *   code     token_coding() of the first coding that has a code. All codings are
 *            tokens too; those that ever stood second are listed per type in f_code.
 *   d, dhi   The first value of the date parameter. Where it cannot repeat, several
 *            values are one span from the first to the last.
 *   vq, vqu  The first plain value of the quantity parameter (no comparator,
 *            no range) and token_coding() of its unit.
 *
 * What a column holds has no row in the side tables. What it cannot hold has:
 * every further value of a date parameter that repeats, and every further or
 * inexact value of a quantity parameter. So a query on a quantity column
 * always asks both, on a date column only where it repeats.
 */

#include <stdbool.h>

struct search_param;
struct type;

struct columns {
    const struct search_param *patient;  /* NULL: none */
    const struct search_param *code;     /* a token parameter, or NULL */
    const struct search_param *date;     /* or NULL */
    const struct search_param *quantity; /* or NULL */
    bool patient_repeats;                /* the reference can repeat: the tokens know all of them */
    bool date_repeats;
    bool own_patient; /* the Patient type: the column holds the row's own key */

    /* A composite of the code and the quantity column. A combination whose value
     * stands in the column has no rows: token of `code` in toks, and vq. Others are in f_qty. */
    const struct search_param *code_quantity; /* or NULL */
};

/* The columns of a resource type. Never NULL. */
const struct columns *columns_of(const struct type *type) __attribute__((returns_nonnull));

/* Of resources that are contained: none, their index has tokens and side rows only. */
const struct columns *columns_of_contained(void) __attribute__((returns_nonnull));

/*
 * A parameter that is by definition the union of two others of its type
 * (Observation's combo-code is code or component-code): it has no tokens and no
 * rows of its own, a search for it asks both parts. NULL when it is not such a one.
 */
struct search_union {
    const struct search_param *parts[2];
};

const struct search_union *search_union_of(const struct search_param *param);

/* Whether a reference to Patient/id by this parameter puts the resource into that
 * patient's compartment (R4 compartmentdefinition-patient.html). */
bool columns_is_membership(const struct search_param *param);
