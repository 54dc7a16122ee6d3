#pragma once

/*
 * Tables - in which table the resources of a type live.
 *
 * Hot types have one of their own, all others share f_other; all have the
 * same columns (migrations/0001_tables.sql). SQL that exists once per table is
 * written with the list, so that it is constant:
 *
 *     #define ROW(id, name, ...) [id] = {"select ver from " name " where rkey = $1::int8"},
 *     static const struct pg_statement versions[] = {TABLES(ROW)};
 */

#include <stdbool.h>
#include <stdint.h>

/* id, name, resource type, and which of these columns have indexes:
 * patient, code, d, vq. */
#define TABLES(X)                                                                                  \
    X(TABLE_OTHER, "f_other", NULL, true, true, true, true)                                        \
    X(TABLE_PATIENT, "f_patient", "Patient", false, false, true, false)                            \
    X(TABLE_ENCOUNTER, "f_encounter", "Encounter", true, true, true, false)                        \
    X(TABLE_OBSERVATION, "f_observation", "Observation", true, true, true, true)                   \
    X(TABLE_CONDITION, "f_condition", "Condition", true, true, true, false)                        \
    X(TABLE_PROCEDURE, "f_procedure", "Procedure", true, true, true, false)                        \
    X(TABLE_MEDICATION_REQUEST, "f_medication_request", "MedicationRequest", true, true, true,     \
      false)                                                                                       \
    X(TABLE_DIAGNOSTIC_REPORT, "f_diagnostic_report", "DiagnosticReport", true, true, true, false) \
    X(TABLE_IMMUNIZATION, "f_immunization", "Immunization", true, true, true, false)               \
    X(TABLE_ALLERGY_INTOLERANCE, "f_allergy_intolerance", "AllergyIntolerance", true, true, true,  \
      false)                                                                                       \
    X(TABLE_CLAIM, "f_claim", "Claim", true, false, true, false)                                   \
    X(TABLE_EXPLANATION_OF_BENEFIT, "f_explanation_of_benefit", "ExplanationOfBenefit", true,      \
      false, true, false)                                                                          \
    X(TABLE_DOCUMENT_REFERENCE, "f_document_reference", "DocumentReference", true, true, true,     \
      false)                                                                                       \
    X(TABLE_CARE_PLAN, "f_care_plan", "CarePlan", true, true, true, false)                         \
    X(TABLE_CARE_TEAM, "f_care_team", "CareTeam", true, true, true, false)                         \
    X(TABLE_SERVICE_REQUEST, "f_service_request", "ServiceRequest", true, true, true, false)       \
    X(TABLE_PRACTITIONER, "f_practitioner", "Practitioner", false, false, false, false)            \
    X(TABLE_ORGANIZATION, "f_organization", "Organization", false, false, false, false)

enum table_id {
#define TABLE_ID(id, ...) id,
    TABLES(TABLE_ID)
#undef TABLE_ID
        TABLE_COUNT,
    TABLE_CONTAINED = TABLE_COUNT, /* not one of the list: see table_of_contained() */
    TABLE_ALL
};

struct type;

struct table {
    enum table_id id;
    const char *name;
    const char *words;         /* of the table of its resources' words */
    const char *type;          /* NULL: shared */
    bool shared;               /* statements must also say `rtype = ` */
    bool patient, code, d, vq; /* has indexes on these columns */
};

/* The table of a concrete resource type. */
const struct table *table_of(const struct type *type);

const struct table *table_at(enum table_id id);

/* Where what resources contain is indexed, of all types (migrations/0009_contained.sql). */
const struct table *table_of_contained(void);

/* The name of the type with this number (column `rtype`). */
const char *table_type_name(int16_t rtype);
