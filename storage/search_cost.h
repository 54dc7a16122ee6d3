#pragma once

/* Search cost, part of the plan - which way to answer would read least. */

#include "storage/search_plan.h"

struct search_candidate {
    enum search_driver driver;
    enum search_mode mode;
    int driving;
    double cost; /* rows read */
};

/* False when there is no way. The plan's keys are what the query sorts by. */
bool search_cheapest(const struct search_plan *plan, enum search_purpose purpose, unsigned limit,
                     struct search_candidate *cheapest);

/* How many rows match, probably. */
double search_cost_matches(const struct search_plan *plan);

/* How many are read for it, the way the plan has chosen. */
double search_cost_rows_read(const struct search_plan *plan);
