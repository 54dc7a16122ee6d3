#pragma once

/*
 * Search statements - one is sent, and with it the question whether its plan may trust the column
 * of codes.
 */

#include "storage/search_plan.h"
#include "storage/search_sql.h"

struct pg;

struct search_answer {
    const struct pg_result *result; /* in the plan's arena */
    bool second; /* a code that was looked for in the column stands behind another somewhere */
    bool enters; /* or something contained, where the plan thought there was none */
};

/* Waits. What it learns of codes is also noted for later plans (search_stats.h). ERR_INVALID when
 * the statement has too many values; ERR_TIMEOUT names the criterion that was gone by. */
bool search_ask(const struct search_plan *plan, struct pg *pg, struct search_sql *sql,
                struct search_answer *answer, struct err *err);
