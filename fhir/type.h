#pragma once

/*
 * Types - what R4 4.0.1 says about resources, datatypes, backbone elements
 * and primitives, as tables. Generated at build time from the facts in schemas/r4;
 * immutable, so shared by all threads.
 *
 * A backbone element is a type of its own, named by its path
 * ("Observation.component"). A choice element (value[x]) has one row per
 * allowed type ("valueQuantity", "valueString", ...), all with the same
 * FHIRPath name ("value"). A contentReference row has the type it refers to.
 */

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

enum type_kind { TYPE_PRIMITIVE, TYPE_DATATYPE, TYPE_BACKBONE, TYPE_RESOURCE };

/* The formats of R4 datatypes.html#primitive. */
enum primitive {
    PRIMITIVE_NONE, /* not a primitive */
    PRIMITIVE_BASE64BINARY,
    PRIMITIVE_BOOLEAN,
    PRIMITIVE_CANONICAL,
    PRIMITIVE_CODE,
    PRIMITIVE_DATE,
    PRIMITIVE_DATETIME,
    PRIMITIVE_DECIMAL,
    PRIMITIVE_ID,
    PRIMITIVE_INSTANT,
    PRIMITIVE_INTEGER,
    PRIMITIVE_MARKDOWN,
    PRIMITIVE_OID,
    PRIMITIVE_POSITIVEINT,
    PRIMITIVE_STRING,
    PRIMITIVE_TIME,
    PRIMITIVE_UNSIGNEDINT,
    PRIMITIVE_URI,
    PRIMITIVE_URL,
    PRIMITIVE_UUID,
    PRIMITIVE_XHTML,
};

#define ELEMENT_MANY UINT16_MAX

enum element_flag {
    ELEMENT_CHOICE = 1,     /* one row of a choice: at most one of the group may appear */
    ELEMENT_SUMMARY = 2,    /* part of _summary=true */
    ELEMENT_MODIFIER = 4,   /* isModifier */
    ELEMENT_RESOURCE = 8,   /* holds a resource: contained, Bundle.entry.resource, ... */
    ELEMENT_ATTRIBUTE = 16, /* an XML attribute: Element.id, Extension.url */
};

/* How strictly a coded element is bound to its value set. */
enum binding_strength {
    BINDING_NONE,
    BINDING_EXAMPLE,
    BINDING_PREFERRED,
    BINDING_EXTENSIBLE,
    BINDING_REQUIRED
};

struct element {
    const char *name;     /* in JSON: "birthDate", "valueQuantity" */
    const char *fhirpath; /* in FHIRPath: "birthDate", "value" */
    uint16_t name_size;
    uint16_t name_id; /* number of `fhirpath` (see name_find), for fast comparison */
    uint16_t type;    /* number of the element's type (see type_at) */
    uint16_t min;     /* of a choice: of the whole group */
    uint16_t max;     /* ELEMENT_MANY for "*" */
    uint8_t flags;
    uint8_t binding_strength;
    const char *binding; /* value set url without version, or NULL */
    const char
        *code_system; /* of a code with a required binding to one system: its url; else NULL */
    const char *const
        *targets; /* Reference, canonical: allowed resource type names, NULL-ended; NULL: any */
};

struct type {
    const char *name; /* "Patient", "Patient.contact", "HumanName", "string" */
    uint16_t number;
    uint8_t kind;      /* enum type_kind */
    uint8_t primitive; /* enum primitive */
    bool abstract;     /* Resource, DomainResource, Element, BackboneElement */
    uint16_t base;     /* number of the type it specialises; its own number for a root */
    uint16_t element_count;
    const struct element *elements; /* in the order of the definition, inherited ones included */
};

/* All types have numbers from 0 to type_count() - 1; resource types come
 * first, sorted by name, and so have numbers below resource_type_count(). */
unsigned type_count(void);
unsigned resource_type_count(
    void); /* concrete ones only: 146 in R4 4.0.1 (with Parameters, Binary, Bundle) */
const struct type *type_at(unsigned number);

/* By name, or NULL. */
const struct type *type_find(struct text name);

/* A concrete resource type by name, or NULL. */
const struct type *resource_type_find(struct text name);

/* Whether `type` is `ancestor` or specialises it (Age is Quantity is Element). */
bool type_is(const struct type *type, const struct type *ancestor);

/* The element of `type` with this JSON name, or NULL. `hint`, when not NULL,
 * is where the search begins (documents mostly keep the order of the
 * definition) and receives the position behind the one found. */
const struct element *type_element(const struct type *type, struct text name, unsigned *hint);

/* The number of a FHIRPath element name, for comparison with
 * element.name_id; 0 when no R4 element is called so. */
uint16_t name_find(struct text name);
