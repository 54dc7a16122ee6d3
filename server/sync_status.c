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
#include "sync/pull.h"

#include <inttypes.h>
#include <jansson.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REFRESH_MS 2000
#define SHARE      20 /* of the time, at most one part in so many goes into looking */
#define MICRO      INT64_C(1000000)
#define WIDE       118 /* columns of a terminal that shows all */

/* Of one partner, all that is shown. */
struct view {
    const struct landing_partner *landed;
    struct partner partner;
    struct pull_plan *plans;
    size_t plan_count; /* 0 when its document cannot be read */
    struct landing_account *accounts;
    size_t count;
    struct landing_dead_class *dead;
    size_t dead_count;
    struct landing_pushed pushed;
    int64_t dead_open, critical;
};

static const char *span(struct arena *arena, int64_t seconds)
{
    if (seconds < 120)
        return arena_printf(arena, "%" PRId64 " s", seconds > 0 ? seconds : 0);
    if (seconds < 7200)
        return arena_printf(arena, "%" PRId64 " min", seconds / 60);
    if (seconds < 172800)
        return arena_printf(arena, "%" PRId64 " h", seconds / 3600);
    return arena_printf(arena, "%" PRId64 " d", seconds / 86400);
}

/* "12 s", "3 min", "5 h", "9 d" ago. */
static const char *ago(struct arena *arena, int64_t time)
{
    return time == INT64_MIN ? "never" : span(arena, (clock_now() - time) / MICRO);
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

static bool look(const struct store_site *site, const struct landing_partner *landed,
                 struct arena *arena, struct view *view, struct err *err)
{
    struct store *store = site->store;
    struct err ignored = {0};

    *view = (struct view){.landed = landed};
    if (partner_parse(landed->config, arena, &view->partner, &ignored))
        view->plan_count = pull_list(&view->partner, arena, &view->plans);
    if (!landing_pulls(store, landed->number, arena, &view->accounts, &view->count, err) ||
        !landing_dead_classes(store, landed->number, arena, &view->dead, &view->dead_count, err) ||
        !landing_ledger(store, landed->number, arena, &view->pushed, &view->dead_open, err))
        return false;
    for (size_t i = 0; i < view->dead_count; i++)
        view->critical += view->dead[i].critical;
    return true;
}

static const struct pull_plan *plan_of(const struct view *view, const struct landing_account *a)
{
    for (size_t i = 0; i < view->plan_count; i++)
        if (pull_has_key(view->plans[i].mode, view->plans[i].query, &a->key))
            return &view->plans[i];
    return NULL;
}

/* When it is tried again: not while the partner may not be asked. INT64_MIN: not at all. */
static int64_t next_of(const struct view *view, const struct landing_account *a)
{
    const struct pull_plan *plan = plan_of(view, a);
    int64_t now = clock_now(), next = now, opens;

    if (!plan || view->landed->paused || !view->partner.enabled)
        return INT64_MIN;
    if (a->opened != INT64_MIN && !a->open)
        next = a->opened + plan->every * 1000;
    next = next > view->landed->not_before ? next : view->landed->not_before;
    next = next > now ? next : now;
    return partner_window_is_open(&view->partner, next, &opens) ? next : opens;
}

static const char *in(struct arena *arena, int64_t time)
{
    if (time == INT64_MIN)
        return "-";
    int64_t seconds = (time - clock_now()) / MICRO;
    return seconds <= 0 ? "now" : span(arena, seconds);
}

/* A line, not longer than the terminal is wide; 0: as long as it is. */
static void add_line(struct buf *out, unsigned width, const char *line)
{
    size_t size = strlen(line);

    if (width && size > width)
        size = width;
    buf_add(out, line, size);
    buf_add_char(out, '\n');
}

/* In words; what is not whole is told for longer than its window is the newest. */
static const char *remark_of(const struct landing_account *account, struct arena *arena)
{
    const char *reason = account->reason ? account->reason : "";

    if (!account->partial)
        return reason;
    return arena_printf(arena, "%d answers may be less than the whole (sync account)%s%s",
                        (int)account->partial, reason[0] ? "; " : "", reason);
}

static void draw_account(const struct view *view, const struct landing_account *account,
                         unsigned width, struct arena *arena, struct buf *out)
{
    const struct landing_counts *c = &account->counts;
    const char *complete = ago(arena, account->completed);
    const char *next = in(arena, next_of(view, account));
    const char *type = account->key.type[0] ? account->key.type : "(all)";
    const char *reason = remark_of(account, arena);

    if (width == 0 || width >= WIDE)
        add_line(out, width,
                 arena_printf(arena,
                              "  %-9s %-20s %9s %9" PRId64 " %9" PRId64 " %9" PRId64 " %7" PRId64
                              " %7" PRId64 " %5d %7s  %s",
                              account->key.mode, type, complete, c->landed, c->applied,
                              c->unchanged, c->dead, c->waiting, (int)account->gaps, next, reason));
    else
        add_line(out, width,
                 arena_printf(arena, "%-8.8s %-16.16s %8s %5" PRId64 " %7" PRId64 " %4d %7s  %s",
                              account->key.mode, type, complete, c->dead, c->waiting,
                              (int)account->gaps, next, reason));
}

static void draw_head(unsigned width, struct arena *arena, struct buf *out)
{
    if (width == 0 || width >= WIDE)
        add_line(out, width,
                 arena_printf(arena, "  %-9s %-20s %9s %9s %9s %9s %7s %7s %5s %7s  %s", "mode",
                              "type", "complete", "landed", "applied", "unchanged", "dead",
                              "waiting", "gaps", "next", "last remark"));
    else
        add_line(out, width,
                 arena_printf(arena, "%-8s %-16s %8s %5s %7s %4s %7s  %s", "mode", "type",
                              "complete", "dead", "waiting", "gaps", "next", "remark"));
}

static const char *hours_of(const struct view *view, struct arena *arena)
{
    const struct partner_limits *limits = &view->partner.limits;

    if (view->plan_count == 0 || limits->window_from == limits->window_to)
        return "";
    return arena_printf(arena, "; asked from %02d:%02d to %02d:%02d UTC", limits->window_from / 60,
                        limits->window_from % 60, limits->window_to / 60, limits->window_to % 60);
}

static void draw_partner(const struct view *view, unsigned width, struct arena *arena,
                         struct buf *out)
{
    const struct landing_pushed *p = &view->pushed;

    add_line(out, width,
             arena_printf(arena, "%s  (%s; %" PRId64 " dead letters open%s)", view->landed->name,
                          state_of(view->landed, arena), view->dead_open, hours_of(view, arena)));
    if (view->critical)
        add_line(out, width,
                 arena_printf(arena,
                              "  %" PRId64 " dead letters MAY BE CRITICAL RESULTS: isthmus "
                              "sync dead list %s",
                              view->critical, view->landed->name));
    for (size_t i = 0; i < view->count; i++)
        draw_account(view, &view->accounts[i], width, arena, out);
    if (p->planned + p->sent + p->unknown + p->failed + p->confirmed == 0)
        return;
    add_line(out, width,
             arena_printf(arena,
                          "  push      %" PRId64 " wait%s%s, %" PRId64 " unknown, %" PRId64
                          " failed, %" PRId64 " confirmed",
                          p->planned + p->sent, p->oldest == INT64_MAX ? "" : ", the oldest for ",
                          p->oldest == INT64_MAX ? "" : ago(arena, p->oldest), p->unknown,
                          p->failed, p->confirmed));
}

static json_t *seconds_of(int64_t time)
{
    return time == INT64_MIN || time == INT64_MAX ? NULL : json_integer((json_int_t)(time / MICRO));
}

static void add_json(const struct view *view, struct arena *arena, json_t *list)
{
    const struct landing_pushed *p = &view->pushed;
    json_t *pulls = json_array();

    for (size_t i = 0; i < view->count; i++) {
        const struct landing_account *a = &view->accounts[i];
        json_array_append_new(
            pulls,
            json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:i, s:s*, s:o*, s:o*}",
                      "mode", a->key.mode, "type", a->key.type, "landed",
                      (json_int_t)a->counts.landed, "applied", (json_int_t)a->counts.applied,
                      "unchanged", (json_int_t)a->counts.unchanged, "older",
                      (json_int_t)a->counts.older, "dead", (json_int_t)a->counts.dead, "waiting",
                      (json_int_t)a->counts.waiting, "incomplete", (int)a->incomplete, "gaps",
                      (int)a->gaps, "partial", (int)a->partial, "reason", a->reason, "completed",
                      seconds_of(a->completed), "next", seconds_of(next_of(view, a))));
    }
    json_array_append_new(
        list, json_pack("{s:s, s:b, s:s, s:I, s:I, s:o, s:{s:I, s:I, s:I, s:I, s:I, s:o*}}",
                        "partner", view->landed->name, "paused", view->landed->paused, "state",
                        state_of(view->landed, arena), "dead", (json_int_t)view->dead_open,
                        "critical", (json_int_t)view->critical, "pulls", pulls, "push", "planned",
                        (json_int_t)p->planned, "sent", (json_int_t)p->sent, "unknown",
                        (json_int_t)p->unknown, "failed", (json_int_t)p->failed, "confirmed",
                        (json_int_t)p->confirmed, "oldest", seconds_of(p->oldest)));
}

/* As wide as the terminal; 0: no terminal. */
static unsigned width_of(bool terminal)
{
    struct winsize size = {0};

    if (!terminal || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return 0;
    return size.ws_col;
}

static bool draw(const struct store_site *site, const struct sync_job *job, unsigned width,
                 struct buf *out, struct err *err)
{
    struct landing_partner *partners;
    struct arena *arena = arena_new();
    json_t *list = json_array();
    size_t count;
    bool good = landing_partner_list(site->store, &sync_access, arena, &partners, &count, err);

    if (good && !job->json)
        draw_head(width, arena, out);
    for (size_t i = 0; good && i < count; i++) {
        struct view view;
        if (job->partner && strcmp(job->partner, partners[i].name) != 0)
            continue;
        good = look(site, &partners[i], arena, &view, err);
        if (good && job->json)
            add_json(&view, arena, list);
        else if (good)
            draw_partner(&view, width, arena, out);
    }
    if (good && job->json) {
        char *text = json_dumps(list, JSON_INDENT(2));
        buf_printf(out, "%s\n", text);
        free(text);
    } else if (good && count == 0) {
        buf_add_text(out, "There are no partners; `isthmus partner add` makes one.\n");
    }
    json_decref(list);
    arena_free(arena);
    return good;
}

/* On a terminal until Ctrl-C: each picture over the one before. */
bool sync_status(const struct store_site *site, void *context, struct err *err)
{
    const struct sync_job *job = context;
    bool again = isatty(STDOUT_FILENO) && !job->json;
    bool good;

    if (job->partner && !sync_partner(site, job->partner, job->arena, err))
        return false;
    do {
        struct buf out = {0};
        int64_t begun = clock_monotonic();
        if (again)
            buf_add_text(&out, "\033[H\033[2J");
        good = draw(site, job, width_of(again), &out, err);
        fwrite(out.data ? out.data : "", 1, out.size, stdout);
        fflush(stdout);
        buf_release(&out);
        int64_t took = (clock_monotonic() - begun) / 1000;
        if (good && again)
            fiber_sleep((int)(took * SHARE > REFRESH_MS ? took * SHARE : REFRESH_MS));
    } while (good && again);
    return good;
}
