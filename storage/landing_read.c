/*
 * Landing batch, reading - the rows that are next, and what they are.
 */

#include "base/arena.h"
#include "fhir/type.h"
#include "storage/body.h"
#include "storage/landing_batch.h"

enum {
    UNITS = 200,          /* looked at in one batch */
    ROWS_BETWEEN = 16,    /* converted before others may run */
    LOCK_CLASS = 0x6c616e /* of the advisory lock, beside the partner's number */
};

/* Which rows wait, and what limits them. */
struct wanted {
    int64_t unit;  /* none of the units before this one, */
    int32_t line;  /* and no row up to this one in it */
    int64_t rows;  /* that wait in units before the last */
    int64_t bytes; /* of units before the last */
};

static void lock_partner(struct landing_batch *batch, struct pg_reply *reply);
static void send_units(struct landing_batch *batch, struct pg *pg, const struct wanted *wanted,
                       struct pg_reply *reply);
static bool take_units(struct landing_batch *batch, const struct pg_result *result,
                       const struct wanted *wanted, struct err *err);
static void fill_unit(const struct pg_result *result, int row, struct arena *arena,
                      struct unit *unit);
static bool take_rows(struct landing_batch *batch, struct unit *unit, size_t first, size_t *bytes,
                      struct err *err);
static bool fill_dead(struct landing_batch *batch, const struct pg_result *result, struct err *err);
static void refuse_fatal(const struct landing_batch *batch, struct landed *landed);
static void convert(struct landing_batch *batch, struct landed *landed);

struct landing_batch *batch_new(struct store *store, const struct landing_apply *apply, size_t most)
{
    struct arena *arena = arena_new();
    struct landing_batch *batch = arena_one(arena, struct landing_batch);

    *batch = (struct landing_batch){
        .store = store, .apply = apply, .arena = arena, .most = most, .map.arena = arena};
    return batch;
}

bool batch_read(struct landing_batch *batch, struct err *err)
{
    const struct wanted wanted = {INT64_MIN, -1, (int64_t)batch->most,
                                  (int64_t)batch->apply->bytes};
    struct pg_reply locked = {0}, answered = {0};
    const struct pg_result *result;

    lock_partner(batch, &locked);
    send_units(batch, batch->pg, &wanted, &answered);
    if (!pg_wait(&locked, NULL, err)) {
        pg_drop(&answered);
        return false;
    }
    return pg_wait(&answered, &result, err) && take_units(batch, result, &wanted, err);
}

bool batch_read_behind(struct landing_batch *batch, int64_t unit, int32_t line, size_t before,
                       struct err *err)
{
    /* The unit that the batch before has begun counts with all of its rows. */
    const struct wanted wanted = {unit, line, (int64_t)(batch->most + before),
                                  2 * (int64_t)batch->apply->bytes};
    struct pg_reply answered = {0};
    const struct pg_result *result;

    send_units(batch, batch->store->read, &wanted, &answered);
    return pg_wait(&answered, &result, err) && take_units(batch, result, &wanted, err);
}

bool batch_lock(struct landing_batch *batch, struct err *err)
{
    struct pg_reply locked = {0};

    lock_partner(batch, &locked);
    return pg_wait(&locked, NULL, err);
}

/* In a statement of its own: what follows sees what the one before has committed. It gives no
 * transaction id (see current.h). */
static void lock_partner(struct landing_batch *batch, struct pg_reply *reply)
{
    static const struct pg_statement lock = {
        "select pg_advisory_xact_lock($1::int4, $2::int4)::text"};
    struct pg_params params = pg_params_in(batch->arena);

    pg_add_int4(&params, LOCK_CLASS);
    pg_add_int4(&params, batch->apply->partner);
    pg_send(batch->pg, &lock, &params, batch->arena, reply);
}

static void send_units(struct landing_batch *batch, struct pg *pg, const struct wanted *wanted,
                       struct pg_reply *reply)
{
    static const struct pg_statement read = {
        "select u.number, u.window_number, u.states, w.type, w.snapshot, w.state = 'L', l.body"
        " from (select *, sum(waiting) over o - waiting as before,"
        "  sum(size) over o - size as size_before from (select * from f_sync_unit"
        "  where partner = $1::int4 and waiting > 0 and number >= $5::int8"
        "  order by number limit $2::int8) n"
        "  window o as (order by number)) u"
        " join f_sync_window w on w.number = u.window_number"
        " left join f_landing l on l.unit = u.number"
        " where u.before < $3::int8 and u.size_before < $4::int8 order by u.number"};
    struct pg_params params = pg_params_in(batch->arena);

    pg_add_int4(&params, batch->apply->partner);
    pg_add_int8(&params, UNITS);
    pg_add_int8(&params, wanted->rows);
    pg_add_int8(&params, wanted->bytes);
    pg_add_int8(&params, wanted->unit);
    pg_send(pg, &read, &params, batch->arena, reply);
}

/* Units without a row of the batch are left out. */
static bool take_units(struct landing_batch *batch, const struct pg_result *result,
                       const struct wanted *wanted, struct err *err)
{
    size_t bytes = 0, rows = (size_t)pg_rows(result);

    batch->units = arena_many(batch->arena, struct unit, rows);
    batch->rows = arena_many(batch->arena, struct landed, batch->most);
    for (size_t i = 0; i < rows && !batch->more; i++) {
        struct unit *unit = &batch->units[batch->unit_count];
        size_t before = batch->count;

        fill_unit(result, (int)i, batch->arena, unit);
        size_t first = unit->number == wanted->unit ? (size_t)(wanted->line + 1) : 0;
        if (!take_rows(batch, unit, first, &bytes, err))
            return false;
        batch->unit_count += batch->count > before;
    }
    return true;
}

static void fill_unit(const struct pg_result *result, int row, struct arena *arena,
                      struct unit *unit)
{
    struct text states = pg_bytea(result, row, 2);

    *unit = (struct unit){
        .number = pg_int8(result, row, 0),
        .window = pg_int8(result, row, 1),
        .states = arena_strndup(arena, states.data, states.size),
        .rows = states.size,
        .type = pg_text(result, row, 3).data,
        .snapshot = pg_bool(result, row, 4),
        .ends = pg_bool(result, row, 5),
        .body = pg_bytea(result, row, 6),
    };
}

/* The rows of a unit that wait, from `first` on, until the batch is full. */
static bool take_rows(struct landing_batch *batch, struct unit *unit, size_t first, size_t *bytes,
                      struct err *err)
{
    struct text rest;

    if (!body_unpack(batch->store->codec, unit->body, batch->arena, &rest, err))
        return false;
    for (size_t line = 0; line < unit->rows; line++) {
        struct landing_row row;

        if (!landing_rows_next(&rest, &row, err))
            return false;
        if (line < first || !batch_waits(unit->states[line]))
            continue;
        if (batch->count == batch->most ||
            (batch->count > 0 && *bytes + row.body.size > batch->apply->bytes)) {
            batch->more = true;
            return true;
        }
        *bytes += row.body.size;
        batch->rows[batch->count++] = (struct landed){
            .unit = unit,
            .line = (int32_t)line,
            .before = unit->states[line],
            .row = row,
        };
    }
    return true;
}

bool batch_read_dead(struct landing_batch *batch, struct err *err)
{
    static const struct pg_statement read = {
        "select u.number, u.window_number, u.states, w.type, w.snapshot, w.state = 'L', d.body,"
        " d.number, d.line from f_dead d join f_sync_unit u on u.number = d.unit"
        " join f_sync_window w on w.number = u.window_number where" LANDING_DEAD_FILTER
        " and d.decided is null and d.number > $7::int8 order by d.number limit $8::int8"};
    struct pg_params params = pg_params_in(batch->arena);
    const struct pg_result *result;

    landing_add_dead_filter(&params, batch->apply->partner, batch->dead);
    pg_add_int8(&params, batch->after);
    pg_add_int8(&params, (int64_t)batch->most);
    return batch_lock(batch, err) &&
           pg_query(batch->pg, &read, &params, batch->arena, &result, err) &&
           fill_dead(batch, result, err);
}

/* Several of one unit share its states. */
static bool fill_dead(struct landing_batch *batch, const struct pg_result *result, struct err *err)
{
    size_t rows = (size_t)pg_rows(result);

    batch->units = arena_many(batch->arena, struct unit, rows);
    batch->rows = arena_many(batch->arena, struct landed, rows);
    batch->more = rows == batch->most;
    for (size_t i = 0; i < rows; i++) {
        struct unit *unit = NULL;
        struct landed *landed = &batch->rows[i];
        struct text rest;

        for (size_t k = batch->unit_count; k-- > 0 && !unit;)
            if (batch->units[k].number == pg_int8(result, (int)i, 0))
                unit = &batch->units[k];
        if (!unit) {
            unit = &batch->units[batch->unit_count++];
            fill_unit(result, (int)i, batch->arena, unit);
        }
        *landed = (struct landed){.unit = unit,
                                  .dead = pg_int8(result, (int)i, 7),
                                  .line = pg_int4(result, (int)i, 8),
                                  .before = 'd'};
        if (!body_unpack(batch->store->codec, pg_bytea(result, (int)i, 6), batch->arena, &rest,
                         err) ||
            !landing_rows_next(&rest, &landed->row, err))
            return false;
        batch->after = landed->dead;
    }
    batch->count = rows;
    return true;
}

/* A batch ends before what it would not write (landing_decide.c): so batches behind it may begin
 * before it has decided. */
static bool is_another_version(const struct landed *landed)
{
    const struct landed *earlier = landed->self->last;

    return earlier &&
           (!earlier->row.body.data || !landed->row.body.data || earlier->hash != landed->hash);
}

/* It is named, so that two batches that are under way do not say so of the same at once. */
static struct identity *claim_of(struct landing_batch *batch, const struct landed *landed)
{
    const struct landing_converted *in = &landed->in;
    struct identity *claim;

    if (in->origin_partner == 0 || in->origin_partner == batch->apply->partner)
        return NULL;
    claim = batch_identity(batch, in->origin_partner, in->type, in->origin_id);
    claim->named = true;
    return claim;
}

void batch_convert(struct landing_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct landed *landed = &batch->rows[i];

        convert(batch, landed);
        if (batch->fatal)
            refuse_fatal(batch, landed);
        landed->hash = landing_hash(batch->store, landed->row.body);
        if (landed->in.id.size > 0 && landed->in.type.size > 0) {
            landed->self =
                batch_identity(batch, batch->apply->partner, landed->in.type, landed->in.id);
            landed->self->named = true;
            landed->claim = claim_of(batch, landed);
            if (!batch->dead && is_another_version(landed)) {
                batch->count = i;
                batch->more = true;
                break;
            }
            landed->self->last = landed;
        }
        if (i % ROWS_BETWEEN == ROWS_BETWEEN - 1)
            fiber_sleep(0);
    }
    batch->converted = true;
}

/* PostgreSQL, or the store, would not have it. When somebody else has applied it since, what is
 * next now has done nothing. */
static void refuse_fatal(const struct landing_batch *batch, struct landed *landed)
{
    bool same = landed->unit->number == batch->fatal_unit && landed->line == batch->fatal_line;

    if (same && !landed->in.refused)
        landed_refuse(landed, batch->fatal_class, batch->fatal->text);
}

/* It was refused on its way here. */
static void refuse_as_landed(const struct landing_batch *batch, struct landed *landed)
{
    const struct landing_row *row = &landed->row;

    if (row->type.size > 0 && row->id.size > 0 && row->id.size <= LANDING_SOURCE_ID_MAX) {
        landed->in.type = row->type;
        landed->in.id = row->id;
    }
    landed_refuse(landed, text_dup(batch->arena, row->refused), text_dup(batch->arena, row->rule));
}

static void convert(struct landing_batch *batch, struct landed *landed)
{
    const struct landing_row *row = &landed->row;

    landed->in = (struct landing_converted){.updated = INT64_MIN};
    landed->mentions = NULL;
    if (row->refused.data && !batch->dead) {
        refuse_as_landed(batch, landed);
        return;
    }
    if (row->body.data) {
        batch->converting = landed;
        batch->apply->convert(batch->apply->context, batch, row->body, landed->unit->type,
                              batch->arena, &landed->in);
        batch->converting = NULL;
        if (row->refused.data && landed->in.refused) /* a replay looks at it all the same */
            refuse_as_landed(batch, landed);
        return;
    }
    landed->in.type = row->type;
    landed->in.id = row->id;
    landed->in.version = row->version;
    landed->in.updated = row->updated;
    if (!resource_type_find(row->type))
        landed_refuse(landed, "not_fhir", "The deletion is of no resource type.");
    else if (row->id.size == 0 || row->id.size > LANDING_SOURCE_ID_MAX)
        landed_refuse(landed, "no_id", "The deletion names no id.");
}

struct text landing_mention(struct landing_batch *batch, struct text type, struct text id)
{
    struct identity *identity = batch_identity(batch, batch->apply->partner, type, id);
    struct mention *mention = arena_one(batch->arena, struct mention);

    *mention =
        (struct mention){identity, identity->linked.data != NULL, batch->converting->mentions};
    batch->converting->mentions = mention;
    return identity->linked.data ? identity->linked : text_of(identity->local);
}

struct identity *batch_identity(struct landing_batch *batch, int32_t partner, struct text type,
                                struct text id)
{
    const size_t size = sizeof(partner) + type.size + 1 + id.size;
    char *whole = arena_alloc_raw(batch->arena, size), *name = whole + sizeof(partner);
    const struct type *found;

    memcpy(whole, &partner, sizeof(partner));
    memcpy(name, type.data, type.size);
    name[type.size] = '/';
    memcpy(name + type.size + 1, id.data, id.size);
    struct map_entry *entry = map_entry(&batch->map, (struct text){whole, size});
    if (entry->value)
        return entry->value;

    struct identity *identity = arena_one(batch->arena, struct identity);
    found = resource_type_find(type);
    *identity = (struct identity){
        .partner = partner,
        .name = {whole, size},
        .type = {name, type.size},
        .id = {name + type.size + 1, id.size},
        .rtype = found ? (int16_t)found->number : -1,
        .key = local_of(batch->store, partner, type, id),
        .updated = INT64_MIN,
    };
    uuid_write(identity->key.bytes, identity->local);
    entry->value = identity;
    if (batch->last)
        batch->last->next = identity;
    else
        batch->first = identity;
    batch->last = identity;
    return identity;
}

/* Those that mention what was found to be linked only now. */
static bool is_stale(const struct landed *landed)
{
    for (const struct mention *mention = landed->mentions; mention; mention = mention->next)
        if (mention->linked != (mention->identity->linked.data != NULL))
            return true;
    return false;
}

void batch_convert_again(struct landing_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (is_stale(&batch->rows[i]))
            convert(batch, &batch->rows[i]);
}
