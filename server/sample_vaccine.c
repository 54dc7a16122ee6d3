/*
 * Vaccinations - Immunization by the schedule, and influenza every autumn.
 */

#include "server/sample_chart.h"
#include "server/sample_systems.h"

#include "base/clock.h"

#define DAYS_BETWEEN_DOSES 28
#define YEARS_REMEMBERED   15 /* what was given longer ago, nobody wrote down */

static int due_day(const struct chart *chart, const struct sample_schedule *row);
static bool is_given(const struct chart *chart, size_t row);
static bool is_next(const struct chart *chart, const struct sample_schedule *row, int day);
static void remember(struct chart *chart, size_t row, int day);
static bool write_influenza(struct chart *chart, struct err *err);
static bool write_vaccine(struct chart *chart, int vaccine, int dose, int day, bool here,
                          struct err *err);
static void add_site(struct chart *chart, const struct sample_vaccine *vaccine);

bool chart_write_earlier_vaccines(struct chart *chart, struct err *err)
{
    struct life *life = &chart->life;

    for (int i = 0; i < VACCINE_COUNT; i++)
        life->vaccines[i].day = LIFE_NEVER;
    for (size_t i = 0; i < sample_schedule_count; i++) {
        const struct sample_schedule *row = &sample_schedules[i];
        int day = due_day(chart, row);

        if (day == LIFE_NEVER || !is_given(chart, i))
            life->vaccinated[i] = true;
        if (life->vaccines[row->vaccine].day != LIFE_NEVER &&
            day < life->vaccines[row->vaccine].day + DAYS_BETWEEN_DOSES)
            day = life->vaccines[row->vaccine].day + DAYS_BETWEEN_DOSES;
        if (life->vaccinated[i] || day >= life->from || !is_next(chart, row, day))
            continue;
        remember(chart, i, day);
        if (day >= life->from - YEARS_REMEMBERED * 365 &&
            !write_vaccine(chart, row->vaccine, row->dose, day, false, err))
            return false;
    }
    return true;
}

/* LIFE_NEVER when the vaccine came too late for this person. */
static int due_day(const struct chart *chart, const struct sample_schedule *row)
{
    const struct person *person = &chart->person;
    int day = person->birth + row->month * 1461 / 48 + 3;
    int since = (int)clock_days(row->since / 100, row->since % 100, 1);

    day += sample_stable(person->key, ABOUT_VACCINE, row->month, 20);
    if (day < since)
        day = since + sample_stable(person->key, ABOUT_VACCINE, row->month, 60);
    if (person_months(person, day) > row->until_month || day >= person->end)
        return LIFE_NEVER;
    return day;
}

static bool is_given(const struct chart *chart, size_t row)
{
    return sample_stable(chart->person.key, ABOUT_VACCINE, 10000 + (int)row, 1000) <
           sample_schedules[row].chance;
}

/* The dose after the last one, and not too soon after it. */
static bool is_next(const struct chart *chart, const struct sample_schedule *row, int day)
{
    int last = chart->life.vaccines[row->vaccine].day;

    return (row->dose == 0 || chart->life.vaccines[row->vaccine].doses == row->dose - 1) &&
           (last == LIFE_NEVER || day - last >= DAYS_BETWEEN_DOSES);
}

static void remember(struct chart *chart, size_t row, int day)
{
    int vaccine = sample_schedules[row].vaccine;

    chart->life.vaccinated[row] = true;
    chart->life.vaccines[vaccine].day = day;
    chart->life.vaccines[vaccine].doses++;
}

bool chart_write_vaccines(struct chart *chart, struct err *err)
{
    if (chart->visit->kind != VISIT_WELLNESS && chart->visit->kind != VISIT_FOLLOW_UP)
        return true;
    for (size_t i = 0; i < sample_schedule_count; i++) {
        const struct sample_schedule *row = &sample_schedules[i];

        if (chart->life.vaccinated[i] || due_day(chart, row) > chart->day ||
            !is_next(chart, row, chart->day))
            continue;
        remember(chart, i, chart->day);
        if (!write_vaccine(chart, row->vaccine, row->dose, chart->day, true, err))
            return false;
    }
    return write_influenza(chart, err);
}

static bool write_influenza(struct chart *chart, struct err *err)
{
    int year, month, date, vaccine;

    clock_civil(chart->day, &year, &month, &date);
    if (month == 1)
        year--;
    if ((month > 1 && month < 9) || chart->life.influenza_season == year ||
        person_months(&chart->person, chart->day) < 6 || !sample_chance(&chart->person.random, 550))
        return true;
    chart->life.influenza_season = year;
    vaccine =
        person_age(&chart->person, chart->day) < 65 ? VACCINE_INFLUENZA : VACCINE_INFLUENZA_HIGH;
    return write_vaccine(chart, vaccine, 0, chart->day, true, err);
}

/* `here` at this visit; else remembered, with nothing but the date. */
static bool write_vaccine(struct chart *chart, int vaccine, int dose, int day, bool here,
                          struct err *err)
{
    const struct sample_vaccine *row = &sample_vaccines[vaccine];
    char id[UUID_SIZE];
    struct emit *emit;

    sample_uuid(&chart->person.random, id);
    emit = output_begin(chart->output, TYPE_IMMUNIZATION, id, NULL);
    emit_member(emit, "status", "completed");
    emit_concept(emit, "vaccineCode", SYSTEM_URL_CVX, row->code, row->display);
    chart_add_subject(chart, "patient");
    if (here) {
        chart_add_encounter(chart);
        chart_add_time(chart, "occurrenceDateTime", chart->visit->start + 8);
    } else {
        emit_date(emit, "occurrenceDateTime", day);
    }
    emit_bool(emit, "primarySource", here);
    if (here)
        add_site(chart, row);
    if (dose > 0) {
        emit_begin(emit, "protocolApplied", '[');
        emit_open(emit, '{');
        emit_count(emit, "doseNumberPositiveInt", dose);
        emit_close(emit, '}');
        emit_close(emit, ']');
    }
    return output_end(chart->output, err);
}

static void add_site(struct chart *chart, const struct sample_vaccine *vaccine)
{
    struct emit *emit = &chart->output->emit;
    bool left = sample_chance(&chart->person.random, 600);
    char lot[16];

    output_refer_shared(chart->output, "location", TYPE_LOCATION, chart->facility->location_id,
                        chart->facility->location_identifier, chart->facility->name);
    snprintf(lot, sizeof(lot), "L%06d", sample_below(&chart->person.random, 1000000));
    emit_member(emit, "lotNumber", lot);
    if (vaccine->route == ROUTE_ORAL) {
        emit_concept(emit, "route", SYSTEM_HL7("v3-RouteOfAdministration"), "PO", "Swallow, oral");
    } else {
        emit_concept(emit, "site", SYSTEM_HL7("v3-ActSite"), left ? "LA" : "RA",
                     left ? "left arm" : "right arm");
        emit_concept(emit, "route", SYSTEM_HL7("v3-RouteOfAdministration"),
                     vaccine->route == ROUTE_SUBCUTANEOUS ? "SQ" : "IM",
                     vaccine->route == ROUTE_SUBCUTANEOUS ? "Injection, subcutaneous"
                                                          : "Injection, intramuscular");
    }
    emit_begin(emit, "doseQuantity", '{');
    emit_key(emit, "value");
    emit_raw(emit, vaccine->dose);
    emit_member(emit, "unit", "mL");
    emit_member(emit, "system", SYSTEM_URL_UCUM);
    emit_member(emit, "code", "mL");
    emit_close(emit, '}');
    emit_begin(emit, "performer", '[');
    emit_open(emit, '{');
    chart_add_practitioner(chart, "actor");
    emit_close(emit, '}');
    emit_close(emit, ']');
}
