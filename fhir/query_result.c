/*
 * Result parameters - those that shape the answer instead of selecting
 * (R4 search.html#all): one row each.
 */

#include "fhir/query_reader.h"

#include "base/arena.h"
#include "base/count.h"
#include "fhir/query_text.h"
#include "fhir/type.h"

typedef bool read_result_fn(struct query_reader *reader, struct text name, struct text *value);

static read_result_fn read_sort, read_count, read_total, read_summary, read_include,
    read_revinclude, read_contained, read_contained_type, read_elements, read_type, read_page, pass;
static bool add_include(struct query_reader *reader, struct text name, struct text value,
                        bool reverse);
static bool check_source(struct query_reader *reader, struct text name,
                         const struct query_include *include, const struct type *source);
static bool check_target(struct query_reader *reader, struct text name,
                         const struct query_include *include, const struct type *target);

/* `repeats`: may be given several times. `used`: part of the self link. `iterates`: may have that
 * modifier. */
static const struct result_param {
    const char *name;
    read_result_fn *read;
    bool repeats, used, iterates;
} result_params[] = {
    {"_sort", read_sort, false, true, false},
    {"_count", read_count, false, true, false},
    {"_total", read_total, false, true, false},
    {"_summary", read_summary, false, true, false},
    {"_elements", read_elements, false, true, false},
    {"_include", read_include, true, true, true},
    {"_revinclude", read_revinclude, true, true, true},
    {"_contained", read_contained, false, true, false},
    {"_containedType", read_contained_type, false, true, false},
    {"_type", read_type, false, true, false},
    {"_page", read_page, false, false, false},
    {"_format", pass, true, false, false},
    {"_pretty", pass, true, false, false},
};

enum query_taken query_read_result_param(struct query_reader *reader, struct text name,
                                         struct text *value)
{
    struct text code = name, modifier = {0};

    text_split(name, ':', &code, &modifier);
    for (size_t i = 0; i < COUNT(result_params); i++) {
        const struct result_param *param = &result_params[i];

        if (!text_is(code, param->name))
            continue;
        if (modifier.data && !(param->iterates && text_is(modifier, "iterate"))) {
            query_refuse(reader, name, "not-supported",
                         "\"%s\" is supported without a modifier%s only.", param->name,
                         param->iterates ? ", or with :iterate," : "");
            return QUERY_REFUSED;
        }
        if (!param->repeats && reader->seen & 1u << i) {
            query_refuse(reader, name, "invalid", "\"%s\" may be given only once.", param->name);
            return QUERY_REFUSED;
        }
        reader->seen |= 1u << i;
        if (!param->read(reader, name, value))
            return QUERY_REFUSED;
        /* What nothing is left of, because it is ignored where it is unknown, was not used. */
        return param->used && value->size > 0 ? QUERY_TAKEN : QUERY_PASSED_OVER;
    }
    return QUERY_NOT_MINE;
}

static bool read_sort(struct query_reader *reader, struct text name, struct text *value)
{
    enum { MOST = 8 };
    struct query *query = reader->query;
    struct query_sort *sorts = arena_many(reader->arena, struct query_sort, MOST);
    struct text more = *value, code;

    while (query_next_item(&more, ',', &code)) {
        struct query_sort sort = {.descending = code.size > 0 && code.data[0] == '-'};

        if (sort.descending)
            code = (struct text){code.data + 1, code.size - 1};
        sort.param = search_param_find(query->type, code);
        if (sort.param && !search_param_is_whole(sort.param))
            return query_refuse_unfinished(reader, name, sort.param);
        if (!sort.param || !query_can_sort(sort.param))
            return query_refuse(reader, name, "not-supported",
                                "\"_sort\" takes the parameters of %s but composites, with or "
                                "without \"-\" in front.",
                                query->type);
        if (query->sort_count == MOST)
            return query_refuse(reader, name, "too-long", "\"_sort\" takes at most %d parameters.",
                                MOST);
        sort.subject = query_subject_of(sort.param);
        if (reader->several && sort.subject == QUERY_VALUE)
            return query_refuse(reader, name, "not-supported",
                                "Several types can be sorted by _id and _lastUpdated only.");
        sorts[query->sort_count++] = sort;
    }
    query->sorts = sorts;
    return true;
}

/* The value becomes what is really used. */
static bool read_count(struct query_reader *reader, struct text name, struct text *value)
{
    int64_t count;

    if (!text_to_int64(*value, 0, INT32_MAX, &count))
        return query_refuse(reader, name, "value", "\"_count\" takes a number from 0.");
    if (count > reader->options->count_max) {
        count = reader->options->count_max;
        *value = text_of(arena_printf(reader->arena, "%u", reader->options->count_max));
    }
    reader->query->count = (unsigned)count;
    if (count == 0)
        reader->query->count_only = true;
    return true;
}

static bool read_total(struct query_reader *reader, struct text name, struct text *value)
{
    static const char *const totals[] = {
        [QUERY_TOTAL_NONE] = "none",
        [QUERY_TOTAL_ESTIMATE] = "estimate",
        [QUERY_TOTAL_ACCURATE] = "accurate",
    };

    for (size_t i = 0; i < COUNT(totals); i++) {
        if (!text_is(*value, totals[i]))
            continue;
        reader->query->total = (enum query_total)i;
        return true;
    }
    return query_refuse(reader, name, "value", "\"_total\" takes none, estimate or accurate.");
}

static bool read_summary(struct query_reader *reader, struct text name, struct text *value)
{
    if (text_is(*value, "count")) {
        reader->query->count_only = true;
        return true;
    }
    if (!projection_read_summary(&reader->summary, *value))
        return query_refuse(reader, name, "value",
                            "\"_summary\" takes true, text, data, count or false.");
    return true;
}

static bool read_elements(struct query_reader *reader, struct text name, struct text *value)
{
    const char *type = reader->several ? NULL : reader->query->type;

    (void)name;
    return projection_read_elements(&reader->elements, reader->arena, type, value,
                                    reader->options->lenient, reader->issues, reader->err);
}

/* R4 search.html#summary: included resources have no place among narratives. */
bool query_settle_projection(struct query_reader *reader)
{
    struct query *query = reader->query;
    bool both = reader->summary.kind && reader->elements.kind;

    query->projection = reader->elements.kind ? reader->elements : reader->summary;
    if (both)
        return query_refuse(reader, TEXT("_elements"), "invalid",
                            "\"_elements\" and \"_summary\" each say what is wanted of a resource; "
                            "give one of them.");
    return reader->summary.kind != PROJECTION_TEXT || query->include_count == 0 ||
           query_refuse(reader, TEXT("_summary"), "not-supported",
                        "\"_summary=text\" does not go with \"_include\" and \"_revinclude\".");
}

static bool read_contained(struct query_reader *reader, struct text name, struct text *value)
{
    static const char *const names[] = {
        [QUERY_OUTER] = "false",
        [QUERY_CONTAINED] = "true",
        [QUERY_BOTH] = "both",
    };

    for (size_t i = 0; i < COUNT(names); i++) {
        if (!text_is(*value, names[i]))
            continue;
        reader->query->contained = (enum query_contained)i;
        return true;
    }
    return query_refuse(reader, name, "value", "\"_contained\" takes true, false or both.");
}

static bool read_contained_type(struct query_reader *reader, struct text name, struct text *value)
{
    reader->query->containers = text_is(*value, "container");
    return reader->query->containers || text_is(*value, "contained") ||
           query_refuse(reader, name, "value", "\"_containedType\" takes container or contained.");
}

/* Matches that are contained are no resources of their own, to be included by others or with them;
 * those of several kinds come one kind after the other. */
bool query_settle_contained(struct query_reader *reader)
{
    struct query *query = reader->query;
    if (query->contained == QUERY_OUTER)
        return true;
    if (reader->several && query->containers)
        return query_refuse(reader, TEXT("_containedType"), "not-supported",
                            "Of several types what is contained can be searched, and not what "
                            "contains it: \"_containedType=contained\".");
    if (!query->containers && query->include_count > 0)
        return query_refuse(reader, TEXT("_containedType"), "not-supported",
                            "\"_containedType=contained\" does not go with \"_include\" and "
                            "\"_revinclude\".");
    for (size_t i = 0; query->containers && i < query->sort_count; i++)
        if (query->sorts[i].subject == QUERY_VALUE) /* by whose value, R4 does not say */
            return query_refuse(reader, TEXT("_sort"), "not-supported",
                                "With \"_contained\", containers can be sorted by _id and "
                                "_lastUpdated only; \"_containedType=contained\" by anything.");
    return true;
}

/* query_parse_types() has read it. */
static bool read_type(struct query_reader *reader, struct text name, struct text *value)
{
    (void)value;
    return reader->several || query_refuse(reader, name, "not-supported",
                                           "\"_type\" belongs to searches over several types: "
                                           "[base]?_type=...");
}

static bool read_page(struct query_reader *reader, struct text name, struct text *value)
{
    reader->query->page = *value;
    return value->size > 0 ||
           query_refuse(reader, name, "value",
                        "\"_page\" has no value; follow the links of a page as they are.");
}

static bool pass(struct query_reader *reader, struct text name, struct text *value)
{
    (void)reader;
    (void)name;
    (void)value;
    return true;
}

static bool read_include(struct query_reader *reader, struct text name, struct text *value)
{
    return add_include(reader, name, *value, false);
}

static bool read_revinclude(struct query_reader *reader, struct text name, struct text *value)
{
    return add_include(reader, name, *value, true);
}

/* Type:param, Type:param:Target, Type:* or, for _include, `*`. */
static bool add_include(struct query_reader *reader, struct text name, struct text value,
                        bool reverse)
{
    struct query *query = reader->query;
    struct query_include include = {
        .reverse = reverse,
        .iterate = memchr(name.data, ':', name.size) != NULL,
    };
    struct text type = value, rest = {0}, code = {0}, target_name = {0};
    const struct type *target = NULL;

    text_split(value, ':', &type, &rest);
    code = rest;
    text_split(rest, ':', &code, &target_name);

    if (!text_is(value, "*") || reverse) {
        const struct type *source = resource_type_find(type);

        if (!source || code.size == 0)
            return query_refuse(reader, name, "value",
                                "\"%.*s\" takes Type:parameter or Type:parameter:Target.",
                                NAME_ARGS(name));
        if (!check_source(reader, name, &include, source))
            return false;
        include.source = source->name;
        if (!text_is(code, "*")) {
            include.param = search_param_find(source->name, code);
            if (!include.param || include.param->search_type != SEARCH_REFERENCE ||
                !query_can_search(include.param))
                return query_refuse(reader, name, "value",
                                    "\"%.*s\" names no reference parameter of %s.", NAME_ARGS(name),
                                    source->name);
        }
    }
    if (target_name.data) {
        target = resource_type_find(target_name);
        if (!target)
            return query_refuse(reader, name, "value",
                                "\"%.*s\" names a target that is no resource type.",
                                NAME_ARGS(name));
    }
    if (!check_target(reader, name, &include, target))
        return false;
    include.target = target ? target->name : NULL;
    reader->includes[query->include_count++] = include;
    return true;
}

static bool check_source(struct query_reader *reader, struct text name,
                         const struct query_include *include, const struct type *source)
{
    return include->reverse || include->iterate || reader->several ||
           strcmp(source->name, reader->query->type) == 0 ||
           query_refuse(reader, name, "not-supported",
                        "\"_include\" follows references of the matches, which are of type %s; "
                        "\"_include:iterate\" those of included resources, too.",
                        reader->query->type);
}

/* A target that cannot be met is a mistake that would silently find nothing. */
static bool check_target(struct query_reader *reader, struct text name,
                         const struct query_include *include, const struct type *target)
{
    const char *type = include->iterate || reader->several ? NULL : reader->query->type;

    if (type && include->reverse && target && strcmp(target->name, type) != 0)
        return query_refuse(reader, name, "value",
                            "The target of \"_revinclude\" can only be the type searched, %s.",
                            type);
    if (!include->param)
        return true;
    if (type && include->reverse && !query_can_refer_to(include->param, type))
        return query_refuse(reader, name, "value", "\"%s\" of %s never refers to %s %s.",
                            include->param->code, include->source, text_article(type), type);
    if (target && !query_can_refer_to(include->param, target->name))
        return query_refuse(reader, name, "value", "\"%s\" of %s never refers to %s %s.",
                            include->param->code, include->source, text_article(target->name),
                            target->name);
    return true;
}
