/*
 * Options - the table.
 */

#include "server/config_options.h"

#include "base/count.h"
#include "base/err.h"
#include "server/config.h"

#define OPTION(option_name, field, kind, low, high, value, text)                                   \
    {                                                                                              \
        option_name, kind, offsetof(struct config, field), low, high, value, text                  \
    }

const struct option options[] = {
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
           "How long requests, and what sync applies, may still take after SIGTERM or Ctrl-C."),
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

enum { OPTION_COUNT = COUNT(options) };

const size_t option_count = OPTION_COUNT;

_Static_assert(OPTION_COUNT <= sizeof(((struct config *)0)->sources) / sizeof(char *),
               "config.sources has room for every option");

const struct option *option_find(struct text name)
{
    for (size_t i = 0; i < option_count; i++)
        if (text_is(name, options[i].name))
            return &options[i];
    return NULL;
}
