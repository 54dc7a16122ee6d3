/* The functions of fhir/validate_native.c say what the published expressions say. */

#include "base/count.h"
#include "fhir/validate_walk.h"
#include "tests/unit/fhir/reading.h"

#include <glob.h>

/* Whole examples of more bytes are left out: each is read several times. */
#define SIZE_MAX_READ ((size_t)50 * 1024)
#define MUTATIONS     1

struct tally {
    unsigned documents, asked, decided;
    unsigned by_row[512]; /* in how many cases the expression decided */
};

/* Decided elsewhere with more to tell, in narrative_check() and bundle_check(). */
static bool is_decided_elsewhere(const char *key)
{
    return strcmp(key, "txt-1") == 0 || strcmp(key, "txt-2") == 0 || strcmp(key, "bdl-7") == 0;
}

static void compare(struct walk *walk, const struct node *node, struct tally *tally,
                    const char *where)
{
    for (unsigned row = 0; row < invariant_count(); row++) {
        native_fn *native = native_find(text_of(invariant_key(row)));
        enum verdict expected, given;

        if (!native || is_decided_elsewhere(invariant_key(row)) || !invariant_applies(row, node))
            continue;
        if (!node->first && !node->value.data)
            continue; /* without any content: found by check_structure() */
        tally->asked++;
        expected = invariant_verdict(walk, row, node);
        given = native(walk, node);
        if (given == VERDICT_OPEN || expected == VERDICT_OPEN)
            continue;
        tally->decided++;
        tally->by_row[row]++;
        if (given != expected)
            fail_msg("%s: %s at %s is %d, its expression says %d", where, invariant_key(row),
                     node_fhirpath(walk->issues->arena, node), given, expected);
    }
}

static void compare_all(struct walk outer, const struct node *node, struct tally *tally,
                        const char *where)
{
    if (!node->type || node->flags & NODE_RAW)
        return;
    if (node_is_resource(node)) {
        outer.resource = node;
        if (!outer.container || !text_is(node->name, "contained"))
            outer.container = node;
    }
    compare(&outer, node, tally, where);
    for (const struct node *child = node->first; child; child = child->next)
        compare_all(outer, child, tally, where);
}

static void compare_document(struct reading *reading, struct tally *tally, const char *where)
{
    static const struct validation validation = {.level = VALIDATION_FULL};
    struct walk_work work = {.left = UINT32_MAX};
    struct walk walk = {
        .validation = &validation,
        .work = &work,
        .issues = &reading->issues,
        .arena = reading->arena,
        .scratch = arena_new(),
        .document = reading->root,
    };

    tally->documents++;
    compare_all(walk, reading->root, tally, where);
    arena_free(walk.scratch);
}

static unsigned count_nodes(const struct node *node)
{
    unsigned count = 1;

    for (const struct node *child = node->first; child; child = child->next)
        count += count_nodes(child);
    return count;
}

/* The node that a walk over the tree meets as number `*left`. */
static struct node *nth_node(struct node *node, unsigned *left)
{
    struct node *found = NULL;

    if ((*left)-- == 0)
        return node;
    for (struct node *child = node->first; child && !found; child = child->next)
        found = nth_node(child, left);
    return found;
}

/* Takes a few elements out, another set with each number. */
static void mutate(struct reading *reading, unsigned number)
{
    unsigned nodes = count_nodes(reading->root);

    for (unsigned i = 1; i <= 1 + nodes / 8; i++) {
        unsigned left = (i * 7919 + number * 104729) % nodes;
        struct node *node = nth_node(reading->root, &left);

        if (node && node->parent)
            node_remove(node);
    }
}

static bool load(const char *path, struct buf *content)
{
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    content->size = fread(buf_reserve(content, SIZE_MAX_READ), 1, SIZE_MAX_READ, file);
    fclose(file);
    return content->size < SIZE_MAX_READ;
}

static void functions_decide_what_the_expressions_decide_on_the_examples_of_r4(void **state)
{
    const char *data = getenv("ISTHMUS_TEST_DATA");
    struct arena *arena = arena_new();
    struct tally tally = {0};
    glob_t found;

    (void)state;
    if (glob(arena_printf(arena, "%s/r4-examples/*.json", data ? data : "../shared/data"), 0, NULL,
             &found) != 0) {
        print_message("skipped: no examples\n");
        arena_free(arena);
        skip();
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct buf content = {0};

        if (load(found.gl_pathv[i], &content)) {
            for (unsigned mutation = 0; mutation <= MUTATIONS; mutation++) {
                struct reading reading = read_sized(content.data, content.size);

                assert_non_null(reading.root);
                if (mutation > 0)
                    mutate(&reading, mutation);
                compare_document(&reading, &tally, found.gl_pathv[i]);
                release(&reading);
            }
        }
        buf_release(&content);
    }
    print_message("%u documents, %u questions, %u of them decided by both\n", tally.documents,
                  tally.asked, tally.decided);
    for (unsigned row = 0; row < invariant_count(); row++)
        if (native_find(text_of(invariant_key(row))) && !is_decided_elsewhere(invariant_key(row)) &&
            tally.by_row[row] == 0)
            fail_msg("nothing was learned of %s", invariant_key(row));
    globfree(&found);
    arena_free(arena);
}

static void functions_decide_what_the_expressions_decide_on_what_is_wrong(void **state)
{
    static const char *const documents[] = {
        "{\"resourceType\":\"Patient\",\"contained\":[{\"resourceType\":\"Organization\",\"id\":"
        "\"a\",\"meta\":{\"versionId\":\"1\",\"security\":[{\"code\":\"x\"}]},\"contained\":[{"
        "\"resourceType\":\"Patient\"}]},{\"resourceType\":\"Organization\",\"id\":\"b\"},"
        "{\"resourceType\":\"Organization\",\"id\":\"c\",\"partOf\":{\"reference\":\"#\"}}],"
        "\"managingOrganization\":{\"reference\":\"#b\"},\"generalPractitioner\":[{\"reference\":"
        "\"#none\"},{\"reference\":\"#\"},{\"display\":\"x\"}]}",
        "{\"resourceType\":\"Patient\",\"extension\":[{\"url\":\"http://x\"},{\"url\":\"http://x\","
        "\"valueString\":\"x\",\"extension\":[{\"url\":\"y\",\"valueString\":\"x\"}]}],\"_gender\":"
        "{\"id\":\"x\"},\"name\":[{\"id\":\"x\"}],\"telecom\":[{\"value\":\"x\"}]}",
        "{\"resourceType\":\"Encounter\",\"period\":{\"start\":\"2012-05-02\",\"end\":"
        "\"2012-05-01\"},\"statusHistory\":[{\"period\":{\"start\":\"2012-05-01T10:00:00+01:00\","
        "\"end\":\"2012-05-01T09:30:00+00:00\"}},{\"period\":{\"start\":\"2012-05-01T10:00:00Z\","
        "\"end\":\"2012-05-01T09:30:00Z\"}},{\"period\":{\"start\":\"2012-05-01T10:00:00.1Z\","
        "\"end\":\"2012-05-01T10:00:00.2Z\"}},{\"period\":{\"start\":\"2012\",\"end\":\"2012-01\"}"
        "}]}",
        "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[{\"code\":"
        "\"x\"}]},\"valueQuantity\":{\"code\":\"kg\"},\"dataAbsentReason\":{\"text\":\"x\"},"
        "\"component\":[{\"code\":{\"coding\":[{\"code\":\"x\"}]}}]}",
    };
    struct tally tally = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(documents); i++) {
        struct reading reading = read_json(documents[i]);

        assert_non_null(reading.root);
        compare_document(&reading, &tally, documents[i]);
        release(&reading);
    }
    assert_true(tally.decided > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_decide_what_the_expressions_decide_on_what_is_wrong),
        cmocka_unit_test(functions_decide_what_the_expressions_decide_on_the_examples_of_r4),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
