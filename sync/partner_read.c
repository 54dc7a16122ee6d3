/*
 * Partner, reading - see partner_read.h: a value for each kind of key.
 */

#include "sync/partner_read.h"

#include "base/arena.h"
#include "base/count.h"
#include "fhir/query_text.h"
#include "sync/network.h"
#include "sync/partner.h"
#include "sync/secret.h"
#include "sync/url.h"

#define ID_MAX   64
#define TEXT_MAX 2000
#define LIST_MAX PARTNER_LIST_MAX
#define NEAR     3

bool partner_refuse(struct partner_reading *reading, const char *must)
{
    return err_set(reading->err, ERR_INVALID, reading->where, "%s must be %s.", reading->where,
                   must);
}

const char *partner_path(struct partner_reading *reading, const char *within, const char *name)
{
    return within[0] ? arena_printf(reading->arena, "%s.%s", within, name)
                     : arena_strdup(reading->arena, name);
}

static bool refuse_unknown(struct partner_reading *reading, const struct partner_key *keys,
                           const char *name)
{
    const char *nearest = NULL;
    unsigned least = NEAR + 1;

    for (const struct partner_key *key = keys; key->name; key++) {
        unsigned distance = query_edit_distance(text_of(name), text_of(key->name), NEAR);
        if (distance < least) {
            least = distance;
            nearest = key->name;
        }
    }
    return err_set(reading->err, ERR_INVALID, partner_path(reading, reading->where, name),
                   "There is no key %.60s here%s%s%s", name, nearest ? "; did you mean " : "",
                   nearest ? nearest : "", nearest ? "?" : ".");
}

static const struct partner_key *find_key(const struct partner_key *keys, const char *name)
{
    for (const struct partner_key *key = keys; key->name; key++)
        if (strcmp(key->name, name) == 0)
            return key;
    return NULL;
}

bool partner_read_keys(struct partner_reading *reading, const struct partner_key *keys,
                       json_t *object, void *base)
{
    const char *within = reading->where, *name;
    json_t *value;

    if (!json_is_object(object))
        return err_set(reading->err, ERR_INVALID, within, "%s must be an object.",
                       within[0] ? within : "The document");
    json_object_foreach(object, name, value)
    {
        const struct partner_key *key = find_key(keys, name);
        if (!key)
            return refuse_unknown(reading, keys, name);
        reading->where = partner_path(reading, within, name);
        if (!key->read(reading, key, value, (char *)base + key->offset))
            return false;
        reading->where = within;
    }
    for (const struct partner_key *key = keys; key->name; key++)
        if (key->required && !json_object_get(object, key->name))
            return err_set(reading->err, ERR_INVALID, partner_path(reading, within, key->name),
                           "%s is missing.", partner_path(reading, within, key->name));
    return true;
}

bool partner_read_object(struct partner_reading *reading, const struct partner_key *key,
                         json_t *value, void *field)
{
    return partner_read_keys(reading, key->inner, value, field);
}

bool partner_read_later(struct partner_reading *reading, const struct partner_key *key,
                        json_t *value, void *field)
{
    (void)key, (void)value, (void)field;
    return err_set(reading->err, ERR_INVALID, reading->where, "%s is not offered yet.",
                   reading->where);
}

/* For people: checked to be a text, and otherwise only kept. */
bool partner_read_note(struct partner_reading *reading, const struct partner_key *key,
                       json_t *value, void *field)
{
    (void)key, (void)field;
    return json_is_string(value) || json_is_null(value) || partner_refuse(reading, "a text");
}

bool partner_read_text(struct partner_reading *reading, const struct partner_key *key,
                       json_t *value, void *field)
{
    const size_t most = key->max > 0 ? (size_t)key->max : TEXT_MAX;

    if (!json_is_string(value) || json_string_length(value) > most ||
        strlen(json_string_value(value)) != json_string_length(value))
        return partner_refuse(reading, "a text");
    *(const char **)field = arena_strdup(reading->arena, json_string_value(value));
    return true;
}

bool partner_read_id(struct partner_reading *reading, const struct partner_key *key, json_t *value,
                     void *field)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
    static const char must[] = "1 to 64 lower case letters, digits, - and _";

    if (!json_is_string(value) || !partner_read_text(reading, key, value, field))
        return partner_refuse(reading, must);
    const char *id = *(const char **)field;
    size_t size = strlen(id);
    return (size > 0 && size <= ID_MAX && strspn(id, allowed) == size) ||
           partner_refuse(reading, must);
}

bool partner_read_flag(struct partner_reading *reading, const struct partner_key *key,
                       json_t *value, void *field)
{
    (void)key;
    *(bool *)field = json_is_true(value);
    return json_is_boolean(value) || partner_refuse(reading, "true or false");
}

static bool in_range(struct partner_reading *reading, const struct partner_key *key, json_t *value,
                     bool whole)
{
    double number = json_number_value(value);

    if ((whole ? json_is_integer(value) : json_is_number(value)) && number >= key->min &&
        number <= key->max)
        return true;
    return partner_refuse(reading, arena_printf(reading->arena, "a%s number from %g to %g",
                                                whole ? " whole" : "", key->min, key->max));
}

bool partner_read_number(struct partner_reading *reading, const struct partner_key *key,
                         json_t *value, void *field)
{
    *(unsigned *)field = (unsigned)json_integer_value(value);
    return in_range(reading, key, value, true);
}

bool partner_read_big(struct partner_reading *reading, const struct partner_key *key, json_t *value,
                      void *field)
{
    *(int64_t *)field = json_integer_value(value);
    return in_range(reading, key, value, true);
}

bool partner_read_real(struct partner_reading *reading, const struct partner_key *key,
                       json_t *value, void *field)
{
    *(double *)field = json_number_value(value);
    return in_range(reading, key, value, false);
}

bool partner_read_duration(struct partner_reading *reading, const struct partner_key *key,
                           json_t *value, void *field)
{
    int64_t *time = field;

    if (json_is_string(value) && partner_duration(text_of(json_string_value(value)), time) &&
        (double)*time >= key->min && (double)*time <= key->max)
        return true;
    return partner_refuse(reading,
                          arena_printf(reading->arena,
                                       "an ISO duration such as PT5M or P1D, from %g to %g s",
                                       key->min / 1000, key->max / 1000));
}

bool partner_read_url(struct partner_reading *reading, const struct partner_key *key, json_t *value,
                      void *field)
{
    static const char must[] = "an http(s) URL without user, query and fragment";

    if (!json_is_string(value) || !partner_read_text(reading, key, value, field))
        return partner_refuse(reading, must);
    char *url = arena_strdup(reading->arena, *(const char **)field);
    size_t size = strlen(url);
    while (size && url[size - 1] == '/')
        url[--size] = 0;
    *(const char **)field = url;
    return (url_join(reading->arena, url, url) && strstr(url, "://") && !strpbrk(url, "?# ")) ||
           partner_refuse(reading, must);
}

bool partner_read_urls(struct partner_reading *reading, const struct partner_key *key,
                       json_t *value, void *field)
{
    const char **urls = arena_many(reading->arena, const char *, LIST_MAX + 1);
    size_t index;
    json_t *item;

    if (!json_is_array(value) || json_array_size(value) > LIST_MAX)
        return partner_refuse(reading, "a list of URLs");
    json_array_foreach(value, index, item)
    {
        if (!partner_read_url(reading, key, item, &urls[index]))
            return false;
    }
    *(const char ***)field = urls;
    return true;
}

/* Ids of partners, or addresses. */
bool partner_read_forwards(struct partner_reading *reading, const struct partner_key *key,
                           json_t *value, void *field)
{
    const char **forwards = arena_many(reading->arena, const char *, LIST_MAX + 1);
    size_t index;
    json_t *item;

    if (!json_is_array(value) || json_array_size(value) > LIST_MAX)
        return partner_refuse(reading, "a list of ids of partners, or of their addresses");
    json_array_foreach(value, index, item)
    {
        const char *named = json_string_value(item);
        if (!(named && strstr(named, "://") ? partner_read_url : partner_read_id)(
                reading, key, item, &forwards[index]))
            return false;
    }
    *(const char ***)field = forwards;
    return true;
}

/* What is secret, or large, stays in a file of the machine that the worker runs on. */
bool partner_read_file(struct partner_reading *reading, const struct partner_key *key,
                       json_t *value, void *field)
{
    static const char must[] = "file: and the absolute path of a PEM file";
    const char *text = json_string_value(value);

    if (json_is_null(value)) /* as if it were not there */
        return true;
    if (!text || strncmp(text, "file:/", 6) != 0 || !partner_read_text(reading, key, value, field))
        return partner_refuse(reading, must);
    *(const char **)field += strlen("file:");
    return true;
}

bool partner_read_networks(struct partner_reading *reading, const struct partner_key *key,
                           json_t *value, void *field)
{
    struct partner *partner = field;
    size_t index;
    json_t *item;

    (void)key;
    if (!json_is_array(value) || json_array_size(value) > LIST_MAX)
        return partner_refuse(reading, "a list of networks");
    partner->networks = arena_many(reading->arena, struct network, json_array_size(value) + 1);
    json_array_foreach(value, index, item)
    {
        struct err ignored = {0};
        const char *text = json_string_value(item);
        if (!text ||
            !network_parse(text_of(text), &partner->networks[partner->network_count++], &ignored))
            return partner_refuse(reading, "a list of networks such as 10.0.0.0/8 or fd00::/8");
    }
    return true;
}

static bool is_header_name(const char *name)
{
    static const char *const ours[] = {
        "Accept", "Accept-Encoding", "Content-Type", "Content-Length", "Host", NULL};

    for (const char *const *own = ours; *own; own++)
        if (text_equals_nocase(text_of(name), text_of(*own)))
            return false;
    return name[0] &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
               strlen(name);
}

/* A text, or {"ref": "file:..."}. */
static bool read_header(struct partner_reading *reading, json_t *item, struct secret_header *header)
{
    const char *text = json_string_value(item), *ref = NULL;

    if (json_is_object(item) && json_object_size(item) == 1)
        ref = json_string_value(json_object_get(item, "ref"));
    if (ref && (!secret_is_ref(ref) || strlen(ref) > TEXT_MAX))
        return partner_refuse(reading, "a text, or {\"ref\": \"file:/absolute/path\"}, or "
                                       "{\"ref\": \"env:NAME\"}");
    if (!ref && (!text || strpbrk(text, "\r\n")))
        return partner_refuse(reading, "a text of one line, or {\"ref\": \"file:/absolute/path\"}");
    if (!ref && strcmp(text, SECRET_MASK) == 0)
        return partner_refuse(reading, "its value, or where it is found: " SECRET_MASK
                                       " only stands for it");
    header->value = ref ? NULL : arena_strdup(reading->arena, text);
    header->ref = ref ? arena_strdup(reading->arena, ref) : NULL;
    return true;
}

bool partner_read_headers(struct partner_reading *reading, const struct partner_key *key,
                          json_t *value, void *field)
{
    struct secret_header *headers = arena_many(reading->arena, struct secret_header, LIST_MAX + 1);
    const char *name, *within = reading->where;
    size_t count = 0;
    json_t *item;

    (void)key;
    if (!json_is_object(value) || json_object_size(value) > LIST_MAX)
        return partner_refuse(reading, "an object of header names and values");
    json_object_foreach(value, name, item)
    {
        if (!is_header_name(name))
            return partner_refuse(reading, "header names, other than those we set, with values");
        headers[count].name = arena_strdup(reading->arena, name);
        reading->where = partner_path(reading, within, name);
        if (!read_header(reading, item, &headers[count++]))
            return false;
        reading->where = within;
    }
    *(struct secret_header **)field = headers;
    return true;
}

bool partner_read_validation(struct partner_reading *reading, const struct partner_key *key,
                             json_t *value, void *field)
{
    static const struct {
        const char *name;
        enum validation_level level;
    } levels[] = {
        {"off", VALIDATION_OFF}, {"structure", VALIDATION_STRUCTURE}, {"full", VALIDATION_FULL}};

    (void)key;
    for (size_t i = 0; json_is_string(value) && i < COUNT(levels); i++)
        if (strcmp(levels[i].name, json_string_value(value)) == 0) {
            *(enum validation_level *)field = levels[i].level;
            return true;
        }
    return partner_refuse(reading, "off, structure or full");
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

bool partner_read_quiet(struct partner_reading *reading, const struct partner_key *key,
                        json_t *value, void *field)
{
    struct partner_limits *limits = field;
    struct text from, to;

    (void)key;
    if (json_is_string(value) && text_split(text_of(json_string_value(value)), '-', &from, &to) &&
        read_minute(from, &limits->window_from) && read_minute(to, &limits->window_to))
        return true;
    return partner_refuse(reading, "hours of the day in UTC, such as 01:00-05:00");
}
