/*
 * Search - plans a query, runs its statements and makes pages of the rows.
 */

#include "storage/search.h"

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/query.h"
#include "storage/cursor.h"
#include "storage/extraction.h"
#include "storage/search_contained.h"
#include "storage/search_cost.h"
#include "storage/search_each.h"
#include "storage/search_include.h"
#include "storage/search_link.h"
#include "storage/search_row.h"
#include "storage/search_sort.h"
#include "storage/search_stats.h"
#include "storage/search_types.h"
#include "storage/search_without.h"

#include <math.h>

enum {
    ROUNDS_MAX = 200, /* statements for one page whose hits are looked at one by one */
    EACH_AT_ONCE = 500,
    COUNTED_MAX = 20000, /* rows that are read for a total that may be an estimate */
};

/* A page in the making. */
struct paging {
    struct search_plan plan;
    struct pg *pg;
    unsigned limit;
    bool look; /* at every hit itself, not only at its hashes */
    struct search_position position;
    struct store_entry *entries;
    int64_t *rkeys;
    size_t count;
    bool enters; /* its chains lead to what is contained, as was just found out */
    bool more;   /* there are matches behind the last entry */
    bool has_total;
    int64_t total;       /* known from an earlier page */
    struct arena *arena; /* of the plan, while that has one for its rows */
};

static bool search(struct store *store, const struct access *access, const struct query *query,
                   struct arena *arena, struct store_page *page, struct err *err);
static bool sort_page(struct paging *paging, struct store *store, const struct access *access,
                      const struct query *query, struct arena *arena, struct store_page *page,
                      struct err *err);
static bool find_total(struct paging *paging, struct err *err);
static void keep_position(struct paging *paging, struct arena *arena);
static bool begin(struct paging *paging, struct store *store, const struct access *access,
                  const struct query *query, struct arena *arena, struct err *err);
static bool settle_links(struct paging *paging, struct search_plan *plan, struct err *err);
static bool settle(struct paging *paging, struct search_link *link, struct err *err);
static bool choose(struct paging *paging, enum search_purpose purpose, struct err *err);
static bool fill(struct paging *paging, struct err *err);
static bool fill_some(struct paging *paging, bool *exhausted, struct err *err);
static bool run(struct paging *paging, struct search_sql *sql, const struct pg_result **result,
                struct err *err);
static bool send_both(struct paging *paging, struct search_sql *sql,
                      const struct pg_result **result, bool *second, struct err *err);
static void ask_codes(struct pg_params *params, const struct search_plan *plan,
                      const struct search_code *codes, size_t count);
static bool note_seconds(struct paging *paging, const struct pg_result *found,
                         const struct search_code *codes, size_t count);
static bool explain_timeout(const struct paging *paging, const struct err *cause, struct err *err);
static bool refuse_too_many_values(struct err *err);
static bool overflowed(const struct paging *paging, const struct pg_result *result);
static void move_to(struct paging *paging, const struct pg_result *result, int row);
static bool count_matches(struct paging *paging, int64_t *total, struct err *err);
static bool count_by_looking(struct paging *paging, int64_t *total, struct err *err);
static const char *write_cursor(const struct paging *paging);
static bool read_cursor(struct paging *paging, struct err *err);
static uint64_t identity(const struct search_plan *plan);

bool store_search(struct store *store, const struct access *access, const struct query *query,
                  struct arena *arena, struct store_page *page, struct err *err)
{
    unsigned began = member_begin(store);
    bool good = search_is_whole(query, err) && search(store, access, query, arena, page, err);

    member_end(store, began);
    return good;
}

bool search_is_whole(const struct query *query, struct err *err)
{
    const struct search_param *unfinished = query_find_unfinished(query);

    if (query->contained != QUERY_OUTER && extraction_any_behind())
        return err_set(err, ERR_INVALID, "_contained",
                       "\"_contained\" cannot be used yet: what an earlier version of the server "
                       "stored has to be indexed anew. That is what $reindex is for.");
    return !unfinished ||
           err_set(err, ERR_INVALID, unfinished->code,
                   "%s cannot be searched by \"%s\" now: the definition of the parameter changed.",
                   unfinished->type, unfinished->code);
}

static bool search(struct store *store, const struct access *access, const struct query *query,
                   struct arena *arena, struct store_page *page, struct err *err)
{
    struct paging paging = {.pg = store->search, .limit = query->count};
    bool accurate = query->total != QUERY_TOTAL_NONE;

    *page = (struct store_page){0};
    query = search_contained(store, access, query, arena, err);
    if (!query)
        return false;
    if (query->type_count > 0)
        return search_types(store, access, query, arena, page, err);
    store->counters.searches++;
    search_stats_refresh(store);
    if (search_sort_is_needed(query) && !query->count_only)
        return sort_page(&paging, store, access, query, arena, page, err);
    if (!begin(&paging, store, access, query, arena, err))
        return false;
    if (query->count_only) {
        page->has_total = true;
        return count_matches(&paging, &page->total, err);
    }

    if (!fill(&paging, err))
        return false;
    page->entries = paging.entries;
    page->count = paging.count;
    if (accurate && !paging.has_total && !find_total(&paging, err))
        return false;
    page->has_total = accurate;
    page->total = paging.total;
    if (paging.more)
        page->next = write_cursor(&paging);
    return query->include_count == 0 || search_include(&paging.plan, paging.rkeys, page, err);
}

/* With the first page that asks for it. What is all on this page needs no counting. */
static bool find_total(struct paging *paging, struct err *err)
{
    const struct search_plan *plan = &paging->plan;
    struct paging counting = {.pg = paging->pg};

    paging->has_total = true;
    paging->total = (int64_t)paging->count;
    if (!plan->query->page.data && !paging->more)
        return true;
    if (!begin(&counting, plan->store, plan->access, plan->query, plan->arena, err))
        return false;
    if (plan->query->total == QUERY_TOTAL_ESTIMATE && !plan->inexact &&
        search_plan_choose(&counting.plan, SEARCH_COUNT, 0) &&
        search_cost_rows_read(&counting.plan) > COUNTED_MAX) {
        paging->total = (int64_t)fmax(search_cost_matches(&counting.plan), (double)paging->count);
        return true;
    }
    return count_matches(&counting, &paging->total, err);
}

/* The plan is made for what is included. */
static bool sort_page(struct paging *paging, struct store *store, const struct access *access,
                      const struct query *query, struct arena *arena, struct store_page *page,
                      struct err *err)
{
    search_plan_init(&paging->plan, store, access, query, arena);
    return search_sort(store, access, query, arena, page, &paging->rkeys, err) &&
           (query->include_count == 0 || search_include(&paging->plan, paging->rkeys, page, err));
}

bool search_each(struct store *store, struct pg *pg, const struct access *access,
                 const struct query *query, size_t most, struct arena *arena,
                 search_visit_fn *visit, void *context, bool *more, struct err *err)
{
    struct query *only = arena_one(arena, struct query);
    struct paging paging = {.pg = pg, .limit = EACH_AT_ONCE};
    size_t seen = 0;
    bool good = true;

    *only = *query;
    only->sort_count = 0;
    only->page = (struct text){0};
    search_stats_refresh(store);
    if (!begin(&paging, store, access, only, arena, err))
        return false;
    do {
        paging.plan.arena = arena_new();
        paging.count = 0;
        paging.more = false;
        good = fill(&paging, err);
        for (size_t i = 0; good && i < paging.count; i++) {
            *more = seen++ == most;
            if (*more)
                break;
            visit(context, &paging.plan, paging.rkeys[i], &paging.entries[i].version);
        }
        keep_position(&paging, arena);
        arena_free(paging.plan.arena);
    } while (good && paging.more && !*more);
    return good;
}

/* Beyond the rows it was taken from. */
static void keep_position(struct paging *paging, struct arena *arena)
{
    for (size_t i = 0; paging->position.set && i < paging->plan.key_count; i++) {
        struct text *text = &paging->position.keys[i].text;

        text->data = text_dup(arena, *text);
    }
}

bool search_find(struct store *store, struct pg *pg, const struct access *access,
                 const struct query *query, size_t limit, struct arena *arena,
                 struct store_version *found, size_t *count, struct err *err)
{
    struct query only = *query; /* order and place do not matter */
    struct paging paging = {.pg = pg, .limit = (unsigned)limit, .look = true};

    only.sort_count = 0;
    only.page = (struct text){0};
    search_stats_refresh(store);
    if (!search_is_whole(&only, err) || !begin(&paging, store, access, &only, arena, err) ||
        !fill(&paging, err))
        return false;
    for (size_t i = 0; i < paging.count; i++)
        found[i] = paging.entries[i].version;
    *count = paging.count;
    return true;
}

static bool begin(struct paging *paging, struct store *store, const struct access *access,
                  const struct query *query, struct arena *arena, struct err *err)
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
    return query->page.data ? read_cursor(paging, err) : choose(paging, SEARCH_PAGE, err);
}

/* What a link finds by a criterion that must be looked at in the resource itself is found
 * beforehand; from there it is known by its keys. */
static bool settle_links(struct paging *paging, struct search_plan *plan, struct err *err)
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

static bool settle(struct paging *paging, struct search_link *link, struct err *err)
{
    struct paging finding = {.plan = *link->plan,
                             .pg = paging->pg,
                             .limit = SEARCH_SORT_MAX,
                             .look = true,
                             .arena = paging->arena};

    if (!choose(&finding, SEARCH_PAGE, err) || !fill(&finding, err))
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

static bool choose(struct paging *paging, enum search_purpose purpose, struct err *err)
{
    if (search_plan_choose(&paging->plan, purpose, paging->limit + 1))
        return true;
    return err_set(err, ERR_UNPROCESSABLE, "_sort",
                   "More than %d resources match, which is too many to sort in this way; add "
                   "criteria such as a patient, a code or a date, or sort by another parameter.",
                   SEARCH_SORT_MAX);
}

/* Hits that must be looked at may turn out to be none, so there may be several rounds. */
static bool fill(struct paging *paging, struct err *err)
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

static bool fill_some(struct paging *paging, bool *exhausted, struct err *err)
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

static void move_to(struct paging *paging, const struct pg_result *result, int row)
{
    paging->position.set = true;
    paging->position.rkey = pg_int8(result, row, COLUMN_RKEY);
    for (size_t i = 0; i < paging->plan.key_count; i++)
        paging->position.keys[i] = search_source_key(&paging->plan, result, row, i);
}

/* From the beginning, now that more is known. */
static bool plan_again(struct paging *paging, struct err *err)
{
    struct search_plan *plan = &paging->plan;
    struct arena *rows = plan->arena;

    search_plan_init(plan, plan->store, plan->access, plan->query, paging->arena);
    paging->enters = false;
    paging->look |= plan->inexact;
    if (!settle_links(paging, plan, err) || !choose(paging, SEARCH_PAGE, err))
        return false;
    plan->arena = rows;
    return true;
}

/* Waits. `*result` is NULL when the plan turned out wrong and another was chosen. */
static bool run(struct paging *paging, struct search_sql *sql, const struct pg_result **result,
                struct err *err)
{
    struct search_plan *plan = &paging->plan;
    struct err cause = {0};
    bool second = false;

    if (sql->too_many)
        return refuse_too_many_values(err);
    if (!send_both(paging, sql, result, &second, &cause))
        return explain_timeout(paging, &cause, err);
    if (second && paging->enters && !paging->position.set) {
        *result = NULL;
        return plan_again(paging, err);
    }
    if (second && search_plan_avoid_codes(plan))
        *result = NULL;
    if (second && !paging->position.set) {
        *result = NULL;
        return choose(paging, SEARCH_PAGE, err);
    }
    if (!*result)
        return true;
    if (plan->mode == MODE_SORT && overflowed(paging, *result)) {
        *result = NULL;
        return choose(paging, SEARCH_WALK, err);
    }
    return true;
}

/*
 * The statement, and before it whether one of the codes it looks for in the
 * column stands behind the first code of some resource: asked each time, because
 * another process may just have written such a one, and in the same breath, because
 * mostly there is none.
 */
static bool send_both(struct paging *paging, struct search_sql *sql,
                      const struct pg_result **result, bool *second, struct err *err)
{
    static const struct pg_statement lookup = {
        "select rtype, code from f_code where tenant = $1::int4 and rtype = any($2::int2[]) "
        "and code = any($3::int8[])"};
    struct search_plan *plan = &paging->plan;
    struct pg_params params = pg_params_in(plan->arena);
    struct pg_reply asked = {0}, found = {0};
    const struct pg_result *seconds = NULL;
    size_t code_count;
    const struct search_code *codes = search_plan_codes(plan, &code_count);

    if (code_count > 0) {
        ask_codes(&params, plan, codes, code_count);
        pg_send(paging->pg, &lookup, &params, plan->arena, &asked);
    }
    pg_send_sql(paging->pg, buf_text(&sql->text), &sql->params, plan->arena, &found);
    if (code_count > 0 && !pg_wait(&asked, &seconds, err)) {
        pg_drop(&found);
        return false;
    }
    if (!pg_wait(&found, result, err))
        return false;
    *second = seconds && note_seconds(paging, seconds, codes, code_count);
    return true;
}

static void ask_codes(struct pg_params *params, const struct search_plan *plan,
                      const struct search_code *codes, size_t count)
{
    int64_t *hashes = arena_many(plan->arena, int64_t, count);
    int16_t *types = arena_many(plan->arena, int16_t, count);

    for (size_t i = 0; i < count; i++) {
        hashes[i] = codes[i].code;
        types[i] = (int16_t)codes[i].type->number;
    }
    pg_add_int4(params, plan->access->tenant);
    pg_add_int2_array(params, types, count);
    pg_add_int8_array(params, hashes, NULL, count);
}

/* Whether one of the codes was found; it may have been asked for of another type only. */
static bool note_seconds(struct paging *paging, const struct pg_result *found,
                         const struct search_code *codes, size_t count)
{
    bool any = false;

    for (int row = 0; row < pg_rows(found); row++) {
        for (size_t i = 0; i < count; i++) {
            if (codes[i].type->number != (unsigned)pg_int2(found, row, 0) ||
                codes[i].code != pg_int8(found, row, 1))
                continue;
            if (codes[i].contains)
                search_stats_note_contains(paging->plan.store, codes[i].type, codes[i].contains);
            else
                search_stats_note_second(paging->plan.store, codes[i].type, codes[i].code);
            paging->enters |= codes[i].contains != NULL;
            any = true;
        }
    }
    return any;
}

static bool overflowed(const struct paging *paging, const struct pg_result *result)
{
    int column = COLUMN_KEYS + (int)paging->plan.key_count;

    return pg_rows(result) > 0 && pg_int8(result, 0, column) > SEARCH_SORT_MAX;
}

static bool refuse_too_many_values(struct err *err)
{
    return err_set(err, ERR_INVALID, NULL,
                   "The search compares more dates, numbers and strings than one statement may; "
                   "ask for fewer at once.");
}

/* Which criterion was gone by is what the client can change something about. */
static bool explain_timeout(const struct paging *paging, const struct err *cause, struct err *err)
{
    const struct search_plan *plan = &paging->plan;
    const char *by = search_plan_driving_code(plan);

    if (cause->kind != ERR_TIMEOUT) {
        *err = *cause;
        return false;
    }
    if (by)
        return err_set(err, ERR_TIMEOUT, by,
                       "The search took too long: it went through what \"%s\" selects. Make that "
                       "narrower, or add a patient, an identifier, a code with its system or a "
                       "range of dates.",
                       by);
    return err_set(err, ERR_TIMEOUT, NULL,
                   "The search took too long: no criterion selects few resources, so all %s were "
                   "gone through. Add a patient, an identifier, a code with its system or a range "
                   "of dates.",
                   plan->query->type);
}

/* Totals */

static bool count_matches(struct paging *paging, int64_t *total, struct err *err)
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
static bool count_by_looking(struct paging *paging, int64_t *total, struct err *err)
{
    paging->limit = SEARCH_SORT_MAX;
    if (!choose(paging, SEARCH_PAGE, err) || !fill(paging, err))
        return false;
    *total = (int64_t)paging->count;
    return !paging->more ||
           err_set(err, ERR_UNPROCESSABLE, "_total",
                   "More than %d resources match and each must be looked at, which is too many to "
                   "count; leave :exact out.",
                   SEARCH_SORT_MAX);
}

/* Cursors */

static const char *write_cursor(const struct paging *paging)
{
    const struct search_plan *plan = &paging->plan;
    struct cursor cursor = cursor_begin(plan->arena);

    cursor_put_int(&cursor, plan->driver);
    cursor_put_int(&cursor, plan->mode);
    cursor_put_int(&cursor, plan->driving);
    cursor_put_int(&cursor, paging->has_total ? paging->total : -1);
    for (size_t i = 0; i < plan->key_count; i++) {
        const struct search_key_value *value = &paging->position.keys[i];

        cursor_put_int(&cursor, value->null);
        cursor_put_int(&cursor, value->time);
        cursor_put_float(&cursor, value->number);
        cursor_put_text(&cursor, value->text);
    }
    cursor_put_int(&cursor, paging->position.rkey);
    return cursor_text(&cursor, &plan->store->cursor_key, identity(plan));
}

static bool read_cursor(struct paging *paging, struct err *err)
{
    struct search_plan *plan = &paging->plan;
    struct cursor cursor;

    if (!cursor_open(&cursor, plan->arena, plan->query->page, &plan->store->cursor_key,
                     identity(plan), err))
        return false;
    int64_t driver = cursor_take_int(&cursor), mode = cursor_take_int(&cursor);
    int64_t driving = cursor_take_int(&cursor), total = cursor_take_int(&cursor);

    if (!search_plan_resume(plan, driver, mode, driving)) {
        cursor.failed = true;
        return cursor_end(&cursor, err);
    }
    paging->has_total = total >= 0;
    paging->total = total;
    for (size_t i = 0; i < plan->key_count; i++) {
        struct search_key_value *value = &paging->position.keys[i];

        value->null = cursor_take_int(&cursor) != 0;
        value->time = cursor_take_int(&cursor);
        value->number = cursor_take_float(&cursor);
        value->text = cursor_take_text(&cursor);
    }
    paging->position.rkey = cursor_take_int(&cursor);
    paging->position.set = true;
    return cursor_end(&cursor, err);
}

static uint64_t identity(const struct search_plan *plan)
{
    struct buf text = buf_in(plan->arena);
    struct hash_state state;

    query_write_identity(plan->query, &text);
    hash_init(&state, &plan->store->cursor_key);
    hash_part(&state, "search2", 7); /* rises when the order of pages changes */
    hash_number(&state, (uint32_t)plan->access->tenant);
    hash_part(&state, text.data, text.size);
    return hash_done(&state);
}
