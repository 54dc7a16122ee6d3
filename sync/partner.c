/*
 * Partner - see partner.h: which keys a document may have, what they say when they are left
 * out, and what must be true of several of them together.
 */

#include "sync/partner.h"

#include "base/arena.h"
#include "sync/partner_read.h"
#include "sync/secret.h"

#define DAY_MS INT64_C(86400000)

#define AT(type, field) offsetof(struct type, field)

static const struct partner_key limit_keys[] = {
    {"rps", partner_read_real, AT(partner_limits, rps), 0.001, 10000, NULL, false},
    {"concurrency", partner_read_number, AT(partner_limits, concurrency), 1, 64, NULL, false},
    {"window", partner_read_quiet, 0, 0, 0, NULL, false},
    {"dailyRequests", partner_read_big, AT(partner_limits, daily_requests), 0, 1e12, NULL, false},
    {"pageBytes", partner_read_big, AT(partner_limits, page_bytes), 1024, 1 << 30, NULL, false},
    {"timeout", partner_read_duration, AT(partner_limits, timeout), 10, 3600e3, NULL, false},
    {0},
};

static const struct partner_key retry_keys[] = {
    {"first", partner_read_duration, AT(partner_retry, first), 1, 86400e3, NULL, false},
    {"longest", partner_read_duration, AT(partner_retry, longest), 1, 86400e3, NULL, false},
    {"tries", partner_read_number, AT(partner_retry, tries), 1, 100, NULL, false},
    {0},
};

static const struct partner_key search_keys[] = {
    {"every", partner_read_duration, AT(partner_schedule, every), 10, 366 * 86400e3, NULL, false},
    {"overlap", partner_read_duration, AT(partner_schedule, overlap), 0, 30 * 86400e3, NULL, false},
    {"pageSize", partner_read_number, AT(partner_schedule, page_size), 1, 10000, NULL, false},
    {"queries", partner_read_queries, 0, 0, 0, NULL, true},
    {0},
};

static const struct partner_key history_keys[] = {
    {"enabled", partner_read_flag, AT(partner_schedule, on), 0, 0, NULL, false},
    {"every", partner_read_duration, AT(partner_schedule, every), 10, 366 * 86400e3, NULL, false},
    {"overlap", partner_read_duration, AT(partner_schedule, overlap), 0, 30 * 86400e3, NULL, false},
    {"pageSize", partner_read_number, AT(partner_schedule, page_size), 1, 10000, NULL, false},
    {"types", partner_read_types, 0, 0, 0, NULL, false},
    {0},
};

static const struct partner_key snapshot_keys[] = {
    {"every", partner_read_duration, AT(partner_schedule, every), 10, 366 * 86400e3, NULL, false},
    {"pageSize", partner_read_number, AT(partner_schedule, page_size), 1, 10000, NULL, false},
    {"reconcile", partner_read_flag, AT(partner_schedule, reconcile), 0, 0, NULL, false},
    {"queries", partner_read_queries, 0, 0, 0, NULL, true},
    {0},
};

static const struct partner_key push_keys[] = {
    {"every", partner_read_duration, AT(partner_push, every), 10, 86400e3, NULL, false},
    {"types", partner_read_push_types, 0, 0, 0, NULL, false},
    {"queries", partner_read_push_queries, 0, 0, 0, NULL, false},
    {"patients", partner_read_patients, AT(partner_push, patients), 0, 0, NULL, false},
    {"forward", partner_read_flag, AT(partner_push, forward), 0, 0, NULL, false},
    {"deletes", partner_read_flag, AT(partner_push, deletes), 0, 0, NULL, false},
    {0},
};

static const struct partner_key mode_keys[] = {
    {"search", partner_read_schedule, AT(partner, search), 0, 0, search_keys, false},
    {"history", partner_read_schedule, AT(partner, history), 0, 0, history_keys, false},
    {"snapshot", partner_read_schedule, AT(partner, snapshot), 0, 0, snapshot_keys, false},
    {"bulk", partner_read_later, 0, 0, 0, NULL, false},
    {"push", partner_read_push, AT(partner, push), 0, 0, push_keys, false},
    {"subscribeIn", partner_read_later, 0, 0, 0, NULL, false},
    {0},
};

static const struct partner_key hydrate_keys[] = {
    {"depth", partner_read_number, AT(partner, hydrate_depth), 0, 10, NULL, false},
    {"number", partner_read_number, AT(partner, hydrate_number), 0, 100000, NULL, false},
    {"attachments", partner_read_big, AT(partner, hydrate_attachments), 0, 1 << 30, NULL, false},
    {0},
};

static const struct partner_key tls_keys[] = {
    {"caRef", partner_read_file, AT(fetch_tls, ca_file), 0, 0, NULL, false},
    {"clientCertRef", partner_read_file, AT(fetch_tls, client_file), 0, 0, NULL, false},
    {0},
};

static const struct partner_key guard_keys[] = {
    {"maxDisappearPct", partner_read_number, AT(partner, guard_percent), 0, 100, NULL, false},
    {"maxDisappear", partner_read_big, AT(partner, guard_number), 0, 1e9, NULL, false},
    {0},
};

static const struct partner_key reconcile_keys[] = {
    {"guard", partner_read_object, 0, 0, 0, guard_keys, false},
    {0},
};

static const struct partner_key partner_keys[] = {
    {"id", partner_read_id, AT(partner, id), 0, 0, NULL, true},
    {"name", partner_read_text, AT(partner, name), 0, 0, NULL, false},
    {"enabled", partner_read_flag, AT(partner, enabled), 0, 0, NULL, false},
    {"base", partner_read_url, AT(partner, base), 0, 0, NULL, true},
    {"aliases", partner_read_urls, AT(partner, aliases), 0, 0, NULL, false},
    {"forwards", partner_read_forwards, AT(partner, forwards), 0, 0, NULL, false},
    {"linkRewrite", partner_read_flag, AT(partner, link_rewrite), 0, 0, NULL, false},
    {"networks", partner_read_networks, 0, 0, 0, NULL, false},
    {"headers", partner_read_headers, AT(partner, headers), 0, 0, NULL, false},
    {"validation", partner_read_validation, AT(partner, validation), 0, 0, NULL, false},
    {"limits", partner_read_object, AT(partner, limits), 0, 0, limit_keys, false},
    {"retry", partner_read_object, AT(partner, retry), 0, 0, retry_keys, false},
    {"modes", partner_read_object, 0, 0, 0, mode_keys, true},
    {"hydrate", partner_read_object, 0, 0, 0, hydrate_keys, false},
    {"reconcile", partner_read_object, 0, 0, 0, reconcile_keys, false},
    {"keep", partner_read_duration, AT(partner, keep), DAY_MS, 36500.0 * DAY_MS, NULL, false},
    {"fhirVersion", partner_read_note, 0, 0, 0, NULL, false},
    {"vendor", partner_read_note, 0, 0, 0, NULL, false},
    {"organization", partner_read_note, 0, 0, 0, NULL, false},
    {"legalBasis", partner_read_note, 0, 0, 0, NULL, false},
    {"dua", partner_read_note, 0, 0, 0, NULL, false},
    {"auth", partner_read_later, 0, 0, 0, NULL, false},
    {"tls", partner_read_object, AT(partner, tls), 0, 0, tls_keys, false},
    {"cohort", partner_read_later, 0, 0, 0, NULL, false},
    {"identity", partner_read_later, 0, 0, 0, NULL, false},
    {"mapping", partner_read_later, 0, 0, 0, NULL, false},
    {"quirks", partner_read_later, 0, 0, 0, NULL, false},
    {0},
};

static const struct partner defaults = {
    .enabled = true,
    .validation = VALIDATION_STRUCTURE,
    .guard_percent = 2,
    .guard_number = 500,
    .keep = 30 * DAY_MS,
    .limits = {.rps = 10, .concurrency = 2, .page_bytes = 64 << 20, .timeout = 60000},
    .retry = {.first = 60000, .longest = 1800000, .tries = 6},
    .search = {.every = 300000, .overlap = 600000, .page_size = 500},
    .history = {.every = 300000, .overlap = 600000, .page_size = 500},
    .push = {.every = 1000},
    .snapshot = {.every = 7 * DAY_MS, .page_size = 500, .reconcile = true},
};

static bool check(struct partner *partner, struct err *err);

bool partner_parse(struct text document, struct arena *arena, struct partner *partner,
                   struct err *err)
{
    struct partner_reading reading = {arena, err, ""};
    json_error_t error;
    json_t *root = json_loadb(document.data ? document.data : "", document.size,
                              JSON_REJECT_DUPLICATES, &error);

    *partner = defaults;
    if (!root)
        return err_set(err, ERR_INVALID, NULL, "The document is no JSON: line %d, column %d.",
                       error.line, error.column);
    bool good = partner_read_keys(&reading, partner_keys, root, partner) && check(partner, err);
    json_decref(root);
    return good;
}

bool partner_has_address(const struct partner *partner, struct text base)
{
    bool found = text_is(base, partner->base);

    for (size_t i = 0; !found && partner->aliases[i]; i++)
        found = text_is(base, partner->aliases[i]);
    return found;
}

struct apply_partner partner_addresses(const struct partner *partner, int32_t number,
                                       struct arena *arena)
{
    size_t count = 0;

    while (partner->aliases[count])
        count++;
    struct text *aliases = arena_many(arena, struct text, count + 1);
    for (size_t i = 0; i < count; i++)
        aliases[i] = text_of(partner->aliases[i]);
    return (struct apply_partner){number, text_of(partner->base), aliases, count};
}

struct apply_config partner_apply_config(const struct partner *partner, int32_t number,
                                         const struct text *own_base,
                                         const struct definitions *definitions, struct arena *arena)
{
    return (struct apply_config){
        .partner = partner_addresses(partner, number, arena),
        .own_bases = own_base,
        .own_base_count = own_base->data ? 1 : 0,
        .level = partner->validation,
        .definitions = definitions,
    };
}

/* What concerns several keys. */

static bool check(struct partner *partner, struct err *err)
{
    static const char *none[] = {NULL};
    static struct secret_header no_headers[1];

    if (!partner->name)
        partner->name = partner->id;
    if (!partner->aliases)
        partner->aliases = none;
    if (!partner->forwards)
        partner->forwards = none;
    if (!partner->headers)
        partner->headers = no_headers;
    partner->history.system = partner->history.on && partner->history.count == 0;
    partner->guard = (struct fetch_guard){partner->networks, partner->network_count};
    for (size_t i = 0; partner->snapshot.reconcile && i < partner->snapshot.count; i++)
        if (partner->snapshot.queries[i].q[0])
            return err_set(err, ERR_INVALID, "modes.snapshot.queries",
                           "A snapshot that is narrowed by q cannot tell what has disappeared: "
                           "leave out q, or set reconcile to false.");
    if (partner->retry.longest < partner->retry.first)
        partner->retry.longest = partner->retry.first;
    return true;
}
