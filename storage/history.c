/*
 * History - the versions of a resource, of a type, of everything; newest first.
 *
 * One resource: its table and f_hist by key, in the order of versions. A type
 * or everything: f_log says which versions there were, in the order of
 * their time, and where they were put; then their bodies are fetched, all of a table at once.
 *
 * A cursor holds the last entry of its page. Versions that are written while
 * a client pages are newer than its cursor and do not disturb.
 */

#include "base/arena.h"
#include "storage/cursor.h"
#include "storage/store_internal.h"

enum { PAGE_MAX = 10000 };

#define OF_INSTANCE(table_id, name, ...)                                                           \
    [table_id] = {                                                                                 \
        "select ver, updated, op, id, body from (select * from (select ver, updated, op, id, body" \
        " from " name " where rkey = $1::int8 and ver < $2::int4 offset 0) now"                    \
        " union all select * from (select ver, updated, op, id, body from f_hist"                  \
        " where rkey = $1::int8 and ver < $2::int4 and updated >= $3::timestamptz and id = $4::"   \
        "text"                                                                                     \
        " order by ver desc limit $5::int4) past) versions"                                        \
        " where updated >= $3::timestamptz and id = $4::text order by ver desc limit $5::int4"},
static const struct pg_statement of_instance[] = {TABLES(OF_INSTANCE)};
#undef OF_INSTANCE

/* Each type has its own place in the index. */
#define LINES_OF_TYPES                                                                             \
    " cross join lateral (select rtype, rkey, ver, updated, op, id, seq, place from f_log"         \
    "  where tenant = $1::int4 and rtype = t.rtype"                                                \
    "  and (updated, seq) < ($2::timestamptz, $3::int8) and updated >= $4::timestamptz"            \
    "  order by updated desc, seq desc limit $5::int4) l"                                          \
    " order by l.updated desc, l.seq desc limit $5::int4"

static const struct pg_statement of_type = {"select l.* from (select $6::int2 as rtype) "
                                            "t" LINES_OF_TYPES};

/* Steps from type to type: asking all of R4 would be some 150 probes. */
static const struct pg_statement of_all_types = {
    "with recursive t(rtype) as ("
    "(select rtype from f_log where tenant = $1::int4 order by rtype limit 1) union all "
    "select (select f.rtype from f_log f where f.tenant = $1::int4 and f.rtype > t.rtype "
    "order by f.rtype limit 1) from t where t.rtype is not null)"
    " select l.* from t" LINES_OF_TYPES};

#define BODIES_BY_KEY(table_id, name, ...)                                                         \
    [table_id] = {"select rkey, ver, body from " name " where rkey = any($1::int8[])"},
#define BODIES_BY_PLACE(table_id, name, ...)                                                       \
    [table_id] = {"select rkey, ver, body from " name " where ctid = any($1::tid[])"},
static const struct pg_statement current_bodies[][TABLE_COUNT] = {{TABLES(BODIES_BY_KEY)},
                                                                  {TABLES(BODIES_BY_PLACE)}};
#undef BODIES_BY_KEY
#undef BODIES_BY_PLACE

static const struct pg_statement past_bodies = {
    "select w.n, h.body from unnest($1::int8[], $2::int4[]) with ordinality w(rkey, ver, n),"
    " lateral (select body from f_hist where rkey = w.rkey and ver = w.ver offset 0) h"};

/* One line of f_log, and its body when it is found. */
struct line {
    const struct type *type;
    int64_t rkey, number, updated, seq;
    char op;
    struct text id;
    struct text place; /* where its row was put; none: not known, or not there any more */
    struct text body;
};

struct run {
    struct store *store;
    const struct access *access;
    const struct store_history_query *query;
    struct arena *arena;
    uint64_t query_hash;
    struct line *lines;
    size_t count;
};

static bool instance_history(struct run *run, const struct type *type, struct store_page *page,
                             struct err *err);
static bool open_instance_cursor(struct run *run, int64_t *before, struct err *err);
static bool types_history(struct run *run, const struct type *type, struct store_page *page,
                          struct err *err);
static bool open_types_cursor(struct run *run, int64_t *updated, int64_t *seq, struct err *err);
static void read_lines(struct run *run, const struct pg_result *result);
static bool fetch_bodies(struct run *run, struct err *err);
static bool fetch_current(struct run *run, struct err *err);
static bool send_lines(struct run *run, enum table_id table, bool by_place, struct pg_reply *reply);
static bool take_current(struct run *run, struct pg_reply *reply, struct err *err);
static bool fetch_past(struct run *run, struct err *err);
static bool needs_body(const struct line *line);
static bool fill_page(struct run *run, struct store_page *page, struct err *err);
static uint64_t hash_query(const struct run *run);

bool store_history(struct store *store, const struct access *access,
                   const struct store_history_query *query, struct arena *arena,
                   struct store_page *page, struct err *err)
{
    struct run run = {.store = store, .access = access, .query = query, .arena = arena};
    const struct type *type = NULL;

    *page = (struct store_page){0};
    if (query->type && !(type = store_type(query->type, err)))
        return false;
    if (query->id && !type)
        return err_set(err, ERR_INVALID, NULL, "an id without a type names nothing");
    if (query->count < 1 || query->count > PAGE_MAX)
        return err_set(err, ERR_INVALID, "_count", "a page has 1 to %d entries", PAGE_MAX);
    store->counters.history_pages++;
    run.query_hash = hash_query(&run);
    return query->id ? instance_history(&run, type, page, err)
                     : types_history(&run, type, page, err);
}

/* What must be the same on the next page. */
static uint64_t hash_query(const struct run *run)
{
    const struct store_history_query *query = run->query;
    struct hash_state state;

    hash_init(&state, &run->store->cursor_key);
    hash_part(&state, "history", 7);
    hash_number(&state, (uint64_t)run->access->tenant);
    hash_part(&state, query->type ? query->type : "", query->type ? strlen(query->type) : 0);
    hash_part(&state, query->id ? query->id : "", query->id ? strlen(query->id) : 0);
    hash_number(&state, (uint64_t)query->since);
    return hash_done(&state);
}

/* One resource */

static bool instance_history(struct run *run, const struct type *type, struct store_page *page,
                             struct err *err)
{
    struct tokens tokens = store_tokens(run->store, run->access);
    struct text id = text_of(run->query->id);
    struct pg_params params = pg_params_in(run->arena);
    const struct pg_result *r;
    int64_t before;

    if (!open_instance_cursor(run, &before, err))
        return false;
    pg_add_int8(&params, token_rkey(&tokens, text_of(type->name), id));
    pg_add_int4(&params, (int32_t)before);
    pg_add_timestamp(&params, run->query->since);
    pg_add_text(&params, id);
    pg_add_int4(&params, (int32_t)run->query->count + 1);
    if (!pg_query(run->store->search, &of_instance[table_of(type)->id], &params, run->arena, &r,
                  err))
        return false;

    bool more = pg_rows(r) > (int)run->query->count;
    page->count = more ? run->query->count : (size_t)pg_rows(r);
    page->entries = arena_many(run->arena, struct store_entry, page->count);
    for (int row = 0; row < (int)page->count; row++)
        if (!store_version_fill(run->store, &page->entries[row].version, type->name,
                                pg_text(r, row, 3).data, pg_int4(r, row, 0),
                                pg_timestamp(r, row, 1), pg_char(r, row, 2), pg_bytea(r, row, 4),
                                run->arena, err))
            return false;
    if (more) {
        struct cursor cursor = cursor_begin(run->arena);

        cursor_put_int(&cursor, page->entries[page->count - 1].version.number);
        page->next = cursor_text(&cursor, &run->store->cursor_key, run->query_hash);
    }
    return true;
}

static bool open_instance_cursor(struct run *run, int64_t *before, struct err *err)
{
    struct cursor cursor;

    *before = INT32_MAX;
    if (!run->query->cursor)
        return true;
    if (!cursor_open(&cursor, run->arena, text_of(run->query->cursor), &run->store->cursor_key,
                     run->query_hash, err))
        return false;
    *before = cursor_take_int(&cursor);
    return cursor_end(&cursor, err);
}

/* A type, or everything */

static bool types_history(struct run *run, const struct type *type, struct store_page *page,
                          struct err *err)
{
    struct pg_params params = pg_params_in(run->arena);
    const struct pg_result *r;
    int64_t updated, seq;

    if (!open_types_cursor(run, &updated, &seq, err))
        return false;
    pg_add_int4(&params, run->access->tenant);
    pg_add_timestamp(&params, updated);
    pg_add_int8(&params, seq);
    pg_add_timestamp(&params, run->query->since);
    pg_add_int4(&params, (int32_t)run->query->count + 1);
    if (type)
        pg_add_int2(&params, (int16_t)type->number);
    if (!pg_query(run->store->search, type ? &of_type : &of_all_types, &params, run->arena, &r,
                  err))
        return false;

    read_lines(run, r);
    if (!fetch_bodies(run, err) || !fill_page(run, page, err))
        return false;
    if (pg_rows(r) > (int)run->query->count) {
        struct cursor cursor = cursor_begin(run->arena);

        cursor_put_int(&cursor, run->lines[run->count - 1].updated);
        cursor_put_int(&cursor, run->lines[run->count - 1].seq);
        page->next = cursor_text(&cursor, &run->store->cursor_key, run->query_hash);
    }
    return true;
}

static bool open_types_cursor(struct run *run, int64_t *updated, int64_t *seq, struct err *err)
{
    struct cursor cursor;

    *updated = *seq = INT64_MAX;
    if (!run->query->cursor)
        return true;
    if (!cursor_open(&cursor, run->arena, text_of(run->query->cursor), &run->store->cursor_key,
                     run->query_hash, err))
        return false;
    *updated = cursor_take_int(&cursor);
    *seq = cursor_take_int(&cursor);
    return cursor_end(&cursor, err);
}

static void read_lines(struct run *run, const struct pg_result *result)
{
    size_t rows = (size_t)pg_rows(result);

    run->count = rows < run->query->count ? rows : run->query->count;
    run->lines = arena_many(run->arena, struct line, run->count);
    for (size_t i = 0; i < run->count; i++) {
        int row = (int)i;

        run->lines[i] = (struct line){
            .type = type_at((unsigned)pg_int2(result, row, 0)),
            .rkey = pg_int8(result, row, 1),
            .number = pg_int4(result, row, 2),
            .updated = pg_timestamp(result, row, 3),
            .op = pg_char(result, row, 4),
            .id = pg_text(result, row, 5),
            .seq = pg_int8(result, row, 6),
            .place = pg_bytea(result, row, 7),
        };
    }
}

/* What is neither at its place nor superseded was moved, and is looked for by its key. */
static bool fetch_bodies(struct run *run, struct err *err)
{
    for (int round = 0; round < 2; round++) {
        if (!fetch_current(run, err) || !fetch_past(run, err))
            return false;
        for (size_t i = 0; i < run->count; i++)
            run->lines[i].place = (struct text){0};
    }
    return true;
}

static bool fetch_current(struct run *run, struct err *err)
{
    struct pg_reply replies[TABLE_COUNT][2] = {0};
    bool sent[TABLE_COUNT][2] = {0}, wanted[TABLE_COUNT] = {false};
    bool ok = true;

    for (size_t i = 0; i < run->count; i++)
        if (needs_body(&run->lines[i]))
            wanted[table_of(run->lines[i].type)->id] = true;
    for (int table = 0; table < TABLE_COUNT; table++)
        for (int by_place = 0; wanted[table] && by_place < 2; by_place++)
            sent[table][by_place] = send_lines(run, table, by_place, &replies[table][by_place]);
    for (int i = 0; i < 2 * TABLE_COUNT; i++) {
        struct pg_reply *reply = &replies[i / 2][i % 2];

        if (sent[i / 2][i % 2] && ok)
            ok = take_current(run, reply, err);
        else if (sent[i / 2][i % 2])
            pg_drop(reply);
    }
    return ok;
}

/* Asks for the rows of a table whose place is known, or not. False: there are none. */
static bool send_lines(struct run *run, enum table_id table, bool by_place, struct pg_reply *reply)
{
    struct pg_params *params = arena_one(run->arena, struct pg_params);
    int64_t *keys = arena_many(run->arena, int64_t, run->count);
    struct text *places = arena_many(run->arena, struct text, run->count);
    size_t count = 0;

    for (size_t i = 0; i < run->count; i++) {
        const struct line *line = &run->lines[i];

        if (!needs_body(line) || table_of(line->type)->id != table ||
            (line->place.data != NULL) != by_place)
            continue;
        keys[count] = line->rkey;
        places[count++] = line->place;
    }
    if (count == 0)
        return false;
    *params = pg_params_in(run->arena);
    if (by_place)
        pg_add_place_array(params, places, count);
    else
        pg_add_int8_array(params, keys, NULL, count);
    pg_send(run->store->search, &current_bodies[by_place][table], params, run->arena, reply);
    return true;
}

static bool take_current(struct run *run, struct pg_reply *reply, struct err *err)
{
    const struct pg_result *r;

    if (!pg_wait(reply, &r, err))
        return false;
    for (int row = 0; row < pg_rows(r); row++) {
        int64_t rkey = pg_int8(r, row, 0), number = pg_int4(r, row, 1);

        for (size_t i = 0; i < run->count; i++)
            if (run->lines[i].rkey == rkey && run->lines[i].number == number)
                run->lines[i].body = pg_bytea(r, row, 2);
    }
    return true;
}

/* What has been superseded, if only since the log was read. */
static bool fetch_past(struct run *run, struct err *err)
{
    int64_t *keys = arena_many(run->arena, int64_t, run->count);
    int32_t *numbers = arena_many(run->arena, int32_t, run->count);
    struct line **lines = arena_many(run->arena, struct line *, run->count);
    struct pg_params params = pg_params_in(run->arena);
    const struct pg_result *r;
    size_t count = 0;

    for (size_t i = 0; i < run->count; i++) {
        if (!needs_body(&run->lines[i]))
            continue;
        lines[count] = &run->lines[i];
        keys[count] = run->lines[i].rkey;
        numbers[count++] = (int32_t)run->lines[i].number;
    }
    if (count == 0)
        return true;
    pg_add_int8_array(&params, keys, NULL, count);
    pg_add_int4_array(&params, numbers, count);
    if (!pg_query(run->store->search, &past_bodies, &params, run->arena, &r, err))
        return false;
    for (int row = 0; row < pg_rows(r); row++)
        lines[pg_int8(r, row, 0) - 1]->body = pg_bytea(r, row, 1);
    return true;
}

static bool needs_body(const struct line *line)
{
    return line->op != 'D' && !line->body.data;
}

static bool fill_page(struct run *run, struct store_page *page, struct err *err)
{
    page->count = run->count;
    page->entries = arena_many(run->arena, struct store_entry, run->count);
    for (size_t i = 0; i < run->count; i++) {
        const struct line *line = &run->lines[i];

        if (needs_body(line))
            return err_set(err, ERR_INTERNAL, NULL, "a version in the change log is missing");
        if (!store_version_fill(run->store, &page->entries[i].version, line->type->name,
                                line->id.data, line->number, line->updated, line->op, line->body,
                                run->arena, err))
            return false;
    }
    return true;
}
