/*
 * Conditions - the acute one a visit is about, and chronic ones it is the first to record.
 */

#include "server/sample_chart.h"
#include "server/sample_systems.h"

static bool write_chronic(struct chart *chart, int condition, struct err *err);
static bool write_acute(struct chart *chart, struct err *err);
static void write_head(struct chart *chart, const struct sample_condition *condition,
                       const char *category, const char *category_display, bool resolved);
static bool write_tail(struct chart *chart, struct err *err);

bool chart_write_conditions(struct chart *chart, struct err *err)
{
    for (int i = 0; i < CONDITION_COUNT; i++) {
        if (life_has(&chart->life, i, chart->day) && !chart->life.chronic[i].recorded &&
            !write_chronic(chart, i, err))
            return false;
    }
    return chart->visit->condition == CONDITION_NONE || write_acute(chart, err);
}

static bool write_chronic(struct chart *chart, int condition, struct err *err)
{
    struct chronic *chronic = &chart->life.chronic[condition];
    struct emit *emit = output_begin(chart->output, TYPE_CONDITION, chronic->id, NULL);

    chronic->recorded = chart->visit;
    write_head(chart, &sample_conditions[condition], "problem-list-item", "Problem List Item",
               false);
    emit_date(emit, "onsetDateTime", chronic->onset);
    return write_tail(chart, err);
}

/* Over when its days are over, unless that is beyond what we know (R4 con-4: what has
 * abated is not active). */
static bool write_acute(struct chart *chart, struct err *err)
{
    const struct sample_condition *condition = &sample_conditions[chart->visit->condition];
    struct sample_random *random = &chart->person.random;
    struct emit *emit = output_begin(chart->output, TYPE_CONDITION, chart->acute, NULL);
    int onset =
        chart->day - (chart->visit->setting == SETTING_AMBULATORY ? sample_below(random, 4) : 0);
    int stay = chart->visit->minutes / 1440 + 1;
    int end = chart->day + stay + sample_between(random, condition->days_min, condition->days_max);
    bool over = end < chart->person.end;

    write_head(chart, condition, "encounter-diagnosis", "Encounter Diagnosis", over);
    emit_date(emit, "onsetDateTime", onset);
    if (over)
        emit_date(emit, "abatementDateTime", end);
    return write_tail(chart, err);
}

static void write_head(struct chart *chart, const struct sample_condition *condition,
                       const char *category, const char *category_display, bool resolved)
{
    struct emit *emit = &chart->output->emit;

    emit_concept(emit, "clinicalStatus", SYSTEM_HL7("condition-clinical"),
                 resolved ? "resolved" : "active", NULL);
    emit_concept(emit, "verificationStatus", SYSTEM_HL7("condition-ver-status"), "confirmed", NULL);
    emit_concepts(emit, "category", SYSTEM_HL7("condition-category"), category, category_display);
    emit_concept(emit, "code", SYSTEM_URL_SNOMED, condition->code, condition->display);
    chart_add_subject(chart, "subject");
    chart_add_encounter(chart);
}

static bool write_tail(struct chart *chart, struct err *err)
{
    chart_add_time(chart, "recordedDate", chart->visit->start);
    chart_add_practitioner(chart, "recorder");
    return output_end(chart->output, err);
}
