#pragma once

/*
 * Async - batch and transaction that go on behind the answer (R4 async.html):
 * Prefer: respond-async is answered with 202 and a URL, at which the client asks for
 * what came of it.
 */

#include "server/request.h"

struct job;

#define ASYNC_KIND "request" /* of the jobs that are kept requests */

/* Whether the request is to be kept, and answered later. */
bool async_is_wanted(const struct request *req);

/* Waits. Keeps it; 202. */
bool async_accept(struct request *req, struct err *err);

/* 202 for a job, and where its client asks for what came of it. */
void async_promise(struct request *req, const char *job_name);

interaction_fn async_status; /* GET _async/{id} */
interaction_fn async_forget; /* DELETE _async/{id} */

/* Waits. Runs a kept request; see job_fn. */
bool async_run(const struct service *service, const struct job *job, struct arena *arena,
               struct text *result);

/* A refusal as the result of one. */
struct text async_refusal(struct arena *arena, const struct err *err);

/* A header of a kept request, absent if there is none. */
struct text async_header(struct text kept, const char *name);
