/*
 * Searches against a real PostgreSQL: a small hospital, many queries with the
 * ids they must find. Each query is answered in every way the plan could
 * choose, in pages of one, and as a count; all must agree.
 */

#include "writing.h"

#include "base/buf.h"
#include "base/clock.h"
#include "fhir/query.h"
#include "fhir/query_match.h"
#include "storage/search.h"
#include "storage/search_row.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LOINC        "http://loinc.org"
#define UCUM         "http://unitsofmeasure.org"

static const struct stored {
    const char *type, *id, *json;
} stored[] = {
    {"Patient", "anna",
     "{\"resourceType\":\"Patient\",\"active\":true,\"gender\":\"female\",\"birthDate\":\"1970-05-"
     "17\","
     "\"identifier\":[{\"system\":\"urn:mrn\",\"value\":\"A1\",\"type\":{\"coding\":[{\"system\":"
     "\"urn:types\",\"code\":\"MR\"}]}},{\"value\":\"plain\"}],"
     "\"name\":[{\"family\":\"Müller\",\"given\":[\"Anna\",\"Maria\"]},{\"family\":\"Meier\"}],"
     "\"address\":[{\"city\":\"Bern\"}],"
     "\"managingOrganization\":{\"reference\":\"Organization/o1\"},"
     "\"generalPractitioner\":[{\"reference\":\"Practitioner/d1\"}]}"},
    {"Patient", "bert",
     "{\"resourceType\":\"Patient\",\"active\":true,\"gender\":\"male\",\"birthDate\":\"1980\","
     "\"identifier\":[{\"system\":\"urn:mrn\",\"value\":\"B2\"}],"
     "\"name\":[{\"family\":\"Mueller\",\"given\":[\"Bert\"]}],"
     "\"managingOrganization\":{\"reference\":\"Organization/o1\"}}"},
    {"Patient", "carl",
     "{\"resourceType\":\"Patient\",\"gender\":\"male\",\"birthDate\":\"1980-02\","
     "\"identifier\":[{\"system\":\"urn:other\",\"value\":\"A1\"}],"
     "\"name\":[{\"family\":\"Zeller\",\"given\":[\"Carl\"]}],"
     "\"generalPractitioner\":[{\"identifier\":{\"system\":\"urn:npi\",\"value\":\"77\"}}]}"},
    {"Patient", "nemo", "{\"resourceType\":\"Patient\",\"language\":\"en\"}"},
    {"Organization", "o1", "{\"resourceType\":\"Organization\",\"name\":\"Inselspital\"}"},
    {"Practitioner", "d1", "{\"resourceType\":\"Practitioner\",\"name\":[{\"family\":\"House\"}]}"},

    {"Observation", "hr1",
     "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":"
     "\"" LOINC "\",\"code\":\"8867-4\"}]},\"category\":[{\"coding\":[{\"system\":\"urn:cat\","
     "\"code\":\"vital\"}]"
     "}],\"subject\":{\"reference\":\"Patient/"
     "anna\"},\"effectiveDateTime\":\"2020-01-01T10:00:00Z\","
     "\"encounter\":{\"reference\":\"Encounter/e1\"},"
     "\"valueQuantity\":{\"value\":72,\"unit\":\"beats\",\"system\":\"" UCUM
     "\",\"code\":\"/min\"}}"},
    {"Observation", "hr2",
     "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":"
     "\"" LOINC "\",\"code\":\"8867-4\"}]},\"category\":[{\"coding\":[{\"system\":\"urn:cat\","
     "\"code\":\"vital\"}]"
     "}],\"subject\":{\"reference\":\"Patient/anna\"},\"effectiveDateTime\":\"2020-01-02\","
     "\"valueQuantity\":{\"value\":100.0,\"system\":\"" UCUM "\",\"code\":\"/min\"}}"},
    {"Observation", "hr3",
     "{\"resourceType\":\"Observation\",\"status\":\"amended\",\"code\":{\"coding\":[{\"system\":"
     "\"" LOINC "\",\"code\":\"8867-4\"}]},\"subject\":{\"reference\":\"Patient/bert\"},"
     "\"effectivePeriod\":{\"start\":\"2019-12-30\",\"end\":\"2020-01-02T08:00:00Z\"},"
     "\"valueQuantity\":{\"value\":50,\"comparator\":\"<\",\"system\":\"" UCUM
     "\",\"code\":\"/min\"}}"},
    {"Observation", "hr4",
     "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":"
     "\"" LOINC "\",\"code\":\"8867-4\"}]},\"subject\":{\"reference\":\"Group/g1\"},"
     "\"valueQuantity\":{\"value\":3,\"unit\":\"furlong\"}}"},
    {"Observation", "bp1",
     "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":"
     "\"" LOINC "\",\"code\":\"85354-9\"},{\"system\":\"urn:local\",\"code\":\"BP\"}]},"
     "\"subject\":{\"reference\":\"Patient/"
     "anna\"},\"effectiveDateTime\":\"2020-01-01T11:00:00+01:00\","
     "\"component\":[{\"code\":{\"coding\":[{\"system\":\"" LOINC "\",\"code\":\"8480-6\"}]},"
     "\"valueQuantity\":{\"value\":140,\"system\":\"" UCUM "\",\"code\":\"mm[Hg]\"}},"
     "{\"code\":{\"coding\":[{\"system\":\"" LOINC "\",\"code\":\"8462-4\"}]},"
     "\"valueQuantity\":{\"value\":90,\"system\":\"" UCUM "\",\"code\":\"mm[Hg]\"}}]}"},
    {"Observation", "bp2",
     "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\""
     "urn:local\",\"code\":\"BP\"}]},\"subject\":{\"reference\":\"Patient/bert\"},"
     "\"effectivePeriod\":{\"start\":\"2018-01-01\"},"
     "\"component\":[{\"code\":{\"coding\":[{\"system\":\"" LOINC "\",\"code\":\"8480-6\"}]},"
     "\"valueQuantity\":{\"value\":110,\"system\":\"" UCUM "\",\"code\":\"mm[Hg]\"}}]}"},
    {"Observation", "sm1",
     "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":"
     "\"" LOINC "\",\"code\":\"72166-2\"}]},\"subject\":{\"reference\":\"Patient/bert\"},"
     "\"effectiveDateTime\":\"2021\",\"valueCodeableConcept\":{\"coding\":[{\"system\":\"urn:sct\","
     "\"code\":\"smoker\"}]}}"},
    {"Observation", "tx1",
     "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":"
     "\"" LOINC "\",\"code\":\"8251-1\"}]},\"subject\":{\"reference\":\"https://other.example/fhir/"
     "Patient/anna\"},"
     "\"effectiveDateTime\":\"2022-06-01T00:00:00Z\",\"valueString\":\"Very Tired\","
     "\"focus\":[{\"reference\":\"Patient/carl\"},{\"reference\":\"Patient/bert\"}]}"},

    {"Encounter", "e1",
     "{\"resourceType\":\"Encounter\",\"status\":\"finished\",\"class\":{\"system\":\"urn:c\","
     "\"code\":"
     "\"AMB\"},\"subject\":{\"reference\":\"Patient/anna\"},\"period\":{\"start\":"
     "\"2020-01-01T09:00:00Z\",\"end\":\"2020-01-01T12:00:00Z\"},"
     "\"length\":{\"value\":180,\"system\":\"" UCUM "\",\"code\":\"min\"},"
     "\"location\":[{\"location\":{\"reference\":\"Location/"
     "l1\"},\"period\":{\"start\":\"2020-01-01\","
     "\"end\":\"2020-01-01\"}},{\"location\":{\"reference\":\"Location/l2\"},\"period\":{\"start\":"
     "\"2020-03-01\",\"end\":\"2020-03-05\"}}]}"},
    {"Encounter", "e2",
     "{\"resourceType\":\"Encounter\",\"status\":\"in-progress\",\"class\":{\"system\":\"urn:c\","
     "\"code\":"
     "\"IMP\"},\"subject\":{\"reference\":\"Patient/anna\"},\"period\":{\"start\":\"2019-06-01\"},"
     "\"partOf\":{\"reference\":\"Encounter/e1\"},"
     "\"location\":[{\"location\":{\"reference\":\"Location/"
     "l1\"},\"period\":{\"start\":\"2021-01-01\"}"
     "}]}"},
    {"Encounter", "e3",
     "{\"resourceType\":\"Encounter\",\"status\":\"finished\",\"class\":{\"system\":\"urn:c\","
     "\"code\":"
     "\"AMB\"},\"subject\":{\"reference\":\"Patient/bert\"},\"period\":{\"end\":\"2018-03-01\"}}"},
    {"Condition", "c1",
     "{\"resourceType\":\"Condition\",\"subject\":{\"reference\":\"Patient/"
     "anna\"},\"code\":{\"coding\":"
     "[{\"system\":\"urn:sct\",\"code\":\"asthma\"}]},\"onsetDateTime\":\"2010-03\","
     "\"recordedDate\":\"2010-04-02\"}"},
    {"Condition", "c2",
     "{\"resourceType\":\"Condition\",\"subject\":{\"reference\":\"Patient/"
     "bert\"},\"code\":{\"text\":"
     "\"cough\"},\"recordedDate\":\"2015-04-02\"}"},
    {"RiskAssessment", "r1",
     "{\"resourceType\":\"RiskAssessment\",\"status\":\"final\",\"subject\":{\"reference\":"
     "\"Patient/"
     "anna\"},\"occurrenceDateTime\":\"2020-01-05\",\"prediction\":[{\"probabilityDecimal\":0.25},"
     "{\"probabilityDecimal\":0.5}]}"},
    {"RiskAssessment", "r2",
     "{\"resourceType\":\"RiskAssessment\",\"status\":\"final\",\"subject\":{\"reference\":"
     "\"Patient/bert\"},\"prediction\":[{\"probabilityDecimal\":0.75}]}"},
    {"ValueSet", "v1",
     "{\"resourceType\":\"ValueSet\",\"url\":\"http://x.org/vs/"
     "a\",\"version\":\"1\",\"name\":\"A\","
     "\"status\":\"active\",\"date\":\"2020-05-05\"}"},
    {"ValueSet", "v2",
     "{\"resourceType\":\"ValueSet\",\"url\":\"http://x.org/vs/a/"
     "b\",\"name\":\"B\",\"status\":\"draft\"}"},
    {"ValueSet", "v3",
     "{\"resourceType\":\"ValueSet\",\"url\":\"http://x.org/"
     "vsx\",\"name\":\"C\",\"status\":\"draft\"}"},
    {"Provenance", "p1",
     "{\"resourceType\":\"Provenance\",\"recorded\":\"2020-01-01T00:00:00Z\",\"target\":[{"
     "\"reference\":"
     "\"Patient/anna\"},{\"reference\":\"Observation/hr1\"}],\"agent\":[{\"who\":{\"reference\":"
     "\"Practitioner/d1\"}}]}"},
};

/* `ids` in order when the query says one. */
static const struct expected {
    const char *type, *query, *ids;
} expected[] = {
    {"Patient", "", "anna bert carl nemo"},
    {"Patient", "_id=anna", "anna"},
    {"Patient", "_id=anna,carl,nobody", "anna carl"},
    {"Patient", "_id=anna&gender=male", ""},
    {"Patient", "identifier=A1", "anna carl"},
    {"Patient", "identifier=a1", "anna carl"},
    {"Patient", "identifier=urn:mrn|A1", "anna"},
    {"Patient", "identifier=urn:mrn|", "anna bert"},
    {"Patient", "identifier=|plain", "anna"},
    {"Patient", "identifier=|A1", ""},
    {"Patient", "identifier=urn:mrn|A1,urn:other|A1", "anna carl"},
    {"Patient", "identifier=A1&identifier=plain", "anna"},
    {"Patient", "identifier:of-type=urn:types|MR|A1", "anna"},
    {"Patient", "identifier:of-type=urn:types|MR|B2", ""},
    {"Patient", "identifier:not=A1", "bert nemo"},
    {"Patient", "gender=male", "bert carl"},
    {"Patient", "gender=http://hl7.org/fhir/administrative-gender|male", "bert carl"},
    {"Patient", "gender:not=male", "anna nemo"},
    {"Patient", "gender:missing=true", "nemo"},
    {"Patient", "gender:missing=false", "anna bert carl"},
    {"Patient", "active=true", "anna bert"},
    {"Patient", "family=mull", "anna"},
    {"Patient", "family=M%C3%BCll", "anna"},
    {"Patient", "family=m", "anna bert"},
    {"Patient", "family=m&family=mei", "anna"},
    {"Patient", "family=zel,mue", "bert carl"},
    {"Patient", "family=m&gender=male", "bert"},
    {"Patient", "name=ann", "anna"},
    {"Patient", "given=maria", "anna"},
    {"Patient", "given=aria", ""},
    {"Patient", "given:contains=ari", "anna"},
    {"Patient", "given:contains=R", "anna bert carl"},
    {"Patient", "family:exact=Müller", "anna"},
    {"Patient", "family:exact=Muller", ""},
    {"Patient", "family:exact=m%C3%BCller", ""},
    {"Patient", "name:missing=true", "nemo"},
    {"Patient", "address-city=bern", "anna"},
    {"Patient", "birthdate=1970-05-17", "anna"},
    {"Patient", "birthdate=1970", "anna"},
    {"Patient", "birthdate=1980", "bert carl"},
    {"Patient", "birthdate=1980-02", "carl"},
    {"Patient", "birthdate=ne1980", "anna"},
    {"Patient", "birthdate=gt1980-01-15", "bert carl"},
    {"Patient", "birthdate=ge1980-02-15", "bert carl"},
    {"Patient", "birthdate=sa1979", "bert carl"},
    {"Patient", "birthdate=sa1980-01", "carl"},
    {"Patient", "birthdate=lt1980-02-01", "anna bert"},
    {"Patient", "birthdate=le1980-02-01", "anna bert carl"},
    {"Patient", "birthdate=eb1980", "anna"},
    {"Patient", "birthdate=ge1970&birthdate=lt1980", "anna"},
    {"Patient", "birthdate=1970,1980-02", "anna carl"},
    {"Patient", "birthdate:missing=true", "nemo"},
    {"Patient", "organization=Organization/o1", "anna bert"},
    {"Patient", "organization=o1", "anna bert"},
    {"Patient", "general-practitioner=d1", "anna"},
    {"Patient", "general-practitioner:Practitioner=d1", "anna"},
    {"Patient", "general-practitioner:Organization=d1", ""},
    {"Patient", "general-practitioner:identifier=urn:npi|77", "carl"},
    {"Patient", "_lastUpdated=gt2000", "anna bert carl nemo"},
    {"Patient", "_lastUpdated=lt2000", ""},
    {"Patient", "_lastUpdated=gt2000&gender=male", "bert carl"},
    {"Patient", "_sort=birthdate", "anna bert carl nemo"},
    {"Patient", "_sort=-birthdate", "carl bert anna nemo"},
    {"Patient", "_sort=family", "anna bert carl nemo"},
    {"Patient", "_sort=-family", "carl bert anna nemo"},
    {"Patient", "_sort=_id", "anna bert carl nemo"},
    {"Patient", "_sort=-_id", "nemo carl bert anna"},
    {"Patient", "_sort=_lastUpdated", "anna bert carl nemo"},
    {"Patient", "_sort=-_lastUpdated", "nemo carl bert anna"},
    {"Patient", "_sort=-_lastUpdated&gender=male", "carl bert"},
    {"Patient", "_sort=-birthdate,family&gender=male,female", "carl bert anna"},
    {"Patient", "_sort=family,-birthdate", "anna bert carl nemo"},
    {"Patient", "gender=male&_sort=-family", "carl bert"},
    {"Patient", "family=m&_sort=-family", "bert anna"},
    {"Organization", "name=insel", "o1"},

    {"Observation", "patient=anna", "hr1 hr2 bp1"},
    {"Observation", "patient=Patient/anna", "hr1 hr2 bp1"},
    {"Observation", "patient=anna,bert", "hr1 hr2 hr3 bp1 bp2 sm1"},
    {"Observation", "subject=Patient/anna", "hr1 hr2 bp1"},
    {"Observation", "subject=g1", "hr4"},
    {"Observation", "subject:Group=g1", "hr4"},
    {"Observation", "subject=https://other.example/fhir/Patient/anna", "tx1"},
    {"Observation", "focus=Patient/bert", "tx1"},
    {"Observation", "code=" LOINC "|8867-4", "hr1 hr2 hr3 hr4"},
    {"Observation", "code=8867-4", "hr1 hr2 hr3 hr4"},
    {"Observation", "code=" LOINC "|", "hr1 hr2 hr3 hr4 bp1 sm1 tx1"},
    {"Observation", "code=urn:local|BP", "bp1 bp2"},
    {"Observation", "code=" LOINC "|85354-9", "bp1"},
    {"Observation", "code=" LOINC "|85354-9," LOINC "|72166-2", "bp1 sm1"},
    {"Observation", "combo-code=" LOINC "|8480-6", "bp1 bp2"},
    {"Observation", "combo-code=" LOINC "|8867-4," LOINC "|8462-4", "hr1 hr2 hr3 hr4 bp1"},
    {"Observation", "patient=anna&code=" LOINC "|8867-4", "hr1 hr2"},
    {"Observation", "patient=anna&code=" LOINC "|8867-4&_sort=date", "hr1 hr2"},
    {"Observation", "patient=anna&code=" LOINC "|8867-4&_sort=-date", "hr2 hr1"},
    {"Observation", "patient=anna&code=urn:local|BP", "bp1"},
    {"Observation", "patient=anna&category=vital&date=ge2020-01-02", "hr2"},
    {"Observation", "patient=bert&date=2019-12-31", ""},
    {"Observation", "code=" LOINC "|8867-4&date=ge2020-01-02", "hr2 hr3"},
    {"Observation", "code=" LOINC "|8867-4&date=ge2020-01-02&_sort=date", "hr3 hr2"},
    {"Observation", "code=" LOINC "|8867-4&date=ge2020-01-02&_sort=-date", "hr2 hr3"},
    {"Observation", "code=" LOINC "|8867-4&_sort=-date", "hr2 hr1 hr3 hr4"},
    {"Observation", "code=" LOINC "|8867-4&_sort=date", "hr3 hr1 hr2 hr4"},
    {"Observation", "date=2020-01-01", "hr1 bp1"},
    {"Observation", "date=2020-01-01T10:00Z", "hr1 bp1"},
    {"Observation", "date=ge2021-06-01", "bp2 sm1 tx1"},
    {"Observation", "date=ge2021-06-01&_sort=date", "bp2 sm1 tx1"},
    {"Observation", "date=ge2021-06-01&_sort=-date", "tx1 sm1 bp2"},
    {"Observation", "date=ge2020-01-02&date=lt2022", "hr2 hr3 bp2 sm1"},
    {"Observation", "date=gt2021", "bp2 tx1"},
    {"Observation", "date=ap2100", "bp2"},
    {"Observation", "date=eb2020-01-02", "hr1 bp1"},
    {"Observation", "date:missing=true", "hr4"},
    {"Observation", "status=final&code=" LOINC "|8867-4", "hr1 hr2 hr4"},
    {"Observation", "status:not=final", "hr3"},
    {"Observation", "value-quantity=72", "hr1"},
    {"Observation", "value-quantity=72|" UCUM "|/min", "hr1"},
    {"Observation", "value-quantity=72||/min", "hr1"},
    {"Observation", "value-quantity=72||beats", "hr1"},
    {"Observation", "value-quantity=3||furlong", "hr4"},
    {"Observation", "value-quantity=72|" UCUM "|mm[Hg]", ""},
    {"Observation", "value-quantity=100", "hr2"},
    {"Observation", "value-quantity=1e2", "hr2"},
    {"Observation", "value-quantity=gt72", "hr2"},
    {"Observation", "value-quantity=ge72", "hr1 hr2"},
    {"Observation", "value-quantity=lt60", "hr3 hr4"},
    {"Observation", "value-quantity=ap70", "hr1"},
    {"Observation", "value-quantity=ne72", "hr2 hr3 hr4"},
    {"Observation", "value-quantity=72,100", "hr1 hr2"},
    {"Observation", "code=" LOINC "|8867-4&value-quantity=lt60", "hr3 hr4"},
    {"Observation", "code=" LOINC "|8867-4&value-quantity=gt10", "hr1 hr2 hr3"},
    {"Observation", "code=" LOINC "|8867-4&value-quantity=gt10|" UCUM "|/min", "hr1 hr2 hr3"},
    {"Observation", "code=" LOINC "|8867-4&_sort=value-quantity", "hr4 hr1 hr2 hr3"},
    {"Observation", "component-value-quantity=gt100|" UCUM "|mm[Hg]", "bp1 bp2"},
    {"Observation", "component-value-quantity=gt120", "bp1"},
    {"Observation", "component-code-value-quantity=" LOINC "|8480-6$gt120", "bp1"},
    {"Observation", "component-code-value-quantity=8480-6$lt200|" UCUM "|mm[Hg]", "bp1 bp2"},
    {"Observation", "component-code-value-quantity=8462-4$gt120", ""},
    {"Observation", "component-code-value-quantity=8480-6$140||mm[Hg]", "bp1"},
    {"Observation", "code-value-quantity=" LOINC "|8867-4$gt80", "hr2"},
    {"Observation", "code-value-quantity=" LOINC "|8867-4$lt80|" UCUM "|/min", "hr1 hr3"},
    {"Observation", "combo-code-value-quantity=8480-6$gt120,8867-4$gt80", "hr2 bp1"},
    {"Observation", "combo-value-quantity=gt95", "hr2 bp1 bp2"},
    {"Observation", "code-value-concept=72166-2$urn:sct|smoker", "sm1"},
    {"Observation", "code-value-concept=72166-2$nonsmoker", ""},
    {"Observation", "code-value-string=8251-1$very", "tx1"},
    {"Observation", "code-value-string=8867-4$very", ""},
    {"Observation", "value-string=very+ti", "tx1"},
    {"Observation", "value-concept=smoker", "sm1"},
    {"Observation", "encounter=e1", "hr1"},
    {"Observation", "encounter=Encounter/e1&patient=anna", "hr1"},

    {"Encounter", "date=2020-01-01", "e1"},
    {"Encounter", "date=ge2020-01-01", "e1 e2"},
    {"Encounter", "date=lt2019", "e3"},
    {"Encounter", "date=le2019-07", "e2 e3"},
    {"Encounter", "date=ge2020-01-01&_sort=-date", "e1 e2"},
    {"Encounter", "_sort=date", "e3 e2 e1"},
    {"Encounter", "patient=anna&date=gt2022", "e2"},
    {"Encounter", "class=AMB&date=ge2018-02", "e1 e3"},
    {"Encounter", "location-period=2020-03-02", ""},
    {"Encounter", "location-period=2020-03", "e1"},
    {"Encounter", "location-period=ge2020-04", "e2"},
    {"Encounter", "location-period=ge2020", "e1 e2"},
    {"Encounter", "location-period=ge2020&_sort=location-period", "e1 e2"},
    {"Encounter", "_sort=-location-period", "e2 e1 e3"},
    {"Encounter", "location=l1&location=l2", "e1"},
    {"Encounter", "location=l1,l2&status=finished", "e1"},
    {"Encounter", "length=gt100", "e1"},
    {"Encounter", "_sort=length,-_id", "e1 e3 e2"},
    {"Condition", "onset-date=2010", "c1"},
    {"Condition", "onset-date=2010-03-01", ""},
    {"Condition", "recorded-date=ge2012", "c2"},
    {"Condition", "patient=anna&recorded-date=ge2000", "c1"},
    {"Condition", "code=asthma", "c1"},
    {"Condition", "code:missing=true", ""},
    {"RiskAssessment", "probability=0.5", "r1"},
    {"RiskAssessment", "probability=gt0.6", "r2"},
    {"RiskAssessment", "probability=lt1&_sort=probability", "r1 r2"},
    {"RiskAssessment", "patient=anna", "r1"},
    {"RiskAssessment", "date=2020-01-05", "r1"},
    {"RiskAssessment", "_sort=date", "r1 r2"},
    {"RiskAssessment", "_sort=-date", "r1 r2"},
    {"ValueSet", "", "v1 v2 v3"},
    {"ValueSet", "url=http://x.org/vs/a", "v1"},
    {"ValueSet", "url=http://x.org/vs", ""},
    {"ValueSet", "url:below=http://x.org/vs", "v1 v2"},
    {"ValueSet", "url:below=http://x.org/vs/a", "v1 v2"},
    {"ValueSet", "url:above=http://x.org/vs/a/b/c", "v1 v2"},
    {"ValueSet", "status=draft&_sort=-name", "v3 v2"},
    {"ValueSet", "date=ge2020", "v1"},
    {"Provenance", "target=Patient/anna", "p1"},
    {"Provenance", "patient=anna", "p1"},
    {"Provenance", "recorded=2020-01-01", "p1"},
};

static struct store *store;
static struct arena *arena;
static int wrong; /* answers, each reported */

static void fill(void)
{
    wrong = 0;
    arena = arena_new();
    store = open_store();
    for (size_t i = 0; i < COUNT(stored); i++) {
        put(store, stored[i].type, stored[i].id, stored[i].json, arena);
        fiber_sleep(2); /* so that the times of the last update differ */
    }
}

static void done(void)
{
    assert_int_equal(wrong, 0);
    store_close(store);
    arena_free(arena);
}

static const struct query *parse_query(const char *type, const char *text)
{
    struct query_options options = query_options_default();
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, 10);
    const struct query *query = query_parse(arena, type, text_of(text), &options, &issues, &err);
    if (!query)
        fail_msg("%s?%s: %s", type, text, err.text);
    return query;
}

static struct store_page search(const char *type, const char *text)
{
    struct store_page page;
    struct err err = {0};

    if (!store_search(store, &us, parse_query(type, text), arena, &page, &err))
        fail_msg("%s?%s: %s (%s)", type, text, err.text, err.where);
    return page;
}

static void add_ids(struct buf *ids, const struct store_page *page, enum store_entry_mode mode)
{
    for (size_t i = 0; i < page->count; i++) {
        if (page->entries[i].mode != mode)
            continue;
        if (ids->size > 0)
            buf_add_char(ids, ' ');
        buf_add_text(ids, page->entries[i].version.id);
    }
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *sorted(const char *ids)
{
    const char *words[64];
    struct buf out = buf_in(arena);
    struct text rest = text_of(ids), word;
    size_t count = 0;

    while (text_split(rest, ' ', &word, &rest))
        words[count++] = text_dup(arena, word);
    words[count++] = text_dup(arena, rest);
    qsort(words, count, sizeof(words[0]), compare_texts);
    for (size_t i = 0; i < count; i++)
        buf_printf(&out, "%s%s", i ? " " : "", words[i]);
    return buf_text(&out);
}

static void check_ids(const struct expected *wanted, const char *how, char *ids)
{
    const char *want = wanted->ids;

    if (!strstr(wanted->query, "_sort=")) {
        ids = sorted(ids);
        want = sorted(want);
    }
    if (strcmp(ids, want) == 0)
        return;
    print_error("%s?%s %s: found \"%s\" instead of \"%s\"\n", wanted->type, wanted->query, how, ids,
                want);
    wrong++;
}

static void queries_find_what_they_should(void *context)
{
    (void)context;
    fill();
    for (size_t i = 0; i < COUNT(expected); i++) {
        struct store_page page = search(expected[i].type, expected[i].query);
        struct buf ids = buf_in(arena);

        add_ids(&ids, &page, STORE_MATCH);
        check_ids(&expected[i], "", buf_text(&ids));
        assert_null(page.next);
        assert_false(page.has_total);
    }
    done();
}

/* The same page after page, one match on each. */
static void pages_add_up_without_gaps_or_repeats(void *context)
{
    (void)context;
    fill();
    for (size_t i = 0; i < COUNT(expected); i++) {
        const char *next = NULL;
        struct buf ids = buf_in(arena);
        int pages = 0;

        do {
            char *text = arena_printf(arena, "%s&_count=1%s%s", expected[i].query,
                                      next ? "&_page=" : "", next ? next : "");
            struct store_page page = search(expected[i].type, text);

            assert_true(page.count == 1 || (page.count == 0 && pages == 0));
            add_ids(&ids, &page, STORE_MATCH);
            next = page.next;
            assert_true(++pages < 20);
        } while (next);
        check_ids(&expected[i], "in pages", buf_text(&ids));
    }
    done();
}

static void totals_agree(void *context)
{
    (void)context;
    fill();
    for (size_t i = 0; i < COUNT(expected); i++) {
        int64_t count = 0;
        struct text rest = text_of(expected[i].ids), word;

        if (rest.size > 0)
            count = 1;
        while (text_split(rest, ' ', &word, &rest))
            count++;
        struct store_page page =
            search(expected[i].type, arena_printf(arena, "%s&_summary=count", expected[i].query));
        if (page.total != count)
            fail_msg("%s?%s: counted %d", expected[i].type, expected[i].query, (int)page.total);
        assert_true(page.has_total);
        assert_int_equal(page.count, 0);
        page = search(expected[i].type,
                      arena_printf(arena, "%s&_count=1&_total=accurate", expected[i].query));
        assert_int_equal(page.total, count);
        if (page.next) {
            page =
                search(expected[i].type, arena_printf(arena, "%s&_count=1&_total=accurate&_page=%s",
                                                      expected[i].query, page.next));
            assert_int_equal(page.total, count);
        }
    }
    done();
}

/* What a plan finds, in pages of two. */
static void run_plan(struct search_plan *plan, struct buf *ids)
{
    struct search_position position = {0};
    const struct pg_result *result;
    struct err err = {0};

    do {
        struct search_sql sql = search_sql_in(arena);

        search_source_page(plan, &position, 2, &sql);
        if (!pg_query_sql(store->search, buf_text(&sql.text), &sql.params, arena, &result, &err))
            fail_msg("%s: %s", buf_text(&sql.text), err.text);
        for (int row = 0; row < pg_rows(result); row++) {
            struct store_version version;

            assert_true(search_version(plan, plan->type, result, row, &version, &err));
            if (!plan->inexact || search_holds(plan, &version))
                buf_printf(ids, "%s%s", ids->size ? " " : "", version.id);
            position.set = true;
            position.rkey = pg_int8(result, row, COLUMN_RKEY);
            for (size_t i = 0; i < plan->key_count; i++)
                position.keys[i] = search_source_key(plan, result, row, i);
        }
        assert_true(ids->size < 1000);
    } while (pg_rows(result) == 2);
}

static bool uses_second_code(const struct search_plan *plan)
{
    size_t count;
    const int64_t *codes = search_plan_codes(plan, &count);
    struct tokens tokens = store_tokens(store, &us);
    int64_t second = token_coding(&tokens, TEXT("urn:local"), TEXT("BP"));

    for (size_t i = 0; i < count; i++)
        if (codes[i] == second)
            return true;
    return false;
}

static void every_way_to_answer_a_query_finds_the_same(void *context)
{
    int ways = 0;

    (void)context;
    fill();
    for (size_t i = 0; i < COUNT(expected); i++) {
        const struct query *query = parse_query(expected[i].type, expected[i].query);

        for (int driver = 0; driver <= DRIVE_ALL; driver++) {
            for (int mode = 0; mode <= MODE_SORT; mode++) {
                for (int driving = -1; driving < (int)query->param_count; driving++) {
                    struct search_plan plan;
                    struct buf ids = buf_in(arena);

                    search_plan_init(&plan, store, &us, query, arena);
                    if (!search_plan_resume(&plan, driver, mode, driving) ||
                        uses_second_code(&plan))
                        continue;
                    run_plan(&plan, &ids);
                    check_ids(
                        &expected[i],
                        arena_printf(arena, "driver %d mode %d term %d", driver, mode, driving),
                        buf_text(&ids));
                    ways++;
                }
            }
        }
    }
    print_message("%d ways\n", ways);
    assert_true(ways > 500);
    done();
}

/* The matcher that rechecks hits must agree with the indexes. */
static void resources_agree_with_their_index(void *context)
{
    (void)context;
    fill();
    for (size_t i = 0; i < COUNT(expected); i++) {
        const struct query *query = parse_query(expected[i].type, expected[i].query);
        char *ids = arena_printf(arena, " %s ", expected[i].ids);

        for (size_t k = 0; k < COUNT(stored); k++) {
            struct search_values values;
            struct query_candidate candidate = {.type = stored[k].type,
                                                .id = stored[k].id,
                                                .last_updated = clock_now(),
                                                .values = &values};

            search_values_extract(parse(arena, stored[k].json), arena, &values, NULL);
            bool found = strcmp(stored[k].type, expected[i].type) == 0 &&
                         strstr(ids, arena_printf(arena, " %s ", stored[k].id));
            if (query_matches(query, &candidate, arena) != found)
                fail_msg("%s?%s and %s", expected[i].type, expected[i].query, stored[k].id);
        }
    }
    done();
}

static void what_is_referred_to_comes_along_once(void *context)
{
    static const struct {
        const char *type, *query, *matches, *includes;
    } cases[] = {
        {"Observation", "code=8867-4&_include=Observation:subject", "hr1 hr2 hr3 hr4", "anna bert"},
        {"Observation", "code=8867-4&_include=Observation:subject:Group", "hr1 hr2 hr3 hr4", ""},
        {"Observation", "_id=hr1&_include=*", "hr1", "anna e1"},
        {"Observation", "_id=hr1&_include=Observation:*", "hr1", "anna e1"},
        {"Observation", "_id=tx1&_include=Observation:focus&_include=Observation:subject", "tx1",
         "bert carl"},
        {"Encounter", "patient=anna&_include=Encounter:part-of", "e1 e2", ""},
        {"Encounter", "_id=e2&_include=Encounter:part-of", "e2", "e1"},
        {"Patient", "_id=anna&_include=Patient:organization&_include=Patient:general-practitioner",
         "anna", "d1 o1"},
        {"Patient", "_id=anna&_revinclude=Observation:patient", "anna", "bp1 hr1 hr2"},
        {"Patient", "_id=anna&_revinclude=Observation:subject", "anna", "bp1 hr1 hr2"},
        {"Patient", "_id=carl,bert&_revinclude=Observation:focus", "bert carl", "tx1"},
        {"Patient", "_id=anna&_revinclude=Provenance:target&_revinclude=Condition:*", "anna",
         "c1 p1"},
        {"Encounter", "_id=e1&_revinclude=Encounter:part-of", "e1", "e2"},
        {"Encounter", "patient=anna&_revinclude=Encounter:part-of", "e1 e2", ""},
        {"Organization", "_revinclude=Patient:organization", "o1", "anna bert"},
        {"Patient", "_id=nobody&_revinclude=Observation:patient", "", ""},
    };

    (void)context;
    fill();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct store_page page = search(cases[i].type, cases[i].query);
        struct buf matches = buf_in(arena), includes = buf_in(arena);

        add_ids(&matches, &page, STORE_MATCH);
        add_ids(&includes, &page, STORE_INCLUDE);
        if (strcmp(sorted(buf_text(&matches)), cases[i].matches) != 0 ||
            strcmp(sorted(buf_text(&includes)), cases[i].includes) != 0)
            fail_msg("%s?%s: %s + %s", cases[i].type, cases[i].query, buf_text(&matches),
                     buf_text(&includes));
    }
    done();
}

static void another_tenant_sees_nothing(void *context)
{
    static const struct access them = {.tenant = 7, .client = "test"};
    static const struct {
        const char *type, *query;
    } cases[] = {
        {"Patient", ""},
        {"Patient", "_id=anna"},
        {"Patient", "family=m"},
        {"Patient", "_sort=family"},
        {"Patient", "_sort=_lastUpdated"},
        {"Patient", "birthdate=gt1900"},
        {"Observation", "patient=anna"},
        {"Observation", "code=" LOINC "|8867-4"},
        {"ValueSet", ""},
        {"Patient", "_summary=count"},
    };

    (void)context;
    fill();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct store_page page;
        struct err err = {0};

        assert_true(store_search(store, &them, parse_query(cases[i].type, cases[i].query), arena,
                                 &page, &err));
        assert_int_equal(page.count, 0);
        assert_int_equal(page.total, 0);
    }
    done();
}

static void includes_stay_within_the_tenant(void *context)
{
    static const struct access them = {.tenant = 7, .client = "test"};
    struct store_write write = {
        .action = STORE_UPDATE,
        .type = "Observation",
        .id = "theirs",
    };
    struct store_page page;
    struct err err = {0};

    (void)context;
    fill();
    write.resource = parse(
        arena, "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},"
               "\"subject\":{\"reference\":\"Patient/anna\"}}");
    assert_true(store_write(store, &them, &write, arena, &err));
    assert_true(store_search(store, &them,
                             parse_query("Observation", "_include=Observation:subject"), arena,
                             &page, &err));
    assert_int_equal(page.count, 1);
    page = search("Patient", "_id=anna&_revinclude=Observation:patient");
    assert_int_equal(page.count, 4);
    done();
}

static void a_cursor_serves_only_its_own_query(void *context)
{
    static const char *const others[] = {"gender=female&_count=1",
                                         "gender=male&_sort=family&_count=1",
                                         "gender=male&gender=male&_count=1"};
    struct err err = {0};
    struct store_page page;

    (void)context;
    fill();
    const char *next = search("Patient", "gender=male&_count=1").next;
    assert_non_null(next);
    for (size_t i = 0; i < COUNT(others); i++) {
        const char *text = arena_printf(arena, "%s&_page=%s", others[i], next);

        err = (struct err){0};
        assert_false(store_search(store, &us, parse_query("Patient", text), arena, &page, &err));
        assert_int_equal(err.kind, ERR_GONE);
    }
    err = (struct err){0};
    assert_false(store_search(store, &us, parse_query("Patient", "gender=male&_page=abcdef"), arena,
                              &page, &err));
    assert_int_equal(err.kind, ERR_GONE);
    done();
}

static void pages_are_stable_while_others_write(void *context)
{
    (void)context;
    fill();
    struct store_page page = search("Patient", "_sort=family&_count=2");
    struct buf ids = buf_in(arena);

    add_ids(&ids, &page, STORE_MATCH);
    put(store, "Patient", "early",
        "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"Aaron\"}]}", arena);
    page = search("Patient", arena_printf(arena, "_sort=family&_count=10&_page=%s", page.next));
    add_ids(&ids, &page, STORE_MATCH);
    assert_string_equal(buf_text(&ids), "anna bert carl nemo");
    done();
}

static void updates_and_deletions_show_at_once(void *context)
{
    (void)context;
    fill();
    put(store, "Patient", "anna",
        "{\"resourceType\":\"Patient\",\"gender\":\"other\",\"name\":[{\"family\":\"Neu\"}]}",
        arena);
    take_out(store, "Patient", "carl", arena);
    assert_int_equal(search("Patient", "gender=female").count, 0);
    assert_int_equal(search("Patient", "family=mu").count, 1);
    assert_int_equal(search("Patient", "family=ne").count, 1);
    assert_int_equal(search("Patient", "birthdate=1970").count, 0);
    assert_int_equal(search("Patient", "gender=male").count, 1);
    assert_int_equal(search("Patient", "_sort=_lastUpdated").count, 3);
    assert_string_equal(search("Patient", "_sort=-_lastUpdated").entries[0].version.id, "anna");
    done();
}

/* A code that turns up behind another one must be found from then on. */
static void a_code_in_second_place_is_found_at_once(void *context)
{
    struct store *other = NULL;

    (void)context;
    fill();
    assert_int_equal(search("Observation", "code=" LOINC "|8867-4").count, 4);
    other = open_store();
    put(other, "Observation", "twin",
        "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":"
        "\"urn:local\",\"code\":\"HR\"},{\"system\":\"" LOINC "\",\"code\":\"8867-4\"}]}}",
        arena);
    assert_int_equal(search("Observation", "code=" LOINC "|8867-4").count, 5);
    assert_int_equal(search("Observation", "code=" LOINC "|8867-4").count, 5);
    assert_int_equal(search("Observation", "code=" LOINC "|8867-4&_summary=count").total, 5);
    store_close(other);
    done();
}

static void a_search_within_a_transaction_sees_its_writes(void *context)
{
    struct store_version found[2];
    size_t count;
    struct err err = {0};

    (void)context;
    fill();
    struct pg *pg = pool_acquire(store->transactions, &err);
    const struct pg_result *result;
    assert_non_null(pg);
    pg_begin(pg);
    assert_true(search_find(store, pg, &us, parse_query("Patient", "identifier=urn:mrn|A1"), 2,
                            arena, found, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(found[0].id, "anna");
    assert_true(search_find(store, pg, &us, parse_query("Patient", "identifier=A1"), 2, arena,
                            found, &count, &err));
    assert_int_equal(count, 2);
    assert_true(
        pg_query_sql(pg, "delete from f_patient where id = 'anna'", NULL, arena, &result, &err));
    assert_true(search_find(store, pg, &us, parse_query("Patient", "identifier=urn:mrn|A1"), 2,
                            arena, found, &count, &err));
    assert_int_equal(count, 0);
    pg_rollback(pg);
    pool_release(store->transactions, pg);
    assert_int_equal(search("Patient", "identifier=urn:mrn|A1").count, 1);
    done();
}

/* A row that an index wrongly names must not decide a write. */
static void a_hit_by_a_wrong_hash_is_not_believed(void *context)
{
    struct store_version found[2];
    size_t count;
    struct err err = {0};

    (void)context;
    fill();
    postgres_sql("update f_patient set toks = toks || (select toks from f_patient p "
                 "where p.id = chr(97) || chr(110) || chr(110) || chr(97)) "
                 "where id = chr(110) || chr(101) || chr(109) || chr(111)");
    assert_int_equal(search("Patient", "identifier=urn:mrn|A1").count, 2);
    assert_true(search_find(store, store->search, &us,
                            parse_query("Patient", "identifier=urn:mrn|A1"), 2, arena, found,
                            &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(found[0].id, "anna");
    done();
}

static void long_strings_are_looked_at_themselves(void *context)
{
    char name[400], json[600];

    (void)context;
    fill();
    memset(name, 'x', sizeof(name));
    name[399] = '\0';
    name[300] = 'y';
    snprintf(json, sizeof(json), "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"%s\"}]}",
             name);
    put(store, "Patient", "long", json, arena);
    assert_int_equal(search("Patient", arena_printf(arena, "family=%s", name)).count, 1);
    name[350] = 'z';
    assert_int_equal(search("Patient", arena_printf(arena, "family=%s", name)).count, 0);
    assert_int_equal(search("Patient", arena_printf(arena, "family=%s&_summary=count", name)).total,
                     0);
    done();
}

static void too_many_ranges_for_one_statement_are_refused(void *context)
{
    struct buf text = buf_in(arena);
    struct store_page page;
    struct err err = {0};

    (void)context;
    fill();
    text = buf_in(arena);
    buf_add_text(&text, "birthdate=");
    for (int i = 0; i < 400; i++)
        buf_printf(&text, "%s%d", i ? "," : "", 1600 + i);
    assert_false(
        store_search(store, &us, parse_query("Patient", buf_text(&text)), arena, &page, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    done();
}

IN_DATABASE(test_queries, queries_find_what_they_should)
IN_DATABASE(test_pages, pages_add_up_without_gaps_or_repeats)
IN_DATABASE(test_totals, totals_agree)
IN_DATABASE(test_ways, every_way_to_answer_a_query_finds_the_same)
IN_DATABASE(test_matcher, resources_agree_with_their_index)
IN_DATABASE(test_includes, what_is_referred_to_comes_along_once)
IN_DATABASE(test_tenant, another_tenant_sees_nothing)
IN_DATABASE(test_tenant_includes, includes_stay_within_the_tenant)
IN_DATABASE(test_cursor, a_cursor_serves_only_its_own_query)
IN_DATABASE(test_stable, pages_are_stable_while_others_write)
IN_DATABASE(test_changes, updates_and_deletions_show_at_once)
IN_DATABASE(test_second_codes, a_code_in_second_place_is_found_at_once)
IN_DATABASE(test_find, a_search_within_a_transaction_sees_its_writes)
IN_DATABASE(test_recheck, a_hit_by_a_wrong_hash_is_not_believed)
IN_DATABASE(test_long, long_strings_are_looked_at_themselves)
IN_DATABASE(test_many, too_many_ranges_for_one_statement_are_refused)

int main(void)
{
#define TEST(function, sentence)                                                                   \
    {                                                                                              \
#sentence, function, NULL, NULL, NULL                                                      \
    }
    const struct CMUnitTest tests[] = {
        TEST(test_queries, queries_find_what_they_should),
        TEST(test_pages, pages_add_up_without_gaps_or_repeats),
        TEST(test_totals, totals_agree),
        TEST(test_ways, every_way_to_answer_a_query_finds_the_same),
        TEST(test_matcher, resources_agree_with_their_index),
        TEST(test_includes, what_is_referred_to_comes_along_once),
        TEST(test_tenant, another_tenant_sees_nothing),
        TEST(test_tenant_includes, includes_stay_within_the_tenant),
        TEST(test_cursor, a_cursor_serves_only_its_own_query),
        TEST(test_stable, pages_are_stable_while_others_write),
        TEST(test_changes, updates_and_deletions_show_at_once),
        TEST(test_second_codes, a_code_in_second_place_is_found_at_once),
        TEST(test_find, a_search_within_a_transaction_sees_its_writes),
        TEST(test_recheck, a_hit_by_a_wrong_hash_is_not_believed),
        TEST(test_long, long_strings_are_looked_at_themselves),
        TEST(test_many, too_many_ranges_for_one_statement_are_refused),
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
