/* Apply, times - partners whose clocks are wrong, and times that are mistakes. */

#include "applying.h"

#include "base/clock.h"

#define SECOND INT64_C(1000000)
#define HOUR   (3600 * SECOND)

static const char *instant(struct arena *arena, int64_t time)
{
    char text[CLOCK_INSTANT_SIZE];

    clock_format_instant(time, text);
    return arena_strdup(arena, text);
}

/* Versions without an order of their own: only the time tells which is newer. */
static const char *patient(struct arena *arena, const char *version, const char *updated,
                           const char *family)
{
    return arena_printf(arena,
                        "{\"resourceType\":\"Patient\",\"id\":\"1\",\"meta\":{\"versionId\":\"%s\","
                        "\"lastUpdated\":\"%s\"},\"name\":[{\"family\":\"%s\"}]}",
                        version, updated, family);
}

static void land_deletion_at(struct store *store, const struct apply_config *config, int64_t time)
{
    struct landing_row row = {
        .type = TEXT("Patient"), .id = TEXT("1"), .version = TEXT("d"), .updated = time};

    land_rows(store, config->partner.number, false, &row, 1);
}

/* A history shows the newest first. */
static void check_ahead(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    int64_t there = clock_now() + HOUR;

    (void)context;
    for (int known = 0; known < 2; known++) { /* whether it is known how its clock goes */
        a.ahead = known ? HOUR + 10 * SECOND : 0;
        LAND(store, &a, patient(arena, "y", instant(arena, there - 2 * SECOND), "Newer"),
             patient(arena, "x", instant(arena, there - 5 * SECOND), "Older"));
        apply_all(store, &a);
        assert_has(ours(store, &a, "Patient", "1", arena), "Newer");

        LAND(store, &a, patient(arena, "z", instant(arena, there), "Back"));
        land_deletion_at(store, &a, there - SECOND);
        apply_all(store, &a);
        assert_has(ours(store, &a, "Patient", "1", arena), "Back");
        there += 6 * SECOND;
    }
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(a_partner_whose_clock_is_ahead_has_its_versions_in_their_order, check_ahead)

static void check_mistakes(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);

    (void)context;
    a.ahead = 10 * SECOND;
    LAND(store, &a, patient(arena, "x", instant(arena, clock_now() + 8 * HOUR), "Zone"));
    assert_counts(apply_all(store, &a), 1, 0, 0, 0);
    LAND(store, &a, patient(arena, "y", instant(arena, clock_now() - 8 * SECOND), "Right"));
    assert_counts(apply_all(store, &a), 1, 0, 0, 0);
    LAND(store, &a, patient(arena, "z", "3023-05-01T08:00:00Z", "Typo"));
    assert_counts(apply_all(store, &a), 1, 0, 0, 0);
    LAND(store, &a, patient(arena, "w", instant(arena, clock_now()), "Mended"));
    assert_counts(apply_all(store, &a), 1, 0, 0, 0);
    assert_has(ours(store, &a, "Patient", "1", arena), "Mended");
    assert_int_equal(version_of(store, &a, "Patient", "1", arena), 4);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(a_time_that_cannot_be_makes_nothing_older_that_follows, check_mistakes)

static void check_leap(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);

    (void)context;
    LAND(store, &a, patient(arena, "y", "2016-12-31T23:59:60Z", "Leap"),
         patient(arena, "x", "2016-12-31T23:59:58Z", "Before"));
    assert_counts(apply_all(store, &a), 1, 0, 1, 0);
    assert_has(ours(store, &a, "Patient", "1", arena), "Leap");
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(a_leap_second_is_a_time, check_leap)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_partner_whose_clock_is_ahead_has_its_versions_in_their_order),
        cmocka_unit_test(a_time_that_cannot_be_makes_nothing_older_that_follows),
        cmocka_unit_test(a_leap_second_is_a_time),
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
