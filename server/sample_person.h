#pragma once

/*
 * Person - who a sample patient is: name, home, body, habits, and how long
 * they live. Days are counted from 1970-01-01.
 */

#include "server/sample_clinic.h"

#define REFERENCE_DAY 20454 /* 2026-01-01: nothing in sample data is later */

enum smoking { SMOKING_NEVER, SMOKING_FORMER, SMOKING_CURRENT };
enum marriage { MARRIAGE_SINGLE, MARRIAGE_MARRIED, MARRIAGE_DIVORCED, MARRIAGE_WIDOWED };

/* What sample_stable() is asked about. */
enum about {
    ABOUT_ONSET = 1,
    ABOUT_ONSET_DAY,
    ABOUT_TREATMENT,
    ABOUT_LAB,
    ABOUT_VACCINE,
    ABOUT_SCREENING,
    ABOUT_MONITOR,
    ABOUT_BODY,
    ABOUT_DIET,
};

struct person {
    uint64_t seed, key; /* the key is this person's own */
    unsigned number;
    struct sample_random random;
    char id[UUID_SIZE];
    enum sample_sex sex;
    enum sample_group_key group;
    const char *given, *middle, *family, *maiden; /* maiden may be NULL */
    bool own_language;
    enum marriage marriage;
    enum smoking smoking;
    enum sample_place_key place;
    int house;
    const char *street, *postal;
    int birth;
    int end; /* the day of death, or REFERENCE_DAY */
    bool died;
    int death_minute; /* of that day */
    int height_z, bmi_z;
    bool allergic[ALLERGY_COUNT];
    const struct facility *practice, *hospital, *laboratory;
    const struct practitioner *doctor;
};

void person_init(struct person *person, const struct clinic *clinic, uint64_t seed,
                 unsigned number);

int person_age(const struct person *person, int day);    /* in years */
int person_months(const struct person *person, int day); /* in months */

/* What a body measures at an age. */
struct body {
    int height_mm;
    int weight; /* tenths of a kilogram */
    int bmi;    /* tenths, computed from the two */
    int head_mm;
};

struct body person_body(const struct person *person, int day);

bool person_is_allergic_to(const struct person *person, enum sample_drug family);

/* Patient, and one AllergyIntolerance for each of the allergies. */
bool person_write(const struct person *person, struct output *output, struct err *err);
bool person_write_allergies(struct person *person, struct output *output, struct err *err);
