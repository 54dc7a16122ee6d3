#pragma once

/*
 * Request - one interaction, from its method and path to its answer.
 *
 * A request comes from a socket, or from an entry of a batch or transaction:
 * interactions cannot tell. They read what is wanted, do it, and fill
 * `answer`; whoever made the request sends it or puts it into a Bundle.
 * Everything lives in the request's arena.
 */

#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "fhir/issue.h"
#include "fhir/projection.h"
#include "storage/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct http_request;
struct job_runner;
struct knowledge;
struct node;
struct policy;
struct request;
struct route;

/* What a server is made of; one per thread, the same for all its requests. */
struct service {
    const struct config *config;
    struct store *store;
    const char *base; /* public base URL, without a slash at the end */
    const struct policy *policy;
    const struct knowledge *knowledge; /* in force; changes when packages are installed */
    struct job_runner *jobs;           /* NULL: this process runs none */
    bool draining;
};

enum prefer_return { PREFER_REPRESENTATION, PREFER_MINIMAL, PREFER_OUTCOME, PREFER_NOTHING_SAID };

struct header {
    const char *name;
    const char *value;
};

#define ANSWER_HEADERS_MAX 20

struct answer {
    int status;
    const char *content_type; /* NULL without a body */
    struct text body;
    struct header headers[ANSWER_HEADERS_MAX];
    unsigned header_count;
    const struct store_version *version; /* for the response part of a Bundle entry; or NULL */
    bool (*stream)(struct request *req, struct err *err); /* sends the body in pieces; NULL: `body`
                                                             is all of it. Waits. */
    const void *stream_context;
    struct text outcome; /* an OperationOutcome about a success; or absent */
};

struct request {
    const struct service *service;
    const struct knowledge *knowledge; /* in force when it began; held to its end */
    struct http_request *http;         /* where headers come from; NULL for an entry of a Bundle */
    const struct bundle_entry *entry;  /* the entry; NULL for a request from a socket */
    struct text kept;                  /* the headers of one that was kept (server/async.h) */
    struct arena *arena;
    struct access access;
    struct issues issues; /* findings to report with the answer or the refusal */
    struct log log;
    const char *number; /* X-Request-Id */

    const char *method;
    struct text path;  /* below the base, without the slash in front: "Patient/1" */
    struct text query; /* raw, behind the `?` */
    struct text body;
    size_t body_size;      /* as it came: a large one may be gone before the answer */
    struct node *resource; /* the parsed body; filled by request_resource() */

    const struct route *route;
    const char *type; /* from the path, NULL where it has none */
    const char *id;
    struct text member; /* of a compartment: the type asked for, or `*`; absent elsewhere */
    int64_t version;

    enum prefer_return prefer_return;
    bool lenient;                 /* Prefer: handling=lenient */
    struct projection projection; /* what is wanted of the resources in the answer */
    bool pretty;
    bool xml; /* answer with XML; interactions write JSON all the same, see format_answer() */

    struct answer answer;
};

typedef bool interaction_fn(struct request *req, struct err *err);

/* A header of the request, absent if there is none. For entries of a Bundle:
 * the like-named element of Bundle.entry.request. */
struct text request_header(const struct request *req, const char *name);

/* Parses and validates the body, once; for entries of a Bundle that was done
 * before. False when it is no resource (err) or not valid
 * (ERR_UNPROCESSABLE, with the findings in req->issues). */
bool request_resource(struct request *req, struct err *err);

/* The steps of it. Parses the body, without any check beyond what reading takes. */
bool request_parse_resource(struct request *req, struct err *err);

/* For a batch, of which only the entries that are concerned fail: parses the body and gathers
 * findings, as the policy says; looks whether one is an error. */
bool request_read_resource(struct request *req, struct err *err);
bool request_check_findings(const struct request *req, struct err *err);

/* Waits. Routes, authorizes, runs, and turns a refusal into an
 * OperationOutcome: afterwards `answer` is complete whatever happened. */
void request_run(struct request *req);

/* One more header of the answer; name and value are borrowed until it is sent. */
void answer_header(struct request *req, const char *name, const char *value);

/* A resource node as the answer's body. */
void answer_resource(struct request *req, int status, const struct node *resource);

/* A stored version as body, with ETag and Last-Modified. */
void answer_version(struct request *req, int status, const struct store_version *version);

/* The answer to a write: ETag, Last-Modified, Location when created, and the
 * body that Prefer asks for. */
void answer_write(struct request *req, int status, const struct store_version *version);
