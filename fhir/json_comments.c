/*
 * JSON comments - taken out of documents that people wrote.
 */

#include "fhir/json.h"

#include "base/err.h"

/* Where the string that opens at `at` ends. */
static char *end_of_string(char *at, char *end)
{
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\')
            at++;
    return at < end ? at + 1 : end;
}

/* Where the comment that opens at `at` ends; `at` itself when it is none. */
static char *end_of_comment(char *at, char *end)
{
    char *closing;

    if (end - at < 2 || at[0] != '/' || (at[1] != '/' && at[1] != '*'))
        return at;
    if (at[1] == '/')
        closing = memchr(at, '\n', (size_t)(end - at));
    else if ((closing = memmem(at + 2, (size_t)(end - at) - 2, "*/", 2)))
        closing += 2;
    return closing ? closing : end;
}

void json_blank_comments(char *data, size_t size)
{
    char *at = data, *end = data + size;

    while (at < end) {
        char *behind = *at == '"' ? end_of_string(at, end) : end_of_comment(at, end);

        if (behind == at)
            behind++;
        else if (*at == '/')
            /* Lines stay where they are: errors name them. */
            for (char *c = at; c < behind; c++)
                *c = *c == '\n' ? '\n' : ' ';
        at = behind;
    }
}
