/*
 * Orders - MedicationRequest, for what a visit is about and for what has to go on.
 */

#include "server/sample_chart.h"
#include "server/sample_systems.h"

#define RENEWAL_DAYS 330 /* an order for good is written anew after so long */
#define SUPPLY_DAYS  90

static const struct {
    const char *code, *display;
} routes[ROUTE_COUNT] = {
    [ROUTE_ORAL] = {"26643006", "Oral route"},
    [ROUTE_INHALED] = {"447694001", "Respiratory tract route"},
    [ROUTE_TOPICAL] = {"6064005", "Topical route"},
    [ROUTE_SUBCUTANEOUS] = {"34206005", "Subcutaneous route"},
    [ROUTE_INTRAMUSCULAR] = {"78421000", "Intramuscular use"},
};

static bool is_due(const struct chart *chart, size_t treatment);
static bool is_chosen(const struct chart *chart, const struct sample_treatment *treatment);
static const char *reason_of(const struct chart *chart, const struct sample_treatment *treatment);
static bool write_order(struct chart *chart, const struct sample_treatment *treatment,
                        const struct sample_medication *medication, struct err *err);
static void add_dosage(struct emit *emit, const struct sample_medication *medication);
static void add_timing(struct emit *emit, const struct sample_medication *medication);
static void add_supply(struct chart *chart, const struct sample_medication *medication, int days);

bool chart_write_orders(struct chart *chart, struct err *err)
{
    for (size_t i = 0; i < sample_treatment_count; i++) {
        int medication = sample_treatments[i].medication;

        if (!is_due(chart, i))
            continue;
        if (person_is_allergic_to(&chart->person, sample_medications[medication].family))
            medication = sample_medications[medication].instead;
        if (medication == MEDICATION_NONE)
            continue;
        chart->life.ordered[i] = chart->day;
        if (!write_order(chart, &sample_treatments[i], &sample_medications[medication], err))
            return false;
    }
    return true;
}

static bool is_due(const struct chart *chart, size_t treatment)
{
    const struct sample_treatment *row = &sample_treatments[treatment];
    int last = chart->life.ordered[treatment];

    if (chart->visit->kind == VISIT_LAST || !is_chosen(chart, row) ||
        person_age(&chart->person, chart->day) < row->from_age)
        return false;
    if (sample_conditions[row->condition].course == COURSE_ACUTE)
        return chart->visit->condition == row->condition;
    return chart->life.chronic[row->condition].recorded &&
           (last == LIFE_NEVER || chart->day - last >= RENEWAL_DAYS);
}

/* Once for all for a chronic condition, anew for each acute one. */
static bool is_chosen(const struct chart *chart, const struct sample_treatment *treatment)
{
    uint64_t key = chart->person.key;
    int drawn;

    if (sample_conditions[treatment->condition].course == COURSE_ACUTE)
        key += (uint64_t)chart->visit->start;
    drawn =
        sample_stable(key, ABOUT_TREATMENT, (int)treatment->condition * 4 + treatment->line, 1000);
    return drawn >= treatment->from && drawn < treatment->below;
}

static const char *reason_of(const struct chart *chart, const struct sample_treatment *treatment)
{
    if (sample_conditions[treatment->condition].course == COURSE_ACUTE)
        return chart->acute;
    return chart->life.chronic[treatment->condition].id;
}

/* Active while it lasts, stopped by death, else completed. */
static bool write_order(struct chart *chart, const struct sample_treatment *treatment,
                        const struct sample_medication *medication, struct err *err)
{
    char id[UUID_SIZE];
    int days = treatment->days > 0 ? treatment->days : RENEWAL_DAYS;
    bool lasts = chart->day + days >= chart->person.end;
    struct emit *emit;

    sample_uuid(&chart->person.random, id);
    emit = output_begin(chart->output, TYPE_MEDICATION_REQUEST, id, NULL);
    emit_member(emit, "status", !lasts ? "completed" : chart->person.died ? "stopped" : "active");
    emit_member(emit, "intent", "order");
    emit_concepts(emit, "category", SYSTEM_HL7("medicationrequest-category"), "community",
                  "Community");
    emit_concept(emit, "medicationCodeableConcept", SYSTEM_URL_RXNORM, medication->code,
                 medication->display);
    chart_add_subject(chart, "subject");
    chart_add_encounter(chart);
    chart_add_time(chart, "authoredOn", chart->visit->start + chart->visit->minutes - 2);
    chart_add_practitioner(chart, "requester");
    emit_begin(emit, "reasonReference", '[');
    output_refer(chart->output, NULL, TYPE_CONDITION, reason_of(chart, treatment));
    emit_close(emit, ']');
    add_dosage(emit, medication);
    add_supply(chart, medication, treatment->days);
    return output_end(chart->output, err);
}

static void add_dosage(struct emit *emit, const struct sample_medication *medication)
{
    emit_begin(emit, "dosageInstruction", '[');
    emit_open(emit, '{');
    emit_count(emit, "sequence", 1);
    emit_member(emit, "text", medication->instruction);
    add_timing(emit, medication);
    emit_bool(emit, "asNeededBoolean", medication->prn);
    emit_concept(emit, "route", SYSTEM_URL_SNOMED, routes[medication->route].code,
                 routes[medication->route].display);
    emit_begin(emit, "doseAndRate", '[');
    emit_open(emit, '{');
    emit_concept(emit, "type", SYSTEM_HL7("dose-rate-type"), "ordered", "Ordered");
    emit_begin(emit, "doseQuantity", '{');
    emit_key(emit, "value");
    emit_raw(emit, medication->dose);
    emit_member(emit, "unit", medication->unit);
    emit_close(emit, '}');
    emit_close(emit, '}');
    emit_close(emit, ']');
    emit_close(emit, '}');
    emit_close(emit, ']');
}

static void add_timing(struct emit *emit, const struct sample_medication *medication)
{
    emit_begin(emit, "timing", '{');
    emit_begin(emit, "repeat", '{');
    emit_count(emit, "frequency", medication->frequency);
    emit_count(emit, "period", medication->period);
    emit_member(emit, "periodUnit", "d");
    emit_close(emit, '}');
    emit_close(emit, '}');
}

static void add_supply(struct chart *chart, const struct sample_medication *medication, int days)
{
    struct emit *emit = &chart->output->emit;

    emit_begin(emit, "dispenseRequest", '{');
    emit_count(emit, "numberOfRepeatsAllowed", days > 0 ? 0 : 3);
    emit_begin(emit, "quantity", '{');
    emit_count(emit, "value", medication->dispense);
    emit_member(emit, "unit", medication->route == ROUTE_ORAL ? medication->unit : "package");
    emit_close(emit, '}');
    emit_quantity(emit, "expectedSupplyDuration", days > 0 ? days : SUPPLY_DAYS, 0, "days", "d");
    emit_close(emit, '}');
}
