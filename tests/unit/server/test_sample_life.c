#include "server/sample_life.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PEOPLE 500

static struct clinic clinic;
static struct person person;
static struct life life;

static int setup(void **state)
{
    (void)state;
    clinic_init(&clinic);
    return 0;
}

static void live(unsigned number)
{
    person_init(&person, &clinic, 42, number);
    life_plan(&life, &person);
}

static void the_reference_day_is_new_year_2026(void **state)
{
    (void)state;
    assert_int_equal(REFERENCE_DAY, clock_days(2026, 1, 1));
}

static void visits_are_in_order_and_within_life(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= PEOPLE; i++) {
        live(i);
        int64_t free_from = person.birth * INT64_C(1440);
        int64_t end = person.end * INT64_C(1440) + (person.died ? person.death_minute : 0);

        for (int j = 0; j < life.visit_count; j++) {
            assert_true(life.visits[j].start >= free_from);
            free_from = life.visits[j].start + life.visits[j].minutes;
            assert_true(free_from <= end);
        }
    }
}

static void who_died_was_in_hospital_last(void **state)
{
    int died = 0;

    (void)state;
    for (unsigned i = 1; i <= PEOPLE; i++) {
        live(i);
        if (!person.died)
            continue;
        const struct visit *last = &life.visits[life.visit_count - 1];

        assert_int_equal(last->kind, VISIT_LAST);
        assert_int_equal(last->start + last->minutes,
                         person.end * INT64_C(1440) + person.death_minute);
        died++;
    }
    assert_in_range(died, 5, PEOPLE / 5);
}

static void conditions_keep_to_their_sex_parents_and_exclusions(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= PEOPLE; i++) {
        live(i);
        for (int j = 0; j < CONDITION_COUNT; j++) {
            const struct sample_condition *row = &sample_conditions[j];
            int onset = life.chronic[j].onset;

            if (onset == LIFE_NEVER)
                continue;
            assert_true(row->course == COURSE_CHRONIC);
            assert_true(row->sex == SEX_NONE || row->sex == person.sex);
            assert_true(onset >= person.birth && onset < person.end);
            if (row->parent != CONDITION_NONE)
                assert_true(life_has(&life, row->parent, onset));
            if (row->unless != CONDITION_NONE)
                assert_int_equal(life.chronic[row->unless].onset, LIFE_NEVER);
        }
    }
}

/* The planner reads the table once, from the top. */
static void parents_stand_before_what_they_lead_to(void **state)
{
    (void)state;
    for (int i = 0; i < CONDITION_COUNT; i++) {
        if (sample_conditions[i].course == COURSE_CHRONIC) {
            assert_true(sample_conditions[i].parent < i);
            assert_true(sample_conditions[i].unless < i);
        }
    }
}

static void a_body_mass_index_fits_height_and_weight(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= PEOPLE; i++) {
        live(i);
        struct body body = person_body(&person, person.end);
        int64_t square = (int64_t)body.height_mm * body.height_mm;

        assert_in_range(body.bmi, 110, 600);
        assert_true(body.weight * INT64_C(1000000) >= body.bmi * square - square / 2);
        assert_true(body.weight * INT64_C(1000000) <= body.bmi * square + square / 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_day_is_new_year_2026),
        cmocka_unit_test(visits_are_in_order_and_within_life),
        cmocka_unit_test(who_died_was_in_hospital_last),
        cmocka_unit_test(conditions_keep_to_their_sex_parents_and_exclusions),
        cmocka_unit_test(parents_stand_before_what_they_lead_to),
        cmocka_unit_test(a_body_mass_index_fits_height_and_weight),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
