/*
 * Landing, what its files share - ids of ours, rows as bytes, statements.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "storage/landing_internal.h"

enum { ROW_RESOURCE = 'R', ROW_DELETION = 'D', ROW_REFUSED = 'X' };

void landing_local_id(const struct store *store, int32_t partner, struct text type, struct text id,
                      char local[LANDING_ID_SIZE])
{
    struct local bytes = local_of(store, partner, type, id);

    uuid_write(bytes.bytes, local);
}

/* 122 bits of two keyed hashes: by chance no two agree, and without the key nobody makes them. */
struct local local_of(const struct store *store, int32_t partner, struct text type, struct text id)
{
    struct local local;

    for (size_t half = 0; half < 2; half++) {
        struct hash_state state;

        hash_init(&state, &store->key);
        hash_number(&state, UINT64_C(0x6c6f63616c) + half);
        hash_number(&state, (uint64_t)partner);
        hash_part(&state, type.data, type.size);
        hash_part(&state, id.data, id.size);
        uint64_t value = hash_done(&state);
        memcpy(local.bytes + 8 * half, &value, sizeof(value));
    }
    local.bytes[6] = (unsigned char)((local.bytes[6] & 0x0f) | 0x80); /* RFC 9562: version 8 */
    local.bytes[8] = (unsigned char)((local.bytes[8] & 0x3f) | 0x80);
    return local;
}

bool landing_run_alone(struct store *store, const struct pg_statement *statement,
                       struct pg_params *params, int *affected, struct err *err)
{
    const struct pg_result *result;
    bool good = pool_run(store->transactions, NULL, statement, params, params->arena, &result, err);

    if (good && affected)
        *affected = pg_affected(result);
    arena_free(params->arena);
    return good;
}

bool landing_of_partner(struct store *store, const struct pg_statement *statement, int32_t partner,
                        struct arena *arena, const struct pg_result **result, struct err *err)
{
    struct pg_params params = pg_params_in(arena);

    pg_add_int4(&params, partner);
    return pg_query(store->read, statement, &params, arena, result, err);
}

int64_t landing_hash(const struct store *store, struct text text)
{
    return (int64_t)hash_bytes(&store->key, text.data, text.size);
}

void landing_add_key(struct pg_params *params, const struct store *store,
                     const struct landing_cursor_key *key)
{
    struct text query = key->query.data ? key->query : TEXT("");

    pg_add_int4(params, key->partner);
    pg_add_text(params, text_of(key->mode));
    pg_add_text(params, text_of(key->type));
    pg_add_int8(params, landing_hash(store, query));
    pg_add_text(params, query);
}

int64_t landing_time(const struct pg_result *result, int row, int column)
{
    return pg_is_null(result, row, column) ? INT64_MIN : pg_timestamp(result, row, column);
}

void landing_add_time(struct pg_params *params, int64_t time)
{
    if (time == INT64_MIN)
        pg_add_null(params);
    else
        pg_add_timestamp(params, time);
}

static void add_sized(struct buf *out, struct text text)
{
    uint32_t size = (uint32_t)text.size;

    buf_add(out, &size, sizeof(size));
    buf_add(out, text.data, text.size);
}

void landing_rows_write(const struct landing_row *rows, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct landing_row *row = &rows[i];

        if (row->body.data && !row->refused.data) {
            buf_add_char(out, ROW_RESOURCE);
            add_sized(out, row->body);
            continue;
        }
        buf_add_char(out, row->refused.data ? ROW_REFUSED : ROW_DELETION);
        add_sized(out, row->type);
        add_sized(out, row->id);
        add_sized(out, row->version);
        buf_add(out, &row->updated, sizeof(row->updated));
        if (!row->refused.data)
            continue;
        add_sized(out, row->refused);
        add_sized(out, row->rule);
        add_sized(out, row->body);
    }
}

static bool take(struct text *bytes, void *out, size_t size)
{
    if (bytes->size < size)
        return false;
    memcpy(out, bytes->data, size);
    bytes->data += size;
    bytes->size -= size;
    return true;
}

static bool take_sized(struct text *bytes, struct text *out)
{
    uint32_t size;

    if (!take(bytes, &size, sizeof(size)) || bytes->size < size)
        return false;
    *out = (struct text){bytes->data, size};
    bytes->data += size;
    bytes->size -= size;
    return true;
}

bool landing_rows_next(struct text *bytes, struct landing_row *row, struct err *err)
{
    static const char kinds[] = {ROW_RESOURCE, ROW_DELETION, ROW_REFUSED};
    char kind = 0;

    *row = (struct landing_row){.updated = INT64_MIN};
    bool good = take(bytes, &kind, 1);
    if (kind == ROW_RESOURCE)
        good = good && take_sized(bytes, &row->body);
    else
        good = good && take_sized(bytes, &row->type) && take_sized(bytes, &row->id) &&
               take_sized(bytes, &row->version) && take(bytes, &row->updated, sizeof(row->updated));
    if (kind == ROW_REFUSED)
        good = good && take_sized(bytes, &row->refused) && take_sized(bytes, &row->rule) &&
               take_sized(bytes, &row->body);
    return (good && memchr(kinds, kind, sizeof(kinds))) ||
           err_set(err, ERR_INTERNAL, NULL, "a landed unit is damaged");
}

bool landing_type(const char *type, int16_t *number, struct err *err)
{
    const struct type *found = resource_type_find(text_of(type));

    if (!found)
        return err_set(err, ERR_INVALID, NULL, "R4 has no such resource type.");
    *number = (int16_t)found->number;
    return true;
}

bool landing_add_resource(struct pg_params *params, const char *type, const char *id,
                          struct err *err)
{
    struct local *local = arena_one(params->arena, struct local); /* borrowed by the parameter */
    int16_t number = 0;

    if (!landing_type(type, &number, err))
        return false;
    uuid_read(text_of(id), local->bytes);
    pg_add_int2(params, number);
    pg_add_bytea(params, local->bytes, LOCAL_SIZE);
    pg_add_text(params, text_of(id));
    return true;
}

static const char presences[] = "MPAGDF";

char landing_presence_letter(enum landing_presence presence)
{
    return presences[presence];
}

enum landing_presence landing_presence_of(char letter)
{
    const char *found = strchr(presences, letter);

    return found && letter ? (enum landing_presence)(found - presences) : LANDING_PRESENT;
}

struct landing_counts landing_counts_of(const struct pg_result *result, int row, int column)
{
    return (struct landing_counts){
        .expected = pg_int8(result, row, column),
        .landed = pg_int8(result, row, column + 1),
        .applied = pg_int8(result, row, column + 2),
        .unchanged = pg_int8(result, row, column + 3),
        .older = pg_int8(result, row, column + 4),
        .dead = pg_int8(result, row, column + 5),
        .waiting = pg_int8(result, row, column + 6),
    };
}
