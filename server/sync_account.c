/*
 * isthmus sync account - the balance of one partner: by pull, by type, by window.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "server/sync_internal.h"
#include "storage/landing.h"

#include <inttypes.h>
#include <jansson.h>

#define WINDOWS_SHOWN 20
#define MICRO         INT64_C(1000000)

struct books {
    struct landing_account *accounts;
    size_t account_count;
    struct landing_presences *presences;
    size_t presence_count;
    struct landing_pushed pushed;
    struct landing_window *windows; /* incomplete ones */
    size_t window_count;
    int64_t dead;
};

/* What came must be what something became of. */
static bool balances(const struct landing_counts *counts)
{
    return counts->landed == counts->applied + counts->unchanged + counts->older + counts->dead +
                                 counts->waiting &&
           counts->expected == counts->landed;
}

static void print_counts(const struct landing_counts *c)
{
    printf("%9" PRId64 " %9" PRId64 " %9" PRId64 " %9" PRId64 " %7" PRId64 " %7" PRId64 " %7" PRId64
           "  %s\n",
           c->expected, c->landed, c->applied, c->unchanged, c->older, c->dead, c->waiting,
           balances(c) ? "balanced" : "DOES NOT BALANCE");
}

static void print_accounts(const struct books *books)
{
    printf("%-9s %-20s %9s %9s %9s %9s %7s %7s %7s\n", "mode", "type", "expected", "landed",
           "applied", "unchanged", "older", "dead", "waiting");
    for (size_t i = 0; i < books->account_count; i++) {
        const struct landing_account *a = &books->accounts[i];
        printf("%-9s %-20s ", a->key.mode, a->key.type[0] ? a->key.type : "(all)");
        print_counts(&a->counts);
        if (a->key.query.size)
            printf("    query: %.*s\n", TEXT_ARGS(a->key.query));
        if (strcmp(a->key.mode, "clinical") == 0) /* W-23 */
            puts("    not seen: updates of what is older than its lookback, and deletions");
        if (a->open + a->incomplete)
            printf("    windows: %d complete, %d landed, %d open, %d incomplete\n", a->complete,
                   a->landed, a->open, a->incomplete);
        if (a->reason)
            printf("    %s\n", a->reason);
    }
}

static void print_presences(const struct books *books)
{
    printf("\n%-20s %9s %9s %9s %9s %9s %9s %9s\n", "resources", "present", "mentioned", "missing",
           "gone", "deleted", "forwarded", "linked");
    for (size_t i = 0; i < books->presence_count; i++) {
        const struct landing_presences *p = &books->presences[i];
        printf("%-20s %9" PRId64 " %9" PRId64 " %9" PRId64 " %9" PRId64 " %9" PRId64 " %9" PRId64
               " %9" PRId64 "\n",
               p->type, p->present, p->mentioned, p->missing, p->gone, p->deleted, p->forwarded,
               p->linked);
    }
    puts("(mentioned: referred to, but has never come; missing: not in the last snapshot; gone: "
         "not in the last two;\nforwarded: here only by way of another partner; linked: is a "
         "resource of ours, or of another partner)");
}

static void print_pushes(const struct books *books)
{
    const struct landing_pushed *p = &books->pushed;

    if (p->planned + p->sent + p->unknown + p->confirmed + p->failed == 0)
        return;
    printf("\npushed: %" PRId64 " confirmed, %" PRId64 " planned, %" PRId64 " under way, %" PRId64
           " unknown, %" PRId64 " failed (`isthmus sync push list`)\n",
           p->confirmed, p->planned, p->sent, p->unknown, p->failed);
}

static json_t *pushes_json(const struct books *books)
{
    const struct landing_pushed *p = &books->pushed;

    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "planned", (json_int_t)p->planned, "sent",
                     (json_int_t)p->sent, "unknown", (json_int_t)p->unknown, "confirmed",
                     (json_int_t)p->confirmed, "failed", (json_int_t)p->failed);
}

static void print_windows(const struct books *books)
{
    if (books->window_count)
        puts("\nwindows that were given up, or that the partner calls less than the whole, the "
             "newest first:");
    for (size_t i = 0; i < books->window_count; i++) {
        const struct landing_window *window = &books->windows[i];
        char opened[CLOCK_INSTANT_SIZE];
        clock_format_instant(window->opened, opened);
        printf("  %s  %-9s %-20s since %.*s: %s\n", opened, window->key.mode,
               window->key.type[0] ? window->key.type : "(all)",
               window->since.size ? (int)window->since.size : 13,
               window->since.size ? window->since.data : "the beginning",
               window->reason ? window->reason : "");
    }
    if (books->dead)
        printf("\n%" PRId64 " dead letters are open; `isthmus sync dead list` shows them.\n",
               books->dead);
}

/* What an operator may rely on. */
static void print_verdict(const struct books *books, bool balanced)
{
    int64_t open = 0, incomplete = 0;

    for (size_t i = 0; i < books->account_count; i++) {
        open += books->accounts[i].open + books->accounts[i].landed;
        incomplete += books->accounts[i].reason && books->accounts[i].incomplete;
    }
    printf("\n%s", balanced ? "Every row that came is accounted for"
                            : "THE BALANCE DOES NOT COME OUT: rows are lost; report it to us");
    if (open)
        printf("; %" PRId64 " windows are not at their end", open);
    if (incomplete)
        printf("; in %" PRId64 " pulls something was given up or remarked (above)", incomplete);
    puts(".");
}

static json_t *counts_json(const struct landing_counts *c)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "expected",
                     (json_int_t)c->expected, "landed", (json_int_t)c->landed, "applied",
                     (json_int_t)c->applied, "unchanged", (json_int_t)c->unchanged, "older",
                     (json_int_t)c->older, "dead", (json_int_t)c->dead, "waiting",
                     (json_int_t)c->waiting, "balanced", balances(c));
}

static json_t *accounts_json(const struct books *books)
{
    json_t *list = json_array();

    for (size_t i = 0; i < books->account_count; i++) {
        const struct landing_account *a = &books->accounts[i];
        json_t *account = counts_json(&a->counts);
        json_object_update_new(
            account,
            json_pack("{s:s, s:s, s:s%, s:i, s:i, s:i, s:i, s:i, s:s*}", "mode", a->key.mode,
                      "type", a->key.type, "query", a->key.query.size ? a->key.query.data : "",
                      a->key.query.size, "open", (int)a->open, "landedWindows", (int)a->landed,
                      "complete", (int)a->complete, "incomplete", (int)a->incomplete, "partial",
                      (int)a->partial, "reason", a->reason));
        json_array_append_new(list, account);
    }
    return list;
}

static json_t *presences_json(const struct books *books)
{
    json_t *list = json_object();

    for (size_t i = 0; i < books->presence_count; i++) {
        const struct landing_presences *p = &books->presences[i];
        json_object_set_new(
            list, p->type,
            json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "present", (json_int_t)p->present,
                      "mentioned", (json_int_t)p->mentioned, "missing", (json_int_t)p->missing,
                      "gone", (json_int_t)p->gone, "deleted", (json_int_t)p->deleted, "forwarded",
                      (json_int_t)p->forwarded, "linked", (json_int_t)p->linked));
    }
    return list;
}

static void print_json(const struct books *books, bool balanced)
{
    json_t *windows = json_array();

    for (size_t i = 0; i < books->window_count; i++) {
        const struct landing_window *w = &books->windows[i];
        json_array_append_new(windows,
                              json_pack("{s:s, s:s, s:s%, s:I, s:s*}", "mode", w->key.mode, "type",
                                        w->key.type, "since", w->since.size ? w->since.data : "",
                                        w->since.size, "opened", (json_int_t)(w->opened / MICRO),
                                        "reason", w->reason));
    }
    json_t *all = json_pack("{s:b, s:o, s:o, s:o, s:o, s:I}", "balanced", balanced, "accounts",
                            accounts_json(books), "resources", presences_json(books), "pushed",
                            pushes_json(books), "incompleteWindows", windows, "dead",
                            (json_int_t)books->dead);
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}

bool sync_account(const struct store_site *site, void *context, struct err *err)
{
    struct sync_job *job = context;
    struct books books = {0};
    bool balanced = true;
    const struct landing_partner *partner = sync_partner(site, job->words[0], job->arena, err);

    if (!partner ||
        !landing_accounts(site->store, partner->number, job->arena, &books.accounts,
                          &books.account_count, &books.presences, &books.presence_count,
                          &books.pushed, &books.dead, err) ||
        !landing_window_list(site->store, partner->number, true, WINDOWS_SHOWN, job->arena,
                             &books.windows, &books.window_count, err))
        return false;
    for (size_t i = 0; i < books.account_count; i++)
        balanced = balanced && balances(&books.accounts[i].counts);
    if (job->json) {
        print_json(&books, balanced);
    } else {
        print_accounts(&books);
        print_presences(&books);
        print_pushes(&books);
        print_windows(&books);
        print_verdict(&books, balanced);
    }
    job->unbalanced = !balanced;
    return true;
}
