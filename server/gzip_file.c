/*
 * Gzip files - see gzip_file.h.
 */

#include "server/gzip_file.h"

#include "base/buf.h"

#include <errno.h>
#include <zlib.h>

#define CHUNK (256U << 10)

struct gzip_file {
    gzFile file;
    const char *name; /* borrowed */
};

struct gzip_file *gzip_file_open(const char *name, struct err *err)
{
    struct gzip_file *file = calloc(1, sizeof(*file));

    if (!file)
        abort();
    file->name = name;
    file->file = gzopen(name, "rbe");
    if (!file->file) {
        err_set(err, ERR_INVALID, NULL, "%s cannot be read: %s.", name, strerror(errno));
        free(file);
        return NULL;
    }
    gzbuffer(file->file, CHUNK);
    return file;
}

void gzip_file_close(struct gzip_file *file)
{
    if (!file)
        return;
    gzclose(file->file);
    free(file);
}

static bool explain(const struct gzip_file *file, struct err *err)
{
    int code;
    const char *text = gzerror(file->file, &code);

    return err_set(err, ERR_INVALID, NULL, "%s cannot be read: %s.", file->name,
                   code == Z_ERRNO ? strerror(errno) : text);
}

/* An end in the middle of the compressed stream is an error, not an end. */
static bool ended_well(const struct gzip_file *file, struct err *err)
{
    int code;

    gzerror(file->file, &code);
    return code == Z_OK || code == Z_STREAM_END || explain(file, err);
}

static bool too_large(const struct gzip_file *file, size_t most, struct err *err)
{
    return err_set(err, ERR_TOO_LARGE, NULL, "%s holds more than %zu bytes in one piece.",
                   file->name, most);
}

bool gzip_file_line(struct gzip_file *file, struct buf *line, size_t most, bool *more,
                    struct err *err)
{
    buf_clear(line);
    for (;;) {
        char *room = buf_reserve(line, 65536);
        if (!gzgets(file->file, room, 65536)) {
            *more = line->size > 0;
            return ended_well(file, err);
        }
        line->size += strlen(room);
        if (line->size > most)
            return too_large(file, most, err);
        if (line->size && line->data[line->size - 1] == '\n')
            break;
    }
    line->size--;
    if (line->size && line->data[line->size - 1] == '\r')
        line->size--;
    *more = true;
    return true;
}

bool gzip_file_all(struct gzip_file *file, struct buf *content, size_t most, struct err *err)
{
    int got;

    while ((got = gzread(file->file, buf_reserve(content, CHUNK), CHUNK)) > 0) {
        content->size += (size_t)got;
        if (content->size > most)
            return too_large(file, most, err);
    }
    return got < 0 ? explain(file, err) : ended_well(file, err);
}

uint64_t gzip_file_position(const struct gzip_file *file)
{
    z_off_t position = gzoffset(file->file);

    return position > 0 ? (uint64_t)position : 0;
}
