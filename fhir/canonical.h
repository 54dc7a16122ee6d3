#pragma once

/*
 * Canonicals - "url|version" (R4 references.html#canonical), and which
 * version is the higher one.
 */

#include "base/text.h"

struct canonical {
    struct text url;
    struct text version; /* absent when none is asked for */
};

/* A fragment ("#id") is dropped. */
struct canonical canonical_split(struct text canonical);

/* Below, at or above zero. Parts between dots compare as numbers where both
 * are, else as text; "1.0.0-ballot" is before "1.0.0"; absent is lowest. */
int canonical_compare_versions(struct text a, struct text b);

/* Whether a definition of this version is meant by `wanted`, which may be
 * absent (any) or have fewer parts: "4.0" means 4.0.1 too. */
bool canonical_version_fits(struct text wanted, struct text version);
