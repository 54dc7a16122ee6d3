/*
 * Procedures - what a condition calls for, and screening that is due.
 */

#include "server/sample_chart.h"
#include "server/sample_systems.h"

static bool write_for_conditions(struct chart *chart, struct err *err);
static bool is_screening_due(const struct chart *chart, size_t screening);
static bool write_procedure(struct chart *chart, int procedure, const char *reason,
                            struct err *err);

bool chart_write_procedures(struct chart *chart, struct err *err)
{
    if (!write_for_conditions(chart, err))
        return false;
    for (size_t i = 0; i < sample_screening_count; i++) {
        if (!is_screening_due(chart, i) ||
            !sample_chance(&chart->person.random, sample_screenings[i].chance))
            continue;
        chart->life.screened[i] = chart->day;
        if (!write_procedure(chart, sample_screenings[i].procedure, NULL, err))
            return false;
    }
    return true;
}

/* For an acute condition at its visit, for a chronic one when it is recorded. */
static bool write_for_conditions(struct chart *chart, struct err *err)
{
    for (int i = 0; i < CONDITION_COUNT; i++) {
        const struct sample_condition *condition = &sample_conditions[i];
        bool acute = (int)chart->visit->condition == i;

        if (condition->procedure == PROCEDURE_NONE ||
            !(acute || chart->life.chronic[i].recorded == chart->visit))
            continue;
        if (sample_chance(&chart->person.random, condition->procedure_chance) &&
            !write_procedure(chart, condition->procedure,
                             acute ? chart->acute : chart->life.chronic[i].id, err))
            return false;
    }
    return true;
}

static bool is_screening_due(const struct chart *chart, size_t screening)
{
    const struct sample_screening *row = &sample_screenings[screening];
    int age = person_age(&chart->person, chart->day);
    int last = chart->life.screened[screening];

    if (row->risk == RISK_SMOKING && chart->person.smoking != SMOKING_CURRENT)
        return false;
    return chart->visit->kind == VISIT_WELLNESS &&
           (row->sex == SEX_NONE || row->sex == chart->person.sex) && age >= row->from_age &&
           age <= row->to_age && (last == LIFE_NEVER || chart->day - last >= row->months * 30 - 20);
}

static bool write_procedure(struct chart *chart, int procedure, const char *reason, struct err *err)
{
    const struct sample_procedure *row = &sample_procedures[procedure];
    int64_t start = chart->visit->start + 4, end = start + row->minutes;
    int64_t visit_end = chart->visit->start + chart->visit->minutes;
    char id[UUID_SIZE];
    struct emit *emit;

    sample_uuid(&chart->person.random, id);
    emit = output_begin(chart->output, TYPE_PROCEDURE, id, NULL);
    emit_member(emit, "status", "completed");
    emit_concept(emit, "code", SYSTEM_URL_SNOMED, row->code, row->display);
    chart_add_subject(chart, "subject");
    chart_add_encounter(chart);
    emit_begin(emit, "performedPeriod", '{');
    chart_add_time(chart, "start", start);
    chart_add_time(chart, "end", end < visit_end ? end : visit_end);
    emit_close(emit, '}');
    emit_begin(emit, "performer", '[');
    emit_open(emit, '{');
    chart_add_practitioner(chart, "actor");
    emit_close(emit, '}');
    emit_close(emit, ']');
    output_refer_shared(chart->output, "location", TYPE_LOCATION, chart->facility->location_id,
                        chart->facility->location_identifier, chart->facility->name);
    if (reason) {
        emit_begin(emit, "reasonReference", '[');
        output_refer(chart->output, NULL, TYPE_CONDITION, reason);
        emit_close(emit, ']');
    }
    return output_end(chart->output, err);
}
