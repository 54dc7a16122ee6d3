/*
 * isthmus index - what resources are indexed by beyond what every server does: chosen here, for
 * the database and so for all servers on it, also while they run.
 */

#include "base/arena.h"
#include "fhir/type.h"
#include "server/arguments.h"
#include "server/commands.h"
#include "server/config.h"
#include "server/with_packages.h"
#include "storage/packages.h"

#include <inttypes.h>

#define WORDS_MAX 16
#define BEHIND    "stored by an earlier version: %u types to be indexed anew"

static const char usage[] =
    "usage: isthmus index [NAME=VALUE...] [--data DIR | --database URL]\n\n"
    "Without NAME=VALUE: what was chosen, and how far indexing is: by search parameters beyond "
    "R4's,\nand anew, of what an earlier version stored.\n\n"
    "  parameters=packages   search parameters are those of R4 and of packages (the default)\n"
    "  parameters=stored     and those that clients store as SearchParameter with status active\n"
    "  contains=on           strings are found by any part of them through an index of trigrams\n"
    "                        (PostgreSQL's pg_trgm), which each string that is written costs; off\n"
    "                        (the default): all strings of the parameter are looked at\n"
    "  ids=TYPE[,TYPE...]    these are sorted by _id however many there are, by an index of their "
    "ids\n"
    "                        (rare types have one together); or all, or none (the default)\n"
    "  text=TYPE[,TYPE...]   resources of these types are found by the words of their narrative\n"
    "                        (_text); or all, or none (the default)\n"
    "  content=TYPE[,...]    and by all words in them (_content)\n"
    "  language=NAME         a text search configuration of PostgreSQL (english, german, ...), "
    "which\n"
    "                        says what counts as the same word, of all types; simple (the "
    "default):\n"
    "                        only the word itself\n\n"
    "Servers follow within a second (contains, ids: a minute). What was stored before has to be "
    "indexed: isthmus reindex.\n";

static bool is_origin(struct text value, struct err *err);
static bool is_switch(struct text value, struct err *err);
static bool are_types(struct text value, struct err *err);
static bool is_name(struct text value, struct err *err);
static bool keep_trigrams(struct packages *packages, struct text value, struct err *err);
static bool keep_ids(struct packages *packages, struct text value, struct err *err);

/* What can be chosen. */
static const struct choice {
    const char *name, *fallback;
    bool (*is_valid)(struct text value, struct err *err);
    bool (*is_known)(struct packages *packages, struct text value, struct err *err); /* NULL: yes */
    bool (*act)(struct packages *packages, struct text value, struct err *err); /* NULL: nothing */
} choices[] = {
    {"parameters", "packages", is_origin, NULL, NULL},
    {"contains", "off", is_switch, NULL, keep_trigrams},
    {"ids", "none", are_types, NULL, keep_ids},
    {"text", "none", are_types, NULL, NULL},
    {"content", "none", are_types, NULL, NULL},
    {"language", "simple", is_name, packages_know_language, NULL},
    {0},
};

struct job {
    const char *const *words; /* NAME=VALUE, NULL-ended */
    struct arena *arena;
};

static bool run(struct packages *packages, void *context, struct err *err);

int command_index(int argc, char **argv)
{
    struct argument own[] = {{.name = "help"}, {0}};
    struct arena *arena = arena_new();
    const char *words[WORDS_MAX + 1] = {0};
    struct job job = {.words = words, .arena = arena};
    struct config config;
    struct err err = {0};
    int status = 2;

    if (arguments_take(own, &argc, argv, arena, &err) && own[0].count) {
        fputs(usage, stdout);
        arena_free(arena);
        return fflush(stdout) == 0 ? 0 : 1;
    }
    if (!err.kind && config_load(&config, arena, argc, argv, words, WORDS_MAX + 1, &err))
        status = with_packages(&config, run, &job, &err) ? 0 : 1;
    if (err.kind)
        fprintf(stderr, "isthmus index: %s\n", err.text);
    if (status == 2)
        fputs(usage, stderr);
    arena_free(arena);
    return fflush(stdout) == 0 ? status : 1;
}

static bool is_origin(struct text value, struct err *err)
{
    return text_is(value, "packages") || text_is(value, "stored") ||
           err_set(err, ERR_INVALID, "parameters", "parameters is packages or stored.");
}

static bool is_switch(struct text value, struct err *err)
{
    return text_is(value, "on") || text_is(value, "off") ||
           err_set(err, ERR_INVALID, "contains", "contains is on or off.");
}

static bool are_types(struct text value, struct err *err)
{
    struct text name;

    if (text_is(value, "none") || text_is(value, "all"))
        return true;
    while (text_next(&value, ',', &name))
        if (!resource_type_find(name))
            return err_set(err, ERR_INVALID, NULL, "R4 has no resource type %.*s.",
                           TEXT_ARGS(name));
    return true;
}

static bool is_name(struct text value, struct err *err)
{
    return value.size > 0 ||
           err_set(err, ERR_INVALID, "language", "language is the name of a configuration.");
}

static bool keep_trigrams(struct packages *packages, struct text value, struct err *err)
{
    return packages_keep_trigrams(packages, text_is(value, "on"), err);
}

static bool keep_ids(struct packages *packages, struct text value, struct err *err)
{
    return packages_keep_ids(packages, value, err);
}

static const struct choice *find(const char *word, struct text *value, struct err *err)
{
    struct text name;

    if (!text_split(text_of(word), '=', &name, value)) {
        err_set(err, ERR_INVALID, NULL, "%s is not NAME=VALUE.", word);
        return NULL;
    }
    for (const struct choice *choice = choices; choice->name; choice++)
        if (text_is(name, choice->name))
            return choice->is_valid(*value, err) ? choice : NULL;
    err_set(err, ERR_INVALID, NULL, "There is nothing to choose under the name %.*s; see --help.",
            TEXT_ARGS(name));
    return NULL;
}

static bool print_choices(struct packages *packages, struct arena *arena, struct err *err)
{
    for (const struct choice *choice = choices; choice->name; choice++) {
        struct text value;

        if (!packages_choice(packages, choice->name, arena, &value, err))
            return false;
        printf("%s=%.*s\n", choice->name,
               TEXT_ARGS(value.data ? value : text_of(choice->fallback)));
    }
    return true;
}

/* More may have come since they were counted. */
static int64_t larger(int64_t done, int64_t total)
{
    return total > done ? total : done;
}

static const char *describe(struct arena *arena, const struct package_parameter *parameter)
{
    if (parameter->state == 'R')
        return "ready";
    if (parameter->state != 'B')
        return "being removed";
    if (parameter->total == 0)
        return "not indexed yet: isthmus reindex";
    return arena_printf(arena, "being indexed, %" PRId64 " of %" PRId64, parameter->done,
                        larger(parameter->done, parameter->total));
}

static bool print_parameters(struct packages *packages, struct arena *arena, struct err *err)
{
    struct package_parameter *parameters;
    size_t count;

    if (!packages_parameters(packages, arena, &parameters, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        printf("%s %s: %s\n", parameters[i].type, parameters[i].code,
               describe(arena, &parameters[i]));
    return true;
}

static bool print_behind(struct packages *packages, struct arena *arena, struct err *err)
{
    struct package_behind behind;

    if (!packages_behind(packages, arena, &behind, err))
        return false;
    if (behind.types && behind.type)
        printf(BEHIND ", %s: %" PRId64 " of %" PRId64 "\n", behind.types, behind.type, behind.done,
               larger(behind.done, behind.total));
    else if (behind.types)
        printf(BEHIND ": isthmus reindex\n", behind.types);
    return true;
}

/* All are looked at before the first is chosen. */
static bool run(struct packages *packages, void *context, struct err *err)
{
    const struct job *job = context;
    struct text value;

    for (const char *const *word = job->words; *word; word++) {
        const struct choice *choice = find(*word, &value, err);

        if (!choice || (choice->is_known && !choice->is_known(packages, value, err)))
            return false;
    }
    for (const char *const *word = job->words; *word; word++) {
        const struct choice *choice = find(*word, &value, err);

        if ((choice->act && !choice->act(packages, value, err)) ||
            !packages_choose(packages, choice->name, value, err))
            return false;
    }
    return print_choices(packages, job->arena, err) &&
           print_parameters(packages, job->arena, err) && print_behind(packages, job->arena, err);
}
