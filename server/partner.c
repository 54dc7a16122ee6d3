/*
 * isthmus partner - the other servers: added, probed, listed, paused.
 */

#include "sync/partner.h"
#include "base/arena.h"
#include "base/buf.h"
#include "server/arguments.h"
#include "server/commands.h"
#include "server/config.h"
#include "server/file.h"
#include "server/partner_probe.h"
#include "server/sync_internal.h"
#include "storage/landing.h"
#include "storage/store.h"
#include "sync/forwards.h"
#include "sync/secret.h"

#include <jansson.h>

#define WORDS_MAX    4
#define DOCUMENT_MAX ((size_t)1 << 20)
#define OVERLAP_MS   600000 /* shorter is not wise: partners commit late, by minutes */

static const char usage[] =
    "usage: isthmus partner add FILE [--check] [OPTIONS]\n"
    "       isthmus partner probe URL [--id ID] [--network NETWORK]... [--header 'NAME: "
    "VALUE']...\n"
    "                                 [--ca FILE] [--proposal]\n"
    "       isthmus partner list [--json] [OPTIONS]\n"
    "       isthmus partner show ID [--version N] [OPTIONS]\n"
    "       isthmus partner status [ID] [OPTIONS]\n"
    "       isthmus partner pause ID [--reason TEXT] [OPTIONS]\n"
    "       isthmus partner resume ID [OPTIONS]\n"
    "       isthmus partner remove ID [OPTIONS]\n\n"
    "A partner is a FHIR server that is pulled from, described by a JSON document (docs/sync.md).\n"
    "add takes a new one or another version of one; a running worker follows at once. probe\n"
    "finds out what a server honours and proposes a document. Addresses that are not public are\n"
    "asked only when --network names theirs (127.0.0.1/32); --ca names who signed its "
    "certificate.\n"
    "remove ends the pulling: what came stays. OPTIONS are those of isthmus serve: --data DIR or\n"
    "--database URL.\n\n"
    "  --header    may say where the value is found: 'NAME: file:/PATH', 'NAME: env:VARIABLE'\n"
    "  --check     only says whether the document is right\n"
    "  --proposal  prints the document alone, as add takes it\n"
    "  --version   shows an earlier version of the document\n";

enum { CHECK, ID, NETWORK, HEADER, CA, PROPOSAL, REASON, VERSION, JSON, HELP };

struct job {
    struct arena *arena;
    const char *word; /* behind the subcommand, or NULL */
    struct argument *own;
};

typedef bool action_fn(struct job *job, const struct config *config, struct err *err);

static action_fn add, probe, list, show, status, pause_partner, resume, remove_partner;

static const struct action {
    const char *name;
    action_fn *run;
    unsigned least, most; /* words behind it */
} actions[] = {
    {"add", add, 1, 1},       {"probe", probe, 1, 1},           {"list", list, 0, 0},
    {"show", show, 1, 1},     {"status", status, 0, 1},         {"pause", pause_partner, 1, 1},
    {"resume", resume, 1, 1}, {"remove", remove_partner, 1, 1}, {0},
};

static const struct action *find_action(const char *const *words)
{
    unsigned count = 0;

    while (words[0] && words[count + 1])
        count++;
    for (const struct action *action = actions; words[0] && action->name; action++)
        if (strcmp(action->name, words[0]) == 0)
            return count >= action->least && count <= action->most ? action : NULL;
    return NULL;
}

int command_partner(int argc, char **argv)
{
    struct argument own[] = {{.name = "check"},
                             {.name = "id", .takes_value = true},
                             {.name = "network", .takes_value = true},
                             {.name = "header", .takes_value = true},
                             {.name = "ca", .takes_value = true},
                             {.name = "proposal"},
                             {.name = "reason", .takes_value = true},
                             {.name = "version", .takes_value = true},
                             {.name = "json"},
                             {.name = "help"},
                             {0}};
    struct arena *arena = arena_new();
    const char *words[WORDS_MAX] = {0};
    struct config config;
    struct err err = {0};
    int result = 2;

    if (arguments_take(own, &argc, argv, arena, &err) && own[HELP].count) {
        fputs(usage, stdout);
        arena_free(arena);
        return 0;
    }
    if (!err.kind && config_load(&config, arena, argc, argv, words, WORDS_MAX, &err)) {
        const struct action *action = find_action(words);
        struct job job = {arena, words[0] ? words[1] : NULL, own};
        if (action)
            result = action->run(&job, &config, &err) ? 0 : 1;
    }
    if (err.kind)
        fprintf(stderr, "isthmus partner: %s%s%s\n", err.where, err.where[0] ? ": " : "", err.text);
    else if (result == 2)
        fputs(usage, stderr);
    arena_free(arena);
    return fflush(stdout) == 0 ? result : 1;
}

/* Add. */

struct addition {
    struct job *job;
    struct text document;
    const struct partner *partner;
};

/* It may be meant, by other headers for example; who does it by mistake has everything twice. */
static bool warn_of_twins(const struct store_site *site, const struct addition *addition,
                          struct err *err)
{
    struct arena *arena = addition->job->arena;
    struct landing_partner *others;
    struct partner other;
    struct err ignored = {0};
    size_t count;

    if (!landing_partner_list(site->store, &sync_access, arena, &others, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(others[i].name, addition->partner->id) != 0 &&
            partner_parse(others[i].config, arena, &other, &ignored) &&
            partner_has_address(&other, text_of(addition->partner->base)))
            fprintf(stderr,
                    "isthmus partner: %s has the same address; what is pulled as both is stored "
                    "twice. A partner keeps its resources as long as it keeps its id.\n",
                    others[i].name);
    return true;
}

/* What comes before it is known whose it is stays a record of its own. */
static bool check_forwards(const struct store_site *site, const struct addition *addition,
                           struct err *err)
{
    struct forwards forwards;

    if (!forwards_read(site->store, &sync_access, addition->partner, addition->job->arena,
                       &forwards, err))
        return false;
    return !forwards.unknown ||
           err_set(err, ERR_INVALID, "forwards",
                   "%.200s is no other partner of ours, nor an address of one. Add that one first; "
                   "with \"enabled\": false when it is not to be asked.",
                   forwards.unknown);
}

static bool put(const struct store_site *site, void *context, struct err *err)
{
    const struct addition *addition = context;
    struct landing_partner landed;

    if (!check_forwards(site, addition, err) ||
        !landing_partner_put(site->store, &sync_access, addition->partner->id, addition->document,
                             -1, addition->job->arena, &landed, err))
        return false;
    printf("%s: version %d\n", landed.name, landed.version);
    return warn_of_twins(site, addition, err);
}

/* What is right, and yet not wise. On the error output, so that scripts may look at the other. */
static void warn_of_secrets(const struct partner *partner, struct arena *arena)
{
    for (const struct secret_header *header = partner->headers; header->name; header++) {
        struct err err = {0};
        const char *value;

        if (!header->ref && secret_is_likely(header->name))
            fprintf(stderr,
                    "isthmus partner: headers.%s looks like a credential and stands in clear, in "
                    "the database and its backups too; {\"ref\": \"file:/run/keys/%s\"} keeps it "
                    "out of them.\n",
                    header->name, partner->id);
        else if (!secret_read(header, arena, &value, &err))
            fprintf(stderr, "isthmus partner: %s That is so here; the worker may be elsewhere.\n",
                    err.text);
    }
}

static void warn_of_overlap(const char *mode, const struct partner_schedule *schedule)
{
    if (schedule->on && schedule->overlap < OVERLAP_MS)
        fprintf(stderr,
                "isthmus partner: modes.%s.overlap is shorter than PT10M: what the partner commits "
                "later than that is missed, until it changes or a snapshot brings it.\n",
                mode);
}

static bool add(struct job *job, const struct config *config, struct err *err)
{
    struct buf content = buf_in(job->arena);
    struct partner partner;

    if (!file_read(job->word, DOCUMENT_MAX, &content))
        return err_set(err, ERR_INVALID, NULL, "%s cannot be read.", job->word);
    struct addition addition = {job, {content.data, content.size}, &partner};
    if (!partner_parse(addition.document, job->arena, &partner, err))
        return false;
    warn_of_secrets(&partner, job->arena);
    warn_of_overlap("search", &partner.search);
    warn_of_overlap("history", &partner.history);
    if (job->own[CHECK].count) {
        printf("%s: good\n", partner.id);
        return true;
    }
    return with_store(config, put, &addition, err);
}

static bool probe(struct job *job, const struct config *config, struct err *err)
{
    const struct argument *own = job->own;
    const struct partner_probe asked = {
        .url = job->word,
        .id = own[ID].count ? own[ID].values[0] : "partner",
        .networks = &own[NETWORK],
        .headers = &own[HEADER],
        .ca = own[CA].count ? own[CA].values[0] : NULL,
        .proposal = own[PROPOSAL].count > 0,
    };

    (void)config;
    return partner_probe(&asked, job->arena, err);
}

/* List and show. */

static bool list_all(const struct store_site *site, void *context, struct err *err)
{
    const struct job *job = context;
    struct landing_partner *partners;
    size_t count;

    if (!landing_partner_list(site->store, &sync_access, job->arena, &partners, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct partner partner;
        struct err ignored = {0};
        bool good = partner_parse(partners[i].config, job->arena, &partner, &ignored);
        printf("%-24s version %-4d %-8s %s%s\n", partners[i].name, partners[i].version,
               partners[i].paused        ? "paused"
               : good && partner.enabled ? "active"
               : good                    ? "disabled"
                                         : "unread",
               good ? partner.base : ignored.text,
               good && partner.limits.window_from != partner.limits.window_to
                   ? arena_printf(job->arena, "  from %02d:%02d to %02d:%02d UTC",
                                  partner.limits.window_from / 60, partner.limits.window_from % 60,
                                  partner.limits.window_to / 60, partner.limits.window_to % 60)
                   : "");
    }
    return true;
}

static bool list_json(const struct store_site *site, void *context, struct err *err)
{
    const struct job *job = context;
    struct landing_partner *partners;
    json_t *all = json_array();
    size_t count;
    bool good = landing_partner_list(site->store, &sync_access, job->arena, &partners, &count, err);

    for (size_t i = 0; good && i < count; i++) {
        const struct text shown = secret_mask(partners[i].config, job->arena);
        json_array_append_new(all,
                              json_pack("{s:s, s:i, s:b, s:o*}", "id", partners[i].name, "version",
                                        (int)partners[i].version, "paused", partners[i].paused,
                                        "config", json_loadb(shown.data, shown.size, 0, NULL)));
    }
    if (good) {
        json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(all);
    return good;
}

static bool list(struct job *job, const struct config *config, struct err *err)
{
    return with_store(config, job->own[JSON].count ? list_json : list_all, job, err);
}

static bool show_one(const struct store_site *site, void *context, struct err *err)
{
    const struct job *job = context;
    const struct argument *wanted = &job->own[VERSION];
    const char *name = wanted->count ? wanted->values[0] : "0";
    struct landing_partner *partner = sync_partner(site, job->word, job->arena, err);
    int64_t version;

    if (!partner)
        return false;
    if (!text_to_int64(text_of(name), 0, INT32_MAX, &version) ||
        !landing_partner_get(site->store, &sync_access, job->word, (int32_t)version, job->arena,
                             &partner, err) ||
        !partner)
        return err->kind ? false
                         : err_set(err, ERR_NOT_FOUND, "version",
                                   "%.64s has no version %.20s of its document.", job->word, name);
    printf("%.*s\n", TEXT_ARGS(text_trim(secret_mask(partner->config, job->arena))));
    return true;
}

static bool show(struct job *job, const struct config *config, struct err *err)
{
    return with_store(config, show_one, job, err);
}

static bool status(struct job *job, const struct config *config, struct err *err)
{
    struct sync_job as_sync = {
        .arena = job->arena, .partner = job->word, .json = job->own[JSON].count > 0};

    return with_store(config, sync_status, &as_sync, err);
}

/* Pause, resume, remove. */

static bool pause_one(const struct store_site *site, void *context, struct err *err)
{
    const struct job *job = context;
    const struct argument *reason = &job->own[REASON];
    const struct landing_partner *partner = sync_partner(site, job->word, job->arena, err);

    if (!partner || !landing_partner_pause(site->store, partner->number,
                                           reason->count ? reason->values[0] : NULL, err))
        return false;
    printf("%s: paused; what has landed is applied all the same\n", partner->name);
    return true;
}

static bool pause_partner(struct job *job, const struct config *config, struct err *err)
{
    return with_store(config, pause_one, job, err);
}

static bool resume_one(const struct store_site *site, void *context, struct err *err)
{
    const struct job *job = context;
    const struct landing_partner *partner = sync_partner(site, job->word, job->arena, err);

    if (!partner || !landing_partner_resume(site->store, partner->number, err) ||
        !landing_partner_not_before(site->store, partner->number, INT64_MIN, err))
        return false;
    printf("%s: not paused any more, and not asked to wait\n", partner->name);
    return true;
}

static bool resume(struct job *job, const struct config *config, struct err *err)
{
    return with_store(config, resume_one, job, err);
}

/* Another version of its document, not enabled: identities must stay, or the same resources would
 * get other ids when it comes back. */
static bool remove_one(const struct store_site *site, void *context, struct err *err)
{
    const struct job *job = context;
    struct landing_partner *partner = sync_partner(site, job->word, job->arena, err), changed;

    if (!partner)
        return false;
    json_t *document = json_loadb(partner->config.data, partner->config.size, 0, NULL);
    json_object_set_new(document, "enabled", json_false());
    char *text = json_dumps(document, JSON_INDENT(2));
    bool good = text && landing_partner_put(site->store, &sync_access, partner->name, text_of(text),
                                            partner->version, job->arena, &changed, err);
    free(text);
    json_decref(document);
    if (good)
        printf("%s: disabled; what came from there stays\n", partner->name);
    return good;
}

static bool remove_partner(struct job *job, const struct config *config, struct err *err)
{
    return with_store(config, remove_one, job, err);
}
