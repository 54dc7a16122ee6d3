/*
 * Query criteria - one parameter with its modifier and values.
 */

#include "fhir/query_reader.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/count.h"
#include "fhir/query_text.h"
#include "fhir/search_words.h"
#include "fhir/type.h"

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
    {"text", MODIFIER_TEXT, TYPE_BIT(SEARCH_TOKEN)},
    {"of-type", MODIFIER_OF_TYPE, TYPE_BIT(SEARCH_TOKEN)},
    {"in", MODIFIER_IN, TYPE_BIT(SEARCH_TOKEN)},
    {"not-in", MODIFIER_NOT_IN, TYPE_BIT(SEARCH_TOKEN)},
    {"below", MODIFIER_BELOW, TYPE_BIT(SEARCH_URI) | TYPE_BIT(SEARCH_TOKEN)},
    {"above", MODIFIER_ABOVE, TYPE_BIT(SEARCH_URI) | TYPE_BIT(SEARCH_TOKEN)},
    {"identifier", MODIFIER_IDENTIFIER, TYPE_BIT(SEARCH_REFERENCE)},
};

static bool refuse_unknown(struct query_reader *reader, const struct query_place *place,
                           struct text code);
static bool read_modifier(struct query_reader *reader, struct text name, struct text modifier,
                          struct query_param *param, const struct type **target);
static bool refuse_modifier(struct query_reader *reader, struct text name,
                            const struct search_param *param);
static bool read_missing(struct query_reader *reader, struct text name, struct text value,
                         struct query_param *param);
static bool read_never_missing(struct query_reader *reader, const struct query_place *place,
                               struct text value, struct query_param *param);
static bool read_values(struct query_reader *reader, struct text name, struct text text,
                        struct query_param *param, const struct type *target);
static bool means_codes(const struct query_param *param);
static bool apply_type(struct query_reader *reader, struct text name, const struct type *target,
                       struct query_value *value);

struct text query_next_code(const struct query_place *place)
{
    size_t size = 0;

    while (size < place->path.size && place->path.data[size] != ':' &&
           place->path.data[size] != '.')
        size++;
    return (struct text){place->path.data, size};
}

bool query_read_criterion(struct query_reader *reader, const struct query_place *place,
                          struct text value, struct query_param *param)
{
    struct text code = query_next_code(place), modifier = {0}, rest = {0}, path = place->path;
    const struct search_param *found = search_param_find(place->type, code);
    const struct type *target = NULL;

    if (text_is(code, "_has"))
        return query_read_has(reader, place, value, param);
    if (found && !search_param_is_whole(found))
        return query_refuse_unfinished(reader, place->name, found);
    if (!found || !query_can_search(found))
        return refuse_unknown(reader, place, code);

    text_split(path, '.', &path, &rest);
    text_split(path, ':', &path, &modifier);
    if (rest.data)
        return query_read_chain(reader, place, found, modifier, rest, value, param);

    if (text_is(code, "_list") || text_is(code, "_filter")) {
        if (modifier.data)
            return refuse_modifier(reader, place->name, found);
        return text_is(code, "_list") ? query_read_list(reader, place, value, param)
                                      : query_read_filter(reader, place, value, param);
    }
    if (search_param_is_text(found))
        return modifier.data ? refuse_modifier(reader, place->name, found)
                             : query_read_words(reader, place, found, value, param);
    param->param = found;
    param->subject = query_subject_of(found);
    if (param->subject != QUERY_VALUE && text_is(modifier, "missing"))
        return read_never_missing(reader, place, value, param);
    if (!read_modifier(reader, place->name, modifier, param, &target))
        return false;
    if (!modifier.data && found->search_type == SEARCH_STRING)
        param->modifier = reader->strings;
    if (value.size == 0)
        return query_refuse(reader, place->name, "value",
                            "\"%.*s\" has no value; leave the parameter out to search without it.",
                            NAME_ARGS(place->name));
    return param->modifier == MODIFIER_MISSING
               ? read_missing(reader, place->name, value, param)
               : read_values(reader, place->name, value, param, target);
}

static bool refuse_unknown(struct query_reader *reader, const struct query_place *place,
                           struct text code)
{
    struct buf suggestions = buf_in(reader->arena);

    query_suggest(place->type, code, &suggestions);
    return query_refuse(reader, place->name, "not-supported",
                        "\"%.*s\" is not a search parameter of %s that this server supports%s.",
                        NAME_ARGS(code), place->type, buf_text(&suggestions));
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
        return query_refuse(reader, name, "value", "\"%s\" never refers to %s %s.",
                            definition->code, text_article((*target)->name), (*target)->name);
    param->modifier = MODIFIER_TYPE;
    return true;
}

static bool refuse_modifier(struct query_reader *reader, struct text name,
                            const struct search_param *param)
{
    struct buf names = buf_in(reader->arena);

    for (size_t i = 0; i < COUNT(modifiers); i++)
        if (query_subject_of(param) != QUERY_VALUE
                ? modifiers[i].modifier == MODIFIER_MISSING
                : param->expression && (modifiers[i].types & TYPE_BIT(param->search_type)))
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

/* Every resource has an id and a time of its last update, which is not before 1970. */
static bool read_never_missing(struct query_reader *reader, const struct query_place *place,
                               struct text value, struct query_param *param)
{
    struct query_value *since = arena_one(reader->arena, struct query_value);

    if (!read_missing(reader, place->name, value, param))
        return false;
    *since =
        (struct query_value){.type = SEARCH_DATE, .prefix = param->missing ? PREFIX_LT : PREFIX_GE};
    *param = (struct query_param){
        .param = search_param_find(place->type, TEXT("_lastUpdated")),
        .subject = QUERY_LAST_UPDATED,
        .values = since,
        .value_count = 1,
    };
    return true;
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

    if (means_codes(param))
        return query_read_codes(reader, name, text, param);
    struct query_value *values = arena_many(reader->arena, struct query_value, count);
    enum search_type type = param->modifier == MODIFIER_IDENTIFIER ? SEARCH_TOKEN
                            : param->modifier == MODIFIER_TEXT     ? SEARCH_STRING
                                                                   : param->param->search_type;

    for (size_t i = 0; query_next_item(&text, ',', &item); i++) {
        bool good = param->modifier == MODIFIER_OF_TYPE
                        ? query_read_of_type(reader, name, item, &values[i])
                        : query_read_value(reader, name, param->param, type, item, &values[i]);

        if (!good || !apply_type(reader, name, target, &values[i]))
            return false;
    }
    param->values = values;
    param->value_count = count;
    query_read_units(reader, param);
    return true;
}

static bool means_codes(const struct query_param *param)
{
    if (param->modifier == MODIFIER_BELOW || param->modifier == MODIFIER_ABOVE)
        return param->param->search_type == SEARCH_TOKEN;
    return param->modifier == MODIFIER_IN || param->modifier == MODIFIER_NOT_IN;
}

/* subject:Patient=123, and also subject:Patient=Patient/123. */
static bool apply_type(struct query_reader *reader, struct text name, const struct type *target,
                       struct query_value *value)
{
    if (!target)
        return true;
    if (!value->reference_id.data ||
        (value->reference_type.data && !text_is(value->reference_type, target->name)))
        return query_refuse(reader, name, "value", "\"%.*s\" takes the id of %s %s.",
                            NAME_ARGS(name), text_article(target->name), target->name);
    value->reference_type = text_of(target->name);
    return true;
}
