/*
 * Landing batch, identities - what is known of everything a batch names, and which of it is a copy
 * of what we have: our own, or another partner's, that came back by another way.
 */

#include "base/arena.h"
#include "fhir/type.h"
#include "storage/landing_batch.h"

static bool read_identities(struct landing_batch *batch, struct err *err);
static void fill_identity(const struct pg_result *result, int row, struct identity *identity);
static bool find_copies(struct landing_batch *batch, struct err *err);
static bool find_ours(struct landing_batch *batch, struct err *err);
static bool find_by_origin(struct landing_batch *batch, struct err *err);
static bool find_by_content(struct landing_batch *batch, struct err *err);
static void link_row(struct landed *landed, struct text id);

bool batch_identify(struct landing_batch *batch, struct err *err)
{
    if (!read_identities(batch, err) || !batch_find_owners(batch, err) ||
        !find_copies(batch, err) || !batch_find_fed(batch, err) || !batch_link_claims(batch, err))
        return false;
    batch_convert_again(batch);
    return true;
}

static bool read_identities(struct landing_batch *batch, struct err *err)
{
    /* limit: one look at the index for each, whatever statistics say of a table that grows */
    static const struct pg_statement read = {
        "select k.place, f.* from unnest($1::bytea[]) with ordinality k(key, place), lateral"
        " (select hash, updated, person, unit, presence, version, linked, " LANDING_VIA
        " from f_identity f where local = k.key limit 1) f"};
    struct pg_params params = pg_params_in(batch->arena);
    struct identity **identities = arena_many(batch->arena, struct identity *, batch->map.count);
    struct text *keys = arena_many(batch->arena, struct text, batch->map.count);
    const struct pg_result *result;
    size_t count = 0;

    for (struct identity *identity = batch->first; identity; identity = identity->next) {
        keys[count] = (struct text){(const char *)identity->key.bytes, LOCAL_SIZE};
        identities[count++] = identity;
    }
    pg_add_bytea_array(&params, keys, count);
    if (!pg_query(batch->pg, &read, &params, batch->arena, &result, err))
        return false;
    for (int i = 0; i < pg_rows(result); i++)
        fill_identity(result, i, identities[pg_int8(result, i, 0) - 1]);
    return true;
}

static void fill_identity(const struct pg_result *result, int row, struct identity *identity)
{
    identity->known = true;
    identity->hash = pg_is_null(result, row, 1) ? 0 : pg_int8(result, row, 1);
    identity->updated = landing_time(result, row, 2);
    identity->person = pg_is_null(result, row, 3) ? 0 : (uint64_t)pg_int8(result, row, 3);
    identity->unit = pg_int8(result, row, 4);
    identity->presence = landing_presence_of(pg_char(result, row, 5));
    identity->version = pg_text(result, row, 6);
    identity->linked = pg_text(result, row, 7);
    identity->via = pg_bytea(result, row, 8);
}

/* Only what did not come before can turn out to be a copy: a resource never changes its source. */
bool batch_may_be_copy(const struct landed *landed)
{
    const struct identity *self = landed->self;

    return self && !landed->in.refused && landed->row.body.data && !self->linked.data &&
           (!self->known || self->presence == LANDING_MENTIONED);
}

/* Whose first source is a partner that this one passes on, is that one's (landing_owners.c). */
static bool may_be_of_origin(const struct landed *landed)
{
    return batch_may_be_copy(landed) && landed->in.origin.size > 0 && !landed->claim;
}

static bool find_copies(struct landing_batch *batch, struct err *err)
{
    bool ours = false, origin = false, content = false;

    for (size_t i = 0; i < batch->count; i++) {
        const struct landed *landed = &batch->rows[i];

        if (!batch_may_be_copy(landed))
            continue;
        ours |= landed->in.local.size > 0;
        origin |= may_be_of_origin(landed);
        content |= landed->in.content != 0;
    }
    return (!ours || find_ours(batch, err)) && (!origin || find_by_origin(batch, err)) &&
           (!content || find_by_content(batch, err));
}

/* "Type/id" of ours, if there is such a one. By our own address it is said only by who read it
 * here; an identifier of ours counts for what somebody was sent. */
static bool find_ours(struct landing_batch *batch, struct err *err)
{
#define IS_IN(table, name, ...) " or exists (select from " name " t where t.rkey = k.rkey)"
    static const struct pg_statement read = {
        "select k.place from unnest($1::int2[], $2::text[], $3::int2[], $4::int8[])"
        " with ordinality k(rtype, id, certain, rkey, place) where (false" TABLES(
            IS_IN) ") and (k.certain <> 0 or exists"
                   " (select from f_push p where p.rtype = k.rtype and p.id = k.id))"};
#undef IS_IN
    struct tokens tokens = store_tokens(batch->store, &batch->apply->access);
    int64_t *rkeys = arena_many(batch->arena, int64_t, batch->count);
    int16_t *rtypes = arena_many(batch->arena, int16_t, batch->count);
    int16_t *certain = arena_many(batch->arena, int16_t, batch->count);
    struct text *ids = arena_many(batch->arena, struct text, batch->count);
    struct landed **rows = arena_many(batch->arena, struct landed *, batch->count);
    struct pg_params params = pg_params_in(batch->arena);
    const struct pg_result *result;
    size_t count = 0;

    for (size_t i = 0; i < batch->count; i++) {
        struct landed *landed = &batch->rows[i];
        struct text type, id;

        if (!batch_may_be_copy(landed) || !text_split(landed->in.local, '/', &type, &id) ||
            !text_equals(type, landed->in.type))
            continue;
        rtypes[count] = landed->self->rtype;
        certain[count] = landed->in.certain;
        rkeys[count] = token_rkey(&tokens, type, id);
        ids[count] = id;
        rows[count++] = landed;
    }
    pg_add_int2_array(&params, rtypes, count);
    pg_add_text_array(&params, ids, count);
    pg_add_int2_array(&params, certain, count);
    pg_add_int8_array(&params, rkeys, NULL, count);
    if (!pg_query(batch->pg, &read, &params, batch->arena, &result, err))
        return false;
    for (int i = 0; i < pg_rows(result); i++) {
        size_t at = (size_t)pg_int8(result, i, 0) - 1;

        link_row(rows[at], ids[at]);
    }
    return true;
}

/* The same resource of its first source, by the address that others gave too. */
static bool find_by_origin(struct landing_batch *batch, struct err *err)
{
    static const struct pg_statement read = {
        "select k.place, f.local, f.linked from unnest($1::int8[], $2::int2[])"
        " with ordinality k(origin, rtype, place), lateral"
        " (select local, linked from f_identity where origin = k.origin and rtype = k.rtype"
        "  and partner <> $3::int4 and presence in ('P', 'A', 'G') order by local limit 1) f"};
    int64_t *origins = arena_many(batch->arena, int64_t, batch->count);
    int16_t *rtypes = arena_many(batch->arena, int16_t, batch->count);
    struct landed **rows = arena_many(batch->arena, struct landed *, batch->count);
    struct pg_params params = pg_params_in(batch->arena);
    const struct pg_result *result;
    size_t count = 0;

    for (size_t i = 0; i < batch->count; i++) {
        struct landed *landed = &batch->rows[i];

        if (!may_be_of_origin(landed))
            continue;
        origins[count] = landing_hash(batch->store, landed->in.origin);
        rtypes[count] = landed->self->rtype;
        rows[count++] = landed;
    }
    pg_add_int8_array(&params, origins, NULL, count);
    pg_add_int2_array(&params, rtypes, count);
    pg_add_int4(&params, batch->apply->partner);
    if (!pg_query(batch->pg, &read, &params, batch->arena, &result, err))
        return false;
    for (int i = 0; i < pg_rows(result); i++) {
        struct landed *landed = rows[pg_int8(result, i, 0) - 1];
        struct text key = pg_bytea(result, i, 1), linked = pg_text(result, i, 2);
        char *local = arena_alloc(batch->arena, LANDING_ID_SIZE);
        struct local bytes;

        memcpy(bytes.bytes, key.data, LOCAL_SIZE);
        uuid_write(bytes.bytes, local);
        link_row(landed, linked.data ? linked : text_of(local));
    }
    return true;
}

/* What this partner was sent and says the same, under an id that we did not learn. */
static bool find_by_content(struct landing_batch *batch, struct err *err)
{
    static const struct pg_statement read = {
        "select k.place, f.id from unnest($2::int8[], $3::int2[]) with ordinality"
        " k(content, rtype, place), lateral (select id from f_push where partner = $1::int4"
        " and content = k.content and rtype = k.rtype and state <> 'P' and remote_id is null"
        " order by id limit 1) f"};
    int64_t *contents = arena_many(batch->arena, int64_t, batch->count);
    int16_t *rtypes = arena_many(batch->arena, int16_t, batch->count);
    struct landed **rows = arena_many(batch->arena, struct landed *, batch->count);
    struct pg_params params = pg_params_in(batch->arena);
    const struct pg_result *result;
    size_t count = 0;

    for (size_t i = 0; i < batch->count; i++) {
        if (!batch_may_be_copy(&batch->rows[i]) || batch->rows[i].in.content == 0)
            continue;
        contents[count] = (int64_t)batch->rows[i].in.content;
        rtypes[count] = batch->rows[i].self->rtype;
        rows[count++] = &batch->rows[i];
    }
    pg_add_int4(&params, batch->apply->partner);
    pg_add_int8_array(&params, contents, NULL, count);
    pg_add_int2_array(&params, rtypes, count);
    if (!pg_query(batch->pg, &read, &params, batch->arena, &result, err))
        return false;
    for (int i = 0; i < pg_rows(result); i++) {
        struct landed *landed = rows[pg_int8(result, i, 0) - 1];

        link_row(landed, pg_text(result, i, 1));
    }
    return true;
}

static void link_row(struct landed *landed, struct text id)
{
    landed->self->linked = id;
    landed->self->link = true;
}
