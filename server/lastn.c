/*
 * Last n - [base]/Observation/$lastn (R4 observation-operation-lastn.html).
 */

#include "base/buf.h"
#include "base/count.h"
#include "fhir/query.h"
#include "fhir/query_text.h"
#include "server/condition.h"
#include "server/config.h"
#include "server/interactions.h"
#include "server/operation.h"
#include "server/page.h"

#define MOST 1000

static bool take_max(struct request *req, struct text text, struct buf *criteria, unsigned *most,
                     struct err *err);
static bool check_criteria(const struct query *query, struct err *err);

bool lastn(struct request *req, struct err *err)
{
    struct buf criteria = buf_in(req->arena), self = buf_in(req->arena);
    struct store_page page;
    struct text text;
    unsigned most = 1;

    if (!operation_parameters(req, &text, err))
        return false;
    req->query = text;
    if (!take_max(req, text, &criteria, &most, err))
        return false;
    const struct query *query =
        condition_query(req, req->type, (struct text){buf_text(&criteria), criteria.size}, err);
    if (!query || !check_criteria(query, err) ||
        !store_lastn(req->service->store, &req->access, query, most,
                     (unsigned)req->service->config->page_size_max, req->arena, &page, err))
        return false;

    buf_printf(&self, "max=%u&", most);
    query_write_self(query, &self);
    req->projection = query->projection;
    page_answer(req, PAGE_SEARCHSET, &page, (struct text){self.data, self.size});
    return true;
}

/* What is left is a search. */
static bool take_max(struct request *req, struct text text, struct buf *criteria, unsigned *most,
                     struct err *err)
{
    struct text pair, name, value;
    bool given = false;
    int64_t max;

    while (query_next_item(&text, '&', &pair)) {
        if (text_split(pair, '=', &name, &value) && text_is(name, "max")) {
            if (!query_decode(req->arena, value, &value) || !text_to_int64(value, 1, MOST, &max))
                return err_set(err, ERR_INVALID, "max", "max takes a number from 1 to %d.", MOST);
            if (given)
                return err_set(err, ERR_INVALID, "max", "max is given more than once.");
            given = true;
            *most = (unsigned)max;
            continue;
        }
        if (criteria->size)
            buf_add_char(criteria, '&');
        buf_add(criteria, pair.data, pair.size);
    }
    return true;
}

static bool uses(const struct query *query, const char *code)
{
    for (size_t i = 0; i < query->used_count; i++) {
        struct text name = query->used[i].name, modifier;

        text_split(name, ':', &name, &modifier);
        if (text_is(name, code))
            return true;
    }
    return false;
}

static bool check_criteria(const struct query *query, struct err *err)
{
    static const char *const useless[] = {"_count",   "_sort",       "_total",
                                          "_include", "_revinclude", "_contained"};

    if (!uses(query, "patient") && !uses(query, "subject"))
        return err_set(err, ERR_INVALID, "patient", "$lastn needs patient or subject.");
    if (!uses(query, "code") && !uses(query, "category"))
        return err_set(err, ERR_INVALID, "code", "$lastn needs code or category.");
    for (size_t i = 0; i < COUNT(useless); i++)
        if (uses(query, useless[i]))
            return err_set(err, ERR_INVALID, useless[i],
                           "$lastn decides itself about order and number; it does not take %s.",
                           useless[i]);
    return !query->count_only && !query->page.data
               ? true
               : err_set(err, ERR_INVALID, "_summary", "$lastn has no counts and no pages.");
}
