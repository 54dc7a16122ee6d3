/*
 * isthmus sync dead - what could not be applied, and what is done about it.
 */

#include "base/arena.h"
#include "base/clock.h"
#include "fhir/definitions.h"
#include "server/config.h"
#include "server/sync_internal.h"
#include "storage/landing.h"
#include "storage/store.h"
#include "sync/partner.h"

#include <inttypes.h>
#include <jansson.h>

#define LISTED 1000

static bool filter_of(const struct sync_job *job, const struct landing_partner *partner,
                      struct landing_dead_filter *filter, struct err *err)
{
    const char *number = job->words[1] ? job->words[1] : job->number;

    *filter = (struct landing_dead_filter){.partner = partner->number, .class = job->class};
    if (number && !text_to_int64(text_of(number), 1, INT64_MAX, &filter->number))
        return err_set(err, ERR_INVALID, "number", "%.40s is no number of a dead letter.", number);
    return true;
}

static const char *or_dash(const char *text)
{
    return text ? text : "-";
}

static void print_json(const struct landing_dead *dead, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list,
                              json_pack("{s:I, s:s, s:s*, s:s*, s:s*, s:i, s:s*, s:s*}", "number",
                                        (json_int_t)dead[i].number, "class", dead[i].class, "rule",
                                        dead[i].rule, "where", dead[i].where, "type", dead[i].type,
                                        "tries", (int)dead[i].tries, "decided", dead[i].decided,
                                        "reason", dead[i].reason));
    json_dumpf(list, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(list);
}

bool sync_dead_list(const struct store_site *site, void *context, struct err *err)
{
    const struct sync_job *job = context;
    struct landing_dead_filter filter;
    struct landing_dead *dead;
    size_t count;
    const struct landing_partner *partner = sync_partner(site, job->words[0], job->arena, err);

    if (!partner || !filter_of(job, partner, &filter, err) ||
        !landing_dead_list(site->store, &filter, LISTED, job->arena, &dead, &count, err))
        return false;
    if (job->json) {
        print_json(dead, count);
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        char first[CLOCK_INSTANT_SIZE];
        clock_format_instant(dead[i].first, first);
        printf("%8" PRId64 "  %s  %-18s %-20s %s: %s\n", dead[i].number, first, dead[i].class,
               or_dash(dead[i].type), or_dash(dead[i].where), or_dash(dead[i].rule));
    }
    if (count == 0)
        puts("There are none.");
    return true;
}

/* The bytes as they came: health data, on purpose, for whoever may run this command. */
bool sync_dead_show(const struct store_site *site, void *context, struct err *err)
{
    const struct sync_job *job = context;
    struct landing_dead_filter filter;
    struct landing_dead *dead;
    struct text body;
    size_t count;
    const struct landing_partner *partner = sync_partner(site, job->words[0], job->arena, err);

    if (!partner || !filter_of(job, partner, &filter, err))
        return false;
    filter.decided = true;
    if (!landing_dead_list(site->store, &filter, 1, job->arena, &dead, &count, err) ||
        !landing_dead_body(site->store, partner->number, filter.number, job->arena, &body, err))
        return false;
    if (count)
        fprintf(stderr, "%s: %s %s\n", dead[0].class, or_dash(dead[0].where),
                or_dash(dead[0].rule));
    fwrite(body.data ? body.data : "", 1, body.size, stdout);
    putchar('\n');
    return true;
}

/* Replaying. */

static void print_side(const char *sign, struct text json)
{
    if (json.data)
        printf("%s %.*s\n", sign, TEXT_ARGS(json));
}

static void on_replayed(void *context, const struct landing_replayed *replayed)
{
    const struct sync_job *job = context;
    const char *outcome = replayed->outcome == 'a'   ? "applied"
                          : replayed->outcome == 'u' ? "unchanged"
                          : replayed->outcome == 'o' ? "older than what is here"
                                                     : "still dead";

    printf("%" PRId64 ": %s%s", replayed->number, job->dry_run ? "would be " : "", outcome);
    if (replayed->outcome == 'd')
        printf(" (%s: %s %s)", or_dash(replayed->class), or_dash(replayed->where),
               or_dash(replayed->rule));
    else if (replayed->local)
        printf(" as %s/%s", replayed->type, replayed->local);
    putchar('\n');
    if (job->dry_run && replayed->outcome == 'a') {
        print_side("-", replayed->before);
        print_side("+", replayed->after);
    }
}

bool sync_dead_replay(const struct store_site *site, void *context, struct err *err)
{
    struct sync_job *job = context;
    struct landing_dead_filter filter;
    struct landing_result result = {0};
    struct landing_apply apply = {.access = sync_access};
    struct partner partner;
    const struct landing_partner *landed = sync_partner(site, job->words[0], job->arena, err);

    if (!landed || !filter_of(job, landed, &filter, err) ||
        !partner_parse(landed->config, job->arena, &partner, err))
        return false;
    const struct text own = text_of(site->config->base_url[0] ? site->config->base_url : NULL);
    const struct apply_config config =
        partner_apply_config(&partner, landed->number, &own, definitions_base(), job->arena);
    if (!apply_dead(site->store, &config, &apply, &filter, job->dry_run, on_replayed, job, &result,
                    err))
        return false;
    printf("%" PRId64 " applied, %" PRId64 " unchanged, %" PRId64 " older, %" PRId64 " dead%s\n",
           result.counts.applied, result.counts.unchanged, result.counts.older, result.counts.dead,
           job->dry_run ? " (nothing was changed)" : "");
    return true;
}

bool sync_dead_discard(const struct store_site *site, void *context, struct err *err)
{
    const struct sync_job *job = context;
    struct landing_dead_filter filter;
    const char *user = getenv("USER");
    int64_t discarded;
    const struct landing_partner *partner = sync_partner(site, job->words[0], job->arena, err);

    if (!partner || !filter_of(job, partner, &filter, err) ||
        !landing_dead_discard(site->store, &filter,
                              job->decider ? job->decider
                              : user       ? user
                                           : "unknown",
                              job->reason, &discarded, err))
        return false;
    printf("%" PRId64 " discarded\n", discarded);
    return true;
}
