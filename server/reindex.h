#pragma once

/*
 * Reindex - POST [base]/$reindex and [base]/[type]/$reindex: a job that makes
 * anew what resources can be found by (storage/reindex.h). Its status is asked for like that of
 * an asynchronous request (async.h).
 */

#include "server/request.h"

struct arena;
struct config;
struct job;

#define REINDEX_KIND "reindex"

interaction_fn reindex; /* POST $reindex, POST {type}/$reindex */

/* Waits. When resources were stored by a program that extracts less, a job that makes good for it,
 * unless one waits or runs; to be called from time to time. */
void reindex_catch_up(const struct service *service);

/* At start: tells the log of it, and what to do. */
void reindex_warn(const struct config *config);

/* Waits. See job_fn. */
bool reindex_run(const struct service *service, const struct job *job, struct arena *arena,
                 struct text *result);
