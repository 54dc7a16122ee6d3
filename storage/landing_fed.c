/*
 * Landing batch, what was pushed here - a partner's resource that comes by pulling may be here
 * already, because another Isthmus has pushed it: under an id of its own, with the address at its
 * origin in meta.source (sync/echo.h). Whoever comes first keeps the copy up to date, and the
 * others are linked to it.
 *
 * The one who pushes creates on condition that nothing has this source. The same condition holds
 * here, by the same keys (key.h), so of two that come at once one begins again and finds the other.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/random.h"
#include "fhir/issue.h"
#include "fhir/node.h"
#include "fhir/query.h"
#include "fhir/type.h"
#include "storage/key.h"
#include "storage/landing_batch.h"
#include "storage/search.h"

#define FED "_tag=urn:isthmus:feeder%7C"

static const struct query *parse(struct landing_batch *batch, const char *type, const char *text);
static bool may_be_here(const struct landed *landed);
static bool may_be_fed(struct landing_batch *batch, const struct landed *landed, bool *may,
                       struct err *err);
static const struct query *source_query(struct landing_batch *batch, const struct landed *landed);
static bool find(struct landing_batch *batch, struct err *err);

bool batch_find_fed(struct landing_batch *batch, struct err *err)
{
    const struct tokens tokens = store_tokens(batch->store, &batch->apply->access);
    bool may;

    batch->keys = arena_many(batch->arena, struct key, batch->count);
    batch->key_count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct landed *landed = &batch->rows[i];

        landed->source = NULL;
        if (!may_be_here(landed))
            continue;
        if (!may_be_fed(batch, landed, &may, err))
            return false;
        landed->source = may ? source_query(batch, landed) : NULL;
        if (!landed->source)
            continue;
        landed->key = key_of(&tokens, landed->source, batch->arena);
        batch->keys[batch->key_count++].key = landed->key;
    }
    batch->key_count = key_sort(batch->keys, batch->key_count);
    return batch->key_count == 0 || (key_read(batch->pg, batch->keys, batch->key_count,
                                              batch->arena, batch->sqlstate, err) &&
                                     find(batch, err));
}

/* Also what was deleted and comes again: meanwhile nothing here had its source, so whoever had not
 * heard of the deletion may have brought a copy. */
static bool may_be_here(const struct landed *landed)
{
    const struct identity *self = landed->self;

    return batch_may_be_copy(landed) ||
           (self && self->known && self->presence == LANDING_DELETED && !self->linked.data &&
            !landed->in.refused && landed->row.body.data && !batch_is_older(landed));
}

/* Where nothing of the type was ever pushed, and the partner is none that pushes too, nothing needs
 * to be looked for: that is most of all pulls. */
static bool may_be_fed(struct landing_batch *batch, const struct landed *landed, bool *may,
                       struct err *err)
{
    struct store_version found;
    size_t count = 0;
    int16_t rtype = landed->self->rtype;

    *may = batch->apply->contents;
    if (*may)
        return true;
    if (!batch->fed)
        batch->fed = arena_many(batch->arena, char, resource_type_count());
    if (!batch->fed[rtype]) {
        const struct query *query = parse(batch, table_type_name(rtype), FED);
        if (query && !search_find(batch->store, batch->pg, &batch->apply->access, query, 1,
                                  batch->arena, &found, &count, err))
            return false;
        batch->fed[rtype] = count ? 'y' : 'n';
    }
    *may = batch->fed[rtype] == 'y';
    return true;
}

static const struct query *parse(struct landing_batch *batch, const char *type, const char *text)
{
    const struct query_options options = query_options_default();
    struct issues issues;
    struct err ignored = {0};

    issues_init(&issues, batch->arena, 1);
    return query_parse(batch->arena, type, text_of(text), &options, &issues, &ignored);
}

/* NULL when it does not say where it is from. */
static const struct query *source_query(struct landing_batch *batch, const struct landed *landed)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    const struct node *source = node_path(landed->in.resource, "meta.source");
    struct buf text = buf_in(batch->arena);

    if (!source || source->value.size == 0)
        return NULL;
    buf_add_text(&text, "_source=");
    for (size_t i = 0; i < source->value.size; i++) {
        char c = source->value.data[i];
        if (c && strchr(plain, c))
            buf_add_char(&text, c);
        else
            buf_printf(&text, "%%%02X", (unsigned char)c);
    }
    return parse(batch, table_type_name(landed->self->rtype), buf_text(&text));
}

static bool find(struct landing_batch *batch, struct err *err)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct landed *landed = &batch->rows[i];
        struct store_version found[2];
        size_t count;

        if (!landed->source)
            continue;
        if (!search_find(batch->store, batch->pg, &batch->apply->access, landed->source, 2,
                         batch->arena, found, &count, err))
            return false;
        if (count == 0 || strcmp(found[0].id, landed->self->local) == 0 ||
            (landed->claim && strcmp(found[0].id, landed->claim->local) == 0))
            continue;
        landed->source = NULL;
        landed->self->linked = text_of(found[0].id);
        landed->self->link = true;
        if (landed->self->presence == LANDING_DELETED)
            landed->self->unit = 0; /* whatever referred to it is applied again */
    }
    return true;
}

bool batch_take_keys(struct landing_batch *batch, struct err *err)
{
    struct key *wanted = arena_many(batch->arena, struct key, batch->key_count);
    size_t count = 0;
    bool all;

    for (size_t i = 0; i < batch->write_count; i++)
        if (batch->written[i]->source)
            wanted[count++] = *key_find(batch->keys, batch->key_count, batch->written[i]->key);
    count = key_sort(wanted, count);
    if (count == 0)
        return true;
    if (!key_take(batch->pg, wanted, count, (int64_t)random_number(), batch->arena, &all,
                  batch->sqlstate, err))
        return false;
    batch->raced = !all;
    return all || err_set(err, ERR_CONFLICT, NULL, "Somebody else has pushed one of them here.");
}
