/*
 * Archive - see archive.h.
 */

#include "server/archive.h"

#include "base/arena.h"
#include "base/buf.h"
#include "server/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#define PIECE ((size_t)64 * 1024)

struct reading {
    const char *path; /* for errors */
    const struct archive_limits *limits;
    archive_wanted_fn *wanted;
    archive_take_fn *take;
    void *context;
    struct arena *arena;
    size_t total;
    unsigned count;
};

static bool read_entries(struct reading *reading, struct archive *archive, struct err *err);
static bool read_entry(struct reading *reading, struct archive *archive,
                       struct archive_entry *entry, struct err *err);
static bool read_content(struct reading *reading, struct archive *archive, struct buf *content,
                         struct err *err);
static bool read_names(struct reading *reading, const char *folder, const char *prefix,
                       struct err *err);
static bool read_file(struct reading *reading, const char *path, const char *name, struct err *err);
static bool count_entry(struct reading *reading, struct err *err);
static bool take(struct reading *reading, const char *name, struct buf *content, struct err *err);

bool archive_read(const char *path, const struct archive_limits *limits, archive_wanted_fn *wanted,
                  archive_take_fn *take_file, void *context, struct arena *arena, struct err *err)
{
    struct reading reading = {path, limits, wanted, take_file, context, arena, 0, 0};
    struct archive *archive = archive_read_new();

    if (!archive)
        abort();
    archive_read_support_filter_gzip(archive);
    archive_read_support_format_tar(archive);
    bool good = archive_read_open_filename(archive, path, PIECE) == ARCHIVE_OK
                    ? read_entries(&reading, archive, err)
                    : err_set(err, ERR_INVALID, NULL, "%s cannot be read: %s.", path,
                              archive_error_string(archive));
    archive_read_free(archive);
    return good;
}

static bool damaged(const struct reading *reading, struct archive *archive, struct err *err)
{
    const char *why = archive_error_string(archive);

    return err_set(err, ERR_INVALID, NULL, "%s is no tar archive, or damaged: %s.", reading->path,
                   why ? why : "it ends too early");
}

/* A warning about an entry (such as a name in an unknown charset) does not make it unreadable. */
static bool read_entries(struct reading *reading, struct archive *archive, struct err *err)
{
    struct archive_entry *entry;
    int status;

    while ((status = archive_read_next_header(archive, &entry)) == ARCHIVE_OK ||
           status == ARCHIVE_WARN)
        if (!count_entry(reading, err) || !read_entry(reading, archive, entry, err))
            return false;
    if (status != ARCHIVE_EOF)
        return damaged(reading, archive, err);
    return reading->count > 0 || err_set(err, ERR_INVALID, NULL, "%s is empty.", reading->path);
}

static bool too_large(const struct reading *reading, struct err *err)
{
    return err_set(err, ERR_TOO_LARGE, NULL,
                   "%s holds more than is taken: at most %u entries, %zu MB in one file, %zu MB in "
                   "all.",
                   reading->path, reading->limits->count, reading->limits->file >> 20,
                   reading->limits->total >> 20);
}

static bool count_entry(struct reading *reading, struct err *err)
{
    return ++reading->count <= reading->limits->count || too_large(reading, err);
}

/* What is not wanted is skipped by libarchive as far as its header says: that is limited too. */
static bool read_entry(struct reading *reading, struct archive *archive,
                       struct archive_entry *entry, struct err *err)
{
    const char *name = archive_entry_pathname(entry);
    struct buf content = buf_in(reading->arena);

    if (archive_entry_size(entry) > (int64_t)reading->limits->file)
        return too_large(reading, err);
    if (!name || archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) ||
        !reading->wanted(name))
        return true;
    name = arena_strdup(reading->arena, name);
    return read_content(reading, archive, &content, err) && take(reading, name, &content, err);
}

static bool read_content(struct reading *reading, struct archive *archive, struct buf *content,
                         struct err *err)
{
    for (;;) {
        la_ssize_t got = archive_read_data(archive, buf_reserve(content, PIECE), PIECE);

        if (got < 0)
            return damaged(reading, archive, err);
        if (got == 0)
            return true;
        content->size += (size_t)got;
        if (content->size > reading->limits->file)
            return too_large(reading, err);
    }
}

static bool take(struct reading *reading, const char *name, struct buf *content, struct err *err)
{
    reading->total += content->size;
    if (content->size > reading->limits->file || reading->total > reading->limits->total)
        return too_large(reading, err);
    reading->take(name, (struct text){buf_text(content), content->size}, reading->context);
    return true;
}

bool archive_read_folder(const char *path, const char *inside, const struct archive_limits *limits,
                         archive_wanted_fn *wanted, archive_take_fn *take_file, void *context,
                         struct arena *arena, struct err *err)
{
    struct reading reading = {path, limits, wanted, take_file, context, arena, 0, 0};
    const char *below = arena_printf(arena, "%s/%s", path, inside);
    struct stat status;

    if (!read_names(&reading, path, "", err))
        return false;
    return stat(below, &status) != 0 || !S_ISDIR(status.st_mode) ||
           read_names(&reading, below, arena_printf(arena, "%s/", inside), err);
}

static bool read_names(struct reading *reading, const char *folder, const char *prefix,
                       struct err *err)
{
    DIR *names = opendir(folder);
    struct dirent *entry;
    bool good = true;

    if (!names)
        return err_set(err, ERR_INVALID, NULL, "%s cannot be read: %s.", folder, strerror(errno));
    while (good && (entry = readdir(names))) {
        const char *name = arena_printf(reading->arena, "%s%s", prefix, entry->d_name);

        good = count_entry(reading, err) &&
               (!reading->wanted(name) ||
                read_file(reading, arena_printf(reading->arena, "%s/%s", folder, entry->d_name),
                          name, err));
    }
    closedir(names);
    return good;
}

static bool read_file(struct reading *reading, const char *path, const char *name, struct err *err)
{
    struct buf content = buf_in(reading->arena);
    struct stat status;

    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return true;
    if (!file_read(path, reading->limits->file, &content))
        return err_set(err, ERR_INVALID, NULL, "%s cannot be read: %s.", path, strerror(errno));
    return take(reading, name, &content, err);
}
