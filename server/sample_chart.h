#pragma once

/*
 * Chart - a sample person's records while they are being written. Each
 * function writes what one visit brings of one kind of record; they are called in the
 * order of the visits, because what was done before decides what is due.
 */

#include "server/sample_life.h"

struct chart {
    struct output *output;
    const struct clinic *clinic;
    struct person person;
    struct life life;

    /* The visit being written. */
    const struct visit *visit;
    int day;
    char encounter[UUID_SIZE];
    char acute[UUID_SIZE]; /* of the acute condition, if the visit is about one */
    const struct facility *facility;
    const struct practitioner *practitioner;
};

/* Everything about one patient, as one Bundle or into the files of its types. */
bool chart_write(struct chart *chart, uint64_t seed, unsigned number, struct err *err);

/* What was found before, and what is due, at this visit. */
bool chart_write_conditions(struct chart *chart, struct err *err); /* sample_condition.c */
bool chart_write_vitals(struct chart *chart, struct err *err);     /* sample_vitals.c */
bool chart_write_labs(struct chart *chart, struct err *err);       /* sample_lab.c */
bool chart_write_orders(struct chart *chart, struct err *err);     /* sample_order.c */
bool chart_write_procedures(struct chart *chart, struct err *err); /* sample_procedure.c */
bool chart_write_vaccines(struct chart *chart, struct err *err);   /* sample_vaccine.c */

/* Vaccinations from before the first visit on record. */
bool chart_write_earlier_vaccines(struct chart *chart, struct err *err); /* sample_vaccine.c */

/* Members that most records have. */
void chart_add_subject(struct chart *chart, const char *key);
void chart_add_encounter(struct chart *chart);
void chart_add_practitioner(struct chart *chart, const char *key);
void chart_add_time(struct chart *chart, const char *key, int64_t minutes);

/* Starts an Observation up to its category; `profile` may be NULL. In sample_vitals.c. */
struct emit *chart_begin_observation(struct chart *chart, const char *id, const char *category,
                                     const char *display, const char *profile);
