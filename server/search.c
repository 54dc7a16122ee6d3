/*
 * Search - GET [base]/[type]?... and POST [base]/[type]/_search; the same over several types,
 * and in compartments.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/count.h"
#include "fhir/query.h"
#include "fhir/query_text.h"
#include "fhir/type.h"
#include "server/condition.h"
#include "server/format.h"
#include "server/interactions.h"
#include "server/page.h"

#include <strings.h>

static const struct query *read_query(struct request *req, struct text text, struct err *err);
static void keep_format(const struct request *req, struct buf *self);
static bool gather_query(struct request *req, struct text *text, struct err *err);

bool search_check(const struct request *req, struct err *err)
{
    struct request copy = *req;
    struct text text;

    issues_init(&copy.issues, req->arena, req->issues.limit);
    return gather_query(&copy, &text, err) && read_query(&copy, text, err);
}

bool search(struct request *req, struct err *err)
{
    struct store_page page;
    struct text text;
    struct buf self = buf_in(req->arena);

    if (!gather_query(req, &text, err))
        return false;
    const struct query *query = read_query(req, text, err);
    if (!query || !store_search(req->service->store, &req->access, query, req->arena, &page, err))
        return false;

    query_write_self(query, &self);
    req->query = text;
    req->projection = query->projection;
    keep_format(req, &self);
    page_answer(req, PAGE_SEARCHSET, &page, (struct text){self.data, self.size});
    return true;
}

/* R4 http.html#vsearch: Patient/1/Observation; or Patient/1 and a star, for all types. */
static const struct query *read_query(struct request *req, struct text text, struct err *err)
{
    const char *type = req->type;

    if (req->member.data) {
        const struct type *member = resource_type_find(req->member);

        if (!member && !text_is(req->member, "*")) {
            err_set(err, ERR_NOT_FOUND, NULL,
                    "The path names no resource type of R4; types are spelled as in Patient.");
            return NULL;
        }
        type = member ? member->name : NULL;
    }
    return condition_query(req, type, text, err);
}

/* No part of what was searched for, but who follows a link wants the same form. */
static void keep_format(const struct request *req, struct buf *self)
{
    static const char *const names[] = {"_format", "_pretty"};

    for (size_t i = 0; i < COUNT(names); i++) {
        struct text value = format_parameter(req, names[i]);
        if (!value.data)
            continue;
        buf_printf(self, "%s%s=", self->size ? "&" : "", names[i]);
        query_encode(self, value);
    }
}

/* R4 http.html#search: by POST, the parameters of URL and body count alike. */
static bool gather_query(struct request *req, struct text *text, struct err *err)
{
    struct text type = request_header(req, "Content-Type");
    const char form[] = "application/x-www-form-urlencoded";
    struct buf both = buf_in(req->arena);

    *text = req->query;
    if (strcmp(req->method, "POST") != 0)
        return true;
    if (type.data &&
        (type.size < sizeof(form) - 1 || strncasecmp(type.data, form, sizeof(form) - 1) != 0))
        return err_set(err, ERR_MEDIA_TYPE, "Content-Type",
                       "A search by POST sends its parameters as %s.", form);
    buf_add(&both, req->query.data, req->query.size);
    if (req->query.size && req->body.size)
        buf_add_char(&both, '&');
    buf_add(&both, req->body.data, req->body.size);
    *text = (struct text){both.data, both.size};
    /* _format and _pretty may stand in the body, too. */
    req->query = *text;
    return format_negotiate(req, err);
}
