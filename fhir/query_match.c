/*
 * Query match - the rules of R4 search.html, applied to one resource.
 */

#include "fhir/query_match.h"

#include "base/arena.h"
#include "fhir/query_near.h"
#include "fhir/search_values.h"
#include "fhir/search_words.h"

struct matcher {
    const struct query_candidate *candidate;
    struct arena *arena;
};

/* A value of the query against one of the resource. */
typedef bool match_fn(struct matcher *matcher, enum query_modifier modifier,
                      const struct query_value *wanted, const struct search_value *value);

static match_fn match_number, match_date, match_string, match_token, match_reference,
    match_composite, match_quantity, match_uri, match_near;
static bool meets(struct matcher *matcher, const struct query_param *param);
static bool is_about_itself(const struct query_param *param);
static bool meets_group(struct matcher *matcher, const struct query_param *param);
static bool meets_values(struct matcher *matcher, const struct query_param *param);
static bool has_id(const struct query_param *param, const char *id);
static bool was_updated(const struct query_param *param, int64_t time);
static bool same_code(struct text system, struct text a, struct text b);
static bool match_norm(enum query_modifier modifier, struct text needle, struct text norm);
static bool starts_with(struct text text, struct text prefix);

static match_fn *const matchers[] = {
    [SEARCH_NUMBER] = match_number,       [SEARCH_DATE] = match_date,
    [SEARCH_STRING] = match_string,       [SEARCH_TOKEN] = match_token,
    [SEARCH_REFERENCE] = match_reference, [SEARCH_COMPOSITE] = match_composite,
    [SEARCH_QUANTITY] = match_quantity,   [SEARCH_URI] = match_uri,
    [SEARCH_SPECIAL] = match_near,
};

bool query_matches(const struct query *query, const struct query_candidate *candidate,
                   struct arena *arena)
{
    struct matcher matcher = {.candidate = candidate, .arena = arena};

    if (strcmp(query->type, candidate->type) != 0)
        return false;
    for (size_t i = 0; i < query->param_count; i++)
        if (!meets(&matcher, &query->params[i]))
            return false;
    return true;
}

static bool meets(struct matcher *matcher, const struct query_param *param)
{
    if (!is_about_itself(param))
        return true;
    if (param->subject == QUERY_GROUP)
        return meets_group(matcher, param) != param->negated;
    if (param->subject == QUERY_ID)
        return has_id(param, matcher->candidate->id);
    if (param->subject == QUERY_LAST_UPDATED)
        return was_updated(param, matcher->candidate->last_updated);
    if (search_param_is_text(param->param))
        return true; /* the index has decided */

    bool found = meets_values(matcher, param);
    if (param->modifier == MODIFIER_MISSING)
        return found != param->missing;
    return found != (param->modifier == MODIFIER_NOT);
}

static bool is_about_itself(const struct query_param *param)
{
    if (param->subject == QUERY_CHAIN || param->subject == QUERY_HAS ||
        param->subject == QUERY_CONTAINS || param->subject == QUERY_COMPARTMENT)
        return false;
    for (size_t i = 0; i < param->part_count; i++)
        for (size_t k = 0; k < param->parts[i]->param_count; k++)
            if (!is_about_itself(&param->parts[i]->params[k]))
                return false;
    return true;
}

static bool meets_group(struct matcher *matcher, const struct query_param *param)
{
    for (size_t i = 0; i < param->part_count; i++)
        if (query_matches(param->parts[i], matcher->candidate, matcher->arena))
            return true;
    return false;
}

/* For :missing, whether there is any value at all. */
static bool meets_values(struct matcher *matcher, const struct query_param *param)
{
    const struct search_values *values = matcher->candidate->values;

    for (size_t i = 0; i < values->count; i++) {
        const struct search_value *value = &values->items[i];

        if (value->param != param->param)
            continue;
        if (param->modifier == MODIFIER_MISSING)
            return true;
        for (size_t k = 0; k < param->value_count; k++)
            if (matchers[param->values[k].type](matcher, param->modifier, &param->values[k], value))
                return true;
    }
    return false;
}

static bool has_id(const struct query_param *param, const char *id)
{
    for (size_t i = 0; i < param->value_count; i++)
        if (text_is(param->values[i].code, id))
            return true;
    return false;
}

static bool was_updated(const struct query_param *param, int64_t time)
{
    for (size_t i = 0; i < param->value_count; i++)
        if (query_date_matches(&param->values[i], time, time))
            return true;
    return false;
}

static bool match_date(struct matcher *matcher, enum query_modifier modifier,
                       const struct query_value *wanted, const struct search_value *value)
{
    (void)matcher;
    (void)modifier;
    return query_date_matches(wanted, value->time_low, value->time_high);
}

/* The order of R4 search.html#prefix; the storage's SQL says the same. */
bool query_date_matches(const struct query_value *wanted, int64_t low, int64_t high)
{
    switch (wanted->prefix) {
    case PREFIX_EQ:
        return low >= wanted->time_low && high <= wanted->time_high;
    case PREFIX_NE:
        return low < wanted->time_low || high > wanted->time_high;
    case PREFIX_GT:
        return high > wanted->time_high;
    case PREFIX_LT:
        return low < wanted->time_low;
    case PREFIX_GE:
        return high >= wanted->time_low;
    case PREFIX_LE:
        return low <= wanted->time_high;
    case PREFIX_SA:
        return low > wanted->time_high;
    case PREFIX_EB:
        return high < wanted->time_low;
    case PREFIX_AP:
        return high >= wanted->time_low && low <= wanted->time_high;
    }
    return false;
}

bool query_number_matches(const struct query_value *wanted, double low, double high)
{
    switch (wanted->prefix) {
    case PREFIX_EQ:
        return low >= wanted->number_low && high < wanted->number_high;
    case PREFIX_NE:
        return low < wanted->number_low || high >= wanted->number_high;
    case PREFIX_GT:
        return high > wanted->number;
    case PREFIX_LT:
        return low < wanted->number;
    case PREFIX_GE:
        return high >= wanted->number;
    case PREFIX_LE:
        return low <= wanted->number;
    case PREFIX_SA:
        return low > wanted->number;
    case PREFIX_EB:
        return high < wanted->number;
    case PREFIX_AP:
        return high >= wanted->number_low && low <= wanted->number_high;
    }
    return false;
}

static bool match_number(struct matcher *matcher, enum query_modifier modifier,
                         const struct query_value *wanted, const struct search_value *value)
{
    (void)matcher;
    (void)modifier;
    return value->exact ? query_number_matches(wanted, value->number, value->number)
                        : query_number_matches(wanted, value->number_low, value->number_high);
}

/* Without a system, the unit may be meant in any of them, or as it is displayed. */
static bool match_quantity(struct matcher *matcher, enum query_modifier modifier,
                           const struct query_value *wanted, const struct search_value *value)
{
    if (!match_number(matcher, modifier, wanted, value))
        return false;
    if (!wanted->code.data)
        return true;
    if (wanted->system.data) {
        bool same = wanted->code_count == 0 && same_code(value->system, wanted->code, value->code);
        for (size_t i = 0; !same && i < wanted->code_count; i++)
            same = same_code(value->system, wanted->codes[i], value->code);
        return same && text_equals(wanted->system, value->system);
    }
    return same_code((struct text){0}, wanted->code, value->code) ||
           same_code((struct text){0}, wanted->code, value->text);
}

static bool match_string(struct matcher *matcher, enum query_modifier modifier,
                         const struct query_value *wanted, const struct search_value *value)
{
    struct text needles[TEXT_FORMS_MAX], norms[TEXT_FORMS_MAX];

    if (modifier == MODIFIER_EXACT)
        return text_equals(wanted->text, value->text);

    size_t needle_count = text_fold_forms(matcher->arena, wanted->text, needles);
    size_t norm_count = text_fold_forms(matcher->arena, value->text, norms);

    for (size_t i = 0; i < needle_count * norm_count; i++)
        if (match_norm(modifier, needles[i % needle_count], norms[i / needle_count]))
            return true;
    return false;
}

static bool match_norm(enum query_modifier modifier, struct text needle, struct text norm)
{
    if (modifier == MODIFIER_WHOLE)
        return text_equals(norm, needle);
    if (modifier == MODIFIER_ENDS)
        return text_ends_with(norm, needle);
    if (modifier == MODIFIER_CONTAINS)
        return memmem(norm.data, norm.size, needle.data, needle.size) != NULL;
    return text_starts_with(norm, needle);
}

static bool match_token(struct matcher *matcher, enum query_modifier modifier,
                        const struct query_value *wanted, const struct search_value *value)
{
    (void)matcher;
    if (modifier == MODIFIER_OF_TYPE)
        return text_equals(wanted->system, value->identifier_type_system) &&
               same_code((struct text){0}, wanted->code, value->identifier_type_code) &&
               same_code((struct text){0}, wanted->text, value->code);
    if (wanted->system.data && !text_equals(wanted->system, value->system))
        return false;
    if (!wanted->code.data)
        return true;
    return value->code.data && same_code(wanted->system.data ? value->system : (struct text){0},
                                         wanted->code, value->code);
}

/* As the storage's tokens compare: letter case does not count, but for UCUM. */
static bool same_code(struct text system, struct text a, struct text b)
{
    if (text_is(system, "http://unitsofmeasure.org"))
        return text_equals(a, b);
    return text_equals_nocase(a, b);
}

static bool match_reference(struct matcher *matcher, enum query_modifier modifier,
                            const struct query_value *wanted, const struct search_value *value)
{
    (void)matcher;
    (void)modifier;
    if (wanted->reference_id.data && !wanted->reference_base.data && value->reference_id.data &&
        !value->reference_base.data)
        return text_equals(wanted->reference_id, value->reference_id) &&
               (!wanted->reference_version.data ||
                text_equals(wanted->reference_version, value->reference_version)) &&
               (!wanted->reference_type.data ||
                text_equals(wanted->reference_type, value->reference_type));
    return starts_with(value->text, wanted->text);
}

/* The same, or the same but for a version that the query does not name. */
static bool starts_with(struct text text, struct text prefix)
{
    if (!text_starts_with(text, prefix))
        return false;
    struct text rest = {text.data + prefix.size, text.size - prefix.size};
    return rest.size == 0 || rest.data[0] == '|' || text_starts_with(rest, TEXT("/_history/"));
}

static bool match_uri(struct matcher *matcher, enum query_modifier modifier,
                      const struct query_value *wanted, const struct search_value *value)
{
    struct text bare = value->text, version;

    (void)matcher;
    if (modifier == MODIFIER_NONE)
        return starts_with(value->text, wanted->text);

    text_split(value->text, '|', &bare, &version);
    struct text shorter = modifier == MODIFIER_ABOVE ? bare : wanted->text;
    struct text longer = modifier == MODIFIER_ABOVE ? wanted->text : bare;
    while (shorter.size > 0 && shorter.data[shorter.size - 1] == '/')
        shorter.size--;
    return text_starts_with(longer, shorter) &&
           (longer.size == shorter.size || longer.data[shorter.size] == '/');
}

static bool match_composite(struct matcher *matcher, enum query_modifier modifier,
                            const struct query_value *wanted, const struct search_value *value)
{
    (void)modifier;
    if (value->component_count != wanted->component_count)
        return false;
    for (size_t i = 0; i < wanted->component_count; i++)
        if (!matchers[wanted->components[i].type](matcher, MODIFIER_NONE, &wanted->components[i],
                                                  &value->components[i]))
            return false;
    return true;
}

static bool match_near(struct matcher *matcher, enum query_modifier modifier,
                       const struct query_value *wanted, const struct search_value *value)
{
    (void)matcher;
    (void)modifier;
    return near_holds(wanted->near, value->latitude, value->longitude);
}
