/*
 * Configuration - see config.h.
 */

#include "server/config.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <unistd.h>

enum option_type {
    OPTION_TEXT,
    OPTION_NUMBER,
    OPTION_SIZE,     /* bytes; k, M and G multiply by 1,024 */
    OPTION_DURATION, /* kept in milliseconds; ms, s, min, h */
    OPTION_FLAG,     /* true or false; on the command line the bare name is true */
    OPTION_SECRET,   /* text that is never printed */
};

/* One row per option: it exists everywhere or nowhere. */
struct option {
    const char *name;
    enum option_type type;
    size_t offset;
    int64_t min, max;
    const char *fallback;
    const char *help;
};

#define OPTION(option_name, field, kind, low, high, value, text)                                   \
    {                                                                                              \
        option_name, kind, offsetof(struct config, field), low, high, value, text                  \
    }

static const struct option options[] = {
    OPTION("data", data, OPTION_TEXT, 0, 0, "data",
           "Folder of the embedded PostgreSQL; made when missing. Not used with --database."),
    OPTION("database", database, OPTION_SECRET, 0, 0, "",
           "Use this PostgreSQL (libpq URL or connection string) instead of the embedded one."),
    OPTION("listen", listen, OPTION_TEXT, 0, 0, "127.0.0.1:8080",
           "Address and port to serve on; without authentication only loopback is accepted here."),
    OPTION("listen-unauthenticated", listen_unauthenticated, OPTION_TEXT, 0, 0, "",
           "Serve everybody who can reach this address, without authentication. For synthetic data "
           "and demonstrations only."),
    OPTION("base-url", base_url, OPTION_TEXT, 0, 0, "",
           "Public base URL in links and Location headers, behind a proxy for example "
           "https://fhir.example.org/fhir. Empty: http://LISTEN/fhir."),
    OPTION(
        "postgres-bin", postgres_bin, OPTION_TEXT, 0, 0, "",
        "Folder with postgres and initdb. Empty: the newest under /usr/lib/postgresql, then PATH."),
    OPTION("postgres-user", postgres_user, OPTION_TEXT, 0, 0, "postgres",
           "Account that the embedded PostgreSQL runs as when the server is started by root."),
    OPTION(
        "unsafe-durability", unsafe_durability, OPTION_FLAG, 0, 1, "false",
        "Start although fsync, full_page_writes or synchronous_commit is off: acknowledged writes "
        "may then be lost."),
    OPTION("threads", threads, OPTION_NUMBER, 1, 256, "2", "Event loops; one per core is right."),
    OPTION("body-size", body_size, OPTION_SIZE, 1024, 256 << 20, "64M",
           "Largest request body; beyond it 413."),
    OPTION("json-depth", json_depth, OPTION_NUMBER, 8, 512, "64",
           "Deepest nesting of objects and arrays in a body."),
    OPTION("json-nodes", json_nodes, OPTION_NUMBER, 1000, 100000000, "10000000",
           "Most elements in a body."),
    OPTION("bundle-entries", bundle_entries, OPTION_NUMBER, 1, 1000000, "50000",
           "Most entries in a batch or transaction; beyond it 413."),
    OPTION("query-parameters", query_parameters, OPTION_NUMBER, 1, 1000, "100",
           "Most parameters in a query, and most values in one of them."),
    OPTION("chain-depth", chain_depth, OPTION_NUMBER, 0, 8, "3",
           "Most references that one search parameter may follow (chains, _has)."),
    OPTION("page-size", page_size, OPTION_NUMBER, 1, 10000, "20",
           "Matches on a page when the client does not say (_count)."),
    OPTION("page-size-max", page_size_max, OPTION_NUMBER, 1, 10000, "1000",
           "Most matches on a page; a larger _count is lowered to this."),
    OPTION("include-max", include_max, OPTION_NUMBER, 1, 100000, "10000",
           "Most included resources on a page; beyond it 422."),
    OPTION("requests", requests, OPTION_NUMBER, 1, 1000000, "2000",
           "Requests under way at once in each thread; beyond it 503 with Retry-After."),
    OPTION("transaction-lanes", transaction_lanes, OPTION_NUMBER, 1, 32, "3",
           "Database connections of each thread for transactions."),
    OPTION("statement-timeout", statement_timeout, OPTION_DURATION, 10, 3600000, "10s",
           "Longest a read or a write may take in the database."),
    OPTION("search-timeout", search_timeout, OPTION_DURATION, 10, 3600000, "20s",
           "Longest a search or a history page may take in the database."),
    OPTION("transaction-timeout", transaction_timeout, OPTION_DURATION, 10, 3600000, "120s",
           "Longest a transaction Bundle may take in the database."),
    OPTION("idle-timeout", idle_timeout, OPTION_DURATION, 1000, 3600000, "75s",
           "How long a connection may stay open without a request."),
    OPTION("read-timeout", read_timeout, OPTION_DURATION, 1000, 3600000, "60s",
           "How long a client may take to send a request, or to take an answer."),
    OPTION("drain-timeout", drain_timeout, OPTION_DURATION, 0, 3600000, "30s",
           "How long requests may still take after SIGTERM or Ctrl-C."),
    OPTION("validation", validation, OPTION_TEXT, 0, 0, "full",
           "What a resource must pass to be written: full (structure, terminology, invariants, "
           "references, claimed profiles), structure, or off (only what reading takes). Errors are "
           "422."),
    OPTION("profiles-required", profiles_required, OPTION_TEXT, 0, 0, "",
           "Profiles that every resource of a type must meet to be written, claimed or not: "
           "Type=URL[,URL], several separated by spaces. With validation full only."),
    OPTION("reference-check", reference_check, OPTION_TEXT, 0, 0, "off",
           "local: a reference to a resource of this server must be to one that is there (422), or "
           "written by the same transaction. off: it may come later."),
    OPTION("conditional-delete", conditional_delete, OPTION_TEXT, 0, 0, "single",
           "What DELETE [type]?criteria does when several resources match: single refuses (412), "
           "multiple removes them all."),
    OPTION("result-status-rules", result_status_rules, OPTION_FLAG, 0, 1, "true",
           "Refuse (422) updates of Observation and DiagnosticReport that make a draft of a final "
           "result, undo a correction or a withdrawal, or are older than what is stored."),
    OPTION("job-runners", job_runners, OPTION_NUMBER, 0, 16, "1",
           "Asynchronous requests that each thread works on at once; 0: other processes do."),
    OPTION("jobs-waiting", jobs_waiting, OPTION_NUMBER, 1, 100000, "100",
           "Asynchronous requests that may wait or run; beyond it 429."),
    OPTION("job-keep", job_keep, OPTION_DURATION, 1000, 30 * 86400000LL, "24h",
           "How long the answer of an asynchronous request is kept."),
    OPTION(
        "cors-origins", cors_origins, OPTION_TEXT, 0, 0, "*",
        "Web origins that browsers may call from, separated by spaces; * for all, empty for none."),
    OPTION("log-level", log_level, OPTION_TEXT, 0, 0, "info", "error, warn, info or debug."),
    OPTION("log-format", log_format, OPTION_TEXT, 0, 0, "logfmt", "logfmt or json."),
    OPTION("config", config_file, OPTION_TEXT, 0, 0, "",
           "File with `name = value` lines; # begins a comment."),
};

enum { OPTION_COUNT = sizeof(options) / sizeof(options[0]) };

struct unit {
    const char *suffix;
    int64_t factor;
};

static const struct unit sizes[] = {
    {"", 1}, {"k", 1024}, {"M", INT64_C(1) << 20}, {"G", INT64_C(1) << 30}, {0}};
static const struct unit durations[] = {
    {"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {0}};
static const struct unit plain[] = {{"", 1}, {0}};

static bool set_defaults(struct config *config, struct arena *arena, struct err *err);
static bool set_from_flags(struct config *config, struct arena *arena, int argc, char **argv,
                           const char **words, size_t word_room, struct err *err);
static bool set_from_environment(struct config *config, struct arena *arena, struct err *err);
static bool set_from_file(struct config *config, struct arena *arena, struct err *err);
static bool check_choices(const struct config *config, struct err *err);

_Static_assert(OPTION_COUNT <= sizeof(((struct config *)0)->sources) / sizeof(char *),
               "config.sources has room for every option");

bool config_load(struct config *config, struct arena *arena, int argc, char **argv,
                 const char **words, size_t word_room, struct err *err)
{
    struct config flags_only;

    /* The flags are read twice: first only to learn where the file is. */
    if (!set_defaults(&flags_only, arena, err) || !set_from_environment(&flags_only, arena, err) ||
        !set_from_flags(&flags_only, arena, argc, argv, words, word_room, err) ||
        !set_defaults(config, arena, err))
        return false;
    config->config_file = flags_only.config_file;

    return set_from_file(config, arena, err) && set_from_environment(config, arena, err) &&
           set_from_flags(config, arena, argc, argv, words, word_room, err) &&
           check_choices(config, err);
}

static const struct option *option_find(struct text name)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (text_is(name, options[i].name))
            return &options[i];
    return NULL;
}

static bool parse_quantity(const struct option *option, const struct unit *units, const char *value,
                           int64_t *number)
{
    char *end;

    errno = 0;
    long long count = strtoll(value, &end, 10);
    if (end == value || errno || count < 0)
        return false;
    for (; units->suffix; units++)
        if (strcmp(end, units->suffix) == 0) {
            if (count > INT64_MAX / units->factor)
                return false;
            *number = count * units->factor;
            return *number >= option->min && *number <= option->max;
        }
    return false;
}

static bool parse_flag(const char *value, bool *flag)
{
    *flag = strcmp(value, "true") == 0;
    return *flag || strcmp(value, "false") == 0;
}

static const char *expected(struct arena *arena, const struct option *option)
{
    switch (option->type) {
    case OPTION_SIZE:
        return arena_printf(arena, "a size between %lld and %lld bytes, such as 64M",
                            (long long)option->min, (long long)option->max);
    case OPTION_DURATION:
        return arena_printf(arena,
                            "a time between %lld and %lld ms with a unit, such as 500ms or 10s",
                            (long long)option->min, (long long)option->max);
    case OPTION_FLAG:
        return "true or false";
    default:
        return arena_printf(arena, "a number between %lld and %lld", (long long)option->min,
                            (long long)option->max);
    }
}

static bool set(struct config *config, struct arena *arena, const struct option *option,
                const char *value, const char *source, struct err *err)
{
    void *field = (char *)config + option->offset;
    bool good = true;

    switch (option->type) {
    case OPTION_TEXT:
    case OPTION_SECRET:
        *(const char **)field = arena_strdup(arena, value);
        break;
    case OPTION_NUMBER:
        good = parse_quantity(option, plain, value, field);
        break;
    case OPTION_SIZE:
        good = parse_quantity(option, sizes, value, field);
        break;
    case OPTION_DURATION:
        good = parse_quantity(option, durations, value, field);
        break;
    case OPTION_FLAG:
        good = parse_flag(value, field);
        break;
    }
    if (!good)
        return err_set(err, ERR_INVALID, option->name, "The value of %s (from the %s) must be %s.",
                       option->name, source, expected(arena, option));
    config->sources[option - options] = source;
    return true;
}

static bool set_defaults(struct config *config, struct arena *arena, struct err *err)
{
    *config = (struct config){0};
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (!set(config, arena, &options[i], options[i].fallback, "default", err))
            return false;
    return true;
}

static bool set_from_environment(struct config *config, struct arena *arena, struct err *err)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char *name = arena_printf(arena, "ISTHMUS_%s", options[i].name);
        for (char *c = name; *c; c++)
            *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
        const char *value = getenv(name);
        if (value && !set(config, arena, &options[i], value, "environment", err))
            return false;
    }
    return true;
}

static bool set_from_flags(struct config *config, struct arena *arena, int argc, char **argv,
                           const char **words, size_t word_room, struct err *err)
{
    size_t word_count = 0;

    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            if (word_count + 1 >= word_room)
                return err_set(err, ERR_INVALID, NULL, "Too many words: %s", argv[i]);
            words[word_count++] = argv[i];
            continue;
        }
        struct text name = text_of(argv[i] + 2);
        struct text value = {0};
        text_split(name, '=', &name, &value);
        const struct option *option = option_find(name);
        if (!option)
            return err_set(err, ERR_INVALID, argv[i], "There is no option %s; see --help.",
                           argv[i]);
        if (!value.data && option->type == OPTION_FLAG)
            value = TEXT("true");
        if (!value.data && ++i < argc)
            value = text_of(argv[i]);
        if (!value.data)
            return err_set(err, ERR_INVALID, option->name, "--%s needs a value.", option->name);
        if (!set(config, arena, option, value.data, "flag", err))
            return false;
    }
    if (word_room)
        words[word_count] = NULL;
    return true;
}

static bool set_from_line(struct config *config, struct arena *arena, struct text line, int number,
                          struct err *err)
{
    struct text name, value;

    line = text_trim(line);
    if (line.size == 0 || line.data[0] == '#')
        return true;
    if (!text_split(line, '=', &name, &value))
        return err_set(err, ERR_INVALID, config->config_file,
                       "Line %d of %s is not `name = value`.", number, config->config_file);
    const struct option *option = option_find(text_trim(name));
    if (!option)
        return err_set(err, ERR_INVALID, config->config_file,
                       "Line %d of %s names no option; see --help.", number, config->config_file);
    return set(config, arena, option, text_dup(arena, text_trim(value)), "file", err);
}

static bool set_from_file(struct config *config, struct arena *arena, struct err *err)
{
    char line[4096];
    bool good = true;

    if (!config->config_file[0])
        return true;
    FILE *file = fopen(config->config_file, "re");
    if (!file)
        return err_set(err, ERR_INVALID, "config", "The configuration file %s cannot be read.",
                       config->config_file);
    for (int number = 1; good && fgets(line, sizeof(line), file); number++)
        good = set_from_line(config, arena, text_of(line), number, err);
    fclose(file);
    return good;
}

static bool one_of(const char *value, const char *const *choices)
{
    for (; *choices; choices++)
        if (strcmp(value, *choices) == 0)
            return true;
    return false;
}

static bool check_choices(const struct config *config, struct err *err)
{
    static const char *const levels[] = {"error", "warn", "info", "debug", NULL};
    static const char *const formats[] = {"logfmt", "json", NULL};
    static const char *const deletes[] = {"single", "multiple", NULL};
    static const char *const checks[] = {"off", "local", NULL};
    static const char *const validations[] = {"off", "structure", "full", NULL};

    if (!one_of(config->log_level, levels))
        return err_set(err, ERR_INVALID, "log-level", "log-level is error, warn, info or debug.");
    if (!one_of(config->log_format, formats))
        return err_set(err, ERR_INVALID, "log-format", "log-format is logfmt or json.");
    if (!one_of(config->validation, validations))
        return err_set(err, ERR_INVALID, "validation", "validation is off, structure or full.");
    if (!one_of(config->conditional_delete, deletes))
        return err_set(err, ERR_INVALID, "conditional-delete",
                       "conditional-delete is single or multiple.");
    if (!one_of(config->reference_check, checks))
        return err_set(err, ERR_INVALID, "reference-check", "reference-check is off or local.");
    if (config->page_size > config->page_size_max)
        return err_set(err, ERR_INVALID, "page-size", "page-size is larger than page-size-max.");
    return true;
}

bool config_is_given(const struct config *config, const char *name)
{
    const struct option *option = option_find(text_of(name));

    return option && strcmp(config->sources[option - options], "default") != 0;
}

static void print_value(const struct config *config, const struct option *option, struct buf *out)
{
    const void *field = (const char *)config + option->offset;

    switch (option->type) {
    case OPTION_TEXT:
        buf_add_text(out, *(const char *const *)field);
        break;
    case OPTION_SECRET:
        buf_add_text(out, **(const char *const *)field ? "(set, not shown)" : "");
        break;
    case OPTION_FLAG:
        buf_add_text(out, *(const bool *)field ? "true" : "false");
        break;
    case OPTION_DURATION:
        buf_printf(out, "%lldms", (long long)*(const int64_t *)field);
        break;
    default:
        buf_printf(out, "%lld", (long long)*(const int64_t *)field);
    }
}

void config_print(const struct config *config, struct buf *out)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        buf_printf(out, "%-24s = ", options[i].name);
        print_value(config, &options[i], out);
        buf_printf(out, "   # %s\n", config->sources[i]);
    }
}

static const char *placeholder(const struct option *option)
{
    static const char *const words[] = {
        [OPTION_TEXT] = " TEXT",     [OPTION_NUMBER] = " NUMBER", [OPTION_SIZE] = " SIZE",
        [OPTION_DURATION] = " TIME", [OPTION_FLAG] = "",          [OPTION_SECRET] = " TEXT",
    };
    return words[option->type];
}

void config_print_help(struct buf *out)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        buf_printf(out, "  --%s%s\n        %s%s%s%s\n", options[i].name, placeholder(&options[i]),
                   options[i].help, options[i].fallback[0] ? " Default: " : "", options[i].fallback,
                   options[i].fallback[0] ? "." : "");
}

void config_print_reference(struct buf *out)
{
    buf_add_text(out, "| option | environment | default | meaning |\n| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        buf_printf(out, "| `%s` | `ISTHMUS_", options[i].name);
        for (const char *c = options[i].name; *c; c++)
            buf_add_char(out, *c == '-' ? '_' : (char)toupper((unsigned char)*c));
        buf_printf(out, "` | `%s` | %s |\n", options[i].fallback, options[i].help);
    }
}
