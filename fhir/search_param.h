#pragma once

/*
 * Search parameters - the published definitions of R4 4.0.1, one row per
 * resource type and code, generated from schemas/r4/search_parameters.tsv.
 * A row's expression is the part of the published one that concerns its type.
 * Packages add parameters of their own, when a process begins.
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
    uint16_t number; /* unique, 0 .. search_param_count() - 1 */
};

/*
 * What is known of a parameter that a package defines. Until all that was stored before has been
 * indexed by it, it cannot be searched by (storage/parameters.h).
 */
struct search_extension {
    uint64_t version; /* of the definition: another one when anything in it that counts differs */
    atomic_bool whole;
    _Atomic int64_t done, total; /* resources, while it is being indexed; 0: nobody has begun */
};

struct search_addition {
    struct search_param param; /* `number` is given later */
    struct search_extension *extension;
};

/*
 * Adds to the published parameters. At most once per process, and before anything else below is
 * called: rows and numbers are others afterwards. Sorted by code within a type; what they
 * point to is borrowed for good. None has type and code of a published one.
 */
void search_params_extend(const struct search_addition *additions, size_t count);

/* NULL: the parameter is a published one. */
struct search_extension *search_extension_of(const struct search_param *param);

/* Whether every resource can be found by it that has a value. */
bool search_param_is_whole(const struct search_param *param);

unsigned search_param_count(void);
const struct search_param *search_param_at(unsigned number);

/* The parameter of a resource type, or NULL. */
const struct search_param *search_param_find(const char *type, struct text code);

/* All parameters of a resource type, sorted by code; `*count` gets their number. */
const struct search_param *search_params_of(const char *type, unsigned *count);

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
