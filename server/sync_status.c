/*
 * isthmus sync status - a line for each pull: for people a table that goes on
 * being drawn, for others once, as text or JSON.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fiber.h"
#include "server/sync_internal.h"
#include "storage/landing.h"
#include "sync/partner.h"

#include <inttypes.h>
#include <jansson.h>
#include <unistd.h>

#define REFRESH_MS 2000
#define MICRO      INT64_C(1000000)

/* "12 s", "3 min", "5 h", "9 d" ago. */
static const char *ago(struct arena *arena, int64_t time)
{
    if (time == INT64_MIN)
        return "never";
    int64_t seconds = (clock_now() - time) / MICRO;
    if (seconds < 120)
        return arena_printf(arena, "%" PRId64 " s", seconds > 0 ? seconds : 0);
    if (seconds < 7200)
        return arena_printf(arena, "%" PRId64 " min", seconds / 60);
    if (seconds < 172800)
        return arena_printf(arena, "%" PRId64 " h", seconds / 3600);
    return arena_printf(arena, "%" PRId64 " d", seconds / 86400);
}

/* When a partner may be asked again, and why not before; NULL: now. */
static const char *waits_until(const struct landing_partner *landed, struct arena *arena)
{
    int64_t now = clock_now(), opens = now;
    char until[CLOCK_INSTANT_SIZE];
    struct partner partner;
    struct err ignored = {0};

    if (landed->not_before > now) {
        clock_format_instant(landed->not_before, until);
        return arena_printf(arena, "asked to wait until %s", until);
    }
    if (!partner_parse(landed->config, arena, &partner, &ignored))
        return arena_printf(arena, "its document cannot be read: %s", ignored.text);
    if (!partner.enabled)
        return "not enabled";
    if (partner_window_is_open(&partner, now, &opens))
        return NULL;
    clock_format_instant(opens, until);
    return arena_printf(arena, "outside its hours until %s", until);
}

static const char *state_of(const struct landing_partner *partner, struct arena *arena)
{
    const char *waits;

    if (partner->paused)
        return arena_printf(arena, "paused%s%s", partner->pause_reason ? ": " : "",
                            partner->pause_reason ? partner->pause_reason : "");
    waits = waits_until(partner, arena);
    return waits ? waits : "active";
}

static void draw_account(const struct landing_account *account, struct arena *arena,
                         struct buf *out)
{
    const struct landing_counts *counts = &account->counts;

    buf_printf(out,
               "  %-9s %-20s %9s %9" PRId64 " %9" PRId64 " %9" PRId64 " %7" PRId64 " %7" PRId64
               "  %s\n",
               account->key.mode, account->key.type[0] ? account->key.type : "(all)",
               ago(arena, account->completed), counts->landed, counts->applied, counts->unchanged,
               counts->dead, counts->waiting, account->reason ? account->reason : "");
}

static bool draw_partner(const struct store_site *site, const struct landing_partner *partner,
                         struct arena *arena, struct buf *out, struct err *err)
{
    struct landing_account *accounts;
    struct landing_presences *presences;
    struct landing_pushed pushed;
    size_t count, presence_count;
    int64_t dead;

    if (!landing_accounts(site->store, partner->number, arena, &accounts, &count, &presences,
                          &presence_count, &pushed, &dead, err))
        return false;
    buf_printf(out, "%s  (%s; %" PRId64 " dead letters open)\n", partner->name,
               state_of(partner, arena), dead);
    for (size_t i = 0; i < count; i++)
        draw_account(&accounts[i], arena, out);
    return true;
}

static void add_json(const struct landing_partner *partner, const struct landing_account *accounts,
                     size_t count, int64_t dead, struct arena *arena, json_t *list)
{
    json_t *pulls = json_array();

    for (size_t i = 0; i < count; i++) {
        const struct landing_account *a = &accounts[i];
        json_array_append_new(
            pulls,
            json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:s*, s:o*}", "mode",
                      a->key.mode, "type", a->key.type, "landed", (json_int_t)a->counts.landed,
                      "applied", (json_int_t)a->counts.applied, "unchanged",
                      (json_int_t)a->counts.unchanged, "older", (json_int_t)a->counts.older, "dead",
                      (json_int_t)a->counts.dead, "waiting", (json_int_t)a->counts.waiting,
                      "incomplete", (int)a->incomplete, "reason", a->reason, "completed",
                      a->completed == INT64_MIN
                          ? NULL
                          : json_integer((json_int_t)(a->completed / MICRO))));
    }
    json_array_append_new(list,
                          json_pack("{s:s, s:b, s:s, s:I, s:o}", "partner", partner->name, "paused",
                                    partner->paused, "state", state_of(partner, arena), "dead",
                                    (json_int_t)dead, "pulls", pulls));
}

static bool print_json(const struct store_site *site, const struct sync_job *job,
                       const struct landing_partner *partners, size_t count, struct err *err)
{
    json_t *list = json_array();
    bool good = true;

    for (size_t i = 0; good && i < count; i++) {
        struct landing_account *accounts;
        struct landing_presences *presences;
        struct landing_pushed pushed;
        size_t account_count, presence_count;
        int64_t dead;
        if (job->partner && strcmp(job->partner, partners[i].name) != 0)
            continue;
        good = landing_accounts(site->store, partners[i].number, job->arena, &accounts,
                                &account_count, &presences, &presence_count, &pushed, &dead, err);
        if (good)
            add_json(&partners[i], accounts, account_count, dead, job->arena, list);
    }
    if (good) {
        json_dumpf(list, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(list);
    return good;
}

static bool draw(const struct store_site *site, const struct sync_job *job, struct buf *out,
                 struct err *err)
{
    struct landing_partner *partners;
    struct arena *arena = arena_new();
    size_t count;
    bool good = landing_partner_list(site->store, &sync_access, arena, &partners, &count, err);

    if (good && job->json) {
        good = print_json(site, job, partners, count, err);
    } else if (good) {
        buf_printf(out, "  %-9s %-20s %9s %9s %9s %9s %7s %7s\n", "mode", "type", "complete",
                   "landed", "applied", "unchanged", "dead", "waiting");
        for (size_t i = 0; good && i < count; i++)
            if (!job->partner || strcmp(job->partner, partners[i].name) == 0)
                good = draw_partner(site, &partners[i], arena, out, err);
        if (count == 0)
            buf_add_text(out, "There are no partners; `isthmus partner add` makes one.\n");
    }
    arena_free(arena);
    return good;
}

/* On a terminal until Ctrl-C: each picture over the one before. */
bool sync_status(const struct store_site *site, void *context, struct err *err)
{
    const struct sync_job *job = context;
    bool again = isatty(STDOUT_FILENO) && !job->json;
    bool good;

    do {
        struct buf out = {0};
        if (again)
            buf_add_text(&out, "\033[H\033[2J");
        good = draw(site, job, &out, err);
        fwrite(out.data ? out.data : "", 1, out.size, stdout);
        fflush(stdout);
        buf_release(&out);
        if (good && again)
            fiber_sleep(REFRESH_MS);
    } while (good && again);
    return good;
}
