#pragma once

/*
 * Search parameters - the published definitions of R4 4.0.1, one row per
 * resource type and code, generated from schemas/r4/search_parameters.tsv.
 * A row's expression is the part of the published one that concerns its type.
 *
 * Packages add parameters of their own, and take them back, while a process runs. What is in force
 * at one time is a set: made aside, put in the place of the one before, and never changed. No row
 * that was ever in a set goes away or moves while the process lives, so that who holds one may
 * keep it, and rows are the same when their addresses are.
 */

#include "base/text.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fhirpath;
struct type;

enum search_type {
    SEARCH_NUMBER,
    SEARCH_DATE,
    SEARCH_STRING,
    SEARCH_TOKEN,
    SEARCH_REFERENCE,
    SEARCH_COMPOSITE,
    SEARCH_QUANTITY,
    SEARCH_URI,
    SEARCH_SPECIAL,
};

enum { SEARCH_PARTS_MAX = 3 }; /* of a composite */

struct search_component {
    const char *code;       /* of the parameter whose type and rules apply */
    const char *expression; /* relative to the composite's own */
    enum search_type type;
};

struct search_param {
    const char *type; /* resource type: "Observation"; rows of Resource are repeated per type */
    const char *code; /* "value-quantity", "_id" */
    const char *url;  /* canonical; NULL for _has, _list, _type, which R4 has in prose only */
    const char *expression;     /* FHIRPath, or NULL when the definition has none */
    const char *const *targets; /* REFERENCE: resource types, NULL-ended; NULL: any */
    const struct search_component *components; /* COMPOSITE */
    enum search_type search_type;
    uint16_t component_count;
    uint16_t number; /* unique; of a published one 0 .. search_param_count() - 1 */
};

struct search_value_plan;

/*
 * What is known of a parameter that a package defines, or an operator chose. Until all that was
 * stored before has been indexed by it, it cannot be searched by (storage/parameters.h).
 */
struct search_extension {
    uint64_t version; /* of the definition: another one when anything in it that counts differs */
    const char *configuration; /* _text, _content: of PostgreSQL's text search, which says what
                                * words have in common (storage/words.h); NULL: of any other */
    atomic_bool whole;
    _Atomic int64_t done, total; /* resources, while it is being indexed; 0: nobody has begun */
    const struct search_value_plan *plan; /* search_values.c's */
};

struct search_addition {
    struct search_param param; /* `number` is given later */
    struct search_extension *extension;
    bool leaving; /* it is written still, but searched by no more */
};

struct search_params;

/* A set: the published parameters, and the additions, which are copied. Those that are in an
 * earlier set keep their rows, and what is known of them. Not by two threads at once. */
const struct search_params *search_params_make(const struct search_addition *additions,
                                               size_t count);

/* Those that were added, in the order in which search_params_make() got them. */
const struct search_param *const *search_params_added(const struct search_params *set,
                                                      size_t *count);

/* From here on the set is in force, for all threads. */
void search_params_use(const struct search_params *set);

/* NULL: the parameter is a published one. */
struct search_extension *search_extension_of(const struct search_param *param);

/* Whether every resource can be found by it that has a value. */
bool search_param_is_whole(const struct search_param *param);

/* From any thread. A published parameter is whole, but while it is held. */
void search_param_hold(const struct search_param *param, bool hold);

/* The published ones. */
unsigned search_param_count(void);
const struct search_param *search_param_at(unsigned number);

/* The parameter of a resource type, or NULL. */
const struct search_param *search_param_find(const char *type, struct text code);
const struct search_param *search_param_find_published(const char *type, struct text code);

/* A parameter with this canonical url (without a version), of whatever type; NULL: none. */
const struct search_param *search_param_with_url(struct text url);

/* All parameters of a resource type, sorted by code; `*count` gets their number. */
const struct search_param *const *search_params_of(const char *type, unsigned *count);

/* The same, and behind them those that are leaving: what resources are written by. */
const struct search_param *const *search_params_written(const char *type, unsigned *count);

/*
 * R4 compartmentdefinition-patient.html: the codes of the search parameters
 * through which a resource type belongs to a patient, NULL-ended; NULL when
 * it cannot belong to one.
 */
const char *const *patient_compartment_params(const char *type);

/* The same of an encounter (compartmentdefinition-encounter.html). */
const char *const *encounter_compartment_params(const char *type);

/* The same of any of R4's compartments: Patient, Encounter, Practitioner, RelatedPerson, Device. */
const char *const *compartment_params_of(const char *compartment, const char *type);

const char *search_type_name(enum search_type type);

/* Whether values of the type are spans or texts and not the same or different: how parts of
 * composites are indexed depends on it. */
bool search_type_is_ranged(enum search_type type);
