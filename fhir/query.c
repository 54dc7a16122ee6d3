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

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define TYPE_BIT(type) (1u << (type))

/* The modifiers that are answered, and for which types of parameter. */
static const struct modifier {
    const char *name;
    enum query_modifier modifier;
    unsigned types;
} modifiers[] = {
    {"missing", MODIFIER_MISSING, ~0u},
    {"exact", MODIFIER_EXACT, TYPE_BIT(SEARCH_STRING)},
    {"contains", MODIFIER_CONTAINS, TYPE_BIT(SEARCH_STRING)},
    {"not", MODIFIER_NOT, TYPE_BIT(SEARCH_TOKEN)},
    {"of-type", MODIFIER_OF_TYPE, TYPE_BIT(SEARCH_TOKEN)},
    {"below", MODIFIER_BELOW, TYPE_BIT(SEARCH_URI)},
    {"above", MODIFIER_ABOVE, TYPE_BIT(SEARCH_URI)},
    {"identifier", MODIFIER_IDENTIFIER, TYPE_BIT(SEARCH_REFERENCE)},
};

static bool start(struct query_reader *reader, const char *type, struct text text);
static bool read_pair(struct query_reader *reader, struct text pair);
static bool read_criterion(struct query_reader *reader, struct text name, struct text value);
static bool read_modifier(struct query_reader *reader, struct text name, struct text modifier,
                          struct query_param *param, const struct type **target);
static bool refuse_modifier(struct query_reader *reader, struct text name,
                            const struct search_param *param);
static bool read_missing(struct query_reader *reader, struct text name, struct text value,
                         struct query_param *param);
static bool read_values(struct query_reader *reader, struct text name, struct text text,
                        struct query_param *param, const struct type *target);
static bool apply_type(struct query_reader *reader, struct text name, const struct type *target,
                       struct query_value *value);
static bool pass_over(struct query_reader *reader, struct text name);
static void add_suggestions(struct query_reader *reader, struct text name, struct buf *out);
static void use(struct query_reader *reader, struct text name, struct text value);

struct query_options query_options_default(void)
{
    return (struct query_options){
        .count = 50,
        .count_max = 1000,
        .max_params = 64,
        .max_values = 500,
        .max_size = 64 << 10,
    };
}

const struct query *query_parse(struct arena *arena, const char *type, struct text text,
                                const struct query_options *options, struct issues *issues,
                                struct err *err)
{
    struct query_reader reader = {
        .arena = arena,
        .options = options,
        .issues = issues,
        .err = err,
        .query = arena_one(arena, struct query),
    };
    struct text pair;
    bool good = true;

    if (!start(&reader, type, text))
        return NULL;
    while (query_next_item(&text, '&', &pair))
        if (pair.size > 0)
            good &= read_pair(&reader, pair);
    return good ? reader.query : NULL;
}

static bool start(struct query_reader *reader, const char *type, struct text text)
{
    struct query *query = reader->query;
    const struct type *resource = type ? resource_type_find(text_of(type)) : NULL;
    size_t pairs = query_count_items(text, '&');

    if (!type)
        return err_set(
            reader->err, ERR_NOT_SUPPORTED, NULL,
            "Searching over all types at once is not supported; name one: [base]/Type?...");
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
    query->params = reader->params = arena_many(reader->arena, struct query_param, pairs + 1);
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
    struct query_param param = {0};
    struct text code = name, modifier = {0}, before, behind;
    const struct type *target = NULL;

    text_split(name, ':', &code, &modifier);
    if (text_is(code, "_has"))
        return query_refuse(reader, name, "not-supported",
                            "Reverse chaining (_has) is not supported.");
    bool chained = text_split(modifier.data ? modifier : code, '.', &before, &behind);
    if (chained && !modifier.data)
        code = before;
    param.param = search_param_find(query->type, code);
    if (!param.param || !query_can_search(param.param))
        return pass_over(reader, code);
    param.subject = query_subject_of(param.param);
    if (chained)
        return query_refuse(reader, name, "not-supported",
                            "Chained parameters are not supported; search \"%s\" by itself.",
                            param.param->code);

    if (!read_modifier(reader, name, modifier, &param, &target))
        return false;
    if (value.size == 0)
        return query_refuse(reader, name, "value",
                            "\"%.*s\" has no value; leave the parameter out to search without it.",
                            NAME_ARGS(name));
    if (param.modifier == MODIFIER_MISSING ? !read_missing(reader, name, value, &param)
                                           : !read_values(reader, name, value, &param, target))
        return false;

    reader->params[query->param_count++] = param;
    use(reader, name, value);
    return true;
}

static bool read_modifier(struct query_reader *reader, struct text name, struct text modifier,
                          struct query_param *param, const struct type **target)
{
    const struct search_param *definition = param->param;

    if (!modifier.data)
        return true;
    if (param->subject != QUERY_VALUE)
        return refuse_modifier(reader, name, definition);

    for (size_t i = 0; i < COUNT(modifiers); i++) {
        if (!text_is(modifier, modifiers[i].name) ||
            !(modifiers[i].types & TYPE_BIT(definition->search_type)))
            continue;
        param->modifier = modifiers[i].modifier;
        return true;
    }

    *target = resource_type_find(modifier);
    if (!*target || definition->search_type != SEARCH_REFERENCE)
        return refuse_modifier(reader, name, definition);
    if (!query_can_refer_to(definition, (*target)->name))
        return query_refuse(reader, name, "value", "\"%s\" never refers to a %s.", definition->code,
                            (*target)->name);
    param->modifier = MODIFIER_TYPE;
    return true;
}

static bool refuse_modifier(struct query_reader *reader, struct text name,
                            const struct search_param *param)
{
    struct buf names = buf_in(reader->arena);

    for (size_t i = 0; i < COUNT(modifiers); i++)
        if (query_subject_of(param) == QUERY_VALUE &&
            (modifiers[i].types & TYPE_BIT(param->search_type)))
            buf_printf(&names, " :%s", modifiers[i].name);
    if (param->search_type == SEARCH_REFERENCE)
        buf_add_text(&names, " :[type]");

    return query_refuse(reader, name, "not-supported",
                        "\"%.*s\": this modifier is not supported; \"%s\" supports%s.",
                        NAME_ARGS(name), param->code, names.size ? buf_text(&names) : " none");
}

static bool read_missing(struct query_reader *reader, struct text name, struct text value,
                         struct query_param *param)
{
    param->missing = text_is(value, "true");
    return param->missing || text_is(value, "false") ||
           query_refuse(reader, name, "value", "\"%.*s\" takes true or false.", NAME_ARGS(name));
}

static bool read_values(struct query_reader *reader, struct text name, struct text text,
                        struct query_param *param, const struct type *target)
{
    size_t count = query_count_items(text, ',');
    struct text item;

    if (count > reader->options->max_values)
        return query_refuse(reader, name, "too-long",
                            "\"%.*s\" has more than %u values, which is the limit.",
                            NAME_ARGS(name), reader->options->max_values);

    struct query_value *values = arena_many(reader->arena, struct query_value, count);
    enum search_type type =
        param->modifier == MODIFIER_IDENTIFIER ? SEARCH_TOKEN : param->param->search_type;

    for (size_t i = 0; query_next_item(&text, ',', &item); i++) {
        bool good = param->modifier == MODIFIER_OF_TYPE
                        ? query_read_of_type(reader, name, item, &values[i])
                        : query_read_value(reader, name, param->param, type, item, &values[i]);

        if (!good || !apply_type(reader, name, target, &values[i]))
            return false;
    }
    param->values = values;
    param->value_count = count;
    return true;
}

/* subject:Patient=123, and also subject:Patient=Patient/123. */
static bool apply_type(struct query_reader *reader, struct text name, const struct type *target,
                       struct query_value *value)
{
    if (!target)
        return true;
    if (!value->reference_id.data ||
        (value->reference_type.data && !text_is(value->reference_type, target->name)))
        return query_refuse(reader, name, "value", "\"%.*s\" takes the id of a %s.",
                            NAME_ARGS(name), target->name);
    value->reference_type = text_of(target->name);
    return true;
}

/* An unknown parameter: an error that helps to find the right one, or a
 * warning when the client said handling=lenient. */
static bool pass_over(struct query_reader *reader, struct text name)
{
    struct query *query = reader->query;
    struct buf suggestions = buf_in(reader->arena);

    add_suggestions(reader, name, &suggestions);
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

/* " (do you mean birthdate, death-date?)", the nearest first, at most three. */
static void add_suggestions(struct query_reader *reader, struct text name, struct buf *out)
{
    const unsigned limit = name.size < 6 ? 2 : 3;
    unsigned count, told = 0;
    const struct search_param *params = search_params_of(reader->query->type, &count);

    for (unsigned distance = 0; distance <= limit; distance++) {
        for (unsigned i = 0; i < count && told < 3; i++) {
            if (!query_can_search(&params[i]) ||
                query_edit_distance(name, text_of(params[i].code), limit) != distance)
                continue;
            buf_printf(out, told++ ? ", %s" : " (did you mean %s", params[i].code);
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
