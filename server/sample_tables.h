#pragma once

/*
 * Tables of sample data - what patients have, get and are called. The facts
 * are in schemas/sample/, one a line; schemas/sample/sample_tables.py turns
 * them into these rows. Rates are per mille: how many have a chronic
 * condition at an age, how often a year an acute one strikes.
 */

#include <stddef.h>
#include <stdint.h>

#define SAMPLE_ABSENT INT32_MIN

enum sample_sex { SEX_NONE, SEX_MALE, SEX_FEMALE };
enum sample_course { COURSE_ACUTE, COURSE_CHRONIC };
enum sample_risk { RISK_NONE, RISK_WEIGHT, RISK_SMOKING };
enum sample_setting { SETTING_AMBULATORY, SETTING_EMERGENCY, SETTING_INPATIENT, SETTING_COUNT };
enum sample_system { SYSTEM_SNOMED, SYSTEM_RXNORM };
enum sample_drug { DRUG_NONE, DRUG_PENICILLIN, DRUG_NSAID, DRUG_SALICYLATE, DRUG_OPIOID };
enum sample_route {
    ROUTE_ORAL,
    ROUTE_INHALED,
    ROUTE_TOPICAL,
    ROUTE_SUBCUTANEOUS,
    ROUTE_INTRAMUSCULAR,
    ROUTE_COUNT
};

/* How a laboratory value comes about: drawn around a mean, or computed from its neighbours. */
enum sample_kind {
    KIND_DRAWN,
    KIND_CODED, /* present or absent; `mean` is how many per mille are present */
    KIND_GLUCOSE,
    KIND_FILTRATION,
    KIND_GLOBULIN,
    KIND_LDL,
    KIND_HEMATOCRIT,
    KIND_HEMOGLOBIN,
    KIND_MCH,
};

enum sample_group_key {
#include "server/sample_group_keys.inc"
    GROUP_COUNT
};
enum sample_place_key {
#include "server/sample_place_keys.inc"
    PLACE_COUNT
};
enum sample_condition_key {
    CONDITION_NONE = -1,
#include "server/sample_condition_keys.inc"
    CONDITION_COUNT
};
enum sample_procedure_key {
    PROCEDURE_NONE = -1,
#include "server/sample_procedure_keys.inc"
    PROCEDURE_COUNT
};
enum sample_medication_key {
    MEDICATION_NONE = -1,
#include "server/sample_medication_keys.inc"
    MEDICATION_COUNT
};
enum sample_allergy_key {
#include "server/sample_allergy_keys.inc"
    ALLERGY_COUNT
};
enum sample_vaccine_key {
#include "server/sample_vaccine_keys.inc"
    VACCINE_COUNT
};
enum sample_panel_key {
#include "server/sample_panel_keys.inc"
    PANEL_COUNT
};
enum sample_lab_key {
#include "server/sample_lab_keys.inc"
    LAB_COUNT
};

struct sample_group {
    const char *language, *language_display;
    int weight;
    int speaks; /* per mille whose own language this is */
};

struct sample_given {
    enum sample_group_key group;
    enum sample_sex sex;
    const char *name;
};

struct sample_family {
    enum sample_group_key group;
    const char *name;
};

struct sample_place {
    const char *city, *state;
    int area;   /* of telephone numbers */
    int offset; /* standard time, minutes from UTC */
    int weight;
};

struct sample_postal {
    enum sample_place_key place;
    const char *code;
};

struct sample_street {
    const char *name;
};

struct sample_condition {
    const char *code, *display;
    enum sample_course course;
    enum sample_sex sex;
    enum sample_risk risk;
    enum sample_condition_key parent; /* only who has this can get it */
    enum sample_condition_key unless; /* ... and not who has this */
    int since;                        /* the first year it occurs */
    int at5, at20, at40, at60, at80;
    int days_min, days_max;
    enum sample_setting setting;
    int fever; /* tenths of a degree above normal */
    enum sample_procedure_key procedure;
    int procedure_chance;
};

struct sample_procedure {
    const char *code, *display;
    int minutes;
};

/* What is checked at wellness visits, and how often. */
struct sample_screening {
    enum sample_procedure_key procedure;
    enum sample_sex sex;
    enum sample_risk risk;
    int from_age, to_age, months, chance;
};

struct sample_medication {
    const char *code, *display;
    enum sample_drug family; /* who is allergic to it gets `instead` */
    enum sample_medication_key instead;
    const char *dose, *unit;
    int frequency, period; /* times in so many days */
    int prn;
    enum sample_route route;
    int dispense;
    const char *instruction;
};

/* Rows of the same condition and line exclude each other: one number is drawn
 * for the line, and the row applies whose [from, below) it falls into. */
struct sample_treatment {
    enum sample_condition_key condition;
    enum sample_medication_key medication;
    int line, from, below, from_age;
    int days; /* 0 is for good */
};

struct sample_allergy {
    const char *code;
    enum sample_system system;
    const char *display, *category, *criticality;
    enum sample_drug family;
    int chance;
    const char *reaction_code, *reaction, *severity;
};

struct sample_vaccine {
    const char *code, *display;
    enum sample_route route;
    const char *dose; /* millilitres */
};

struct sample_schedule {
    enum sample_vaccine_key vaccine;
    enum sample_sex sex;
    int month, until_month; /* of age */
    int since;              /* year and month it came into use: 200603 */
    int dose, chance;
};

struct sample_lab {
    const char *code, *display, *unit, *ucum;
    enum sample_kind kind;
    int decimals;
    int mean, mean_female, sd; /* in units of the last digit, as are the limits */
    int low, high, low_female, high_female;
};

struct sample_panel {
    const char *code, *display;
    int report; /* whether it makes a DiagnosticReport */
};

struct sample_panel_lab {
    enum sample_panel_key panel;
    enum sample_lab_key lab;
};

/* When panels are drawn; without a condition, at wellness visits. */
struct sample_monitor {
    enum sample_condition_key condition;
    enum sample_panel_key panel;
    enum sample_sex sex;
    int from_age, months, chance;
};

/* How a condition moves a value. */
struct sample_shift {
    enum sample_condition_key condition;
    enum sample_lab_key lab;
    int delta;
};

struct sample_growth {
    int months, male_mm, female_mm;
    int bmi, bmi_spread; /* tenths; one standard deviation, per mille */
    int head_male_mm, head_female_mm;
};

extern const struct sample_group sample_groups[];
extern const struct sample_place sample_places[];
extern const struct sample_condition sample_conditions[];
extern const struct sample_procedure sample_procedures[];
extern const struct sample_medication sample_medications[];
extern const struct sample_allergy sample_allergies[];
extern const struct sample_vaccine sample_vaccines[];
extern const struct sample_lab sample_labs[];
extern const struct sample_panel sample_panels[];

/* Without keys: these say how long they are. */
extern const struct sample_given sample_givens[];
extern const size_t sample_given_count;
extern const struct sample_family sample_families[];
extern const size_t sample_family_count;
extern const struct sample_postal sample_postals[];
extern const size_t sample_postal_count;
extern const struct sample_street sample_streets[];
extern const size_t sample_street_count;
extern const struct sample_screening sample_screenings[];
extern const size_t sample_screening_count;
extern const struct sample_treatment sample_treatments[];
extern const size_t sample_treatment_count;
extern const struct sample_schedule sample_schedules[];
extern const size_t sample_schedule_count;
extern const struct sample_panel_lab sample_panel_labs[];
extern const size_t sample_panel_lab_count;
extern const struct sample_monitor sample_monitors[];
extern const size_t sample_monitor_count;
extern const struct sample_shift sample_shifts[];
extern const size_t sample_shift_count;
extern const struct sample_growth sample_growths[];
extern const size_t sample_growth_count;

/* More rows than these would need a larger `struct life`. */
#define SAMPLE_SCREENINGS_MAX 16
#define SAMPLE_TREATMENTS_MAX 80
#define SAMPLE_MONITORS_MAX   64
#define SAMPLE_SCHEDULES_MAX  64
