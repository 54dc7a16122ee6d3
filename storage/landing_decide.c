/*
 * Landing batch, deciding - what becomes of each row: nothing waits here, nothing is written.
 *
 * A row is compared with what was applied of its resource before, and with the others of the batch:
 * by meta.lastUpdated, else by meta.versionId, else whatever landed later is newer. A batch ends
 * before a second version of a resource that it writes: so each becomes a version here, however
 * rows happen to come together in batches.
 */

#include "base/arena.h"
#include "storage/landing_batch.h"

static bool decide(struct landed *landed);
static bool decide_good(struct landed *landed);
static void decide_linked(struct landed *landed);
static bool passes_batch(struct landed *landed);
static bool passes_stored(struct landed *landed);
static bool is_other_person(const struct landed *landed);
static bool is_regression(const struct landed *landed);
static void note_presence(struct identity *identity);
static int compare(int64_t a_updated, struct text a_version, int64_t b_updated,
                   struct text b_version);
static void plan_write(struct landing_batch *batch, struct identity *identity);
static void feed(struct identity *owner, bool deletion);
static void take_over(struct identity *identity, struct landed *landed, bool deletion);

void batch_decide(struct landing_batch *batch)
{
    batch->writes = arena_many(batch->arena, struct store_write, batch->count);
    batch->written = arena_many(batch->arena, struct landed *, batch->count);
    for (size_t i = 0; i < batch->count; i++)
        if (!decide(&batch->rows[i]))
            batch_cut(batch, i);
    for (struct identity *identity = batch->first; identity; identity = identity->next) {
        if (identity->newest)
            plan_write(batch, identity);
        else if (!identity->known && !identity->named && !identity->coming)
            identity->write = true; /* mentioned for the first time */
    }
}

/* False: it is for the next batch. */
static bool decide(struct landed *landed)
{
    bool now = landed->in.refused || decide_good(landed);

    if (landed->in.refused)
        landed->after = 'd';
    return now;
}

/* It may be refused yet. */
static bool decide_good(struct landed *landed)
{
    struct identity *self = landed->self, *owner = self->owner;

    if (self->linked.data && !batch_feeds(landed)) {
        decide_linked(landed);
        return true;
    }
    if (!passes_batch(landed))
        return true;
    if (self->newest)
        return false;
    if (passes_stored(landed)) {
        self->newest = landed;
        landed->after = 'a';
        if (owner)
            owner->feeder = self;
    }
    return true;
}

void batch_cut(struct landing_batch *batch, size_t count)
{
    batch->count = count;
    batch->cut = true;
    if (batch->dead)
        batch->after = batch->rows[count - 1].dead;
}

/* Nothing is written of what is ours; only what the partner has is noted. */
static void decide_linked(struct landed *landed)
{
    struct identity *self = landed->self;
    bool deletion = !landed->row.body.data;

    landed->after = 'u';
    if (self->presence == LANDING_MENTIONED) /* before it was known what it is */
        self->link = true;
    if (!self->link && self->hash == landed->hash && self->presence == LANDING_PRESENT)
        return;
    if (batch_is_older(landed))
        return;
    take_over(self, landed, deletion);
}

static bool passes_batch(struct landed *landed)
{
    const struct landed *newest = landed->self->newest;
    int order;

    if (!newest)
        return true;
    order = compare(landed->in.updated, landed->in.version, newest->in.updated, newest->in.version);
    if (order < 0)
        landed->after = 'o';
    else if (landed->row.body.data && newest->row.body.data && landed->hash == newest->hash)
        landed->after = 'u';
    return !landed->after;
}

static bool passes_stored(struct landed *landed)
{
    struct identity *self = landed->self;
    bool same = landed->row.body.data && self->hash == landed->hash;

    if (!self->known || self->presence == LANDING_MENTIONED || self->presence == LANDING_FORWARDED)
        return true;
    if (batch_is_older(landed))
        landed->after = 'o';
    else if (same && landed->before != 'f' && self->presence != LANDING_DELETED)
        landed->after = 'u';
    else if (is_other_person(landed))
        landed_refuse(landed, "identity_conflict",
                      "Birth date and family name are others than before: the partner may have "
                      "given the id to somebody else.");
    else if (is_regression(landed))
        landed_refuse(landed, "version_regression",
                      "Its version is lower than the one that came before, though it is newer: the "
                      "partner may have restored a backup.");
    if (landed->after && landed->row.body.data)
        note_presence(self);
    return !landed->after && !landed->in.refused;
}

bool batch_is_older(const struct landed *landed)
{
    const struct identity *self = landed->self;

    return compare(landed->in.updated, landed->in.version, self->updated, self->version) < 0;
}

/* W-48. Whoever replays it has decided. */
static bool is_other_person(const struct landed *landed)
{
    uint64_t before = landed->self->person, now = landed->in.person;
    uint32_t birth = (uint32_t)(before >> 32), family = (uint32_t)before;
    uint32_t birth_now = (uint32_t)(now >> 32), family_now = (uint32_t)now;

    return !landed->dead && birth && family && birth_now && family_now && birth != birth_now &&
           family != family_now;
}

/* W-53. What we have stays; whoever replays it has decided. */
static bool is_regression(const struct landed *landed)
{
    int64_t now, before;

    return !landed->dead && text_to_int64(landed->in.version, 0, INT64_MAX, &now) &&
           text_to_int64(landed->self->version, 0, INT64_MAX, &before) && now < before;
}

/* It was missing, and here it is. */
static void note_presence(struct identity *identity)
{
    if (identity->presence != LANDING_MISSING && identity->presence != LANDING_GONE)
        return;
    identity->presence = LANDING_PRESENT;
    identity->write = true;
}

static int compare(int64_t a_updated, struct text a_version, int64_t b_updated,
                   struct text b_version)
{
    int64_t a, b;

    if (a_updated != INT64_MIN && b_updated != INT64_MIN && a_updated != b_updated)
        return a_updated < b_updated ? -1 : 1;
    if (!text_to_int64(a_version, 0, INT64_MAX, &a) || !text_to_int64(b_version, 0, INT64_MAX, &b))
        return 0;
    return (a > b) - (a < b);
}

static void plan_write(struct landing_batch *batch, struct identity *identity)
{
    struct landed *newest = identity->newest;
    bool deletion = !newest->row.body.data;
    bool here = identity->known && identity->presence != LANDING_MENTIONED &&
                identity->presence != LANDING_DELETED;

    take_over(identity, newest, deletion);
    if (deletion && !here) {
        newest->after = 'u'; /* it was never here */
        return;
    }
    if (identity->linked.data)
        feed(identity->owner, deletion);
    struct store_write *write = &batch->writes[batch->write_count];
    *write = (struct store_write){
        .action = deletion ? STORE_REMOVE : STORE_UPDATE,
        .type = text_dup(batch->arena, identity->type),
        .id = identity->linked.data ? identity->owner->local : identity->local,
        .resource = newest->in.resource,
    };
    newest->write = write;
    batch->written[batch->write_count++] = newest;
}

/* It is there by way of that one, until it is brought or deleted. */
static void feed(struct identity *owner, bool deletion)
{
    const struct text key = {(const char *)owner->feeder->key.bytes, LOCAL_SIZE};

    owner->presence = LANDING_FORWARDED;
    owner->via = deletion ? (struct text){0} : key;
    owner->write = !owner->known;
}

/* A deletion has no hash: whatever comes again is compared by its version only. */
static void take_over(struct identity *identity, struct landed *landed, bool deletion)
{
    identity->presence = deletion ? LANDING_DELETED : LANDING_PRESENT;
    identity->hash = deletion ? 0 : landed->hash;
    if (landed->in.updated != INT64_MIN)
        identity->updated = landed->in.updated;
    if (landed->in.version.data)
        identity->version = landed->in.version;
    if (!deletion)
        identity->person = landed->in.person;
    identity->via = (struct text){0};
    identity->write = true;
}
