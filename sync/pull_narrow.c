/*
 * Pull narrow - what stands in the way of a page: a resource that is larger than an answer may be,
 * or that breaks the JSON of all.
 *
 * Pages are made smaller by the _count of their URL. Where pages are numbered, that names another
 * place: so a smaller one is used only when it begins with the same resource, and has no more of
 * them than was asked for. What then is alone in its page, and still too large or broken,
 * becomes a dead letter, and the page's next link leads on.
 */

#include "base/arena.h"
#include "base/log.h"
#include "sync/partner.h"
#include "sync/pull_internal.h"
#include "sync/url.h"

#define UNKNOWN 256                /* the size of a page that nobody has said */
#define KEPT    ((size_t)64 << 10) /* of a resource that is too large */

/* How it was spoilt. */
struct spoilt {
    struct page_start start;
    bool too_large; /* else broken */
};

static unsigned full_size(const struct pull *pull)
{
    return pull_page_size(pull) ? pull_page_size(pull) : UNKNOWN;
}

/* The _count that it was asked for with. */
static unsigned size_of(const struct sheet *sheet)
{
    const char *url =
        sheet->form.data ? arena_printf(sheet->arena, "?%.*s", TEXT_ARGS(sheet->form)) : sheet->url;
    int64_t count;

    if (!text_to_int64(url_parameter(sheet->arena, url, "_count"), 1, INT32_MAX, &count))
        return full_size(sheet->pull);
    return (unsigned)count;
}

bool sheet_is_full(const struct sheet *sheet)
{
    return size_of(sheet) >= full_size(sheet->pull);
}

/* The same page, with another size. */
static struct sheet *again(const struct sheet *sheet, unsigned size)
{
    struct arena *arena = sheet->arena;
    const char *count = arena_printf(arena, "%u", size);

    if (!sheet->form.data)
        return sheet_begin(sheet->pull, url_with_parameter(arena, sheet->url, "_count", count),
                           (struct text){0}, true);
    const char *form = arena_printf(arena, "?%.*s", TEXT_ARGS(sheet->form));
    return sheet_begin(sheet->pull, sheet->url,
                       text_of(url_with_parameter(arena, form, "_count", count) + 1), true);
}

static bool has_come(const struct sheet *sheet)
{
    return sheet->good && sheet->response.status < 300;
}

/* Something came, that is no page as it is. */
static bool is_spoilt(const struct sheet *sheet)
{
    return !sheet->good && (sheet->err.kind == ERR_TOO_LARGE || sheet->broken.data);
}

/* False when it failed in another way, or does not show with what it begins. */
static bool look_at_spoilt(struct sheet *sheet, struct spoilt *spoilt)
{
    if (!is_spoilt(sheet))
        return false;
    spoilt->too_large = sheet->err.kind == ERR_TOO_LARGE;
    struct text bytes = spoilt->too_large ? sheet->response.body : sheet->broken;
    return bytes.data && page_read_start(bytes, sheet->arena, &spoilt->start);
}

static bool same_version(struct text one, struct text other)
{
    return !one.data || !other.data || text_equals(one, other);
}

static bool same_entry(const struct page_entry *one, const struct page_entry *other)
{
    return one->type.data && other->type.data && text_equals(one->type, other->type) &&
           one->id.data && other->id.data && text_equals(one->id, other->id) &&
           same_version(one->version, other->version);
}

static bool begins_with(const struct page *page, const struct page_entry *entry)
{
    return page->count && same_entry(entry, &page->entries[0]);
}

static size_t matches(const struct page *page)
{
    size_t count = 0;

    for (size_t i = 0; i < page->count; i++)
        count += !page->entries[i].include;
    return count;
}

/* It stays as it failed, with one more reason. */
static struct sheet *refuse(struct sheet *sheet, const char *why)
{
    struct err err = {0};

    err_set(&err, sheet->err.kind, NULL, "%.160s %s", sheet->err.text, why);
    sheet->err = err;
    return sheet;
}

static size_t occurrences(struct text body, const char *word)
{
    const char *at = body.data, *end = body.data + body.size;
    size_t count = 0, size = strlen(word);

    while ((at = memmem(at, (size_t)(end - at), word, size))) {
        count++;
        at += size;
    }
    return count;
}

/* Whether a page that was asked for with one resource has but that one. It can be seen where
 * nothing else begins in it. Otherwise it is believed when other pages had no more than was asked
 * for, or when the page says itself what it was asked for; and of what is too large it must be true
 * that the first one does not come to its end. */
static bool is_alone(const struct chain *chain, const struct sheet *sheet,
                     const struct spoilt *spoilt)
{
    const char *self = text_dup(sheet->arena, spoilt->start.page.self);

    if (!spoilt->too_large && occurrences(sheet->broken, "\"fullUrl\"") <= 1 &&
        occurrences(sheet->broken, "\"resource\"") <= 1)
        return true;
    if (spoilt->too_large && spoilt->start.whole)
        return false;
    return chain->counted || (self && text_is(url_parameter(sheet->arena, self, "_count"), "1"));
}

/* The page of that one: it lands refused, with as much of it as there is. */
static void refuse_entry(struct sheet *sheet, const struct spoilt *spoilt)
{
    struct page_entry *entry = arena_one(sheet->arena, struct page_entry);

    *entry = spoilt->start.first;
    if (entry->body.size > KEPT && spoilt->too_large)
        entry->body.size = KEPT;
    entry->refused = spoilt->too_large ? "too_large" : "parse";
    entry->rule = spoilt->too_large
                      ? arena_printf(sheet->arena,
                                     "Alone it is larger than an answer may be: %lld bytes "
                                     "(limits.pageBytes).",
                                     (long long)sheet->pull->partner->limits.page_bytes)
                      : "Its JSON is broken, and so was its page.";
    entry->deletion = false;
    sheet->page = spoilt->start.page;
    sheet->page.entries = entry;
    sheet->page.count = sheet->page.room = 1;
    sheet->good = true;
    sheet->err = (struct err){0};
}

/* Waits. Half of the page; NULL when it is another page than was asked for, or none. `spoilt` gets
 * how it is spoilt, when it is. */
static struct sheet *halve(struct chain *chain, const struct sheet *sheet, unsigned size,
                           const struct page_entry *first, struct spoilt *spoilt)
{
    struct sheet *half = again(sheet, size);
    bool same;

    sheet_await(half);
    if (has_come(half)) {
        same = matches(&half->page) <= size && begins_with(&half->page, first);
        chain->counted |= same && matches(&half->page) == size && half->page.next.data;
    } else if (half->err.kind == ERR_THROTTLED || half->err.kind == ERR_BUSY) {
        same = true; /* to be gone on with later */
    } else {
        same = look_at_spoilt(half, spoilt) && same_entry(first, &spoilt->start.first);
    }
    if (same)
        return half;
    sheet_end(half);
    return NULL;
}

static struct page_entry name_of(const struct page_entry *entry, struct arena *arena)
{
    return (struct page_entry){
        .type = text_of(text_dup(arena, entry->type)),
        .id = {text_dup(arena, entry->id), entry->id.size},
        .version = {entry->version.data ? text_dup(arena, entry->version) : NULL,
                    entry->version.size},
    };
}

struct sheet *sheet_narrow(struct chain *chain, struct sheet *sheet)
{
    unsigned size = size_of(sheet);
    struct spoilt spoilt;

    if (!look_at_spoilt(sheet, &spoilt))
        return sheet;
    const struct page_entry first = name_of(&spoilt.start.first, chain->arena);
    while (size > 1) {
        struct sheet *half = halve(chain, sheet, size /= 2, &first, &spoilt);
        if (!half)
            return refuse(sheet, "Smaller pages cannot be had: _count is not honoured.");
        sheet_end(sheet);
        sheet = half;
        if (sheet->good || !is_spoilt(sheet))
            return sheet;
    }
    if (!is_alone(chain, sheet, &spoilt))
        return refuse(sheet, "Smaller pages cannot be had: _count is not honoured.");
    if (!spoilt.start.linked)
        return refuse(sheet, "It is one resource, but what follows it cannot be told.");
    refuse_entry(sheet, &spoilt);
    chain->widen = true;
    log_warn(chain->pull->log, "one resource refused", "why",
             spoilt.too_large ? "too large" : "broken", NULL);
    return sheet;
}

struct sheet *sheet_widen(struct chain *chain, struct sheet *sheet)
{
    if (!chain->widen || !has_come(sheet) || !sheet->page.count)
        return sheet;
    chain->widen = !sheet_is_full(sheet);
    if (!chain->widen)
        return sheet;
    struct sheet *larger = again(sheet, full_size(sheet->pull));
    sheet_await(larger);
    larger = sheet_narrow(chain, larger); /* when there is another one of the kind in it */
    chain->widen = !larger->good;
    bool better = has_come(larger) && larger->page.count > sheet->page.count &&
                  begins_with(&larger->page, &sheet->page.entries[0]);
    sheet_end(better ? sheet : larger);
    return better ? larger : sheet;
}
