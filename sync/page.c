/*
 * Page - see page.h.
 *
 * The scanner only finds where values end: it counts brackets and passes over
 * strings. What is inside a resource is judged when it is applied.
 */

#include "sync/page.h"

#include "base/arena.h"
#include "fhir/json_scan.h"
#include "fhir/primitive.h"

#define ZONE_EARLIEST 840 /* minutes: +14:00, the first to see a day begin */
#define KINDS_SHOWN   60

struct cursor {
    const char *at, *end;
};

static char skip_space(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t'))
        c->at++;
    return c->at < c->end ? *c->at : 0;
}

static bool skip_string(struct cursor *c)
{
    for (c->at++; c->at < c->end; c->at++) {
        if (*c->at == '\\')
            c->at++;
        else if (*c->at == '"') {
            c->at++;
            return true;
        }
    }
    return false;
}

static bool skip_nested(struct cursor *c)
{
    size_t depth = 0;

    while (c->at < c->end) {
        char byte = *c->at;
        if (byte == '"') {
            if (!skip_string(c))
                return false;
            continue;
        }
        c->at++;
        if (byte == '{' || byte == '[')
            depth++;
        else if ((byte == '}' || byte == ']') && --depth == 0)
            return true;
    }
    return false;
}

/* The bytes of the value that stands there. */
static bool take_value(struct cursor *c, struct text *value)
{
    char first = skip_space(c);
    const char *begin = c->at;
    bool good = true;

    if (first == '{' || first == '[')
        good = skip_nested(c);
    else if (first == '"')
        good = skip_string(c);
    else
        while (c->at < c->end && !(*c->at && strchr(",]} \t\r\n", *c->at)))
            c->at++;
    *value = (struct text){begin, (size_t)(c->at - begin)};
    return good && value->size > 0;
}

static struct cursor inside(struct text value)
{
    return (struct cursor){value.data + 1, value.data + value.size};
}

/* The next member of an object, or item of a list (`name` NULL). False at its end, and where it
 * is broken: then `c->at` is NULL. */
static bool next_value(struct cursor *c, struct text *name, struct text *value)
{
    char byte = skip_space(c);

    if (byte == ',') {
        c->at++;
        byte = skip_space(c);
    }
    if (byte == '}' || byte == ']')
        return false;
    if (name && (byte != '"' || !take_value(c, name) || skip_space(c) != ':')) {
        c->at = NULL;
        return false;
    }
    if (name) {
        c->at++;
        *name = (struct text){name->data + 1, name->size - 2};
    }
    if (take_value(c, value))
        return true;
    c->at = NULL;
    return false;
}

static bool is_object(struct text value)
{
    return value.size >= 2 && value.data[0] == '{';
}

static bool is_list(struct text value)
{
    return value.size >= 2 && value.data[0] == '[';
}

/* The text of a string; absent when it is none, or broken. */
static struct text text_value(struct text value, struct arena *arena)
{
    struct err err = {0};
    struct json_scan scan = {value.data, value.data, value.data + value.size, arena, &err};
    struct text text = {0};
    bool plain;

    if (value.size < 2 || value.data[0] != '"' || !json_scan_string(&scan, &text, &plain))
        return (struct text){0};
    return text;
}

int64_t page_time(struct text text)
{
    struct date_value value;
    int64_t low, high;
    char copy[40];

    if (!text.data || text.size >= sizeof(copy))
        return INT64_MIN;
    memcpy(copy, text.data, text.size);
    /* A leap second is not one of R4's instants, but is one of time. */
    if (text.size > 18 && memcmp(copy + 16, ":60", 3) == 0)
        memcpy(copy + 16, ":59", 3);
    if (!date_parse((struct text){copy, text.size}, &value))
        return INT64_MIN;
    date_span(&value, ZONE_EARLIEST, &low, &high);
    return low;
}

static void read_meta(struct text meta, struct arena *arena, struct page_entry *entry)
{
    struct cursor c = inside(meta);
    struct text name, value;

    while (next_value(&c, &name, &value)) {
        if (text_is(name, "versionId"))
            entry->version = text_value(value, arena);
        else if (text_is(name, "lastUpdated"))
            entry->updated = page_time(text_value(value, arena));
    }
}

bool page_read_resource(struct text body, struct arena *arena, struct page_entry *entry)
{
    struct text name, value;

    entry->updated = INT64_MIN;
    if (!is_object(body))
        return false;
    struct cursor c = inside(body);
    while (next_value(&c, &name, &value)) {
        if (text_is(name, "resourceType"))
            entry->type = text_value(value, arena);
        else if (text_is(name, "id"))
            entry->id = text_value(value, arena);
        else if (text_is(name, "meta") && is_object(value))
            read_meta(value, arena, entry);
    }
    return entry->type.data && c.at;
}

/* Of a list of objects: the first. */
static struct text first_of(struct text list)
{
    struct text value = {0};

    if (!is_list(list))
        return value;
    struct cursor c = inside(list);
    next_value(&c, NULL, &value);
    return value;
}

static struct text member(struct text object, const char *wanted)
{
    struct text name, value;

    if (!is_object(object))
        return (struct text){0};
    struct cursor c = inside(object);
    while (next_value(&c, &name, &value))
        if (text_is(name, wanted))
            return value;
    return (struct text){0};
}

static void note_outcome(struct text outcome, struct arena *arena, struct page *page)
{
    struct text issue = first_of(member(outcome, "issue"));

    if (page->outcomes++)
        return;
    page->severity = text_value(member(issue, "severity"), arena);
    page->code = text_value(member(issue, "code"), arena);
}

/* "Patient/1" or "https://.../Patient/1/_history/2", from behind. */
static void read_deleted(struct text url, struct page_entry *entry)
{
    struct text parts[4] = {{0}}, rest = url, part;
    size_t count = 0;

    while (text_next(&rest, '/', &part)) {
        memmove(parts + 1, parts, 3 * sizeof(parts[0]));
        parts[0] = part;
        count++;
    }
    size_t id = count > 3 && text_is(parts[1], "_history") ? 2 : 0;
    if (count >= id + 2) {
        entry->id = parts[id];
        entry->type = parts[id + 1];
    }
}

/* W/"3" */
static struct text version_of(struct text etag)
{
    struct text before, rest;

    if (!etag.data || !text_split(etag, '"', &before, &rest) ||
        !text_split(rest, '"', &etag, &before))
        return (struct text){0};
    return etag;
}

/* Where `resource` is missing, the entry itself takes its place: it will be refused with a reason
 * and not be lost without one. */
static void read_entry(struct text raw, struct arena *arena, struct page *page)
{
    struct page_entry *entry = &page->entries[page->count];
    struct text name, value, request = {0}, response = {0}, full_url = {0};
    struct cursor c = is_object(raw) ? inside(raw) : (struct cursor){raw.data, raw.data};

    *entry = (struct page_entry){.updated = INT64_MIN};
    while (next_value(&c, &name, &value)) {
        if (text_is(name, "resource"))
            entry->body = value;
        else if (text_is(name, "search"))
            entry->include = text_is(text_value(member(value, "mode"), arena), "include");
        else if (text_is(name, "request"))
            request = value;
        else if (text_is(name, "response"))
            response = value;
        else if (text_is(name, "fullUrl"))
            full_url = text_value(value, arena);
    }
    if (entry->body.data && page_read_resource(entry->body, arena, entry) &&
        text_is(entry->type, "OperationOutcome")) {
        note_outcome(entry->body, arena, page);
        return;
    }
    if (!entry->body.data && text_is(text_value(member(request, "method"), arena), "DELETE")) {
        entry->deletion = true;
        entry->updated = page_time(text_value(member(response, "lastModified"), arena));
        entry->version = version_of(text_value(member(response, "etag"), arena));
        struct text url = text_value(member(request, "url"), arena);
        read_deleted(url.size ? url : full_url, entry);
    } else if (!entry->body.data) {
        entry->body = raw;
    }
    page->count++;
}

static bool read_entries(struct text list, struct arena *arena, struct page *page)
{
    struct cursor c = inside(list);
    struct text value;
    size_t count = 0;

    while (next_value(&c, NULL, &value))
        count++;
    page->entries = arena_many(arena, struct page_entry, count + 1);
    for (c = inside(list); next_value(&c, NULL, &value);)
        read_entry(value, arena, page);
    return c.at;
}

static void read_links(struct text list, struct arena *arena, struct page *page)
{
    struct cursor c = inside(list);
    struct text value;

    while (next_value(&c, NULL, &value)) {
        struct text relation = text_value(member(value, "relation"), arena);
        struct text url = text_value(member(value, "url"), arena);
        if (text_is(relation, "next"))
            page->next = url;
        else if (text_is(relation, "self"))
            page->self = url;
    }
}

/* What came in place of a Bundle, for the log: kinds only, no content. */
static bool refuse(struct text body, struct text content_type, struct text type, struct err *err)
{
    struct text start = text_trim(body);
    size_t shown = content_type.size < KINDS_SHOWN ? content_type.size : KINDS_SHOWN;

    if (text_is(type, "Bundle"))
        return err_set(err, ERR_INVALID, NULL, "The answer is a Bundle of broken JSON.");
    if (type.data && resource_type_find(type))
        return err_set(err, ERR_INVALID, NULL, "The answer is %s %.*s in place of a Bundle.",
                       text_article(type.data), TEXT_ARGS(type));
    return err_set(err, ERR_INVALID, NULL, "The answer is no Bundle, but %s of %zu bytes (%.*s).",
                   start.size == 0              ? "nothing"
                   : start.data[0] == '<'       ? "markup"
                   : strchr("{[n", *start.data) ? "other or broken JSON"
                                                : "text",
                   body.size, (int)shown, content_type.data ? content_type.data : "no type");
}

bool page_read(struct text body, struct text content_type, struct arena *arena, struct page *page,
               struct err *err)
{
    struct text name, value, type = {0}, trimmed = text_trim(body);
    bool good = true;

    *page = (struct page){.total = -1};
    if (text_starts_with(trimmed, TEXT("\xef\xbb\xbf")))
        trimmed = text_trim((struct text){trimmed.data + 3, trimmed.size - 3});
    if (!is_object(trimmed))
        return refuse(body, content_type, type, err);
    struct cursor c = inside(trimmed);
    while (good && next_value(&c, &name, &value)) {
        if (text_is(name, "resourceType"))
            type = text_value(value, arena);
        else if (text_is(name, "total") && !text_to_int64(value, 0, INT64_MAX, &page->total))
            page->total = -1;
        else if (text_is(name, "link") && is_list(value))
            read_links(value, arena, page);
        else if (text_is(name, "entry") && is_list(value))
            good = read_entries(value, arena, page);
    }
    if (!good || !c.at || skip_space(&c) != '}' || !text_is(type, "Bundle"))
        return refuse(body, content_type, type, err);
    if (!page->count && !page->outcomes && !page->self.data && !page->next.data && page->total < 0)
        return err_set(err, ERR_INVALID, NULL,
                       "The answer is a Bundle without entries, links and total.");
    return true;
}
