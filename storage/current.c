/*
 * Current - reading what is to be superseded.
 */

#include "storage/current.h"

#include "base/arena.h"
#include "base/err.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/search_values.h"
#include "storage/body.h"
#include "storage/row.h"
#include "storage/store_internal.h"

#include <assert.h>

/* One row: the resource's, or else its last deletion, or else nulls. */
#define READ(id, name, ...)                                                                        \
    [id] = {"select t.ver, t.updated, t.op, t.id, t.body, h.ver, h.updated, h.op, h.id "           \
            "from (values ($1::int8)) k(rkey) left join " name " t on t.rkey = k.rkey "            \
            "left join lateral (select ver, updated, op, id from f_hist where rkey = k.rkey "      \
            "and t.rkey is null order by ver desc limit 1) h on true"},
static const struct pg_statement read_statements[] = {TABLES(READ)};
#undef READ

/*
 * `late`: the version was committed by a transaction whose id is higher than ours. That happens
 * when we got ours, with the first lock, and then waited for the second. Our version would then
 * stand before its predecessor in the feed, so we begin again and get a new id.
 */
#define LATE "age(xmin) < 0"

#define READ_MANY(id, name, ...)                                                                   \
    [id] = {"select rkey, ver, updated, op, id, body, " LATE " from " name                         \
            " where rkey = any($1::int8[])"},
static const struct pg_statement many_statements[] = {TABLES(READ_MANY)};
#undef READ_MANY

static const struct pg_statement last_statement = {
    "select k.rkey, h.ver, h.updated, h.op, h.id, h.late from unnest($1::int8[]) k(rkey), lateral "
    "(select ver, updated, op, id, " LATE " as late from f_hist where rkey = k.rkey "
    "order by ver desc limit 1) h"};

static size_t send_reads(struct pg *pg, struct current *currents, size_t count, struct arena *arena,
                         struct pg_reply *replies);
static struct pg_params keys_of(const struct current *currents, size_t count, struct arena *arena);
static bool take_rows(const struct pg_result *result, struct current *currents, size_t count);
static bool take_deletions(const struct pg_result *result, struct current *currents, size_t count);
static void take_row(const struct pg_result *result, int row, int column, struct current *current);
static void take_deletion(const struct pg_result *result, int row, int column,
                          struct current *current);
static bool begin_again(char sqlstate[6], struct err *err);
static bool read_values(struct store *store, const struct current *current, struct arena *arena,
                        struct text *json, struct search_values *values, struct err *err);
static int compare_rkeys(const void *a, const void *b);

bool current_read(struct pg *pg, const struct table *table, int64_t rkey, struct arena *arena,
                  struct current *current, struct err *err)
{
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    *current = (struct current){.rkey = rkey};
    pg_add_int8(&params, rkey);
    if (!pg_query(pg, &read_statements[table->id], &params, arena, &result, err))
        return false;
    if (!pg_is_null(result, 0, 0))
        take_row(result, 0, 0, current);
    else if (!pg_is_null(result, 0, 5))
        take_deletion(result, 0, 5, current);
    return true;
}

bool current_read_many(struct pg *pg, struct current *currents, size_t count, struct arena *arena,
                       char sqlstate[6], struct err *err)
{
    struct pg_reply *replies = arena_many(arena, struct pg_reply, TABLE_COUNT + 1);
    size_t sent = send_reads(pg, currents, count, arena, replies);
    const struct pg_result *result;
    bool late = false;

    for (size_t i = 0; i < sent; i++) {
        bool last = i + 1 == sent;

        if (!pg_wait(&replies[i], &result, err)) {
            memcpy(sqlstate, replies[i].sqlstate, sizeof(replies[i].sqlstate));
            while (++i < sent)
                pg_drop(&replies[i]);
            return false;
        }
        late |= last ? take_deletions(result, currents, count) : take_rows(result, currents, count);
    }
    return !late || begin_again(sqlstate, err);
}

/* One statement a table, and one for the deletions of all; how many. */
static size_t send_reads(struct pg *pg, struct current *currents, size_t count, struct arena *arena,
                         struct pg_reply *replies)
{
    struct pg_params params;
    size_t sent = 0;

    for (size_t first = 0, end; first < count; first = end, sent++) {
        const struct table *table = currents[first].table;

        assert(sent < TABLE_COUNT);
        for (end = first + 1; end < count && currents[end].table == table; end++)
            ;
        qsort(currents + first, end - first, sizeof(*currents), compare_rkeys);
        params = keys_of(currents + first, end - first, arena);
        pg_send(pg, &many_statements[table->id], &params, arena, &replies[sent]);
    }
    qsort(currents, count, sizeof(*currents), compare_rkeys);
    params = keys_of(currents, count, arena);
    pg_send(pg, &last_statement, &params, arena, &replies[sent]);
    return sent + 1;
}

static struct pg_params keys_of(const struct current *currents, size_t count, struct arena *arena)
{
    struct pg_params params = pg_params_in(arena);
    int64_t *rkeys = arena_many(arena, int64_t, count);

    for (size_t i = 0; i < count; i++)
        rkeys[i] = currents[i].rkey;
    pg_add_int8_array(&params, rkeys, NULL, count);
    return params;
}

/* Whether one of them is late. */
static bool take_rows(const struct pg_result *result, struct current *currents, size_t count)
{
    bool late = false;

    for (int i = 0; i < pg_rows(result); i++) {
        take_row(result, i, 1, current_find(currents, count, pg_int8(result, i, 0)));
        late |= pg_bool(result, i, 6);
    }
    return late;
}

static bool take_deletions(const struct pg_result *result, struct current *currents, size_t count)
{
    bool late = false;

    for (int i = 0; i < pg_rows(result); i++) {
        struct current *current = current_find(currents, count, pg_int8(result, i, 0));

        if (current->exists)
            continue;
        take_deletion(result, i, 1, current);
        late |= pg_bool(result, i, 5);
    }
    return late;
}

static bool begin_again(char sqlstate[6], struct err *err)
{
    memcpy(sqlstate, "40001", sizeof("40001"));
    return err_set(err, ERR_CONFLICT, NULL, "another transaction changed it first");
}

bool current_unpack(struct store *store, const struct tokens *tokens, const struct type *type,
                    const struct current *current, struct arena *arena, struct text *json,
                    const struct row **row, struct err *err)
{
    if (!row)
        return body_unpack(store->codec, current->body, arena, json, err);

    struct arena *content = json ? arena : arena_new();
    struct search_values values;
    struct text bytes;
    bool ok = read_values(store, current, content, &bytes, &values, err);

    if (ok)
        *row = row_make(tokens, type, current->id, &values, arena);
    if (json)
        *json = bytes;
    else
        arena_free(content);
    return ok;
}

/* The bytes and the search values. */
static bool read_values(struct store *store, const struct current *current, struct arena *arena,
                        struct text *json, struct search_values *values, struct err *err)
{
    struct issues issues;

    if (!body_unpack(store->codec, current->body, arena, json, err))
        return false;
    issues_init(&issues, arena, 1);
    const struct node *resource =
        json_read(arena, json->data, json->size, &json_stored_limits, &issues, err);
    if (!resource)
        return false;
    search_values_extract(resource, arena, values, NULL);
    return true;
}

static void take_row(const struct pg_result *result, int row, int column, struct current *current)
{
    take_deletion(result, row, column, current);
    current->deleted = false;
    current->exists = true;
    current->body = pg_bytea(result, row, column + 4);
}

static void take_deletion(const struct pg_result *result, int row, int column,
                          struct current *current)
{
    current->deleted = true;
    current->number = pg_int4(result, row, column);
    current->updated = pg_timestamp(result, row, column + 1);
    current->op = pg_char(result, row, column + 2);
    current->id = pg_text(result, row, column + 3);
}

struct current *current_find(struct current *currents, size_t count, int64_t rkey)
{
    const struct current key = {.rkey = rkey};
    struct current *found = bsearch(&key, currents, count, sizeof(*currents), compare_rkeys);

    assert(found); /* PostgreSQL answers only what was asked for */
    return found;
}

static int compare_rkeys(const void *a, const void *b)
{
    const struct current *left = a, *right = b;

    return left->rkey < right->rkey ? -1 : left->rkey > right->rkey;
}
