/*
 * File - see file.h.
 */

#include "server/file.h"

#include "base/buf.h"
#include "base/err.h"

#include <errno.h>

#define PIECE ((size_t)64 * 1024)

bool file_read(const char *path, size_t most, struct buf *content)
{
    FILE *file = fopen(path, "rbe");
    int cause = 0;
    size_t got;

    if (!file)
        return false;
    do {
        got = fread(buf_reserve(content, PIECE), 1, PIECE, file);
        content->size += got;
        /* A short piece is the end or a failure. */
        if (got < PIECE && ferror(file))
            cause = errno;
    } while (got == PIECE && content->size <= most);
    fclose(file);
    if (cause)
        buf_release(content);
    errno = cause;
    return cause == 0;
}
