/*
 * Member - see member.h.
 */

#include "storage/member.h"

#include "base/arena.h"
#include "base/loop.h"
#include "base/random.h"
#include "storage/parameters.h"
#include "storage/store_internal.h"

#include <pthread.h>

enum { AGAIN_MS = 50 };

/* A backend of ours whose connection was lost may still run what it was sent: then there are more
 * of them than we have connections, and nothing is said. */
static const struct pg_statement announce_statement = {
    "insert into f_member as m (id, number, extraction) select $1::int8, $2::int8, " EXTRACTION
    " where $3::int8 >= (select"
    " count(*) from pg_stat_activity where datname = current_database()"
    " and application_name like 'isthmus/%' and"
    " substring(application_name from '#([0-9]+)$')::int8 = $1::int8)"
    " on conflict (id) do update set number = excluded.number, said = clock_timestamp()"};
static const struct pg_statement leave_statement = {
    "delete from f_member where id = $1::int8 or (said < now() - interval '1 day' and not exists"
    " (select from pg_stat_activity where application_name like 'isthmus/%' and"
    " substring(application_name from '#([0-9]+)$')::int8 = f_member.id))"};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct member *members; /* of the process */

static struct store *store_of(struct member *member);
static void on_news(void *context);
static void follow(void *context);
static bool announce(struct store *store, int64_t number, bool *said, struct err *err);

void member_init(struct store *store)
{
    store->member.pg = (struct pg_member){
        .id = (int64_t)(random_number() >> 1),
        .known = parameters_number(),
    };
}

bool member_join(struct store *store, struct err *err)
{
    struct member *member = &store->member;
    bool said = false;

    if (!announce(store, member->pg.known, &said, err))
        return false;
    if (!said)
        return err_set(err, ERR_INTERNAL, NULL, "the database has more connections than we made");
    pthread_mutex_lock(&mutex);
    member->next = members;
    members = member;
    pthread_mutex_unlock(&mutex);
    on_news(member);
    return true;
}

void member_leave(struct store *store)
{
    struct member *member = &store->member;
    struct arena *arena = arena_new();
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;
    struct err err = {0};

    pthread_mutex_lock(&mutex);
    for (struct member **link = &members; *link; link = &(*link)->next)
        if (*link == member) {
            *link = member->next;
            break;
        }
    pthread_mutex_unlock(&mutex);
    member->closing = true;
    fiber_wake(&member->drained);
    while (member->announcing)
        if (!fiber_wait(&member->done, -1, &err))
            break;
    err = (struct err){0};
    pg_add_int8(&params, member->pg.id);
    /* If it fails, whoever leaves tomorrow does it. */
    bool left = store->transactions && pool_run(store->transactions, NULL, &leave_statement,
                                                &params, arena, &result, &err);
    (void)left;
    arena_free(arena);
}

unsigned member_begin(struct store *store)
{
    struct member *member = &store->member;

    member->under_way[member->now]++;
    return member->now;
}

void member_end(struct store *store, unsigned began)
{
    struct member *member = &store->member;

    if (--member->under_way[began] == 0 && began != member->now)
        fiber_wake(&member->drained);
}

void members_tell(void)
{
    pthread_mutex_lock(&mutex);
    for (struct member *member = members; member; member = member->next)
        loop_post(store_of(member)->loop, on_news, member);
    pthread_mutex_unlock(&mutex);
}

static struct store *store_of(struct member *member)
{
    return (struct store *)((char *)member - offsetof(struct store, member));
}

/* The store may have been closed since it was posted. */
static bool is_there(const struct member *member)
{
    const struct member *other;

    pthread_mutex_lock(&mutex);
    for (other = members; other && other != member;)
        other = other->next;
    pthread_mutex_unlock(&mutex);
    return other != NULL;
}

static void on_news(void *context)
{
    struct member *member = context;

    if (!is_there(member) || member->announcing || member->pg.known >= parameters_number())
        return;
    member->announcing = true;
    fiber_spawn(store_of(member)->loop, follow, member);
}

/* One change after the other: while the operations of before one are waited for, those that begin
 * know at least that one. */
static void follow(void *context)
{
    struct member *member = context;
    struct err err = {0};

    while (!member->closing && member->pg.known < parameters_number()) {
        int64_t number = parameters_number();
        unsigned before = member->now;
        bool said = false;

        member->now = 1 - before;
        while (member->under_way[before] > 0 && !member->closing)
            if (!fiber_wait(&member->drained, -1, &err))
                break;
        if (member->closing)
            break;
        member->pg.known = number; /* from here on connections may be made again */
        while (!said && !member->closing) {
            err = (struct err){0};
            if (!announce(store_of(member), number, &said, &err) || !said)
                fiber_sleep(AGAIN_MS);
        }
    }
    member->announcing = false;
    fiber_wake(&member->done);
}

static bool announce(struct store *store, int64_t number, bool *said, struct err *err)
{
    struct arena *arena = arena_new();
    struct pg_params params = pg_params_in(arena);
    struct pg_counters one, transactions;
    struct lane_counters lane;
    struct pool_counters pool;
    const struct pg_result *result;
    uint64_t open = 0;

    pg_count(store->read, &one);
    open += one.open;
    pg_count(store->search, &one);
    open += one.open;
    lane_count(store->write, &lane, &one);
    pool_count(store->transactions, &pool, &transactions);
    open += one.open + transactions.open;
    pg_add_int8(&params, store->member.pg.id);
    pg_add_int8(&params, number);
    pg_add_int8(&params, (int64_t)open);
    bool good =
        pool_run(store->transactions, NULL, &announce_statement, &params, arena, &result, err);
    *said = good && pg_affected(result) > 0;
    arena_free(arena);
    return good;
}
