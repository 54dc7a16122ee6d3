/*
 * Query everything - $everything as a search (R4 patient-operation-everything.html):
 * what belongs to a patient, and along with it what that refers to.
 */

#include "fhir/query_everything.h"

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/issue.h"
#include "fhir/query_reader.h"
#include "fhir/query_text.h"
#include "fhir/type.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What is nobody's own and makes no sense of somebody else. */
static const char *const along[] = {
    "Device",       "Endpoint",     "HealthcareService", "Location",  "Medication",
    "Organization", "Practitioner", "PractitionerRole",  "Substance",
};

/* Which parameter says when care took place; the first that a type has. */
static const char *const care_dates[] = {
    "date", "onset-date", "authoredon", "authored", "period", "created", "effective",
};

static const char *const parameters[] = {"start",  "end",   "_since",  "_type",
                                         "_count", "_page", "_format", "_pretty"};

static bool read_parameters(struct arena *arena, struct text text, struct text values[],
                            struct issues *issues, struct err *err);
static const struct query *with_dates(struct arena *arena, const struct query *one,
                                      const struct text values[],
                                      const struct query_options *options, struct issues *issues,
                                      struct err *err);
static const struct query *criterion(struct arena *arena, const char *type, struct text text,
                                     const struct query_options *options, struct issues *issues,
                                     struct err *err);
static void patient_first(const struct query **types, size_t count);
static void add_along(struct arena *arena, struct query *query, struct text types);

enum { START, END, SINCE, TYPES, PAGE_SIZE, PAGE, PARAMETERS };

const struct query *query_everything(struct arena *arena, struct text patient, struct text text,
                                     const struct query_options *options, struct issues *issues,
                                     struct err *err)
{
    struct query_options own = *options;
    struct text values[PARAMETERS] = {{0}};
    struct buf search = buf_in(arena);

    if (!read_parameters(arena, text, values, issues, err))
        return NULL;
    own.compartment = patient;
    if (values[SINCE].data) {
        buf_add_text(&search, "_lastUpdated=ge");
        query_encode(&search, values[SINCE]);
    }
    static const struct {
        int value;
        const char *name;
    } passed[] = {{TYPES, "_type"}, {PAGE_SIZE, "_count"}, {PAGE, "_page"}};
    for (size_t i = 0; i < COUNT(passed); i++) {
        if (!values[passed[i].value].data)
            continue;
        buf_printf(&search, "&%s=", passed[i].name);
        query_encode(&search, values[passed[i].value]);
    }
    const struct query *found =
        query_parse(arena, NULL, (struct text){search.data, search.size}, &own, issues, err);
    if (!found)
        return NULL;

    struct query *query = arena_one(arena, struct query);
    const struct query **types = arena_many(arena, const struct query *, found->type_count);
    *query = *found;
    for (size_t i = 0; i < found->type_count; i++) {
        types[i] = with_dates(arena, found->types[i], values, options, issues, err);
        if (!types[i])
            return NULL;
    }
    patient_first(types, query->type_count);
    query->types = types;
    add_along(arena, query, values[TYPES]);
    return query;
}

static bool read_parameters(struct arena *arena, struct text text, struct text values[],
                            struct issues *issues, struct err *err)
{
    struct text pair;

    while (query_next_item(&text, '&', &pair)) {
        struct text name = pair, value = TEXT("");
        size_t which = 0;

        if (pair.size == 0)
            continue;
        text_split(pair, '=', &name, &value);
        while (which < COUNT(parameters) && !text_is(name, parameters[which]))
            which++;
        if (which == COUNT(parameters) || !query_decode(arena, value, &value)) {
            issue_add(issues, ISSUE_ERROR, "not-supported", NULL,
                      "$everything takes start, end, _since, _type and _count.");
            return err_set(err, ERR_INVALID, NULL,
                           "$everything takes start, end, _since, _type and _count.");
        }
        if (which < PARAMETERS)
            values[which] = value;
    }
    return true;
}

/* Care within the dates, or without a date of its own. */
static const struct query *with_dates(struct arena *arena, const struct query *one,
                                      const struct text values[],
                                      const struct query_options *options, struct issues *issues,
                                      struct err *err)
{
    const char *code = NULL;
    struct query *query = arena_one(arena, struct query);
    struct query_param *params = arena_many(arena, struct query_param, one->param_count + 2);

    for (size_t i = 0; !code && i < COUNT(care_dates); i++) {
        const struct search_param *param = search_param_find(one->type, text_of(care_dates[i]));

        if (param && param->search_type == SEARCH_DATE && query_can_search(param))
            code = care_dates[i];
    }
    *query = *one;
    if (one->param_count)
        memcpy(params, one->params, one->param_count * sizeof(params[0]));
    query->params = params;
    for (int bound = START; code && bound <= END; bound++) {
        const struct query **parts = arena_many(arena, const struct query *, 2);
        struct buf within = buf_in(arena);

        if (!values[bound].data)
            continue;
        buf_printf(&within, "%s=%s", code, bound == START ? "ge" : "le");
        query_encode(&within, values[bound]);
        parts[0] = criterion(arena, one->type, (struct text){within.data, within.size}, options,
                             issues, err);
        parts[1] =
            criterion(arena, one->type, text_of(arena_printf(arena, "%s:missing=true", code)),
                      options, issues, err);
        if (!parts[0] || !parts[1])
            return NULL;
        params[query->param_count++] =
            (struct query_param){.subject = QUERY_GROUP, .parts = parts, .part_count = 2};
    }
    return query;
}

static const struct query *criterion(struct arena *arena, const char *type, struct text text,
                                     const struct query_options *options, struct issues *issues,
                                     struct err *err)
{
    return query_parse_type(arena, type, true, text, options, issues, err);
}

static void patient_first(const struct query **types, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const struct query *patient = types[i];

        if (strcmp(patient->type, "Patient") != 0)
            continue;
        memmove(&types[1], &types[0], i * sizeof(types[0]));
        types[0] = patient;
    }
}

/* Of these types, or those of them that _type names. */
static void add_along(struct arena *arena, struct query *query, struct text types)
{
    struct query_include *includes = arena_many(arena, struct query_include, COUNT(along));

    query->includes = includes;
    query->include_count = 0;
    for (size_t i = 0; i < COUNT(along); i++) {
        struct text rest = types, item;
        bool wanted = !types.data;

        while (!wanted && query_next_item(&rest, ',', &item))
            wanted = text_is(item, along[i]);
        if (wanted)
            includes[query->include_count++] = (struct query_include){.target = along[i]};
    }
}
