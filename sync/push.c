/*
 * Push - see push.h.
 *
 *     planned ─► sent ─► confirmed          sent and unknown are asked about first,
 *        ▲        │                         also after a crash
 *        │        ├─► unknown ─► (asked) ─► confirmed, or sent again
 *        └────────┴─► failed                4xx; planned again with the next version
 */

#include "sync/push.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/count.h"
#include "base/log.h"
#include "base/random.h"
#include "sync/echo.h"
#include "sync/fetch.h"
#include "sync/partner.h"
#include "sync/talk.h"
#include "sync/url.h"

enum { ROUND = 200 };

/* Reasons, as they stand in the ledger; they begin with the class. */
#define HELD       "held: somebody else keeps the copy up to date"
#define DUPLICATES "remote_412: several copies there; remove all but one, then change it here"
#define PURGED     "purged: this version is not kept any more"
#define VANISHED   "remote_4xx: 404, the copy is not there any more"

/* What came of one row in a round. */
enum step {
    STEP_DONE,
    STEP_WAITS,   /* for what it refers to, which is due as well */
    STEP_BLOCKED, /* for what it refers to, which is not */
    STEP_LATER,   /* the partner is not to be asked now */
};

struct sending {
    struct push *push;
    const struct landing_push *row;
    struct landing_push mark;
    struct push_body body;
    struct arena *arena;
    const char *remote_id; /* where the copy is; NULL: there is none yet */
    bool computed;         /* we say what its id there is */
};

static bool send_round(struct push *push, bool *progress, bool *later, struct err *err);
static bool send_row(struct push *push, const struct landing_push *row, bool force,
                     struct arena *arena, enum step *step, struct err *err);
static bool send_deletion(struct sending *sending, enum step *step, struct err *err);
static bool settle_unknown(struct sending *sending, enum step *step, bool *settled,
                           struct err *err);
static bool transmit(struct sending *sending, enum step *step, struct err *err);
static bool take_answer(struct sending *sending, const struct fetch_response *response,
                        enum step *step, struct err *err);
static bool end(struct sending *sending, enum landing_push_state state, const char *reason,
                struct err *err);

bool push_run(struct push *push, int64_t *next, struct err *err)
{
    bool progress = true, later = false;

    *next = INT64_MAX;
    if (!push_introduce(push, err) || !push_plan(push, err))
        return false;
    while (progress && !later && !(push->stop && push->stop(push->stop_context)))
        if (!send_round(push, &progress, &later, err))
            return false;
    return landing_push_next(push->store, push->number, next, err);
}

/* The oldest plan first, and what it refers to before it; when nothing else moves, one that waits
 * for itself by a detour goes without such references, and once more later. */
static bool send_round(struct push *push, bool *progress, bool *later, struct err *err)
{
    struct arena *arena = arena_new(), *scratch = arena_new();
    const struct landing_push *waits = NULL;
    struct landing_push *due;
    enum step step;
    size_t count;
    bool good = landing_push_due(push->store, push->number, ROUND, arena, &due, &count, err);

    *progress = false;
    for (size_t i = 0; good && !*later && i < count; i++) {
        if (push->stop && push->stop(push->stop_context))
            break;
        good = send_row(push, &due[i], false, scratch, &step, err);
        *progress |= step == STEP_DONE;
        *later = step == STEP_LATER;
        if (step == STEP_WAITS && !waits)
            waits = &due[i];
        arena_reset(scratch);
    }
    if (good && waits && !*progress && !*later) {
        good = send_row(push, waits, true, scratch, &step, err);
        *progress = step == STEP_DONE;
    }
    arena_free(scratch);
    arena_free(arena);
    return good;
}

static bool send_row(struct push *push, const struct landing_push *row, bool force,
                     struct arena *arena, enum step *step, struct err *err)
{
    struct sending sending = {
        .push = push, .row = row, .mark = *row, .arena = arena, .remote_id = row->remote_id};
    bool settled = false;

    *step = STEP_DONE;
    if (row->deletion)
        return send_deletion(&sending, step, err);
    if (row->confirmed && row->reason && strcmp(row->reason, HELD) == 0) {
        push->counts.held++;
        return end(&sending, LANDING_CONFIRMED, HELD, err);
    }
    if (!push_body_make(push, row, row->remote_id, force, arena, &sending.body, err))
        return false;
    if (sending.body.gone)
        return end(&sending, LANDING_FAILED, PURGED, err);
    if (sending.body.waits && !force) {
        push->counts.postponed++;
        *step = sending.body.blocked ? STEP_BLOCKED : STEP_WAITS;
        return true;
    }
    if (!settle_unknown(&sending, step, &settled, err) || settled)
        return !err->kind;
    return transmit(&sending, step, err);
}

/* ---- The ledger ---- */

static bool end(struct sending *sending, enum landing_push_state state, const char *reason,
                struct err *err)
{
    struct push *push = sending->push;
    struct landing_push *mark = &sending->mark;

    mark->state = state;
    mark->reason = reason;
    if (state == LANDING_CONFIRMED || state == LANDING_FAILED)
        mark->not_before = INT64_MIN;
    if (state == LANDING_FAILED) {
        push->counts.failed++;
        log_warn(push->log, "not pushed", "type", mark->type, "why", reason, NULL);
    }
    push->counts.unknown += state == LANDING_UNKNOWN;
    return landing_push_mark(push->store, mark, 1, err);
}

/* 1, 2, 4, 8 times the first pause, and up to a quarter more. */
static int64_t pause_of(const struct sending *sending)
{
    const struct partner_retry *retry = &sending->push->partner->retry;
    int attempts = sending->row->attempts < 16 ? sending->row->attempts : 16;
    int64_t ms = retry->first << attempts;

    if (ms > retry->longest)
        ms = retry->longest;
    return ms + (int64_t)(random_number() % (uint64_t)(ms / 4 + 1));
}

static bool again(struct sending *sending, enum landing_push_state state, const char *reason,
                  struct err *err)
{
    sending->mark.not_before = clock_now() + pause_of(sending) * 1000;
    log_info(sending->push->log, "push is repeated later", "type", sending->mark.type, "state",
             state == LANDING_UNKNOWN ? "unknown" : "planned", "why", reason, NULL);
    return end(sending, state, reason, err);
}

/* ---- Asking ---- */

static bool adopt(struct sending *sending, const struct push_found *found, bool *settled,
                  struct err *err)
{
    struct push *push = sending->push;

    sending->mark.remote_id = found->id;
    sending->mark.remote_version = found->version;
    *settled = true;
    if (found->held == PUSH_THEIRS) {
        push->counts.held++;
        return end(sending, LANDING_CONFIRMED, HELD, err);
    }
    if (found->content == sending->body.content && !sending->body.incomplete) {
        push->counts.resolved++;
        return end(sending, LANDING_CONFIRMED, NULL, err);
    }
    /* Ours, and says something else: it is written with its id. */
    *settled = false;
    sending->remote_id = found->id;
    return push_body_make(push, sending->row, found->id, true, sending->arena, &sending->body, err);
}

static bool look(struct sending *sending, bool *settled, struct err *err)
{
    struct push *push = sending->push;
    struct push_found found;
    struct err why = {0};

    if (!push_ask(push, sending->row->type, &sending->body, sending->remote_id, sending->arena,
                  &found, &why)) {
        *settled = true;
        return again(sending, LANDING_UNKNOWN, arena_strdup(sending->arena, why.text), err);
    }
    if (found.held == PUSH_MANY) {
        *settled = true;
        return end(sending, LANDING_FAILED, DUPLICATES, err);
    }
    return found.held == PUSH_NONE || adopt(sending, &found, settled, err);
}

/* What was sent and not answered, by this process or one before it. And where nothing
 * names a copy, its id is computed. */
static bool settle_unknown(struct sending *sending, enum step *step, bool *settled, struct err *err)
{
    const struct landing_push *row = sending->row;
    struct push *push = sending->push;

    if (!sending->remote_id && !push_criterion(push, row->type, &sending->body, sending->arena)) {
        sending->computed = true;
        sending->remote_id = push_own_id(push, row, sending->arena);
        if (!push_body_make(push, row, sending->remote_id, true, sending->arena, &sending->body,
                            err))
            return false;
    }
    *step = STEP_DONE;
    if (row->state == LANDING_PLANNED)
        return true;
    return look(sending, settled, err);
}

/* ---- Sending ---- */

static bool transmit(struct sending *sending, enum step *step, struct err *err)
{
    struct push *push = sending->push;
    struct arena *arena = sending->arena;
    const char *criterion =
        sending->remote_id ? NULL : push_criterion(push, sending->row->type, &sending->body, arena);
    const char *condition = criterion ? arena_printf(arena, "If-None-Exist: %s", criterion) : NULL;
    const char *headers[] = {"Prefer: return=minimal", condition, NULL};
    const char *base = push->partner->base, *type = sending->row->type;
    const struct talk_request request = {
        .method = sending->remote_id ? "PUT" : "POST",
        .url = sending->remote_id ? arena_printf(arena, "%s/%s/%s", base, type, sending->remote_id)
                                  : arena_printf(arena, "%s/%s", base, type),
        .body = sending->body.json,
        .headers = headers,
        .once = true,
    };
    struct fetch_response response = {0};
    struct err why = {0};

    sending->mark.content = sending->body.content;
    if (talk_not_before(push->talk) > clock_now()) {
        *step = STEP_LATER;
        return true;
    }
    if (!end(sending, LANDING_SENT, NULL, err))
        return false;
    if (talk(push->talk, &request, arena, &response, &why))
        return take_answer(sending, &response, step, err);
    *step = STEP_LATER; /* whoever does not answer one will not answer the next */
    const char *reason = arena_strdup(arena, why.text);
    if (why.kind == ERR_THROTTLED || why.kind == ERR_FORBIDDEN) /* nothing was sent */
        return again(sending, LANDING_PLANNED, reason, err);
    return again(sending, LANDING_UNKNOWN, reason, err);
}

/* The id out of "[base]/Type/id/_history/1". */
static const char *located(const struct sending *sending, struct text location)
{
    const char *mark = arena_printf(sending->arena, "/%s/", sending->row->type);
    const char *at = location.data ? strstr(location.data, mark) : NULL;
    const char *found = NULL;

    for (; at; at = strstr(at + 1, mark))
        found = at + strlen(mark);
    return found ? arena_strndup(sending->arena, found, strcspn(found, "/?#")) : NULL;
}

static const char *version_of(const struct sending *sending, struct text etag)
{
    const char *quote = etag.data ? strchr(etag.data, '"') : NULL;

    return quote ? arena_strndup(sending->arena, quote + 1, strcspn(quote + 1, "\"")) : NULL;
}

static bool take_good(struct sending *sending, const struct fetch_response *response,
                      enum step *step, struct err *err)
{
    struct push *push = sending->push;
    bool settled = false;

    sending->mark.remote_version = version_of(sending, response->etag);
    sending->mark.remote_id =
        sending->remote_id ? sending->remote_id : located(sending, response->location);
    /* A create that was none (200), or that does not say where: it is looked for. */
    if (!sending->remote_id && (response->status != 201 || !sending->mark.remote_id)) {
        if (!look(sending, &settled, err))
            return false;
        if (settled)
            return true;
        return sending->remote_id
                   ? transmit(sending, step, err) /* ours, with other content: an update now */
                   : again(sending, LANDING_UNKNOWN, "The copy cannot be found.", err);
    }
    push->counts.created += !sending->remote_id || response->status == 201;
    push->counts.updated += sending->remote_id && response->status != 201;
    sending->mark.not_before = INT64_MIN;
    return end(sending, sending->body.incomplete ? LANDING_PLANNED : LANDING_CONFIRMED, NULL, err);
}

static bool take_answer(struct sending *sending, const struct fetch_response *response,
                        enum step *step, struct err *err)
{
    const int status = response->status;
    const char *says = arena_printf(sending->arena, "The partner answers %d.", status);

    if (status >= 200 && status < 300)
        return take_good(sending, response, step, err);
    if (status == 429 || status == 425 || status == 409)
        return again(sending, LANDING_PLANNED, says, err);
    if (status == 408 || status >= 500)
        return again(sending, LANDING_UNKNOWN, says, err);
    if (status == 412)
        return end(sending, LANDING_FAILED, DUPLICATES, err);
    if ((status == 404 || status == 410) && sending->remote_id && !sending->computed)
        return end(sending, LANDING_FAILED, VANISHED, err);
    return end(sending, LANDING_FAILED, arena_printf(sending->arena, "remote_4xx: %d", status),
               err);
}

/* Only what we created there; twice is as good as once. */
static bool send_deletion(struct sending *sending, enum step *step, struct err *err)
{
    struct push *push = sending->push;
    const struct landing_push *row = sending->row;
    const bool held = row->reason && strcmp(row->reason, HELD) == 0;
    const struct talk_request request = {
        .method = "DELETE",
        .url = arena_printf(sending->arena, "%s/%s/%s", push->partner->base, row->type,
                            row->remote_id ? row->remote_id : ""),
        .once = true,
    };
    struct fetch_response response = {0};
    struct err why = {0};

    if (!row->remote_id || held)
        return end(sending, LANDING_CONFIRMED, row->reason, err);
    if (!end(sending, LANDING_SENT, NULL, err))
        return false;
    if (!talk(push->talk, &request, sending->arena, &response, &why)) {
        *step = STEP_LATER;
        return again(sending, LANDING_UNKNOWN, arena_strdup(sending->arena, why.text), err);
    }
    if (response.status != 404 && response.status != 410)
        return response.status < 300 && ++push->counts.deleted
                   ? end(sending, LANDING_CONFIRMED, NULL, err)
                   : take_answer(sending, &response, step, err);
    return end(sending, LANDING_CONFIRMED, NULL, err);
}

const char *push_class(const char *reason)
{
    static const char *const classes[] = {"remote_412", "remote_4xx", "purged"};

    for (size_t i = 0; reason && i < COUNT(classes); i++)
        if (text_starts_with(text_of(reason), text_of(classes[i])))
            return classes[i];
    return "unknown_outcome";
}
