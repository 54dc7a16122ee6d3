#pragma once

/*
 * Clinic - the organizations, places and practitioners that sample patients
 * share. The same for every seed, so that two sets of patients meet in the
 * same hospitals.
 */

#include "server/sample_output.h"
#include "server/sample_random.h"
#include "server/sample_tables.h"

enum facility_kind { FACILITY_HOSPITAL, FACILITY_PRACTICE, FACILITY_HEALTH_CENTER, FACILITY_LAB };

#define FACILITIES_A_PLACE    4
#define PRACTITIONERS_A_PLACE 12 /* four a facility, none in the laboratory */
#define FACILITY_COUNT        (PLACE_COUNT * FACILITIES_A_PLACE)
#define PRACTITIONER_COUNT    (PLACE_COUNT * PRACTITIONERS_A_PLACE)

struct facility {
    char id[UUID_SIZE];
    char location_id[UUID_SIZE];
    char identifier[64]; /* "system|value" */
    char location_identifier[64];
    char name[64];
    enum facility_kind kind;
    enum sample_place_key place;
    const char *street, *postal;
    int house, line; /* house number; the last digits of the telephone number */
};

struct practitioner {
    char id[UUID_SIZE];
    char identifier[64];
    char name[64]; /* "Dr. Anna Kowalski" */
    const char *given, *family;
    enum sample_sex sex;
    const struct facility *facility;
};

struct clinic {
    struct facility facilities[FACILITY_COUNT];
    struct practitioner practitioners[PRACTITIONER_COUNT];
};

void clinic_init(struct clinic *clinic);

const struct facility *clinic_facility(const struct clinic *clinic, enum sample_place_key place,
                                       enum facility_kind kind);

/* Anyone of the facility, which is no laboratory. */
const struct practitioner *clinic_practitioner(const struct clinic *clinic,
                                               const struct facility *facility, int which);

/* Writes all of it, as one Bundle or into the files of its types. */
bool clinic_write(const struct clinic *clinic, struct output *output, struct err *err);

/* A name as people of the group have it. */
const char *sample_given_name(struct sample_random *random, enum sample_group_key group,
                              enum sample_sex sex);
const char *sample_family_name(struct sample_random *random, enum sample_group_key group);
enum sample_group_key sample_group_drawn(struct sample_random *random);
const char *sample_postal_code(struct sample_random *random, enum sample_place_key place);

/* "address": [{..}] and "telecom": [{..}] of somebody or something in a place. */
void sample_write_address(struct emit *emit, const char *use, int house, const char *street,
                          const char *postal, enum sample_place_key place, bool several);
void sample_write_phone(struct emit *emit, const char *use, enum sample_place_key place, int line);
