/*
 * Load report - see load_report.h.
 */

#include "server/load_report.h"

#include "base/arena.h"
#include "base/clock.h"
#include "fhir/type.h"

#include <sys/stat.h>
#include <unistd.h>

#define BAR_WIDTH 30

struct load_report {
    unsigned *counts; /* per type number; the last: of unknown type */
    uint64_t resources, failures, skipped;
    uint64_t bytes, bytes_done; /* of the files, as stored */
    int64_t started, printed;
    bool terminal;
};

static void clear_bar(const struct load_report *report);

struct load_report *load_report_new(const char *const *files)
{
    struct load_report *report = calloc(1, sizeof(*report));
    struct stat info;

    if (report)
        report->counts = calloc(type_count() + 1, sizeof(unsigned));
    if (!report || !report->counts)
        abort();
    for (; *files; files++)
        if (stat(*files, &info) == 0)
            report->bytes += (uint64_t)info.st_size;
    report->started = clock_monotonic();
    report->terminal = isatty(STDERR_FILENO);
    return report;
}

static unsigned type_slot(const char *type)
{
    const struct type *found = type ? type_find(text_of(type)) : NULL;

    return found ? found->number : type_count();
}

void load_report_done(struct load_report *report, const struct load_unit *unit, size_t from,
                      size_t to)
{
    for (size_t i = from; i < to; i++)
        report->counts[type_slot(unit->entries[i].type)]++;
    report->resources += to - from;
}

void load_report_skipped(struct load_report *report, const struct load_unit *unit)
{
    report->skipped += unit->count;
    load_report_progress(report, unit);
}

void load_report_failure(struct load_report *report, const struct load_unit *unit, size_t index,
                         const char *why)
{
    report->failures++;
    clear_bar(report);
    if (!unit)
        fprintf(stderr, "isthmus load: %s\n", why);
    else if (unit->bundle.data || unit->problem)
        fprintf(stderr, "isthmus load: %s: %s\n", unit->file, why);
    else
        fprintf(stderr, "isthmus load: %s, resource %zu: %s\n", unit->file,
                (size_t)(unit->number - 1) * LOAD_LINES + index + 1, why);
}

static void clear_bar(const struct load_report *report)
{
    if (report->terminal)
        fprintf(stderr, "\r\033[K");
}

void load_report_progress(struct load_report *report, const struct load_unit *unit)
{
    int64_t now = clock_monotonic();

    if (unit->position > report->bytes_done)
        report->bytes_done = unit->position; /* units end in any order */
    if (!report->terminal || now - report->printed < 100000)
        return;
    report->printed = now;
    double seconds = (double)(now - report->started) / 1e6;
    double share = report->bytes ? (double)report->bytes_done / (double)report->bytes : 1;
    int filled = share >= 1 ? BAR_WIDTH : (int)(share * BAR_WIDTH);
    fprintf(stderr, "\r\033[K[%.*s%*s] %3d%%  %llu resources, %.0f/s", filled,
            "##############################", BAR_WIDTH - filled, "", (int)(share * 100),
            (unsigned long long)report->resources,
            seconds > 0 ? (double)report->resources / seconds : 0);
}

bool load_report_finish(struct load_report *report)
{
    double seconds = (double)(clock_monotonic() - report->started) / 1e6;
    bool good = report->failures == 0;

    clear_bar(report);
    printf("loaded %llu resources in %.1f s", (unsigned long long)report->resources, seconds);
    if (report->skipped)
        printf(", skipped %llu that were loaded before", (unsigned long long)report->skipped);
    if (!good)
        printf(", %llu failures", (unsigned long long)report->failures);
    printf("\ncounts:");
    for (unsigned i = 0; i <= type_count(); i++)
        if (report->counts[i])
            printf(" %s=%u", i < type_count() ? type_at(i)->name : "unknown", report->counts[i]);
    printf("\n");
    free(report->counts);
    free(report);
    return good;
}
