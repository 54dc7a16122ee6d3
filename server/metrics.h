#pragma once

/*
 * Metrics - counters, histograms and gauges, for Prometheus.
 *
 * The table in metrics.c names them all. Threads share nothing when they
 * count: each has a block of its own, made by its first count, which
 * metrics_write() adds up. Labels are short words of ours ("read", "GET"):
 * never ids, search values or anything else that came from a client.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

enum metric {
    METRIC_REQUESTS,        /* isthmus_http_requests_total{method,interaction,status} */
    METRIC_REQUEST_SECONDS, /* isthmus_http_request_seconds{interaction}, a histogram */
    METRIC_REQUEST_BYTES,   /* isthmus_http_request_bytes_total{interaction}: bodies received */
    METRIC_ANSWER_BYTES,    /* isthmus_http_answer_bytes_total{interaction}: bodies sent */
    METRIC_INVALID,  /* isthmus_http_invalid_total{interaction}: refused for what they hold */
    METRIC_REFUSALS, /* isthmus_http_refusals_total{status}: refused before any interaction */
    METRIC_COUNT,
};

/* Adds `amount` to a counter. One value per label of the metric, in the order
 * of its name above; each must be a string that is never freed. */
void metrics_count(enum metric metric, uint64_t amount, const char *first, const char *second,
                   const char *third);

/* A status code as a label: "404". */
const char *metrics_status(int status);

/* Adds a duration to a histogram. */
void metrics_observe(enum metric metric, int64_t microseconds, const char *label);

/* Registers a gauge: `read(context)` is called by metrics_write(), in whatever
 * thread that runs. Several registrations of one name and label are added up
 * (one per thread). `label` is like `thread="1"` or NULL. Names, help and
 * labels are borrowed for ever. */
void metrics_gauge(const char *name, const char *help, const char *label,
                   double (*read)(void *context), void *context);

/* Removes every gauge with this context, which is about to end. */
void metrics_remove_gauges(const void *context);

/* Registers what the process knows about itself: start time, resident memory,
 * processor seconds, open files, and build information. */
void metrics_gauge_process(const char *version);

/* The gauges alone; metrics_write() includes them. */
void metrics_write_gauges(struct buf *out);

/* Everything, in the text format of Prometheus 0.0.4. From any thread. */
void metrics_write(struct buf *out);
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
