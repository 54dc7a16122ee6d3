/* Near: reading, and what lies within a distance. */

#include "fhir/query_near.h"

#include "base/count.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct query_near read_good(const char *text)
{
    struct query_near near = {0};

    if (!near_read(text_of(text), &near))
        fail_msg("refused: %s", text);
    return near;
}

static bool in_box(const struct query_near *near, double latitude, double longitude)
{
    if (latitude < near->south || latitude > near->north)
        return false;
    if (near->round)
        return true;
    return near->west <= near->east ? longitude >= near->west && longitude <= near->east
                                    : longitude >= near->west || longitude <= near->east;
}

static void distances_are_those_of_a_globe(void **state)
{
    /* Bern to Zurich: 95.5 km as the crow flies. */
    struct query_near less = read_good("46.9480|7.4474|95|km");
    struct query_near more = read_good("46.9480|7.4474|96|km");

    (void)state;
    assert_false(near_holds(&less, 47.3769, 8.5417));
    assert_true(near_holds(&more, 47.3769, 8.5417));
    assert_true(near_holds(&less, 46.9480, 7.4474));
}

static void units_of_length_are_converted(void **state)
{
    /* A degree of a meridian is 111.195 km, 69.09 miles. */
    struct query_near far[] = {read_good("0|0|111.2"),         read_good("0|0|111.2|km"),
                               read_good("0|0|111200|m"),      read_good("0|0|69.1|[mi_i]"),
                               read_good("0|0|364825|[ft_i]"), read_good("0|0|60.1|[nmi_i]"),
                               read_good("0|0|121650|[yd_i]")};
    struct query_near close[] = {read_good("0|0|111.1"),         read_good("0|0|111.1|km"),
                                 read_good("0|0|111100|m"),      read_good("0|0|69.0|[mi_i]"),
                                 read_good("0|0|364700|[ft_i]"), read_good("0|0|60.0|[nmi_i]"),
                                 read_good("0|0|121500|[yd_i]")};

    (void)state;
    for (size_t i = 0; i < COUNT(far); i++) {
        assert_true(near_holds(&far[i], 1, 0));
        assert_false(near_holds(&close[i], 1, 0));
    }
}

static void without_a_distance_the_default_holds(void **state)
{
    const char *const texts[] = {"10|20", "10|20|", "10|20||", "10|20||km", "10|20||mg"};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct query_near near = read_good(texts[i]);

        assert_true(near_holds(&near, 10.2248, 20));
        assert_false(near_holds(&near, 10.2249, 20));
    }
}

static void the_antimeridian_is_no_border(void **state)
{
    struct query_near near = read_good("-18|179.9|50|km");

    (void)state;
    assert_true(near.west > near.east);
    assert_true(near_holds(&near, -18, -179.9) && in_box(&near, -18, -179.9));
    assert_true(near_holds(&near, -18, 179.5) && in_box(&near, -18, 179.5));
    assert_false(in_box(&near, -18, 0));
}

static void around_a_pole_lies_every_longitude(void **state)
{
    struct query_near near = read_good("89.9|0|50|km");

    (void)state;
    assert_true(near.round);
    assert_true(near_holds(&near, 89.9, 180) && in_box(&near, 89.9, 180));
    assert_false(near_holds(&near, 89.5, 180));
    near = read_good("-90|0|112|km");
    assert_true(near_holds(&near, -89, 77) && in_box(&near, -89, 77));
}

static void the_whole_globe_may_be_near(void **state)
{
    struct query_near near = read_good("0|0|20037.6|km");

    (void)state;
    assert_true(near_holds(&near, 0, 180) && in_box(&near, 0, 180));
    near = read_good("40|10|1000000|km");
    assert_true(near_holds(&near, -40, -170) && in_box(&near, -40, -170));
}

/* A point every few degrees, around places all over the globe. */
static void what_is_near_is_in_the_box(void **state)
{
    char text[64];

    (void)state;
    for (int latitude = -90; latitude <= 90; latitude += 9)
        for (int longitude = -180; longitude <= 180; longitude += 45)
            for (int km = 100; km < 20000; km *= 3) {
                snprintf(text, sizeof(text), "%d|%d|%d|km", latitude, longitude, km);
                struct query_near near = read_good(text);

                for (int y = -90; y <= 90; y += 3)
                    for (int x = -180; x <= 180; x += 3)
                        assert_false(near_holds(&near, y, x) && !in_box(&near, y, x));
            }
}

static void what_is_no_place_or_distance_is_refused(void **state)
{
    const char *const texts[] = {
        "",         "1",           "1|",         "|1",         "a|1",          "91|1|1|km",
        "-90.01|1", "1|180.1",     "1|-181",     "1|2|-1|km",  "1|2|x|km",     "1|2|5|mg",
        "1|2|5|mi", "1|2|5|furls", "1|2|5|km|6", "1|2|5|year", "1|2|1e400|km", "NaN|2",
        "1,2|3",
    };
    struct query_near near;

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        if (near_read(text_of(texts[i]), &near))
            fail_msg("taken: %s", texts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_are_those_of_a_globe),
        cmocka_unit_test(units_of_length_are_converted),
        cmocka_unit_test(without_a_distance_the_default_holds),
        cmocka_unit_test(the_antimeridian_is_no_border),
        cmocka_unit_test(around_a_pole_lies_every_longitude),
        cmocka_unit_test(the_whole_globe_may_be_near),
        cmocka_unit_test(what_is_near_is_in_the_box),
        cmocka_unit_test(what_is_no_place_or_distance_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
