#pragma once

/*
 * Store - FHIR resources in PostgreSQL. The only header of storage/ that
 * other folders include (but packages.h, for what is installed, and cluster.h
 * and restored.h, for the commands that run and restore a database); no
 * PostgreSQL type appears in it.
 *
 * Rules that hold for every operation below:
 *  - It waits (see base/fiber.h), for at most the timeout configured for its kind.
 *  - On failure it returns false, `err` is set, and the result means nothing.
 *  - Results live in the arena that was handed in.
 *  - `access` says whose eyes are looking. It becomes part of every SQL row
 *    source of the operation: matches, includes, chains, counts.
 *  - A write that returned true is durable; one that failed with anything but
 *    ERR_UNKNOWN left nothing behind.
 */

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct buf;
struct loop;
struct node;
struct query;
struct store;

struct store_config {
    const char *database;     /* libpq connection string or URL */
    int statement_timeout_ms; /* for reads and writes */
    int search_timeout_ms;    /* for searches and history */
    int transaction_timeout_ms;
    unsigned transaction_lanes; /* connections a thread for interactive transactions */
    unsigned include_max;       /* included resources on a page; 0: 10,000 */
    const char *reference_base; /* references to resources below this URL, or relative, must be to
                                   some that exist; NULL: not checked */
    bool result_status_rules;   /* a result never goes back to a draft (storage/result_status.h) */
    bool
        unsafe_durability; /* go on although fsync, full_page_writes or synchronous_commit is off */
};

/* Waits. Connects, applies missing migrations (under a lock; other processes
 * and threads may do the same at once), loads hash key and dictionaries, and
 * checks that the database is durable. One store per thread, on its loop. */
struct store *store_open(struct loop *loop, const struct store_config *config, struct err *err);

/* Waits until what is under way has ended, then closes. NULL is a no-op. */
void store_close(struct store *store);

/* Waits. Whether the database answers now. */
bool store_ping(struct store *store, struct err *err);

/* A job (storage/jobs.h) whose writes must happen once, however often it is begun. */
struct store_once {
    int64_t job;
    int64_t runner; /* who has it; when somebody else does by now, nothing is written */
    bool *busy;     /* for the runner: set when a part of it could not be done now; may be NULL */
};

/*
 * Who is looking, and what goes with his writes in their transaction. With `provenance` or
 * `once` store_write() is a transaction of its own, and whatever else writes has to be one.
 */
struct access {
    int32_t tenant;     /* folded into every hash; resources of other tenants do not exist */
    const char *client; /* for the log */

    const struct node *provenance; /* a Provenance, stored with what is written as its targets;
                                      NULL: none */
    const struct store_once *once; /* NULL: the writes belong to no job */
    int32_t step;                  /* of the job: one transaction each */
};

enum store_method { STORE_POST, STORE_PUT, STORE_DELETE };

struct store_version {
    const char *type;
    const char *id;
    int64_t number;           /* meta.versionId */
    int64_t last_updated;     /* microseconds since 1970, UTC; whole milliseconds */
    enum store_method method; /* how this version came about */
    const char *json;         /* the stored bytes, ready to send; NULL for a deletion */
    size_t json_size;
};

/* The current version of type/id. `*found` is NULL if there never was one; a
 * deleted resource is found, with `json` NULL. */
bool store_read(struct store *store, const struct access *access, const char *type, const char *id,
                struct arena *arena, const struct store_version **found, struct err *err);

/* One version, which may be a deletion; `*found` NULL if there is none such. */
bool store_vread(struct store *store, const struct access *access, const char *type, const char *id,
                 int64_t number, struct arena *arena, const struct store_version **found,
                 struct err *err);

enum store_action {
    STORE_CREATE,
    STORE_UPDATE,
    STORE_REMOVE,
    STORE_AMEND, /* an update whose content is made from the current version */
};

enum store_outcome {
    STORE_CREATED, /* also an update of an id that did not exist, or was deleted */
    STORE_UPDATED,
    STORE_UNCHANGED, /* equal to what is stored: nothing was written; version is the stored one */
    STORE_REMOVED,
    STORE_NOTHING_TO_REMOVE, /* never existed or already deleted */
    STORE_EXISTS,            /* CREATE: the criteria found one, and version is that */

    /* Nothing was written, and a transaction fails: */
    STORE_VERSION_MISMATCH, /* if_match does not name the current version */
    STORE_MANY_MATCHES,     /* the criteria found several */
    STORE_OTHER_ID,         /* UPDATE: the criteria found one with another id than `id` */
    STORE_ID_TAKEN,         /* UPDATE: they found nothing, but there is a resource with this id */
    STORE_NOT_FOUND,        /* AMEND: there is nothing to amend */
};

/* For if_match, in place of a version. */
enum {
    STORE_ANY_VERSION = -1, /* there must be one (If-Match: *) */
    STORE_NO_VERSION = -2,  /* there must be none (If-None-Match: *) */
};

/* Makes the new content out of the stored bytes; `err` refuses. Called again when
 * somebody else was faster, with other bytes. Does not wait. */
typedef bool store_amend_fn(void *context, struct text json, struct arena *arena,
                            struct node **resource, struct err *err);

/* One write. The first part is what is wanted, the second what came of it. */
struct store_write {
    enum store_action action;
    const char *type;
    const char *id; /* not for CREATE: the store chooses a UUID; with criteria only for UPDATE,
                       where it may be NULL */
    struct node
        *resource;    /* CREATE, UPDATE: id, meta.versionId and meta.lastUpdated are set in it */
    int64_t if_match; /* version that must be current; 0: any or none */
    /* CREATE: only if nothing matches. Others: what matches is written, in place of `id`; when
     * nothing does, UPDATE creates. R4 http.html#ccreate, #cond-update. NULL: none. */
    const struct query *criteria;
    bool multiple;         /* REMOVE, in transactions: everything that matches */
    store_amend_fn *amend; /* AMEND */
    void *amend_context;
    bool no_content;      /* version.json of what is written is not wanted */
    struct text full_url; /* of its Bundle entry, absent outside of transactions */
    const char *where; /* FHIRPath of its Bundle entry, for errors; NULL outside of transactions */

    enum store_outcome outcome;
    struct store_version version; /* REMOVED: the deletion; json is filled for CREATED, UPDATED,
                                     UNCHANGED, EXISTS; the number is 0 when nothing was found */
};

/* One write in a commit that it may share with others of the same moment. */
bool store_write(struct store *store, const struct access *access, struct store_write *write,
                 struct arena *arena, struct err *err);

/* Waits. What came of a step of the job that `access` belongs to, when an earlier run of it did it:
 * fills the second part of the writes, as many as there were. `*recalled` false: it was not done.
 */
bool store_once_recall(struct store *store, const struct access *access, int32_t step,
                       struct store_write *writes, size_t count, struct arena *arena,
                       bool *recalled, struct err *err);

/* Sets `err` to what an outcome that wrote nothing means; `where` names who asked for it. */
bool store_refuse(const struct store_write *write, const char *where, struct err *err);

/* A reference by search ("Patient?identifier=..."), to be resolved inside the transaction. */
struct store_condition {
    struct text reference;     /* as written in the resources */
    const struct query *query; /* parsed */
    const char *where;         /* FHIRPath of its first use, for the error */
};

/*
 * All writes or none (R4 http.html#trules), in one database transaction:
 * resolves conditions, chooses ids, rewrites links between the entries
 * (fhir/bundle.h), writes. Identities that overlap are refused with
 * ERR_INVALID, also those that criteria find; outcomes that write nothing, and a condition
 * that does not match exactly one, fail the whole (mostly with ERR_PRECONDITION), `where`
 * naming "Bundle.entry[n]"; the outcome of that write says why. Several creates with the same
 * criteria make one resource. Deadlocks and serialization failures are retried.
 */
bool store_transaction(struct store *store, const struct access *access, struct store_write *writes,
                       size_t count, const struct store_condition *conditions,
                       size_t condition_count, struct arena *arena, struct err *err);

enum store_entry_mode { STORE_MATCH, STORE_INCLUDE };

struct store_entry {
    enum store_entry_mode mode;
    struct store_version version;
};

struct store_page {
    struct store_entry *entries;
    size_t count;
    const char *next; /* opaque cursor of the following page; NULL on the last */
    bool has_total;
    int64_t total; /* matches, includes not counted */
};

/*
 * One page of a search (fhir/query.h). The cursor inside the query is
 * checked: ERR_GONE when it was not made by this database for this query.
 * ERR_TIMEOUT names the parameter to narrow.
 */
bool store_search(struct store *store, const struct access *access, const struct query *query,
                  struct arena *arena, struct store_page *page, struct err *err);

/* The record of a patient or of an encounter (R4 patient-operation-everything.html). */
struct store_everything_query {
    const char *type; /* "Patient" or "Encounter" */
    const char *id;
    int64_t start, end;       /* only care within these dates, inclusive, or that has no date;
                                 INT64_MIN, INT64_MAX: no bound */
    int64_t since;            /* only what was written then or later, inclusive; INT64_MIN: all */
    const struct text *types; /* only resources of these types */
    size_t type_count;        /* 0: of all types */
    unsigned count;           /* page size, at least 1 */
    const char *cursor;       /* NULL: the first page */
};

/*
 * First the resource itself, then whatever belongs to its compartment, as matches; behind all of
 * that, each once and as includes, what these refer to and is in no patient's compartment
 * (Practitioner, Organization, Location, Medication, ...); of an encounter also what belongs to
 * its own patient. Dates and `since` are about matches other than the resource itself. The
 * page is empty when there is no such resource.
 */
bool store_everything(struct store *store, const struct access *access,
                      const struct store_everything_query *query, struct arena *arena,
                      struct store_page *page, struct err *err);

/*
 * The newest Observations of each code (R4 observation-operation-lastn.html): of those that
 * `query` finds, which must name one patient, the last `most` of each first coding, newest
 * first. Those without a coded code are not among them. More than `limit` in all is
 * ERR_UNPROCESSABLE.
 */
bool store_lastn(struct store *store, const struct access *access, const struct query *query,
                 unsigned most, unsigned limit, struct arena *arena, struct store_page *page,
                 struct err *err);

struct store_history_query {
    const char *type;   /* NULL: of the system */
    const char *id;     /* NULL: of the type */
    int64_t since;      /* inclusive, microseconds; INT64_MIN: from the beginning */
    unsigned count;     /* page size, at least 1 */
    const char *cursor; /* NULL: the first page */
};

/* R4 http.html#history, newest first, deletions included. For an instance
 * that never existed the page is empty. */
bool store_history(struct store *store, const struct access *access,
                   const struct store_history_query *query, struct arena *arena,
                   struct store_page *page, struct err *err);

/* A place in the change log. Zero is its beginning. */
struct store_feed_position {
    uint32_t epoch; /* rises when the database was restored */
    uint64_t transaction;
    int64_t sequence;
};

struct store_change {
    struct store_feed_position position;
    const char *type;
    const char *id;
    int64_t version;
    int64_t last_updated;
    enum store_method method;
};

/*
 * The changes behind `after`, oldest first, at most `limit`; only those that no
 * transaction still open can precede. A reader that goes on from the last
 * position it got sees every write once, and no version before its
 * predecessor. ERR_GONE when `after` belongs to another epoch.
 */
bool store_feed(struct store *store, const struct access *access,
                const struct store_feed_position *after, unsigned limit, struct arena *arena,
                struct store_change **changes, size_t *count, struct err *err);

/* Counters for /metrics, Prometheus text, without PHI. Does not wait. */
void store_write_metrics(const struct store *store, struct buf *out);
