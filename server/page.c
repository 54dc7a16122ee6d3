/*
 * Page - see page.h.
 */

#include "server/page.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "server/format.h"
#include "server/subset.h"

struct method_row {
    const char *verb;
    const char *status;
};

static const struct method_row methods[] = {
    [STORE_POST] = {"POST", "201"},
    [STORE_PUT] = {"PUT", "200"},
    [STORE_DELETE] = {"DELETE", "204"},
};

static void add_links(struct request *req, enum page_kind kind, const struct store_page *page,
                      struct text self, struct buf *out);
static void add_entry(struct request *req, enum page_kind kind, const struct store_entry *entry,
                      struct buf *out);
static void add_findings(struct request *req, struct buf *out);

void page_answer(struct request *req, enum page_kind kind, const struct store_page *page,
                 struct text self)
{
    struct buf out = buf_in(req->arena);
    bool findings = kind == PAGE_SEARCHSET && req->issues.kept > 0;
    char now[CLOCK_INSTANT_SIZE];
    size_t estimate = 1024;

    for (size_t i = 0; i < page->count; i++)
        estimate += page->entries[i].version.json_size + 256;
    buf_reserve(&out, estimate);

    clock_format_instant(clock_now(), now);
    buf_printf(&out,
               "{\"resourceType\":\"Bundle\",\"meta\":{\"lastUpdated\":\"%s\"},\"type\":\"%s\"",
               now, kind == PAGE_HISTORY ? "history" : "searchset");
    if (page->has_total)
        buf_printf(&out, ",\"total\":%lld", (long long)page->total);
    add_links(req, kind, page, self, &out);
    if (page->count || findings)
        buf_add_text(&out, ",\"entry\":[");
    for (size_t i = 0; i < page->count; i++) {
        if (i)
            buf_add_char(&out, ',');
        add_entry(req, kind, &page->entries[i], &out);
    }
    if (findings) {
        if (page->count)
            buf_add_char(&out, ',');
        add_findings(req, &out);
    }
    buf_add_text(&out, page->count || findings ? "]}" : "}");

    req->answer.status = 200;
    req->answer.content_type = FORMAT_FHIR_JSON;
    req->answer.body = (struct text){out.data, out.size};
}

/* The path of the request below the base, as it was asked: for a search by
 * POST the one of the same search by GET. */
static struct text page_path(const struct request *req)
{
    struct text path = req->path, tail = TEXT("/_search");

    if (text_is(path, "_search"))
        return TEXT("");
    if (text_ends_with(path, tail))
        path.size -= tail.size;
    return path;
}

/* The parameters without the cursor of the page that was asked for. */
static void add_parameters(struct text self, struct buf *out)
{
    struct text rest = self, item;
    bool first = true;

    while (text_next(&rest, '&', &item)) {
        if (item.size == 0 || text_starts_with(item, TEXT(PAGE_PARAMETER "=")))
            continue;
        buf_add_char(out, first ? '?' : '&');
        buf_add(out, item.data, item.size);
        first = false;
    }
}

static void add_link(struct request *req, const char *relation, struct text self,
                     const char *cursor, struct buf *out)
{
    struct buf url = buf_in(req->arena);
    struct text path = page_path(req);

    buf_printf(&url, "%s/%.*s", req->service->base, TEXT_ARGS(path));
    size_t bare = url.size;
    add_parameters(self, &url);
    if (cursor)
        buf_printf(&url, "%c" PAGE_PARAMETER "=%s", url.size == bare ? '?' : '&', cursor);
    buf_printf(out, "{\"relation\":\"%s\",\"url\":", relation);
    json_write_string(out, url.data, url.size);
    buf_add_char(out, '}');
}

/* The cursor with which this page was asked for, or NULL on the first. */
static const char *own_cursor(struct request *req)
{
    return text_dup(req->arena, format_parameter(req, PAGE_PARAMETER));
}

static void add_links(struct request *req, enum page_kind kind, const struct store_page *page,
                      struct text self, struct buf *out)
{
    const char *cursor = own_cursor(req);

    (void)kind;
    buf_add_text(out, ",\"link\":[");
    add_link(req, "self", self, cursor, out);
    if (cursor) {
        buf_add_char(out, ',');
        add_link(req, "first", self, NULL, out);
    }
    if (page->next) {
        buf_add_char(out, ',');
        add_link(req, "next", self, page->next, out);
    }
    buf_add_char(out, ']');
}

static void add_search_part(const struct store_entry *entry, struct buf *out)
{
    buf_add_text(out, entry->mode == STORE_MATCH ? ",\"search\":{\"mode\":\"match\"}"
                                                 : ",\"search\":{\"mode\":\"include\"}");
}

/* What every entry has, without formats: reading them takes longer than all that is written. */
static void add_texts(struct buf *out, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_add_text(out, texts[i]);
}

#define ADD_TEXTS(out, ...)                                                                        \
    add_texts(out, (const char *const[]){__VA_ARGS__},                                             \
              sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* R4 bundle.html#history: what was done, and what it was answered. */
static void add_history_part(const struct store_version *version, struct buf *out)
{
    const struct method_row *row = &methods[version->method];
    bool post = version->method == STORE_POST;
    char updated[CLOCK_INSTANT_SIZE];

    clock_format_instant(version->last_updated, updated);
    ADD_TEXTS(out, ",\"request\":{\"method\":\"", row->verb, "\",\"url\":\"", version->type,
              post ? "" : "/", post ? "" : version->id, "\"},\"response\":{\"status\":\"",
              version->number == 1 && version->method == STORE_PUT ? "201" : row->status);
    buf_printf(out, "\",\"etag\":\"W/\\\"%lld\\\"", (long long)version->number);
    ADD_TEXTS(out, "\",\"lastModified\":\"", updated, "\"}");
}

static void add_entry(struct request *req, enum page_kind kind, const struct store_entry *entry,
                      struct buf *out)
{
    const struct store_version *version = &entry->version;

    ADD_TEXTS(out, "{\"fullUrl\":\"", req->service->base, "/", version->type, "/", version->id,
              "\"");
    if (version->json) {
        buf_add_text(out, ",\"resource\":");
        subset_add(req, entry, out);
    }
    if (kind == PAGE_HISTORY)
        add_history_part(version, out);
    else
        add_search_part(entry, out);
    buf_add_char(out, '}');
}

/* R4 search.html#outcome: warnings travel with the results. */
static void add_findings(struct request *req, struct buf *out)
{
    buf_add_text(out, "{\"resource\":");
    json_write(issues_outcome(req->arena, &req->issues), out);
    buf_add_text(out, ",\"search\":{\"mode\":\"outcome\"}}");
}
