/*
 * Arguments - see arguments.h.
 */

#include "server/arguments.h"

#include "base/arena.h"
#include "base/text.h"

static struct argument *find(struct argument *arguments, struct text name)
{
    for (; arguments->name; arguments++)
        if (text_is(name, arguments->name))
            return arguments;
    return NULL;
}

bool arguments_take(struct argument *arguments, int *argc, char **argv, struct arena *arena,
                    struct err *err)
{
    int kept = 0;

    for (struct argument *argument = arguments; argument->name; argument++)
        argument->values = arena_many(arena, const char *, (size_t)*argc + 1);
    for (int i = 0; i < *argc; i++) {
        struct text name = {0}, value = {0};

        if (strncmp(argv[i], "--", 2) == 0) {
            name = text_of(argv[i] + 2);
            text_split(name, '=', &name, &value);
        }
        struct argument *argument = name.data ? find(arguments, name) : NULL;
        if (!argument) {
            argv[kept++] = argv[i];
            continue;
        }
        if (argument->takes_value && !value.data && i + 1 < *argc)
            value = text_of(argv[++i]);
        if (argument->takes_value != (value.data != NULL))
            return err_set(err, ERR_INVALID, NULL, "--%s %s.", argument->name,
                           argument->takes_value ? "needs a value" : "takes no value");
        argument->values[argument->count++] = value.data;
    }
    *argc = kept;
    return true;
}
