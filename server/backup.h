#pragma once

/*
 * Backup - the whole database as one file, and back: what backup, restore
 * and upgrade have in common. The file is a PostgreSQL dump in custom format,
 * which holds everything needed to read it again: the hash key, the
 * dictionaries, the change log and its epoch.
 */

#include "base/err.h"

struct arena;
struct cluster;
struct config;

/* How to reach the database of a command, and what to stop afterwards. */
struct backup_target {
    const char *conninfo;
    const char *program_folder; /* of pg_dump and pg_restore */
    struct cluster *cluster;    /* started by us; or NULL */
};

/* The database that the configuration names: a given one, or that of the
 * data folder, which is started unless it runs already; for one that is being started it waits
 * half a minute. */
bool backup_target_open(struct backup_target *target, const struct config *config,
                        struct arena *arena, struct err *err);
void backup_target_close(struct backup_target *target);

/* Writes the file beside its name and moves it there when it is complete. Consistent, also
 * while others write. */
bool backup_dump(const struct backup_target *target, const char *file, struct arena *arena,
                 struct err *err);

/* Fills an empty database, all or nothing; refused with ERR_CONFLICT when
 * there is anything in it. */
bool backup_load(const struct backup_target *target, const char *file, struct arena *arena,
                 struct err *err);
