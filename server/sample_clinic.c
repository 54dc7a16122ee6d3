/*
 * Clinic - the organizations, places and practitioners that sample patients share.
 */

#include "server/sample_clinic.h"

#include "server/sample_systems.h"

#define CLINIC_SEED UINT64_C(0x69737468)

static const struct {
    const char *name; /* behind the city's */
    const char *code; /* v3-RoleCode of its location */
    const char *display;
} kinds[] = {
    [FACILITY_HOSPITAL] = {"General Hospital", "HOSP", "Hospital"},
    [FACILITY_PRACTICE] = {"Family Medicine", "FMC", "Family medicine clinic"},
    [FACILITY_HEALTH_CENTER] = {"Community Health Center", "PC", "Primary care clinic"},
    [FACILITY_LAB] = {"Clinical Laboratory", "MBL", "Medical laboratory"},
};

static void make_facility(struct facility *facility, struct sample_random *random, int number);
static void make_practitioner(struct practitioner *practitioner, struct sample_random *random,
                              int number, const struct facility *facility);
static bool write_organization(const struct facility *facility, struct output *output,
                               struct err *err);
static bool write_location(const struct facility *facility, struct output *output, struct err *err);
static bool write_practitioner(const struct practitioner *practitioner, struct output *output,
                               struct err *err);
static void write_identifier(struct emit *emit, const char *identifier);

void clinic_init(struct clinic *clinic)
{
    struct sample_random random;

    sample_random_seed(&random, CLINIC_SEED, 0);
    for (int i = 0; i < FACILITY_COUNT; i++)
        make_facility(&clinic->facilities[i], &random, i);
    for (int i = 0; i < PRACTITIONER_COUNT; i++) {
        int place = i / PRACTITIONERS_A_PLACE, kind = i % PRACTITIONERS_A_PLACE / 4;

        make_practitioner(&clinic->practitioners[i], &random, i,
                          &clinic->facilities[place * FACILITIES_A_PLACE + kind]);
    }
}

static void make_facility(struct facility *facility, struct sample_random *random, int number)
{
    facility->place = (enum sample_place_key)(number / FACILITIES_A_PLACE);
    facility->kind = (enum facility_kind)(number % FACILITIES_A_PLACE);
    sample_uuid(random, facility->id);
    sample_uuid(random, facility->location_id);
    snprintf(facility->identifier, sizeof(facility->identifier), "%s|ORG-%04d",
             SYSTEM_OWN("organization"), number + 1);
    snprintf(facility->location_identifier, sizeof(facility->location_identifier), "%s|LOC-%04d",
             SYSTEM_OWN("location"), number + 1);
    snprintf(facility->name, sizeof(facility->name), "%s %s", sample_places[facility->place].city,
             kinds[facility->kind].name);
    facility->house = sample_between(random, 1, 990);
    facility->line = sample_below(random, 100);
    facility->street = sample_streets[sample_below(random, (int)sample_street_count)].name;
    facility->postal = sample_postal_code(random, facility->place);
}

static void make_practitioner(struct practitioner *practitioner, struct sample_random *random,
                              int number, const struct facility *facility)
{
    enum sample_group_key group = sample_group_drawn(random);

    sample_uuid(random, practitioner->id);
    practitioner->facility = facility;
    practitioner->sex = sample_chance(random, 500) ? SEX_FEMALE : SEX_MALE;
    practitioner->given = sample_given_name(random, group, practitioner->sex);
    practitioner->family = sample_family_name(random, group);
    snprintf(practitioner->name, sizeof(practitioner->name), "Dr. %s %s", practitioner->given,
             practitioner->family);
    snprintf(practitioner->identifier, sizeof(practitioner->identifier), "%s|%07d",
             SYSTEM_OWN("practitioner"), 1000001 + number * 13);
}

const struct facility *clinic_facility(const struct clinic *clinic, enum sample_place_key place,
                                       enum facility_kind kind)
{
    return &clinic->facilities[(int)place * FACILITIES_A_PLACE + (int)kind];
}

const struct practitioner *clinic_practitioner(const struct clinic *clinic,
                                               const struct facility *facility, int which)
{
    int index = (int)(facility - clinic->facilities);
    int place = index / FACILITIES_A_PLACE, kind = index % FACILITIES_A_PLACE;

    return &clinic->practitioners[place * PRACTITIONERS_A_PLACE + kind * 4 + which % 4];
}

bool clinic_write(const struct clinic *clinic, struct output *output, struct err *err)
{
    output_begin_bundle(output);
    for (int i = 0; i < FACILITY_COUNT; i++) {
        if (!write_organization(&clinic->facilities[i], output, err) ||
            !write_location(&clinic->facilities[i], output, err))
            return false;
    }
    for (int i = 0; i < PRACTITIONER_COUNT; i++) {
        if (!write_practitioner(&clinic->practitioners[i], output, err))
            return false;
    }
    return output_end_bundle(output, "00-organizations.json", err);
}

static bool write_organization(const struct facility *facility, struct output *output,
                               struct err *err)
{
    struct emit *emit = output_begin(output, TYPE_ORGANIZATION, facility->id, facility->identifier);

    write_identifier(emit, facility->identifier);
    emit_bool(emit, "active", true);
    emit_begin(emit, "type", '[');
    emit_open(emit, '{');
    emit_begin(emit, "coding", '[');
    emit_coding(emit, SYSTEM_HL7("organization-type"), "prov", "Healthcare Provider");
    emit_close(emit, ']');
    emit_close(emit, '}');
    emit_close(emit, ']');
    emit_member(emit, "name", facility->name);
    emit_begin(emit, "telecom", '[');
    sample_write_phone(emit, NULL, facility->place, facility->line);
    emit_close(emit, ']');
    sample_write_address(emit, NULL, facility->house, facility->street, facility->postal,
                         facility->place, true);
    return output_end(output, err);
}

static bool write_location(const struct facility *facility, struct output *output, struct err *err)
{
    struct emit *emit =
        output_begin(output, TYPE_LOCATION, facility->location_id, facility->location_identifier);

    write_identifier(emit, facility->location_identifier);
    emit_member(emit, "status", "active");
    emit_member(emit, "name", facility->name);
    emit_member(emit, "mode", "instance");
    emit_concepts(emit, "type", SYSTEM_HL7("v3-RoleCode"), kinds[facility->kind].code,
                  kinds[facility->kind].display);
    sample_write_address(emit, NULL, facility->house, facility->street, facility->postal,
                         facility->place, false);
    emit_concept(emit, "physicalType", SYSTEM_HL7("location-physical-type"), "bu", "Building");
    output_refer(output, "managingOrganization", TYPE_ORGANIZATION, facility->id);
    return output_end(output, err);
}

static bool write_practitioner(const struct practitioner *practitioner, struct output *output,
                               struct err *err)
{
    struct emit *emit =
        output_begin(output, TYPE_PRACTITIONER, practitioner->id, practitioner->identifier);

    write_identifier(emit, practitioner->identifier);
    emit_bool(emit, "active", true);
    emit_begin(emit, "name", '[');
    emit_open(emit, '{');
    emit_member(emit, "use", "official");
    emit_member(emit, "family", practitioner->family);
    emit_begin(emit, "given", '[');
    emit_text(emit, practitioner->given);
    emit_close(emit, ']');
    emit_begin(emit, "prefix", '[');
    emit_text(emit, "Dr.");
    emit_close(emit, ']');
    emit_close(emit, '}');
    emit_close(emit, ']');
    emit_begin(emit, "telecom", '[');
    sample_write_phone(emit, "work", practitioner->facility->place, practitioner->facility->line);
    emit_close(emit, ']');
    emit_member(emit, "gender", practitioner->sex == SEX_FEMALE ? "female" : "male");
    emit_begin(emit, "qualification", '[');
    emit_open(emit, '{');
    emit_concept(emit, "code", SYSTEM_HL7("v2-0360"), "MD", "Doctor of Medicine");
    emit_close(emit, '}');
    emit_close(emit, ']');
    return output_end(output, err);
}

static void write_identifier(struct emit *emit, const char *identifier)
{
    const char *bar = strchr(identifier, '|');
    char system[64];

    snprintf(system, sizeof(system), "%.*s", (int)(bar - identifier), identifier);
    emit_begin(emit, "identifier", '[');
    emit_open(emit, '{');
    emit_member(emit, "system", system);
    emit_member(emit, "value", bar + 1);
    emit_close(emit, '}');
    emit_close(emit, ']');
}

const char *sample_given_name(struct sample_random *random, enum sample_group_key group,
                              enum sample_sex sex)
{
    const char *name = NULL;
    int seen = 0;

    for (size_t i = 0; i < sample_given_count; i++) {
        if (sample_givens[i].group == group && sample_givens[i].sex == sex &&
            sample_below(random, ++seen) == 0)
            name = sample_givens[i].name;
    }
    return name;
}

const char *sample_family_name(struct sample_random *random, enum sample_group_key group)
{
    const char *name = NULL;
    int seen = 0;

    for (size_t i = 0; i < sample_family_count; i++) {
        if (sample_families[i].group == group && sample_below(random, ++seen) == 0)
            name = sample_families[i].name;
    }
    return name;
}

enum sample_group_key sample_group_drawn(struct sample_random *random)
{
    int drawn = sample_below(random, 1000), group = 0;

    while (group < GROUP_COUNT - 1 && drawn >= sample_groups[group].weight)
        drawn -= sample_groups[group++].weight;
    return (enum sample_group_key)group;
}

const char *sample_postal_code(struct sample_random *random, enum sample_place_key place)
{
    const char *code = NULL;
    int seen = 0;

    for (size_t i = 0; i < sample_postal_count; i++) {
        if (sample_postals[i].place == place && sample_below(random, ++seen) == 0)
            code = sample_postals[i].code;
    }
    return code;
}

void sample_write_address(struct emit *emit, const char *use, int house, const char *street,
                          const char *postal, enum sample_place_key place, bool several)
{
    char number[16];

    snprintf(number, sizeof(number), "%d ", house);
    emit_begin(emit, "address", several ? '[' : '{');
    if (several)
        emit_open(emit, '{');
    if (use)
        emit_member(emit, "use", use);
    emit_begin(emit, "line", '[');
    emit_joined(emit, number, street, NULL, NULL);
    emit_close(emit, ']');
    emit_member(emit, "city", sample_places[place].city);
    emit_member(emit, "state", sample_places[place].state);
    emit_member(emit, "postalCode", postal);
    emit_member(emit, "country", "US");
    emit_close(emit, '}');
    if (several)
        emit_close(emit, ']');
}

/* 555-0100 to 555-0199 are kept free for fiction in every area. */
void sample_write_phone(struct emit *emit, const char *use, enum sample_place_key place, int line)
{
    char number[32];

    snprintf(number, sizeof(number), "+1-%03d-555-01%02d", sample_places[place].area, line % 100);
    emit_open(emit, '{');
    emit_member(emit, "system", "phone");
    emit_member(emit, "value", number);
    if (use)
        emit_member(emit, "use", use);
    emit_close(emit, '}');
}
