/*
 * isthmus backup, isthmus restore - see backup.h.
 */

#include "server/backup.h"

#include "base/arena.h"
#include "server/commands.h"
#include "server/config.h"
#include "storage/cluster.h"
#include "storage/restored.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const char usage[] =
    "usage: isthmus backup FILE [--data DIR | --database URL]\n"
    "       isthmus restore FILE [--data DIR | --database URL]\n\n"
    "backup writes a consistent copy of everything, also while the server runs. restore fills an\n"
    "empty database (or a new data folder) from it, all or nothing. Readers of the change feed\n"
    "begin anew after a restore: its epoch rises.\n";

/* In milliseconds: how long a server may take from locking its folder until its database answers,
 * which may have to recover; when the user learns that we wait; how often we look. */
enum {
    STARTING_MS = 600000,
    TELL_MS = 10000,
    LOOK_MS = 100,
};

typedef bool backup_fn(const struct backup_target *target, const char *file, struct arena *arena,
                       struct err *err);

static int run_command(const char *name, backup_fn *run, int argc, char **argv);
static bool attach(struct backup_target *target, const struct cluster_config *config,
                   struct arena *arena, struct err *err);

int command_backup(int argc, char **argv)
{
    return run_command("backup", backup_dump, argc, argv);
}

int command_restore(int argc, char **argv)
{
    return run_command("restore", backup_load, argc, argv);
}

static int run_command(const char *name, backup_fn *run, int argc, char **argv)
{
    struct arena *arena = arena_new();
    struct backup_target target = {0};
    struct config config;
    const char *words[3] = {0};
    struct err err = {0};

    if (argc == 1 && strcmp(argv[0], "--help") == 0) {
        fputs(usage, stdout);
        arena_free(arena);
        return 0;
    }
    bool called_right = config_load(&config, arena, argc, argv, words, 3, &err) && words[0];
    bool good = called_right && backup_target_open(&target, &config, arena, &err) &&
                run(&target, words[0], arena, &err);
    backup_target_close(&target);
    if (!good && err.kind)
        fprintf(stderr, "isthmus %s: %s\n", name, err.text);
    if (!called_right)
        fputs(usage, stderr);
    if (good)
        printf("%s: done\n", words[0]);
    arena_free(arena);
    return good ? 0 : called_right ? 1 : 2;
}

bool backup_target_open(struct backup_target *target, const struct config *config,
                        struct arena *arena, struct err *err)
{
    const struct cluster_config cluster = {
        .folder = config->data,
        .bin = config->postgres_bin,
        .account = config->postgres_user,
    };

    *target = (struct backup_target){.conninfo = config->database};
    target->program_folder = config->postgres_bin;
    if (!target->program_folder[0])
        target->program_folder =
            arena_printf(arena, "/usr/lib/postgresql/%d/bin", cluster_newest());
    return config->database[0] || attach(target, &cluster, arena, err);
}

/* To the database that runs in the folder, or to one of our own. In between is a server that
 * starts: it has the folder, and no database yet. */
static bool attach(struct backup_target *target, const struct cluster_config *config,
                   struct arena *arena, struct err *err)
{
    for (int waited = 0;; waited += LOOK_MS) {
        const char *running = cluster_running(config->folder);
        *err = (struct err){0};
        if (running) {
            target->conninfo = arena_strdup(arena, running);
            return true;
        }
        target->cluster = cluster_start(config, err);
        if (target->cluster || err->kind != ERR_CONFLICT || waited >= STARTING_MS)
            break;
        if (waited == TELL_MS)
            fprintf(stderr, "waiting for the isthmus that starts in %s\n", config->folder);
        usleep(LOOK_MS * 1000);
    }
    if (target->cluster)
        target->conninfo = cluster_conninfo(target->cluster);
    return target->cluster != NULL;
}

void backup_target_close(struct backup_target *target)
{
    cluster_stop(target->cluster);
    target->cluster = NULL;
}

/* The name must survive a crash as the content does. */
static bool move_durably(const char *from, const char *to, struct err *err)
{
    int file = open(from, O_RDONLY | O_CLOEXEC);
    bool good = file >= 0 && fsync(file) == 0 && rename(from, to) == 0;

    if (file >= 0)
        close(file);
    return good ||
           err_set(err, ERR_INTERNAL, NULL, "%s cannot be written: %s.", to, strerror(errno));
}

bool backup_dump(const struct backup_target *target, const char *file, struct arena *arena,
                 struct err *err)
{
    const char *partial = arena_printf(arena, "%s.partial", file);
    const char *program = arena_printf(arena, "%s/pg_dump", target->program_folder);
    const char *const arguments[] = {
        program,
        "--format=custom",
        "--compress=1",
        "--no-owner",
        "--no-privileges",
        "--serializable-deferrable",
        "--file",
        partial,
        "--dbname",
        target->conninfo,
        NULL,
    };

    if (!cluster_run(program, arguments, err)) {
        unlink(partial);
        return false;
    }
    return move_durably(partial, file, err);
}

bool backup_load(const struct backup_target *target, const char *file, struct arena *arena,
                 struct err *err)
{
    const char *program = arena_printf(arena, "%s/pg_restore", target->program_folder);
    const char *const arguments[] = {
        program,
        "--exit-on-error",
        "--single-transaction",
        "--no-owner",
        "--no-privileges",
        "--dbname",
        target->conninfo,
        file,
        NULL,
    };

    if (access(file, R_OK) != 0)
        return err_set(err, ERR_INVALID, NULL, "%s cannot be read: %s.", file, strerror(errno));
    return store_is_empty(target->conninfo, err) && cluster_run(program, arguments, err) &&
           store_mark_restored(target->conninfo, err);
}
