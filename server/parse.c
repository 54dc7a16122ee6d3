/*
 * Parse - `isthmus parse FILE...`: checks the structure of resources and
 * prints what is wrong with them, one finding a line, or else their
 * canonical JSON, or XML. A file that ends in .ndjson has a resource on each
 * line, one that ends in .xml is XML.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "fhir/check.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/xml.h"
#include "server/commands.h"
#include "server/file.h"

#include <errno.h>

#define FINDINGS_MAX 1000 /* of one resource */

enum print { PRINT_IF_FINE, PRINT_NEVER, PRINT_ALWAYS };

/* When the resource is printed, and how. */
struct output {
    enum print when;
    bool xml;
};

static bool is_format(const char *name);
static int print_usage(FILE *out, int status);
static bool parse_file(const char *path, const struct output *output);
static bool parse_lines(const char *path, const struct buf *content, const struct output *output);
static bool parse_resource(struct arena *arena, const char *name, struct text text,
                           const struct output *output);
static bool print_findings(const char *name, struct issues *issues);
static void print_finding(const char *name, const char *severity, const char *code,
                          const char *expression, const char *text);

int command_parse(int argc, char **argv)
{
    struct output output = {PRINT_IF_FINE, false};
    bool fine = true;
    int i = 0;

    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return print_usage(stdout, 0);
        if (strcmp(argv[i], "--quiet") == 0)
            output.when = PRINT_NEVER;
        else if (strcmp(argv[i], "--always") == 0)
            output.when = PRINT_ALWAYS;
        else if (strcmp(argv[i], "--to") == 0 && i + 1 < argc && is_format(argv[i + 1]))
            output.xml = strcmp(argv[++i], "xml") == 0;
        else
            return print_usage(stderr, 2);
    }
    if (i == argc)
        return print_usage(stderr, 2);
    for (; i < argc; i++)
        fine = parse_file(argv[i], &output) && fine;
    return fine && fflush(stdout) == 0 ? 0 : 1;
}

static bool is_format(const char *name)
{
    return strcmp(name, "json") == 0 || strcmp(name, "xml") == 0;
}

static int print_usage(FILE *out, int status)
{
    fputs("usage: isthmus parse [--quiet | --always] [--to json | xml] FILE...\n"
          "\n"
          "Checks the structure of FHIR R4 resources (JSON; one a line in files that end in\n"
          ".ndjson, XML in those that end in .xml). Prints findings as \"FILE: severity code "
          "expression: text\", one a line, or\n"
          "the canonical JSON of a resource that has none. Exits with 1 if there were errors.\n"
          "\n"
          "  --quiet   print findings only\n"
          "  --always  print also resources with findings\n"
          "  --to xml  print XML instead of JSON\n",
          out);
    return status;
}

static bool parse_file(const char *path, const struct output *output)
{
    struct buf content = {0};
    struct arena *arena;
    bool lines = text_ends_with(text_of(path), TEXT(".ndjson"));
    bool fine = file_read(path, lines ? SIZE_MAX : json_default_limits.size, &content);

    if (!fine) {
        fprintf(stderr, "isthmus parse: %s: %s\n", path, strerror(errno));
    } else if (lines) {
        fine = parse_lines(path, &content, output);
    } else {
        arena = arena_new();
        fine = parse_resource(arena, path, (struct text){content.data, content.size}, output);
        arena_free(arena);
    }
    buf_release(&content);
    return fine;
}

static bool parse_lines(const char *path, const struct buf *content, const struct output *output)
{
    struct arena *arena = arena_new();
    struct text rest = {content->data, content->size}, line;
    bool fine = true;
    unsigned number = 0;

    while (text_next(&rest, '\n', &line)) {
        number++;
        if (line.size == 0 || text_is(line, "\r"))
            continue;
        fine =
            parse_resource(arena, arena_printf(arena, "%s:%u", path, number), line, output) && fine;
        arena_reset(arena);
    }
    arena_free(arena);
    return fine;
}

static bool parse_resource(struct arena *arena, const char *name, struct text text,
                           const struct output *output)
{
    struct err err = {0};
    struct issues issues;
    struct node *resource;
    struct buf out = buf_in(arena);
    bool fine;

    issues_init(&issues, arena, FINDINGS_MAX);
    resource = (text_ends_with(text_of(name), TEXT(".xml")) ? xml_read : json_read)(
        arena, text.data, text.size, &json_default_limits, &issues, &err);
    if (!resource) {
        print_finding(name, "fatal", err.kind == ERR_TOO_LARGE ? "too-long" : "invalid", err.where,
                      err.text);
        return false;
    }
    check_structure(resource, &issues);
    fine = print_findings(name, &issues);
    if (output->when == PRINT_ALWAYS || (fine && output->when == PRINT_IF_FINE)) {
        (output->xml ? xml_write : json_write)(resource, &out);
        buf_add_char(&out, '\n');
        fwrite(out.data, 1, out.size, stdout);
    }
    return fine;
}

static bool print_findings(const char *name, struct issues *issues)
{
    for (const struct issue *issue = issues->first; issue; issue = issue->next)
        print_finding(name, issue_severity_name(issue->severity), issue->code, issue->expression,
                      issue->text);
    if (issues->dropped > 0)
        printf("%s: information informational -: %u further findings are not listed.\n", name,
               issues->dropped);
    return issues->errors == 0;
}

static void print_finding(const char *name, const char *severity, const char *code,
                          const char *expression, const char *text)
{
    printf("%s: %s %s %s: %s\n", name, severity, code, expression && *expression ? expression : "-",
           text);
}
