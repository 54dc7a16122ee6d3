#pragma once

/*
 * Conversion - from elements to search values, by the tables of R4
 * search.html for each type of parameter.
 */

#include "base/hash.h"
#include "fhir/primitive.h"
#include "fhir/search_values.h"

struct arena;
struct fhirpath_value;
struct node;

/*
 * Numbers that were read already, by where their text is: one quantity is a
 * value of several parameters, and reading its digits is dear.
 */
#define NUMBER_CACHE_SIZE 8

struct number_cache {
    struct {
        const char *text;
        struct decimal_value value;
    } entries[NUMBER_CACHE_SIZE];
    unsigned next;
};

/* Where values are gathered: of one resource, or of one component of a composite. */
struct gather {
    struct number_cache *numbers;     /* borrowed */
    struct arena *arena;              /* borrowed */
    const struct search_param *param; /* whose values are being added */
    enum search_type type;            /* that of the parameter, or of the component */
    struct search_value *items;
    size_t count, room;
    size_t first_room; /* what to begin with */
    size_t start;      /* where the values of this parameter begin: only they are compared */
    uint32_t *slots;   /* a hash table over them, once there are many */
    size_t slot_count;
    struct hash_key slot_key; /* nobody can construct values that collide */
    bool full;                /* the bound was reached */
};

/* Fills the table; once, before threads start. */
void convert_setup(void);

/* Adds what one result of an expression stands for. False when there is no
 * rule for its type. */
bool convert_value(struct gather *gather, const struct fhirpath_value *value);

/* Adds the value unless an equal one is there. */
void gather_add(struct gather *gather, const struct search_value *value);

/* Where the values of another parameter begin. */
void gather_start(struct gather *gather, const struct search_param *param, enum search_type type);

typedef void convert_fn(struct gather *gather, const struct node *node);

/* search_values_token.c */
convert_fn convert_boolean, convert_code, convert_token_text, convert_coding, convert_concept,
    convert_identifier, convert_contact_point;

/* search_values_text.c */
convert_fn convert_text, convert_human_name, convert_address, convert_reference,
    convert_reference_text, convert_resource;

/* search_values_range.c */
convert_fn convert_date, convert_period, convert_timing, convert_number, convert_number_range,
    convert_quantity, convert_money, convert_range, convert_position;
