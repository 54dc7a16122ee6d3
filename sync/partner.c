/*
 * Partner - see partner.h.
 *
 * The document is described by tables of keys; reading, checking, and naming
 * the nearest key for a misspelt one follow from them.
 */

#include "sync/partner.h"

#include "base/arena.h"
#include "fhir/issue.h"
#include "fhir/primitive.h"
#include "fhir/query.h"
#include "fhir/query_text.h"
#include "fhir/type.h"
#include "sync/network.h"
#include "sync/url.h"

#include <jansson.h>

#define ID_MAX   64
#define TEXT_MAX 2000
#define LIST_MAX 100
#define NEAR     3
#define DAY_MS   INT64_C(86400000)

struct reading {
    struct arena *arena;
    struct err *err;
    const char *where; /* path of what is being read */
};

struct key;
typedef bool read_fn(struct reading *reading, const struct key *key, json_t *value, void *field);

struct key {
    const char *name;
    read_fn *read;
    size_t offset;           /* of the field, in what the table describes */
    double min, max;         /* numbers, and durations in milliseconds */
    const struct key *inner; /* of an object: its keys */
    bool required;
};

static read_fn read_text, read_id, read_flag, read_number, read_real, read_duration, read_url,
    read_urls, read_networks, read_headers, read_validation, read_quiet, read_object, read_schedule,
    read_queries, read_types, read_note, read_later, read_big, read_push, read_push_queries,
    read_push_types, read_patients;

#define AT(type, field) offsetof(struct type, field)

static const struct key limit_keys[] = {
    {"rps", read_real, AT(partner_limits, rps), 0.001, 10000, NULL, false},
    {"concurrency", read_number, AT(partner_limits, concurrency), 1, 64, NULL, false},
    {"window", read_quiet, 0, 0, 0, NULL, false},
    {"dailyRequests", read_big, AT(partner_limits, daily_requests), 0, 1e12, NULL, false},
    {"pageBytes", read_big, AT(partner_limits, page_bytes), 1024, 1 << 30, NULL, false},
    {"timeout", read_duration, AT(partner_limits, timeout), 10, 3600e3, NULL, false},
    {0},
};

static const struct key retry_keys[] = {
    {"first", read_duration, AT(partner_retry, first), 1, 86400e3, NULL, false},
    {"longest", read_duration, AT(partner_retry, longest), 1, 86400e3, NULL, false},
    {"tries", read_number, AT(partner_retry, tries), 1, 100, NULL, false},
    {0},
};

static const struct key search_keys[] = {
    {"every", read_duration, AT(partner_schedule, every), 10, 366 * 86400e3, NULL, false},
    {"overlap", read_duration, AT(partner_schedule, overlap), 0, 30 * 86400e3, NULL, false},
    {"pageSize", read_number, AT(partner_schedule, page_size), 1, 10000, NULL, false},
    {"queries", read_queries, 0, 0, 0, NULL, true},
    {0},
};

static const struct key history_keys[] = {
    {"enabled", read_flag, AT(partner_schedule, on), 0, 0, NULL, false},
    {"every", read_duration, AT(partner_schedule, every), 10, 366 * 86400e3, NULL, false},
    {"overlap", read_duration, AT(partner_schedule, overlap), 0, 30 * 86400e3, NULL, false},
    {"pageSize", read_number, AT(partner_schedule, page_size), 1, 10000, NULL, false},
    {"types", read_types, 0, 0, 0, NULL, false},
    {0},
};

static const struct key snapshot_keys[] = {
    {"every", read_duration, AT(partner_schedule, every), 10, 366 * 86400e3, NULL, false},
    {"pageSize", read_number, AT(partner_schedule, page_size), 1, 10000, NULL, false},
    {"reconcile", read_flag, AT(partner_schedule, reconcile), 0, 0, NULL, false},
    {"queries", read_queries, 0, 0, 0, NULL, true},
    {0},
};

static const struct key push_keys[] = {
    {"every", read_duration, AT(partner_push, every), 10, 86400e3, NULL, false},
    {"types", read_push_types, 0, 0, 0, NULL, false},
    {"queries", read_push_queries, 0, 0, 0, NULL, false},
    {"patients", read_patients, AT(partner_push, patients), 0, 0, NULL, false},
    {"forward", read_flag, AT(partner_push, forward), 0, 0, NULL, false},
    {"deletes", read_flag, AT(partner_push, deletes), 0, 0, NULL, false},
    {0},
};

static const struct key mode_keys[] = {
    {"search", read_schedule, AT(partner, search), 0, 0, search_keys, false},
    {"history", read_schedule, AT(partner, history), 0, 0, history_keys, false},
    {"snapshot", read_schedule, AT(partner, snapshot), 0, 0, snapshot_keys, false},
    {"bulk", read_later, 0, 0, 0, NULL, false},
    {"push", read_push, AT(partner, push), 0, 0, push_keys, false},
    {"subscribeIn", read_later, 0, 0, 0, NULL, false},
    {0},
};

static const struct key hydrate_keys[] = {
    {"depth", read_number, AT(partner, hydrate_depth), 0, 10, NULL, false},
    {"number", read_number, AT(partner, hydrate_number), 0, 100000, NULL, false},
    {0},
};

static const struct key guard_keys[] = {
    {"maxDisappearPct", read_number, AT(partner, guard_percent), 0, 100, NULL, false},
    {"maxDisappear", read_big, AT(partner, guard_number), 0, 1e9, NULL, false},
    {0},
};

static const struct key reconcile_keys[] = {
    {"guard", read_object, 0, 0, 0, guard_keys, false},
    {0},
};

static const struct key partner_keys[] = {
    {"id", read_id, AT(partner, id), 0, 0, NULL, true},
    {"name", read_text, AT(partner, name), 0, 0, NULL, false},
    {"enabled", read_flag, AT(partner, enabled), 0, 0, NULL, false},
    {"base", read_url, AT(partner, base), 0, 0, NULL, true},
    {"aliases", read_urls, AT(partner, aliases), 0, 0, NULL, false},
    {"linkRewrite", read_flag, AT(partner, link_rewrite), 0, 0, NULL, false},
    {"networks", read_networks, 0, 0, 0, NULL, false},
    {"headers", read_headers, AT(partner, headers), 0, 0, NULL, false},
    {"validation", read_validation, AT(partner, validation), 0, 0, NULL, false},
    {"limits", read_object, AT(partner, limits), 0, 0, limit_keys, false},
    {"retry", read_object, AT(partner, retry), 0, 0, retry_keys, false},
    {"modes", read_object, 0, 0, 0, mode_keys, true},
    {"hydrate", read_object, 0, 0, 0, hydrate_keys, false},
    {"reconcile", read_object, 0, 0, 0, reconcile_keys, false},
    {"fhirVersion", read_note, 0, 0, 0, NULL, false},
    {"vendor", read_note, 0, 0, 0, NULL, false},
    {"organization", read_note, 0, 0, 0, NULL, false},
    {"legalBasis", read_note, 0, 0, 0, NULL, false},
    {"dua", read_note, 0, 0, 0, NULL, false},
    {"auth", read_later, 0, 0, 0, NULL, false},
    {"tls", read_later, 0, 0, 0, NULL, false},
    {"cohort", read_later, 0, 0, 0, NULL, false},
    {"identity", read_later, 0, 0, 0, NULL, false},
    {"mapping", read_later, 0, 0, 0, NULL, false},
    {"quirks", read_later, 0, 0, 0, NULL, false},
    {0},
};

/* Of one query of a search or snapshot. */
static const struct key query_keys[] = {
    {"type", read_text, AT(partner_query, type), 0, 0, NULL, true},
    {"q", read_text, AT(partner_query, q), 0, 0, NULL, false},
    {"clock", read_text, AT(partner_query, parameter), 0, 0, NULL, false},
    {"lookback", read_duration, 0, 0, 0, NULL, false}, /* read by read_query() */
    {0},
};

static const struct partner defaults = {
    .enabled = true,
    .validation = VALIDATION_STRUCTURE,
    .guard_percent = 2,
    .guard_number = 500,
    .limits = {.rps = 10, .concurrency = 2, .page_bytes = 64 << 20, .timeout = 60000},
    .retry = {.first = 60000, .longest = 1800000, .tries = 6},
    .search = {.every = 300000, .overlap = 600000, .page_size = 500},
    .history = {.every = 300000, .overlap = 600000, .page_size = 500},
    .push = {.every = 1000},
    .snapshot = {.every = 7 * DAY_MS, .page_size = 500, .reconcile = true},
};

static bool read_keys(struct reading *reading, const struct key *keys, json_t *object, void *base);
static bool check(struct partner *partner, struct err *err);

bool partner_parse(struct text document, struct arena *arena, struct partner *partner,
                   struct err *err)
{
    struct reading reading = {arena, err, ""};
    json_error_t error;
    json_t *root = json_loadb(document.data ? document.data : "", document.size,
                              JSON_REJECT_DUPLICATES, &error);

    *partner = defaults;
    if (!root)
        return err_set(err, ERR_INVALID, NULL, "The document is no JSON: line %d, column %d.",
                       error.line, error.column);
    bool good = read_keys(&reading, partner_keys, root, partner) && check(partner, err);
    json_decref(root);
    return good;
}

/* Reading by the tables. */

static bool refuse(struct reading *reading, const char *must)
{
    return err_set(reading->err, ERR_INVALID, reading->where, "%s must be %s.", reading->where,
                   must);
}

static const char *path(struct reading *reading, const char *within, const char *name)
{
    return within[0] ? arena_printf(reading->arena, "%s.%s", within, name)
                     : arena_strdup(reading->arena, name);
}

static bool refuse_unknown(struct reading *reading, const struct key *keys, const char *name)
{
    const char *nearest = NULL;
    unsigned least = NEAR + 1;

    for (const struct key *key = keys; key->name; key++) {
        unsigned distance = query_edit_distance(text_of(name), text_of(key->name), NEAR);
        if (distance < least) {
            least = distance;
            nearest = key->name;
        }
    }
    return err_set(reading->err, ERR_INVALID, path(reading, reading->where, name),
                   "There is no key %.60s here%s%s%s", name, nearest ? "; did you mean " : "",
                   nearest ? nearest : "", nearest ? "?" : ".");
}

static const struct key *find_key(const struct key *keys, const char *name)
{
    for (const struct key *key = keys; key->name; key++)
        if (strcmp(key->name, name) == 0)
            return key;
    return NULL;
}

static bool read_keys(struct reading *reading, const struct key *keys, json_t *object, void *base)
{
    const char *within = reading->where, *name;
    json_t *value;

    if (!json_is_object(object))
        return err_set(reading->err, ERR_INVALID, within, "%s must be an object.",
                       within[0] ? within : "The document");
    json_object_foreach(object, name, value)
    {
        const struct key *key = find_key(keys, name);
        if (!key)
            return refuse_unknown(reading, keys, name);
        reading->where = path(reading, within, name);
        if (!key->read(reading, key, value, (char *)base + key->offset))
            return false;
        reading->where = within;
    }
    for (const struct key *key = keys; key->name; key++)
        if (key->required && !json_object_get(object, key->name))
            return err_set(reading->err, ERR_INVALID, path(reading, within, key->name),
                           "%s is missing.", path(reading, within, key->name));
    return true;
}

static bool read_object(struct reading *reading, const struct key *key, json_t *value, void *field)
{
    return read_keys(reading, key->inner, value, field);
}

static bool read_later(struct reading *reading, const struct key *key, json_t *value, void *field)
{
    (void)key, (void)value, (void)field;
    return err_set(reading->err, ERR_INVALID, reading->where, "%s is not offered yet.",
                   reading->where);
}

/* For people: checked to be a text, and otherwise only kept. */
static bool read_note(struct reading *reading, const struct key *key, json_t *value, void *field)
{
    (void)key, (void)field;
    return json_is_string(value) || json_is_null(value) || refuse(reading, "a text");
}

static bool read_text(struct reading *reading, const struct key *key, json_t *value, void *field)
{
    (void)key;
    if (!json_is_string(value) || json_string_length(value) > TEXT_MAX ||
        strlen(json_string_value(value)) != json_string_length(value))
        return refuse(reading, "a text");
    *(const char **)field = arena_strdup(reading->arena, json_string_value(value));
    return true;
}

static bool read_id(struct reading *reading, const struct key *key, json_t *value, void *field)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
    static const char must[] = "1 to 64 lower case letters, digits, - and _";

    if (!json_is_string(value) || !read_text(reading, key, value, field))
        return refuse(reading, must);
    const char *id = *(const char **)field;
    size_t size = strlen(id);
    return (size > 0 && size <= ID_MAX && strspn(id, allowed) == size) || refuse(reading, must);
}

static bool read_flag(struct reading *reading, const struct key *key, json_t *value, void *field)
{
    (void)key;
    *(bool *)field = json_is_true(value);
    return json_is_boolean(value) || refuse(reading, "true or false");
}

static bool in_range(struct reading *reading, const struct key *key, json_t *value, bool whole)
{
    double number = json_number_value(value);

    if ((whole ? json_is_integer(value) : json_is_number(value)) && number >= key->min &&
        number <= key->max)
        return true;
    return refuse(reading, arena_printf(reading->arena, "a%s number from %g to %g",
                                        whole ? " whole" : "", key->min, key->max));
}

static bool read_number(struct reading *reading, const struct key *key, json_t *value, void *field)
{
    *(unsigned *)field = (unsigned)json_integer_value(value);
    return in_range(reading, key, value, true);
}

static bool read_big(struct reading *reading, const struct key *key, json_t *value, void *field)
{
    *(int64_t *)field = json_integer_value(value);
    return in_range(reading, key, value, true);
}

static bool read_real(struct reading *reading, const struct key *key, json_t *value, void *field)
{
    *(double *)field = json_number_value(value);
    return in_range(reading, key, value, false);
}

static bool read_duration(struct reading *reading, const struct key *key, json_t *value,
                          void *field)
{
    int64_t *time = field;

    if (json_is_string(value) && partner_duration(text_of(json_string_value(value)), time) &&
        (double)*time >= key->min && (double)*time <= key->max)
        return true;
    return refuse(reading, arena_printf(reading->arena,
                                        "an ISO duration such as PT5M or P1D, from %g to %g s",
                                        key->min / 1000, key->max / 1000));
}

static bool read_url(struct reading *reading, const struct key *key, json_t *value, void *field)
{
    static const char must[] = "an http(s) URL without user, query and fragment";

    if (!json_is_string(value) || !read_text(reading, key, value, field))
        return refuse(reading, must);
    char *url = arena_strdup(reading->arena, *(const char **)field);
    size_t size = strlen(url);
    while (size && url[size - 1] == '/')
        url[--size] = 0;
    *(const char **)field = url;
    return (url_join(reading->arena, url, url) && strstr(url, "://") && !strpbrk(url, "?# ")) ||
           refuse(reading, must);
}

static bool read_urls(struct reading *reading, const struct key *key, json_t *value, void *field)
{
    const char **urls = arena_many(reading->arena, const char *, LIST_MAX + 1);
    size_t index;
    json_t *item;

    if (!json_is_array(value) || json_array_size(value) > LIST_MAX)
        return refuse(reading, "a list of URLs");
    json_array_foreach(value, index, item)
    {
        if (!read_url(reading, key, item, &urls[index]))
            return false;
    }
    *(const char ***)field = urls;
    return true;
}

static bool read_networks(struct reading *reading, const struct key *key, json_t *value,
                          void *field)
{
    struct partner *partner = field;
    size_t index;
    json_t *item;

    (void)key;
    if (!json_is_array(value) || json_array_size(value) > LIST_MAX)
        return refuse(reading, "a list of networks");
    partner->networks = arena_many(reading->arena, struct network, json_array_size(value) + 1);
    json_array_foreach(value, index, item)
    {
        struct err ignored = {0};
        const char *text = json_string_value(item);
        if (!text ||
            !network_parse(text_of(text), &partner->networks[partner->network_count++], &ignored))
            return refuse(reading, "a list of networks such as 10.0.0.0/8 or fd00::/8");
    }
    return true;
}

static bool is_header_name(const char *name)
{
    static const char *const ours[] = {
        "Accept", "Accept-Encoding", "Content-Type", "Content-Length", "Host", "Authorization",
        NULL};

    for (const char *const *own = ours; *own; own++)
        if (text_equals_nocase(text_of(name), text_of(*own)))
            return false;
    return name[0] &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
               strlen(name);
}

static bool read_headers(struct reading *reading, const struct key *key, json_t *value, void *field)
{
    const char **headers = arena_many(reading->arena, const char *, LIST_MAX + 1);
    const char *name;
    size_t count = 0;
    json_t *item;

    (void)key;
    if (!json_is_object(value) || json_object_size(value) > LIST_MAX)
        return refuse(reading, "an object of header names and values");
    json_object_foreach(value, name, item)
    {
        const char *text = json_string_value(item);
        if (!is_header_name(name) || !text || strpbrk(text, "\r\n"))
            return refuse(reading, "header names, other than those we set, with texts");
        headers[count++] = arena_printf(reading->arena, "%s: %s", name, text);
    }
    *(const char ***)field = headers;
    return true;
}

static bool read_validation(struct reading *reading, const struct key *key, json_t *value,
                            void *field)
{
    static const struct {
        const char *name;
        enum validation_level level;
    } levels[] = {
        {"off", VALIDATION_OFF}, {"structure", VALIDATION_STRUCTURE}, {"full", VALIDATION_FULL}};

    (void)key;
    for (size_t i = 0; json_is_string(value) && i < sizeof(levels) / sizeof(levels[0]); i++)
        if (strcmp(levels[i].name, json_string_value(value)) == 0) {
            *(enum validation_level *)field = levels[i].level;
            return true;
        }
    return refuse(reading, "off, structure or full");
}

static bool read_minute(struct text text, int *minute)
{
    struct text hours, minutes;
    int64_t h, m;

    if (!text_split(text, ':', &hours, &minutes) || hours.size != 2 || minutes.size != 2 ||
        !text_to_int64(hours, 0, 24, &h) || !text_to_int64(minutes, 0, 59, &m))
        return false;
    *minute = (int)(h * 60 + m) % (24 * 60);
    return true;
}

static bool read_quiet(struct reading *reading, const struct key *key, json_t *value, void *field)
{
    struct partner_limits *limits = field;
    struct text from, to;

    (void)key;
    if (json_is_string(value) && text_split(text_of(json_string_value(value)), '-', &from, &to) &&
        read_minute(from, &limits->window_from) && read_minute(to, &limits->window_to))
        return true;
    return refuse(reading, "hours of the day in UTC, such as 01:00-05:00");
}

static bool read_schedule(struct reading *reading, const struct key *key, json_t *value,
                          void *field)
{
    struct partner_schedule *schedule = field;

    schedule->on = true;
    return read_keys(reading, key->inner, value, field);
}

static bool known_type(struct reading *reading, const char *type)
{
    if (type && resource_type_find(text_of(type)))
        return true;
    return refuse(reading, "a resource type of R4");
}

static bool is_plain(const char *text)
{
    return !strpbrk(text, " \"<>\\^`{|}#\r\n\t+");
}

/* `clock` is _lastUpdated, or a search parameter with how far to look back. */
static bool read_query(struct reading *reading, json_t *value, struct partner_query *query)
{
    const char *within = reading->where;
    json_t *lookback = json_is_object(value) ? json_object_get(value, "lookback") : NULL;
    struct partner_query read = {.q = "", .parameter = "_lastUpdated"};
    int64_t back = 0;

    if (lookback && (!json_is_string(lookback) ||
                     !partner_duration(text_of(json_string_value(lookback)), &back) ||
                     back < DAY_MS || back > 3660 * DAY_MS)) {
        reading->where = path(reading, within, "lookback");
        return refuse(reading, "an ISO duration of days, such as P30D");
    }
    json_t *rest = json_is_object(value) ? json_copy(value) : json_null();
    if (json_is_object(rest))
        json_object_del(rest, "lookback");
    bool good = read_keys(reading, query_keys, rest, &read);
    json_decref(rest);
    if (!good)
        return false;
    reading->where = path(reading, within, "type");
    if (!known_type(reading, read.type))
        return false;
    reading->where = path(reading, within, "q");
    if (!is_plain(read.q))
        return refuse(reading, "criteria as in a URL, percent-encoded");
    read.clock =
        strcmp(read.parameter, "_lastUpdated") == 0 ? PARTNER_LAST_UPDATED : PARTNER_CLINICAL;
    reading->where = path(reading, within, "lookback");
    if (read.clock == PARTNER_CLINICAL && back == 0)
        return refuse(reading, "given, such as P30D, for a clock other than _lastUpdated");
    read.lookback_days = (int)(back / DAY_MS);
    *query = read;
    reading->where = within;
    return true;
}

static bool read_queries(struct reading *reading, const struct key *key, json_t *value, void *field)
{
    struct partner_schedule *schedule = field;
    const char *within = reading->where;
    size_t index;
    json_t *item;

    (void)key;
    if (!json_is_array(value) || json_array_size(value) < 1 || json_array_size(value) > LIST_MAX)
        return refuse(reading, "a list of queries");
    schedule->queries = arena_many(reading->arena, struct partner_query, json_array_size(value));
    json_array_foreach(value, index, item)
    {
        reading->where = arena_printf(reading->arena, "%s[%zu]", within, index);
        if (!read_query(reading, item, &schedule->queries[schedule->count++]))
            return false;
    }
    return true;
}

static bool read_types(struct reading *reading, const struct key *key, json_t *value, void *field)
{
    struct partner_schedule *schedule = field;
    size_t index;
    json_t *item;

    (void)key;
    if (!json_is_array(value) || json_array_size(value) < 1 || json_array_size(value) > LIST_MAX)
        return refuse(reading, "a list of resource types");
    schedule->queries = arena_many(reading->arena, struct partner_query, json_array_size(value));
    json_array_foreach(value, index, item)
    {
        if (!known_type(reading, json_string_value(item)))
            return false;
        schedule->queries[schedule->count++] = (struct partner_query){
            .type = arena_strdup(reading->arena, json_string_value(item)), .q = ""};
    }
    return true;
}

/* Pushing takes the queries of a schedule, without clocks, and its types; both may be given. */

static bool read_push(struct reading *reading, const struct key *key, json_t *value, void *field)
{
    struct partner_push *push = field;

    push->on = true;
    if (!read_keys(reading, key->inner, value, field))
        return false;
    return push->count > 0 ||
           err_set(reading->err, ERR_INVALID, reading->where,
                   "%s must have types or queries: what the partner shall get.", reading->where);
}

static bool add_queries(struct reading *reading, struct partner_push *push,
                        const struct partner_schedule *more)
{
    struct partner_query *all =
        arena_many(reading->arena, struct partner_query, push->count + more->count);

    if (push->count)
        memcpy(all, push->queries, push->count * sizeof(*all));
    memcpy(all + push->count, more->queries, more->count * sizeof(*all));
    push->queries = all;
    push->count += more->count;
    return true;
}

static bool read_push_types(struct reading *reading, const struct key *key, json_t *value,
                            void *field)
{
    struct partner_schedule types = {0};

    return read_types(reading, key, value, &types) && add_queries(reading, field, &types);
}

/* The criteria are of this server's own search. */
static bool check_criteria(struct reading *reading, const struct partner_query *query)
{
    const struct query_options options = query_options_default();
    struct issues issues;
    struct err why = {0};

    issues_init(&issues, reading->arena, 1);
    if (query->clock == PARTNER_LAST_UPDATED &&
        query_parse(reading->arena, query->type, text_of(query->q), &options, &issues, &why))
        return true;
    return refuse(reading, "types with criteria that this server can search for");
}

static bool read_push_queries(struct reading *reading, const struct key *key, json_t *value,
                              void *field)
{
    struct partner_schedule queries = {0};

    if (!read_queries(reading, key, value, &queries))
        return false;
    for (size_t i = 0; i < queries.count; i++)
        if (!check_criteria(reading, &queries.queries[i]))
            return false;
    return add_queries(reading, field, &queries);
}

static bool read_patients(struct reading *reading, const struct key *key, json_t *value,
                          void *field)
{
    static const char must[] = "a list of ids of patients of this server";
    const char **ids;
    size_t index;
    json_t *item;

    (void)key;
    if (!json_is_array(value) || json_array_size(value) < 1)
        return refuse(reading, must);
    ids = arena_many(reading->arena, const char *, json_array_size(value) + 1);
    json_array_foreach(value, index, item)
    {
        if (!json_is_string(item) ||
            !primitive_is_valid(PRIMITIVE_ID, text_of(json_string_value(item))))
            return refuse(reading, must);
        ids[index] = arena_strdup(reading->arena, json_string_value(item));
    }
    *(const char ***)field = ids;
    return true;
}

struct apply_config partner_apply_config(const struct partner *partner, int32_t number,
                                         const struct text *own_base,
                                         const struct definitions *definitions, struct arena *arena)
{
    size_t count = 0;

    while (partner->aliases[count])
        count++;
    struct text *aliases = arena_many(arena, struct text, count + 1);
    for (size_t i = 0; i < count; i++)
        aliases[i] = text_of(partner->aliases[i]);
    return (struct apply_config){
        .partner = {number, text_of(partner->base), aliases, count},
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

    if (!partner->name)
        partner->name = partner->id;
    if (!partner->aliases)
        partner->aliases = none;
    if (!partner->headers)
        partner->headers = none;
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
