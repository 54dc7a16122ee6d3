/*
 * Completeness of a partner - see completeness.h. All that is asked is bounded: windows that are
 * kept (storage/landing_tidy.c), and open dead letters.
 */

#include "base/clock.h"
#include "server/completeness.h"
#include "storage/landing.h"
#include "sync/partner.h"
#include "sync/pull.h"

#include <inttypes.h>

#define WINDOWS 20

struct view {
    struct completeness *asked;
    const struct landing_partner *landed;
    struct partner partner;
    bool readable; /* its document */
    struct pull_plan *plans;
    size_t plan_count;
    struct landing_account *accounts;
    size_t account_count;
};

static const char *name_of(const struct landing_cursor_key *key)
{
    return key->type[0] ? key->type : "everything";
}

static const struct pull_plan *plan_of(const struct view *view, const struct landing_account *a)
{
    for (size_t i = 0; i < view->plan_count; i++)
        if (pull_has_key(view->plans[i].mode, view->plans[i].query, &a->key))
            return &view->plans[i];
    return NULL;
}

/* Longer ago than can be explained by its rhythm, and the hours in which it may be asked. */
static bool is_late(const struct view *view, const struct pull_plan *plan, int64_t completed)
{
    return clock_now() - completed > partner_patience(&view->partner, plan->every);
}

static bool balances(const struct landing_counts *c)
{
    return c->expected == c->landed &&
           c->landed == c->applied + c->unchanged + c->older + c->dead + c->waiting;
}

/* Of what is asked for no longer, only rows that are lost or wait. */
static void doubt_pull(const struct view *view, const struct landing_account *a,
                       const struct pull_plan *plan)
{
    const char *partner = view->landed->name, *mode = a->key.mode, *name = name_of(&a->key);
    char since[CLOCK_INSTANT_SIZE];

    if (!balances(&a->counts))
        completeness_doubt(view->asked, "%s: the balance of %s of %s does not come out.", partner,
                           mode, name);
    if (a->counts.waiting)
        completeness_doubt(view->asked, "%s: %" PRId64 " rows of %s wait to be applied.", partner,
                           a->counts.waiting, name);
    if (!plan)
        return;
    if (a->gaps)
        completeness_doubt(view->asked, "%s: %s of %s was given up: %s", partner, mode, name,
                           a->reason ? a->reason : "no reason was kept");
    if (a->partial)
        completeness_doubt(view->asked,
                           "%s: of %" PRId32 " answers to %s of %s it says itself that they may be "
                           "less than the whole.",
                           partner, a->partial, mode, name);
    if (a->completed == INT64_MIN) {
        completeness_doubt(view->asked, "%s: %s of %s has never come to its end.", partner, mode,
                           name);
    } else if (is_late(view, plan, a->completed)) {
        clock_format_instant(a->completed, since);
        completeness_doubt(view->asked, "%s: %s of %s has not reached the present since %s.",
                           partner, mode, name, since);
    }
}

static json_t *pull_json(const struct landing_account *a, const struct pull_plan *plan)
{
    const struct landing_counts *c = &a->counts;

    return json_pack(
        "{s:s, s:s, s:s%, s:b, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:i, s:i, s:s*}",
        "mode", a->key.mode, "type", a->key.type, "query",
        a->key.query.size ? a->key.query.data : "", a->key.query.size, "configured", plan != NULL,
        "lastComplete", completeness_time(a->completed), "expected", (json_int_t)c->expected,
        "landed", (json_int_t)c->landed, "applied", (json_int_t)c->applied, "unchanged",
        (json_int_t)c->unchanged, "older", (json_int_t)c->older, "dead", (json_int_t)c->dead,
        "waiting", (json_int_t)c->waiting, "balanced", balances(c), "gaps", (int)a->gaps, "partial",
        (int)a->partial, "remark", a->reason);
}

/* One that is configured and has no window yet. */
static void add_unbegun(const struct view *view, json_t *pulls)
{
    for (size_t i = 0; i < view->plan_count; i++) {
        const struct pull_plan *plan = &view->plans[i];
        const char *type = plan->query ? plan->query->type : "";
        bool begun = false;

        for (size_t k = 0; !begun && k < view->account_count; k++)
            begun = pull_has_key(plan->mode, plan->query, &view->accounts[k].key);
        if (begun)
            continue;
        json_array_append_new(pulls, json_pack("{s:s, s:s, s:s, s:b, s:n}", "mode",
                                               pull_mode_names[plan->mode], "type", type, "query",
                                               plan->query ? plan->query->q : "", "configured", 1,
                                               "lastComplete"));
        completeness_doubt(view->asked, "%s: %s of %s has not begun yet.", view->landed->name,
                           pull_mode_names[plan->mode], type[0] ? type : "everything");
    }
}

static bool brings(const struct pull_plan *plan, const char *type)
{
    return !plan->query || strcmp(plan->query->type, type) == 0;
}

/* To when all types that are pulled have come: of each the most recent way. */
static int64_t complete_to(const struct view *view)
{
    int64_t least = INT64_MAX;

    for (size_t i = 0; i < view->plan_count; i++) {
        const char *type = view->plans[i].query ? view->plans[i].query->type : "";
        int64_t newest = INT64_MIN;
        for (size_t k = 0; k < view->account_count; k++) {
            const struct pull_plan *plan = plan_of(view, &view->accounts[k]);
            if (plan && brings(plan, type) && view->accounts[k].completed > newest)
                newest = view->accounts[k].completed;
        }
        least = newest < least ? newest : least;
    }
    return least == INT64_MAX ? INT64_MIN : least;
}

static const char *state_of(struct view *view)
{
    const char *name = view->landed->name, *why = view->landed->pause_reason;
    struct err err = {0};

    view->readable =
        partner_parse(view->landed->config, view->asked->req->arena, &view->partner, &err);
    if (!view->readable) {
        completeness_doubt(view->asked, "%s: its document cannot be read: %s", name, err.text);
        return "unreadable";
    }
    if (view->landed->paused) {
        completeness_doubt(view->asked, "%s: it is paused%s%s.", name, why ? ": " : "",
                           why ? why : "");
        return "paused";
    }
    if (view->partner.enabled)
        return "active";
    completeness_doubt(view->asked, "%s: it is not enabled.", name);
    return "disabled";
}

static bool add_given_up(struct completeness *asked, const struct landing_partner *landed,
                         json_t *answer, struct err *err)
{
    struct request *req = asked->req;
    struct landing_window *windows;
    json_t *list = json_array();
    size_t count;

    if (!landing_window_list(req->service->store, landed->number, true, WINDOWS, req->arena,
                             &windows, &count, err)) {
        json_decref(list);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:s%, s:o, s:s*}", "mode", windows[i].key.mode, "type",
                      windows[i].key.type, "since",
                      windows[i].since.size ? windows[i].since.data : "", windows[i].since.size,
                      "opened", completeness_time(windows[i].opened), "reason", windows[i].reason));
    json_object_set_new(answer, "incompleteWindows", list);
    return true;
}

static bool add_dead(struct completeness *asked, const struct landing_partner *landed,
                     json_t *answer, struct err *err)
{
    struct request *req = asked->req;
    struct landing_dead_class *classes;
    json_t *dead = json_object();
    int64_t total = 0;
    size_t count;

    if (!landing_dead_classes(req->service->store, landed->number, req->arena, &classes, &count,
                              err)) {
        json_decref(dead);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        json_int_t before = json_integer_value(json_object_get(dead, classes[i].class));
        json_object_set_new(dead, classes[i].class,
                            json_integer(before + (json_int_t)classes[i].count));
        total += classes[i].count;
    }
    json_object_set_new(answer, "deadLetters", dead);
    if (total)
        completeness_doubt(asked, "%s: %" PRId64 " records came that could not be applied.",
                           landed->name, total);
    return true;
}

json_t *completeness_of_pulls(struct completeness *asked, const struct landing_partner *landed,
                              struct err *err)
{
    struct view view = {.asked = asked, .landed = landed};
    json_t *answer = json_pack("{s:s, s:s}", "partner", landed->name, "state", state_of(&view));
    json_t *pulls = json_array();

    if (view.readable)
        view.plan_count = pull_list(&view.partner, asked->req->arena, &view.plans);
    bool good = landing_pulls(asked->req->service->store, landed->number, asked->req->arena,
                              &view.accounts, &view.account_count, err);
    for (size_t i = 0; good && i < view.account_count; i++) {
        const struct pull_plan *plan = plan_of(&view, &view.accounts[i]);
        json_array_append_new(pulls, pull_json(&view.accounts[i], plan));
        doubt_pull(&view, &view.accounts[i], plan);
    }
    if (good)
        add_unbegun(&view, pulls);
    json_object_set_new(answer, "completeTo",
                        completeness_time(good ? complete_to(&view) : INT64_MIN));
    json_object_set_new(answer, "pulls", pulls);
    if (good)
        return answer;
    json_decref(answer);
    return NULL;
}

json_t *completeness_of_partner(struct completeness *asked, const struct landing_partner *landed,
                                struct err *err)
{
    json_t *answer = completeness_of_pulls(asked, landed, err);

    if (answer && add_given_up(asked, landed, answer, err) && add_dead(asked, landed, answer, err))
        return answer;
    json_decref(answer);
    return NULL;
}
