/*
 * Read - one resource by its id: the current version, or a past one.
 *
 * The key is a hash of tenant, type and id. A row under it that has another
 * id belongs to a resource whose key is the same, and is not what was asked for.
 */

#include "base/arena.h"
#include "storage/store_internal.h"

/* What every statement here answers. */
enum { COLUMN_VER, COLUMN_UPDATED, COLUMN_OP, COLUMN_ID, COLUMN_BODY };

#define COLUMNS "ver, updated, op, id, body"

#define READ(table_id, name, type, ...)                                                            \
    [table_id] = {"select " COLUMNS " from " name " where rkey = $1::int8"},
static const struct pg_statement read_current[] = {TABLES(READ)};
#undef READ

#define VREAD(table_id, name, type, ...)                                                           \
    [table_id] = {"select " COLUMNS " from " name " where rkey = $1::int8 and ver = $2::int4"      \
                  " union all select " COLUMNS " from f_hist"                                      \
                  " where rkey = $1::int8 and ver = $2::int4 limit 1"},
static const struct pg_statement read_version[] = {TABLES(VREAD)};
#undef VREAD

/* Its last version is the deletion. */
static const struct pg_statement read_deleted = {
    "select " COLUMNS " from f_hist where rkey = $1::int8 order by ver desc limit 1"};

static bool take(struct store *store, const struct type *type, const char *id,
                 const struct pg_result *result, struct arena *arena,
                 const struct store_version **found, struct err *err);

bool store_read(struct store *store, const struct access *access, const char *type_name,
                const char *id, struct arena *arena, const struct store_version **found,
                struct err *err)
{
    const struct type *type = store_type(type_name, err);
    struct tokens tokens = store_tokens(store, access);
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    *found = NULL;
    if (!type)
        return false;
    store->counters.reads++;
    pg_add_int8(&params, token_rkey(&tokens, text_of(type->name), text_of(id)));
    if (!pg_query(store->read, &read_current[table_of(type)->id], &params, arena, &result, err))
        return false;
    if (pg_rows(result) == 0 && !pg_query(store->read, &read_deleted, &params, arena, &result, err))
        return false;
    return take(store, type, id, result, arena, found, err);
}

bool store_vread(struct store *store, const struct access *access, const char *type_name,
                 const char *id, int64_t number, struct arena *arena,
                 const struct store_version **found, struct err *err)
{
    const struct type *type = store_type(type_name, err);
    struct tokens tokens = store_tokens(store, access);
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    *found = NULL;
    if (!type)
        return false;
    store->counters.reads++;
    if (number < 1 || number > INT32_MAX)
        return true;
    pg_add_int8(&params, token_rkey(&tokens, text_of(type->name), text_of(id)));
    pg_add_int4(&params, (int32_t)number);
    if (!pg_query(store->read, &read_version[table_of(type)->id], &params, arena, &result, err))
        return false;
    return take(store, type, id, result, arena, found, err);
}

static bool take(struct store *store, const struct type *type, const char *id,
                 const struct pg_result *result, struct arena *arena,
                 const struct store_version **found, struct err *err)
{
    if (pg_rows(result) == 0 || !text_is(pg_text(result, 0, COLUMN_ID), id))
        return true;

    struct store_version *version = arena_one(arena, struct store_version);
    *found = version;
    return store_version_fill(
        store, version, type->name, pg_text(result, 0, COLUMN_ID).data,
        pg_int4(result, 0, COLUMN_VER), pg_timestamp(result, 0, COLUMN_UPDATED),
        pg_char(result, 0, COLUMN_OP), pg_bytea(result, 0, COLUMN_BODY), arena, err);
}
