/*
 * isthmus sync push - what could not be sent to a partner, and sending it again.
 */

#include "server/sync_dead_help.h"
#include "server/sync_internal.h"
#include "storage/landing.h"
#include "storage/store.h"
#include "sync/push.h"

#include <inttypes.h>
#include <jansson.h>

#define LISTED 10000

static const char *const states[] = {"planned", "under way", "unknown", "confirmed", "failed"};

static bool is_of_class(const struct sync_job *job, const struct landing_push *push)
{
    return !job->class || strcmp(push_class(push->reason), job->class) == 0;
}

static void print_json(const struct sync_job *job, const struct landing_push *pushes, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        bool failed = pushes[i].state == LANDING_FAILED;
        if (failed && !is_of_class(job, &pushes[i]))
            continue;
        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:s, s:I, s:i, s:s*, s:s*}", "state", states[pushes[i].state],
                      "type", pushes[i].type, "id", pushes[i].id, "version",
                      (json_int_t)pushes[i].version, "attempts", (int)pushes[i].attempts, "class",
                      failed ? push_class(pushes[i].reason) : NULL, "reason", pushes[i].reason));
    }
    json_dumpf(list, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(list);
}

/* Each class of what failed, once. */
static void print_help(const struct landing_push *pushes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *class = push_class(pushes[i].reason);
        const struct dead_help *help = dead_help(class);
        bool told = pushes[i].state != LANDING_FAILED;

        for (size_t k = 0; k < i && !told; k++)
            told = pushes[k].state == LANDING_FAILED &&
                   strcmp(push_class(pushes[k].reason), class) == 0;
        if (!told)
            printf("\n%s: %s\n  Why it matters: %s\n  What to do: %s\n", class, help->what,
                   help->matters, help->remedy);
    }
}

bool sync_push_list(const struct store_site *site, void *context, struct err *err)
{
    const struct sync_job *job = context;
    struct landing_push *pushes;
    size_t count;
    const struct landing_partner *partner = sync_partner(site, job->words[0], job->arena, err);

    if (!partner || !landing_push_list(site->store, partner->number, -1, LISTED, job->arena,
                                       &pushes, &count, err))
        return false;
    if (job->json) {
        print_json(job, pushes, count);
        return true;
    }
    for (size_t i = 0; i < count; i++)
        printf("%-10s %s/%s version %" PRId64 ", %d attempts%s%s\n", states[pushes[i].state],
               pushes[i].type, pushes[i].id, pushes[i].version, (int)pushes[i].attempts,
               pushes[i].reason ? ": " : "", pushes[i].reason ? pushes[i].reason : "");
    if (count == 0)
        puts("There are none.");
    print_help(pushes, count);
    return true;
}

bool sync_push_retry(const struct store_site *site, void *context, struct err *err)
{
    const struct sync_job *job = context;
    struct landing_push *pushes;
    size_t count, chosen = 0;
    const struct landing_partner *partner = sync_partner(site, job->words[0], job->arena, err);

    if (!partner || !landing_push_list(site->store, partner->number, LANDING_FAILED, LISTED,
                                       job->arena, &pushes, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!is_of_class(job, &pushes[i]))
            continue;
        pushes[chosen] = pushes[i];
        pushes[chosen].state = LANDING_PLANNED;
        pushes[chosen].not_before = INT64_MIN;
        pushes[chosen++].reason = NULL;
    }
    if (!landing_push_mark(site->store, pushes, chosen, err))
        return false;
    printf("%zu are sent again.\n", chosen);
    return true;
}
