#pragma once

/*
 * Landing batch - one transaction of landing_apply(), as phases in the order of these
 * declarations. Rows are read, converted, compared with what is known of their identities, and
 * written; whatever follows from that goes with it in the same transaction.
 *
 * Several may be under way at once (landing_order.c). They are committed in the order in which
 * their rows landed, and none without the one before.
 */

#include "base/fiber.h"
#include "base/map.h"
#include "storage/landing_internal.h"

struct key;
struct query;
struct transaction;

/* A resource of the partner, named by a row of the batch or mentioned in one; or of another
 * partner, that a row says it is. */
struct identity {
    int32_t partner;
    struct text name;     /* among all of the batch: partner, type and id */
    struct text type, id; /* at the partner */
    int16_t rtype;        /* -1: R4 has no such type */
    struct local key;
    char local[LANDING_ID_SIZE];

    /* As it is stored; `known` false: not at all. */
    bool known;
    enum landing_presence presence;
    int64_t hash;    /* 0: none */
    int64_t updated; /* INT64_MIN */
    uint64_t person;
    int64_t unit;
    struct text version, linked;
    struct text via; /* FORWARDED: key of the identity by way of which; absent: of none any more */
    int64_t origin;  /* hash of the address that it came from first; 0: as its newest row says */

    struct identity *owner;  /* another partner's, which it is linked to; NULL */
    struct identity *self;   /* of an owner: the one of this batch that is linked to it */
    struct identity *feeder; /* of an owner: the one whose content becomes what is here of it */

    struct landed *newest; /* of the batch, that will be applied */
    struct landed *last;   /* of the batch */
    bool named;            /* by a row, not only mentioned */
    bool write;            /* the row of f_identity changes */
    bool link;             /* it was linked in this batch */
    bool coming;           /* a batch before this one, which is under way, writes its row */
    struct identity *next; /* in the order in which they came up */
};

struct mention {
    struct identity *identity;
    bool linked; /* when the row was converted */
    struct mention *next;
};

/* A row of a landed unit, or a dead letter that is tried again. */
struct landed {
    struct unit *unit;
    int32_t line;
    int64_t dead; /* its number; 0: not dead yet */
    char before;  /* its state: 'w', 'f', 'd' */
    char after;   /* what becomes of it */
    struct landing_row row;
    int64_t hash;
    struct landing_converted in;
    struct identity *self;
    struct identity *claim; /* what it says it is, of another partner that this one passes on */
    struct mention *mentions;
    struct store_write *write;  /* of its identity's newest */
    const struct query *source; /* by which nothing was found here that was pushed; or NULL */
    int64_t key;                /* of that */
    bool deleted;               /* it removed something */
    bool critical;              /* it died, and may be a critical result */
    struct text stored;         /* dead: what was there before, its JSON; absent: nothing */
};

struct unit {
    int64_t number, window;
    char *states;
    size_t rows;
    struct text body; /* packed; absent for dead letters */
    const char *type; /* that the window asked for */
    bool snapshot;
    bool ends; /* the window is landed */
};

/* What those behind it may rely on. */
enum batch_state {
    BATCH_BEGUN,
    BATCH_DECIDED, /* what it writes is certain */
    BATCH_DONE,    /* committed */
    BATCH_FAILED,  /* rolled back */
};

struct landing_batch {
    struct store *store;
    const struct landing_apply *apply;
    const struct landing_dead_filter *dead; /* NULL: what waits is applied */
    int64_t after;                          /* dead: those with a higher number */
    const struct err *fatal;                /* this row dies of that, when it is still the next, */
    const char *fatal_class;                /* as this */
    int64_t fatal_unit;
    int32_t fatal_line;
    struct arena *arena;
    struct pg *pg;
    size_t most;
    char sqlstate[6];
    bool raced;

    enum batch_state state;
    struct landing_batch *before, *behind; /* under way too, and committed first, or after; NULL */
    bool dropped;                          /* the one before was not committed, or left rows over */
    struct waiter waiter;                  /* for the state of the one before */
    int64_t ticket; /* number of a lock that it holds to its end; 0: it locks the partner at once */
    int64_t turn;   /* of the partner, when the one before has committed; in the end its own */

    struct unit *units;
    size_t unit_count;
    struct landed *rows;
    size_t count;
    bool more;      /* it is full */
    bool cut;       /* rows that were read are left for the next */
    bool converted; /* batch_convert() was there */

    struct map map; /* names to struct identity */
    struct identity *first, *last;
    struct landed *converting;

    struct key *keys; /* of sources, sorted */
    size_t key_count;
    char *fed; /* by number of the type: whether some of it was pushed here: 'y', 'n', 0 */

    struct store_write *writes;
    struct landed **written; /* whose the writes are */
    size_t write_count;
};

/* An empty one, in an arena of its own, which ends with it. */
struct landing_batch *batch_new(struct store *store, const struct landing_apply *apply,
                                size_t most);

/* Waits until nobody else applies what came from the partner, until the end of the transaction. */
bool batch_lock(struct landing_batch *batch, struct err *err);

/* Locks, and reads what is next. */
bool batch_read(struct landing_batch *batch, struct err *err);
bool batch_read_dead(struct landing_batch *batch, struct err *err);

/* Reads what is behind a row, without a lock and outside the transaction; `before` rows up to there
 * may still be told as waiting. */
bool batch_read_behind(struct landing_batch *batch, int64_t unit, int32_t line, size_t before,
                       struct err *err);

/* Makes resources of the rows. */
void batch_convert(struct landing_batch *batch);

/* Does not wait. It is to be committed after `before`. */
void batch_follow(struct landing_batch *batch, struct landing_batch *before);

/* Waits until everything that the batches before will write is certain, and committed if that is
 * about resources of this one. Fails when one of them did. */
bool batch_take_place(struct landing_batch *batch, struct err *err);

/* Waits until those before are committed. */
bool batch_await_before(struct landing_batch *batch, struct err *err);

/* Waits for that, and locks; fails with `raced` set when somebody else was at the partner since
 * they were. For a batch that holds the lock already, only says that it was there. */
bool batch_take_turn(struct landing_batch *batch, struct err *err);

/* Does not wait. Tells the one behind, which follows nobody any more when it is the end. */
void batch_tell(struct landing_batch *batch, enum batch_state state);

/* Of a row f of f_identity that is FORWARDED: identity.via. Who has it no more feeds nobody. */
#define LANDING_VIA                                                                                \
    "case when f.via is not null then (select v.local from f_identity v where v.local = f.via"     \
    " and v.presence not in ('G', 'D')) end"

/* Learns what is known of everything named or mentioned, finds out which rows are copies of
 * what we have, and converts again those that mention such. */
bool batch_identify(struct landing_batch *batch, struct err *err);

/* For that: whether a row may turn out to be a copy, and those that are of what was pushed here. */
bool batch_may_be_copy(const struct landed *landed);
bool batch_find_fed(struct landing_batch *batch, struct err *err);

/* For that: links rows to what they say they are of another partner, and finds whose resource it
 * is that rows were linked to before. */
bool batch_find_owners(struct landing_batch *batch, struct err *err);
bool batch_link_claims(struct landing_batch *batch, struct err *err);

/* For that: those whose mentions were not linked when they were converted. */
void batch_convert_again(struct landing_batch *batch);

/* Leaves the rows from there on to the next batch. */
void batch_cut(struct landing_batch *batch, size_t count);

/* Says what becomes of each row, and what is to be written. */
void batch_decide(struct landing_batch *batch);

/* Than what was applied before. */
bool batch_is_older(const struct landed *landed);

/* For that: whether a row that is linked is to be written there, because the owner has not brought
 * it. */
bool batch_feeds(const struct landed *landed);

/* Those that died before, to the byte, and are dead letters still: there is nothing new in them. */
bool batch_pass_over_dead(struct landing_batch *batch, struct err *err);

/* Writes the resources. */
bool batch_write(struct landing_batch *batch, struct err *err);

/* Writes down the identities that are new. */
bool batch_write_new(struct landing_batch *batch, struct err *err);

/* So that nobody pushes what is written here. */
bool batch_take_keys(struct landing_batch *batch, struct err *err);

/* So that nobody overwrites what the owner has brought meanwhile. */
bool batch_take_owners(struct landing_batch *batch, struct err *err);

/* Writes down the other identities, states, dead letters and counters. */
bool batch_settle(struct landing_batch *batch, struct err *err);

/* Adds up what was done. */
void batch_count(const struct landing_batch *batch, struct landing_result *result);

/* The identity of type/id of a partner, added when it is new to the batch. */
struct identity *batch_identity(struct landing_batch *batch, int32_t partner, struct text type,
                                struct text id);

/* A row in this state is to be applied. */
static inline bool batch_waits(char state)
{
    return state == 'w' || state == 'f';
}

/* Refuses a row. */
static inline void landed_refuse(struct landed *landed, const char *class, const char *rule)
{
    landed->in.refused = class;
    landed->in.rule = rule;
}
