/*
 * Query, unfinished - whether everything that a query goes by may be searched by now.
 */

#include "fhir/query.h"

const struct search_param *query_find_unfinished(const struct query *query)
{
    for (size_t i = 0; i < query->param_count; i++) {
        const struct query_param *param = &query->params[i];
        const struct search_param *found = NULL;

        if (param->param && !search_param_is_whole(param->param))
            return param->param;
        for (size_t k = 0; k < param->part_count && !found; k++)
            found = query_find_unfinished(param->parts[k]);
        if (found)
            return found;
    }
    for (size_t i = 0; i < query->sort_count; i++)
        if (query->sorts[i].param && !search_param_is_whole(query->sorts[i].param))
            return query->sorts[i].param;
    for (size_t i = 0; i < query->include_count; i++)
        if (query->includes[i].param && !search_param_is_whole(query->includes[i].param))
            return query->includes[i].param;
    for (size_t i = 0; i < query->type_count; i++) {
        const struct search_param *found = query_find_unfinished(query->types[i]);

        if (found)
            return found;
    }
    return NULL;
}
