/*
 * isthmus sync dead - what could not be applied, and what is done about it.
 */

#include "base/arena.h"
#include "base/clock.h"
#include "fhir/definitions.h"
#include "fhir/primitive.h"
#include "server/config.h"
#include "server/sync_dead_help.h"
#include "server/sync_internal.h"
#include "storage/landing.h"
#include "storage/store.h"
#include "sync/forwards.h"
#include "sync/partner.h"

#include <inttypes.h>
#include <jansson.h>

#define LISTED         1000
#define MOST_DISCARDED 100000 /* at once */

/* The first or the last moment of a date or time. */
static bool read_time(const char *given, bool end, int64_t *time, struct err *err)
{
    struct date_value date;
    int64_t low, high;

    if (!given)
        return true;
    if (!date_parse(text_of(given), &date))
        return err_set(err, ERR_INVALID, end ? "until" : "since",
                       "%.40s is no time such as 2026-11-23 or 2026-11-23T07:00:00Z.", given);
    date_span(&date, 0, &low, &high);
    *time = end ? high : low;
    return true;
}

static bool read_number(const char *given, const char *what, int64_t *number, struct err *err)
{
    return !given || text_to_int64(text_of(given), 1, INT64_MAX, number) ||
           err_set(err, ERR_INVALID, what, "%.40s is no number of a %s.", given, what);
}

static bool filter_of(const struct sync_job *job, const struct landing_partner *partner,
                      struct landing_dead_filter *filter, struct err *err)
{
    const char *number = job->words[1] ? job->words[1] : job->number;

    *filter = (struct landing_dead_filter){
        .partner = partner->number, .class = job->class, .decided = job->all};
    return read_number(number, "dead letter", &filter->number, err) &&
           read_number(job->window, "window", &filter->window, err) &&
           read_time(job->since, false, &filter->since, err) &&
           read_time(job->until, true, &filter->until, err);
}

static const char *or_dash(const char *text)
{
    return text ? text : "-";
}

static void print_json(const struct landing_dead *dead, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            list,
            json_pack("{s:I, s:I, s:b, s:s, s:s*, s:s*, s:s*, s:i, s:s*, s:s*, s:s*}", "number",
                      (json_int_t)dead[i].number, "window", (json_int_t)dead[i].window, "critical",
                      dead[i].critical, "class", dead[i].class, "rule", dead[i].rule, "where",
                      dead[i].where, "type", dead[i].type, "tries", (int)dead[i].tries, "decided",
                      dead[i].decided, "decider", dead[i].decider, "reason", dead[i].reason));
    json_dumpf(list, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(list);
}

/* Each class once, in the order in which they come up. */
static void print_help(const struct sync_job *job, const struct landing_dead *dead, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct dead_help *help = dead_help(dead[i].class);
        size_t first = 0;

        while (strcmp(dead[first].class, dead[i].class) != 0)
            first++;
        if (first < i)
            continue;
        printf("\n%s: %s\n  Why it matters: %s\n  What to do: %s\n", dead[i].class, help->what,
               help->matters, help->remedy);
    }
    if (count)
        printf(
            "\nisthmus sync dead show %s NUMBER prints what came: health data. dead replay %s "
            "[--number N | --class CLASS | ...] --dry-run\nshows what trying again would change.\n",
            job->words[0], job->words[0]);
}

static void print_critical(const struct landing_dead *dead, size_t count)
{
    size_t critical = 0;

    for (size_t i = 0; i < count; i++)
        critical += dead[i].critical && !dead[i].decided;
    if (critical)
        printf(
            "%zu MAY BE CRITICAL RESULTS (!): nobody sees them here. Tell whoever is in charge of "
            "the patient first.\n",
            critical);
}

static void print_letter(const struct landing_dead *dead)
{
    char first[CLOCK_INSTANT_SIZE], decided[CLOCK_INSTANT_SIZE];

    clock_format_instant(dead->first, first);
    printf("%c%8" PRId64 "  %s  window %" PRId64 "  %-18s %-20s %s: %s\n",
           dead->critical ? '!' : ' ', dead->number, first, dead->window, dead->class,
           or_dash(dead->type), or_dash(dead->where), or_dash(dead->rule));
    if (!dead->decided)
        return;
    clock_format_instant(dead->decided_at, decided);
    printf("           %s %s%s%s%s%s\n", dead->decided, decided, dead->decider ? " by " : "",
           dead->decider ? dead->decider : "", dead->reason ? ": " : "",
           dead->reason ? dead->reason : "");
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
    print_critical(dead, count);
    for (size_t i = 0; i < count; i++)
        print_letter(&dead[i]);
    if (count == 0)
        puts("There are none.");
    if (count == LISTED)
        printf("(%d; there may be more)\n", LISTED);
    print_help(job, dead, count);
    return true;
}

/* On the error output, so that the bytes can be piped on. */
static void describe(const struct landing_dead *dead)
{
    const struct dead_help *help = dead_help(dead->class);

    fprintf(stderr, "%s: %s %s\n%s\nWhy it matters: %s\nWhat to do: %s\n", dead->class,
            or_dash(dead->where), or_dash(dead->rule), help->what, help->matters, help->remedy);
    if (dead->decided)
        fprintf(stderr, "It was %s%s%s%s%s.\n", dead->decided, dead->decider ? " by " : "",
                dead->decider ? dead->decider : "", dead->reason ? ": " : "",
                dead->reason ? dead->reason : "");
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
        describe(&dead[0]);
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
    struct apply_config config =
        partner_apply_config(&partner, landed->number, &own, definitions_base(), job->arena);
    struct forwards forwards;
    if (!forwards_read(site->store, &sync_access, &partner, job->arena, &forwards, err))
        return false;
    config.others = forwards.partners;
    config.other_count = forwards.count;
    if (!apply_dead(site->store, &config, &apply, &filter, job->dry_run, on_replayed, job, &result,
                    err))
        return false;
    if (result.counts.landed == 0)
        return err_set(err, ERR_NOT_FOUND, NULL,
                       "No open dead letter fits; `isthmus sync dead list %.64s` shows them.",
                       landed->name);
    printf("%" PRId64 " applied, %" PRId64 " unchanged, %" PRId64 " older, %" PRId64 " dead%s\n",
           result.counts.applied, result.counts.unchanged, result.counts.older, result.counts.dead,
           job->dry_run ? " (nothing was changed)" : "");
    return true;
}

/* Discarding. */

static bool is_result(const struct landing_dead *dead)
{
    return dead->type &&
           (strcmp(dead->type, "Observation") == 0 || strcmp(dead->type, "DiagnosticReport") == 0);
}

/* A result that is thrown away is seen by nobody any more: two people have to want that. */
static bool may_discard(const struct store_site *site, const struct sync_job *job,
                        const struct landing_dead_filter *filter, const char *decider,
                        struct err *err)
{
    struct landing_dead *dead;
    size_t count, results = 0;

    if (!landing_dead_list(site->store, filter, MOST_DISCARDED, job->arena, &dead, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        results += is_result(&dead[i]);
    if (count == 0)
        return err_set(err, ERR_NOT_FOUND, NULL,
                       "No open dead letter fits; `isthmus sync dead list %.64s` shows them.",
                       job->words[0]);
    if (count == MOST_DISCARDED)
        return err_set(err, ERR_INVALID, NULL,
                       "These are %d or more; name a class or a number, or replay them.",
                       MOST_DISCARDED);
    if (results == 0 || (job->second && strcmp(job->second, decider) != 0))
        return true;
    return err_set(err, ERR_INVALID, NULL,
                   "%zu of these %zu are results; a second person has to agree: --second NAME, "
                   "somebody else than %.64s.",
                   results, count, decider);
}

bool sync_dead_discard(const struct store_site *site, void *context, struct err *err)
{
    const struct sync_job *job = context;
    struct landing_dead_filter filter;
    const char *user = getenv("USER");
    const char *decider = job->decider ? job->decider : user ? user : "unknown";
    int64_t discarded;
    const struct landing_partner *partner = sync_partner(site, job->words[0], job->arena, err);

    if (!partner || !filter_of(job, partner, &filter, err) ||
        !may_discard(site, job, &filter, decider, err))
        return false;
    if (job->second)
        decider = arena_printf(job->arena, "%s, %s", decider, job->second);
    if (!landing_dead_discard(site->store, &filter, decider, job->reason, &discarded, err))
        return false;
    printf("%" PRId64 " discarded; `isthmus sync dead show` still has them, with the reason.\n",
           discarded);
    return true;
}
