/*
 * Query types - searches over several types (R4 http.html#search), and within compartments
 * (compartmentdefinition.html).
 */

#include "fhir/query_reader.h"

#include "base/arena.h"
#include "base/count.h"
#include "fhir/issue.h"
#include "fhir/query_text.h"
#include "fhir/type.h"

static bool find_types(struct arena *arena, struct text text, bool *wanted, struct issues *issues,
                       struct err *err);
static bool read_types(struct text value, bool *wanted, struct issues *issues, struct err *err);
static bool can_belong(const struct query_options *options, const char *type);
static const struct query *parse_again(struct arena *arena, const char *type, struct text text,
                                       const struct query_options *options, struct issues *issues,
                                       struct err *err);

const struct query *query_parse_types(struct arena *arena, struct text text,
                                      const struct query_options *options, struct issues *issues,
                                      struct err *err)
{
    struct query_options strict = *options;
    bool *wanted = arena_many(arena, bool, resource_type_count());
    const struct query **types = arena_many(arena, const struct query *, resource_type_count());
    struct query *query = arena_one(arena, struct query);
    size_t count = 0;

    strict.lenient = false; /* a criterion ignored for one type only would be none that holds */
    if (text.size > options->max_size)
        return query_parse_type(arena, "Patient", true, text, options, issues, err);
    if (!find_types(arena, text, wanted, issues, err))
        return NULL;
    for (unsigned i = 0; i < resource_type_count(); i++) {
        const char *type = type_at(i)->name;

        if (!wanted[i] || (options->compartment.data && !can_belong(options, type)))
            continue;
        types[count] = parse_again(arena, type, text, &strict, issues, err);
        if (!types[count++])
            return NULL;
    }
    if (count == 0) {
        issue_add(issues, ISSUE_ERROR, "value", NULL, "\"_type\" names nothing to search.");
        err_set(err, ERR_INVALID, "_type", "\"_type\" names nothing to search.");
        return NULL;
    }
    *query = *types[0];
    query->type = NULL;
    query->types = types;
    query->type_count = count;
    return query;
}

/* All, where _type says nothing. */
static bool find_types(struct arena *arena, struct text text, bool *wanted, struct issues *issues,
                       struct err *err)
{
    struct text pair, name, value, decoded;
    bool any = false;

    while (query_next_item(&text, '&', &pair)) {
        if (!text_split(pair, '=', &name, &value) || !text_is(name, "_type") ||
            !query_decode(arena, value, &decoded))
            continue;
        any = true;
        if (!read_types(decoded, wanted, issues, err))
            return false;
    }
    for (unsigned i = 0; !any && i < resource_type_count(); i++)
        wanted[i] = true;
    return true;
}

static bool read_types(struct text value, bool *wanted, struct issues *issues, struct err *err)
{
    struct text item;

    while (query_next_item(&value, ',', &item)) {
        const struct type *type = resource_type_find(item);

        if (!type) {
            issue_add(issues, ISSUE_ERROR, "value", NULL, "\"_type\" takes resource types.");
            return err_set(err, ERR_INVALID, "_type", "\"_type\" takes resource types.");
        }
        wanted[type->number] = true;
    }
    return true;
}

/* What is wrong with the search is said once, and not for every type. */
static const struct query *parse_again(struct arena *arena, const char *type, struct text text,
                                       const struct query_options *options, struct issues *issues,
                                       struct err *err)
{
    struct issues unseen;
    struct err failed = {0};

    issues_init(&unseen, arena, 1);
    const struct query *query =
        query_parse_type(arena, type, true, text, options, &unseen, &failed);
    return query ? query : query_parse_type(arena, type, true, text, options, issues, err);
}

/* A Practitioner, for instance, is all there is of that type in its own compartment. */
static bool can_belong(const struct query_options *options, const char *type)
{
    static const char *const selves[] = {"Encounter", "Practitioner", "RelatedPerson"};

    if (compartment_params_of(options->compartment_type, type))
        return true;
    for (size_t i = 0; i < COUNT(selves); i++)
        if (strcmp(type, selves[i]) == 0 && strcmp(options->compartment_type, type) == 0)
            return true;
    return false;
}

bool query_add_compartment(struct query_reader *reader)
{
    struct query *query = reader->query;
    struct query_value *value;

    if (!reader->options->compartment.data)
        return true;
    if (!can_belong(reader->options, query->type))
        return query_refuse(reader, (struct text){0}, "not-supported",
                            "Resources of type %s do not belong to the compartment of %s %s.",
                            query->type, text_article(reader->options->compartment_type),
                            reader->options->compartment_type);
    value = arena_one(reader->arena, struct query_value);
    value->type = SEARCH_REFERENCE;
    value->reference_type = text_of(reader->options->compartment_type);
    value->reference_id = reader->options->compartment;
    reader->params[query->param_count++] =
        (struct query_param){.subject = QUERY_COMPARTMENT, .values = value, .value_count = 1};
    return true;
}
