/*
 * Partner, queries - what the document says is asked for and sent: types, criteria, clocks.
 */

#include "base/arena.h"
#include "fhir/issue.h"
#include "fhir/primitive.h"
#include "fhir/query.h"
#include "fhir/type.h"
#include "sync/partner.h"
#include "sync/partner_read.h"

#define DAY_MS   INT64_C(86400000)
#define LIST_MAX PARTNER_LIST_MAX

#define CRITERIA_MAX 65536 /* lists of ids may be long; then they go by POST */

/* Of one query of a search or snapshot. */
static const struct partner_key query_keys[] = {
    {"type", partner_read_text, offsetof(struct partner_query, type), 0, 0, NULL, true},
    {"q", partner_read_text, offsetof(struct partner_query, q), 0, CRITERIA_MAX, NULL, false},
    {"clock", partner_read_text, offsetof(struct partner_query, parameter), 0, 0, NULL, false},
    {"lookback", partner_read_duration, 0, 0, 0, NULL, false}, /* read by read_query() */
    {0},
};

bool partner_read_schedule(struct partner_reading *reading, const struct partner_key *key,
                           json_t *value, void *field)
{
    struct partner_schedule *schedule = field;

    schedule->on = true;
    return partner_read_keys(reading, key->inner, value, field);
}

static bool is_same(const struct partner_query *one, const struct partner_query *other)
{
    const char *key = one->key ? one->key : "", *other_key = other->key ? other->key : "";

    return strcmp(one->type, other->type) == 0 && strcmp(one->q, other->q) == 0 &&
           strcmp(key, other_key) == 0;
}

/* Two that are the same would share a window, and one could end what the other has not read. */
static bool is_new(struct partner_reading *reading, const struct partner_schedule *schedule)
{
    const struct partner_query *last = &schedule->queries[schedule->count - 1];

    for (const struct partner_query *query = schedule->queries; query < last; query++)
        if (is_same(query, last))
            return partner_refuse(reading, "another than those before it");
    return true;
}

static bool known_type(struct partner_reading *reading, const char *type)
{
    if (type && resource_type_find(text_of(type)))
        return true;
    return partner_refuse(reading, "a resource type of R4");
}

static bool is_plain(const char *text)
{
    return !strpbrk(text, " \"<>\\^`{|}#\r\n\t+");
}

/* `clock` is _lastUpdated, or a search parameter with how far to look back. */
static bool read_query(struct partner_reading *reading, json_t *value, struct partner_query *query)
{
    const char *within = reading->where;
    json_t *lookback = json_is_object(value) ? json_object_get(value, "lookback") : NULL;
    struct partner_query read = {.q = "", .parameter = "_lastUpdated"};
    int64_t back = 0;

    if (lookback && (!json_is_string(lookback) ||
                     !partner_duration(text_of(json_string_value(lookback)), &back) ||
                     back < DAY_MS || back > 3660 * DAY_MS)) {
        reading->where = partner_path(reading, within, "lookback");
        return partner_refuse(reading, "an ISO duration of days, such as P30D");
    }
    json_t *rest = json_is_object(value) ? json_copy(value) : json_null();
    if (json_is_object(rest))
        json_object_del(rest, "lookback");
    bool good = partner_read_keys(reading, query_keys, rest, &read);
    json_decref(rest);
    if (!good)
        return false;
    reading->where = partner_path(reading, within, "type");
    if (!known_type(reading, read.type))
        return false;
    reading->where = partner_path(reading, within, "q");
    if (!is_plain(read.q))
        return partner_refuse(reading, "criteria as in a URL, percent-encoded");
    read.clock =
        strcmp(read.parameter, "_lastUpdated") == 0 ? PARTNER_LAST_UPDATED : PARTNER_CLINICAL;
    reading->where = partner_path(reading, within, "lookback");
    if (read.clock == PARTNER_CLINICAL && back == 0)
        return partner_refuse(reading, "given, such as P30D, for a clock other than _lastUpdated");
    read.lookback_days = (int)(back / DAY_MS);
    if (read.clock == PARTNER_CLINICAL)
        read.key =
            arena_printf(reading->arena, "%s%s%s", read.q, read.q[0] ? "&" : "", read.parameter);
    *query = read;
    reading->where = within;
    return true;
}

bool partner_read_queries(struct partner_reading *reading, const struct partner_key *key,
                          json_t *value, void *field)
{
    struct partner_schedule *schedule = field;
    const char *within = reading->where;
    size_t index;
    json_t *item;

    (void)key;
    if (!json_is_array(value) || json_array_size(value) < 1 || json_array_size(value) > LIST_MAX)
        return partner_refuse(reading, "a list of queries");
    schedule->queries = arena_many(reading->arena, struct partner_query, json_array_size(value));
    json_array_foreach(value, index, item)
    {
        reading->where = arena_printf(reading->arena, "%s[%zu]", within, index);
        if (!read_query(reading, item, &schedule->queries[schedule->count++]) ||
            !is_new(reading, schedule))
            return false;
    }
    return true;
}

bool partner_read_types(struct partner_reading *reading, const struct partner_key *key,
                        json_t *value, void *field)
{
    struct partner_schedule *schedule = field;
    size_t index;
    json_t *item;

    (void)key;
    if (!json_is_array(value) || json_array_size(value) < 1 || json_array_size(value) > LIST_MAX)
        return partner_refuse(reading, "a list of resource types");
    schedule->queries = arena_many(reading->arena, struct partner_query, json_array_size(value));
    json_array_foreach(value, index, item)
    {
        if (!known_type(reading, json_string_value(item)))
            return false;
        schedule->queries[schedule->count++] = (struct partner_query){
            .type = arena_strdup(reading->arena, json_string_value(item)), .q = ""};
        if (!is_new(reading, schedule))
            return false;
    }
    return true;
}

/* Pushing takes the queries of a schedule, without clocks, and its types; both may be given. */

bool partner_read_push(struct partner_reading *reading, const struct partner_key *key,
                       json_t *value, void *field)
{
    struct partner_push *push = field;

    push->on = true;
    if (!partner_read_keys(reading, key->inner, value, field))
        return false;
    return push->count > 0 ||
           err_set(reading->err, ERR_INVALID, reading->where,
                   "%s must have types or queries: what the partner shall get.", reading->where);
}

static bool add_queries(struct partner_reading *reading, struct partner_push *push,
                        const struct partner_schedule *more)
{
    struct partner_query *all =
        arena_many(reading->arena, struct partner_query, push->count + more->count);

    for (size_t i = 0; i < push->count; i++)
        all[i] = push->queries[i];
    for (size_t i = 0; i < more->count; i++)
        all[push->count + i] = more->queries[i];
    push->queries = all;
    push->count += more->count;
    return true;
}

bool partner_read_push_types(struct partner_reading *reading, const struct partner_key *key,
                             json_t *value, void *field)
{
    struct partner_schedule types = {0};

    return partner_read_types(reading, key, value, &types) && add_queries(reading, field, &types);
}

/* The criteria are of this server's own search. */
static bool check_criteria(struct partner_reading *reading, const struct partner_query *query)
{
    struct query_options options = query_options_default();
    struct issues issues;
    struct err why = {0};

    options.rechecked = true;
    issues_init(&issues, reading->arena, 1);
    if (query->clock == PARTNER_LAST_UPDATED &&
        query_parse(reading->arena, query->type, text_of(query->q), &options, &issues, &why))
        return true;
    return partner_refuse(reading, "types with criteria that this server can search for");
}

bool partner_read_push_queries(struct partner_reading *reading, const struct partner_key *key,
                               json_t *value, void *field)
{
    struct partner_schedule queries = {0};

    if (!partner_read_queries(reading, key, value, &queries))
        return false;
    for (size_t i = 0; i < queries.count; i++)
        if (!check_criteria(reading, &queries.queries[i]))
            return false;
    return add_queries(reading, field, &queries);
}

bool partner_read_patients(struct partner_reading *reading, const struct partner_key *key,
                           json_t *value, void *field)
{
    static const char must[] = "a list of ids of patients of this server";
    const char **ids;
    size_t index;
    json_t *item;

    (void)key;
    if (!json_is_array(value) || json_array_size(value) < 1)
        return partner_refuse(reading, must);
    ids = arena_many(reading->arena, const char *, json_array_size(value) + 1);
    json_array_foreach(value, index, item)
    {
        if (!json_is_string(item) ||
            !primitive_is_valid(PRIMITIVE_ID, text_of(json_string_value(item))))
            return partner_refuse(reading, must);
        ids[index] = arena_strdup(reading->arena, json_string_value(item));
    }
    *(const char ***)field = ids;
    return true;
}
