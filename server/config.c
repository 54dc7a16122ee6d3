/*
 * Configuration - read: the values of the options, from four sources.
 */

#include "server/config.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/count.h"
#include "base/text.h"
#include "server/config_options.h"

#include <ctype.h>
#include <errno.h>

struct unit {
    const char *suffix;
    int64_t factor;
};

static const struct unit sizes[] = {
    {"", 1}, {"k", 1024}, {"M", INT64_C(1) << 20}, {"G", INT64_C(1) << 30}, {0}};
static const struct unit durations[] = {
    {"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {0}};
static const struct unit plain[] = {{"", 1}, {0}};

/* Texts that are one of a few. */
static const struct choice {
    const char *option;
    const char *values[5];
} choices[] = {
    {"log-level", {"error", "warn", "info", "debug"}},
    {"log-format", {"logfmt", "json"}},
    {"validation", {"off", "structure", "full"}},
    {"conditional-delete", {"single", "multiple"}},
    {"reference-check", {"off", "local"}},
};

static bool set_defaults(struct config *config, struct arena *arena, struct err *err);
static bool set_from_environment(struct config *config, struct arena *arena, struct err *err);
static bool set_from_flags(struct config *config, struct arena *arena, int argc, char **argv,
                           const char **words, size_t word_room, struct err *err);
static bool set_from_file(struct config *config, struct arena *arena, struct err *err);
static bool set_from_line(struct config *config, struct arena *arena, struct text line, int number,
                          struct err *err);
static bool set(struct config *config, struct arena *arena, const struct option *option,
                const char *value, const char *source, struct err *err);
static bool parse_quantity(const struct option *option, const struct unit *units, const char *value,
                           int64_t *number);
static bool parse_flag(const char *value, bool *flag);
static const char *expected(struct arena *arena, const struct option *option);
static bool check_choices(const struct config *config, struct err *err);
static bool one_of(const char *value, const char *const *values);
static bool refuse_choice(const struct choice *choice, struct err *err);

bool config_load(struct config *config, struct arena *arena, int argc, char **argv,
                 const char **words, size_t word_room, struct err *err)
{
    struct config flags_only;

    /* The flags are read twice: first only to learn where the file is. */
    if (!set_defaults(&flags_only, arena, err) || !set_from_environment(&flags_only, arena, err) ||
        !set_from_flags(&flags_only, arena, argc, argv, words, word_room, err) ||
        !set_defaults(config, arena, err))
        return false;
    config->config_file = flags_only.config_file;

    return set_from_file(config, arena, err) && set_from_environment(config, arena, err) &&
           set_from_flags(config, arena, argc, argv, words, word_room, err) &&
           check_choices(config, err);
}

static bool set_defaults(struct config *config, struct arena *arena, struct err *err)
{
    *config = (struct config){0};
    for (size_t i = 0; i < option_count; i++)
        if (!set(config, arena, &options[i], options[i].fallback, "default", err))
            return false;
    return true;
}

static bool set_from_environment(struct config *config, struct arena *arena, struct err *err)
{
    for (size_t i = 0; i < option_count; i++) {
        char *name = arena_printf(arena, "ISTHMUS_%s", options[i].name);
        for (char *c = name; *c; c++)
            *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
        const char *value = getenv(name);
        if (value && !set(config, arena, &options[i], value, "environment", err))
            return false;
    }
    return true;
}

static bool set_from_flags(struct config *config, struct arena *arena, int argc, char **argv,
                           const char **words, size_t word_room, struct err *err)
{
    size_t word_count = 0;

    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            if (word_count + 1 >= word_room)
                return err_set(err, ERR_INVALID, NULL, "Too many words: %s", argv[i]);
            words[word_count++] = argv[i];
            continue;
        }
        struct text name = text_of(argv[i] + 2);
        struct text value = {0};
        text_split(name, '=', &name, &value);
        const struct option *option = option_find(name);
        if (!option)
            return err_set(err, ERR_INVALID, argv[i], "There is no option %s; see --help.",
                           argv[i]);
        if (!value.data && option->type == OPTION_FLAG)
            value = TEXT("true");
        if (!value.data && ++i < argc)
            value = text_of(argv[i]);
        if (!value.data)
            return err_set(err, ERR_INVALID, option->name, "--%s needs a value.", option->name);
        if (!set(config, arena, option, value.data, "flag", err))
            return false;
    }
    if (word_room)
        words[word_count] = NULL;
    return true;
}

static bool set_from_file(struct config *config, struct arena *arena, struct err *err)
{
    const char *path = config->config_file;
    char line[4096];
    bool good = true;

    if (!path || !path[0])
        return true;
    FILE *file = fopen(path, "re");
    if (!file)
        return err_set(err, ERR_INVALID, "config", "The configuration file %s cannot be read.",
                       path);
    for (int number = 1; good && fgets(line, sizeof(line), file); number++)
        good = set_from_line(config, arena, text_of(line), number, err);
    fclose(file);
    return good;
}

static bool set_from_line(struct config *config, struct arena *arena, struct text line, int number,
                          struct err *err)
{
    struct text name, value;

    line = text_trim(line);
    if (line.size == 0 || line.data[0] == '#')
        return true;
    if (!text_split(line, '=', &name, &value))
        return err_set(err, ERR_INVALID, config->config_file,
                       "Line %d of %s is not `name = value`.", number, config->config_file);
    const struct option *option = option_find(text_trim(name));
    if (!option)
        return err_set(err, ERR_INVALID, config->config_file,
                       "Line %d of %s names no option; see --help.", number, config->config_file);
    return set(config, arena, option, text_dup(arena, text_trim(value)), "file", err);
}

static bool set(struct config *config, struct arena *arena, const struct option *option,
                const char *value, const char *source, struct err *err)
{
    void *field = (char *)config + option->offset;
    bool good = true;

    switch (option->type) {
    case OPTION_TEXT:
    case OPTION_SECRET:
        *(const char **)field = arena_strdup(arena, value);
        break;
    case OPTION_NUMBER:
        good = parse_quantity(option, plain, value, field);
        break;
    case OPTION_SIZE:
        good = parse_quantity(option, sizes, value, field);
        break;
    case OPTION_DURATION:
        good = parse_quantity(option, durations, value, field);
        break;
    case OPTION_FLAG:
        good = parse_flag(value, field);
        break;
    }
    if (!good)
        return err_set(err, ERR_INVALID, option->name, "The value of %s (from the %s) must be %s.",
                       option->name, source, expected(arena, option));
    config->sources[option - options] = source;
    return true;
}

static bool parse_quantity(const struct option *option, const struct unit *units, const char *value,
                           int64_t *number)
{
    char *end;

    errno = 0;
    long long count = strtoll(value, &end, 10);
    if (end == value || errno || count < 0)
        return false;
    for (; units->suffix; units++)
        if (strcmp(end, units->suffix) == 0) {
            if (count > INT64_MAX / units->factor)
                return false;
            *number = count * units->factor;
            return *number >= option->min && *number <= option->max;
        }
    return false;
}

static bool parse_flag(const char *value, bool *flag)
{
    *flag = strcmp(value, "true") == 0;
    return *flag || strcmp(value, "false") == 0;
}

static const char *expected(struct arena *arena, const struct option *option)
{
    switch (option->type) {
    case OPTION_SIZE:
        return arena_printf(arena, "a size between %lld and %lld bytes, such as 64M",
                            (long long)option->min, (long long)option->max);
    case OPTION_DURATION:
        return arena_printf(arena,
                            "a time between %lld and %lld ms with a unit, such as 500ms or 10s",
                            (long long)option->min, (long long)option->max);
    case OPTION_FLAG:
        return "true or false";
    default:
        return arena_printf(arena, "a number between %lld and %lld", (long long)option->min,
                            (long long)option->max);
    }
}

static bool check_choices(const struct config *config, struct err *err)
{
    for (size_t i = 0; i < COUNT(choices); i++) {
        const struct option *option = option_find(text_of(choices[i].option));
        const char *value = *(const char *const *)((const char *)config + option->offset);

        if (!one_of(value, choices[i].values))
            return refuse_choice(&choices[i], err);
    }
    if (config->page_size > config->page_size_max)
        return err_set(err, ERR_INVALID, "page-size", "page-size is larger than page-size-max.");
    return true;
}

static bool one_of(const char *value, const char *const *values)
{
    for (; *values; values++)
        if (strcmp(value, *values) == 0)
            return true;
    return false;
}

/* "log-level is error, warn, info or debug." */
static bool refuse_choice(const struct choice *choice, struct err *err)
{
    struct buf list = {0};

    for (size_t i = 0; choice->values[i]; i++) {
        if (i > 0)
            buf_add_text(&list, choice->values[i + 1] ? ", " : " or ");
        buf_add_text(&list, choice->values[i]);
    }
    err_set(err, ERR_INVALID, choice->option, "%s is %s.", choice->option, buf_text(&list));
    buf_release(&list);
    return false;
}

bool config_is_given(const struct config *config, const char *name)
{
    const struct option *option = option_find(text_of(name));

    return option && strcmp(config->sources[option - options], "default") != 0;
}
