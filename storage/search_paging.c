/*
 * Search paging - fills a page with the rows of a plan, and with those of another plan when the
 * first turns out wrong.
 */

#include "storage/search_paging.h"

#include "base/arena.h"
#include "storage/search_ask.h"
#include "storage/search_cursor.h"
#include "storage/search_link.h"
#include "storage/search_row.h"
#include "storage/search_without.h"

enum { ROUNDS_MAX = 200 }; /* statements for one page whose hits are looked at one by one */

static bool settle_links(struct search_paging *paging, struct search_plan *plan, struct err *err);
static bool settle(struct search_paging *paging, struct search_link *link, struct err *err);
static bool choose(struct search_paging *paging, enum search_purpose purpose, struct err *err);
static bool fill_some(struct search_paging *paging, bool *exhausted, struct err *err);
static void move_to(struct search_paging *paging, const struct pg_result *result, int row);
static bool run(struct search_paging *paging, struct search_sql *sql,
                const struct pg_result **result, struct err *err);
static bool plan_again(struct search_paging *paging, struct err *err);
static bool overflowed(const struct search_paging *paging, const struct pg_result *result);
static bool count_by_looking(struct search_paging *paging, int64_t *total, struct err *err);

bool search_paging_begin(struct search_paging *paging, struct store *store,
                         const struct access *access, const struct query *query,
                         struct arena *arena, struct err *err)
{
    struct search_plan *plan = &paging->plan;

    search_plan_init(plan, store, access, query, arena);
    paging->arena = arena;
    search_without_want(plan);
    paging->look |= plan->inexact;
    if (!settle_links(paging, plan, err))
        return false;
    if (paging->limit == 0)
        return true; /* a count, which chooses for itself */
    return query->page.data ? search_cursor_read(paging, err) : choose(paging, SEARCH_PAGE, err);
}

/* What a link finds by a criterion that must be looked at in the resource itself is found
 * beforehand; from there it is known by its keys. */
static bool settle_links(struct search_paging *paging, struct search_plan *plan, struct err *err)
{
    for (size_t i = 0; i < plan->term_count; i++) {
        for (size_t k = 0; k < plan->terms[i].link_count; k++) {
            struct search_link *link = &plan->terms[i].links[k];

            if (!settle_links(paging, link->plan, err))
                return false;
            if (link->relation != LINK_SELF && link->plan->inexact && !settle(paging, link, err))
                return false;
        }
    }
    return true;
}

static bool settle(struct search_paging *paging, struct search_link *link, struct err *err)
{
    struct search_paging finding = {.plan = *link->plan,
                                    .pg = paging->pg,
                                    .limit = SEARCH_SORT_MAX,
                                    .look = true,
                                    .arena = paging->arena};

    if (!choose(&finding, SEARCH_PAGE, err) || !search_paging_fill(&finding, err))
        return false;
    if (finding.more)
        return err_set(err, ERR_UNPROCESSABLE, NULL,
                       "More than %d resources of type %s match what the chain asks of them, and "
                       "each must be looked at; ask for fewer.",
                       SEARCH_SORT_MAX, link->plan->type->name);
    search_plan_settle(link->plan, finding.rkeys, finding.count);
    link->matches = (double)finding.count;
    return true;
}

static bool choose(struct search_paging *paging, enum search_purpose purpose, struct err *err)
{
    if (search_plan_choose(&paging->plan, purpose, paging->limit + 1))
        return true;
    if (paging->plan.query->sorts[0].subject == QUERY_ID)
        return err_set(err, ERR_UNPROCESSABLE, "_sort",
                       "More than %d resources match, which is too many to sort by _id; add "
                       "criteria, or have ids kept in order by `isthmus index ids=%s`.",
                       SEARCH_SORT_MAX, paging->plan.type->name);
    return err_set(err, ERR_UNPROCESSABLE, "_sort",
                   "More than %d resources match, which is too many to sort in this way; add "
                   "criteria such as a patient, a code or a date, or sort by another parameter.",
                   SEARCH_SORT_MAX);
}

/* Hits that must be looked at may turn out to be none, so there may be several rounds. */
bool search_paging_fill(struct search_paging *paging, struct err *err)
{
    struct arena *arena = paging->plan.arena;
    bool exhausted = false;

    paging->entries = arena_many(arena, struct store_entry, paging->limit);
    paging->rkeys = arena_many(arena, int64_t, paging->limit);
    for (int round = 0; !paging->more && !exhausted; round++) {
        if (round == ROUNDS_MAX)
            return err_set(err, ERR_UNPROCESSABLE, NULL,
                           "Too many resources come close to what is searched for; add "
                           "criteria.");
        if (!fill_some(paging, &exhausted, err))
            return false;
    }
    return true;
}

static bool fill_some(struct search_paging *paging, bool *exhausted, struct err *err)
{
    const struct search_plan *plan = &paging->plan;
    unsigned limit = paging->look ? paging->limit + 32 : paging->limit + 1;
    struct search_sql sql = search_sql_in(plan->arena);
    const struct pg_result *result = NULL;

    search_source_page(plan, &paging->position, limit, &sql);
    if (!run(paging, &sql, &result, err))
        return false;
    if (!result)
        return true; /* another plan was chosen */

    for (int row = 0; row < pg_rows(result); row++) {
        struct store_version version;

        if (!paging->look && paging->count == paging->limit) {
            paging->more = true;
            return true;
        }
        if (!search_version(plan, plan->type, result, row, &version, err))
            return false;
        if (paging->look && !search_holds(plan, &version)) {
            move_to(paging, result, row);
            continue;
        }
        if (paging->count == paging->limit) {
            paging->more = true;
            return true;
        }
        paging->rkeys[paging->count] = pg_int8(result, row, COLUMN_RKEY);
        paging->entries[paging->count++] =
            (struct store_entry){.mode = STORE_MATCH, .version = version};
        move_to(paging, result, row);
    }
    *exhausted = pg_rows(result) < (int)limit;
    return true;
}

static void move_to(struct search_paging *paging, const struct pg_result *result, int row)
{
    paging->position.set = true;
    paging->position.rkey = pg_int8(result, row, COLUMN_RKEY);
    for (size_t i = 0; i < paging->plan.key_count; i++)
        paging->position.keys[i] = search_source_key(&paging->plan, result, row, i);
}

/* Waits. `*result` is NULL when the plan turned out wrong and another was chosen. */
static bool run(struct search_paging *paging, struct search_sql *sql,
                const struct pg_result **result, struct err *err)
{
    struct search_plan *plan = &paging->plan;
    struct search_answer answer;

    *result = NULL;
    if (!search_ask(plan, paging->pg, sql, &answer, err))
        return false;
    if (answer.enters && !paging->position.set)
        return plan_again(paging, err);

    bool avoids = answer.second && search_plan_avoid_codes(plan);
    if (answer.second && !paging->position.set)
        return choose(paging, SEARCH_PAGE, err);
    if (avoids)
        return true;
    if (plan->mode == MODE_SORT && overflowed(paging, answer.result))
        return choose(paging, SEARCH_WALK, err);
    *result = answer.result;
    return true;
}

/* From the beginning, now that more is known. */
static bool plan_again(struct search_paging *paging, struct err *err)
{
    struct search_plan *plan = &paging->plan;
    struct arena *rows = plan->arena;

    search_plan_init(plan, plan->store, plan->access, plan->query, paging->arena);
    paging->look |= plan->inexact;
    if (!settle_links(paging, plan, err) || !choose(paging, SEARCH_PAGE, err))
        return false;
    plan->arena = rows;
    return true;
}

static bool overflowed(const struct search_paging *paging, const struct pg_result *result)
{
    int column = COLUMN_KEYS + (int)paging->plan.key_count;

    return pg_rows(result) > 0 && pg_int8(result, 0, column) > SEARCH_SORT_MAX;
}

/* Totals */

bool search_paging_count(struct search_paging *paging, int64_t *total, struct err *err)
{
    struct search_plan *plan = &paging->plan;
    const struct pg_result *result = NULL;

    if (plan->inexact)
        return count_by_looking(paging, total, err);
    if (!search_plan_choose(plan, SEARCH_COUNT, 0))
        return choose(paging, SEARCH_COUNT, err);
    while (!result) {
        struct search_sql sql = search_sql_in(plan->arena);

        search_source_count(plan, &sql);
        if (!run(paging, &sql, &result, err))
            return false;
        if (!result && !search_plan_choose(plan, SEARCH_COUNT, 0))
            return choose(paging, SEARCH_COUNT, err);
    }
    *total = pg_int8(result, 0, 0);
    return true;
}

/* Of hits that must be looked at there is no other way to know. */
static bool count_by_looking(struct search_paging *paging, int64_t *total, struct err *err)
{
    paging->limit = SEARCH_SORT_MAX;
    if (!choose(paging, SEARCH_PAGE, err) || !search_paging_fill(paging, err))
        return false;
    *total = (int64_t)paging->count;
    return !paging->more ||
           err_set(err, ERR_UNPROCESSABLE, "_total",
                   "More than %d resources match and each must be looked at, which is too many to "
                   "count; leave :exact out.",
                   SEARCH_SORT_MAX);
}
