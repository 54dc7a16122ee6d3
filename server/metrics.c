/*
 * Metrics - see metrics.h.
 *
 * A thread's block is an open-addressed table of series. Only its thread
 * writes it; a series becomes visible to others when its `used` is set, and its
 * numbers are relaxed atomics, so that counting costs no more than without.
 */

#include "server/metrics.h"

#include "base/buf.h"
#include "base/count.h"
#include "base/err.h"

#include <pthread.h>
#include <stdatomic.h>

#define MOST_LABELS  3
#define SERIES_ROOM  2048 /* a power of two */
#define MOST_SERIES  (SERIES_ROOM / 2)
#define BUCKET_COUNT 16

static const struct metric_row {
    const char *name;
    const char *help;
    bool histogram;
    const char *labels[MOST_LABELS];
} rows[METRIC_COUNT] = {
    [METRIC_REQUESTS] = {"isthmus_http_requests_total",
                         "Requests answered.",
                         false,
                         {"method", "interaction", "status"}},
    [METRIC_REQUEST_SECONDS] = {"isthmus_http_request_seconds",
                                "From the arrival of a request to its answer.",
                                true,
                                {"interaction"}},
    [METRIC_REQUEST_BYTES] = {"isthmus_http_request_bytes_total",
                              "Bodies received, unpacked.",
                              false,
                              {"interaction"}},
    [METRIC_ANSWER_BYTES] = {"isthmus_http_answer_bytes_total",
                             "Bodies sent, before packing.",
                             false,
                             {"interaction"}},
    [METRIC_INVALID] = {"isthmus_http_invalid_total",
                        "Requests refused because validation of the resource found errors.",
                        false,
                        {"interaction"}},
    [METRIC_REFUSALS] = {"isthmus_http_refusals_total",
                         "Requests refused before any interaction was found for them.",
                         false,
                         {"status"}},
};

/* Upper bounds in microseconds; above the last there is one more bucket. */
static const struct {
    int64_t bound;
    const char *text;
} buckets[BUCKET_COUNT - 1] = {
    {250, "0.00025"}, {500, "0.0005"},  {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},
    {10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},  {100000, "0.1"},  {250000, "0.25"},
    {500000, "0.5"},  {1000000, "1"},   {2500000, "2.5"}, {5000000, "5"},   {10000000, "10"},
};

struct series {
    atomic_bool used;
    enum metric metric;
    const char *labels[MOST_LABELS];
    _Atomic uint64_t value;   /* a counter's, or the sum of a histogram in microseconds */
    _Atomic uint64_t *counts; /* a histogram's buckets */
};

struct block {
    struct block *next;
    unsigned count;
    struct series series[SERIES_ROOM];
};

/* What metrics_write() adds up. */
struct total {
    enum metric metric;
    const char *const *labels;
    uint64_t value;
    uint64_t counts[BUCKET_COUNT];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* for the list, not for what is in it */
static struct block *blocks;

static __thread struct block *own;

static struct series *find_series(enum metric metric, const char *const labels[MOST_LABELS]);
static struct series *new_series(struct series *series, enum metric metric,
                                 const char *const labels[MOST_LABELS]);
static struct block *new_block(void);
static size_t add_up(struct total *totals, size_t room);
static void add_series(struct total *totals, size_t *count, size_t room,
                       const struct series *series);
static int compare_totals(const void *a, const void *b);
static void write_total(struct buf *out, const struct total *total);
static void write_histogram(struct buf *out, const struct total *total);
static void write_labels(struct buf *out, const struct total *total, const char *bound);

static void increase(_Atomic uint64_t *number, uint64_t amount)
{
    uint64_t before = atomic_load_explicit(number, memory_order_relaxed);

    atomic_store_explicit(number, before + amount, memory_order_relaxed);
}

void metrics_count(enum metric metric, uint64_t amount, const char *first, const char *second,
                   const char *third)
{
    struct series *series = find_series(metric, (const char *const[]){first, second, third});

    if (series)
        increase(&series->value, amount);
}

void metrics_observe(enum metric metric, int64_t microseconds, const char *label)
{
    struct series *series = find_series(metric, (const char *const[]){label, NULL, NULL});
    size_t bucket = 0;

    if (!series)
        return;
    if (microseconds < 0)
        microseconds = 0;
    while (bucket < COUNT(buckets) && microseconds > buckets[bucket].bound)
        bucket++;
    increase(&series->counts[bucket], 1);
    increase(&series->value, (uint64_t)microseconds);
}

static char status_texts[500][4];

static void fill_status_texts(void)
{
    for (size_t i = 0; i < COUNT(status_texts); i++)
        snprintf(status_texts[i], sizeof(status_texts[i]), "%03u", (unsigned)(100 + i) % 1000);
}

const char *metrics_status(int status)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, fill_status_texts);
    return status >= 100 && status <= 599 ? status_texts[status - 100] : "000";
}

/* Labels are compared by address: equal words at two addresses make two
 * series, which metrics_write() joins. */
static struct series *find_series(enum metric metric, const char *const labels[MOST_LABELS])
{
    uint64_t hash = (uint64_t)metric;
    size_t place;

    if (!own)
        own = new_block();
    for (size_t i = 0; i < MOST_LABELS; i++)
        hash = (hash ^ (uintptr_t)labels[i]) * UINT64_C(0x9E3779B97F4A7C15);
    for (place = hash >> 53; own->series[place].used; place = (place + 1) % SERIES_ROOM) {
        struct series *series = &own->series[place];
        if (series->metric == metric && series->labels[0] == labels[0] &&
            series->labels[1] == labels[1] && series->labels[2] == labels[2])
            return series;
    }
    return new_series(&own->series[place], metric, labels);
}

/* NULL when there are too many: somebody uses a label that is none. */
static struct series *new_series(struct series *series, enum metric metric,
                                 const char *const labels[MOST_LABELS])
{
    if (own->count >= MOST_SERIES)
        return NULL;
    own->count++;
    series->metric = metric;
    memcpy(series->labels, labels, sizeof(series->labels));
    if (rows[metric].histogram) {
        series->counts = calloc(BUCKET_COUNT, sizeof(*series->counts));
        if (!series->counts)
            abort();
    }
    atomic_store_explicit(&series->used, true, memory_order_release);
    return series;
}

/* Blocks outlive their threads, so that counters never fall. */
static struct block *new_block(void)
{
    struct block *block = calloc(1, sizeof(*block));

    if (!block)
        abort();
    pthread_mutex_lock(&mutex);
    block->next = blocks;
    blocks = block;
    pthread_mutex_unlock(&mutex);
    return block;
}

void metrics_write(struct buf *out)
{
    struct total *totals = calloc(MOST_SERIES, sizeof(*totals));
    size_t count, at = 0;

    if (!totals)
        abort();
    pthread_mutex_lock(&mutex);
    count = add_up(totals, MOST_SERIES);
    qsort(totals, count, sizeof(*totals), compare_totals);
    for (size_t metric = 0; metric < METRIC_COUNT; metric++) {
        const struct metric_row *row = &rows[metric];
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
                   row->histogram ? "histogram" : "counter");
        for (; at < count && totals[at].metric == metric; at++)
            write_total(out, &totals[at]);
    }
    pthread_mutex_unlock(&mutex);
    free(totals);
    metrics_write_gauges(out);
}

static size_t add_up(struct total *totals, size_t room)
{
    size_t count = 0;

    for (const struct block *block = blocks; block; block = block->next)
        for (size_t i = 0; i < SERIES_ROOM; i++)
            if (atomic_load_explicit(&block->series[i].used, memory_order_acquire))
                add_series(totals, &count, room, &block->series[i]);
    return count;
}

static int compare_labels(const char *const *a, const char *const *b)
{
    for (size_t i = 0; i < MOST_LABELS; i++) {
        int difference = strcmp(a[i] ? a[i] : "", b[i] ? b[i] : "");
        if (difference != 0)
            return difference;
    }
    return 0;
}

static void add_series(struct total *totals, size_t *count, size_t room,
                       const struct series *series)
{
    size_t i = 0;

    while (i < *count && (totals[i].metric != series->metric ||
                          compare_labels(totals[i].labels, series->labels) != 0))
        i++;
    if (i == room)
        return;
    if (i == *count)
        totals[(*count)++] = (struct total){.metric = series->metric, .labels = series->labels};
    totals[i].value += atomic_load_explicit(&series->value, memory_order_relaxed);
    for (size_t b = 0; series->counts && b < BUCKET_COUNT; b++)
        totals[i].counts[b] += atomic_load_explicit(&series->counts[b], memory_order_relaxed);
}

static int compare_totals(const void *a, const void *b)
{
    const struct total *one = a, *other = b;

    if (one->metric != other->metric)
        return one->metric < other->metric ? -1 : 1;
    return compare_labels(one->labels, other->labels);
}

static void write_total(struct buf *out, const struct total *total)
{
    if (rows[total->metric].histogram) {
        write_histogram(out, total);
        return;
    }
    buf_add_text(out, rows[total->metric].name);
    write_labels(out, total, NULL);
    buf_printf(out, " %llu\n", (unsigned long long)total->value);
}

static void write_histogram(struct buf *out, const struct total *total)
{
    const char *name = rows[total->metric].name;
    unsigned long long so_far = 0;

    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        so_far += total->counts[i];
        buf_printf(out, "%s_bucket", name);
        write_labels(out, total, i < COUNT(buckets) ? buckets[i].text : "+Inf");
        buf_printf(out, " %llu\n", so_far);
    }
    buf_printf(out, "%s_sum", name);
    write_labels(out, total, NULL);
    buf_printf(out, " %llu.%06llu\n", (unsigned long long)total->value / 1000000,
               (unsigned long long)total->value % 1000000);
    buf_printf(out, "%s_count", name);
    write_labels(out, total, NULL);
    buf_printf(out, " %llu\n", so_far);
}

static void write_labels(struct buf *out, const struct total *total, const char *bound)
{
    char separator = '{';

    for (size_t i = 0; i < MOST_LABELS && rows[total->metric].labels[i]; i++) {
        buf_printf(out, "%c%s=\"%s\"", separator, rows[total->metric].labels[i],
                   total->labels[i] ? total->labels[i] : "");
        separator = ',';
    }
    if (bound) {
        buf_printf(out, "%cle=\"%s\"", separator, bound);
        separator = ',';
    }
    if (separator == ',')
        buf_add_char(out, '}');
}
