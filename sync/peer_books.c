/*
 * Peer books - what the tables say of a partner, looked up now and then so that asking for
 * metrics costs nothing: unlike counters they outlive the worker, and they balance.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/count.h"
#include "sync/peer.h"

#define MICRO    1e6
#define LEAST_US (2 * INT64_C(1000000)) /* between two looks, */
#define SHARE    100                    /* which take at most this part of the time */

/* Of what is asked for no longer nothing is owed; it only goes on to be counted. */
static void forgive_others(const struct peer *peer, struct peer_books *books)
{
    for (size_t i = 0; i < books->account_count; i++)
        if (!peer_asks_for(peer, &books->accounts[i].key))
            books->accounts[i].gaps = books->accounts[i].partial = 0;
}

static bool look(const struct peer *peer, struct peer_books *books, struct err *err)
{
    struct store *store = peer->config->store;
    int32_t number = peer->landed->number;
    int64_t open;

    return landing_accounts(store, number, books->arena, &books->accounts, &books->account_count,
                            &books->presences, &books->presence_count, &books->pushed, &open,
                            err) &&
           landing_dead_classes(store, number, books->arena, &books->dead, &books->dead_count, err);
}

void peer_look(struct peer *peer)
{
    const int64_t begun = clock_monotonic();
    struct peer_books books = {0};
    struct err err = {0};

    if (!peer->config->metrics || peer->books.due > clock_now())
        return;
    books.arena = arena_new();
    bool good = look(peer, &books, &err);
    int64_t took = clock_monotonic() - begun;
    books.due = clock_now() + (took * SHARE > LEAST_US ? took * SHARE : LEAST_US);
    if (!good) { /* the database is busy, or away: what is known stays */
        arena_free(books.arena);
        peer->books.due = books.due;
        return;
    }
    peer_forget_books(peer);
    forgive_others(peer, &books);
    peer->books = books;
}

void peer_forget_books(struct peer *peer)
{
    arena_free(peer->books.arena);
    peer->books = (struct peer_books){0};
}

/* Lines. */

static bool is_same_pull(const struct landing_account *a, const struct landing_account *b)
{
    return strcmp(a->key.mode, b->key.mode) == 0 && strcmp(a->key.type, b->key.type) == 0;
}

/* The sum of those queries from `at` on that have one mode and type; `*next`: behind them. */
static struct landing_account sum_of(const struct peer_books *books, size_t at, size_t *next)
{
    struct landing_account sum = books->accounts[at++];

    for (; at < books->account_count && is_same_pull(&sum, &books->accounts[at]); at++) {
        const struct landing_account *more = &books->accounts[at];

        sum.counts.expected += more->counts.expected;
        sum.counts.landed += more->counts.landed;
        sum.counts.applied += more->counts.applied;
        sum.counts.unchanged += more->counts.unchanged;
        sum.counts.older += more->counts.older;
        sum.counts.dead += more->counts.dead;
        sum.counts.waiting += more->counts.waiting;
        sum.gaps += more->gaps;
        sum.partial += more->partial;
    }
    *next = at;
    return sum;
}

static void write_stages(const struct peer *peer, const char *name,
                         const struct landing_account *sum, struct buf *out)
{
    const struct landing_counts *c = &sum->counts;
    const struct {
        const char *stage;
        int64_t rows;
    } stages[] = {{"expected", c->expected},   {"landed", c->landed}, {"applied", c->applied},
                  {"unchanged", c->unchanged}, {"older", c->older},   {"dead", c->dead},
                  {"waiting", c->waiting}};
    char labels[160];

    for (size_t i = 0; i < COUNT(stages); i++) {
        snprintf(labels, sizeof(labels), ",mode=\"%s\",type=\"%s\",stage=\"%s\"", sum->key.mode,
                 sum->key.type, stages[i].stage);
        peer_write_line(out, name, peer, labels, (double)stages[i].rows);
    }
}

void peer_write_rows(const struct peer *peer, const char *name, struct buf *out)
{
    for (size_t i = 0; i < peer->books.account_count;) {
        const struct landing_account sum = sum_of(&peer->books, i, &i);

        write_stages(peer, name, &sum, out);
    }
}

void peer_write_gaps(const struct peer *peer, const char *name, struct buf *out)
{
    char labels[160];

    for (size_t i = 0; i < peer->books.account_count;) {
        const struct landing_account sum = sum_of(&peer->books, i, &i);

        snprintf(labels, sizeof(labels), ",mode=\"%s\",type=\"%s\"", sum.key.mode, sum.key.type);
        peer_write_line(out, name, peer, labels, sum.gaps);
    }
}

void peer_write_partial(const struct peer *peer, const char *name, struct buf *out)
{
    char labels[160];

    for (size_t i = 0; i < peer->books.account_count;) {
        const struct landing_account sum = sum_of(&peer->books, i, &i);

        snprintf(labels, sizeof(labels), ",mode=\"%s\",type=\"%s\"", sum.key.mode, sum.key.type);
        peer_write_line(out, name, peer, labels, sum.partial);
    }
}

void peer_write_pending(const struct peer *peer, const char *name, struct buf *out)
{
    char labels[160];

    for (size_t i = 0; i < peer->books.presence_count; i++) {
        const struct landing_presences *presences = &peer->books.presences[i];

        snprintf(labels, sizeof(labels), ",type=\"%s\"", presences->type);
        peer_write_line(out, name, peer, labels, (double)presences->mentioned);
    }
}

/* Rules of one class are told by `sync dead list`; here they are one. */
void peer_write_dead(const struct peer *peer, const char *name, struct buf *out)
{
    const struct peer_books *books = &peer->books;
    char labels[160];

    for (size_t i = 0; i < books->dead_count; i++) {
        int64_t count = 0;
        bool first = true;

        for (size_t k = 0; k < books->dead_count; k++)
            if (strcmp(books->dead[k].class, books->dead[i].class) == 0) {
                first = first && k >= i;
                count += books->dead[k].count;
            }
        if (!first)
            continue;
        snprintf(labels, sizeof(labels), ",class=\"%s\"", books->dead[i].class);
        peer_write_line(out, name, peer, labels, (double)count);
    }
}

void peer_write_critical(const struct peer *peer, const char *name, struct buf *out)
{
    int64_t critical = 0;

    for (size_t i = 0; i < peer->books.dead_count; i++)
        critical += peer->books.dead[i].critical;
    if (peer->books.arena)
        peer_write_line(out, name, peer, "", (double)critical);
}

void peer_write_ledger(const struct peer *peer, const char *name, struct buf *out)
{
    const struct landing_pushed *pushed = &peer->books.pushed;

    if (!peer->partner.push.on || !peer->books.arena)
        return;
    peer_write_line(out, name, peer, ",state=\"planned\"", (double)pushed->planned);
    peer_write_line(out, name, peer, ",state=\"sent\"", (double)pushed->sent);
    peer_write_line(out, name, peer, ",state=\"unknown\"", (double)pushed->unknown);
    peer_write_line(out, name, peer, ",state=\"confirmed\"", (double)pushed->confirmed);
    peer_write_line(out, name, peer, ",state=\"failed\"", (double)pushed->failed);
}

/* A clock that was set back makes nothing wait less than not at all. */
void peer_write_outbox(const struct peer *peer, const char *name, struct buf *out)
{
    const struct peer_books *books = &peer->books;
    double seconds = 0;

    if (!peer->partner.push.on || !books->arena)
        return;
    if (books->pushed.oldest != INT64_MAX)
        seconds = (double)(clock_now() - books->pushed.oldest) / MICRO;
    peer_write_line(out, name, peer, "", seconds > 0 ? seconds : 0);
}
