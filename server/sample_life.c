/*
 * Life - what happens to a sample person.
 */

#include "server/sample_life.h"

#include "base/clock.h"

#define MINUTES_A_DAY INT64_C(1440)

static void plan_chronic(struct life *life, struct person *person);
static int draw_onset(const struct life *life, const struct person *person, int condition);
static int rate_at(const struct sample_condition *condition, int age);
static int risk_of(const struct person *person, enum sample_risk risk, int rate);
static int obesity_onset(const struct person *person);
static void plan_wellness(struct life *life, struct person *person);
static int months_to_next(int months, const struct person *person);
static void plan_follow_ups(struct life *life, struct person *person);
static bool needs_follow_up(const struct life *life, int day);
static void plan_acute(struct life *life, struct person *person);
static bool can_strike(const struct life *life, const struct person *person, int condition,
                       int day);
static void plan_last(struct life *life, const struct person *person);
static void add_planned(struct life *life, struct person *person, int day, enum visit_kind kind);
static void add_acute(struct life *life, struct person *person, int day, int condition);
static void add(struct life *life, const struct visit *visit);
static void settle(struct life *life);
static int compare(const void *a, const void *b);

void life_plan(struct life *life, struct person *person)
{
    int years = sample_between(&person->random, 2, 7);

    memset(life, 0, sizeof(*life));
    life->from = person->end - years * 365;
    if (life->from < person->birth)
        life->from = person->birth;
    for (int i = 0; i < SAMPLE_TREATMENTS_MAX; i++)
        life->ordered[i] = LIFE_NEVER;
    for (int i = 0; i < PANEL_COUNT; i++)
        life->drawn[i] = LIFE_NEVER;
    for (int i = 0; i < SAMPLE_SCREENINGS_MAX; i++)
        life->screened[i] = LIFE_NEVER;
    plan_chronic(life, person);
    if (person->died)
        plan_last(life, person);
    plan_wellness(life, person);
    plan_follow_ups(life, person);
    plan_acute(life, person);
    settle(life);
}

/* In the order of the table, where a parent stands before what it leads to. */
static void plan_chronic(struct life *life, struct person *person)
{
    for (int i = 0; i < CONDITION_COUNT; i++) {
        sample_uuid(&person->random, life->chronic[i].id);
        life->chronic[i].onset = LIFE_NEVER;
        if (sample_conditions[i].course != COURSE_CHRONIC)
            continue;
        life->chronic[i].onset =
            i == CONDITION_OBESITY ? obesity_onset(person) : draw_onset(life, person, i);
        if (life->chronic[i].onset >= person->end)
            life->chronic[i].onset = LIFE_NEVER;
    }
}

/* One number decides: the condition begins at the age at which so many have it. */
static int draw_onset(const struct life *life, const struct person *person, int condition)
{
    const struct sample_condition *row = &sample_conditions[condition];
    int drawn = sample_stable(person->key, ABOUT_ONSET, condition, 1000);
    int offset = sample_stable(person->key, ABOUT_ONSET_DAY, condition, 360);
    int age = 0, onset;

    if (row->sex != SEX_NONE && row->sex != person->sex)
        return LIFE_NEVER;
    if (row->unless != CONDITION_NONE && life->chronic[row->unless].onset != LIFE_NEVER)
        return LIFE_NEVER;
    while (age < 100 && risk_of(person, row->risk, rate_at(row, age)) <= drawn)
        age++;
    if (age == 100)
        return LIFE_NEVER;
    onset = person->birth + age * 1461 / 4 + offset + 3;
    if (row->parent != CONDITION_NONE) {
        int parent = life->chronic[row->parent].onset;

        if (parent == LIFE_NEVER)
            return LIFE_NEVER;
        if (onset < parent + 180 + offset)
            onset = parent + 180 + offset;
    }
    return onset;
}

/* On the line through the ages that the table knows. */
static int rate_at(const struct sample_condition *condition, int age)
{
    const struct {
        int age, rate;
    } points[] = {{0, condition->at5},   {5, condition->at5},   {20, condition->at20},
                  {40, condition->at40}, {60, condition->at60}, {80, condition->at80}};
    int i = 0;

    if (condition->course == COURSE_CHRONIC && age < 5)
        return condition->at5 * age / 5;
    if (age >= 80)
        return condition->at80;
    while (points[i + 1].age <= age)
        i++;
    return points[i].rate + (points[i + 1].rate - points[i].rate) * (age - points[i].age) /
                                (points[i + 1].age - points[i].age);
}

static int risk_of(const struct person *person, enum sample_risk risk, int rate)
{
    switch (risk) {
    case RISK_WEIGHT:
        return rate * (1000 + person->bmi_z / 3) / 1000;
    case RISK_SMOKING:
        return person->smoking == SMOKING_NEVER ? rate / 3 : rate * 2;
    case RISK_NONE:
        break;
    }
    return rate;
}

/* The first birthday of an adult on which it is measured. */
static int obesity_onset(const struct person *person)
{
    for (int age = 20; age < 75; age += 5) {
        int day = person->birth + age * 1461 / 4 + 2;

        if (day < person->end && person_body(person, day).bmi >= 300)
            return day;
    }
    return LIFE_NEVER;
}

bool life_has(const struct life *life, int condition, int day)
{
    return life->chronic[condition].onset != LIFE_NEVER && life->chronic[condition].onset <= day;
}

/* Two to six days in hospital, the last of them the last of life. */
static void plan_last(struct life *life, const struct person *person)
{
    int days = 2 + sample_stable(person->key, ABOUT_BODY, 6, 5);
    int64_t end = person->end * MINUTES_A_DAY + person->death_minute;
    struct visit visit = {
        .minutes = days * 1440,
        .start = end - days * MINUTES_A_DAY,
        .kind = VISIT_LAST,
        .setting = SETTING_INPATIENT,
        .condition = CONDITION_NONE,
    };

    add(life, &visit);
}

static void plan_wellness(struct life *life, struct person *person)
{
    int months = 0;

    for (;;) {
        int day = person->birth + 4 + months * 1461 / 48 + sample_below(&person->random, 20);

        if (day >= person->end - 14)
            return;
        if (day >= life->from)
            add_planned(life, person, day, VISIT_WELLNESS);
        months += months_to_next(months, person);
    }
}

static int months_to_next(int months, const struct person *person)
{
    static const struct {
        int from, step;
    } steps[] = {{780, 12}, {480, 18}, {216, 30}, {36, 12}, {18, 6},
                 {9, 3},    {6, 3},    {2, 2},    {0, 1}};
    int i = 0;

    while (months < steps[i].from)
        i++;
    return steps[i].step + (months >= 216 ? person->number % 7 : 0);
}

/* Every seven months or so while something needs watching. */
static void plan_follow_ups(struct life *life, struct person *person)
{
    int day = life->from + sample_between(&person->random, 20, 200);

    while (day < person->end - 14) {
        if (needs_follow_up(life, day) && sample_chance(&person->random, 800))
            add_planned(life, person, day, VISIT_FOLLOW_UP);
        day += sample_between(&person->random, 180, 260);
    }
}

static bool needs_follow_up(const struct life *life, int day)
{
    for (size_t i = 0; i < sample_monitor_count; i++) {
        int condition = sample_monitors[i].condition;

        if (condition != CONDITION_NONE && life_has(life, condition, day))
            return true;
    }
    return false;
}

static void plan_acute(struct life *life, struct person *person)
{
    struct sample_random *random = &person->random;

    for (int year = life->from; year < person->end; year += 365) {
        for (int i = 0; i < CONDITION_COUNT; i++) {
            int day = year + sample_below(random, 365);
            int rate = rate_at(&sample_conditions[i], person_age(person, day));

            rate = risk_of(person, sample_conditions[i].risk, rate);
            if (sample_chance(random, rate) && can_strike(life, person, i, day))
                add_acute(life, person, day, i);
        }
    }
}

static bool can_strike(const struct life *life, const struct person *person, int condition, int day)
{
    const struct sample_condition *row = &sample_conditions[condition];
    int year, month, date;

    clock_civil(day, &year, &month, &date);
    return row->course == COURSE_ACUTE && (row->sex == SEX_NONE || row->sex == person->sex) &&
           year >= row->since && day > person->birth + 30 && day < person->end - 21 &&
           (row->parent == CONDITION_NONE || life_has(life, row->parent, day));
}

/* On a working day, between eight and a quarter to five. */
static void add_planned(struct life *life, struct person *person, int day, enum visit_kind kind)
{
    int weekday = (day + 4) % 7;
    struct visit visit = {.kind = kind, .setting = SETTING_AMBULATORY, .condition = CONDITION_NONE};

    if (weekday == 0 || weekday == 6)
        day += weekday == 0 ? 1 : 2;
    visit.start = day * MINUTES_A_DAY + 480 + sample_below(&person->random, 36) * INT64_C(15);
    visit.minutes = sample_between(&person->random, 3, 9) * 5;
    add(life, &visit);
}

static void add_acute(struct life *life, struct person *person, int day, int condition)
{
    struct sample_random *random = &person->random;
    struct visit visit = {.kind = VISIT_ACUTE,
                          .setting = sample_conditions[condition].setting,
                          .condition = (enum sample_condition_key)condition};

    visit.start = day * MINUTES_A_DAY;
    switch (visit.setting) {
    case SETTING_EMERGENCY:
        visit.start += sample_below(random, 1440);
        visit.minutes = sample_between(random, 60, 400);
        break;
    case SETTING_INPATIENT:
        visit.start += sample_below(random, 1440);
        visit.minutes = sample_between(random, 2, 8) * 1440;
        visit.minutes -= sample_below(random, 600);
        break;
    default:
        visit.start += 480 + sample_below(random, 36) * INT64_C(15);
        visit.minutes = sample_between(random, 2, 5) * 5;
        break;
    }
    add(life, &visit);
}

static void add(struct life *life, const struct visit *visit)
{
    if (life->visit_count < LIFE_VISITS_MAX)
        life->visits[life->visit_count++] = *visit;
}

/* Sorts the visits, and leaves out those that begin before another has ended. */
static void settle(struct life *life)
{
    int64_t last = INT64_MAX, free_from = INT64_MIN;
    int kept = 0;

    qsort(life->visits, (size_t)life->visit_count, sizeof(life->visits[0]), compare);
    for (int i = 0; i < life->visit_count; i++) {
        if (life->visits[i].kind == VISIT_LAST)
            last = life->visits[i].start;
    }
    for (int i = 0; i < life->visit_count; i++) {
        struct visit *visit = &life->visits[i];

        if (visit->kind != VISIT_LAST &&
            (visit->start < free_from || visit->start + visit->minutes > last))
            continue;
        free_from = visit->start + visit->minutes + 60;
        life->visits[kept++] = *visit;
    }
    life->visit_count = kept;
}

/* Total, so that every qsort() gives the same order. */
static int compare(const void *a, const void *b)
{
    const struct visit *x = a, *y = b;

    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    if (x->kind != y->kind)
        return (int)x->kind - (int)y->kind;
    if (x->condition != y->condition)
        return (int)x->condition - (int)y->condition;
    return x->minutes - y->minutes;
}
