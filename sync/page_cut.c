/*
 * Page cut - pages that are no JSON as a whole: see page_cut() and page_read_start() of page.h.
 *
 * An entry that is JSON in its structure ends where its brackets close. Behind one that is not, the
 * list goes on at the next place where an entry begins that says its fullUrl first, or is sound and
 * followed by another one or by the end of the list. Entries are known by their members, which
 * nothing else in a resource has but the entries of another Bundle; where one may be inside,
 * nothing is cut.
 */

#include "base/arena.h"
#include "sync/page.h"
#include "sync/page_cursor.h"
#include "sync/page_parts.h"

#define DEPTH_MAX 512
#define BUDGET    8 /* times the size of a page are looked at, in all */

enum soundness {
    SOUND,
    BROKEN, /* the cursor is where */
    ENDING, /* the bytes end too early */
};

struct cutting {
    struct cursor at; /* in the list of entries */
    struct arena *arena;
    struct page *page;
    size_t budget; /* bytes that may still be looked at */
};

static enum soundness take_sound(struct cursor *c, struct text *value);
static bool cut_entries(struct cutting *cutting);
static bool cut_broken(struct cutting *cutting, const char *begin);
static bool find_next(struct cutting *cutting, const char *from, const char **end);
static bool find_end(struct cutting *cutting, const char *from, const char **end);
static void add_broken(struct cutting *cutting, struct text raw);
static void read_beginning(struct text raw, struct arena *arena, struct page_entry *entry);

bool page_cut(struct text body, struct arena *arena, struct page *page)
{
    struct text name, value, type = {0}, trimmed = page_trim(body);
    struct cutting cutting = {{0}, arena, page, BUDGET * trimmed.size};

    *page = (struct page){.total = -1};
    if (!cursor_is_object(trimmed))
        return false;
    cutting.at = cursor_in(trimmed);
    while (cursor_go(&cutting.at, &name)) {
        if (!text_is(name, "entry") || cursor_peek(&cutting.at) != '[') {
            if (take_sound(&cutting.at, &value) != SOUND)
                return false;
            page_take_member(name, value, arena, page, &type);
        } else if (page->count || !cut_entries(&cutting)) {
            return false;
        }
    }
    return cursor_leave(&cutting.at, '}') && cutting.at.at == cutting.at.end &&
           text_is(type, "Bundle") && page->count > 0;
}

/* Structure. */

static enum soundness wrong(struct cursor *c)
{
    cursor_peek(c);
    return c->at < c->end ? BROKEN : ENDING;
}

/* A name with its colon. */
static bool pass_name(struct cursor *c)
{
    struct text name;

    if (cursor_peek(c) != '"' || !cursor_take(c, &name) || cursor_peek(c) != ':')
        return false;
    c->at++;
    return true;
}

/* Behind a value: closes what ends there. `*more`: another value follows. */
static enum soundness pass_ends(struct cursor *c, const char *open, size_t *depth, bool *more)
{
    *more = false;
    while (*depth) {
        const char outer = open[*depth - 1];
        const char byte = cursor_peek(c);
        if (byte == ',') {
            c->at++;
            *more = true;
            return outer == '[' || pass_name(c) ? SOUND : wrong(c);
        }
        if (byte != (outer == '{' ? '}' : ']'))
            return wrong(c);
        c->at++;
        (*depth)--;
    }
    return SOUND;
}

static enum soundness pass_value(struct cursor *c)
{
    char open[DEPTH_MAX];
    size_t depth = 0;
    bool more = true;

    while (more) {
        const char byte = cursor_peek(c);
        struct text plain;
        if (byte == '{' || byte == '[') {
            if (depth == DEPTH_MAX)
                return BROKEN;
            open[depth++] = byte;
            c->at++;
            if (cursor_peek(c) != (byte == '{' ? '}' : ']')) {
                if (byte == '{' && !pass_name(c))
                    return wrong(c);
                continue;
            }
        } else if (!byte || !cursor_take_plain(c, &plain)) {
            return wrong(c);
        }
        enum soundness behind = pass_ends(c, open, &depth, &more);
        if (behind != SOUND)
            return behind;
    }
    return SOUND;
}

/* One value, brackets by their kind, colons and commas where they belong. What stands in strings
 * and numbers is not looked at. */
static enum soundness take_sound(struct cursor *c, struct text *value)
{
    cursor_peek(c);
    const char *begin = c->at;
    enum soundness found = pass_value(c);

    *value = (struct text){begin, (size_t)(c->at - begin)};
    return found;
}

/* The list. */

static bool cut_entries(struct cutting *cutting)
{
    struct cursor *c = &cutting->at;

    c->at++;
    while (cursor_peek(c) != ']') {
        const char *begin = c->at;
        struct text raw;
        enum soundness found = take_sound(c, &raw);
        char behind = cursor_peek(c);
        if (found == ENDING || !behind)
            return false;
        if (found == SOUND && (behind == ',' || behind == ']'))
            page_read_entry(raw, cutting->arena, cutting->page);
        else if (!cut_broken(cutting, begin))
            return false;
        if (cursor_peek(c) == ',')
            c->at++;
    }
    c->at++;
    return true;
}

/* The cursor is where an entry is broken, and then behind it. */
static bool cut_broken(struct cutting *cutting, const char *begin)
{
    const char *from = cutting->at.at, *end;

    if (!find_next(cutting, from, &end) && !find_end(cutting, from, &end))
        return false;
    struct text raw = {begin, (size_t)(end - begin)};
    if (memmem(raw.data, raw.size, "\"entry\"", 7))
        return false;
    add_broken(cutting, raw);
    cutting->at.at = end;
    return true;
}

static bool spend(struct cutting *cutting, size_t bytes)
{
    if (bytes > cutting->budget)
        return false;
    cutting->budget -= bytes;
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool is_behind(const char *at, const char *first, char wanted)
{
    while (at > first && is_space(at[-1]))
        at--;
    return at > first && at[-1] == wanted;
}

/* Whether a sound object stands there that can be nothing but an entry; the cursor goes behind it,
 * or some way. */
static bool is_entry(struct cursor *c)
{
    static const char *const names[] = {"fullUrl", "resource", "search",    "request", "response",
                                        "link",    "id",       "extension", NULL};
    struct text name, value;
    bool telling = false;

    c->at++;
    while (cursor_go(c, &name)) {
        const char *const *known = names;
        while (*known && !text_is(name, *known))
            known++;
        if (!*known || take_sound(c, &value) != SOUND)
            return false;
        telling |= text_is(name, "request") ||
                   (text_is(name, "resource") && cursor_member(value, "resourceType").data);
    }
    return telling && cursor_leave(c, '}');
}

/* Nothing else has this name; what follows may be broken. */
static bool says_full_url(struct cursor c)
{
    struct text name;

    c.at++;
    return cursor_go(&c, &name) && text_is(name, "fullUrl") && cursor_peek(&c) == '"';
}

/* Where the list goes on with another entry: `*end` is the comma before it. */
static bool find_next(struct cutting *cutting, const char *from, const char **end)
{
    const char *last = cutting->at.end;

    for (const char *comma = from; (comma = memchr(comma, ',', (size_t)(last - comma))); comma++) {
        struct cursor c = {comma + 1, last};
        if (!is_behind(comma, from - 1, '}') || cursor_peek(&c) != '{')
            continue;
        if (says_full_url(c)) {
            *end = comma;
            return true;
        }
        bool entry = is_entry(&c);
        if (!spend(cutting, c.at ? (size_t)(c.at - comma) : 1))
            return false;
        char behind = entry ? cursor_peek(&c) : 0;
        if (behind == ',' || behind == ']') {
            *end = comma;
            return true;
        }
    }
    return false;
}

/* The last one is broken: `*end` is the only bracket behind which there is nothing but the rest
 * of a Bundle. */
static bool find_end(struct cutting *cutting, const char *from, const char **end)
{
    const char *last = cutting->at.end, *found = NULL;

    for (const char *at = from; (at = memchr(at, ']', (size_t)(last - at))); at++) {
        struct cursor c = {at + 1, last};
        struct text name, value;
        bool sound = is_behind(at, from - 1, '}');
        while (sound && cursor_go(&c, &name))
            sound = take_sound(&c, &value) == SOUND;
        if (!spend(cutting, c.at ? (size_t)(c.at - at) : 1))
            return false;
        if (!sound || !cursor_leave(&c, '}') || c.at != last)
            continue;
        if (found)
            return false;
        found = at;
    }
    *end = found;
    return found;
}

static void add_broken(struct cutting *cutting, struct text raw)
{
    struct page_entry *entry = page_add_entry(cutting->page, cutting->arena);

    read_beginning(raw, cutting->arena, entry);
    entry->body = text_trim(raw);
    entry->refused = "parse";
    entry->rule = "Its JSON is broken, and was cut out of the page.";
    cutting->page->count++;
}

/* Beginnings. */

/* The first of each name counts: behind a break others may follow. */
static void take_first(struct text name, struct text value, struct arena *arena,
                       struct page_entry *entry)
{
    if ((text_is(name, "resourceType") && entry->type.data) ||
        (text_is(name, "id") && entry->id.data) || (text_is(name, "meta") && entry->version.data))
        return;
    page_take_head(name, value, arena, entry);
}

/* What an entry says that does not come to its end, or not in order. */
static void read_beginning(struct text raw, struct arena *arena, struct page_entry *entry)
{
    struct cursor c = {raw.data + 1, raw.data + raw.size};
    struct page_parts parts = {0};
    struct text name, value;

    while (raw.size && raw.data[0] == '{' && cursor_go(&c, &name)) {
        bool inside = text_is(name, "resource") && cursor_peek(&c) == '{';
        if (inside)
            c.at++;
        while (inside && cursor_go(&c, &name) && take_sound(&c, &value) == SOUND)
            take_first(name, value, arena, entry);
        if (inside || take_sound(&c, &value) != SOUND)
            break;
        page_take_part(name, value, arena, &parts, entry);
    }
    if (!entry->type.data || !entry->id.data)
        page_take_name(parts.full_url, entry);
}

static void read_first(struct cursor *c, struct arena *arena, struct page_start *start)
{
    struct page alone = {.total = -1};
    struct text raw;

    start->whole = take_sound(c, &raw) == SOUND;
    if (start->whole)
        page_read_entry(raw, arena, &alone);
    else
        raw.size = (size_t)(c->end - raw.data);
    start->first = (struct page_entry){.updated = INT64_MIN};
    if (alone.count)
        start->first = alone.entries[0];
    else if (!start->whole)
        read_beginning(raw, arena, &start->first);
    start->first.body = raw;
}

bool page_read_start(struct text body, struct arena *arena, struct page_start *start)
{
    struct text name, value, type = {0}, trimmed = page_trim(body);

    *start = (struct page_start){.page.total = -1};
    if (!cursor_is_object(trimmed))
        return false;
    struct cursor c = cursor_in(trimmed);
    while (cursor_go(&c, &name)) {
        if (text_is(name, "entry") && cursor_peek(&c) == '[') {
            c.at++;
            cursor_peek(&c);
            read_first(&c, arena, start);
            return start->first.type.size > 0 && start->first.id.size > 0;
        }
        if (!cursor_take(&c, &value))
            return false;
        start->linked |= text_is(name, "link");
        page_take_member(name, value, arena, &start->page, &type);
    }
    return false;
}
