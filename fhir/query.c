/*
 * Query - takes a search apart into criteria and result parameters, and
 * explains what it cannot honour.
 */

#include "fhir/query.h"

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/issue.h"
#include "fhir/query_reader.h"
#include "fhir/query_text.h"
#include "fhir/type.h"

#include <inttypes.h>

static bool start(struct query_reader *reader, const char *type, struct text text);
static bool read_pair(struct query_reader *reader, struct text pair);
static bool read_criterion(struct query_reader *reader, struct text name, struct text value);
static bool pass_over(struct query_reader *reader, struct text name);
static void use(struct query_reader *reader, struct text name, struct text value);

struct query_options query_options_default(void)
{
    return (struct query_options){
        .count = 50,
        .count_max = 1000,
        .max_params = 64,
        .max_values = 500,
        .max_size = 64 << 10,
        .max_chain = 3,
    };
}

const struct query *query_parse(struct arena *arena, const char *type, struct text text,
                                const struct query_options *options, struct issues *issues,
                                struct err *err)
{
    return type ? query_parse_type(arena, type, false, text, options, issues, err)
                : query_parse_types(arena, text, options, issues, err);
}

const struct query *query_parse_type(struct arena *arena, const char *type, bool several,
                                     struct text text, const struct query_options *options,
                                     struct issues *issues, struct err *err)
{
    struct query_reader reader = {
        .arena = arena,
        .options = options,
        .issues = issues,
        .err = err,
        .query = arena_one(arena, struct query),
        .several = several,
    };
    struct text pair;
    bool good = true;

    if (!start(&reader, type, text) || !query_add_compartment(&reader))
        return NULL;
    while (query_next_item(&text, '&', &pair))
        if (pair.size > 0)
            good &= read_pair(&reader, pair);
    return good && query_settle_projection(&reader) && query_settle_contained(&reader)
               ? reader.query
               : NULL;
}

static bool start(struct query_reader *reader, const char *type, struct text text)
{
    struct query *query = reader->query;
    const struct type *resource = resource_type_find(text_of(type));
    size_t pairs = query_count_items(text, '&');

    if (!resource)
        return err_set(reader->err, ERR_NOT_FOUND, NULL, "There is no such resource type.");
    if (text.size > reader->options->max_size)
        return err_set(reader->err, ERR_INVALID, NULL,
                       "The search is longer than %u bytes, which is the limit.",
                       reader->options->max_size);
    if (pairs > reader->options->max_params)
        return err_set(reader->err, ERR_INVALID, NULL,
                       "The search has more than %u parameters, which is the limit.",
                       reader->options->max_params);

    query->type = resource->name;
    query->count = reader->options->count;
    query->containers = true;
    query->params = reader->params = arena_many(reader->arena, struct query_param, pairs + 2);
    query->includes = reader->includes = arena_many(reader->arena, struct query_include, pairs + 1);
    query->used = reader->used = arena_many(reader->arena, struct query_used, pairs + 1);
    query->ignored = reader->ignored = arena_many(reader->arena, struct text, pairs + 1);
    return true;
}

static bool read_pair(struct query_reader *reader, struct text pair)
{
    struct text raw_name, raw_value, name, value;

    if (!text_split(pair, '=', &raw_name, &raw_value)) {
        raw_name = pair;
        raw_value = TEXT("");
    }
    if (!query_decode(reader->arena, raw_name, &name) ||
        !query_decode(reader->arena, raw_value, &value))
        return query_refuse(reader, (struct text){0}, "invalid",
                            "The search is not percent-encoded UTF-8.");

    switch (query_read_result_param(reader, name, &value)) {
    case QUERY_TAKEN:
        use(reader, name, value);
        return true;
    case QUERY_PASSED_OVER:
        return true;
    case QUERY_REFUSED:
        return false;
    case QUERY_NOT_MINE:
        break;
    }
    return read_criterion(reader, name, value);
}

static bool read_criterion(struct query_reader *reader, struct text name, struct text value)
{
    struct query *query = reader->query;
    struct query_place place = {.type = query->type, .name = name, .path = name};
    struct text code = query_next_code(&place);
    const struct search_param *param = search_param_find(query->type, code);

    if (param && !search_param_is_whole(param))
        return query_refuse_unfinished(reader, name, param);
    if (!text_is(code, "_has") && (!param || !query_can_search(param)))
        return pass_over(reader, code);
    if (!query_read_criterion(reader, &place, value, &reader->params[query->param_count]))
        return false;
    query->param_count++;
    use(reader, name, value);
    return true;
}

/* An unknown parameter: an error that helps to find the right one, or a
 * warning when the client said handling=lenient. */
static bool pass_over(struct query_reader *reader, struct text name)
{
    struct query *query = reader->query;
    struct buf suggestions = buf_in(reader->arena);

    query_suggest(query->type, name, &suggestions);
    if ((text_is(name, "_text") || text_is(name, "_content")) &&
        search_param_find_published(query->type, name))
        return query_refuse(reader, name, "not-supported",
                            "%s is not indexed by its words here; the operator can have it so: "
                            "isthmus index %.*s=%s.",
                            query->type, (int)name.size - 1, name.data + 1, query->type);
    if (!reader->options->lenient)
        return query_refuse(reader, name, "not-supported",
                            "\"%.*s\" is not a search parameter of %s that this server "
                            "supports%s.",
                            NAME_ARGS(name), query->type, buf_text(&suggestions));

    issue_add(reader->issues, ISSUE_WARNING, "not-supported", NULL,
              "\"%.*s\" is not a search parameter of %s that this server supports%s; it was "
              "ignored.",
              NAME_ARGS(name), query->type, buf_text(&suggestions));
    reader->ignored[query->ignored_count++] = name;
    return true;
}

/* Also when the client is lenient: what it ignores today it would use tomorrow. */
bool query_refuse_unfinished(struct query_reader *reader, struct text name,
                             const struct search_param *param)
{
    const struct search_extension *extension = search_extension_of(param);

    if (!extension)
        return query_refuse(
            reader, name, "transient",
            "\"%s\" cannot be used yet: what an earlier version of the server stored "
            "has to be indexed anew. That is what $reindex is for.",
            param->code);
    int64_t done = atomic_load(&extension->done), total = atomic_load(&extension->total);
    if (total == 0)
        return query_refuse(reader, name, "not-supported",
                            "%s knows \"%s\", but what was stored before has not been indexed by "
                            "it: that is what $reindex is for.",
                            param->type, param->code);
    return query_refuse(reader, name, "transient",
                        "\"%s\" cannot be used yet: %" PRId64 " of %" PRId64
                        " resources of type %s have been indexed by it.",
                        param->code, done < total ? done : total, total, param->type);
}

/* The nearest first, at most three. */
void query_suggest(const char *type, struct text name, struct buf *out)
{
    const unsigned limit = name.size < 6 ? 2 : 3;
    unsigned count, told = 0;
    const struct search_param *const *params = search_params_of(type, &count);

    for (unsigned distance = 0; distance <= limit; distance++) {
        for (unsigned i = 0; i < count && told < 3; i++) {
            if (!query_can_search(params[i]) ||
                query_edit_distance(name, text_of(params[i]->code), limit) != distance)
                continue;
            buf_printf(out, told++ ? ", %s" : " (did you mean %s", params[i]->code);
        }
    }
    if (told)
        buf_add_text(out, "?)");
}

static void use(struct query_reader *reader, struct text name, struct text value)
{
    reader->used[reader->query->used_count++] = (struct query_used){name, value};
}

bool query_refuse(struct query_reader *reader, struct text name, const char *code, const char *fmt,
                  ...)
{
    char text[sizeof(reader->err->text)], where[sizeof(reader->err->where)];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    snprintf(where, sizeof(where), "%.*s", NAME_ARGS(name));

    issue_add(reader->issues, ISSUE_ERROR, code, NULL, "%s", text);
    return err_set(reader->err, ERR_INVALID, where, "%s", text);
}

bool query_can_refer_to(const struct search_param *param, const char *type)
{
    if (!param->targets)
        return true;
    for (const char *const *target = param->targets; *target; target++)
        if (strcmp(*target, type) == 0)
            return true;
    return false;
}

enum query_subject query_subject_of(const struct search_param *param)
{
    if (strcmp(param->code, "_id") == 0)
        return QUERY_ID;
    return strcmp(param->code, "_lastUpdated") == 0 ? QUERY_LAST_UPDATED : QUERY_VALUE;
}
