#pragma once

/*
 * Life - what happens to a sample person, planned before anything is written:
 * which chronic conditions from when, and which visits in the years of which
 * there are records.
 */

#include "server/sample_person.h"

#define LIFE_VISITS_MAX 256
#define LIFE_NEVER      INT32_MIN

enum visit_kind { VISIT_WELLNESS, VISIT_FOLLOW_UP, VISIT_ACUTE, VISIT_LAST };

struct visit {
    int64_t start; /* minutes of local time since 1970 */
    int minutes;
    enum visit_kind kind;
    enum sample_setting setting;
    enum sample_condition_key condition; /* what an acute visit is about */
};

struct chronic {
    int onset;                    /* LIFE_NEVER when the person is spared */
    const struct visit *recorded; /* the visit that wrote it down, NULL before */
    char id[UUID_SIZE];
};

struct life {
    int from; /* the first day of the records */
    struct chronic chronic[CONDITION_COUNT];
    struct visit visits[LIFE_VISITS_MAX];
    int visit_count;
    /* When something was done last, so that it is not done again too soon. */
    int ordered[SAMPLE_TREATMENTS_MAX];
    int drawn[PANEL_COUNT];
    int screened[SAMPLE_SCREENINGS_MAX];
    struct {
        int day, doses; /* the last one and how many */
    } vaccines[VACCINE_COUNT];
    bool vaccinated[SAMPLE_SCHEDULES_MAX]; /* rows of the schedule that are done with */
    int influenza_season;
};

/* The visits are in order and do not overlap; the last of a person who died ends at death. */
void life_plan(struct life *life, struct person *person);

/* Whether the person has a chronic condition on that day. */
bool life_has(const struct life *life, int condition, int day);
