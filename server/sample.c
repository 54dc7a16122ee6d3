/*
 * isthmus sample - makes sample patients.
 */

#include "server/sample_chart.h"

#include "base/arena.h"
#include "base/text.h"
#include "server/commands.h"

#include <unistd.h>

#define PATIENTS_MAX 100000000
#define BAR_WIDTH    40

struct options {
    int64_t patients, seed;
    const char *out;
    enum sample_format format;
    enum sample_style style;
    bool force, help;
};

static const char usage[] =
    "usage: isthmus sample --out DIR [--patients N] [--seed S]\n"
    "                      [--format bundles|ndjson] [--style put|post] [--force]\n"
    "\n"
    "Makes realistic patients that never lived, the same ones for the same seed.\n"
    "\n"
    "  --patients N   how many (default 100)\n"
    "  --seed S       which ones, 0 to 9223372036854775807 (default 1)\n"
    "  --out DIR      where to write; made if missing\n"
    "  --format       bundles: a transaction Bundle a patient, and 00-organizations.json with\n"
    "                 what they share, to be loaded first (default)\n"
    "                 ndjson: a file a type\n"
    "  --style        of Bundles. put: everything has its id, loading twice changes nothing\n"
    "                 (default). post: the server gives ids, references are urn:uuid and by\n"
    "                 identifier; loading twice doubles the patients\n"
    "  --force        replace the sample data in a folder that is not empty\n";

static bool parse(struct options *options, int argc, char **argv, struct err *err);
static bool parse_value(struct options *options, const char *name, const char *value,
                        struct err *err);
static bool choose(const char *name, const char *value, const char *first, const char *second,
                   bool *is_second, struct err *err);
static bool parse_number(const char *name, const char *value, int64_t min, int64_t max,
                         int64_t *number, struct err *err);
static bool run(const struct options *options, struct output *output, struct err *err);
static void show_progress(unsigned done, unsigned total);
static void print_counts(const struct output *output, int64_t patients);

int command_sample(int argc, char **argv)
{
    struct options options = {.patients = 100, .seed = 1};
    struct output output = {0};
    struct err err = {0}, close_err = {0};
    bool ok;

    if (!parse(&options, argc, argv, &err)) {
        fprintf(stderr, "isthmus sample: %s\n", err.text);
        return 2;
    }
    if (options.help) {
        fputs(usage, stdout);
        return 0;
    }
    output.format = options.format;
    output.style = options.style;
    ok = run(&options, &output, &err);
    if (!output_close(&output, &close_err) && ok) {
        err = close_err;
        ok = false;
    }
    if (!ok) {
        fprintf(stderr, "isthmus sample: %s\n", err.text);
        return 1;
    }
    print_counts(&output, options.patients);
    return 0;
}

static bool parse(struct options *options, int argc, char **argv, struct err *err)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            options->help = true;
            return true;
        }
        if (strcmp(argv[i], "--force") == 0) {
            options->force = true;
            continue;
        }
        if (strncmp(argv[i], "--", 2) != 0 || i + 1 == argc)
            return err_set(err, ERR_INVALID, NULL, "%s: no such option, or its value is missing.",
                           argv[i]);
        if (!parse_value(options, argv[i] + 2, argv[i + 1], err))
            return false;
        i++;
    }
    if (!options->out)
        return err_set(err, ERR_INVALID, NULL, "--out DIR is needed; --help says more.");
    return true;
}

static bool parse_value(struct options *options, const char *name, const char *value,
                        struct err *err)
{
    bool second = false;

    if (strcmp(name, "patients") == 0)
        return parse_number(name, value, 0, PATIENTS_MAX, &options->patients, err);
    if (strcmp(name, "seed") == 0)
        return parse_number(name, value, 0, INT64_MAX, &options->seed, err);
    if (strcmp(name, "out") == 0) {
        options->out = value;
        return true;
    }
    if (strcmp(name, "format") == 0) {
        if (!choose(name, value, "bundles", "ndjson", &second, err))
            return false;
        options->format = second ? FORMAT_NDJSON : FORMAT_BUNDLES;
        return true;
    }
    if (strcmp(name, "style") == 0) {
        if (!choose(name, value, "put", "post", &second, err))
            return false;
        options->style = second ? STYLE_POST : STYLE_PUT;
        return true;
    }
    return err_set(err, ERR_INVALID, NULL, "--%s: no such option.", name);
}

static bool choose(const char *name, const char *value, const char *first, const char *second,
                   bool *is_second, struct err *err)
{
    *is_second = strcmp(value, second) == 0;
    if (*is_second || strcmp(value, first) == 0)
        return true;
    return err_set(err, ERR_INVALID, NULL, "--%s is %s or %s.", name, first, second);
}

static bool parse_number(const char *name, const char *value, int64_t min, int64_t max,
                         int64_t *number, struct err *err)
{
    if (text_to_int64(text_of(value), min, max, number))
        return true;
    return err_set(err, ERR_INVALID, NULL, "--%s is a number from %lld to %lld.", name,
                   (long long)min, (long long)max);
}

static bool run(const struct options *options, struct output *output, struct err *err)
{
    struct arena *arena = arena_new();
    struct clinic *clinic = arena_one(arena, struct clinic);
    struct chart *chart = arena_one(arena, struct chart);
    unsigned total = (unsigned)options->patients;
    bool ok;

    clinic_init(clinic);
    chart->clinic = clinic;
    chart->output = output;
    ok =
        output_open(output, options->out, options->force, err) && clinic_write(clinic, output, err);
    for (unsigned i = 1; ok && i <= total; i++) {
        ok = chart_write(chart, (uint64_t)options->seed, i, err);
        show_progress(i, total);
    }
    arena_free(arena);
    return ok;
}

/* On a terminal only, and a hundred times in all. */
static void show_progress(unsigned done, unsigned total)
{
    static const char bar[] = "########################################";
    int filled = (int)((uint64_t)done * BAR_WIDTH / total);

    if (!isatty(STDERR_FILENO) || (done % (total / 100 + 1) != 0 && done != total))
        return;
    fprintf(stderr, "\r%.*s%*s %u of %u patients", filled, bar, BAR_WIDTH - filled, "", done,
            total);
    if (done == total)
        fputc('\n', stderr);
}

static void print_counts(const struct output *output, int64_t patients)
{
    uint64_t resources = 0;

    for (int i = 0; i < TYPE_COUNT; i++)
        resources += output->counts[i];
    printf("%lld patients, %llu resources, %llu bytes:", (long long)patients,
           (unsigned long long)resources, (unsigned long long)output->bytes);
    for (int i = 0; i < TYPE_COUNT; i++)
        printf("%s %s %llu", i ? "," : "", sample_type_names[i],
               (unsigned long long)output->counts[i]);
    printf("\n");
}
