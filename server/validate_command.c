/*
 * isthmus validate - validates files without a server: against R4, what is
 * installed in a database, and packages given on the command line.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/definitions.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/validate.h"
#include "fhir/xml.h"
#include "server/arguments.h"
#include "server/commands.h"
#include "server/config.h"
#include "server/file.h"
#include "server/knowledge.h"
#include "server/package_source.h"
#include "server/with_packages.h"

#include <errno.h>

#define FILES_MAX    100000
#define FINDINGS_MAX 1000

static const char usage[] =
    "usage: isthmus validate [OPTIONS] FILE...\n\n"
    "Validates FHIR R4 resources (.json, .xml; .ndjson has one a line) and prints an\n"
    "OperationOutcome for each, one a line. Exits with 1 if there were errors.\n\n"
    "  --profile URL      a profile that every resource must meet; may be repeated\n"
    "  --package PATH     a package (.tgz or folder) to know besides; may be repeated\n"
    "  --data DIR         know what is installed in this data folder\n"
    "  --database URL     know what is installed in this database\n"
    "  --level LEVEL      full (default) or structure\n"
    "  --best-practice    warn also of what is only best practice\n"
    "  --refuse-displays  a display that is not the code's is an error, not a warning\n"
    "  --refuse-examples  urls of example.org and the like are errors\n"
    "  --allow-comments   JSON may have comments, // and /* */\n";

enum {
    PROFILE,
    PACKAGE,
    LEVEL,
    BEST_PRACTICE,
    REFUSE_DISPLAYS,
    REFUSE_EXAMPLES,
    ALLOW_COMMENTS,
    HELP,
};

struct run {
    struct arena *arena;
    const struct argument *own;
    const struct config *config;
    struct validation validation;
};

static bool read_level(struct run *run, struct err *err);
static bool gather(struct run *run, struct err *err);
static bool validate_file(const struct run *run, const char *path);
static bool report_unreadable(const char *path);
static bool validate_lines(const struct run *run, struct text content);
static bool validate_one(const struct run *run, struct text content, bool xml);

int command_validate(int argc, char **argv)
{
    struct argument own[] = {
        [PROFILE] = {.name = "profile", .takes_value = true},
        [PACKAGE] = {.name = "package", .takes_value = true},
        [LEVEL] = {.name = "level", .takes_value = true},
        [BEST_PRACTICE] = {.name = "best-practice"},
        [REFUSE_DISPLAYS] = {.name = "refuse-displays"},
        [REFUSE_EXAMPLES] = {.name = "refuse-examples"},
        [ALLOW_COMMENTS] = {.name = "allow-comments"},
        [HELP] = {.name = "help"},
        {0},
    };
    struct arena *arena = arena_new();
    const char **words = arena_many(arena, const char *, FILES_MAX + 1);
    struct config config;
    struct run run = {.arena = arena, .own = own, .config = &config};
    struct err err = {0};
    bool fine = true;

    bool called_right = arguments_take(own, &argc, argv, arena, &err);
    if (called_right && own[HELP].count) {
        fputs(usage, stdout);
        arena_free(arena);
        return 0;
    }
    called_right = called_right &&
                   config_load(&config, arena, argc, argv, words, FILES_MAX + 1, &err) &&
                   read_level(&run, &err) && words[0];
    bool ready = called_right && gather(&run, &err);
    for (; ready && *words; words++)
        fine = validate_file(&run, *words) && fine;
    if (err.kind)
        fprintf(stderr, "isthmus validate: %s\n", err.text);
    if (!called_right)
        fputs(usage, stderr);
    definitions_release(run.validation.definitions);
    arena_free(arena);
    if (!called_right)
        return 2;
    return ready && fine && fflush(stdout) == 0 ? 0 : 1;
}

static bool read_level(struct run *run, struct err *err)
{
    const struct argument *level = &run->own[LEVEL];
    const char *name = level->count ? level->values[level->count - 1] : "full";

    run->validation.level = VALIDATION_FULL;
    run->validation.best_practice = run->own[BEST_PRACTICE].count > 0;
    run->validation.refuse_displays = run->own[REFUSE_DISPLAYS].count > 0;
    run->validation.refuse_examples = run->own[REFUSE_EXAMPLES].count > 0;
    run->validation.profiles = run->own[PROFILE].values;
    if (strcmp(name, "structure") == 0)
        run->validation.level = VALIDATION_STRUCTURE;
    return strcmp(name, "structure") == 0 || strcmp(name, "full") == 0 ||
           err_set(err, ERR_INVALID, "level", "--level is full or structure.");
}

static bool add_installed(struct packages *packages, void *context, struct err *err)
{
    return knowledge_add_installed(context, packages, err);
}

/* Without a database, and without packages, that is R4 alone. */
static bool gather(struct run *run, struct err *err)
{
    const struct argument *packages = &run->own[PACKAGE];
    bool installed =
        config_is_given(run->config, "data") || config_is_given(run->config, "database");
    struct knowledge_gathering gathering;
    struct issues issues;

    knowledge_gather(&gathering);
    bool good = !installed || with_packages(run->config, add_installed, &gathering, err);
    for (unsigned i = 0; good && i < packages->count; i++) {
        struct package_source source;

        good = package_source_read(packages->values[i], gathering.arena, &source, err);
        if (good)
            knowledge_add_source(&gathering, &source);
    }
    issues_init(&issues, run->arena, FINDINGS_MAX);
    run->validation.definitions = definitions_finish(gathering.definitions, &issues);
    for (const struct issue *issue = issues.first; issue; issue = issue->next)
        fprintf(stderr, "isthmus validate: not used: %s\n", issue->text);
    knowledge_forget(&gathering);
    return good;
}

/* False when there are errors. */
static bool validate_file(const struct run *run, const char *path)
{
    bool lines = text_ends_with(text_of(path), TEXT(".ndjson")), fine;
    struct buf content = {0};

    if (!file_read(path, lines ? SIZE_MAX : json_default_limits.size, &content))
        return report_unreadable(path);
    struct text text = {content.data, content.size};
    if (run->own[ALLOW_COMMENTS].count && content.data)
        json_blank_comments(content.data, content.size);
    fine = lines ? validate_lines(run, text)
                 : validate_one(run, text, text_ends_with(text_of(path), TEXT(".xml")));
    buf_release(&content);
    return fine;
}

static bool validate_lines(const struct run *run, struct text content)
{
    struct text line;
    bool fine = true;

    while (text_next(&content, '\n', &line))
        if (text_trim(line).size)
            fine = validate_one(run, line, false) && fine;
    return fine;
}

static void print_outcome(const struct issues *issues, struct arena *arena)
{
    struct buf out = buf_in(arena);

    json_write(issues_outcome(arena, issues), &out);
    buf_add_char(&out, '\n');
    fwrite(out.data, 1, out.size, stdout);
}

/* An outcome like any other, so that there is one for each file. */
static bool report_unreadable(const char *path)
{
    struct arena *arena = arena_new();
    const char *cause = strerror(errno);
    struct issues issues;

    fprintf(stderr, "isthmus validate: %s: %s\n", path, cause);
    issues_init(&issues, arena, 1);
    issue_add(&issues, ISSUE_FATAL, "not-found", NULL, "The file cannot be read: %s.", cause);
    print_outcome(&issues, arena);
    arena_free(arena);
    return false;
}

static bool validate_one(const struct run *run, struct text content, bool xml)
{
    struct arena *arena = arena_new();
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, FINDINGS_MAX);
    const struct node *resource = (xml ? xml_read : json_read)(
        arena, content.data ? content.data : "", content.size, &json_default_limits, &issues, &err);
    if (resource)
        validate_resource(resource, &run->validation, &issues);
    else
        issue_add(&issues, ISSUE_FATAL, err.kind == ERR_TOO_LARGE ? "too-long" : "invalid",
                  err.where[0] ? err.where : NULL, "%s", err.text);
    bool fine = issues.errors == 0;
    print_outcome(&issues, arena);
    arena_free(arena);
    return fine;
}
