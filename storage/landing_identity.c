/*
 * Landing, identities - which resource of ours is which of a partner.
 */

#include "base/arena.h"
#include "fhir/type.h"
#include "storage/landing_internal.h"

#define COLUMNS "local, partner, rtype, id, linked, version, updated, presence"

static struct text local_texts(const struct local *locals, size_t index);
static bool read_many(struct store *store, const struct local *locals, size_t count,
                      struct arena *arena, struct landing_identity **identities, struct err *err);
static struct landing_identity *fill(const struct pg_result *result, int row, struct arena *arena);

bool landing_identity_read(struct store *store, int32_t partner, const char *type,
                           const struct text *ids, size_t count, struct arena *arena,
                           struct landing_identity **identities, struct err *err)
{
    struct local *locals = arena_many(arena, struct local, count);

    for (size_t i = 0; i < count; i++)
        locals[i] = local_of(store, partner, text_of(type), ids[i]);
    return read_many(store, locals, count, arena, identities, err);
}

/* Ids that are none of partners' have no row, or one of another type. */
bool landing_identity_origin(struct store *store, const char *type, const struct text *ids,
                             size_t count, struct arena *arena,
                             struct landing_identity **identities, struct err *err)
{
    static const struct local nobody = {{0}};
    struct local *locals = arena_many(arena, struct local, count);

    for (size_t i = 0; i < count; i++)
        if (!uuid_read(ids[i], locals[i].bytes))
            locals[i] = nobody;
    if (!read_many(store, locals, count, arena, identities, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (identities[i] && (identities[i]->linked || strcmp(identities[i]->type, type) != 0))
            identities[i] = NULL;
    return true;
}

static struct text local_texts(const struct local *locals, size_t index)
{
    return (struct text){(const char *)locals[index].bytes, LOCAL_SIZE};
}

static bool read_many(struct store *store, const struct local *locals, size_t count,
                      struct arena *arena, struct landing_identity **identities, struct err *err)
{
    static const struct pg_statement read = {
        "select k.place, " COLUMNS " from unnest($1::bytea[]) with ordinality k(key, place)"
        " join f_identity on local = k.key"};
    struct text *keys = arena_many(arena, struct text, count);
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    for (size_t i = 0; i < count; i++) {
        keys[i] = local_texts(locals, i);
        identities[i] = NULL;
    }
    pg_add_bytea_array(&params, keys, count);
    if (!pg_query(store->read, &read, &params, arena, &result, err))
        return false;
    for (int i = 0; i < pg_rows(result); i++)
        identities[pg_int8(result, i, 0) - 1] = fill(result, i, arena);
    return true;
}

/* Columns behind the first. */
static struct landing_identity *fill(const struct pg_result *result, int row, struct arena *arena)
{
    struct landing_identity *identity = arena_one(arena, struct landing_identity);
    char *local = arena_alloc(arena, LANDING_ID_SIZE);
    struct text key = pg_bytea(result, row, 1), linked = pg_text(result, row, 5);
    struct local bytes;

    memcpy(bytes.bytes, key.data, LOCAL_SIZE);
    uuid_write(bytes.bytes, local);
    *identity = (struct landing_identity){
        .local = linked.data ? linked.data : local,
        .partner = pg_int4(result, row, 2),
        .type = table_type_name(pg_int2(result, row, 3)),
        .id = pg_text(result, row, 4).data,
        .linked = linked.data != NULL,
        .version = pg_text(result, row, 6).data,
        .updated = landing_time(result, row, 7),
        .presence = landing_presence_of(pg_char(result, row, 8)),
    };
    return identity;
}

bool landing_identity_all(struct store *store, const char *type, const char *id,
                          struct arena *arena, struct landing_identity **identities, size_t *count,
                          struct err *err)
{
    static const struct pg_statement all = {
        "select 0::int8, " COLUMNS " from f_identity where rtype = $1::int2 and local in"
        " (select $2::bytea union all select local from f_identity where linked = $3::text)"
        " order by linked nulls first, partner"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    if (!landing_add_resource(&params, type, id, err))
        return false;
    if (!pg_query(store->read, &all, &params, arena, &result, err))
        return false;
    *count = (size_t)pg_rows(result);
    *identities = arena_many(arena, struct landing_identity, *count);
    for (size_t i = 0; i < *count; i++)
        (*identities)[i] = *fill(result, (int)i, arena);
    return true;
}

bool landing_identity_list(struct store *store, int32_t partner, enum landing_presence presence,
                           const char *type, unsigned limit, struct arena *arena,
                           struct landing_identity **identities, size_t *count, struct err *err)
{
    static const struct pg_statement list = {
        "select 0::int8, " COLUMNS " from f_identity i where partner = $1::int4"
        " and presence = $2::\"char\" and ($3::int2 is null or rtype = $3::int2)"
        " and not exists (select from f_dead d where d.partner = i.partner"
        "  and d.class = 'attachment' and d.id = i.id and d.decided is distinct from 'replayed')"
        " limit $4::int8"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;
    int16_t rtype;

    pg_add_int4(&params, partner);
    pg_add_char(&params, landing_presence_letter(presence));
    if (type && !landing_type(type, &rtype, err))
        return false;
    if (type)
        pg_add_int2(&params, rtype);
    else
        pg_add_null(&params);
    pg_add_int8(&params, limit);
    if (!pg_query(store->read, &list, &params, arena, &result, err))
        return false;
    *count = (size_t)pg_rows(result);
    *identities = arena_many(arena, struct landing_identity, *count);
    for (size_t i = 0; i < *count; i++)
        (*identities)[i] = *fill(result, (int)i, arena);
    return true;
}
