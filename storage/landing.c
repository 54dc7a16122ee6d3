/*
 * Landing - windows and units.
 */

#include "storage/landing.h"

#include "base/arena.h"
#include "base/buf.h"
#include "storage/body.h"
#include "storage/landing_internal.h"

#define COLUMNS                                                                                    \
    "number, partner, mode, type, query, state, reason, since, opened, closed, snapshot, units,"   \
    " next, expected, landed, applied, unchanged, older, dead, waiting, partial"

static bool land(struct store *store, struct pg *pg, const struct landing_unit *unit,
                 struct text packed, size_t size, struct arena *arena, bool *already,
                 struct err *err);
static bool insert_unit(struct store *store, struct pg *pg, const struct landing_unit *unit,
                        struct text packed, size_t size, struct arena *arena, bool *inserted,
                        struct err *err);
static bool check_already(struct store *store, struct pg *pg, const struct landing_unit *unit,
                          struct arena *arena, bool *open, struct err *err);
static bool end_window(struct pg *pg, int64_t window, struct arena *arena, struct err *err);
static void fill(const struct pg_result *result, int row, struct landing_window *window);
static void fill_all(const struct pg_result *result, struct arena *arena,
                     struct landing_window **windows, size_t *count);

bool landing_window_open(struct store *store, const struct landing_cursor_key *key,
                         struct text since, bool snapshot, struct arena *arena,
                         struct landing_window *window, struct err *err)
{
    static const struct pg_statement open = {
        "insert into f_sync_window (partner, mode, type, query_hash, query, since, snapshot)"
        " values ($1::int4, $2::text, $3::text, $4::int8, $5::text, $6::text, $7::bool)"
        " on conflict (partner, mode, type, query_hash) where state = 'O'"
        " do update set units = f_sync_window.units returning " COLUMNS};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    landing_add_key(&params, store, key);
    pg_add_text(&params, since);
    pg_add_bool(&params, snapshot);
    if (!pool_run(store->transactions, NULL, &open, &params, arena, &result, err))
        return false;
    fill(result, 0, window);
    return true;
}

bool landing_window_give_up(struct store *store, int64_t window, const char *reason,
                            struct err *err)
{
    static const struct pg_statement give_up = {
        "update f_sync_window set state = 'I', reason = $2::text, closed = clock_timestamp()"
        " where number = $1::int8 and state = 'O'"};
    struct pg_params params = pg_params_in(arena_new());

    pg_add_int8(&params, window);
    pg_add_text(&params, text_of(reason));
    return landing_run_alone(store, &give_up, &params, NULL, err);
}

bool landing_window_note(struct store *store, int64_t window, const char *reason, bool partial,
                         struct err *err)
{
    static const struct pg_statement note = {
        "update f_sync_window set reason = $2::text, partial = partial or $3::bool"
        " where number = $1::int8"};
    struct pg_params params = pg_params_in(arena_new());

    pg_add_int8(&params, window);
    pg_add_text(&params, text_of(reason));
    pg_add_bool(&params, partial);
    return landing_run_alone(store, &note, &params, NULL, err);
}

bool landing_window_list(struct store *store, int32_t partner, bool incomplete, unsigned limit,
                         struct arena *arena, struct landing_window **windows, size_t *count,
                         struct err *err)
{
    static const struct pg_statement list = {
        "select " COLUMNS " from f_sync_window where partner = $1::int4"
        " and (state = 'I' or partial and state <> 'O' or not $2::bool)"
        " order by number desc limit $3::int8"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int4(&params, partner);
    pg_add_bool(&params, incomplete);
    pg_add_int8(&params, limit);
    if (!pg_query(store->read, &list, &params, arena, &result, err))
        return false;
    fill_all(result, arena, windows, count);
    return true;
}

bool landing_window_list_open(struct store *store, int32_t partner, struct arena *arena,
                              struct landing_window **windows, size_t *count, struct err *err)
{
    static const struct pg_statement statement = {
        "select " COLUMNS " from f_sync_window where partner = $1::int4 and state = 'O'"
        " order by number"};
    const struct pg_result *result;

    if (!landing_of_partner(store, &statement, partner, arena, &result, err))
        return false;
    fill_all(result, arena, windows, count);
    return true;
}

bool landing_window_snapshots(struct store *store, int32_t partner, struct arena *arena,
                              struct landing_window **windows, size_t *count, struct err *err)
{
    static const struct pg_statement statement = {
        "select " COLUMNS " from f_sync_window w where partner = $1::int4 and snapshot"
        " and state = 'C' and not reconciled and not partial and number > coalesce((select"
        " max(number) from f_sync_window r where r.partner = $1::int4 and r.mode = w.mode"
        " and r.type = w.type and r.query_hash = w.query_hash and r.reconciled), 0)"
        " order by number"};
    const struct pg_result *result;

    if (!landing_of_partner(store, &statement, partner, arena, &result, err))
        return false;
    fill_all(result, arena, windows, count);
    return true;
}

static enum landing_window_state state_of(char letter)
{
    static const char letters[] = "OLCI";
    const char *found = strchr(letters, letter);

    return found ? (enum landing_window_state)(found - letters) : LANDING_INCOMPLETE;
}

static void fill(const struct pg_result *result, int row, struct landing_window *window)
{
    *window = (struct landing_window){
        .number = pg_int8(result, row, 0),
        .key =
            {
                .partner = pg_int4(result, row, 1),
                .mode = pg_text(result, row, 2).data,
                .type = pg_text(result, row, 3).data,
                .query = pg_text(result, row, 4),
            },
        .state = state_of(pg_char(result, row, 5)),
        .reason = pg_text(result, row, 6).data,
        .since = pg_text(result, row, 7),
        .opened = pg_timestamp(result, row, 8),
        .closed = landing_time(result, row, 9),
        .snapshot = pg_bool(result, row, 10),
        .units = pg_int4(result, row, 11),
        .next = pg_text(result, row, 12),
        .counts = landing_counts_of(result, row, 13),
        .partial = pg_bool(result, row, 20),
    };
}

static void fill_all(const struct pg_result *result, struct arena *arena,
                     struct landing_window **windows, size_t *count)
{
    *count = (size_t)pg_rows(result);
    *windows = arena_many(arena, struct landing_window, *count);
    for (size_t i = 0; i < *count; i++)
        fill(result, (int)i, &(*windows)[i]);
}

bool landing_land(struct store *store, const struct landing_unit *unit, bool *already,
                  struct err *err)
{
    struct arena *arena;
    struct buf rows = {0};

    if (unit->count > LANDING_UNIT_MAX)
        return err_set(err, ERR_TOO_LARGE, NULL, "More rows than a unit may have.");
    struct pg *pg = pool_acquire(store->transactions, err);
    if (!pg)
        return false;

    arena = arena_new();
    landing_rows_write(unit->rows, unit->count, &rows);
    size_t size = rows.size;
    struct text packed =
        body_pack(store->codec, (struct text){rows.data ? rows.data : "", size}, arena);
    buf_release(&rows);
    pg_begin(pg);
    bool good = land(store, pg, unit, packed, size, arena, already, err) && pg_commit(pg, err);
    pool_release(store->transactions, pg);
    arena_free(arena);
    return good;
}

static bool land(struct store *store, struct pg *pg, const struct landing_unit *unit,
                 struct text packed, size_t size, struct arena *arena, bool *already,
                 struct err *err)
{
    bool inserted, open = true, moved = true;

    if (!insert_unit(store, pg, unit, packed, size, arena, &inserted, err))
        return false;
    *already = !inserted;
    if (!inserted && !check_already(store, pg, unit, arena, &open, err))
        return false;
    if (!open || !unit->last) /* a last unit that is there has moved its cursor too */
        return true;
    if (unit->cursor && !landing_move_cursor(store, pg, unit->cursor, &moved, err))
        return false;
    if (!moved)
        return err_set(err, ERR_CONFLICT, NULL, "Somebody else moved the cursor meanwhile.");
    return end_window(pg, unit->window, arena, err);
}

/* One statement: the unit, its bytes, and the account of the window. */
static bool insert_unit(struct store *store, struct pg *pg, const struct landing_unit *unit,
                        struct text packed, size_t size, struct arena *arena, bool *inserted,
                        struct err *err)
{
    static const struct pg_statement insert = {
        "with w as materialized (select number, partner from f_sync_window"
        " where number = $1::int8 and state = 'O' for no key update),"
        " u as (insert into f_sync_unit (window_number, partner, url_hash, size, rows, waiting,"
        " states) select number, partner, $2::int8, $3::int4, $4::int4, $4::int4,"
        " convert_to(repeat('w', $4::int4), 'UTF8') from w"
        " on conflict (window_number, url_hash) do nothing returning number, window_number),"
        " b as (insert into f_landing select number, $5::bytea from u where $4::int4 > 0)"
        " update f_sync_window f set units = units + 1, expected = expected + $6::int8,"
        " landed = landed + $4::int4, waiting = waiting + $4::int4, next = $7::text"
        " from u where f.number = u.window_number"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int8(&params, unit->window);
    pg_add_int8(&params, landing_hash(store, unit->url));
    pg_add_int4(&params, (int32_t)size);
    pg_add_int4(&params, (int32_t)unit->count);
    pg_add_bytea(&params, packed.data, packed.size);
    pg_add_int8(&params, unit->expected);
    pg_add_text(&params, unit->next);
    if (!pg_query(pg, &insert, &params, arena, &result, err))
        return false;
    *inserted = pg_affected(result) == 1;
    return true;
}

static bool check_already(struct store *store, struct pg *pg, const struct landing_unit *unit,
                          struct arena *arena, bool *open, struct err *err)
{
    static const struct pg_statement ask = {
        "select w.state = 'O', exists (select from f_sync_unit u where u.window_number = w.number"
        " and u.url_hash = $2::int8) from f_sync_window w where w.number = $1::int8"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int8(&params, unit->window);
    pg_add_int8(&params, landing_hash(store, unit->url));
    if (!pg_query(pg, &ask, &params, arena, &result, err))
        return false;
    if (pg_rows(result) == 0 || !pg_bool(result, 0, 1))
        return err_set(err, ERR_CONFLICT, NULL, "The window is not open any more.");
    *open = pg_bool(result, 0, 0);
    return true;
}

static bool end_window(struct pg *pg, int64_t window, struct arena *arena, struct err *err)
{
    static const struct pg_statement end = {
        "update f_sync_window set next = null,"
        " state = case waiting when 0 then 'C'::\"char\" else 'L'::\"char\" end,"
        " closed = case waiting when 0 then clock_timestamp() end where number = $1::int8"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int8(&params, window);
    return pg_query(pg, &end, &params, arena, &result, err);
}
