#include "fhir/validate.h"
#include "tests/unit/fhir/packages.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/*
 * The examples that packages bring meet the profiles that they claim.
 */

static int is_json(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strstr(entry->d_name, ".json") != NULL;
}

static const struct node *read_file(struct arena *arena, const char *folder, const char *name)
{
    struct text json = read_whole(arena, arena_printf(arena, "%s/%s", folder, name));
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, 10);
    return json_read(arena, json.data, json.size, &json_default_limits, &issues, &err);
}

static const struct definitions *load_package(struct arena *arena, const char *folder)
{
    struct definitions *definitions = definitions_new();
    struct dirent **entries;
    int count = scandir(folder, &entries, is_json, alphasort);
    struct issues issues;

    for (int i = 0; i < count; i++) {
        const struct node *resource = read_file(arena, folder, entries[i]->d_name);

        if (resource)
            definitions_add(definitions, resource, "test#1");
        free(entries[i]);
    }
    free(entries);
    issues_init(&issues, arena, 10);
    return definitions_finish(definitions, &issues);
}

/* How many profiles were checked. */
static unsigned check_example(const struct definitions *definitions, const struct node *resource,
                              const char *name, unsigned *wrong)
{
    const struct validation validation = {.definitions = definitions, .level = VALIDATION_FULL};
    const struct node *meta = node_child(resource, "meta");
    struct arena *arena = arena_new();
    struct issues issues;
    unsigned checked = 0;

    issues_init(&issues, arena, 100);
    for (const struct node *claim = meta ? meta->first : NULL; claim; claim = claim->next) {
        const struct profile *profile =
            text_is(claim->name, "profile") ? definitions_profile(definitions, claim->value) : NULL;

        if (!profile)
            continue;
        profile_check_node(profile, resource, &validation, 0, &issues);
        checked++;
    }
    for (const struct issue *issue = issues.first; issue; issue = issue->next)
        if (issue->severity <= ISSUE_ERROR)
            print_error("%s: %s: %s\n", name, issue->expression, issue->text);
    *wrong += issues.errors;
    arena_free(arena);
    return checked;
}

static void examples_of_us_core_meet_their_profiles(void **state)
{
    struct arena *arena = arena_new();
    const char *folder = test_data(arena, "packages/us-core-6.1.0");
    const struct definitions *definitions;
    unsigned checked = 0, wrong = 0;
    struct dirent **entries;
    const char *examples;
    int count;

    (void)state;
    if (!folder) {
        arena_free(arena);
        skip();
    }
    definitions = load_package(arena, folder);
    examples = arena_printf(arena, "%s/example", folder);
    count = scandir(examples, &entries, is_json, alphasort);
    for (int i = 0; i < count; i++) {
        const struct node *resource = read_file(arena, examples, entries[i]->d_name);

        if (resource)
            checked += check_example(definitions, resource, entries[i]->d_name, &wrong);
        free(entries[i]);
    }
    free(entries);
    definitions_release(definitions);
    arena_free(arena);
    assert_int_equal(wrong, 0);
    assert_in_range(checked, 150, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_us_core_meet_their_profiles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
