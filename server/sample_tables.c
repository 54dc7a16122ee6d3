/*
 * Tables of sample data, compiled in.
 */

#include "server/sample_tables.h"

#include "base/count.h"
#include "base/err.h"

const struct sample_group sample_groups[] = {
#include "server/sample_group.inc"
};

const struct sample_place sample_places[] = {
#include "server/sample_place.inc"
};

const struct sample_condition sample_conditions[] = {
#include "server/sample_condition.inc"
};

const struct sample_procedure sample_procedures[] = {
#include "server/sample_procedure.inc"
};

const struct sample_medication sample_medications[] = {
#include "server/sample_medication.inc"
};

const struct sample_allergy sample_allergies[] = {
#include "server/sample_allergy.inc"
};

const struct sample_vaccine sample_vaccines[] = {
#include "server/sample_vaccine.inc"
};

const struct sample_lab sample_labs[] = {
#include "server/sample_lab.inc"
};

const struct sample_panel sample_panels[] = {
#include "server/sample_panel.inc"
};

const struct sample_given sample_givens[] = {
#include "server/sample_given.inc"
};

const struct sample_family sample_families[] = {
#include "server/sample_family.inc"
};

const struct sample_postal sample_postals[] = {
#include "server/sample_postal.inc"
};

const struct sample_street sample_streets[] = {
#include "server/sample_street.inc"
};

const struct sample_screening sample_screenings[] = {
#include "server/sample_screening.inc"
};

const struct sample_treatment sample_treatments[] = {
#include "server/sample_treatment.inc"
};

const struct sample_schedule sample_schedules[] = {
#include "server/sample_schedule.inc"
};

const struct sample_panel_lab sample_panel_labs[] = {
#include "server/sample_panel_lab.inc"
};

const struct sample_monitor sample_monitors[] = {
#include "server/sample_monitor.inc"
};

const struct sample_shift sample_shifts[] = {
#include "server/sample_shift.inc"
};

const struct sample_growth sample_growths[] = {
#include "server/sample_growth.inc"
};

const size_t sample_given_count = COUNT(sample_givens);
const size_t sample_family_count = COUNT(sample_families);
const size_t sample_postal_count = COUNT(sample_postals);
const size_t sample_street_count = COUNT(sample_streets);
const size_t sample_screening_count = COUNT(sample_screenings);
const size_t sample_treatment_count = COUNT(sample_treatments);
const size_t sample_schedule_count = COUNT(sample_schedules);
const size_t sample_panel_lab_count = COUNT(sample_panel_labs);
const size_t sample_monitor_count = COUNT(sample_monitors);
const size_t sample_shift_count = COUNT(sample_shifts);
const size_t sample_growth_count = COUNT(sample_growths);

_Static_assert(COUNT(sample_screenings) <= SAMPLE_SCREENINGS_MAX, "raise SAMPLE_SCREENINGS_MAX");
_Static_assert(COUNT(sample_treatments) <= SAMPLE_TREATMENTS_MAX, "raise SAMPLE_TREATMENTS_MAX");
_Static_assert(COUNT(sample_monitors) <= SAMPLE_MONITORS_MAX, "raise SAMPLE_MONITORS_MAX");
_Static_assert(COUNT(sample_schedules) <= SAMPLE_SCHEDULES_MAX, "raise SAMPLE_SCHEDULES_MAX");
