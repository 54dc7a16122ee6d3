/*
 * isthmus purge - erases a resource with all its versions, for an administrator. There is no
 * such thing over HTTP.
 */

#include "base/arena.h"
#include "base/fiber.h"
#include "base/loop.h"
#include "fhir/primitive.h"
#include "fhir/search_values.h"
#include "fhir/type.h"
#include "server/arguments.h"
#include "server/backup.h"
#include "server/commands.h"
#include "server/config.h"
#include "storage/erasure.h"

#include <inttypes.h>
#include <pwd.h>
#include <unistd.h>

#define TIMEOUT_MS 3600000
#define TENANT     1

static const char usage[] =
    "usage: isthmus purge TYPE/ID --reason TEXT [--data DIR | --database URL]\n\n"
    "Erases a resource: every version, what searches find it by, its lines in the change log. It\n"
    "cannot be undone, and is not told to readers of the feed. A row of the table f_erasure says\n"
    "who did it, when, and why, with the type and a keyed hash of the id. Servers may run\n"
    "meanwhile. Backups, and resources that refer to this one, are not touched.\n\n"
    "  --reason TEXT   why; required, and kept\n";

struct purge {
    const struct config *config;
    const char *database;
    struct loop *loop;
    struct erasure *erasure;
    struct arena *arena;
    struct err *err;
    bool good;
};

static bool split_name(struct erasure *erasure, const char *name, struct arena *arena,
                       struct err *err);
static bool purge(const struct config *config, struct erasure *erasure, struct arena *arena,
                  struct err *err);
static int report(const struct erasure *erasure);

int command_purge(int argc, char **argv)
{
    struct argument own[] = {{.name = "reason", .takes_value = true}, {.name = "help"}, {0}};
    struct arena *arena = arena_new();
    const char *words[3] = {0};
    struct erasure erasure = {0};
    struct config config;
    struct err err = {0};
    int status = 2;

    if (arguments_take(own, &argc, argv, arena, &err) && own[1].count) {
        fputs(usage, stdout);
        arena_free(arena);
        return 0;
    }
    if (!err.kind && config_load(&config, arena, argc, argv, words, 3, &err) &&
        (words[0] && !words[1]) && split_name(&erasure, words[0], arena, &err)) {
        erasure.reason = own[0].count ? own[0].values[0] : "";
        if (!text_trim(text_of(erasure.reason)).size)
            err_set(&err, ERR_INVALID, "reason",
                    "Say why, with --reason: it is all that will be left of it.");
        else
            status = purge(&config, &erasure, arena, &err) ? report(&erasure) : 1;
    }
    if (err.kind)
        fprintf(stderr, "isthmus purge: %s\n", err.text);
    else if (status == 2)
        fputs(usage, stderr);
    arena_free(arena);
    return fflush(stdout) == 0 ? status : 1;
}

static bool split_name(struct erasure *erasure, const char *name, struct arena *arena,
                       struct err *err)
{
    struct text type, id;

    if (!text_split(text_of(name), '/', &type, &id) || !resource_type_find(type) ||
        !primitive_is_valid(PRIMITIVE_ID, id))
        return err_set(err, ERR_INVALID, NULL, "Name what is to be erased as TYPE/ID.");
    erasure->type = text_dup(arena, type);
    erasure->id = text_dup(arena, id);
    return true;
}

static void run(void *context)
{
    struct purge *purge = context;
    const struct access access = {.tenant = TENANT, .client = "isthmus purge"};
    const struct store_config config = {
        .database = purge->database,
        .statement_timeout_ms = TIMEOUT_MS,
        .search_timeout_ms = TIMEOUT_MS,
        .transaction_timeout_ms = TIMEOUT_MS,
        .transaction_lanes = 1,
        .unsafe_durability = purge->config->unsafe_durability,
    };
    struct store *store = store_open(purge->loop, &config, purge->err);

    purge->good = store && store_erase(store, &access, purge->erasure, purge->arena, purge->err);
    store_close(store);
    loop_stop(purge->loop);
}

static const char *account(struct arena *arena)
{
    const struct passwd *user = getpwuid(getuid());
    const char *sudo = getenv("SUDO_USER");
    const char *name = user ? user->pw_name : arena_printf(arena, "uid %u", (unsigned)getuid());

    return sudo ? arena_printf(arena, "%s (%s)", name, sudo) : arena_strdup(arena, name);
}

static bool purge(const struct config *config, struct erasure *erasure, struct arena *arena,
                  struct err *err)
{
    struct purge purge = {.config = config, .erasure = erasure, .arena = arena, .err = err};
    struct backup_target target = {0};

    erasure->account = account(arena);
    if (search_values_setup(err) && backup_target_open(&target, config, arena, err)) {
        purge.database = target.conninfo;
        purge.loop = loop_new();
        fiber_spawn(purge.loop, run, &purge);
        loop_run(purge.loop);
        loop_free(purge.loop);
    }
    backup_target_close(&target);
    return purge.good;
}

static int report(const struct erasure *erasure)
{
    if (erasure->versions == 0) {
        fprintf(stderr, "isthmus purge: there is no %s/%s, and never was\n", erasure->type,
                erasure->id);
        return 1;
    }
    printf("%s/%s erased; versions: %" PRId64 ", index values: %" PRId64
           ", lines of the change log: %" PRId64 "\n",
           erasure->type, erasure->id, erasure->versions, erasure->index_rows, erasure->log_lines);
    if (erasure->answers)
        printf("answers of asynchronous requests that are kept still (option job-keep) and may "
               "hold copies: %" PRId64 "\n",
               erasure->answers);
    puts("backups and resources that refer to it are not touched");
    return 0;
}
