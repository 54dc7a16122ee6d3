/*
 * Query, the other way - what was understood, as text again; and what can be
 * asked at all.
 */

#include "fhir/query.h"

#include "base/buf.h"
#include "base/count.h"
#include "fhir/query_reader.h"
#include "fhir/query_text.h"
#include "fhir/search_words.h"

static bool selects(const struct query_used *used);

bool query_is_effective(const struct query *query)
{
    return query->param_count > 0;
}

void query_write_self(const struct query *query, struct buf *out)
{
    for (size_t i = 0; i < query->used_count; i++) {
        if (i > 0)
            buf_add_char(out, '&');
        query_encode(out, query->used[i].name);
        buf_add_char(out, '=');
        query_encode(out, query->used[i].value);
    }
}

void query_write_identity(const struct query *query, struct buf *out)
{
    buf_add_text(out, query->type ? query->type : "*");
    buf_add_text(out, query->contained == QUERY_CONTAINED ? "#" : "");
    for (size_t i = 0; i < query->param_count; i++)
        if (query->params[i].subject == QUERY_COMPARTMENT)
            buf_printf(out, " of %.*s/%.*s", TEXT_ARGS(query->params[i].values[0].reference_type),
                       TEXT_ARGS(query->params[i].values[0].reference_id));
    for (size_t i = 0; i < query->used_count; i++) {
        if (!selects(&query->used[i]))
            continue;
        buf_add_char(out, '&');
        query_encode(out, query->used[i].name);
        buf_add_char(out, '=');
        query_encode(out, query->used[i].value);
    }
}

/* Whether the parameter decides which resources match, or their order. */
static bool selects(const struct query_used *used)
{
    static const char *const others[] = {"_count",    "_total",   "_summary",
                                         "_elements", "_include", "_revinclude"};

    struct text name = used->name, modifier;

    text_split(name, ':', &name, &modifier);
    for (size_t i = 0; i < COUNT(others); i++)
        if (text_is(name, others[i]))
            return false;
    return true;
}

bool query_can_sort(const struct search_param *param)
{
    if (query_subject_of(param) != QUERY_VALUE)
        return true;
    return query_can_search(param) && param->search_type != SEARCH_COMPOSITE &&
           param->search_type != SEARCH_SPECIAL && !search_param_is_text(param);
}

bool query_can_search(const struct search_param *param)
{
    if (query_subject_of(param) != QUERY_VALUE)
        return true;
    if (strcmp(param->code, "_list") == 0 || strcmp(param->code, "_filter") == 0)
        return true;
    return param->expression && search_param_is_whole(param);
}
