#pragma once

/*
 * Errors - why an operation was refused or failed.
 *
 * A function that can fail returns bool (true is success) and takes a
 * `struct err *` as its last parameter, which it fills only on failure.
 * Answers the caller expects, such as "no such resource", are not errors:
 * they belong in the result type. Several findings about one document are a
 * list of issues (fhir/issue.h), not an error.
 *
 * The kind decides HTTP status and OperationOutcome code, in one table in
 * server/outcome.c.
 */

#include "base/banned.h"

#include <stdbool.h>

enum err_kind {
    ERR_NONE = 0,
    ERR_INVALID,        /* 400 the client sent something we cannot accept */
    ERR_UNAUTHORIZED,   /* 401 we do not know who is asking */
    ERR_FORBIDDEN,      /* 403 we know, and they may not */
    ERR_NOT_FOUND,      /* 404 there is no such thing, and there never was */
    ERR_METHOD,         /* 405 not with this method */
    ERR_NOT_ACCEPTABLE, /* 406 we cannot answer in that format */
    ERR_CONFLICT,       /* 409 somebody else changed it first */
    ERR_GONE,           /* 410 deleted */
    ERR_PRECONDITION,   /* 412 If-Match, or a condition met by several */
    ERR_TOO_LARGE,      /* 413 beyond a configured limit */
    ERR_MEDIA_TYPE,     /* 415 we cannot read that format */
    ERR_UNPROCESSABLE,  /* 422 understood, but against a rule of the standard */
    ERR_THROTTLED,      /* 429 this client asks too much */
    ERR_INTERNAL,       /* 500 our fault; details are for the log, not the client */
    ERR_NOT_SUPPORTED,  /* 501 a part of the standard that we do not offer */
    ERR_BUSY,           /* 503 try again later: a limit of ours was reached, or no database */
    ERR_TIMEOUT,        /* 503 the deadline passed */
    ERR_UNKNOWN,        /* 503 a write whose outcome could not be found out: ask before resending */
};

struct err {
    enum err_kind kind;
    char where[128]; /* FHIRPath of the offending element, or the parameter's name, or "" */
    char text[400];  /* one or two sentences: what is wrong and what to do; no PHI, no newline */
};

/* Fills `err` and returns false, so that callers can write
 * `return err_set(...)`. The first error set wins: later calls on the same
 * `err` are ignored, because the first one is the cause. `where` may be NULL. */
bool err_set(struct err *err, enum err_kind kind, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
