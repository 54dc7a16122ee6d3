/*
 * Cluster settings - see cluster_settings.h.
 */

#include "storage/cluster_settings.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static const char settings[] = "# Written at every start. What you set with ALTER SYSTEM wins.\n"
                               "listen_addresses = ''\n"
                               "unix_socket_directories = '%s'\n"
                               "unix_socket_permissions = 0700\n"
                               "port = 5432\n"
                               "max_connections = 100\n"
                               "shared_buffers = %ldMB\n"
                               "work_mem = 16MB\n"
                               "maintenance_work_mem = 256MB\n"
                               "fsync = on\n"
                               "full_page_writes = on\n"
                               "synchronous_commit = on\n"
                               "wal_buffers = 16MB\n"
                               "max_wal_size = 4GB\n"
                               "checkpoint_timeout = 15min\n"
                               "checkpoint_completion_target = 0.9\n"
                               "wal_compression = lz4\n"
                               "random_page_cost = 1.1\n"
                               "effective_io_concurrency = 100\n"
                               "jit = off\n"
                               "gin_pending_list_limit = 256kB\n"
                               "autovacuum_naptime = 15s\n"
                               "autovacuum_vacuum_cost_limit = 2000\n"
                               "timezone = UTC\n"
                               "log_timezone = UTC\n"
                               /* Health data stay out of the log: no statements, no values. */
                               "log_statement = none\n"
                               "log_min_error_statement = panic\n"
                               "log_min_messages = warning\n"
                               "log_error_verbosity = terse\n"
                               "log_parameter_max_length = 0\n"
                               "log_parameter_max_length_on_error = 0\n"
                               "log_checkpoints = off\n";

static long shared_buffers_mb(void);
static bool include_settings(const char *path, struct err *err);
static bool cannot_write(const char *path, struct err *err);

bool cluster_write_settings(const struct cluster_place *place, struct err *err)
{
    char path[PATH_MAX + 32];

    snprintf(path, sizeof(path), "%s/isthmus.conf", place->data);
    FILE *file = fopen(path, "we");
    if (!file)
        return cannot_write(path, err);
    fprintf(file, settings, place->socket, shared_buffers_mb());
    if (fchown(fileno(file), place->uid, place->gid) != 0 || fclose(file) != 0)
        return cannot_write(path, err);
    snprintf(path, sizeof(path), "%s/postgresql.conf", place->data);
    return include_settings(path, err);
}

/* A share of the machine's memory, within reason: other things live here too. */
static long shared_buffers_mb(void)
{
    long long total = (long long)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGE_SIZE);
    long mb = (long)(total / 8 >> 20);

    return mb < 128 ? 128 : mb > 1024 ? 1024 : mb;
}

static bool include_settings(const char *path, struct err *err)
{
    static const char line[] = "include_if_exists = 'isthmus.conf'\n";
    char found[256];
    FILE *file = fopen(path, "r+e");
    bool there = false;

    while (file && !there && fgets(found, sizeof(found), file))
        there = strcmp(found, line) == 0;
    bool good = file && (there || (fseek(file, 0, SEEK_END) == 0 && fputs(line, file) >= 0));
    if (file && fclose(file) != 0)
        good = false;
    return good || cannot_write(path, err);
}

static bool cannot_write(const char *path, struct err *err)
{
    return err_set(err, ERR_INVALID, "data", "%s cannot be written: %s.", path, strerror(errno));
}
