/*
 * Landing batch, owners - a partner may pass on what belongs to another partner of ours, when the
 * operator says so. What it brings of that is one resource with the owner's own, under the id that
 * the owner's has here, whoever of both comes first (docs/decisions/0028).
 *
 * The owner's identity says whose content is there. Once he has brought it, nobody else writes it,
 * ever. Before, it is FORWARDED, by way of one partner, who may change and delete it. That row is
 * written in the same transaction as the resource, only while it says so: of two who come at once,
 * one begins again and finds the other.
 */

#include "base/arena.h"
#include "storage/landing_batch.h"

static bool was_linked(const struct landed *landed);
static void fill_owner(struct landing_batch *batch, const struct pg_result *result, int row,
                       struct landed *landed);
static bool tell_apart(struct landing_batch *batch, struct err *err);
static bool link_claim(const struct landing_batch *batch, struct landed *landed);

/* Of rows that were linked before. What is linked to a resource of our own has none. */
bool batch_find_owners(struct landing_batch *batch, struct err *err)
{
    static const struct pg_statement read = {
        "select k.place, f.partner, f.rtype, f.id, f.presence, f.linked, " LANDING_VIA
        " from unnest($1::bytea[]) with ordinality k(key, place), lateral"
        " (select * from f_identity where local = k.key limit 1) f"};
    struct local *locals = arena_many(batch->arena, struct local, batch->count);
    struct text *keys = arena_many(batch->arena, struct text, batch->count);
    struct landed **rows = arena_many(batch->arena, struct landed *, batch->count);
    struct pg_params params = pg_params_in(batch->arena);
    const struct pg_result *result;
    size_t count = 0;

    for (size_t i = 0; batch->apply->passes_on && i < batch->count; i++) {
        struct landed *landed = &batch->rows[i];

        if (!was_linked(landed) || !uuid_read(landed->self->linked, locals[count].bytes))
            continue;
        keys[count] = (struct text){(const char *)locals[count].bytes, LOCAL_SIZE};
        rows[count++] = landed;
    }
    if (count == 0)
        return true;
    pg_add_bytea_array(&params, keys, count);
    if (!pg_query(batch->pg, &read, &params, batch->arena, &result, err))
        return false;
    for (int i = 0; i < pg_rows(result); i++)
        fill_owner(batch, result, i, rows[pg_int8(result, i, 0) - 1]);
    return true;
}

static bool was_linked(const struct landed *landed)
{
    return landed->self && landed->self->linked.data && !landed->self->owner;
}

/* Whom it does not pass on any more is nobody's whose resource it may write. */
static void fill_owner(struct landing_batch *batch, const struct pg_result *result, int row,
                       struct landed *landed)
{
    int32_t partner = pg_int4(result, row, 1);
    const char *type = table_type_name(pg_int2(result, row, 2));

    if (partner == batch->apply->partner ||
        !batch->apply->passes_on(batch->apply->context, partner))
        return;
    struct identity *owner = batch_identity(batch, partner, text_of(type), pg_text(result, row, 3));
    owner->named = true;
    owner->known = true;
    owner->presence = landing_presence_of(pg_char(result, row, 4));
    owner->linked = pg_text(result, row, 5);
    owner->via = pg_bytea(result, row, 6);
    landed->self->owner = owner;
}

/* What nothing else says to be a copy of something here. A batch ends before a second one that is
 * linked to the same: what becomes of the first decides about it. */
bool batch_link_claims(struct landing_batch *batch, struct err *err)
{
    if (!tell_apart(batch, err))
        return false;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->rows[i].self && !link_claim(batch, &batch->rows[i]))
            batch_cut(batch, i);
    return true;
}

/* What this partner has under two ids, at the same time, are two, though both say that they are the
 * same of the owner's: the second is a record of its own. */
static bool tell_apart(struct landing_batch *batch, struct err *err)
{
    static const struct pg_statement read = {
        "select k.place from unnest($1::text[]) with ordinality k(linked, place)"
        " where exists (select from f_identity f where f.linked = k.linked"
        "  and f.partner = $2::int4 and f.presence not in ('G', 'D'))"};
    struct text *linked = arena_many(batch->arena, struct text, batch->count);
    struct landed **rows = arena_many(batch->arena, struct landed *, batch->count);
    struct pg_params params = pg_params_in(batch->arena);
    const struct pg_result *result;
    size_t count = 0;

    for (size_t i = 0; i < batch->count; i++) {
        struct landed *landed = &batch->rows[i];

        if (!landed->claim || !landed->claim->known || !batch_may_be_copy(landed))
            continue;
        linked[count] = text_of(landed->claim->local);
        rows[count++] = landed;
    }
    if (count == 0)
        return true;
    pg_add_text_array(&params, linked, count);
    pg_add_int4(&params, batch->apply->partner);
    if (!pg_query(batch->pg, &read, &params, batch->arena, &result, err))
        return false;
    for (int i = 0; i < pg_rows(result); i++)
        rows[pg_int8(result, i, 0) - 1]->claim = NULL;
    return true;
}

/* A resource of the owner's may be linked itself: to one of ours that he was sent. False: it is for
 * the next batch. */
static bool link_claim(const struct landing_batch *batch, struct landed *landed)
{
    struct identity *self = landed->self, *owner = landed->claim;

    if (self->owner) {
        bool first = !self->owner->self || self->owner->self == self;

        self->owner->self = self;
        return first;
    }
    if (!owner || !batch_may_be_copy(landed))
        return true;
    if (owner->self)
        return owner->self->link;
    owner->self = self;
    self->owner = owner;
    self->linked = owner->linked.data ? owner->linked : text_of(owner->local);
    self->link = true;
    self->origin = landing_hash(batch->store, landed->in.origin);
    return true;
}

bool batch_feeds(const struct landed *landed)
{
    const struct identity *self = landed->self, *owner = self->owner;
    const struct text key = {(const char *)self->key.bytes, LOCAL_SIZE};

    if (!owner || owner->linked.data)
        return false;
    if (!owner->known || owner->presence == LANDING_MENTIONED)
        return true;
    return owner->presence == LANDING_FORWARDED &&
           (!owner->via.data || text_equals(owner->via, key));
}

/* Those that are known; new ones, batch_write_new() has written. */
bool batch_take_owners(struct landing_batch *batch, struct err *err)
{
    static const struct pg_statement take = {
        "update f_identity f set presence = 'F', via = x.via"
        " from unnest($1::bytea[], $2::bytea[], $3::bytea[]) x(local, feeder, via)"
        " where f.local = x.local and f.linked is null and (f.presence = 'M'"
        "  or (f.presence = 'F' and coalesce(" LANDING_VIA ", x.feeder) = x.feeder))"};
    size_t room = batch->map.count, count = 0;
    struct text *keys = arena_many(batch->arena, struct text, 3 * room);
    struct pg_params params = pg_params_in(batch->arena);
    const struct pg_result *result;

    for (struct identity *identity = batch->first; identity; identity = identity->next) {
        if (!identity->feeder || !identity->known)
            continue;
        keys[count] = (struct text){(const char *)identity->key.bytes, LOCAL_SIZE};
        keys[room + count] = (struct text){(const char *)identity->feeder->key.bytes, LOCAL_SIZE};
        keys[2 * room + count++] = identity->via;
    }
    if (count == 0)
        return true;
    for (size_t column = 0; column < 3; column++)
        pg_add_bytea_array(&params, keys + column * room, count);
    if (!pg_query(batch->pg, &take, &params, batch->arena, &result, err))
        return false;
    batch->raced = (size_t)pg_affected(result) != count;
    return !batch->raced ||
           err_set(err, ERR_CONFLICT, NULL, "Its owner has brought one of them meanwhile.");
}
