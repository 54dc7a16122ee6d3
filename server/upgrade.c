/*
 * isthmus upgrade - moves the embedded database to a newer PostgreSQL.
 *
 * Dump from the old, restore into a new cluster beside it, then exchange the
 * two by renaming: whatever is interrupted, one whole cluster is in place.
 * The old one stays until the operator removes it.
 */

#include "base/arena.h"
#include "server/backup.h"
#include "server/commands.h"
#include "server/config.h"
#include "storage/cluster.h"

#include <errno.h>
#include <unistd.h>

static const char usage[] =
    "usage: isthmus upgrade [--data DIR] [--postgres-bin NEW_PROGRAMS]\n\n"
    "Moves the embedded database to the newest PostgreSQL installed, or the one named. Both the\n"
    "old and the new PostgreSQL must be installed, and the server must not run. The old data stay\n"
    "in DIR/postgres.old until you remove them.\n";

static bool upgrade(const struct config *config, struct arena *arena, struct err *err);

int command_upgrade(int argc, char **argv)
{
    struct arena *arena = arena_new();
    struct config config;
    const char *words[2] = {0};
    struct err err = {0};
    int status = 0;

    if (argc == 1 && strcmp(argv[0], "--help") == 0) {
        fputs(usage, stdout);
    } else if (!config_load(&config, arena, argc, argv, words, 2, &err) || words[0]) {
        fprintf(stderr, "isthmus upgrade: %s\n%s", err.text, usage);
        status = 2;
    } else if (!upgrade(&config, arena, &err)) {
        fprintf(stderr, "isthmus upgrade: %s\n", err.text);
        status = 1;
    }
    arena_free(arena);
    return status;
}

static struct backup_target target_of(struct cluster *cluster, struct arena *arena)
{
    char *folder = arena_strdup(arena, cluster_program(cluster, "x"));

    *strrchr(folder, '/') = 0;
    return (struct backup_target){
        .conninfo = arena_strdup(arena, cluster_conninfo(cluster)),
        .program_folder = folder,
        .cluster = cluster,
    };
}

/* Starts one of the two clusters, does something with it, and stops it. */
static bool with_cluster(const struct cluster_config *config, const char *file,
                         bool (*run)(const struct backup_target *target, const char *file,
                                     struct arena *arena, struct err *err),
                         struct arena *arena, struct err *err)
{
    struct cluster *cluster = cluster_start(config, err);

    if (!cluster)
        return false;
    struct backup_target target = target_of(cluster, arena);
    bool good = run(&target, file, arena, err);
    backup_target_close(&target);
    return good;
}

static bool exchange(const struct config *config, struct arena *arena, struct err *err)
{
    const char *current = arena_printf(arena, "%s/postgres", config->data);
    const char *old = arena_printf(arena, "%s/postgres.old", config->data);
    const char *new = arena_printf(arena, "%s/postgres.upgrade", config->data);

    if (rename(current, old) != 0)
        return err_set(err, ERR_INTERNAL, "data", "%s cannot be moved: %s.", current,
                       strerror(errno));
    if (rename(new, current) == 0)
        return true;
    rename(old, current);
    return err_set(err, ERR_INTERNAL, "data", "%s cannot be moved: %s.", new, strerror(errno));
}

static bool upgrade(const struct config *config, struct arena *arena, struct err *err)
{
    int from = cluster_version(config->data, NULL), to = cluster_newest();
    const char *file = arena_printf(arena, "%s/upgrade.backup", config->data);
    const struct cluster_config old = {
        .folder = config->data,
        .account = config->postgres_user,
    };
    const struct cluster_config new = {
        .folder = config->data,
        .account = config->postgres_user,
        .bin = config->postgres_bin,
        .instance = "postgres.upgrade",
    };

    if (!from)
        return err_set(err, ERR_INVALID, "data", "There is no database in %s.", config->data);
    if (from == to && !config->postgres_bin[0]) {
        printf("%s: PostgreSQL %d is the newest installed; nothing to do\n", config->data, from);
        return true;
    }
    const char *kept = arena_printf(arena, "%s/postgres.old", config->data);
    if (access(kept, F_OK) == 0)
        return err_set(err, ERR_CONFLICT, "data",
                       "%s is there from an earlier upgrade; remove it when you no longer need it.",
                       kept);
    const char *half = arena_printf(arena, "%s/postgres.upgrade", config->data);
    const char *const clean[] = {"/bin/rm", "-rf", half, NULL};
    if (!with_cluster(&old, file, backup_dump, arena, err) || !cluster_run(clean[0], clean, err) ||
        !with_cluster(&new, file, backup_load, arena, err) || !exchange(config, arena, err))
        return false;
    unlink(file);
    printf("%s: moved from PostgreSQL %d to %d; the old data are in postgres.old\n", config->data,
           from, cluster_version(config->data, NULL));
    return true;
}
