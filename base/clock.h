#pragma once

/* Clock - points in time are microseconds since 1970-01-01T00:00:00Z. */

#include <stdint.h>

/* Now, by the clock of the machine, which may jump. */
int64_t clock_now(void);

/* Microseconds from a clock that never jumps; for durations. */
int64_t clock_monotonic(void);

/* "2026-11-22T13:48:05.123Z", the form of meta.lastUpdated: always
 * milliseconds and Z. Writes 25 bytes with the NUL. */
#define CLOCK_INSTANT_SIZE 25
void clock_format_instant(int64_t time, char out[CLOCK_INSTANT_SIZE]);

/* "Sun, 22 Nov 2026 13:48:05 GMT", as HTTP dates are. 30 bytes with the NUL. */
#define CLOCK_HTTP_SIZE 30
void clock_format_http(int64_t time, char out[CLOCK_HTTP_SIZE]);

/* Days from 1970-01-01 to a day of the proleptic Gregorian calendar, and back. */
int64_t clock_days(int year, int month, int day);
void clock_civil(int64_t days, int *year, int *month, int *day);
