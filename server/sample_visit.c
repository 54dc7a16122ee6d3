/*
 * Visits - Encounter, and what each of them brings.
 */

#include "server/sample_chart.h"
#include "server/sample_systems.h"

static const struct {
    const char *class_code, *class_display;
    const char *type_code, *type_display;
    const char *priority, *priority_display;
} settings[SETTING_COUNT] = {
    [SETTING_AMBULATORY] = {"AMB", "ambulatory", "225886003", "Medical assessment", NULL, NULL},
    [SETTING_EMERGENCY] = {"EMER", "emergency", "225886003", "Medical assessment", "EM",
                           "emergency"},
    [SETTING_INPATIENT] = {"IMP", "inpatient encounter", "32485007", "Admission to hospital", NULL,
                           NULL},
};

static bool write_visit(struct chart *chart, struct err *err);
static void choose_staff(struct chart *chart);
static bool write_encounter(struct chart *chart, struct err *err);
static void add_type(struct chart *chart, struct emit *emit);
static void add_participant(struct chart *chart, struct emit *emit);
static void add_reasons(struct chart *chart, struct emit *emit);
static void add_hospitalization(struct chart *chart, struct emit *emit);

bool chart_write(struct chart *chart, uint64_t seed, unsigned number, struct err *err)
{
    struct output *output = chart->output;
    char name[32];

    person_init(&chart->person, chart->clinic, seed, number);
    life_plan(&chart->life, &chart->person);
    output_begin_bundle(output);
    if (!person_write(&chart->person, output, err) ||
        !person_write_allergies(&chart->person, output, err) ||
        !chart_write_earlier_vaccines(chart, err))
        return false;
    for (int i = 0; i < chart->life.visit_count; i++) {
        chart->visit = &chart->life.visits[i];
        if (!write_visit(chart, err))
            return false;
    }
    snprintf(name, sizeof(name), "patient-%06u.json", number);
    return output_end_bundle(output, name, err);
}

static bool write_visit(struct chart *chart, struct err *err)
{
    chart->day = (int)(chart->visit->start / 1440);
    sample_uuid(&chart->person.random, chart->encounter);
    sample_uuid(&chart->person.random, chart->acute);
    choose_staff(chart);
    return write_encounter(chart, err) && chart_write_conditions(chart, err) &&
           chart_write_vitals(chart, err) && chart_write_labs(chart, err) &&
           chart_write_orders(chart, err) && chart_write_procedures(chart, err) &&
           chart_write_vaccines(chart, err);
}

static void choose_staff(struct chart *chart)
{
    struct person *person = &chart->person;

    if (chart->visit->setting == SETTING_AMBULATORY) {
        chart->facility = person->practice;
        chart->practitioner = person->doctor;
    } else {
        chart->facility = person->hospital;
        chart->practitioner =
            clinic_practitioner(chart->clinic, person->hospital, sample_below(&person->random, 4));
    }
}

static bool write_encounter(struct chart *chart, struct err *err)
{
    const struct visit *visit = chart->visit;
    struct emit *emit = output_begin(chart->output, TYPE_ENCOUNTER, chart->encounter, NULL);

    emit_begin(emit, "identifier", '[');
    emit_open(emit, '{');
    emit_member(emit, "system", SYSTEM_OWN("encounter"));
    emit_member(emit, "value", chart->encounter);
    emit_close(emit, '}');
    emit_close(emit, ']');
    emit_member(emit, "status", "finished");
    emit_key(emit, "class");
    emit_coding(emit, SYSTEM_HL7("v3-ActCode"), settings[visit->setting].class_code,
                settings[visit->setting].class_display);
    add_type(chart, emit);
    if (settings[visit->setting].priority)
        emit_concept(emit, "priority", SYSTEM_HL7("v3-ActPriority"),
                     settings[visit->setting].priority, settings[visit->setting].priority_display);
    chart_add_subject(chart, "subject");
    add_participant(chart, emit);
    emit_begin(emit, "period", '{');
    chart_add_time(chart, "start", visit->start);
    chart_add_time(chart, "end", visit->start + visit->minutes);
    emit_close(emit, '}');
    add_reasons(chart, emit);
    if (visit->setting == SETTING_INPATIENT)
        add_hospitalization(chart, emit);
    emit_begin(emit, "location", '[');
    emit_open(emit, '{');
    output_refer_shared(chart->output, "location", TYPE_LOCATION, chart->facility->location_id,
                        chart->facility->location_identifier, chart->facility->name);
    emit_close(emit, '}');
    emit_close(emit, ']');
    output_refer_shared(chart->output, "serviceProvider", TYPE_ORGANIZATION, chart->facility->id,
                        chart->facility->identifier, chart->facility->name);
    return output_end(chart->output, err);
}

static void add_type(struct chart *chart, struct emit *emit)
{
    const char *code = settings[chart->visit->setting].type_code;
    const char *display = settings[chart->visit->setting].type_display;

    if (chart->visit->kind == VISIT_WELLNESS) {
        bool child = person_age(&chart->person, chart->day) < 18;

        code = child ? "410620009" : "268565007";
        display = child ? "Well child visit" : "Adult health examination";
    }
    emit_begin(emit, "type", '[');
    emit_concept(emit, NULL, SYSTEM_URL_SNOMED, code, display);
    emit_close(emit, ']');
}

static void add_participant(struct chart *chart, struct emit *emit)
{
    bool inpatient = chart->visit->setting == SETTING_INPATIENT;

    emit_begin(emit, "participant", '[');
    emit_open(emit, '{');
    emit_concepts(emit, "type", SYSTEM_HL7("v3-ParticipationType"), inpatient ? "ATND" : "PPRF",
                  inpatient ? "attender" : "primary performer");
    chart_add_practitioner(chart, "individual");
    emit_close(emit, '}');
    emit_close(emit, ']');
}

/* The acute condition, or at a follow-up what is being followed. */
static void add_reasons(struct chart *chart, struct emit *emit)
{
    int followed[3], count = 0;

    if (chart->visit->condition == CONDITION_NONE) {
        for (int i = 0; i < CONDITION_COUNT && count < 3; i++) {
            if (chart->visit->kind != VISIT_WELLNESS && life_has(&chart->life, i, chart->day))
                followed[count++] = i;
        }
        if (count == 0)
            return;
    }
    emit_begin(emit, "reasonReference", '[');
    if (chart->visit->condition != CONDITION_NONE)
        output_refer(chart->output, NULL, TYPE_CONDITION, chart->acute);
    for (int i = 0; i < count; i++)
        output_refer(chart->output, NULL, TYPE_CONDITION, chart->life.chronic[followed[i]].id);
    emit_close(emit, ']');
}

static void add_hospitalization(struct chart *chart, struct emit *emit)
{
    bool died = chart->visit->kind == VISIT_LAST;

    emit_begin(emit, "hospitalization", '{');
    emit_concept(emit, "admitSource", SYSTEM_HL7("admit-source"), "emd",
                 "From accident/emergency department");
    emit_concept(emit, "dischargeDisposition", SYSTEM_HL7("discharge-disposition"),
                 died ? "exp" : "home", died ? "Expired" : "Home");
    emit_close(emit, '}');
}

void chart_add_subject(struct chart *chart, const char *key)
{
    output_refer(chart->output, key, TYPE_PATIENT, chart->person.id);
}

void chart_add_encounter(struct chart *chart)
{
    output_refer(chart->output, "encounter", TYPE_ENCOUNTER, chart->encounter);
}

void chart_add_practitioner(struct chart *chart, const char *key)
{
    output_refer_shared(chart->output, key, TYPE_PRACTITIONER, chart->practitioner->id,
                        chart->practitioner->identifier, chart->practitioner->name);
}

void chart_add_time(struct chart *chart, const char *key, int64_t minutes)
{
    emit_time(&chart->output->emit, key, minutes, sample_places[chart->person.place].offset);
}
