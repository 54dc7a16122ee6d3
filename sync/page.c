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
#include "sync/page_cursor.h"
#include "sync/page_parts.h"

#define ZONE_EARLIEST 840 /* minutes: +14:00, the first to see a day begin */
#define KINDS_SHOWN   60

/* The text of a string; absent when it is none, or broken. */
static struct text text_value(struct text value, struct arena *arena)
{
    struct err err = {0};
    struct text text = {0};
    bool plain;

    if (value.size < 2 || value.data[0] != '"')
        return (struct text){0};
    struct json_scan scan = {value.data, value.data, value.data + value.size, arena, &err};
    return json_scan_string(&scan, &text, &plain) ? text : (struct text){0};
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
    struct cursor c = cursor_in(meta);
    struct text name, value;

    while (cursor_next(&c, &name, &value)) {
        if (text_is(name, "versionId"))
            entry->version = text_value(value, arena);
        else if (text_is(name, "lastUpdated"))
            entry->updated = page_time(text_value(value, arena));
    }
}

void page_take_head(struct text name, struct text value, struct arena *arena,
                    struct page_entry *entry)
{
    if (text_is(name, "resourceType"))
        entry->type = text_value(value, arena);
    else if (text_is(name, "id"))
        entry->id = text_value(value, arena);
    else if (text_is(name, "meta") && cursor_is_object(value))
        read_meta(value, arena, entry);
}

bool page_read_resource(struct text body, struct arena *arena, struct page_entry *entry)
{
    struct text name, value;

    entry->updated = INT64_MIN;
    if (!cursor_is_object(body))
        return false;
    struct cursor c = cursor_in(body);
    while (cursor_next(&c, &name, &value))
        page_take_head(name, value, arena, entry);
    return entry->type.data && c.at;
}

static enum page_outcome outcome_of(struct text severity)
{
    if (text_is(severity, "fatal") || text_is(severity, "error"))
        return PAGE_ERROR;
    return text_is(severity, "information") || text_is(severity, "success") ? PAGE_REMARK
                                                                            : PAGE_DOUBT;
}

static void note_issue(struct text issue, struct arena *arena, struct page *page)
{
    struct text severity = text_value(cursor_member(issue, "severity"), arena);
    enum page_outcome outcome = outcome_of(severity);

    if (outcome <= page->outcome)
        return;
    page->outcome = outcome;
    page->severity = severity;
    page->code = text_value(cursor_member(issue, "code"), arena);
}

static void note_outcome(struct text outcome, struct arena *arena, struct page *page)
{
    struct text issues = cursor_member(outcome, "issue"), issue;

    page->outcomes++;
    if (!cursor_is_list(issues) || !cursor_first(issues).size) {
        note_issue((struct text){0}, arena, page);
        return;
    }
    struct cursor c = cursor_in(issues);
    while (cursor_next(&c, NULL, &issue))
        note_issue(issue, arena, page);
}

/* "Patient/1" or "https://.../Patient/1/_history/2", from behind. */
void page_take_name(struct text url, struct page_entry *entry)
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

struct page_entry *page_add_entry(struct page *page, struct arena *arena)
{
    if (page->count == page->room) {
        size_t room = page->room ? 2 * page->room : 64;
        struct page_entry *larger = arena_many(arena, struct page_entry, room);
        if (page->count)
            memcpy(larger, page->entries, page->count * sizeof(*larger));
        page->entries = larger;
        page->room = room;
    }
    struct page_entry *entry = &page->entries[page->count];
    *entry = (struct page_entry){.updated = INT64_MIN};
    return entry;
}

void page_take_part(struct text name, struct text value, struct arena *arena,
                    struct page_parts *parts, struct page_entry *entry)
{
    if (text_is(name, "search"))
        entry->include = text_is(text_value(cursor_member(value, "mode"), arena), "include");
    else if (text_is(name, "request"))
        parts->request = value;
    else if (text_is(name, "response"))
        parts->response = value;
    else if (text_is(name, "fullUrl"))
        parts->full_url = text_value(value, arena);
}

/* Where `resource` is missing, the entry itself takes its place: it will be refused with a reason
 * and not be lost without one. */
static void end_entry(const struct page_parts *parts, struct text raw, struct arena *arena,
                      struct page_entry *entry, struct page *page)
{
    if (parts->typed && text_is(entry->type, "OperationOutcome")) {
        note_outcome(entry->body, arena, page);
        return;
    }
    if (!entry->body.data &&
        text_is(text_value(cursor_member(parts->request, "method"), arena), "DELETE")) {
        entry->deletion = true;
        entry->updated =
            page_time(text_value(cursor_member(parts->response, "lastModified"), arena));
        entry->version = version_of(text_value(cursor_member(parts->response, "etag"), arena));
        struct text url = text_value(cursor_member(parts->request, "url"), arena);
        page_take_name(url.size ? url : parts->full_url, entry);
    } else if (!entry->body.data) {
        entry->body = raw;
    }
    page->count++;
}

void page_read_entry(struct text raw, struct arena *arena, struct page *page)
{
    struct page_entry *entry = page_add_entry(page, arena);
    struct cursor c = cursor_is_object(raw) ? cursor_in(raw) : (struct cursor){raw.data, raw.data};
    struct page_parts parts = {0};
    struct text name, value;

    while (cursor_next(&c, &name, &value)) {
        if (text_is(name, "resource"))
            entry->body = value;
        else
            page_take_part(name, value, arena, &parts, entry);
    }
    parts.typed = entry->body.data && page_read_resource(entry->body, arena, entry);
    end_entry(&parts, raw, arena, entry, page);
}

static bool read_entries(struct text list, struct arena *arena, struct page *page)
{
    struct cursor c = cursor_in(list);
    struct text value;

    while (cursor_next(&c, NULL, &value))
        page_read_entry(value, arena, page);
    return c.at;
}

/* The same in one pass, for entries that are as they should be. What is odd in any way is left to
 * the functions above, which count brackets first and so find the end of what is broken inside. */

static bool pass_resource(struct cursor *c, struct arena *arena, struct page_parts *parts,
                          struct page_entry *entry)
{
    const char *begin = c->at++;
    struct text name, value;

    while (cursor_go(c, &name)) {
        if (!cursor_take_plain(c, &value))
            return false;
        page_take_head(name, value, arena, entry);
    }
    if (!cursor_leave(c, '}'))
        return false;
    parts->typed = entry->type.data;
    entry->body = (struct text){begin, (size_t)(c->at - begin)};
    return true;
}

static bool pass_entry(struct cursor *c, struct arena *arena, struct page *page)
{
    struct page_entry *entry = page_add_entry(page, arena);
    struct page_parts parts = {0};
    struct text name, value;

    if (cursor_peek(c) != '{')
        return false;
    const char *begin = c->at++;
    while (cursor_go(c, &name)) {
        bool resource = text_is(name, "resource");
        if (resource && (entry->body.data || cursor_peek(c) != '{'))
            return false;
        if (resource ? !pass_resource(c, arena, &parts, entry) : !cursor_take_plain(c, &value))
            return false;
        if (!resource)
            page_take_part(name, value, arena, &parts, entry);
    }
    if (!cursor_leave(c, '}'))
        return false;
    end_entry(&parts, (struct text){begin, (size_t)(c->at - begin)}, arena, entry, page);
    return true;
}

/* `c` is at a list, and then behind it; or nothing has changed. */
static bool pass_entries(struct cursor *c, struct arena *arena, struct page *page)
{
    const struct page before = *page;
    struct cursor ahead = {c->at + 1, c->end};
    bool good = true;

    while (good && cursor_go(&ahead, NULL))
        good = pass_entry(&ahead, arena, page);
    if (good && cursor_leave(&ahead, ']')) {
        *c = ahead;
        return true;
    }
    *page = before;
    return false;
}

static void read_links(struct text list, struct arena *arena, struct page *page)
{
    struct cursor c = cursor_in(list);
    struct text value;

    while (cursor_next(&c, NULL, &value)) {
        struct text relation = text_value(cursor_member(value, "relation"), arena);
        struct text url = text_value(cursor_member(value, "url"), arena);
        if (text_is(relation, "next"))
            page->next = url;
        else if (text_is(relation, "self"))
            page->self = url;
    }
}

void page_take_member(struct text name, struct text value, struct arena *arena, struct page *page,
                      struct text *type)
{
    if (text_is(name, "resourceType"))
        *type = text_value(value, arena);
    else if (text_is(name, "total") && !text_to_int64(value, 0, INT64_MAX, &page->total))
        page->total = -1;
    else if (text_is(name, "link") && cursor_is_list(value))
        read_links(value, arena, page);
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

/* Some put a byte order mark before it. */
struct text page_trim(struct text body)
{
    struct text trimmed = text_trim(body);

    if (text_starts_with(trimmed, TEXT("\xef\xbb\xbf")))
        trimmed = text_trim((struct text){trimmed.data + 3, trimmed.size - 3});
    return trimmed;
}

bool page_read(struct text body, struct text content_type, struct arena *arena, struct page *page,
               struct err *err)
{
    struct text name, value, type = {0}, trimmed = page_trim(body);
    bool good = true;

    *page = (struct page){.total = -1};
    if (!cursor_is_object(trimmed))
        return refuse(body, content_type, type, err);
    struct cursor c = cursor_in(trimmed);
    while (good && cursor_go(&c, &name)) {
        if (text_is(name, "entry") && cursor_peek(&c) == '[' && pass_entries(&c, arena, page))
            continue;
        if (!cursor_take(&c, &value)) {
            c.at = NULL;
            break;
        }
        if (text_is(name, "entry") && cursor_is_list(value))
            good = read_entries(value, arena, page);
        else
            page_take_member(name, value, arena, page, &type);
    }
    if (!good || !c.at || cursor_peek(&c) != '}' || !text_is(type, "Bundle"))
        return refuse(body, content_type, type, err);
    if (!page->count && !page->outcomes && !page->self.data && !page->next.data && page->total < 0)
        return err_set(err, ERR_INVALID, NULL,
                       "The answer is a Bundle without entries, links and total.");
    return true;
}
