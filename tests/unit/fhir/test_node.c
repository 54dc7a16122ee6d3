#include "tests/unit/fhir/reading.h"

static void children_and_paths_are_found_by_their_json_names(void **state)
{
    struct reading r = read_json("{\"resourceType\":\"Patient\",\"meta\":{\"versionId\":\"3\"},"
                                 "\"name\":[{\"family\":\"A\"},{\"family\":\"B\"}],"
                                 "\"birthDate\":\"1970\"}");
    struct node *name = node_child(r.root, "name");

    (void)state;
    assert_true(node_is_resource(r.root));
    assert_true(text_is(node_value(r.root, "birthDate"), "1970"));
    assert_null(node_value(r.root, "gender").data);
    assert_true(text_is(node_path(r.root, "meta.versionId")->value, "3"));
    assert_null(node_path(r.root, "meta.source"));
    assert_null(node_path(r.root, "text.status"));
    assert_true(text_is(node_value(node_next_same(name), "family"), "B"));
    assert_null(node_next_same(node_next_same(name)));
    release(&r);
}

static void a_tree_can_be_built(void **state)
{
    struct arena *arena = arena_new();
    struct node *patient = node_new_resource(arena, "Patient");
    struct buf out = buf_in(arena);

    (void)state;
    assert_null(node_new_resource(arena, "Nobody"));
    assert_null(node_new_resource(arena, "HumanName"));
    node_add_value(arena, node_add(arena, patient, "name"), "family", TEXT("A\"B"));
    node_add_value(arena, patient, "active", TEXT("true"));
    node_add_value(arena, node_add(arena, patient, "name"), "given", TEXT("C"));
    node_add_value(arena, patient, "multipleBirthInteger", TEXT("2"));
    node_set_value(arena, patient, "id", TEXT("x"));
    node_set_value(arena, patient, "id", TEXT("y"));
    node_move_first(node_child(patient, "id"));
    json_write(patient, &out);
    assert_string_equal(
        buf_text(&out),
        "{\"resourceType\":\"Patient\",\"id\":\"y\",\"name\":[{\"family\":\"A\\\"B\"},"
        "{\"given\":[\"C\"]}],\"active\":true,\"multipleBirthInteger\":2}");
    arena_free(arena);
}

static void removing_keeps_the_siblings_linked(void **state)
{
    struct reading r = read_json("{\"resourceType\":\"Patient\",\"id\":\"1\",\"active\":true,"
                                 "\"gender\":\"male\"}");

    (void)state;
    node_remove(node_child(r.root, "active"));
    assert_string_equal(written(&r),
                        "{\"resourceType\":\"Patient\",\"id\":\"1\",\"gender\":\"male\"}");
    node_remove(node_child(r.root, "gender"));
    node_remove(node_child(r.root, "id"));
    assert_null(r.root->first);
    assert_null(r.root->last);
    node_add_value(r.arena, r.root, "id", TEXT("2"));
    assert_string_equal(written(&r), "{\"resourceType\":\"Patient\",\"id\":\"2\"}");
    release(&r);
}

static void a_copy_shares_no_node_with_its_original(void **state)
{
    struct reading r = read_json("{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"A\"}]}");
    struct node *copy = node_copy(r.arena, r.root);

    (void)state;
    node_change_value(r.arena, node_path(r.root, "name.family"), TEXT("B"));
    assert_true(text_is(node_path(copy, "name.family")->value, "A"));
    assert_ptr_equal(node_path(copy, "name")->parent, copy);
    assert_ptr_equal(copy->last, copy->first);
    release(&r);
}

static void paths_have_indexes_behind_repeating_elements(void **state)
{
    struct reading r =
        read_json("{\"resourceType\":\"Patient\",\"deceasedBoolean\":true,\"contact\":"
                  "[{},{\"name\":{\"given\":[\"a\",\"b\"]}}]}");
    struct node *contact = node_next_same(node_child(r.root, "contact"));

    (void)state;
    assert_string_equal(node_fhirpath(r.arena, r.root), "Patient");
    assert_string_equal(node_fhirpath(r.arena, node_child(r.root, "deceasedBoolean")),
                        "Patient.deceased");
    assert_string_equal(node_fhirpath(r.arena, node_next_same(node_path(contact, "name.given"))),
                        "Patient.contact[1].name.given[1]");
    release(&r);
}

static void a_strange_name_does_not_enter_a_path(void **state)
{
    struct reading r = read_json("{\"resourceType\":\"Patient\",\"a'b\\n\":1}");

    (void)state;
    assert_one_issue(&r, "structure", "Patient.`a?b?`");
    release(&r);
}

static void findings_beyond_the_limit_are_counted(void **state)
{
    struct arena *arena = arena_new();
    struct issues issues;
    struct node *outcome;

    (void)state;
    issues_init(&issues, arena, 2);
    outcome = issues_outcome(arena, &issues);
    assert_true(text_is(node_path(outcome, "issue.severity")->value, "information"));
    issue_add(&issues, ISSUE_WARNING, "value", "Patient.id", "odd %d", 1);
    issue_add(&issues, ISSUE_ERROR, "value", NULL, "wrong");
    issue_add(&issues, ISSUE_FATAL, "value", NULL, "dropped");
    assert_int_equal(issues.kept, 2);
    assert_int_equal(issues.errors, 2);
    assert_int_equal(issues.dropped, 1);

    outcome = issues_outcome(arena, &issues);
    assert_true(text_is(node_path(outcome, "issue.expression")->value, "Patient.id"));
    assert_true(text_is(node_path(outcome, "issue.diagnostics")->value, "odd 1"));
    issues_init(&issues, arena, 10);
    check_structure(outcome, &issues);
    assert_int_equal(issues.errors, 0);
    assert_true(text_is(outcome->last->last->value, "1 further findings are not listed."));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_and_paths_are_found_by_their_json_names),
        cmocka_unit_test(a_tree_can_be_built),
        cmocka_unit_test(removing_keeps_the_siblings_linked),
        cmocka_unit_test(a_copy_shares_no_node_with_its_original),
        cmocka_unit_test(paths_have_indexes_behind_repeating_elements),
        cmocka_unit_test(a_strange_name_does_not_enter_a_path),
        cmocka_unit_test(findings_beyond_the_limit_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
