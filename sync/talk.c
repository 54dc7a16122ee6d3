/*
 * Talk - see talk.h.
 */

#include "sync/talk.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/fiber.h"
#include "base/log.h"
#include "base/random.h"
#include "storage/landing.h"
#include "sync/daily.h"
#include "sync/fetch.h"
#include "sync/fetch_part.h"
#include "sync/partner.h"
#include "sync/secret.h"

#define MICRO     INT64_C(1000000)
#define DAY       (INT64_C(86400) * MICRO)
#define REDIRECTS 5
#define NAP_MS    200 /* how late a stop may be noticed */
#define WORTH_WAITING                                                                              \
    (INT64_C(600) * MICRO) /* longer, and the window is left open for another time */
#define THROTTLES 50       /* of one request, beside its tries */

const char *const talk_class_names[TALK_CLASSES] = {"good",   "throttled", "client",
                                                    "server", "broken",    "strange"};

struct talk {
    struct store *store;
    struct fetcher *fetcher;
    const struct partner *partner;
    int32_t number;
    unsigned under_way;
    int64_t next_start; /* clock_monotonic() of the next request, by the rate */
    int64_t not_before;
    struct daily daily;
    bool stopped;
    struct talk_counts counts;
};

struct talk *talk_new(struct store *store, struct fetcher *fetcher, const struct partner *partner,
                      const struct landing_partner *landed)
{
    struct talk *talk = calloc(1, sizeof(*talk));

    if (!talk)
        abort();
    talk->store = store;
    talk->fetcher = fetcher;
    talk->partner = partner;
    talk->number = landed->number;
    talk->not_before = landed->not_before;
    return talk;
}

void talk_free(struct talk *talk)
{
    free(talk);
}

void talk_stop(struct talk *talk)
{
    talk->stopped = true;
}

const struct talk_counts *talk_counts(const struct talk *talk)
{
    return &talk->counts;
}

bool talk_wait_for_database(struct talk *talk, struct err *err)
{
    if (err->kind != ERR_BUSY || talk->stopped)
        return false;
    *err = (struct err){0};
    fiber_sleep((int)(20 + random_number() % 200));
    return true;
}

/* A clock that is behind allows no less: it may be a cache that has an old Date. */
int64_t talk_ahead(const struct talk *talk)
{
    const struct talk_counts *counts = &talk->counts;

    if (!counts->skew_known)
        return 0;
    return 10 * MICRO + (counts->skew_ms > 0 ? counts->skew_ms * 1000 : 0);
}

int64_t talk_not_before(const struct talk *talk)
{
    return talk->not_before;
}

/* Waits until clock_now() is `time`; false when stopped. */
static bool sleep_until(const struct talk *talk, int64_t time, struct err *err)
{
    while (!talk->stopped) {
        int64_t left = (time - clock_now()) / 1000;
        if (left <= 0)
            return true;
        fiber_sleep(left < NAP_MS ? (int)left + 1 : NAP_MS);
    }
    return err_set(err, ERR_BUSY, NULL, "Stopping.");
}

static bool wait_until(const struct talk *talk, int64_t until, struct err *err)
{
    int64_t now = clock_now();

    if (until - now > WORTH_WAITING)
        return err_set(err, ERR_THROTTLED, NULL, "Not to be asked for another %lld minutes.",
                       (long long)((until - now) / MICRO / 60));
    return sleep_until(talk, until, err);
}

/* One of the requests of this day; when they are used up, of the next. */
static bool take_request(struct talk *talk, struct err *err)
{
    const int64_t most = talk->partner->limits.daily_requests;
    bool taken = most == 0;

    while (!taken) {
        const int64_t now = clock_now();
        if (!daily_take(&talk->daily, talk->store, talk->number, most, now, &taken, err)) {
            if (!talk_wait_for_database(talk, err))
                return false;
        } else if (!taken && !wait_until(talk, (now / DAY + 1) * DAY, err)) {
            return false;
        }
    }
    return true;
}

/* The partner asked for it, or it is not its time of day, or its day is used up. */
static bool wait_for_leave(struct talk *talk, struct err *err)
{
    int64_t now = clock_now(), opens;
    int64_t until = talk->not_before > now ? talk->not_before : now;

    if (!partner_window_is_open(talk->partner, now, &opens) && opens > until)
        until = opens;
    return wait_until(talk, until, err) && take_request(talk, err);
}

/* Waits. The rate is kept by giving out starting times. */
static bool wait_for_turn(struct talk *talk, struct err *err)
{
    if (!wait_for_leave(talk, err))
        return false;
    while (talk->under_way >= talk->partner->limits.concurrency) {
        if (talk->stopped)
            return err_set(err, ERR_BUSY, NULL, "Stopping.");
        fiber_sleep(1);
    }
    talk->under_way++;
    int64_t now = clock_monotonic();
    int64_t start = talk->next_start > now ? talk->next_start : now;
    talk->next_start = start + (int64_t)((double)MICRO / talk->partner->limits.rps);
    if (start > now && !sleep_until(talk, clock_now() + start - now, err)) {
        talk->under_way--;
        return false;
    }
    return true;
}

static bool send(struct talk *talk, const struct talk_request *request, struct fetch_part *part,
                 struct arena *arena, struct fetch_response *response, struct err *err)
{
    const struct partner *partner = talk->partner;
    const char *headers[128] = {"Accept: application/fhir+json, application/json;q=0.9",
                                "User-Agent: isthmus"};
    size_t count = 2, public, most = (size_t)partner->limits.page_bytes;

    if (request->most && request->most < most)
        most = request->most;
    if (request->form.data)
        headers[count++] = "Content-Type: application/x-www-form-urlencoded";
    if (request->body.data)
        headers[count++] = "Content-Type: application/fhir+json";
    for (const char *const *more = request->headers; more && *more && count < 16; more++)
        headers[count++] = *more;
    public = count;
    if (!secret_add_lines(partner->headers, arena, headers, &count, 127, err))
        return false;
    const struct fetch_request fetch_request = {
        .method = request->method,
        .url = request->url,
        .headers = headers,
        .body = request->body.data ? request->body : request->form,
        .timeout_ms = (int)partner->limits.timeout,
        .max_body = most,
        .redirects = REDIRECTS,
        .public_headers = public,
        .guard = &partner->guard,
        .tls = &partner->tls,
        .part = strcmp(request->method, "GET") == 0 ? part : NULL,
    };

    if (!wait_for_turn(talk, err))
        return false;
    bool good = fetch(talk->fetcher, &fetch_request, arena, response, err);
    talk->under_way--;
    if (good) {
        talk->counts.bytes += response->received;
        talk->counts.skew_known = response->date != INT64_MIN;
        if (talk->counts.skew_known)
            talk->counts.skew_ms = (response->date + MICRO / 2 - clock_now()) / 1000;
    }
    return good;
}

static bool is_transient(int status)
{
    return status == 408 || status == 425 || status == 429 || status >= 500;
}

/* Waits for the database. As long as the partner asked for, over restarts: of several requests at
 * once the one that asks for most counts. */
static bool keep_away(struct talk *talk, int seconds, struct err *err)
{
    const int64_t until = clock_now() + seconds * MICRO;

    if (until <= talk->not_before)
        return true;
    talk->not_before = until;
    talk->counts.slept_ms += seconds * INT64_C(1000);
    while (!landing_partner_not_before(talk->store, talk->number, talk->not_before, err))
        if (!talk_wait_for_database(talk, err))
            return false;
    return true;
}

/* 1, 2, 4, 8 times the first pause, and up to a quarter more. */
static bool pause(struct talk *talk, unsigned try, struct err *err)
{
    const struct partner_retry *retry = &talk->partner->retry;
    int64_t ms = retry->first << (try < 16 ? try : 16);

    if (ms > retry->longest)
        ms = retry->longest;
    ms += (int64_t)(random_number() % (uint64_t)(ms / 4 + 1));
    return sleep_until(talk, clock_now() + ms * 1000, err);
}

static void describe(int status, struct err *err)
{
    *err = (struct err){0};
    err_set(err, ERR_UNKNOWN, NULL, "The partner answers %d.", status);
}

/* How often a refusal is worth asking again: some 400s and 401s are gone the next time. */
static unsigned refusals_taken(int status)
{
    return status == 400 || status == 401 ? 2 : 1;
}

/* One attempt, and what class of answer it got. `*over`: it is not worth another. */
static bool attempt(struct talk *talk, const struct talk_request *request, struct fetch_part *part,
                    struct arena *arena, struct fetch_response *response, enum talk_class *class,
                    bool *over, struct err *err)
{
    *over = false;
    *class = TALK_BROKEN;
    if (!send(talk, request, part, arena, response, err)) {
        *over = talk->stopped || err->kind == ERR_FORBIDDEN || err->kind == ERR_THROTTLED ||
                err->kind == ERR_TOO_LARGE;
        return false;
    }
    if (response->status >= 200 && response->status < 300) {
        bool good = !request->accept || request->accept(request->context, response, arena, err);
        *class = good ? TALK_GOOD : TALK_STRANGE;
        return good;
    }
    describe(response->status, err);
    *class = response->status >= 500 ? TALK_SERVER : TALK_CLIENT;
    if (response->status == 429 || (response->status == 503 && response->retry_after))
        *class = TALK_THROTTLED;
    return false;
}

bool talk(struct talk *talk, const struct talk_request *request, struct arena *arena,
          struct fetch_response *response, struct err *err)
{
    const unsigned enough = request->tries ? request->tries : talk->partner->retry.tries;
    unsigned tries = 0, throttles = 0, refusals = 0;
    struct fetch_part part = {0};
    enum talk_class class;
    bool over;

    while (true) {
        struct err why = {0}, failed = {0};
        *response = (struct fetch_response){0};
        bool good = attempt(talk, request, &part, arena, response, &class, &over, &why);
        talk->counts.answers[class]++;
        if (good)
            return true;
        if (class == TALK_CLIENT && !is_transient(response->status) &&
            (++refusals >= refusals_taken(response->status) || refusals >= enough))
            return true; /* its status says it */
        bool asked = response->status >= 300 && response->retry_after > 0;
        if (request->once) {
            if (response->status)
                return !asked || keep_away(talk, response->retry_after, err);
            *err = why;
            return false;
        }
        if (over) {
            *err = why;
            return false;
        }
        if (asked ? ++throttles >= THROTTLES : ++tries >= enough)
            return err_set(err, ERR_UNKNOWN, NULL, "%s", why.text);
        if (asked ? !keep_away(talk, response->retry_after, &failed)
                  : !pause(talk, tries - (tries > 0), &failed)) {
            *err = failed;
            return false;
        }
    }
}
