#pragma once

/* A partner of the test's own making, and all that is needed to pull from it and to push to it. It
 * answers as the test's function says; by its clock it is `there_late` microseconds behind. */

#include "../storage/writing.h"
#include "answers.h"

#include "base/clock.h"
#include "sync/fetch.h"
#include "sync/partner.h"
#include "sync/talk.h"

static struct answers there;
static int64_t there_late;

struct talking {
    struct arena *arena;
    struct store *store;
    struct fetcher *fetcher;
    struct landing_partner landed;
    struct partner partner;
    struct talk *talk;
};

/* The conversation begins anew, as after a restart. */
static POSTGRES_UNUSED void talking_again(struct talking *talking)
{
    struct landing_partner *found;
    struct err err = {0};

    talk_free(talking->talk);
    if (!landing_partner_get(talking->store, &us, "there", 0, talking->arena, &found, &err))
        fail_msg("%s", err.text);
    talking->landed = *found;
    talking->talk = talk_new(talking->store, talking->fetcher, &talking->partner, &talking->landed);
}

static POSTGRES_UNUSED struct talking *talking_begin(const char *(*reply)(const char *request),
                                                     const char *modes)
{
    struct arena *arena = arena_new();
    struct talking *talking = arena_one(arena, struct talking);
    struct err err = {0};

    there = (struct answers){.reply = reply};
    there_late = 0;
    answers_start(&there, NULL);
    *talking = (struct talking){
        .arena = arena, .store = open_store(), .fetcher = fetcher_new(fiber_loop(), 4)};
    struct text document = text_of(arena_printf(
        arena,
        "{\"id\":\"there\",\"base\":\"http://127.0.0.1:%u\",\"networks\":[\"127.0.0.1/32\"],"
        "\"limits\":{\"rps\":5000},\"retry\":{\"first\":\"PT1H\",\"longest\":\"PT1H\","
        "\"tries\":2},\"modes\":%s}",
        there.port, modes));
    if (!landing_partner_put(talking->store, &us, "there", document, -1, arena, &talking->landed,
                             &err) ||
        !partner_parse(document, arena, &talking->partner, &err))
        fail_msg("%s", err.text);
    talking_again(talking);
    return talking;
}

static POSTGRES_UNUSED void talking_end(struct talking *talking)
{
    talk_free(talking->talk);
    fetcher_free(talking->fetcher);
    answers_stop(&there);
    store_close(talking->store);
    arena_free(talking->arena);
}

/* An answer, from the server's thread. `headers` end with line ends; NULL: none. */
static POSTGRES_UNUSED const char *say(int status, const char *headers, const char *body)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static char bytes[16384];
    int64_t now = (clock_now() - there_late) / 1000000;
    int year, month, day;

    clock_civil(now / 86400, &year, &month, &day);
    snprintf(bytes, sizeof(bytes),
             "HTTP/1.1 %d Said\r\nDate: Sun, %02d %.3s %04d %02d:%02d:%02d GMT\r\n"
             "Content-Type: application/fhir+json\r\n%sContent-Length: %zu\r\n\r\n%s",
             status, day, months + 3 * (size_t)(month - 1), year, (int)(now / 3600 % 24),
             (int)(now / 60 % 60), (int)(now % 60), headers ? headers : "", strlen(body), body);
    return bytes;
}

static POSTGRES_UNUSED bool asks(const char *request, const char *begins)
{
    return strncmp(request, begins, strlen(begins)) == 0;
}
