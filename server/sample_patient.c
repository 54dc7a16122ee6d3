/*
 * Patient and AllergyIntolerance of a sample person.
 */

#include "server/sample_person.h"
#include "server/sample_systems.h"

static void write_identifiers(const struct person *person, struct emit *emit);
static void write_identifier(struct emit *emit, const char *type, const char *display,
                             const char *system, const char *value);
static void write_names(const struct person *person, struct emit *emit);
static void write_name(struct emit *emit, const char *use, const char *family, const char *given,
                       const char *middle);
static void write_telecom(const struct person *person, struct emit *emit);
static void write_language(const struct person *person, struct emit *emit);
static bool write_allergy(struct person *person, const struct sample_allergy *allergy,
                          struct output *output, struct err *err);
static void write_reaction(const struct sample_allergy *allergy, struct emit *emit);

static const struct {
    const char *code, *display;
} marriages[] = {
    [MARRIAGE_SINGLE] = {"S", "Never Married"},
    [MARRIAGE_MARRIED] = {"M", "Married"},
    [MARRIAGE_DIVORCED] = {"D", "Divorced"},
    [MARRIAGE_WIDOWED] = {"W", "Widowed"},
};

bool person_write(const struct person *person, struct output *output, struct err *err)
{
    struct emit *emit = output_begin(output, TYPE_PATIENT, person->id, NULL);

    write_identifiers(person, emit);
    emit_bool(emit, "active", true);
    write_names(person, emit);
    write_telecom(person, emit);
    emit_member(emit, "gender", person->sex == SEX_FEMALE ? "female" : "male");
    emit_date(emit, "birthDate", person->birth);
    if (person->died)
        emit_time(emit, "deceasedDateTime", person->end * INT64_C(1440) + person->death_minute,
                  sample_places[person->place].offset);
    sample_write_address(emit, "home", person->house, person->street, person->postal, person->place,
                         true);
    emit_concept(emit, "maritalStatus", SYSTEM_HL7("v3-MaritalStatus"),
                 marriages[person->marriage].code, marriages[person->marriage].display);
    write_language(person, emit);
    emit_begin(emit, "generalPractitioner", '[');
    output_refer_shared(output, NULL, TYPE_PRACTITIONER, person->doctor->id,
                        person->doctor->identifier, person->doctor->name);
    emit_close(emit, ']');
    output_refer_shared(output, "managingOrganization", TYPE_ORGANIZATION, person->practice->id,
                        person->practice->identifier, person->practice->name);
    return output_end(output, err);
}

/* Numbers that start with 9 were never given out as social security numbers. */
static void write_identifiers(const struct person *person, struct emit *emit)
{
    char value[64];

    emit_begin(emit, "identifier", '[');
    snprintf(value, sizeof(value), "%llu-%07u", (unsigned long long)person->seed, person->number);
    write_identifier(emit, "MR", "Medical Record Number", SYSTEM_OWN("mrn"), value);
    if (sample_stable(person->key, ABOUT_BODY, 1, 1000) < 900) {
        snprintf(value, sizeof(value), "9%02d-%02d-%04d",
                 sample_stable(person->key, ABOUT_BODY, 2, 100),
                 sample_stable(person->key, ABOUT_BODY, 3, 100),
                 sample_stable(person->key, ABOUT_BODY, 4, 10000));
        write_identifier(emit, "SS", "Social Security Number", SYSTEM_OWN("ssn"), value);
    }
    emit_close(emit, ']');
}

static void write_identifier(struct emit *emit, const char *type, const char *display,
                             const char *system, const char *value)
{
    emit_open(emit, '{');
    emit_member(emit, "use", type[0] == 'M' ? "usual" : "official");
    emit_concept(emit, "type", SYSTEM_HL7("v2-0203"), type, display);
    emit_member(emit, "system", system);
    emit_member(emit, "value", value);
    emit_close(emit, '}');
}

static void write_names(const struct person *person, struct emit *emit)
{
    emit_begin(emit, "name", '[');
    write_name(emit, "official", person->family, person->given, person->middle);
    if (person->maiden)
        write_name(emit, "maiden", person->maiden, person->given, person->middle);
    emit_close(emit, ']');
}

static void write_name(struct emit *emit, const char *use, const char *family, const char *given,
                       const char *middle)
{
    emit_open(emit, '{');
    emit_member(emit, "use", use);
    emit_member(emit, "family", family);
    emit_begin(emit, "given", '[');
    emit_text(emit, given);
    emit_text(emit, middle);
    emit_close(emit, ']');
    emit_close(emit, '}');
}

static void write_telecom(const struct person *person, struct emit *emit)
{
    char value[64];

    emit_begin(emit, "telecom", '[');
    sample_write_phone(emit, "home", person->place, sample_stable(person->key, ABOUT_BODY, 5, 100));
    if (person_age(person, person->end) >= 14 && person->number % 3 != 0) {
        snprintf(value, sizeof(value), "patient-%u@isthmus.example", person->number);
        emit_open(emit, '{');
        emit_member(emit, "system", "email");
        emit_member(emit, "value", value);
        emit_close(emit, '}');
    }
    emit_close(emit, ']');
}

static void write_language(const struct person *person, struct emit *emit)
{
    const struct sample_group *group =
        &sample_groups[person->own_language ? person->group : GROUP_ENGLISH];

    emit_begin(emit, "communication", '[');
    emit_open(emit, '{');
    emit_concept(emit, "language", SYSTEM_URL_LANGUAGE, group->language, group->language_display);
    emit_bool(emit, "preferred", true);
    emit_close(emit, '}');
    emit_close(emit, ']');
}

bool person_write_allergies(struct person *person, struct output *output, struct err *err)
{
    for (int i = 0; i < ALLERGY_COUNT; i++) {
        if (person->allergic[i] && !write_allergy(person, &sample_allergies[i], output, err))
            return false;
    }
    return true;
}

/* Found some time after the first birthday; R4 ait-1 wants a clinical status. */
static bool write_allergy(struct person *person, const struct sample_allergy *allergy,
                          struct output *output, struct err *err)
{
    char id[UUID_SIZE];
    int found = sample_between(&person->random, person->birth + 366, person->end - 1);
    struct emit *emit;

    sample_uuid(&person->random, id);
    emit = output_begin(output, TYPE_ALLERGY_INTOLERANCE, id, NULL);
    emit_concept(emit, "clinicalStatus", SYSTEM_HL7("allergyintolerance-clinical"), "active", NULL);
    emit_concept(emit, "verificationStatus", SYSTEM_HL7("allergyintolerance-verification"),
                 "confirmed", NULL);
    emit_member(emit, "type", "allergy");
    emit_begin(emit, "category", '[');
    emit_text(emit, allergy->category);
    emit_close(emit, ']');
    emit_member(emit, "criticality", allergy->criticality);
    emit_concept(emit, "code",
                 allergy->system == SYSTEM_RXNORM ? SYSTEM_URL_RXNORM : SYSTEM_URL_SNOMED,
                 allergy->code, allergy->display);
    output_refer(output, "patient", TYPE_PATIENT, person->id);
    emit_date(emit, "onsetDateTime", found);
    emit_date(emit, "recordedDate", found);
    output_refer_shared(output, "recorder", TYPE_PRACTITIONER, person->doctor->id,
                        person->doctor->identifier, person->doctor->name);
    write_reaction(allergy, emit);
    return output_end(output, err);
}

static void write_reaction(const struct sample_allergy *allergy, struct emit *emit)
{
    emit_begin(emit, "reaction", '[');
    emit_open(emit, '{');
    emit_begin(emit, "manifestation", '[');
    emit_concept(emit, NULL, SYSTEM_URL_SNOMED, allergy->reaction_code, allergy->reaction);
    emit_close(emit, ']');
    emit_member(emit, "severity", allergy->severity);
    emit_close(emit, '}');
    emit_close(emit, ']');
}
