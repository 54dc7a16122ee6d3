/*
 * isthmus load - sends files to a FHIR server, several at once, and goes on
 * where an earlier run ended.
 */

#include "base/arena.h"
#include "base/err.h"
#include "base/fiber.h"
#include "base/loop.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "server/commands.h"
#include "server/load_input.h"
#include "server/load_journal.h"
#include "server/load_report.h"
#include "sync/fetch.h"

#define TRIES       8
#define ANSWER_MAX  (256U << 20)
#define PATIENCE_MS 600000

struct options {
    const char *base;
    unsigned connections;
    const char *journal;
    bool again;
    const char **files; /* NULL-ended */
};

struct loader {
    const struct options *options;
    struct loop *loop;
    struct fetcher *fetcher;
    struct load_input *input;
    struct load_journal *journal;
    struct load_report *report;
    unsigned running; /* fibers */
    bool exclusive;   /* a file that must be first is under way */
    bool failed;
};

static const char usage[] =
    "usage: isthmus load --base URL [OPTIONS] FILE...\n\n"
    "Sends transaction and batch Bundles (.json), or resources line by line (.ndjson), plain or "
    ".gz.\nFiles whose names begin with hospitalInformation, practitionerInformation or 0 go "
    "first, "
    "one by one.\n\n"
    "  --base URL         the server, for example http://127.0.0.1:8080/fhir\n"
    "  --connections N    requests at once (default 4)\n"
    "  --journal FILE     remembers what is done, so that a second run goes on where the first\n"
    "                     ended (default isthmus-load.journal; empty for none)\n"
    "  --again            send everything, also what the journal says is done\n";

static bool parse_options(struct options *options, struct arena *arena, int argc, char **argv);
static bool run(const struct options *options);
static void start(void *context);
static void work(void *context);
static void send_unit(struct loader *loader, struct load_unit *unit, struct arena *arena);
static bool goes_first(const char *file);

int command_load(int argc, char **argv)
{
    struct options options = {.connections = 4, .journal = "isthmus-load.journal"};
    struct arena *arena = arena_new();
    int status = 2;

    if (argc == 1 && strcmp(argv[0], "--help") == 0) {
        fputs(usage, stdout);
        status = 0;
    } else if (parse_options(&options, arena, argc, argv)) {
        status = run(&options) ? 0 : 1;
    } else {
        fputs(usage, stderr);
    }
    arena_free(arena);
    return status;
}

static bool take_value(struct options *options, const char *name, const char *value)
{
    int64_t number;

    if (strcmp(name, "--base") == 0)
        options->base = value;
    else if (strcmp(name, "--journal") == 0)
        options->journal = value;
    else if (strcmp(name, "--connections") == 0 && text_to_int64(text_of(value), 1, 64, &number))
        options->connections = (unsigned)number;
    else
        return false;
    return true;
}

static int compare_files(const void *a, const void *b)
{
    const char *one = *(const char *const *)a, *other = *(const char *const *)b;
    int first = goes_first(other) - goes_first(one);

    return first ? first : strcmp(one, other);
}

static bool parse_options(struct options *options, struct arena *arena, int argc, char **argv)
{
    int count = 0;

    options->files = arena_many(arena, const char *, (size_t)argc + 1);
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--again") == 0)
            options->again = true;
        else if (strncmp(argv[i], "--", 2) != 0)
            options->files[count++] = argv[i];
        else if (i + 1 >= argc || !take_value(options, argv[i], argv[i + 1]))
            return false;
        else
            i++;
    }
    qsort(options->files, (size_t)count, sizeof(char *), compare_files);
    return options->base && count > 0;
}

static bool run(const struct options *options)
{
    struct loader loader = {.options = options};
    struct err err = {0};

    loader.journal = load_journal_open(options->journal, options->base, options->again, &err);
    if (!loader.journal) {
        fprintf(stderr, "isthmus load: %s\n", err.text);
        return false;
    }
    loader.loop = loop_new();
    loader.fetcher = fetcher_new(loader.loop, options->connections);
    loader.input = load_input_new(options->files);
    loader.report = load_report_new(options->files);
    fiber_spawn(loader.loop, start, &loader);
    loop_run(loader.loop);

    bool good = load_report_finish(loader.report) && !loader.failed;
    load_input_free(loader.input);
    fetcher_free(loader.fetcher);
    loop_free(loader.loop);
    load_journal_close(loader.journal);
    return good;
}

static void start(void *context)
{
    struct loader *loader = context;

    loader->running = loader->options->connections;
    for (unsigned i = 0; i < loader->options->connections; i++)
        fiber_spawn(loader->loop, work, loader);
}

/* Organizations and practitioners that the patients' files refer to. */
static bool goes_first(const char *file)
{
    const char *slash = strrchr(file, '/');
    const char *name = slash ? slash + 1 : file;

    return name[0] == '0' || strncmp(name, "hospitalInformation", 19) == 0 ||
           strncmp(name, "practitionerInformation", 23) == 0;
}

/* Units are read between waits, so two fibers never read at once. */
static void work(void *context)
{
    struct loader *loader = context;
    struct arena *arena = arena_new();
    struct err err = {0};
    struct load_unit *unit;

    while (true) {
        while (loader->exclusive)
            fiber_sleep(2);
        unit = load_input_next(loader->input, arena, &err);
        if (!unit)
            break;
        loader->exclusive = goes_first(unit->file);
        send_unit(loader, unit, arena);
        if (goes_first(unit->file))
            loader->exclusive = false;
        arena_reset(arena);
    }
    if (err.kind) {
        load_report_failure(loader->report, NULL, 0, err.text);
        loader->failed = true;
    }
    arena_free(arena);
    if (--loader->running == 0)
        loop_stop(loader->loop);
}

/* Place and sentence of the first issue of an OperationOutcome, or the status alone. */
static const char *reason(struct arena *arena, const struct fetch_response *response)
{
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, 1);
    const struct node *outcome = json_read(arena, response->body.data, response->body.size,
                                           &json_default_limits, &issues, &err);
    const struct node *issue = outcome ? node_child(outcome, "issue") : NULL;
    if (!issue)
        return arena_printf(arena, "the server answered %d", response->status);
    struct text place = node_value(issue, "expression");
    struct text sentence = node_value(issue, "diagnostics");
    return arena_printf(arena, "%d: %.*s%s%.*s", response->status, TEXT_ARGS(place),
                        place.size ? ": " : "", TEXT_ARGS(sentence));
}

/* Whether to try again, after a while. `*why` gets the sentence otherwise. */
static bool wait_to_retry(const struct load_unit *unit, const struct fetch_response *response,
                          const struct err *err, unsigned try)
{
    int seconds = 1 << (try < 5 ? try : 5);
    bool busy = err->kind == ERR_BUSY || response->status == 429 || response->status == 503;
    bool doubtful = err->kind == ERR_UNKNOWN || err->kind == ERR_TIMEOUT;

    if (!busy && !(doubtful && unit->repeatable))
        return false;
    fiber_sleep((response->retry_after ? response->retry_after : seconds) * 1000);
    return true;
}

/* Waits. NULL when it is done, else why not; `*refused` when the server said no. */
static const char *send_bundle(struct loader *loader, const struct load_unit *unit,
                               struct text bundle, struct arena *arena, bool *refused)
{
    static const char *const headers[] = {"Content-Type: application/fhir+json",
                                          "Accept: application/fhir+json", "Prefer: return=minimal",
                                          NULL};
    struct fetch_request request = {
        .method = "POST",
        .url = loader->options->base,
        .headers = headers,
        .body = bundle,
        .timeout_ms = PATIENCE_MS,
        .max_body = ANSWER_MAX,
    };
    const char *why = NULL;

    for (unsigned try = 0; try < TRIES; try++) {
        struct fetch_response response = {0};
        struct err err = {0};
        if (fetch(loader->fetcher, &request, arena, &response, &err) && response.status < 300)
            return NULL;
        *refused = response.status >= 400 && response.status < 500 && response.status != 429;
        why = response.status ? reason(arena, &response) : arena_strdup(arena, err.text);
        if (err.kind == ERR_UNKNOWN && !unit->repeatable)
            return "the connection was lost and it is not known whether it was stored; sending it "
                   "again could store it twice";
        if (*refused || !wait_to_retry(unit, &response, &err, try))
            return why;
    }
    return why;
}

/* Lines that are refused together are halved until the culprits stand alone. False when there are
 * such. */
static bool send_lines(struct loader *loader, const struct load_unit *unit, size_t from, size_t to,
                       struct arena *arena)
{
    bool refused = false;
    struct text bundle = load_unit_bundle(arena, unit, from, to);
    const char *why = send_bundle(loader, unit, bundle, arena, &refused);

    if (!why) {
        load_report_done(loader->report, unit, from, to);
        return true;
    }
    if (refused && to - from > 1) {
        size_t middle = from + (to - from) / 2;
        bool first = send_lines(loader, unit, from, middle, arena);
        return send_lines(loader, unit, middle, to, arena) && first;
    }
    load_report_failure(loader->report, unit, from, why);
    return false;
}

static bool send_whole(struct loader *loader, const struct load_unit *unit, struct arena *arena)
{
    bool refused = false;
    const char *why =
        unit->problem ? unit->problem : send_bundle(loader, unit, unit->bundle, arena, &refused);

    if (why)
        load_report_failure(loader->report, unit, 0, why);
    else
        load_report_done(loader->report, unit, 0, unit->count);
    return !why;
}

static void send_unit(struct loader *loader, struct load_unit *unit, struct arena *arena)
{
    bool done = true;

    if (load_journal_has(loader->journal, unit->file, unit->number)) {
        load_report_skipped(loader->report, unit);
        return;
    }
    if (unit->bundle.data || unit->problem)
        done = send_whole(loader, unit, arena);
    else if (unit->count)
        done = send_lines(loader, unit, 0, unit->count, arena);
    if (done)
        load_journal_add(loader->journal, unit->file, unit->number);
    else
        loader->failed = true;
    load_report_progress(loader->report, unit);
}
