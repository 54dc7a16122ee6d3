#pragma once

/*
 * Apply - turns what came from a partner into resources of ours, as the converter of
 * landing_apply() (storage/landing.h): parses, checks, gives ids of ours, rewrites references.
 *
 *   relative `Type/id`, and absolute below the partner's base or one of its aliases, with or
 *   without `/_history/n`               -> `Type/<id of ours>`; the version, which is the
 *                                          partner's, is dropped
 *   absolute below our own base         -> `Type/id`, as it is here
 *   fragments, urn:, logical, others    -> untouched
 *
 * meta.source becomes the resource's address at the partner when it has none; meta.versionId and
 * meta.lastUpdated become ours. Nothing of what is clinical is ever changed.
 *
 * Classes of what is refused: parse, utf8, too_large, not_fhir, wrong_type, no_id, subsetted,
 * structural. (storage adds identity_conflict and storage.)
 */

#include "base/err.h"
#include "base/text.h"
#include "fhir/validate.h"
#include "storage/landing.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct attachments;
struct node;

struct apply_partner {
    int32_t number;
    struct text base;           /* without a slash at the end */
    const struct text *aliases; /* other addresses of the same server */
    size_t alias_count;
};

struct apply_config {
    struct apply_partner partner;
    const struct apply_partner *others; /* whose records it passes on */
    size_t other_count;
    const struct text *own_bases; /* addresses of ours, as resources name them */
    size_t own_base_count;
    struct text own_system; /* "urn:isthmus:<instance>": of identifiers that say what a resource
                               is a copy of; absent: none */

    enum validation_level level;
    const struct definitions *definitions; /* FULL */

    /* Hash of what a resource says, for echoes; NULL: not asked for (landing_push.content). */
    uint64_t (*content)(const struct node *resource, const struct store *store);

    /* How far ahead of our clock a time of the partner may be that is no mistake, microseconds; 0:
     * a day, of one whose clock is not known. */
    int64_t ahead;

    struct attachments *attachments; /* gets what documents say of theirs; NULL: not asked for */
};

/* Waits. Applies what waits of the partner. `apply` may be zero but for access, most, stop and
 * context of stop; the rest is filled in. */
bool apply_landed(struct store *store, const struct apply_config *config,
                  struct landing_apply *apply, struct landing_result *result, struct err *err);

/* Waits. The same for dead letters (landing_dead_replay()). */
bool apply_dead(struct store *store, const struct apply_config *config, struct landing_apply *apply,
                const struct landing_dead_filter *filter, bool dry_run,
                void (*took)(void *context, const struct landing_replayed *replayed),
                void *took_context, struct landing_result *result, struct err *err);
