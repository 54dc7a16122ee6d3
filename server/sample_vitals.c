/*
 * Vital signs and smoking status. The profiles are those of R4
 * (observation-vitalsigns.html), codes and units as they require.
 */

#include "server/sample_chart.h"
#include "server/sample_systems.h"

#define PROFILE(name) "http://hl7.org/fhir/StructureDefinition/" name

struct vital {
    const char *profile, *code, *display, *unit, *ucum;
    int decimals;
};

static const struct vital height = {PROFILE("bodyheight"), "8302-2", "Body height", "cm", "cm", 1};
static const struct vital weight = {PROFILE("bodyweight"), "29463-7", "Body weight", "kg", "kg", 1};
static const struct vital bmi = {PROFILE("bmi"), "39156-5", "Body mass index (BMI) [Ratio]",
                                 "kg/m2",        "kg/m2",   1};
static const struct vital head = {
    PROFILE("headcircum"), "9843-4", "Head Occipital-frontal circumference", "cm", "cm", 1};
static const struct vital pulse = {PROFILE("heartrate"), "8867-4", "Heart rate",
                                   "beats/minute",       "/min",   0};
static const struct vital breathing = {PROFILE("resprate"), "9279-1", "Respiratory rate",
                                       "breaths/minute",    "/min",   0};
static const struct vital temperature = {
    PROFILE("bodytemp"), "8310-5", "Body temperature", "C", "Cel", 1};
static const struct vital saturation = {
    PROFILE("oxygensat"), "2708-6", "Oxygen saturation in Arterial blood", "%", "%", 0};
static const struct vital systolic = {NULL,   "8480-6", "Systolic blood pressure",
                                      "mmHg", "mm[Hg]", 0};
static const struct vital diastolic = {NULL,   "8462-4", "Diastolic blood pressure",
                                       "mmHg", "mm[Hg]", 0};

static bool write_body(struct chart *chart, struct err *err);
static bool write_signs(struct chart *chart, struct err *err);
static int drawn_pulse(struct chart *chart, int fever);
static int drawn_saturation(struct chart *chart);
static bool write_vital(struct chart *chart, const struct vital *vital, int value, struct err *err);
static bool write_pressure(struct chart *chart, struct err *err);
static int drawn_systolic(struct chart *chart);
static void add_component(struct emit *emit, const struct vital *vital, int value);
static bool write_smoking(struct chart *chart, struct err *err);
static struct emit *begin(struct chart *chart, const char *category, const char *display,
                          const char *profile);
static void add_rest(struct chart *chart);

bool chart_write_vitals(struct chart *chart, struct err *err)
{
    int age = person_age(&chart->person, chart->day);

    if (chart->visit->kind != VISIT_ACUTE || chart->visit->setting != SETTING_AMBULATORY) {
        if (chart->visit->kind != VISIT_LAST && !write_body(chart, err))
            return false;
    }
    if (!write_signs(chart, err))
        return false;
    if (age >= 3 && !write_pressure(chart, err))
        return false;
    return chart->visit->kind != VISIT_WELLNESS || age < 12 || write_smoking(chart, err);
}

static bool write_body(struct chart *chart, struct err *err)
{
    struct body body = person_body(&chart->person, chart->day);
    int months = person_months(&chart->person, chart->day);

    return write_vital(chart, &height, body.height_mm, err) &&
           write_vital(chart, &weight, body.weight, err) &&
           (months < 24 || write_vital(chart, &bmi, body.bmi, err)) &&
           (months >= 36 || write_vital(chart, &head, body.head_mm, err));
}

static bool write_signs(struct chart *chart, struct err *err)
{
    struct sample_random *random = &chart->person.random;
    int condition = chart->visit->condition;
    int fever = condition == CONDITION_NONE ? 0 : sample_conditions[condition].fever;
    int age = person_age(&chart->person, chart->day);
    int breaths = (age < 1 ? 38 : age < 6 ? 26 : age < 14 ? 20 : 15) + fever / 5;

    if (fever > 0)
        fever = fever * sample_between(random, 50, 130) / 100;
    return write_vital(chart, &pulse, drawn_pulse(chart, fever), err) &&
           write_vital(chart, &breathing, breaths + sample_normal(random) * 3 / 2000, err) &&
           (chart->visit->kind == VISIT_FOLLOW_UP ||
            write_vital(chart, &temperature, 367 + fever + sample_normal(random) / 500, err)) &&
           (chart->visit->kind == VISIT_WELLNESS ||
            write_vital(chart, &saturation, drawn_saturation(chart), err));
}

static int drawn_pulse(struct chart *chart, int fever)
{
    int age = person_age(&chart->person, chart->day);
    int rest = age < 1 ? 130 : age < 6 ? 105 : age < 12 ? 88 : 72;

    if (life_has(&chart->life, CONDITION_ATRIAL_FIBRILLATION, chart->day))
        rest += 14;
    rest += sample_stable_normal(chart->person.key, ABOUT_BODY, 10) * 7 / 1000;
    return rest + fever + sample_normal(&chart->person.random) * 4 / 1000;
}

static int drawn_saturation(struct chart *chart)
{
    int value = 98 + sample_normal(&chart->person.random) / 1000;

    if (life_has(&chart->life, CONDITION_COPD, chart->day))
        value -= 4;
    if (chart->visit->condition == CONDITION_PNEUMONIA || chart->visit->kind == VISIT_LAST)
        value -= 6;
    return value > 100 ? 100 : value;
}

static bool write_vital(struct chart *chart, const struct vital *vital, int value, struct err *err)
{
    struct emit *emit = begin(chart, "vital-signs", "Vital Signs", vital->profile);

    if (vital == &saturation) { /* R4 asks for one code and measures by the other */
        emit_begin(emit, "code", '{');
        emit_begin(emit, "coding", '[');
        emit_coding(emit, SYSTEM_URL_LOINC, vital->code, vital->display);
        emit_coding(emit, SYSTEM_URL_LOINC, "59408-5",
                    "Oxygen saturation in Arterial blood by Pulse oximetry");
        emit_close(emit, ']');
        emit_member(emit, "text", "Oxygen saturation by pulse oximetry");
        emit_close(emit, '}');
    } else {
        emit_concept(emit, "code", SYSTEM_URL_LOINC, vital->code, vital->display);
    }
    add_rest(chart);
    emit_quantity(emit, "valueQuantity", value, vital->decimals, vital->unit, vital->ucum);
    return output_end(chart->output, err);
}

static bool write_pressure(struct chart *chart, struct err *err)
{
    int high = drawn_systolic(chart);
    int low = 36 + high * 33 / 100 + sample_normal(&chart->person.random) * 4 / 1000;
    struct emit *emit = begin(chart, "vital-signs", "Vital Signs", PROFILE("bp"));

    emit_concept(emit, "code", SYSTEM_URL_LOINC, "85354-9",
                 "Blood pressure panel with all children optional");
    add_rest(chart);
    emit_begin(emit, "component", '[');
    add_component(emit, &systolic, high);
    add_component(emit, &diastolic, low);
    emit_close(emit, ']');
    return output_end(chart->output, err);
}

static int drawn_systolic(struct chart *chart)
{
    const struct person *person = &chart->person;
    int age = person_age(person, chart->day);
    int value = age < 20 ? 86 + age * 14 / 10 : 113 + (age - 20) / 4;

    value += person->bmi_z * 3 / 1000 + sample_stable_normal(person->key, ABOUT_BODY, 11) / 200;
    if (life_has(&chart->life, CONDITION_HYPERTENSION, chart->day))
        value += 14;
    return value + sample_normal(&chart->person.random) * 6 / 1000;
}

static void add_component(struct emit *emit, const struct vital *vital, int value)
{
    emit_open(emit, '{');
    emit_concept(emit, "code", SYSTEM_URL_LOINC, vital->code, vital->display);
    emit_quantity(emit, "valueQuantity", value, vital->decimals, vital->unit, vital->ucum);
    emit_close(emit, '}');
}

static bool write_smoking(struct chart *chart, struct err *err)
{
    static const struct {
        const char *code, *display;
    } statuses[] = {
        [SMOKING_NEVER] = {"266919005", "Never smoked tobacco"},
        [SMOKING_FORMER] = {"8517006", "Ex-smoker"},
        [SMOKING_CURRENT] = {"77176002", "Smoker"},
    };
    enum smoking smoking =
        person_age(&chart->person, chart->day) < 18 ? SMOKING_NEVER : chart->person.smoking;
    struct emit *emit = begin(chart, "social-history", "Social History", NULL);

    emit_concept(emit, "code", SYSTEM_URL_LOINC, "72166-2", "Tobacco smoking status");
    add_rest(chart);
    emit_concept(emit, "valueCodeableConcept", SYSTEM_URL_SNOMED, statuses[smoking].code,
                 statuses[smoking].display);
    return output_end(chart->output, err);
}

static struct emit *begin(struct chart *chart, const char *category, const char *display,
                          const char *profile)
{
    char id[UUID_SIZE];

    sample_uuid(&chart->person.random, id);
    return chart_begin_observation(chart, id, category, display, profile);
}

struct emit *chart_begin_observation(struct chart *chart, const char *id, const char *category,
                                     const char *display, const char *profile)
{
    struct emit *emit = output_begin(chart->output, TYPE_OBSERVATION, id, NULL);

    if (profile) {
        emit_begin(emit, "meta", '{');
        emit_begin(emit, "profile", '[');
        emit_text(emit, profile);
        emit_close(emit, ']');
        emit_close(emit, '}');
    }
    emit_member(emit, "status", "final");
    emit_concepts(emit, "category", SYSTEM_HL7("observation-category"), category, display);
    return emit;
}

static void add_rest(struct chart *chart)
{
    struct emit *emit = &chart->output->emit;

    chart_add_subject(chart, "subject");
    chart_add_encounter(chart);
    chart_add_time(chart, "effectiveDateTime", chart->visit->start + 5);
    chart_add_time(chart, "issued", chart->visit->start + 5);
    emit_begin(emit, "performer", '[');
    chart_add_practitioner(chart, NULL);
    emit_close(emit, ']');
}
