/*
 * History - GET [base]/_history, [base]/[type]/_history and [base]/[type]/[id]/_history.
 */

#include "base/count.h"
#include "fhir/primitive.h"
#include "server/config.h"
#include "server/format.h"
#include "server/interactions.h"
#include "server/page.h"
#include "server/subset.h"

static bool read_query(struct request *req, struct store_history_query *query, struct err *err);
static bool check_exists(struct request *req, const struct store_history_query *query,
                         const struct store_page *page, struct err *err);

bool history_check(const struct request *req, struct err *err)
{
    struct request copy = *req;
    struct store_history_query query = {0};

    return read_query(&copy, &query, err);
}

bool history(struct request *req, struct err *err)
{
    struct store_history_query query = {.type = req->type, .id = req->id};
    struct store_page page;

    if (!read_query(req, &query, err) ||
        !store_history(req->service->store, &req->access, &query, req->arena, &page, err))
        return false;
    if (!check_exists(req, &query, &page, err))
        return false;
    page_answer(req, PAGE_HISTORY, &page, req->query);
    return true;
}

/* An instance that never was is 404; one whose history before _since is asked
 * for and which has none there is an empty page. */
static bool check_exists(struct request *req, const struct store_history_query *query,
                         const struct store_page *page, struct err *err)
{
    if (!req->id || page->count || query->cursor || query->since != INT64_MIN)
        return true;
    return err_set(err, ERR_NOT_FOUND, NULL, "There is no %s with this id, and there never was.",
                   req->type);
}

static bool read_since(struct text text, int64_t *since, struct err *err)
{
    struct date_value value;
    int64_t last;

    if (!date_parse(text, &value))
        return err_set(err, ERR_INVALID, "_since",
                       "_since must be an instant such as 2026-01-31T00:00:00Z.");
    date_span(&value, 0, since, &last);
    return true;
}

static bool read_parameter(struct request *req, struct text name, struct text raw,
                           struct store_history_query *query, struct err *err)
{
    const struct config *config = req->service->config;
    int64_t count;

    if (text_is(name, "_since"))
        return read_since(raw, &query->since, err);
    if (text_is(name, PAGE_PARAMETER)) {
        query->cursor = text_dup(req->arena, raw);
        return true;
    }
    if (text_is(name, "_format") || text_is(name, "_pretty") || subset_takes(name))
        return true;
    if (!text_is(name, "_count"))
        return err_set(
            err, ERR_INVALID, text_dup(req->arena, name),
            "History takes _count, _since, _elements, _summary, _format and _pretty only.");
    if (!text_to_int64(raw, 0, INT64_MAX, &count))
        return err_set(err, ERR_INVALID, "_count", "_count must be a whole number.");
    query->count = (unsigned)(count > config->page_size_max ? config->page_size_max : count);
    if (query->count == 0)
        query->count = 1;
    return true;
}

/* R4 http.html#history: each parameter at most once. */
static bool read_query(struct request *req, struct store_history_query *query, struct err *err)
{
    static const char *const once[] = {"_since",   "_count",  PAGE_PARAMETER, "_elements",
                                       "_summary", "_format", "_pretty"};
    struct text rest = req->query, item, name, value;
    unsigned seen = 0;

    query->since = INT64_MIN;
    query->count = (unsigned)req->service->config->page_size;
    while (text_next(&rest, '&', &item)) {
        if (item.size == 0)
            continue;
        if (!text_split(item, '=', &name, &value))
            name = item, value = TEXT("");
        for (unsigned i = 0; i < COUNT(once); i++) {
            if (!text_is(name, once[i]))
                continue;
            if (seen & (1U << i))
                return err_set(err, ERR_INVALID, once[i], "%s may be given once only.", once[i]);
            seen |= 1U << i;
        }
        if (!read_parameter(req, name, format_decode(req->arena, value), query, err))
            return false;
    }
    return subset_read(req, err);
}
