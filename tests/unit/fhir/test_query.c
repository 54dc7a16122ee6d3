/* Queries: what a search is understood as, and how it is refused. */

#include "fhir/query.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/count.h"
#include "fhir/issue.h"
#include "fhir/query_text.h"
#include "fhir/type.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct arena *arena;
static struct issues issues;
static struct err err;
static struct query_options options;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    options = query_options_default();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static const struct query *parse(const char *type, const char *text)
{
    err = (struct err){0};
    issues_init(&issues, arena, 100);
    return query_parse(arena, type, text_of(text), &options, &issues, &err);
}

static const struct query *must_parse(const char *type, const char *text)
{
    const struct query *query = parse(type, text);

    if (!query)
        print_error("%s?%s: %s\n", type, text, err.text);
    assert_non_null(query);
    assert_int_equal(issues.errors, 0);
    return query;
}

static const struct query_value *only_value(const char *type, const char *text)
{
    const struct query *query = must_parse(type, text);

    assert_int_equal(query->param_count, 1);
    assert_int_equal(query->params[0].value_count, 1);
    return query->params[0].values;
}

static void assert_text(struct text text, const char *expected)
{
    if (!expected) {
        assert_null(text.data);
        return;
    }
    assert_non_null(text.data);
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
}

static void assert_refused(const char *type, const char *text, const char *because)
{
    if (parse(type, text) || !strstr(err.text, because))
        print_error("%s?%s: %s\n", type, text, err.text);
    assert_int_equal(err.kind, ERR_INVALID);
    assert_non_null(strstr(err.text, because));
    assert_true(issues.errors > 0);
}

static void a_token_has_four_forms(void **state)
{
    static const struct {
        const char *text, *system, *code;
    } cases[] = {
        {"identifier=123", NULL, "123"},
        {"identifier=urn:x%7C123", "urn:x", "123"},
        {"identifier=urn:x|123", "urn:x", "123"},
        {"identifier=|123", "", "123"},
        {"identifier=urn:x|", "urn:x", NULL},
        {"identifier=a%5C,b", NULL, "a,b"},
        {"identifier=a%5C|b|c%5C%5C", "a|b", "c\\"},
        {"identifier=a+b", NULL, "a b"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct query_value *value = only_value("Patient", cases[i].text);
        assert_int_equal(value->type, SEARCH_TOKEN);
        assert_text(value->system, cases[i].system);
        assert_text(value->code, cases[i].code);
    }
}

static void criteria_are_joined_by_and_values_by_or(void **state)
{
    const struct query *query =
        must_parse("Patient", "name=anna,maria&name=berg&gender=female&&birthdate=ge1970");

    (void)state;
    assert_int_equal(query->param_count, 4);
    assert_int_equal(query->params[0].value_count, 2);
    assert_text(query->params[0].values[1].text, "maria");
    assert_string_equal(query->params[0].param->code, "name");
    assert_int_equal(query->params[1].value_count, 1);
    assert_true(query_is_effective(query));
}

static void a_chain_asks_every_type_that_may_be_meant(void **state)
{
    const struct query *query =
        must_parse("Observation", "subject.name=x&patient.birthdate=ge1970");

    (void)state;
    assert_int_equal(query->param_count, 2);
    assert_int_equal(query->params[0].subject, QUERY_CHAIN);
    assert_string_equal(query->params[0].param->code, "subject");
    assert_int_equal(query->params[0].part_count, 2);
    assert_string_equal(query->params[0].parts[0]->type, "Location");
    assert_string_equal(query->params[0].parts[1]->type, "Patient");
    assert_int_equal(query->params[1].part_count, 1);
    assert_int_equal(query->params[1].parts[0]->params[0].values[0].prefix, PREFIX_GE);
}

static void a_reverse_chain_asks_what_refers_here(void **state)
{
    const struct query *query =
        must_parse("Patient", "_has:Encounter:patient:_has:Observation:encounter:code:not=8867-4");
    const struct query_param *first = &query->params[0];

    (void)state;
    assert_int_equal(query->param_count, 1);
    assert_int_equal(first->subject, QUERY_HAS);
    assert_string_equal(first->param->type, "Encounter");
    assert_string_equal(first->parts[0]->type, "Encounter");
    assert_int_equal(first->parts[0]->params[0].subject, QUERY_HAS);
    const struct query_param *last = first->parts[0]->params[0].parts[0]->params;
    assert_string_equal(last->param->code, "code");
    assert_int_equal(last->modifier, MODIFIER_NOT);
}

static void dates_span_what_their_precision_says(void **state)
{
    static const struct {
        const char *text;
        enum query_prefix prefix;
        const char *low, *high;
    } cases[] = {
        {"date=2020", PREFIX_EQ, "2020-01-01T00:00:00.000Z", "2020-12-31T23:59:59.999Z"},
        {"date=ge2020-02", PREFIX_GE, "2020-02-01T00:00:00.000Z", "2020-02-29T23:59:59.999Z"},
        {"date=lt2020-02-03", PREFIX_LT, "2020-02-03T00:00:00.000Z", "2020-02-03T23:59:59.999Z"},
        {"date=ne2020-02-03T10:11", PREFIX_NE, "2020-02-03T10:11:00.000Z",
         "2020-02-03T10:11:59.999Z"},
        {"date=sa2020-02-03T10:11:12%2B02:00", PREFIX_SA, "2020-02-03T08:11:12.000Z",
         "2020-02-03T08:11:12.999Z"},
        {"date=eb2020-02-03T10:11:12+02:00", PREFIX_EB, "2020-02-03T08:11:12.000Z",
         "2020-02-03T08:11:12.999Z"},
    };
    char instant[CLOCK_INSTANT_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct query_value *value = only_value("Observation", cases[i].text);
        assert_int_equal(value->prefix, cases[i].prefix);
        clock_format_instant(value->time_low, instant);
        assert_string_equal(instant, cases[i].low);
        clock_format_instant(value->time_high, instant);
        assert_string_equal(instant, cases[i].high);
    }
}

static void about_a_date_is_a_tenth_of_its_distance_from_now(void **state)
{
    const struct query_value *exact = only_value("Observation", "date=2000-01-01");
    const struct query_value *about = only_value("Observation", "date=ap2000-01-01");
    int64_t tenth = (clock_now() - exact->time_low) / 10;
    int64_t day = INT64_C(86400000000);

    (void)state;
    assert_int_equal(about->prefix, PREFIX_AP);
    assert_in_range(exact->time_low - about->time_low, tenth - day, tenth + day);
    assert_in_range(about->time_high - exact->time_high, tenth - day, tenth + day);
}

static void quantities_have_a_number_and_perhaps_a_unit(void **state)
{
    static const struct {
        const char *text;
        enum query_prefix prefix;
        double number, low, high;
        const char *system, *code;
    } cases[] = {
        {"value-quantity=5.4|http://u.org|mg", PREFIX_EQ, 5.4, 5.35, 5.45, "http://u.org", "mg"},
        {"value-quantity=le5.40", PREFIX_LE, 5.4, 5.395, 5.405, NULL, NULL},
        {"value-quantity=gt-5||mg", PREFIX_GT, -5, -5.5, -4.5, NULL, "mg"},
        {"value-quantity=1e2", PREFIX_EQ, 100, 95, 105, NULL, NULL},
        {"value-quantity=ap100.0||", PREFIX_AP, 100, 90, 110, NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct query_value *value = only_value("Observation", cases[i].text);
        assert_int_equal(value->prefix, cases[i].prefix);
        assert_true(fabs(value->number - cases[i].number) < 1e-9);
        assert_true(fabs(value->number_low - cases[i].low) < 1e-9);
        assert_true(fabs(value->number_high - cases[i].high) < 1e-9);
        assert_text(value->system, cases[i].system);
        assert_text(value->code, cases[i].code);
    }
}

static void references_are_ids_types_with_ids_or_urls(void **state)
{
    static const struct {
        const char *text, *base, *type, *id;
    } cases[] = {
        {"subject=1", NULL, NULL, "1"},
        {"subject=Patient/1", NULL, "Patient", "1"},
        {"subject:Patient=1", NULL, "Patient", "1"},
        {"subject:Patient=Patient/1", NULL, "Patient", "1"},
        {"subject=https://here.example/fhir/Patient/1", NULL, "Patient", "1"},
        {"subject=urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7", NULL, NULL, NULL},
    };

    (void)state;
    options.base = TEXT("https://here.example/fhir");
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct query_value *value = only_value("Observation", cases[i].text);
        assert_text(value->reference_base, cases[i].base);
        assert_text(value->reference_type, cases[i].type);
        assert_text(value->reference_id, cases[i].id);
    }

    const struct query_value *foreign =
        only_value("Observation", "subject=https://there.example/fhir/Patient/1");
    assert_non_null(foreign->reference_base.data);
    assert_text(foreign->text, "https://there.example/fhir/Patient/1");
}

static void modifiers_are_typed(void **state)
{
    static const struct {
        const char *type, *text;
        enum query_modifier modifier;
        enum search_type value;
    } cases[] = {
        {"Patient", "family:exact=Berg", MODIFIER_EXACT, SEARCH_STRING},
        {"Patient", "family:contains=er", MODIFIER_CONTAINS, SEARCH_STRING},
        {"Patient", "gender:not=male", MODIFIER_NOT, SEARCH_TOKEN},
        {"Patient", "identifier:of-type=urn:t|MR|1", MODIFIER_OF_TYPE, SEARCH_TOKEN},
        {"Observation", "subject:identifier=urn:x|1", MODIFIER_IDENTIFIER, SEARCH_TOKEN},
        {"Observation", "subject:Patient=1", MODIFIER_TYPE, SEARCH_REFERENCE},
        {"ValueSet", "url:below=http://x.org/a", MODIFIER_BELOW, SEARCH_URI},
        {"ValueSet", "url:above=http://x.org/a", MODIFIER_ABOVE, SEARCH_URI},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct query *query = must_parse(cases[i].type, cases[i].text);
        assert_int_equal(query->params[0].modifier, cases[i].modifier);
        assert_int_equal(query->params[0].values[0].type, cases[i].value);
    }

    const struct query *query = must_parse("Patient", "gender:missing=true&name:missing=false");
    assert_true(query->params[0].missing);
    assert_false(query->params[1].missing);
    assert_int_equal(query->params[0].value_count, 0);
}

static void composites_are_split_at_the_dollar(void **state)
{
    const struct query_value *value = only_value(
        "Observation", "code-value-quantity=http://loinc.org|8480-6$ge140|http://u.org|mm");

    (void)state;
    assert_int_equal(value->type, SEARCH_COMPOSITE);
    assert_int_equal(value->component_count, 2);
    assert_text(value->components[0].code, "8480-6");
    assert_int_equal(value->components[1].type, SEARCH_QUANTITY);
    assert_int_equal(value->components[1].prefix, PREFIX_GE);
    assert_text(value->components[1].code, "mm");
}

static void bookkeeping_parameters_are_told_apart(void **state)
{
    const struct query *query = must_parse("Patient", "_id=a,b&_lastUpdated=gt2020-01-01");

    (void)state;
    assert_int_equal(query->params[0].subject, QUERY_ID);
    assert_text(query->params[0].values[1].code, "b");
    assert_int_equal(query->params[1].subject, QUERY_LAST_UPDATED);
    assert_int_equal(query->params[1].values[0].prefix, PREFIX_GT);
}

static void result_parameters_shape_the_answer(void **state)
{
    const struct query *query = must_parse(
        "Observation", "_sort=-date,_id&_count=7&_total=accurate&_summary=false&_page=abc"
                       "&_format=json&_pretty=true&_include=Observation:subject:Patient"
                       "&_include=Observation:*&_revinclude=Provenance:target");

    (void)state;
    assert_int_equal(query->sort_count, 2);
    assert_true(query->sorts[0].descending);
    assert_string_equal(query->sorts[0].param->code, "date");
    assert_int_equal(query->sorts[1].subject, QUERY_ID);
    assert_int_equal(query->count, 7);
    assert_false(query->count_only);
    assert_int_equal(query->total, QUERY_TOTAL_ACCURATE);
    assert_text(query->page, "abc");
    assert_int_equal(query->include_count, 3);
    assert_string_equal(query->includes[0].target, "Patient");
    assert_null(query->includes[1].param);
    assert_true(query->includes[2].reverse);
    assert_string_equal(query->includes[2].source, "Provenance");
    assert_false(query_is_effective(query));
}

static void zero_results_or_a_summary_of_counts_ask_for_the_total_only(void **state)
{
    (void)state;
    assert_true(must_parse("Patient", "_count=0")->count_only);
    assert_true(must_parse("Patient", "_summary=count")->count_only);
    assert_int_equal(must_parse("Patient", "")->count, options.count);
    assert_int_equal(must_parse("Patient", "_count=1000000")->count, options.count_max);
}

/* What these modifiers mean is listed; of them only `not` is left. */
static void value_sets_and_hierarchies_become_codes(void **state)
{
    const struct query *query =
        must_parse("Patient", "gender:in=http://hl7.org/fhir/ValueSet/administrative-gender&"
                              "gender:not-in=http://hl7.org/fhir/ValueSet/administrative-gender");

    (void)state;
    assert_int_equal(query->params[0].modifier, MODIFIER_NONE);
    assert_int_equal(query->params[1].modifier, MODIFIER_NOT);
    assert_int_equal(query->params[0].value_count, 4);
    assert_text(query->params[0].values[0].system, "http://hl7.org/fhir/administrative-gender");

    const char *active = "http://terminology.hl7.org/CodeSystem/condition-clinical|active";
    char text[200];
    snprintf(text, sizeof(text), "clinical-status:below=%s", active);
    assert_int_equal(must_parse("Condition", text)->params[0].value_count, 3);
    snprintf(text, sizeof(text), "clinical-status:above=%s", active);
    assert_int_equal(must_parse("Condition", text)->params[0].value_count, 1);
    snprintf(text, sizeof(text), "_filter=clinical-status ss %s", active);
    assert_int_equal(must_parse("Condition", text)->params[0].parts[0]->params[0].value_count, 3);
}

struct refusal {
    const char *type, *text, *because;
};

static void assert_all_refused(const struct refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_refused(refusals[i].type, refusals[i].text, refusals[i].because);
}

static void what_is_unknown_or_empty_is_refused(void **state)
{
    static const struct refusal cases[] = {
        {"Patient", "brithdate=2020", "did you mean birthdate"},
        {"Patient", "gendre=male", "gender"},
        {"Patient", "zzzzzzzzzzzz=1", "\"zzzzzzzzzzzz\" is not a search parameter of Patient"},
        {"Patient", "gender", "has no value"},
        {"Patient", "gender=", "has no value"},
        {"Patient", "gender=male,", "is empty"},
        {"Patient", "gender=|", "is empty"},
    };

    (void)state;
    assert_all_refused(cases, COUNT(cases));
}

static void modifiers_that_do_not_apply_are_refused(void **state)
{
    static const struct refusal cases[] = {
        {"Patient", "gender:exact=male",
         "supports :missing :not :text :of-type :in :not-in :below :above"},
        {"Patient", "_id:exact=1", "\"_id\" supports :missing"},
        {"Patient", "_id:missing=maybe", "true or false"},
        {"Patient", "family:below=x", "supports :missing :exact :contains"},
        {"Patient", "gender:in=http://example.org/none", "not loaded"},
        {"Patient", "gender:in=ValueSet/1", "canonical url"},
        {"Patient", "gender:below=male", "takes system|code"},
        {"Observation", "code:in=http://hl7.org/fhir/ValueSet/observation-codes",
         "needs http://loinc.org"},
        {"Observation", "code:below=http://loinc.org|1-1", "not loaded"},
        {"Patient", "gender:missing=maybe", "true or false"},
    };

    (void)state;
    assert_all_refused(cases, COUNT(cases));
}

static void values_of_another_form_are_refused(void **state)
{
    static const struct refusal cases[] = {
        {"Patient", "birthdate=20-01", "takes a date"},
        {"Patient", "birthdate=xx2020", "takes a date"},
        {"Patient", "birthdate=2020-13-01", "takes a date"},
        {"Patient", "family=--", "neither letters nor digits"},
        {"Observation", "subject:Patient=Group/1", "takes the id of a Patient"},
        {"Observation", "value-quantity=five", "takes [prefix]number"},
        {"Observation", "value-quantity=5|mg", "takes [prefix]number"},
        {"Observation", "value-quantity=5|http://u.org|", "without a unit"},
        {"Observation", "code-value-quantity=1", "2 values joined"},
        {"Observation", "code-value-quantity=http://l.org|$5", "code is needed"},
        {"Location", "near=1", "latitude|longitude"},
        {"Patient", "name=%zz", "percent-encoded"},
        {"Patient", "name=%ff", "percent-encoded"},
        {"Patient", "name=%00", "percent-encoded"},
        {"Patient", "name=%4", "percent-encoded"},
    };

    (void)state;
    assert_all_refused(cases, COUNT(cases));
}

static void chains_that_lead_nowhere_are_refused(void **state)
{
    static const struct refusal cases[] = {
        {"Patient", "general-practitioner.gendre=x", "nothing that"},
        {"Patient", "general-practitioner:Practitioner.gendre=x", "did you mean gender"},
        {"Patient", "general-practitioner:Patient.name=x", "never refers"},
        {"Patient", "gender.name=x", "no reference"},
        {"Patient", "_has:Observation:patient=1", "_has:Type:reference:parameter"},
        {"Patient", "_has:Observation:code:code=1", "does not name a reference"},
        {"Patient", "_has:Observation:encounter:code=1", "does not name a reference"},
        {"Patient", "_has:Observation:patient:cod=1", "did you mean code"},
        {"Observation", "patient.organization.partof.partof.name=x", "more than 3"},
        {"Provenance", "target._id=x", "more than 32 types"},
        {"Patient", "general-practitioner:Patient=1", "never refers to a Patient"},
    };

    (void)state;
    assert_all_refused(cases, COUNT(cases));
}

static void filters_that_cannot_be_read_are_refused(void **state)
{
    static const struct refusal cases[] = {
        {"Patient", "_filter=name", "takes comparisons"},
        {"Patient", "_filter=name eq", "takes comparisons"},
        {"Patient", "_filter=name eq x or", "takes comparisons"},
        {"Patient", "_filter=(name eq x", "takes comparisons"},
        {"Patient", "_filter=not name eq x", "takes comparisons"},
        {"Patient", "_filter=name eq \"x", "takes comparisons"},
        {"Patient", "_filter=name eq x y", "takes comparisons"},
        {"Patient", "_filter=name gt x", "gt does not apply"},
        {"Patient", "_filter=gender in x", "canonical url"},
        {"Patient", "_filter=shoe eq 43", "not a search parameter"},
        {"Patient", "_filter=((((((((((((((((((((((name eq x))))))))))))))))))))))",
         "takes comparisons"},
        {"Patient", "_filter:not=name eq x", "this modifier"},
        {"Patient", "_list=$current-allergies", "makes up itself"},
    };

    (void)state;
    assert_all_refused(cases, COUNT(cases));
}

static void what_a_page_cannot_be_is_refused(void **state)
{
    static const struct refusal cases[] = {
        {"Observation", "_sort=code-value-quantity", "but composites"},
        {"Patient", "_sort=", "takes the parameters of Patient"},
        {"Patient", "_sort:asc=name", "without a modifier"},
        {"Patient", "_count=-1", "from 0"},
        {"Patient", "_count=1&_count=2", "only once"},
        {"Patient", "_total=maybe", "accurate"},
        {"Patient", "_summary=yes", "count or false"},
        {"Patient", "_elements=nme", "(did you mean name?)"},
        {"Patient", "_elements=name&_summary=true", "_elements"},
        {"Patient", "_summary=text&_revinclude=Observation:patient", "_summary"},
        {"Patient", "_contained=maybe", "true, false or both"},
        {"Patient", "_include=Observation:subject", "of type Patient"},
        {"Patient", "_include=Patient:name", "no reference parameter"},
        {"Patient", "_include=Patient:general-practitioner:Device", "never refers"},
        {"Patient", "_include:recurse=Patient:link", "or with :iterate, only"},
        {"Patient", "_sort:iterate=name", "without a modifier only"},
        {"Patient", "_include=Encounter:subject", "_include:iterate"},
        {"Patient", "_include=x", "takes Type:parameter"},
        {"Patient", "_revinclude=*", "takes Type:parameter"},
        {"Patient", "_revinclude=Encounter:location", "never refers to a Patient"},
        {"Patient", "_content=x", "isthmus index content=Patient"},
    };

    (void)state;
    assert_all_refused(cases, COUNT(cases));
}

static void every_finding_is_listed_and_no_value_quoted(void **state)
{
    (void)state;
    assert_refused("Patient", "brithdate=x&birthdate=secret&gender:foo=secret", "brithdate");
    assert_int_equal(issues.errors, 3);
    for (const struct issue *issue = issues.first; issue; issue = issue->next)
        assert_null(strstr(issue->text, "secret"));
}

static void lenient_ignores_unknown_parameters_and_says_so(void **state)
{
    (void)state;
    options.lenient = true;
    const struct query *query = must_parse("Patient", "foo=1&gender=male&_contents=id");
    struct buf self = buf_in(arena);

    assert_int_equal(query->param_count, 1);
    assert_int_equal(query->ignored_count, 2);
    assert_text(query->ignored[0], "foo");
    assert_int_equal(issues.kept, 2);
    assert_int_equal(issues.first->severity, ISSUE_WARNING);
    query_write_self(query, &self);
    assert_string_equal(buf_text(&self), "gender=male");

    assert_refused("Patient", "gender:foo=male", "not supported");
    assert_refused("Patient", "general-practitioner.gendre=x", "nothing that");
    assert_refused("Patient", "birthdate=x", "takes a date");
}

static void only_ignored_criteria_are_not_effective(void **state)
{
    (void)state;
    options.lenient = true;
    assert_false(query_is_effective(must_parse("Patient", "foo=1&_count=3")));
}

static void the_self_link_repeats_what_was_used(void **state)
{
    const struct query *query = must_parse(
        "Patient", "name=M%C3%BCller%5C,x+y,z&identifier=urn:x%7C1&_count=2000&_page=p&_pretty=1");
    struct buf self = buf_in(arena);

    (void)state;
    query_write_self(query, &self);
    assert_string_equal(buf_text(&self),
                        "name=M%C3%BCller%5C,x%20y,z&identifier=urn:x%7C1&_count=1000");

    const struct query *again = must_parse("Patient", buf_text(&self));
    assert_text(again->params[0].values[0].text, "Müller,x y");
}

static void the_identity_of_a_query_leaves_page_size_and_includes_out(void **state)
{
    static const char *const same[] = {
        "name=a&_sort=family",
        "name=a&_count=3&_sort=family",
        "name=a&_sort=family&_include=Patient:link&_total=accurate&_page=x&_format=json",
    };
    struct buf first = buf_in(arena), other = buf_in(arena);

    (void)state;
    query_write_identity(must_parse("Patient", same[0]), &first);
    for (size_t i = 1; i < COUNT(same); i++) {
        buf_clear(&other);
        query_write_identity(must_parse("Patient", same[i]), &other);
        assert_string_equal(buf_text(&first), buf_text(&other));
    }
    buf_clear(&other);
    query_write_identity(must_parse("Patient", "name=b&_sort=family"), &other);
    assert_string_not_equal(buf_text(&first), buf_text(&other));
    buf_clear(&other);
    query_write_identity(must_parse("Practitioner", "name=a&_sort=family"), &other);
    assert_string_not_equal(buf_text(&first), buf_text(&other));
}

static void limits_hold(void **state)
{
    struct buf text = buf_in(arena);

    (void)state;
    options.max_values = 3;
    assert_refused("Patient", "gender=1,2,3,4", "more than 3 values");
    must_parse("Patient", "gender=1,2,3");

    options.max_params = 3;
    assert_null(parse("Patient", "gender=1&gender=1&gender=1&gender=1"));
    assert_non_null(strstr(err.text, "more than 3 parameters"));

    options = query_options_default();
    buf_add_text(&text, "name=");
    for (unsigned i = 0; i < options.max_size; i++)
        buf_add_char(&text, 'x');
    assert_null(parse("Patient", buf_text(&text)));
    assert_non_null(strstr(err.text, "longer than"));
}

static void types_must_exist_and_know_every_criterion(void **state)
{
    (void)state;
    const struct query *query = must_parse(NULL, "_type=Patient,Group&_id=1&_sort=-_lastUpdated");
    assert_null(query->type);
    assert_int_equal(query->type_count, 2);
    assert_string_equal(query->types[0]->type, "Group");
    assert_int_equal(query->types[1]->param_count, 1);
    assert_int_equal(must_parse(NULL, "")->type_count, resource_type_count());
    assert_null(parse(NULL, "_type=Patient,Group&birthdate=2000"));
    assert_int_equal(issues.kept, 1);
    assert_null(parse(NULL, "_type=Patent"));
    assert_null(parse(NULL, "_type=Patient&_sort=birthdate"));
    assert_null(parse("Patient", "_type=Patient"));
    assert_null(parse("Paitent", "_id=1"));
    assert_int_equal(err.kind, ERR_NOT_FOUND);
    assert_null(parse("HumanName", "_id=1"));
    assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void distance_counts_edits(void **state)
{
    static const struct {
        const char *a, *b;
        unsigned distance;
    } cases[] = {
        {"", "", 0},
        {"a", "", 1},
        {"abc", "abc", 0},
        {"abc", "acb", 1},
        {"abc", "abd", 1},
        {"abc", "abcd", 1},
        {"ab", "ba", 1},
        {"kitten", "sitting", 3},
        {"gendre", "gender", 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(query_edit_distance(text_of(cases[i].a), text_of(cases[i].b), 9),
                         cases[i].distance);
    assert_int_equal(query_edit_distance(TEXT("abcdef"), TEXT("uvwxyz"), 2), 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_token_has_four_forms),
        TEST(a_chain_asks_every_type_that_may_be_meant),
        TEST(a_reverse_chain_asks_what_refers_here),
        TEST(criteria_are_joined_by_and_values_by_or),
        TEST(dates_span_what_their_precision_says),
        TEST(about_a_date_is_a_tenth_of_its_distance_from_now),
        TEST(quantities_have_a_number_and_perhaps_a_unit),
        TEST(references_are_ids_types_with_ids_or_urls),
        TEST(modifiers_are_typed),
        TEST(composites_are_split_at_the_dollar),
        TEST(bookkeeping_parameters_are_told_apart),
        TEST(result_parameters_shape_the_answer),
        TEST(zero_results_or_a_summary_of_counts_ask_for_the_total_only),
        TEST(value_sets_and_hierarchies_become_codes),
        TEST(what_is_unknown_or_empty_is_refused),
        TEST(modifiers_that_do_not_apply_are_refused),
        TEST(values_of_another_form_are_refused),
        TEST(chains_that_lead_nowhere_are_refused),
        TEST(filters_that_cannot_be_read_are_refused),
        TEST(what_a_page_cannot_be_is_refused),
        TEST(every_finding_is_listed_and_no_value_quoted),
        TEST(lenient_ignores_unknown_parameters_and_says_so),
        TEST(only_ignored_criteria_are_not_effective),
        TEST(the_self_link_repeats_what_was_used),
        TEST(the_identity_of_a_query_leaves_page_size_and_includes_out),
        TEST(limits_hold),
        TEST(types_must_exist_and_know_every_criterion),
        TEST(distance_counts_edits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
