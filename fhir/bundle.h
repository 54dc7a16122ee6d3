#pragma once

/*
 * Bundle - reading the entries of a transaction, batch or collection, and
 * rewriting the links between them (R4 http.html#trules, bundle.html).
 */

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct issues;
struct node;

struct bundle_entry {
    struct text full_url;  /* absent if none */
    struct node *resource; /* NULL if none */
    struct text method;    /* "POST", ...; absent when the entry has no request */
    struct text url;
    struct text if_none_match, if_modified_since, if_match, if_none_exist; /* absent if none */
    struct node *node; /* Bundle.entry itself, for its FHIRPath */
};

struct bundle {
    struct text type; /* "transaction", ... */
    struct bundle_entry *entries;
    size_t count;
};

/* Fails with ERR_INVALID when `resource` is no Bundle. */
bool bundle_read(struct arena *arena, const struct node *resource, struct bundle *bundle,
                 struct err *err);

/* What a link in a document becomes; absent: it stays. */
typedef struct text (*bundle_link_fn)(struct text link, void *context);

/*
 * Offers every link of the resource to `replace` and stores the answers:
 * Reference.reference; uri, url, oid and uuid elements; a@href and img@src in
 * the narrative. Not canonical elements. A fragment or version behind a link
 * (`#x`, `/_history/1`) is kept behind the replacement. R4 http.html#trules.
 */
void bundle_rewrite_links(struct arena *arena, struct node *resource, bundle_link_fn replace,
                          void *context);

/*
 * For a resource from another server, whose links are to become links of this one: offers
 * Reference.reference, url elements (Attachment.url, ...) and links in the narrative, whole,
 * with fragment and version; the answer takes their place. Not uri elements: they name systems
 * and extensions, and those stay the same things.
 */
void bundle_replace_links(struct arena *arena, struct node *resource, bundle_link_fn replace,
                          void *context);

/* Whether a reference is a search ("Patient?identifier=..."), which only
 * transactions resolve (R4 http.html#trules). */
bool bundle_link_is_search(struct text link);

/* Calls `found` for every Reference.reference in the resource. */
void bundle_each_reference(struct node *resource,
                           void (*found)(struct node *reference, void *context), void *context);
