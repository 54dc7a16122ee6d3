/*
 * Errors - why an operation was refused or failed.
 */

#include "base/err.h"

#include <stdarg.h>

static void tidy(char *text, size_t room);

bool err_set(struct err *err, enum err_kind kind, const char *where, const char *fmt, ...)
{
    va_list args;

    if (!err || err->kind != ERR_NONE)
        return false;

    err->kind = kind;
    snprintf(err->where, sizeof(err->where), "%s", where ? where : "");
    va_start(args, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);
    tidy(err->where, sizeof(err->where));
    tidy(err->text, sizeof(err->text));
    return false;
}

/* Texts often quote others (PostgreSQL, the client): no control character may
 * break the line, and a cut must not leave half a UTF-8 character. */
static void tidy(char *text, size_t room)
{
    size_t size = strlen(text);

    if (size + 1 == room) {
        size_t start = size;
        while (start > 0 && size - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
            start--;
        if (start > 0 && (unsigned char)text[start - 1] >= 0xC0) {
            unsigned char lead = (unsigned char)text[start - 1];
            size_t need = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
            if (size - start < need)
                text[start - 1] = '\0';
        }
    }
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7F)
            *c = ' ';
}
