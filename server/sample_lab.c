/*
 * Laboratory - which panels are due, the values in them, and the reports.
 *
 * Values that depend on each other are computed from each other, so that a
 * reader who does the sums finds them right.
 */

#include "server/sample_chart.h"
#include "server/sample_systems.h"

#define UNKNOWN INT32_MIN
#define LEVELS  3

/* The values of one visit, in units of their last digit. */
struct values {
    int of[LAB_COUNT];
};

static void find_due(struct chart *chart, bool due[PANEL_COUNT]);
static bool is_due(const struct chart *chart, const struct sample_monitor *monitor);
static bool applies(const struct chart *chart, const struct sample_monitor *monitor);
static void measure(struct chart *chart, struct values *values, int lab);
static int draw(struct chart *chart, int lab);
static int shift_of(const struct chart *chart, int lab);
static int draw_level(struct chart *chart, int lab);
static int glucose_at(int a1c);
static int ldl(struct values *values);
static int filtration(const struct chart *chart, int creatinine);
static bool write_panel(struct chart *chart, int panel, const struct values *values, int64_t issued,
                        struct err *err);
static bool write_result(struct chart *chart, int lab, int value, const char *id, int64_t issued,
                         struct err *err);
static void add_quantity(struct chart *chart, const struct sample_lab *lab, int value);
static void add_limit(struct emit *emit, const char *key, const struct sample_lab *lab, int value);
static void add_level(struct emit *emit, int level);
static bool write_report(struct chart *chart, int panel, char ids[][UUID_SIZE], int count,
                         int64_t issued, struct err *err);
static void add_head(struct chart *chart, int64_t issued);

bool chart_write_labs(struct chart *chart, struct err *err)
{
    bool due[PANEL_COUNT] = {false};
    struct values values;
    int64_t issued = chart->visit->start + sample_between(&chart->person.random, 120, 1500);

    find_due(chart, due);
    for (int i = 0; i < LAB_COUNT; i++)
        values.of[i] = UNKNOWN;
    for (size_t i = 0; i < sample_panel_lab_count; i++) {
        if (due[sample_panel_labs[i].panel])
            measure(chart, &values, sample_panel_labs[i].lab);
    }
    for (int panel = 0; panel < PANEL_COUNT; panel++) {
        if (due[panel] && !write_panel(chart, panel, &values, issued, err))
            return false;
    }
    return true;
}

static void find_due(struct chart *chart, bool due[PANEL_COUNT])
{
    for (size_t i = 0; i < sample_monitor_count; i++) {
        const struct sample_monitor *monitor = &sample_monitors[i];

        if (is_due(chart, monitor) && sample_chance(&chart->person.random, monitor->chance))
            due[monitor->panel] = true;
    }
    for (int panel = 0; panel < PANEL_COUNT; panel++) {
        if (due[panel])
            chart->life.drawn[panel] = chart->day;
    }
    if (due[PANEL_COMPREHENSIVE]) { /* contains the other */
        due[PANEL_BASIC] = false;
        chart->life.drawn[PANEL_BASIC] = chart->day;
    }
}

static bool is_due(const struct chart *chart, const struct sample_monitor *monitor)
{
    int last = chart->life.drawn[monitor->panel];

    return applies(chart, monitor) &&
           (monitor->sex == SEX_NONE || monitor->sex == chart->person.sex) &&
           person_age(&chart->person, chart->day) >= monitor->from_age &&
           (last == LIFE_NEVER || chart->day - last >= monitor->months * 30 - 20);
}

static bool applies(const struct chart *chart, const struct sample_monitor *monitor)
{
    enum visit_kind kind = chart->visit->kind;

    if (monitor->condition == CONDITION_NONE)
        return kind == VISIT_WELLNESS;
    if (sample_conditions[monitor->condition].course == COURSE_ACUTE)
        return chart->visit->condition == monitor->condition;
    return (kind == VISIT_WELLNESS || kind == VISIT_FOLLOW_UP) &&
           life_has(&chart->life, monitor->condition, chart->day);
}

/* A value and what it is computed from. */
static void measure(struct chart *chart, struct values *values, int lab)
{
    static const int sources[LAB_COUNT][3] = {
        [LAB_GLUCOSE] = {LAB_A1C, -1},
        [LAB_EGFR] = {LAB_CREATININE, -1},
        [LAB_GLOBULIN] = {LAB_PROTEIN, LAB_ALBUMIN, -1},
        [LAB_LDL] = {LAB_CHOLESTEROL, LAB_TRIGLYCERIDES, LAB_HDL},
        [LAB_HEMATOCRIT] = {LAB_RBC, LAB_MCV, -1},
        [LAB_HEMOGLOBIN] = {LAB_HEMATOCRIT, LAB_MCHC, -1},
        [LAB_MCH] = {LAB_HEMOGLOBIN, LAB_RBC, -1},
    };
    enum sample_kind kind = sample_labs[lab].kind;
    int *of = values->of;

    if (of[lab] != UNKNOWN)
        return;
    for (int i = 0; i < 3 && kind != KIND_DRAWN && kind != KIND_CODED && sources[lab][i] >= 0; i++)
        measure(chart, values, sources[lab][i]);
    switch (kind) {
    case KIND_DRAWN:
        of[lab] = draw(chart, lab);
        break;
    case KIND_CODED:
        of[lab] = draw_level(chart, lab);
        break;
    case KIND_GLUCOSE:
        of[lab] = glucose_at(of[LAB_A1C]) +
                  sample_normal(&chart->person.random) * sample_labs[lab].sd / 1000;
        break;
    case KIND_FILTRATION:
        of[lab] = filtration(chart, of[LAB_CREATININE]);
        break;
    case KIND_GLOBULIN:
        of[lab] = of[LAB_PROTEIN] - of[LAB_ALBUMIN];
        break;
    case KIND_LDL:
        of[lab] = ldl(values);
        break;
    case KIND_HEMATOCRIT:
        of[lab] = (of[LAB_RBC] * of[LAB_MCV] + 500) / 1000;
        break;
    case KIND_HEMOGLOBIN:
        of[lab] = (of[LAB_HEMATOCRIT] * of[LAB_MCHC] + 500) / 1000;
        break;
    case KIND_MCH:
        of[lab] = (of[LAB_HEMOGLOBIN] * 1000 + of[LAB_RBC] / 2) / of[LAB_RBC];
        break;
    }
}

/* Mostly the person's own usual value, a little the day's. */
static int draw(struct chart *chart, int lab)
{
    const struct sample_lab *row = &sample_labs[lab];
    int z = (sample_stable_normal(chart->person.key, ABOUT_LAB, lab) * 8 +
             sample_normal(&chart->person.random) * 4) /
            10;
    int mean = chart->person.sex == SEX_FEMALE ? row->mean_female : row->mean;
    int value = mean + shift_of(chart, lab) + row->sd * z / 1000;

    return value < 1 ? 1 : value;
}

static int shift_of(const struct chart *chart, int lab)
{
    int shift = 0;

    for (size_t i = 0; i < sample_shift_count; i++) {
        const struct sample_shift *row = &sample_shifts[i];

        if ((int)row->lab == lab && (chart->visit->condition == row->condition ||
                                     life_has(&chart->life, row->condition, chart->day)))
            shift += row->delta;
    }
    return shift;
}

/* 0 is absent, then one to three plus. */
static int draw_level(struct chart *chart, int lab)
{
    struct sample_random *random = &chart->person.random;
    const struct sample_lab *row = &sample_labs[lab];
    int mean = chart->person.sex == SEX_FEMALE ? row->mean_female : row->mean;

    if (!sample_chance(random, mean + shift_of(chart, lab)))
        return 0;
    return sample_between(random, 1, LEVELS);
}

/* The average that the HbA1c tells (28.7 A1c - 46.7, Nathan 2008), less what meals add. */
static int glucose_at(int a1c)
{
    return (a1c * 287 - 4670) / 100 - 17;
}

/* Friedewald. Values drawn apart could leave nothing for LDL: then the total is higher. */
static int ldl(struct values *values)
{
    int *of = values->of;
    int others = of[LAB_HDL] + (of[LAB_TRIGLYCERIDES] + 2) / 5;

    if (of[LAB_CHOLESTEROL] < others + 40)
        of[LAB_CHOLESTEROL] = others + 40;
    return of[LAB_CHOLESTEROL] - others;
}

/* MDRD: 175 x creatinine^-1.154 x age^-0.203, x 0.742 for women. */
static int filtration(const struct chart *chart, int creatinine)
{
    int age = person_age(&chart->person, chart->day);
    int64_t value = sample_power(((int64_t)creatinine << 16) / 100, -1154);

    value = value * sample_power((int64_t)(age > 0 ? age : 1) << 16, -203) >> 16;
    value *= chart->person.sex == SEX_FEMALE ? 175 * 742 : 175 * 1000;
    return (int)((value + (INT64_C(500) << 16)) / (INT64_C(1000) << 16));
}

static bool write_panel(struct chart *chart, int panel, const struct values *values, int64_t issued,
                        struct err *err)
{
    char ids[LAB_COUNT][UUID_SIZE];
    int count = 0;

    for (size_t i = 0; i < sample_panel_lab_count; i++) {
        int lab = sample_panel_labs[i].lab;

        if ((int)sample_panel_labs[i].panel != panel)
            continue;
        if (sample_labs[lab].kind == KIND_FILTRATION && person_age(&chart->person, chart->day) < 18)
            continue; /* the equation is for adults */
        sample_uuid(&chart->person.random, ids[count]);
        if (!write_result(chart, lab, values->of[lab], ids[count++], issued, err))
            return false;
    }
    return !sample_panels[panel].report || write_report(chart, panel, ids, count, issued, err);
}

static bool write_result(struct chart *chart, int lab, int value, const char *id, int64_t issued,
                         struct err *err)
{
    const struct sample_lab *row = &sample_labs[lab];
    struct emit *emit = chart_begin_observation(chart, id, "laboratory", "Laboratory", NULL);

    emit_concept(emit, "code", SYSTEM_URL_LOINC, row->code, row->display);
    add_head(chart, issued);
    if (row->kind == KIND_CODED)
        add_level(emit, value);
    else
        add_quantity(chart, row, value);
    return output_end(chart->output, err);
}

static void add_quantity(struct chart *chart, const struct sample_lab *lab, int value)
{
    struct emit *emit = &chart->output->emit;
    bool female = chart->person.sex == SEX_FEMALE;
    int low = female ? lab->low_female : lab->low, high = female ? lab->high_female : lab->high;
    const char *code = "N", *display = "Normal";

    if (low != SAMPLE_ABSENT && value < low) {
        code = "L";
        display = "Low";
    } else if (high != SAMPLE_ABSENT && value > high) {
        code = "H";
        display = "High";
    }
    emit_quantity(emit, "valueQuantity", value, lab->decimals, lab->unit, lab->ucum);
    emit_concepts(emit, "interpretation", SYSTEM_HL7("v3-ObservationInterpretation"), code,
                  display);
    emit_begin(emit, "referenceRange", '[');
    emit_open(emit, '{');
    if (low != SAMPLE_ABSENT)
        add_limit(emit, "low", lab, low);
    if (high != SAMPLE_ABSENT)
        add_limit(emit, "high", lab, high);
    emit_close(emit, '}');
    emit_close(emit, ']');
}

static void add_limit(struct emit *emit, const char *key, const struct sample_lab *lab, int value)
{
    emit_quantity(emit, key, value, lab->decimals, lab->unit, lab->ucum);
}

static void add_level(struct emit *emit, int level)
{
    static const struct {
        const char *code, *display;
    } levels[LEVELS + 1] = {
        {"2667000", "Absent"},
        {"441614007", "Present one plus out of three plus"},
        {"441517005", "Present two plus out of three plus"},
        {"441521003", "Present three plus out of three plus"},
    };

    emit_concept(emit, "valueCodeableConcept", SYSTEM_URL_SNOMED, levels[level].code,
                 levels[level].display);
    emit_concepts(emit, "interpretation", SYSTEM_HL7("v3-ObservationInterpretation"),
                  level > 0 ? "POS" : "NEG", level > 0 ? "Positive" : "Negative");
}

static bool write_report(struct chart *chart, int panel, char ids[][UUID_SIZE], int count,
                         int64_t issued, struct err *err)
{
    char id[UUID_SIZE];
    struct emit *emit;

    sample_uuid(&chart->person.random, id);
    emit = output_begin(chart->output, TYPE_DIAGNOSTIC_REPORT, id, NULL);
    emit_begin(emit, "identifier", '[');
    emit_open(emit, '{');
    emit_member(emit, "system", SYSTEM_OWN("report"));
    emit_member(emit, "value", id);
    emit_close(emit, '}');
    emit_close(emit, ']');
    emit_member(emit, "status", "final");
    emit_concepts(emit, "category", SYSTEM_HL7("v2-0074"), "LAB", "Laboratory");
    emit_concept(emit, "code", SYSTEM_URL_LOINC, sample_panels[panel].code,
                 sample_panels[panel].display);
    add_head(chart, issued);
    emit_begin(emit, "result", '[');
    for (int i = 0; i < count; i++)
        output_refer(chart->output, NULL, TYPE_OBSERVATION, ids[i]);
    emit_close(emit, ']');
    return output_end(chart->output, err);
}

static void add_head(struct chart *chart, int64_t issued)
{
    struct emit *emit = &chart->output->emit;
    const struct facility *laboratory = chart->person.laboratory;

    chart_add_subject(chart, "subject");
    chart_add_encounter(chart);
    chart_add_time(chart, "effectiveDateTime", chart->visit->start + 10);
    chart_add_time(chart, "issued", issued);
    emit_begin(emit, "performer", '[');
    output_refer_shared(chart->output, NULL, TYPE_ORGANIZATION, laboratory->id,
                        laboratory->identifier, laboratory->name);
    emit_close(emit, ']');
}
