/*
 * Query chains - criteria that follow references, in their direction
 * (R4 search.html#chaining) or against it (#has), any number of them.
 */

#include "fhir/query_reader.h"

#include "base/arena.h"
#include "base/err.h"
#include "fhir/type.h"

enum { PARTS_MAX = 32 }; /* types that a chain without a type may be about */

static bool follow(struct query_reader *reader, const struct query_place *place,
                   struct query_place *next);
static size_t find_targets(const struct search_param *reference, const struct query_place *next,
                           const char **types, size_t room);
static bool can_be_asked(const char *type, const struct query_place *next);
static const struct query *read_part(struct query_reader *reader, const struct query_place *place,
                                     struct text value);
static const char *type_name(const struct type *type);

bool query_read_chain(struct query_reader *reader, const struct query_place *place,
                      const struct search_param *reference, struct text modifier, struct text rest,
                      struct text value, struct query_param *param)
{
    struct query_place next = {.name = place->name, .path = rest};
    const char *types[PARTS_MAX + 1];
    size_t count;

    if (reference->search_type != SEARCH_REFERENCE)
        return query_refuse(reader, place->name, "not-supported",
                            "\"%s\" is no reference that a chain could follow.", reference->code);
    if (!follow(reader, place, &next))
        return false;

    if (modifier.data) {
        types[0] = type_name(resource_type_find(modifier));
        count = 1;
        if (!types[0] || !query_can_refer_to(reference, types[0]))
            return query_refuse(reader, place->name, "value",
                                "\"%s\" never refers to what is named behind \":\".",
                                reference->code);
    } else {
        count = find_targets(reference, &next, types, PARTS_MAX + 1);
        if (count > PARTS_MAX)
            return query_refuse(reader, place->name, "not-supported",
                                "\"%.*s\" may be about more than %d types; name one, as in "
                                "%s:Patient.",
                                NAME_ARGS(place->name), PARTS_MAX, reference->code);
    }
    if (count == 0)
        return query_refuse(reader, place->name, "not-supported",
                            "\"%.*s\": nothing that \"%s\" refers to can be searched by that.",
                            NAME_ARGS(place->name), reference->code);

    const struct query **parts = arena_many(reader->arena, const struct query *, count);
    for (size_t i = 0; i < count; i++) {
        next.type = types[i];
        parts[i] = read_part(reader, &next, value);
        if (!parts[i])
            return false;
    }
    *param = (struct query_param){
        .param = reference, .subject = QUERY_CHAIN, .parts = parts, .part_count = count};
    return true;
}

/* _has:Observation:patient:code */
bool query_read_has(struct query_reader *reader, const struct query_place *place, struct text value,
                    struct query_param *param)
{
    struct query_place next = {.name = place->name};
    struct text head, type, reference, path = place->path;

    if (!text_split(path, ':', &head, &path) || !text_split(path, ':', &type, &path) ||
        !text_split(path, ':', &reference, &next.path))
        return query_refuse(reader, place->name, "value",
                            "\"_has\" is written _has:Type:reference:parameter, such as "
                            "_has:Observation:patient:code.");
    next.type = type_name(resource_type_find(type));
    const struct search_param *found = next.type ? search_param_find(next.type, reference) : NULL;
    if (!found || found->search_type != SEARCH_REFERENCE || !query_can_search(found) ||
        !query_can_refer_to(found, place->type))
        return query_refuse(reader, place->name, "value",
                            "\"%.*s\" does not name a reference parameter of a type by which it "
                            "refers to %s.",
                            NAME_ARGS(place->name), place->type);
    if (!follow(reader, place, &next))
        return false;

    const struct query **parts = arena_many(reader->arena, const struct query *, 1);
    parts[0] = read_part(reader, &next, value);
    *param =
        (struct query_param){.param = found, .subject = QUERY_HAS, .parts = parts, .part_count = 1};
    return parts[0] != NULL;
}

static bool follow(struct query_reader *reader, const struct query_place *place,
                   struct query_place *next)
{
    next->followed = place->followed + 1;
    return next->followed <= reader->options->max_chain ||
           query_refuse(reader, place->name, "too-costly",
                        "\"%.*s\" follows more than %u references, which is the limit.",
                        NAME_ARGS(place->name), reader->options->max_chain);
}

/* The types that the reference may be to and that know the next parameter. */
static size_t find_targets(const struct search_param *reference, const struct query_place *next,
                           const char **types, size_t room)
{
    size_t count = 0;

    for (unsigned i = 0; i < resource_type_count() && count < room; i++)
        if (query_can_refer_to(reference, type_at(i)->name) && can_be_asked(type_at(i)->name, next))
            types[count++] = type_at(i)->name;
    return count;
}

static bool can_be_asked(const char *type, const struct query_place *next)
{
    struct text code = query_next_code(next), head, source, reference, path = next->path;
    const struct search_param *param = search_param_find(type, code);

    if (!text_is(code, "_has"))
        return param && query_can_search(param);
    if (!text_split(path, ':', &head, &path) || !text_split(path, ':', &source, &path) ||
        !text_split(path, ':', &reference, &path))
        return false;
    const struct type *found = resource_type_find(source);
    param = found ? search_param_find(found->name, reference) : NULL;
    return param && param->search_type == SEARCH_REFERENCE && query_can_refer_to(param, type);
}

static const struct query *read_part(struct query_reader *reader, const struct query_place *place,
                                     struct text value)
{
    struct query *part = arena_one(reader->arena, struct query);
    struct query_param *param = arena_one(reader->arena, struct query_param);

    part->type = place->type;
    part->params = param;
    part->param_count = 1;
    return query_read_criterion(reader, place, value, param) ? part : NULL;
}

static const char *type_name(const struct type *type)
{
    return type ? type->name : NULL;
}
