#pragma once

/*
 * Near - within a distance of a place, on a sphere (R4 location.html#search, `near`).
 *
 * The earth is taken to be a ball with its mean radius, which is off by at most half a percent.
 */

#include "base/text.h"

#include <stdbool.h>

/* Kilometres, where the client gives no distance: R4 leaves them to the server. */
#define NEAR_DEFAULT_KM 25

/* A circle, and the box around it that an index can be asked for. */
struct query_near {
    double latitude, longitude; /* degrees */
    double haversine;           /* near_haversine() of whatever lies on the circle */
    double south, north;
    double west, east; /* west > east: across the antimeridian */
    bool round;        /* it has a pole in it: any longitude */
};

/* Reads latitude|longitude[|[distance][|units]]. False when it is not that: latitude -90 to 90,
 * longitude -180 to 180, a distance from 0, units of length in UCUM. */
bool near_read(struct text text, struct query_near *near);

/* Grows with the distance of two places: the square of the sine of half the angle between them. */
double near_haversine(const struct query_near *near, double latitude, double longitude);

/* Whether the place is within the distance. */
bool near_holds(const struct query_near *near, double latitude, double longitude);
