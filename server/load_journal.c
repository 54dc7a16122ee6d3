/*
 * Load journal - see load_journal.h.
 */

#include "server/load_journal.h"

#include "base/arena.h"

#include <errno.h>
#include <sys/stat.h>

struct load_journal {
    struct arena *arena;
    const char *base;
    FILE *file;   /* NULL: none */
    char **lines; /* sorted; what was there at the start */
    size_t count, room;
};

static void read_lines(struct load_journal *journal);

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct load_journal *load_journal_open(const char *path, const char *base, bool again,
                                       struct err *err)
{
    struct arena *arena = arena_new();
    struct load_journal *journal = arena_one(arena, struct load_journal);

    journal->arena = arena;
    journal->base = base;
    if (!path[0])
        return journal;
    journal->file = fopen(path, "a+e");
    if (!journal->file) {
        err_set(err, ERR_INVALID, NULL, "The journal %s cannot be opened: %s.", path,
                strerror(errno));
        arena_free(arena);
        return NULL;
    }
    if (!again)
        read_lines(journal);
    if (journal->count)
        qsort(journal->lines, journal->count, sizeof(char *), compare);
    return journal;
}

void load_journal_close(struct load_journal *journal)
{
    if (!journal)
        return;
    if (journal->file)
        fclose(journal->file);
    arena_free(journal->arena);
}

static void keep(struct load_journal *journal, const char *line, size_t size)
{
    if (journal->count == journal->room) {
        size_t room = journal->room ? journal->room * 2 : 256;
        char **more = arena_many(journal->arena, char *, room);
        if (journal->count)
            memcpy(more, journal->lines, journal->count * sizeof(char *));
        journal->lines = more;
        journal->room = room;
    }
    journal->lines[journal->count++] = arena_strndup(journal->arena, line, size);
}

static void read_lines(struct load_journal *journal)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t size;

    rewind(journal->file);
    while ((size = getline(&line, &room, journal->file)) > 0)
        if (line[size - 1] == '\n') /* a line cut short by a crash counts as not done */
            keep(journal, line, (size_t)size - 1);
    free(line);
}

/* A file that has changed since is another file. */
static void describe(const struct load_journal *journal, const char *file, unsigned unit,
                     char *line, size_t size)
{
    struct stat stat_of = {0};

    if (stat(file, &stat_of) != 0)
        stat_of.st_size = -1;
    snprintf(line, size, "%s\t%s\t%lld\t%lld\t%u", journal->base, file, (long long)stat_of.st_size,
             (long long)stat_of.st_mtime, unit);
}

bool load_journal_has(const struct load_journal *journal, const char *file, unsigned unit)
{
    char line[4096];
    char *key = line;

    if (!journal->count)
        return false;
    describe(journal, file, unit, line, sizeof(line));
    return bsearch(&key, journal->lines, journal->count, sizeof(char *), compare) != NULL;
}

void load_journal_add(struct load_journal *journal, const char *file, unsigned unit)
{
    char line[4096];

    if (!journal->file)
        return;
    describe(journal, file, unit, line, sizeof(line));
    fprintf(journal->file, "%s\n", line);
    fflush(journal->file);
}
