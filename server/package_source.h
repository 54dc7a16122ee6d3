#pragma once

/*
 * Package source - a FHIR package as a file (NPM: a compressed tar with a
 * folder `package`) or as a folder, read into memory: what it calls itself,
 * and the definitions that are of use here (StructureDefinition, ValueSet,
 * CodeSystem, SearchParameter). Examples and all else stay out.
 */

#include "fhir/issue.h"
#include "storage/packages.h"

struct node;

struct package_source {
    struct package about;
    const char *label;                      /* "name#version" */
    struct package_definition *definitions; /* in the order of their file names */
    const struct node **resources;          /* the same, as trees */
    size_t count;
    unsigned others;        /* resources of other types: not used */
    struct issues problems; /* files that could not be read; texts begin with the file's name */
};

/* Name, version and dependencies come from package.json or else from the
 * ImplementationGuide; ERR_INVALID when neither is there. Everything lives in `arena`. */
bool package_source_read(const char *path, struct arena *arena, struct package_source *source,
                         struct err *err);
