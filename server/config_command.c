/*
 * isthmus config - what is in force and where it came from.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "server/commands.h"
#include "server/config.h"

static int print(struct buf *out)
{
    fwrite(out->data, 1, out->size, stdout);
    return 0;
}

static int show(struct arena *arena, int argc, char **argv)
{
    struct config config;
    struct err err = {0};
    const char *words[2];
    struct buf out = buf_in(arena);

    if (!config_load(&config, arena, argc, argv, words, 2, &err)) {
        fprintf(stderr, "isthmus config: %s\n", err.text);
        return 2;
    }
    config_print(&config, &out);
    return print(&out);
}

int command_config(int argc, char **argv)
{
    struct arena *arena = arena_new();
    struct buf out = buf_in(arena);
    int status;

    if (argc == 1 && strcmp(argv[0], "--help") == 0) {
        buf_add_text(&out, "usage: isthmus config [--reference | OPTIONS of isthmus serve]\n\n"
                           "Prints every option with its value and its source. --reference prints "
                           "the reference page of the documentation.\n\n");
        config_print_help(&out);
        status = print(&out);
    } else if (argc == 1 && strcmp(argv[0], "--reference") == 0) {
        config_print_reference(&out);
        status = print(&out);
    } else {
        status = show(arena, argc, argv);
    }
    arena_free(arena);
    return status;
}
