#pragma once

/*
 * Reindex - POST [base]/$reindex and [base]/[type]/$reindex: a job that makes
 * anew what resources can be found by (storage/reindex.h). Its status is asked for like that of
 * an asynchronous request (async.h).
 */

#include "server/request.h"

struct arena;
struct job;

#define REINDEX_KIND "reindex"

interaction_fn reindex; /* POST $reindex, POST {type}/$reindex */

/* Waits. See job_fn. */
bool reindex_run(const struct service *service, const struct job *job, struct arena *arena,
                 struct text *result);
