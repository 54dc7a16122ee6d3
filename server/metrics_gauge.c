/*
 * Metrics, the gauges: numbers that somebody else keeps, asked for when they
 * are wanted. See metrics.h.
 */

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "server/metrics.h"

#include <assert.h>
#include <dirent.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#define MOST_GAUGES 256

struct gauge {
    const char *name, *help, *label;
    double (*read)(void *context);
    void *context;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* for what follows */
static struct gauge gauges[MOST_GAUGES];
static size_t gauge_count;

static int64_t process_start;
static const char *process_version;

static double read_sum(size_t first);
static bool is_same(const struct gauge *a, const struct gauge *b);
static void write_head(struct buf *out, const char *name, const char *help, const char *type);
static void write_process(struct buf *out);
static double resident_bytes(void);
static double open_files(void);
static double processor_seconds(void);

void metrics_gauge(const char *name, const char *help, const char *label,
                   double (*read)(void *context), void *context)
{
    pthread_mutex_lock(&mutex);
    assert(gauge_count < MOST_GAUGES);
    gauges[gauge_count++] = (struct gauge){name, help, label, read, context};
    pthread_mutex_unlock(&mutex);
}

void metrics_remove_gauges(const void *context)
{
    size_t kept = 0;

    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < gauge_count; i++)
        if (gauges[i].context != context)
            gauges[kept++] = gauges[i];
    gauge_count = kept;
    pthread_mutex_unlock(&mutex);
}

void metrics_gauge_process(const char *version)
{
    pthread_mutex_lock(&mutex);
    process_start = clock_now();
    process_version = version;
    pthread_mutex_unlock(&mutex);
}

/* All lines of one name have to stand together, below its HELP and TYPE. */
void metrics_write_gauges(struct buf *out)
{
    bool written[MOST_GAUGES] = {0};

    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < gauge_count; i++) {
        if (written[i])
            continue;
        write_head(out, gauges[i].name, gauges[i].help, "gauge");
        for (size_t k = i; k < gauge_count; k++) {
            if (written[k] || strcmp(gauges[k].name, gauges[i].name) != 0)
                continue;
            const char *label = gauges[k].label;
            buf_printf(out, "%s%s%s%s %.15g\n", gauges[k].name, label ? "{" : "",
                       label ? label : "", label ? "}" : "", read_sum(k));
            for (size_t m = k; m < gauge_count; m++)
                written[m] = written[m] || is_same(&gauges[m], &gauges[k]);
        }
    }
    if (process_version)
        write_process(out);
    pthread_mutex_unlock(&mutex);
}

static double read_sum(size_t first)
{
    double sum = 0;

    for (size_t i = first; i < gauge_count; i++)
        if (is_same(&gauges[i], &gauges[first]))
            sum += gauges[i].read(gauges[i].context);
    return sum;
}

static bool is_same(const struct gauge *a, const struct gauge *b)
{
    return strcmp(a->name, b->name) == 0 &&
           strcmp(a->label ? a->label : "", b->label ? b->label : "") == 0;
}

static void write_head(struct buf *out, const char *name, const char *help, const char *type)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* The names that Prometheus gives these for every program. */
static void write_process(struct buf *out)
{
    write_head(out, "process_start_time_seconds", "When the process started.", "gauge");
    buf_printf(out, "process_start_time_seconds %.3f\n", (double)process_start / 1e6);
    write_head(out, "process_resident_memory_bytes", "Memory in use.", "gauge");
    buf_printf(out, "process_resident_memory_bytes %.0f\n", resident_bytes());
    write_head(out, "process_open_fds", "Open files and sockets.", "gauge");
    buf_printf(out, "process_open_fds %.0f\n", open_files());
    write_head(out, "process_cpu_seconds_total", "Processor time used.", "counter");
    buf_printf(out, "process_cpu_seconds_total %.3f\n", processor_seconds());
    write_head(out, "isthmus_build_info", "The version that runs.", "gauge");
    buf_printf(out, "isthmus_build_info{version=\"%s\"} 1\n", process_version);
}

static double resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long pages = 0;

    if (!file)
        return 0;
    if (fscanf(file, "%*u %lu", &pages) != 1)
        pages = 0;
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double open_files(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;

    if (!folder)
        return 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count - 3; /* ".", ".." and the folder itself */
}

static double processor_seconds(void)
{
    struct rusage usage = {0};

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}
