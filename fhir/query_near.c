/*
 * Near - see query_near.h.
 */

#include "fhir/query_near.h"

#include "base/err.h"
#include "fhir/fhirpath_unit.h"
#include "fhir/primitive.h"
#include "fhir/query_text.h"

#include <math.h>

static const double earth_radius = 6371008.8; /* metres; the mean of the ellipsoid's three axes */
static const double degree = 3.14159265358979323846 / 180;

/* What rounding may have taken from the box. */
static const double slack = 1e-9;

static bool read_degrees(struct text text, double most, double *degrees);
static bool read_distance(struct text distance, struct text unit, double *metres);
static void draw_box(struct query_near *near, double angle);

bool near_read(struct text text, struct query_near *near)
{
    struct text parts[4] = {{0}}, more = text;
    size_t count = 0;
    double metres;

    while (count < 4 && query_next_item(&more, '|', &parts[count]))
        count++;
    if (more.data || !read_degrees(parts[0], 90, &near->latitude) ||
        !read_degrees(parts[1], 180, &near->longitude) ||
        !read_distance(parts[2], parts[3], &metres))
        return false;

    double angle = fmin(metres / earth_radius, 180 * degree), half = sin(angle / 2);
    near->haversine = half * half;
    draw_box(near, angle / degree);
    return true;
}

static bool read_degrees(struct text text, double most, double *degrees)
{
    struct decimal_value number;

    if (!text.data || !decimal_parse(text, &number))
        return false;
    *degrees = number.value;
    return fabs(number.value) <= most;
}

/* Without a distance the unit does not matter. */
static bool read_distance(struct text distance, struct text unit, double *metres)
{
    struct number number = number_of(NEAR_DEFAULT_KM);
    bool given = distance.size > 0;

    if (given && !number_read(distance, &number))
        return false;
    if (!units_convert(&number, given && unit.size > 0 ? unit : TEXT("km"), TEXT("m")))
        return false;
    *metres = number_to_double(number);
    return *metres >= 0;
}

/* Where a meridian touches a circle around a place off the equator, the circle is widest, which is
 * nearer to the pole than the place. */
static void draw_box(struct query_near *near, double angle)
{
    near->south = fmax(near->latitude - angle, -90) - slack;
    near->north = fmin(near->latitude + angle, 90) + slack;
    near->round = near->latitude - angle <= -90 || near->latitude + angle >= 90;
    if (near->round)
        return;

    double sine = sin(angle * degree) / cos(near->latitude * degree);
    double width = asin(fmin(sine, 1)) / degree + slack;
    near->round = width >= 180;
    near->west = near->longitude - width;
    near->east = near->longitude + width;
    if (near->west < -180)
        near->west += 360;
    if (near->east > 180)
        near->east -= 360;
}

double near_haversine(const struct query_near *near, double latitude, double longitude)
{
    double north = sin((latitude - near->latitude) * degree / 2);
    double east = sin((longitude - near->longitude) * degree / 2);

    return north * north + cos(near->latitude * degree) * cos(latitude * degree) * east * east;
}

bool near_holds(const struct query_near *near, double latitude, double longitude)
{
    return near_haversine(near, latitude, longitude) <= near->haversine;
}
