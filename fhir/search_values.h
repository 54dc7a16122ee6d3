#pragma once

/*
 * Search values - what a resource can be found by: the published FHIRPath
 * expressions evaluated on it, and their results turned into values by the
 * rules of R4 search.html for each parameter type. No hashes and no SQL here:
 * storage/ turns these into rows.
 */

#include "base/err.h"
#include "base/text.h"
#include "fhir/search_param.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct node;

/* Points in time that stand for "no bound" of an open Period. */
#define SEARCH_TIME_MIN INT64_MIN
#define SEARCH_TIME_MAX INT64_MAX

struct search_value {
    const struct search_param *param;
    enum search_type type; /* the parameter's; of a component: the component's */

    /* TOKEN: Coding, CodeableConcept (one value per coding), Identifier,
     * ContactPoint, code, boolean, string, uri. `system` absent: none. `code`
     * absent: only a display or text. `text`: display or CodeableConcept.text,
     * for :text. A `code` element carries the system of its required binding
     * in `system` when R4 fixes one, with `system_implied` set. */
    /* STRING: `text` is the value as written; of _text and _content their words, as
     * search_words_add() gives them. URI: `text`. */
    /* REFERENCE: `text` is the reference as written (absent when only an
     * identifier is given, which is then in system and code, and when somebody
     * contained is meant or only a display says who); `reference_type`
     * and `reference_id` are filled for a literal reference to type/id
     * (relative, or absolute: then `reference_base` is the part before it). `fragment`: the id of
     * somebody contained, or empty for the container itself; absent otherwise. */
    struct text system, code, text;
    bool system_implied;
    struct text identifier_type_system, identifier_type_code; /* Identifier.type, for :of-type */
    struct text reference_base, reference_type, reference_id, reference_version, fragment;

    /* DATE: inclusive microseconds UTC; open ends are SEARCH_TIME_MIN / MAX. */
    int64_t time_low, time_high;

    /* NUMBER, QUANTITY: the value, and what it spans: its own digits'
     * precision (see decimal_parse), or what a comparator leaves open (`<5`: from
     * -INFINITY to just below 5), or the ends of a Range as they are. `exact` when value is a plain
     * number. system and code hold the unit's; `text` holds Quantity.unit. */
    double number, number_low, number_high;
    bool exact;

    /* SPECIAL, which is near: degrees; longitude from -180 to 180. */
    double latitude, longitude;

    /* COMPOSITE: one value per component, in order. One search_value of type
     * COMPOSITE stands for one combination found in one instance. */
    const struct search_value *components;
    uint16_t component_count;
};

struct search_contained;

struct search_values {
    struct search_value *items;
    size_t count;

    /* What the resource contains, and what that can be found by (R4 search.html#contained). */
    struct search_contained *contained;
    size_t contained_count;
};

struct search_contained {
    const struct node *resource;
    struct search_values values;
};

/* Compiles every published expression, before threads start. False with ERR_INTERNAL when one does
 * not compile. */
bool search_values_setup(struct err *err);

/* The same for what a set adds, before it is used (search_params_use()). */
bool search_values_prepare(const struct search_params *set, struct err *err);

/*
 * Once per process, before threads start: the base URL of this server, without "/" behind it, which
 * must outlive them. References that begin with it are the same as relative ones.
 */
void search_values_set_base(struct text base);

/* All values of a resource, for every parameter of its type but those that
 * come from the server's own bookkeeping (_id, _lastUpdated). Bounded;
 * an expression that fails on this resource yields nothing and is counted in
 * `*failed` (may be NULL). Values borrow from the tree and the arena. */
void search_values_extract(const struct node *resource, struct arena *arena,
                           struct search_values *values, unsigned *failed);

/* Splits a literal reference ("Patient/1", "https://h/fhir/Patient/1/_history/2")
 * into base, type, id and version; false for anything else (urn:, #, canonical). */
bool reference_split(struct text reference, struct text *base, struct text *type, struct text *id,
                     struct text *version);
