/*
 * Search dates - what the criteria on the main date say about its column.
 */

#include "storage/search_plan.h"

static const int64_t day_us = 86400 * INT64_C(1000000);

static void bound_by_term(struct search_dates *dates, const struct search_term *term);
static void bound_by_value(struct search_dates *hull, const struct query_value *value);
static int64_t start_of_day(int64_t time);

void search_bound_dates(struct search_plan *plan)
{
    plan->dates = (struct search_dates){
        .low = INT64_MIN, .high = INT64_MAX, .strict_low = INT64_MIN, .long_high = INT64_MIN};
    for (size_t i = 0; i < plan->term_count; i++) {
        const struct search_term *term = &plan->terms[i];

        if (term->atom_count > 0 && term->param->param == plan->columns->date && !term->negated)
            bound_by_term(&plan->dates, term);
    }
    if (plan->dates.strict_low > plan->dates.low)
        plan->dates.low = plan->dates.strict_low;
}

/* Alternatives widen each other, terms narrow each other. */
static void bound_by_term(struct search_dates *dates, const struct search_term *term)
{
    struct search_dates hull = {
        .low = INT64_MAX, .high = INT64_MIN, .strict_low = INT64_MAX, .long_high = INT64_MAX};

    for (size_t i = 0; i < term->atom_count; i++) {
        if (term->atoms[i].kind != ATOM_DATE)
            return; /* may be met by a side row */
        bound_by_value(&hull, term->atoms[i].value);
    }
    dates->bounded = true;
    if (hull.low > dates->low)
        dates->low = hull.low;
    if (hull.high < dates->high)
        dates->high = hull.high;
    if (hull.strict_low > dates->strict_low)
        dates->strict_low = hull.strict_low;
    if (hull.long_high > dates->long_high)
        dates->long_high = hull.long_high;
}

/* From `low <= d`, or `high >= dhi` for a row that lasts. */
static void bound_by_value(struct search_dates *hull, const struct query_value *value)
{
    struct search_dates one = {
        .low = INT64_MIN, .high = INT64_MAX, .strict_low = INT64_MIN, .long_high = INT64_MIN};

    switch (value->prefix) {
    case PREFIX_EQ:
        one.strict_low = one.low = value->time_low;
        one.high = value->time_high;
        break;
    case PREFIX_GT:
        one.long_high = value->time_high + 1;
        one.low = start_of_day(one.long_high);
        break;
    case PREFIX_GE:
    case PREFIX_AP:
        one.long_high = value->time_low;
        one.low = start_of_day(one.long_high);
        if (value->prefix == PREFIX_AP)
            one.high = value->time_high;
        break;
    case PREFIX_LT:
    case PREFIX_EB:
        one.high = value->time_low - 1;
        break;
    case PREFIX_LE:
        one.high = value->time_high;
        break;
    case PREFIX_SA:
        one.strict_low = one.low = value->time_high + 1;
        break;
    case PREFIX_NE:
        break;
    }
    if (one.low < hull->low)
        hull->low = one.low;
    if (one.high > hull->high)
        hull->high = one.high;
    if (one.strict_low < hull->strict_low)
        hull->strict_low = one.strict_low;
    if (one.long_high < hull->long_high)
        hull->long_high = one.long_high;
}

static int64_t start_of_day(int64_t time)
{
    int64_t in_day = time % day_us;

    return time - (in_day < 0 ? in_day + day_us : in_day);
}
