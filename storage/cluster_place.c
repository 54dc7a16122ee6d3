/*
 * Cluster place - see cluster_place.h.
 */

#include "storage/cluster_place.h"

#include "base/hash.h"
#include "base/text.h"
#include "storage/cluster.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEBIAN "/usr/lib/postgresql"

static bool make_folder(const char *path, mode_t mode, struct err *err);
static bool find_account(struct cluster_place *place, const char *account, struct err *err);
static bool check_reachable(const struct cluster_place *place, struct err *err);
static bool make_owned(const struct cluster_place *place, const char *path, struct err *err);
static bool find_binaries(struct cluster_place *place, const struct cluster_config *config,
                          struct err *err);

bool cluster_place_find(struct cluster_place *place, const struct cluster_config *config,
                        struct err *err)
{
    *place = (struct cluster_place){0};
    if (!make_folder(config->folder, 0755, err))
        return false;
    if (!cluster_place_paths(place, config->folder, config->instance))
        return err_set(err, ERR_INVALID, "data", "The data folder %s cannot be used: %s.",
                       config->folder, strerror(errno));
    return find_account(place, config->account, err) && check_reachable(place, err) &&
           make_owned(place, place->socket, err) && find_binaries(place, config, err);
}

/* A unix socket's path has 108 bytes, and goes into settings as it is: a deep
 * folder, or one with unusual letters, gets a short one elsewhere. */
static bool suits_socket(const char *path)
{
    return strlen(path) + sizeof("/.s.PGSQL.5432.lock") <= 107 &&
           path[strspn(path,
                       "/._-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")] == 0;
}

static void choose_socket(struct cluster_place *place)
{
    const struct hash_key key = {0};

    snprintf(place->socket, sizeof(place->socket), "%s/socket", place->folder);
    if (!suits_socket(place->socket))
        snprintf(place->socket, sizeof(place->socket), "/tmp/isthmus-%016llx",
                 (unsigned long long)hash_bytes(&key, place->folder, strlen(place->folder)));
}

bool cluster_place_paths(struct cluster_place *place, const char *folder, const char *instance)
{
    char absolute[PATH_MAX];

    if (!realpath(folder, absolute))
        return false;
    if (strlen(absolute) >= sizeof(place->folder)) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(place->folder, absolute, strlen(absolute) + 1);
    snprintf(place->data, sizeof(place->data), "%s/%s", place->folder,
             instance ? instance : "postgres");
    snprintf(place->log, sizeof(place->log), "%s/postgres.log", place->folder);
    choose_socket(place);
    return true;
}

/* Like mkdir -p. */
static bool make_folder(const char *path, mode_t mode, struct err *err)
{
    char copy[PATH_MAX];
    struct stat info;

    if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
        return err_set(err, ERR_INVALID, "data", "The name of the data folder is too long.");
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(copy, mode);
        *slash = '/';
    }
    if (mkdir(copy, mode) != 0 && errno != EEXIST)
        return err_set(err, ERR_INVALID, "data", "The data folder %s cannot be made: %s.", path,
                       strerror(errno));
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return err_set(err, ERR_INVALID, "data", "%s is no folder.", path);
    return true;
}

static bool find_account(struct cluster_place *place, const char *account, struct err *err)
{
    place->uid = geteuid();
    place->gid = getegid();
    if (place->uid != 0)
        return true;
    const struct passwd *entry = getpwnam(account);
    if (!entry || entry->pw_uid == 0)
        return err_set(err, ERR_INVALID, "postgres-user",
                       "PostgreSQL does not run as root, and there is no other account %s; install "
                       "PostgreSQL or name one with --postgres-user.",
                       account);
    place->uid = entry->pw_uid;
    place->gid = entry->pw_gid;
    place->account = account;
    return true;
}

/* In a child that has become the account: whether it can pass through to the folder. */
static int try_to_reach(const struct cluster_place *place)
{
    if (setgroups(0, NULL) != 0 || setgid(place->gid) != 0 || setuid(place->uid) != 0)
        return 2;
    return access(place->folder, X_OK) == 0 ? 0 : 1;
}

static bool check_reachable(const struct cluster_place *place, struct err *err)
{
    int status = 0;

    if (!place->account)
        return true;
    pid_t child = fork();
    if (child == 0)
        _exit(try_to_reach(place));
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return err_set(err, ERR_INTERNAL, NULL, "No process can be started: %s.", strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    return err_set(
        err, ERR_INVALID, "data",
        "The account %s, which PostgreSQL runs as, cannot reach %s: a folder above it is "
        "closed to others. Choose another with --data, such as /var/lib/isthmus, or do "
        "not start as root.",
        place->account, place->folder);
}

/* A folder of the account's own, closed to others; someone else's is refused. */
static bool make_owned(const struct cluster_place *place, const char *path, struct err *err)
{
    struct stat info;

    if (mkdir(path, 0700) == 0 && chown(path, place->uid, place->gid) != 0)
        return err_set(err, ERR_INVALID, "data", "%s cannot be handed to its account: %s.", path,
                       strerror(errno));
    if (lstat(path, &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != place->uid)
        return err_set(err, ERR_INVALID, "data", "%s belongs to another account.", path);
    return true;
}

int cluster_version(const char *folder, const char *instance)
{
    char path[PATH_MAX], line[16] = "";
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s/PG_VERSION", folder, instance ? instance : "postgres");
    file = fopen(path, "re");
    if (!file)
        return 0;
    if (!fgets(line, sizeof(line), file))
        line[0] = 0;
    fclose(file);
    return (int)strtol(line, NULL, 10);
}

static bool has_postgres(const char *bin)
{
    char path[PATH_MAX];

    return snprintf(path, sizeof(path), "%s/postgres", bin) < (int)sizeof(path) &&
           access(path, X_OK) == 0;
}

static bool debian_has(int version)
{
    char bin[64];

    snprintf(bin, sizeof(bin), DEBIAN "/%d/bin", version);
    return has_postgres(bin);
}

int cluster_newest(void)
{
    DIR *folder = opendir(DEBIAN);
    const struct dirent *entry;
    int newest = 0;

    while (folder && (entry = readdir(folder))) {
        int version = (int)strtol(entry->d_name, NULL, 10);
        if (version > newest && debian_has(version))
            newest = version;
    }
    if (folder)
        closedir(folder);
    return newest;
}

/* Outside of Debian: where PATH finds postgres. */
static bool find_in_path(struct cluster_place *place)
{
    struct text rest = text_of(getenv("PATH")), folder;

    while (text_next(&rest, ':', &folder)) {
        snprintf(place->bin, sizeof(place->bin), "%.*s", TEXT_ARGS(folder));
        if (folder.size > 0 && has_postgres(place->bin))
            return true;
    }
    return false;
}

static bool find_binaries(struct cluster_place *place, const struct cluster_config *config,
                          struct err *err)
{
    int version = cluster_version(place->folder, config->instance);
    int newest = cluster_newest();

    if (config->bin && config->bin[0]) {
        snprintf(place->bin, sizeof(place->bin), "%s", config->bin);
        if (has_postgres(place->bin))
            return true;
        return err_set(err, ERR_INVALID, "postgres-bin", "There is no postgres in %s.",
                       config->bin);
    }
    if (version && debian_has(version)) {
        snprintf(place->bin, sizeof(place->bin), DEBIAN "/%d/bin", version);
        return true;
    }
    if (version && newest && version != newest)
        return err_set(err, ERR_INVALID, "data",
                       "The data in %s are of PostgreSQL %d, but only %d is installed. Install %d "
                       "beside it and run `isthmus upgrade`.",
                       place->folder, version, newest, version);
    if (newest) {
        snprintf(place->bin, sizeof(place->bin), DEBIAN "/%d/bin", newest);
        return true;
    }
    return find_in_path(place) ||
           err_set(err, ERR_INVALID, "postgres-bin",
                   "PostgreSQL is not installed; install postgresql-15, or name its folder of "
                   "programs with --postgres-bin, or a server with --database.");
}
