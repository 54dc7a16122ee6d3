/*
 * Columns - the choice, resolved to search parameters once per process.
 */

#include "storage/columns.h"

#include "base/count.h"
#include "base/err.h"
#include "fhir/search_param.h"
#include "fhir/type.h"

#include <assert.h>
#include <pthread.h>

enum { TYPES_MAX = 256, PARAMS_MAX = 4096 };

/* One row per hot type, by codes. A choice that is left out is no column. */
static const struct rule {
    const char *type, *patient, *code, *date, *quantity, *code_quantity;
} rules[] = {
    {.type = "AllergyIntolerance", .patient = "patient", .code = "code", .date = "date"},
    {.type = "CarePlan", .patient = "patient", .code = "category", .date = "date"},
    {.type = "CareTeam", .patient = "patient", .code = "category", .date = "date"},
    {.type = "Claim", .patient = "patient", .date = "created"},
    {.type = "Condition", .patient = "patient", .code = "code", .date = "onset-date"},
    {.type = "DiagnosticReport", .patient = "patient", .code = "code", .date = "date"},
    {.type = "DocumentReference", .patient = "patient", .code = "type", .date = "date"},
    {.type = "Encounter", .patient = "patient", .code = "type", .date = "date"},
    {.type = "ExplanationOfBenefit", .patient = "patient", .date = "created"},
    {.type = "Immunization", .patient = "patient", .code = "vaccine-code", .date = "date"},
    {.type = "MedicationRequest", .patient = "patient", .code = "code", .date = "authoredon"},
    {.type = "Observation",
     .patient = "patient",
     .code = "code",
     .date = "date",
     .quantity = "value-quantity",
     .code_quantity = "code-value-quantity"},
    {.type = "Organization"},
    {.type = "Patient", .date = "birthdate"},
    {.type = "Practitioner"},
    {.type = "Procedure", .patient = "patient", .code = "code", .date = "date"},
    {.type = "ServiceRequest", .patient = "patient", .code = "code", .date = "authored"},
};

/* What every other type gets, where its parameters of these names have these
 * types. A reference is taken to repeat, and a date unless its expression names single elements. */
static const struct rule fallback = {.patient = "patient", .code = "code", .date = "date"};

/* R4's definitions of the combo- parameters are word for word both parts. */
static const char *const unions[][4] = {
    {"Observation", "combo-code", "code", "component-code"},
    {"Observation", "combo-data-absent-reason", "data-absent-reason",
     "component-data-absent-reason"},
    {"Observation", "combo-value-concept", "value-concept", "component-value-concept"},
    {"Observation", "combo-value-quantity", "value-quantity", "component-value-quantity"},
    {"Observation", "combo-code-value-concept", "code-value-concept",
     "component-code-value-concept"},
    {"Observation", "combo-code-value-quantity", "code-value-quantity",
     "component-code-value-quantity"},
};

/* Filled once, then only read. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct columns by_type[TYPES_MAX];
static struct search_union union_rows[COUNT(unions)];
static const struct search_union *by_param[PARAMS_MAX];
static bool is_membership[PARAMS_MAX];

static void resolve_all(void);
static void resolve(const struct type *type, const struct rule *rule, bool repeats,
                    struct columns *columns);
static const struct search_param *param(const char *type, const char *code, enum search_type kind);
static bool is_single(const struct type *type, const struct search_param *param);
static const struct rule *rule_of(const char *type);
static void resolve_union(size_t i);
static void resolve_memberships(const char *type);

const struct columns *columns_of(const struct type *type)
{
    assert(type->number < TYPES_MAX);
    pthread_once(&once, resolve_all);
    return &by_type[type->number];
}

const struct columns *columns_of_contained(void)
{
    static const struct columns none = {0};

    return &none;
}

const struct search_union *search_union_of(const struct search_param *param)
{
    pthread_once(&once, resolve_all);
    return param->number < search_param_count() ? by_param[param->number] : NULL;
}

bool columns_is_membership(const struct search_param *param)
{
    pthread_once(&once, resolve_all);
    return param->number < search_param_count() && is_membership[param->number];
}

static void resolve_all(void)
{
    assert(resource_type_count() <= TYPES_MAX && search_param_count() <= PARAMS_MAX);
    for (unsigned i = 0; i < resource_type_count(); i++) {
        const struct type *type = type_at(i);
        const struct rule *rule = rule_of(type->name);

        resolve(type, rule ? rule : &fallback, !rule, &by_type[i]);
        resolve_memberships(type->name);
    }
    for (size_t i = 0; i < COUNT(unions); i++)
        resolve_union(i);
}

static void resolve(const struct type *type, const struct rule *rule, bool repeats,
                    struct columns *columns)
{
    *columns = (struct columns){
        .patient = param(type->name, rule->patient, SEARCH_REFERENCE),
        .code = param(type->name, rule->code, SEARCH_TOKEN),
        .date = param(type->name, rule->date, SEARCH_DATE),
        .quantity = param(type->name, rule->quantity, SEARCH_QUANTITY),
        .code_quantity = param(type->name, rule->code_quantity, SEARCH_COMPOSITE),
        .patient_repeats = repeats,
        .own_patient = strcmp(type->name, "Patient") == 0,
    };
    columns->date_repeats = repeats && !(columns->date && is_single(type, columns->date));
    assert(repeats || !rule->date || columns->date);
    assert(repeats || !rule->code || columns->code);
    assert(!rule->code_quantity || columns->code_quantity);
}

/* Whether the expression is a path such as Composition.date to something of which there is one. */
static bool is_single(const struct type *type, const struct search_param *param)
{
    struct text rest = text_of(param->expression), name;

    if (!text_next(&rest, '.', &name) || !text_is(name, type->name))
        return false;
    while (text_next(&rest, '.', &name)) {
        const struct element *element = type_element(type, name, NULL);

        if (!element || element->max != 1)
            return false;
        type = type_at(element->type);
    }
    return type->kind == TYPE_PRIMITIVE || strcmp(type->name, "Period") == 0;
}

/* NULL when there is none such, or it is of another kind. Those of packages come and go: they have
 * no columns. */
static const struct search_param *param(const char *type, const char *code, enum search_type kind)
{
    const struct search_param *found =
        code ? search_param_find_published(type, text_of(code)) : NULL;

    return found && found->search_type == kind ? found : NULL;
}

static const struct rule *rule_of(const char *type)
{
    for (size_t i = 0; i < COUNT(rules); i++)
        if (strcmp(rules[i].type, type) == 0)
            return &rules[i];
    return NULL;
}

static void resolve_union(size_t i)
{
    const struct search_param *whole = search_param_find(unions[i][0], text_of(unions[i][1]));

    assert(whole);
    for (int part = 0; part < 2; part++) {
        union_rows[i].parts[part] = search_param_find(unions[i][0], text_of(unions[i][2 + part]));
        assert(union_rows[i].parts[part]);
    }
    by_param[whole->number] = &union_rows[i];
}

static void resolve_memberships(const char *type)
{
    const char *const *codes = patient_compartment_params(type);

    for (; codes && *codes; codes++) {
        const struct search_param *found = search_param_find(type, text_of(*codes));

        assert(found);
        is_membership[found->number] = true;
    }
}
