#pragma once

/*
 * A small hospital to search in, and queries with the ids they must find.
 * Times and places are made up so that the edges of every rule are there.
 */

#include "writing.h"

#include "base/count.h"
#include "fhir/query.h"

#define LOINC "http://loinc.org"
#define UCUM  "http://unitsofmeasure.org"

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
    {"Patient", "_sort=-family", "carl anna bert nemo"},
    {"Patient", "_sort=_id", "anna bert carl nemo"},
    {"Patient", "_sort=-_id", "nemo carl bert anna"},
    {"Patient", "_sort=_lastUpdated", "anna bert carl nemo"},
    {"Patient", "_sort=-_lastUpdated", "nemo carl bert anna"},
    {"Patient", "_sort=-_lastUpdated&gender=male", "carl bert"},
    {"Patient", "_sort=-birthdate,family&gender=male,female", "carl bert anna"},
    {"Patient", "_sort=family,-birthdate", "anna bert carl nemo"},
    {"Patient", "gender=male&_sort=-family", "carl bert"},
    {"Patient", "family=m&_sort=-family", "anna bert"},
    {"Patient", "_sort=gender,_id", "anna bert carl nemo"},
    {"Patient", "_sort=-gender,_id", "bert carl anna nemo"},
    {"Patient", "_sort=gender,-family", "anna carl bert nemo"},
    {"Patient", "_sort=-identifier,_id", "anna bert carl nemo"},
    {"Patient", "_sort=identifier,-_id", "carl anna bert nemo"},
    {"Patient", "_sort=organization,birthdate", "anna bert carl nemo"},
    {"Patient", "_sort=-name", "carl anna bert nemo"},
    {"Patient", "given=m&_sort=given", "anna"},
    {"Patient", "_filter=family+sw+mull", "anna"},
    {"Patient", "_filter=family+eq+mueller", "bert"},
    {"Patient", "_filter=family+eq+muell", ""},
    {"Patient", "_filter=family+co+ell+and+gender+eq+male", "bert carl"},
    {"Patient", "_filter=given+ew+ria+or+birthdate+sa+1980-01", "anna carl"},
    {"Patient", "_filter=not+(gender+eq+male)", "anna nemo"},
    {"Patient", "_filter=gender+ne+male", "anna"},
    {"Patient", "_filter=gender+pr+false", "nemo"},
    {"Patient", "_filter=(gender+eq+male+or+gender+eq+female)+and+birthdate+lt+1980-02",
     "anna bert"},
    {"Patient", "_filter=birthdate+po+1980-02-15", "bert carl"},
    {"Patient", "_filter=organization+re+Organization/o1+and+name+eq+\"Bert\"", "bert"},
    {"Patient", "_filter=organization.name+eq+inselspital", "anna bert"},
    {"Patient", "_filter=not+(organization.name+eq+inselspital)+and+active+pr+false", "carl nemo"},
    {"Patient", "_filter=identifier+eq+urn:mrn%7CA1&_sort=-birthdate", "anna"},
    {"Observation", "_filter=patient.family+sw+mull+and+code+eq+8867-4", "hr1 hr2"},
    {"Observation", "_filter=value-quantity+gt+90&_sort=-date", "hr2"},
    {"Patient", "given:contains=aria", "anna"},
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
    {"ValueSet", "_sort=-url", "v3 v2 v1"},
    {"ValueSet", "_sort=date,-url", "v1 v3 v2"},
    {"RiskAssessment", "_sort=probability", "r1 r2"},
    {"RiskAssessment", "_sort=-probability", "r2 r1"},
    {"Observation", "patient=anna&_sort=combo-value-quantity,_id", "hr1 bp1 hr2"},
    {"Observation", "patient=anna&_sort=-combo-value-quantity", "bp1 hr2 hr1"},
    {"Encounter", "patient=anna&_sort=location-period", "e1 e2"},
    {"Encounter", "patient=anna&_sort=-location-period", "e2 e1"},
    {"ValueSet", "date=ge2020", "v1"},
    {"Provenance", "target=Patient/anna", "p1"},
    {"Provenance", "patient=anna", "p1"},
    {"Provenance", "recorded=2020-01-01", "p1"},

    {"Observation", "subject:Patient.family=mu", "hr1 hr2 hr3 bp1 bp2 sm1"},
    {"Observation", "patient.family=mull", "hr1 hr2 bp1"},
    {"Observation", "subject.name=anna", "hr1 hr2 bp1"},
    {"Observation", "patient.organization.name=insel", "hr1 hr2 hr3 bp1 bp2 sm1"},
    {"Observation", "patient.general-practitioner:Practitioner.family=house", "hr1 hr2 bp1"},
    {"Observation", "patient.birthdate=lt1980&code=8867-4", "hr1 hr2"},
    {"Observation", "patient.gender:not=female", "hr3 bp2 sm1"},
    {"Observation", "patient.family:exact=Müller", "hr1 hr2 bp1"},
    {"Observation", "patient.gender:missing=true", ""},
    {"Observation", "patient._id=bert", "hr3 bp2 sm1"},
    {"Observation", "focus:Patient.given=carl", "tx1"},
    {"Observation", "focus:Patient.gender=male", "tx1"},
    {"Observation", "encounter.class=AMB", "hr1"},
    {"Observation", "encounter.patient.family=mull", "hr1"},
    {"Observation", "code=" LOINC "%7C8867-4&patient.family=m&_sort=-date", "hr2 hr1 hr3"},
    {"Observation", "patient.family=m&patient.family=mue", "hr3 bp2 sm1"},
    {"Patient", "_has:Observation:patient:code=" LOINC "%7C8867-4", "anna bert"},
    {"Patient", "_has:Observation:patient:code=urn:local%7CBP", "anna bert"},
    {"Patient", "_has:Observation:patient:code=" LOINC "%7C85354-9", "anna"},
    {"Patient", "_has:Observation:focus:status=final", "bert carl"},
    {"Patient", "_has:Observation:subject:date=2021", "bert"},
    {"Patient", "_has:Encounter:patient:_has:Observation:encounter:code=8867-4", "anna"},
    {"Patient", "_has:Observation:patient:code=8867-4&birthdate=1980", "bert"},
    {"Patient", "_has:Observation:patient:code=8867-4&_sort=-birthdate", "bert anna"},
    {"Patient", "_has:Observation:patient:status=entered-in-error", ""},
    {"Encounter", "_has:Observation:encounter:status=final", "e1"},
    {"Encounter", "_has:Encounter:part-of:class=IMP", "e1"},
    {"Organization", "_has:Patient:organization:_has:Condition:patient:code=asthma", "o1"},
    {"Observation", "patient._has:Condition:patient:code=asthma", "hr1 hr2 bp1"},
    {"Practitioner", "_has:Patient:general-practitioner:family=mull", "d1"},
    {"Provenance", "target:Patient.family=mull", "p1"},
    {"Provenance", "target:Observation.code=8867-4", "p1"},
    {"Provenance", "agent:Practitioner.name=house", "p1"},
    {"RiskAssessment", "patient.family=mull", "r1"},
    {"RiskAssessment", "subject:Patient.family=mue", "r2"},
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

static POSTGRES_UNUSED struct store_page search(const char *type, const char *text)
{
    struct store_page page;
    struct err err = {0};

    if (!store_search(store, &us, parse_query(type, text), arena, &page, &err))
        fail_msg("%s?%s: %s (%s)", type, text, err.text, err.where);
    return page;
}
