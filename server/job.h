#pragma once

/*
 * Job runner - the fibers of a thread that take jobs (storage/jobs.h) and do
 * them. What a job is, is a row of a table in job.c by its kind.
 */

#include "base/text.h"

#include <stdbool.h>

/* A job that was begun so often is not put back again: it may be the cause of what ends it. */
enum { JOB_TAKES_MAX = 5 };

struct arena;
struct job;
struct job_runner;
struct loop;
struct service;

/*
 * Waits. Does the job and gives what is kept as its result. It may have been
 * begun before, up to any point: see access.once. False: not now (the database
 * is away, a limit was reached); then it is put back and tried again.
 */
typedef bool job_fn(const struct service *service, const struct job *job, struct arena *arena,
                    struct text *result);

/* As many fibers as the configuration says; NULL when it says none. */
struct job_runner *job_runner_start(struct loop *loop, const struct service *service);

/* There is something to do. NULL is a no-op. */
void job_runner_kick(struct job_runner *runner);

/* Waits, at most `timeout_ms`, for the jobs under way; no others are begun. Frees, and is true,
 * when they ended in time. NULL is a no-op. */
bool job_runner_stop(struct job_runner *runner, int timeout_ms);
