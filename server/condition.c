/*
 * Condition - see condition.h.
 */

#include "server/condition.h"

#include "fhir/query.h"
#include "server/config.h"
#include "server/knowledge.h"

/* The limits and manners of this request's searches. */
static struct query_options options_of(const struct request *req)
{
    const struct config *config = req->service->config;
    struct query_options options = query_options_default();

    options.lenient = req->lenient;
    options.base = text_of(req->service->base);
    options.count = (unsigned)config->page_size;
    options.count_max = (unsigned)config->page_size_max;
    options.max_params = (unsigned)config->query_parameters;
    options.max_values = (unsigned)config->query_parameters;
    if (req->member.data) {
        options.compartment = text_of(req->id);
        options.compartment_type = req->type;
    }
    options.definitions = req->knowledge ? req->knowledge->definitions : NULL;
    options.max_chain = (unsigned)config->chain_depth;
    return options;
}

const struct query *condition_query(struct request *req, const char *type, struct text text,
                                    struct err *err)
{
    struct query_options options = options_of(req);

    return query_parse(req->arena, type, text, &options, &req->issues, err);
}

const struct query *condition_parse(struct request *req, const char *type, struct text criteria,
                                    const char *where, struct err *err)
{
    struct query_options options = options_of(req);
    struct issues findings;
    struct text head, rest;

    /* "?identifier=..." and "Patient?identifier=..." are both seen. */
    if (text_split(criteria, '?', &head, &rest))
        criteria = rest;
    options.lenient = false;
    options.rechecked = true;
    /* Whoever sent the criteria needs to know where they stand more than what else is wrong. */
    issues_init(&findings, req->arena, 1);
    const struct query *query = query_parse(req->arena, type, criteria, &options, &findings, err);
    if (!query) {
        snprintf(err->where, sizeof(err->where), "%s", where);
        return NULL;
    }
    if (query->contained != QUERY_OUTER) {
        err_set(err, ERR_INVALID, where, "Criteria are about resources, not about contained ones.");
        return NULL;
    }
    if (!query_is_effective(query)) {
        err_set(err, ERR_INVALID, where,
                "The criteria select nothing in particular; name at least one search parameter "
                "that identifies the resource, such as identifier.");
        return NULL;
    }
    return query;
}
