/*
 * Landing batch, settling - identities, states, dead letters and counters: what makes the batch
 * never happen again. A few statements, whatever its size.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/critical.h"
#include "storage/body.h"
#include "storage/landing_batch.h"

enum { STATEMENTS = 7 };

#define TAKEN "23505" /* unique_violation */

struct settling {
    struct landing_batch *batch;
    struct pg_reply replies[STATEMENTS];
    size_t least[STATEMENTS]; /* rows that it is about; with fewer, somebody else was there */
    size_t sent;
};

static void send_new(struct settling *settling);
static void send_known(struct settling *settling);
static void send_seen(struct settling *settling);
static void send_dead(struct settling *settling);
static void send_decided(struct settling *settling);
static void send_units(struct settling *settling);
static void send_windows(struct settling *settling);
static void send_again(struct settling *settling);
static void send(struct settling *settling, const struct pg_statement *statement,
                 const struct pg_params *params);

typedef void step_fn(struct settling *settling);

static bool await(struct settling *settling, size_t at, struct err *err)
{
    struct landing_batch *batch = settling->batch;
    const struct pg_result *result;

    if (!pg_wait(&settling->replies[at], &result, err)) {
        memcpy(batch->sqlstate, settling->replies[at].sqlstate, sizeof(batch->sqlstate));
        batch->raced = strcmp(batch->sqlstate, TAKEN) == 0;
        return false;
    }
    batch->raced = (size_t)pg_affected(result) < settling->least[at];
    return !batch->raced ||
           err_set(err, ERR_CONFLICT, NULL, "It was linked while it was being applied.");
}

static bool run_steps(struct landing_batch *batch, step_fn *const *steps, size_t count,
                      struct err *err)
{
    struct settling *settling = arena_one(batch->arena, struct settling);
    bool good = true;

    settling->batch = batch;
    for (size_t i = 0; i < count; i++)
        steps[i](settling);
    for (size_t i = 0; i < settling->sent; i++) {
        if (!good) {
            pg_drop(&settling->replies[i]);
            continue;
        }
        good = await(settling, i, err);
    }
    return good;
}

bool batch_write_new(struct landing_batch *batch, struct err *err)
{
    static step_fn *const steps[] = {send_new};

    return run_steps(batch, steps, 1, err);
}

bool batch_settle(struct landing_batch *batch, struct err *err)
{
    static step_fn *const steps[STATEMENTS] = {
        send_known, send_seen, send_dead, send_decided, send_units, send_windows, send_again,
    };

    return run_steps(batch, steps, STATEMENTS, err);
}

static void send(struct settling *settling, const struct pg_statement *statement,
                 const struct pg_params *params)
{
    pg_send(settling->batch->pg, statement, params, settling->batch->arena,
            &settling->replies[settling->sent++]);
}

#define INSERT_IDENTITIES                                                                          \
    "insert into f_identity as f (local, hash, updated, origin, person, unit, partner, rtype,"     \
    " presence, version, id, linked, via) select local, hash, updated, origin, person, unit,"      \
    " partner, rtype, presence::\"char\", version, id, linked, via"                                \
    " from unnest($1::int4[], $2::bytea[], $3::int8[], $4::timestamptz[], $5::int8[],"             \
    " $6::int8[], $7::int8[], $8::int2[], $9::text[], $10::text[], $11::text[], $12::text[],"      \
    " $13::bytea[]) x(partner, local, hash, updated, origin, person, unit, rtype, presence,"       \
    " version, id, linked, via)"

/* Columns of f_identity, a row for each identity that is written. */
struct identities {
    size_t room, count;
    struct text *texts; /* local, presence, version, id, linked, via */
    int64_t *numbers;   /* hash, updated, origin, person, unit */
    bool *nulls;
    int16_t *rtypes;
    int32_t *partners;
};

static void add_identity(struct identities *columns, const struct landing_batch *batch,
                         const struct identity *identity)
{
    static const char letters[] = "MPAGDF";
    const struct landed *newest = identity->newest;
    int64_t origin = identity->origin;
    size_t room = columns->room, at = columns->count++;

    if (!origin && newest && newest->in.origin.size > 0 && newest->in.resource)
        origin = landing_hash(batch->store, newest->in.origin);
    columns->texts[at] = (struct text){(const char *)identity->key.bytes, LOCAL_SIZE};
    columns->texts[room + at] = (struct text){&letters[identity->presence], 1};
    columns->texts[2 * room + at] = identity->version;
    columns->texts[3 * room + at] = identity->id;
    columns->texts[4 * room + at] = identity->linked;
    columns->texts[5 * room + at] = identity->via;
    columns->numbers[at] = identity->hash;
    columns->nulls[at] = identity->hash == 0;
    columns->numbers[room + at] = identity->updated;
    columns->nulls[room + at] = identity->updated == INT64_MIN;
    columns->numbers[2 * room + at] = origin;
    columns->nulls[2 * room + at] = origin == 0;
    columns->numbers[3 * room + at] = (int64_t)identity->person;
    columns->nulls[3 * room + at] = identity->person == 0;
    columns->numbers[4 * room + at] = newest ? newest->unit->number : batch->units[0].number;
    columns->rtypes[at] = identity->rtype;
    columns->partners[at] = identity->partner;
}

/* Those that are known, or those that are not; how many. */
static size_t send_some(struct settling *settling, const struct pg_statement *statement, bool known)
{
    struct landing_batch *batch = settling->batch;
    struct arena *arena = batch->arena;
    struct pg_params params = pg_params_in(arena);
    size_t room = batch->map.count;
    struct identities columns = {
        .room = room,
        .texts = arena_many(arena, struct text, 6 * room),
        .numbers = arena_many(arena, int64_t, 5 * room),
        .nulls = arena_many(arena, bool, 5 * room),
        .rtypes = arena_many(arena, int16_t, room),
        .partners = arena_many(arena, int32_t, room),
    };

    for (const struct identity *identity = batch->first; identity; identity = identity->next)
        if (identity->write && identity->rtype >= 0 && identity->known == known)
            add_identity(&columns, batch, identity);
    size_t count = columns.count;
    if (count == 0)
        return 0;
    pg_add_int4_array(&params, columns.partners, count);
    pg_add_bytea_array(&params, columns.texts, count);
    pg_add_int8_array(&params, columns.numbers, columns.nulls, count);
    pg_add_timestamp_array(&params, columns.numbers + room, columns.nulls + room, count);
    pg_add_int8_array(&params, columns.numbers + 2 * room, columns.nulls + 2 * room, count);
    pg_add_int8_array(&params, columns.numbers + 3 * room, columns.nulls + 3 * room, count);
    pg_add_int8_array(&params, columns.numbers + 4 * room, NULL, count);
    pg_add_int2_array(&params, columns.rtypes, count);
    for (size_t column = 1; column < 5; column++)
        pg_add_text_array(&params, columns.texts + column * room, count);
    pg_add_bytea_array(&params, columns.texts + 5 * room, count);
    send(settling, statement, &params);
    return count;
}

/* Most are new. Who else writes identities of the partner is a push whose copy just came back: then
 * the batch begins again, and finds it. What a batch before this one writes is not among them. */
static void send_new(struct settling *settling)
{
    static const struct pg_statement statement = {INSERT_IDENTITIES};

    (void)send_some(settling, &statement, false);
}

/* A mention that is known is not among them. Who links one that had been mentioned is such a push:
 * it is not written over, and the batch begins again. */
static void send_known(struct settling *settling)
{
    static const struct pg_statement statement = {
        INSERT_IDENTITIES
        " on conflict (local) do update set hash = excluded.hash, updated = excluded.updated,"
        " origin = coalesce(f.origin, excluded.origin), person = excluded.person,"
        " unit = excluded.unit, presence = excluded.presence, via = excluded.via,"
        " version = excluded.version,"
        " linked = excluded.linked where f.linked is null or f.linked = excluded.linked"};
    size_t at = settling->sent;

    settling->least[at] = send_some(settling, &statement, true);
}

/* For landing_reconcile(). */
static void send_seen(struct settling *settling)
{
    static const struct pg_statement statement = {
        "insert into f_sync_seen (window_number, rtype, locals) select w, 0,"
        " string_agg(l, null) from unnest($1::int8[], $2::bytea[]) x(w, l) group by w"};
    struct landing_batch *batch = settling->batch;
    struct pg_params params = pg_params_in(batch->arena);
    int64_t *windows = arena_many(batch->arena, int64_t, batch->count);
    struct text *locals = arena_many(batch->arena, struct text, batch->count);
    size_t count = 0;

    for (size_t i = 0; i < batch->count; i++) {
        const struct landed *landed = &batch->rows[i];

        if (!landed->unit->snapshot || !landed->self)
            continue;
        windows[count] = landed->unit->window;
        locals[count++] = (struct text){(const char *)landed->self->key.bytes, LOCAL_SIZE};
    }
    if (count == 0)
        return;
    pg_add_int8_array(&params, windows, NULL, count);
    pg_add_bytea_array(&params, locals, count);
    send(settling, &statement, &params);
}

/* The resources that a row is or mentions, end to end; empty when it could not be read. */
static struct text concerns_of(const struct landed *landed, struct arena *arena)
{
    struct buf out = buf_in(arena);

    if (landed->self)
        buf_add(&out, landed->self->key.bytes, LOCAL_SIZE);
    for (const struct mention *mention = landed->mentions; mention; mention = mention->next)
        buf_add(&out, mention->identity->key.bytes, LOCAL_SIZE);
    return (struct text){out.data ? out.data : "", out.size};
}

static void send_dead(struct settling *settling)
{
    static const struct pg_statement statement = {
        "insert into f_dead as d (partner, unit, line, class, rule, place, type, id, body,"
        " critical, concerns) select $1::int4, unit, line, class, rule, place, type, id, body,"
        " critical <> 0,"
        " (select array_agg(substring(about from 16 * i + 1 for 16))"
        "  from generate_series(0, length(about) / 16 - 1) i)"
        " from unnest($2::int8[], $3::int4[], $4::text[], $5::text[], $6::text[], $7::text[],"
        " $8::text[], $9::bytea[], $10::bytea[], $11::int2[])"
        " x(unit, line, class, rule, place, type, id, body, about, critical)"
        " on conflict (unit, line) do update set tries = d.tries + 1, class = excluded.class,"
        " rule = excluded.rule, place = excluded.place, critical = excluded.critical,"
        " decided = null, decided_at = null"};
    struct landing_batch *batch = settling->batch;
    struct arena *arena = batch->arena;
    struct pg_params params = pg_params_in(arena);
    struct text *texts = arena_many(arena, struct text, 7 * batch->count);
    int64_t *units = arena_many(arena, int64_t, batch->count);
    int32_t *lines = arena_many(arena, int32_t, batch->count);
    int16_t *critical = arena_many(arena, int16_t, batch->count);
    size_t count = 0;

    for (size_t i = 0; i < batch->count; i++) {
        struct landed *landed = &batch->rows[i];
        struct buf row = buf_in(arena);

        if (landed->after != 'd')
            continue;
        landed->critical = critical_result(landed->row.body);
        critical[count] = landed->critical;
        landing_rows_write(&landed->row, 1, &row);
        units[count] = landed->unit->number;
        lines[count] = landed->line;
        texts[count] = text_of(landed->in.refused);
        texts[batch->count + count] = text_of(landed->in.rule ? landed->in.rule : "");
        texts[2 * batch->count + count] = text_of(landed->in.where);
        texts[3 * batch->count + count] = landed->in.type;
        texts[4 * batch->count + count] = landed->in.id;
        texts[5 * batch->count + count] =
            body_pack(batch->store->codec, (struct text){row.data, row.size}, arena);
        texts[6 * batch->count + count] = concerns_of(landed, arena);
        count++;
    }
    if (count == 0)
        return;
    pg_add_int4(&params, batch->apply->partner);
    pg_add_int8_array(&params, units, NULL, count);
    pg_add_int4_array(&params, lines, count);
    for (size_t column = 0; column < 5; column++)
        pg_add_text_array(&params, texts + column * batch->count, count);
    for (size_t column = 5; column < 7; column++)
        pg_add_bytea_array(&params, texts + column * batch->count, count);
    pg_add_int2_array(&params, critical, count);
    send(settling, &statement, &params);
}

static void send_decided(struct settling *settling)
{
    static const struct pg_statement statement = {
        "update f_dead set decided = 'replayed', decided_at = clock_timestamp()"
        " where number = any($1::int8[])"};
    struct landing_batch *batch = settling->batch;
    struct pg_params params = pg_params_in(batch->arena);
    int64_t *numbers = arena_many(batch->arena, int64_t, batch->count);
    size_t count = 0;

    for (size_t i = 0; i < batch->count; i++)
        if (batch->rows[i].dead && batch->rows[i].after != 'd')
            numbers[count++] = batch->rows[i].dead;
    if (count == 0)
        return;
    pg_add_int8_array(&params, numbers, NULL, count);
    send(settling, &statement, &params);
}

static void send_units(struct settling *settling)
{
    static const struct pg_statement statement = {
        "update f_sync_unit u set states = x.states, waiting = x.waiting"
        " from unnest($1::int8[], $2::bytea[], $3::int4[]) x(number, states, waiting)"
        " where u.number = x.number"};
    struct landing_batch *batch = settling->batch;
    struct pg_params params = pg_params_in(batch->arena);
    int64_t *numbers = arena_many(batch->arena, int64_t, batch->unit_count);
    struct text *states = arena_many(batch->arena, struct text, batch->unit_count);
    int32_t *waiting = arena_many(batch->arena, int32_t, batch->unit_count);

    for (size_t i = 0; i < batch->count; i++)
        batch->rows[i].unit->states[batch->rows[i].line] = batch->rows[i].after;
    for (size_t i = 0; i < batch->unit_count; i++) {
        const struct unit *unit = &batch->units[i];

        numbers[i] = unit->number;
        states[i] = (struct text){unit->states, unit->rows};
        for (size_t line = 0; line < unit->rows; line++)
            waiting[i] += batch_waits(unit->states[line]);
    }
    pg_add_int8_array(&params, numbers, NULL, batch->unit_count);
    pg_add_bytea_array(&params, states, batch->unit_count);
    pg_add_int4_array(&params, waiting, batch->unit_count);
    send(settling, &statement, &params);
}

/* Both sides of the account move by one for each row that becomes something else. A window that
 * is landed is complete when none waits. */
static void send_windows(struct settling *settling)
{
    static const struct pg_statement statement = {
        "update f_sync_window w set applied = w.applied + x.a, unchanged = w.unchanged + x.u,"
        " older = w.older + x.o, dead = w.dead + x.d, waiting = w.waiting + x.w,"
        " state = case when w.state = 'L' and w.waiting + x.w = 0 then 'C'::\"char\""
        "  else w.state end,"
        " closed = case when w.state = 'L' and w.waiting + x.w = 0 then clock_timestamp()"
        "  else w.closed end"
        " from unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[])"
        " x(number, a, u, o, d, w) where w.number = x.number"};
    static const char letters[] = "auodw";
    struct landing_batch *batch = settling->batch;
    struct pg_params params = pg_params_in(batch->arena);
    int64_t *windows = arena_many(batch->arena, int64_t, batch->unit_count);
    int64_t *counts = arena_many(batch->arena, int64_t, 5 * batch->unit_count);
    size_t room = batch->unit_count, used = 0;

    for (size_t i = 0; i < batch->count; i++) {
        const struct landed *landed = &batch->rows[i];
        char before = landed->before == 'f' ? 'w' : landed->before;
        size_t at = 0;

        while (at < used && windows[at] != landed->unit->window)
            at++;
        if (at == used)
            windows[used++] = landed->unit->window;
        counts[(size_t)(strchr(letters, before) - letters) * room + at]--;
        counts[(size_t)(strchr(letters, landed->after) - letters) * room + at]++;
    }
    pg_add_int8_array(&params, windows, NULL, used);
    for (size_t column = 0; column < 5; column++)
        pg_add_int8_array(&params, counts + column * room, NULL, used);
    send(settling, &statement, &params);
}

/*
 * A resource that was mentioned before it turned out to be a copy: what referred to it by the id
 * it would have had is applied again, from the unit on that mentioned it first, and be it on the
 * same page in a batch before. What this batch has written comes once more, too, and is the same.
 * Rare: copies are mostly found before anything refers to them.
 */
static void send_again(struct settling *settling)
{
    static const struct pg_statement statement = {
        "with u as (select number, window_number, states, translate(encode(states, 'escape'),"
        " 'au', 'ff') as again from f_sync_unit where partner = $1::int4 and number >= $2::int8"
        " and exists (select from f_landing where unit = number)),"
        " n as (select number, window_number, again, length(states) - "
        "length(replace(encode(states, 'escape'), 'a', '')) as applied,"
        " length(states) - length(replace(encode(states, 'escape'), 'u', '')) as unchanged from u),"
        " s as (update f_sync_unit f set states = convert_to(n.again, 'UTF8'),"
        " waiting = f.waiting + n.applied + n.unchanged"
        " from n where f.number = n.number)"
        " update f_sync_window w set applied = w.applied - x.applied,"
        " unchanged = w.unchanged - x.unchanged, waiting = w.waiting + x.applied"
        " + x.unchanged, state = case when w.state = 'C' and x.applied + x.unchanged > 0 then "
        "'L'::\"char\" else w.state end"
        " from (select window_number, sum(applied) as applied, sum(unchanged) as unchanged"
        " from n group by window_number) x where w.number = x.window_number"};
    struct landing_batch *batch = settling->batch;
    struct pg_params params = pg_params_in(batch->arena);
    int64_t first = INT64_MAX;

    for (const struct identity *identity = batch->first; identity; identity = identity->next)
        if (identity->link && identity->known && identity->unit < first)
            first = identity->unit;
    if (first == INT64_MAX)
        return;
    pg_add_int4(&params, batch->apply->partner);
    pg_add_int8(&params, first);
    send(settling, &statement, &params);
}

void batch_count(const struct landing_batch *batch, struct landing_result *result)
{
    result->batches++;
    for (size_t i = 0; i < batch->count; i++) {
        const struct landed *landed = &batch->rows[i];

        result->counts.landed++;
        result->counts.applied += landed->after == 'a';
        result->counts.unchanged += landed->after == 'u';
        result->counts.older += landed->after == 'o';
        result->counts.dead += landed->after == 'd';
        result->linked += landed->after == 'u' && landed->self && landed->self->linked.data;
        result->deleted += landed->deleted;
        result->critical += landed->critical;
        result->findings += landed->in.findings;
    }
}
