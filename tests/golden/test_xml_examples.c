/*
 * Real documents between the formats: every .json of the folders given goes to
 * XML and back and must be the same bytes; what it was as XML must come back
 * as the same XML, indented or not. Every .xml is read without harm, and
 * what is read without findings comes back the same by way of JSON.
 *
 *     test_xml_examples FOLDER...
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "fhir/check.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/xml.h"

#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct tally {
    unsigned json, reordered, xml, refused, flawed, failed;
};

typedef struct node *read_fn(struct arena *arena, const char *data, size_t size,
                             const struct json_limits *limits, struct issues *issues,
                             struct err *err);
typedef void write_fn(const struct node *resource, struct buf *out);

static struct text load(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "r");
    struct buf content = buf_in(arena);
    size_t got = 0;

    while (file && (got = fread(buf_reserve(&content, 65536), 1, 65536, file)) > 0)
        content.size += got;
    if (file)
        fclose(file);
    return (struct text){buf_text(&content), content.size};
}

static struct node *read_by(read_fn *read, struct arena *arena, struct text text,
                            struct issues *issues)
{
    struct err err = {0};
    struct node *root;

    issues_init(issues, arena, 20);
    root = read(arena, text.data, text.size, &json_default_limits, issues, &err);
    if (!root)
        issue_add(issues, ISSUE_FATAL, "invalid", NULL, "%s", err.text);
    return root;
}

static struct text write_by(write_fn *write, struct arena *arena, const struct node *root)
{
    struct buf out = buf_in(arena);

    write(root, &out);
    return (struct text){buf_text(&out), out.size};
}

static bool fail(struct tally *tally, const char *path, const char *what,
                 const struct issues *issues)
{
    tally->failed++;
    printf("%s: %s%s%s %s\n", path, what, issues && issues->first ? ": " : "",
           issues && issues->first && issues->first->expression ? issues->first->expression : "",
           issues && issues->first ? issues->first->text : "");
    return false;
}

/* Whether the elements already stand in the order that XML gives them. */
static bool is_ordered(const struct node *node)
{
    for (const struct node *child = node->first; child; child = child->next)
        if (!is_ordered(child) || (child->next && child->element > child->next->element))
            return false;
    return true;
}

static bool check_tree(struct arena *arena, struct tally *tally, const char *path,
                       const struct node *root)
{
    struct text json = write_by(json_write, arena, root);
    struct text xml = write_by(xml_write, arena, root);
    struct text pretty = write_by(xml_write_pretty, arena, root);
    struct issues issues;
    const struct node *again = read_by(xml_read, arena, xml, &issues);

    if (!again || issues.first)
        return fail(tally, path, "our XML is not read", &issues);
    if (!text_equals(xml, write_by(xml_write, arena, again)))
        return fail(tally, path, "the XML changed", NULL);
    if (!is_ordered(root))
        tally->reordered++;
    else if (!text_equals(json, write_by(json_write, arena, again)))
        return fail(tally, path, "the JSON changed", NULL);

    again = read_by(xml_read, arena, pretty, &issues);
    if (!again || issues.first || !text_equals(xml, write_by(xml_write, arena, again)))
        return fail(tally, path, "indented XML is not the same", &issues);
    return true;
}

static void check_json(struct tally *tally, const char *path)
{
    struct arena *arena = arena_new();
    struct issues issues;
    struct node *root = read_by(json_read, arena, load(arena, path), &issues);

    if (root && !issues.first) {
        tally->json++;
        check_tree(arena, tally, path, root);
    }
    arena_free(arena);
}

static void check_xml(struct tally *tally, const char *path)
{
    struct arena *arena = arena_new();
    struct issues issues;
    struct node *root = read_by(xml_read, arena, load(arena, path), &issues);

    tally->xml++;
    if (root)
        check_structure(root, &issues);
    if (issues.first && getenv("XML_EXAMPLES_FINDINGS"))
        for (const struct issue *issue = issues.first; issue; issue = issue->next)
            printf("%s: %s: %s\n", path, issue->expression ? issue->expression : "", issue->text);
    if (!root)
        tally->refused++;
    else if (issues.first)
        tally->flawed++;
    else
        check_tree(arena, tally, path, root);
    arena_free(arena);
}

int main(int argc, char **argv)
{
    FTS *walk = argc > 1 ? fts_open(argv + 1, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
    struct tally tally = {0};

    for (FTSENT *entry; walk && (entry = fts_read(walk));) {
        struct text path = text_of(entry->fts_path);
        if (entry->fts_info == FTS_F && text_ends_with(path, TEXT(".json")))
            check_json(&tally, entry->fts_path);
        else if (entry->fts_info == FTS_F && text_ends_with(path, TEXT(".xml")))
            check_xml(&tally, entry->fts_path);
    }
    if (walk)
        fts_close(walk);
    if (tally.json + tally.xml == 0) {
        printf("no documents in the folders given: skipped\n");
        return 77;
    }
    printf("%u JSON documents (%u not in the order of XML), %u XML documents (%u refused, %u with "
           "findings), %u failed\n",
           tally.json, tally.reordered, tally.xml, tally.refused, tally.flawed, tally.failed);
    return tally.failed > 0;
}
