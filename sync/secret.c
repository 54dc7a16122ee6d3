/*
 * Secret - see secret.h.
 */

#include "sync/secret.h"

#include "base/arena.h"
#include "base/count.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

#define SIZE_MAX_OF_VALUE 8192

bool secret_is_ref(const char *text)
{
    return strncmp(text, "file:/", 6) == 0 || (strncmp(text, "env:", 4) == 0 && text[4]);
}

/* At most one line, which may be ended; longer ones are no header. */
static ssize_t read_some(const char *path, char *into)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t size = 0, more = 1;

    if (file < 0)
        return -1;
    while (more > 0 && size <= SIZE_MAX_OF_VALUE) {
        more = read(file, into + size, (size_t)(SIZE_MAX_OF_VALUE + 1 - size));
        size += more > 0 ? more : 0;
    }
    int reason = errno;
    close(file);
    errno = reason;
    return more < 0 ? -1 : size;
}

static bool read_file(const char *name, const char *path, struct arena *arena, const char **value,
                      struct err *err)
{
    char *content = arena_alloc_raw(arena, SIZE_MAX_OF_VALUE + 1);
    ssize_t size = read_some(path, content);

    if (size < 0)
        return err_set(err, ERR_INVALID, name,
                       "The header %.60s is in %.150s, which cannot be "
                       "read: %s.",
                       name, path, strerror(errno));
    struct text text = text_trim((struct text){content, (size_t)size});
    *value = text_dup(arena, text);
    if (size <= SIZE_MAX_OF_VALUE && text.size > 0 && strlen(*value) == text.size &&
        !strpbrk(*value, "\r\n"))
        return true;
    return err_set(err, ERR_INVALID, name,
                   "The header %.60s is in %.150s, which must hold one line of text.", name, path);
}

bool secret_read(const struct secret_header *header, struct arena *arena, const char **value,
                 struct err *err)
{
    *value = header->value;
    if (!header->ref)
        return true;
    if (strncmp(header->ref, "file:", 5) == 0)
        return read_file(header->name, header->ref + 5, arena, value, err);
    *value = getenv(header->ref + 4);
    if (*value && **value && !strpbrk(*value, "\r\n"))
        return true;
    return err_set(err, ERR_INVALID, header->name,
                   "The header %.60s is in the environment as %.100s, which is not set.",
                   header->name, header->ref + 4);
}

bool secret_add_lines(const struct secret_header *headers, struct arena *arena, const char **lines,
                      size_t *count, size_t most, struct err *err)
{
    const char *value;

    for (; headers->name && *count < most; headers++) {
        if (!secret_read(headers, arena, &value, err))
            return false;
        lines[(*count)++] = arena_printf(arena, "%s: %s", headers->name, value);
    }
    return true;
}

bool secret_is_likely(const char *name)
{
    static const char *const parts[] = {"auth",     "key",    "token",      "secret",
                                        "password", "cookie", "credential", "signature"};

    for (const char *at = name; *at; at++)
        for (size_t i = 0; i < COUNT(parts); i++)
            if (strncasecmp(at, parts[i], strlen(parts[i])) == 0)
                return true;
    return false;
}

struct text secret_mask(struct text document, struct arena *arena)
{
    json_t *root = json_loadb(document.data ? document.data : "", document.size, 0, NULL), *value;
    const char *name;
    bool masked = false;

    json_object_foreach(json_object_get(root, "headers"), name, value)
    {
        if (!json_is_string(value))
            continue;
        json_string_set(value, SECRET_MASK);
        masked = true;
    }
    if (masked) {
        char *text = json_dumps(root, JSON_INDENT(2));
        document = text_of(arena_strdup(arena, text ? text : ""));
        free(text);
    }
    json_decref(root);
    return document;
}
