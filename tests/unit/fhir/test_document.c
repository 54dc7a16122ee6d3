#include "fhir/document.h"

#include "tests/unit/fhir/reading.h"

static const char bundle[] =
    "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":["
    "{\"fullUrl\":\"http://h/fhir/Patient/1\",\"resource\":{\"resourceType\":\"Patient\",\"id\":"
    "\"1\",\"meta\":{\"versionId\":\"2\"},\"contained\":[{\"resourceType\":\"Organization\",\"id\":"
    "\"o\",\"name\":\"x\"}],\"managingOrganization\":{\"reference\":\"#o\"}}},"
    "{\"fullUrl\":\"urn:uuid:a\",\"resource\":{\"resourceType\":\"Group\"}}]}";

static const char *id_found(const struct node *from, const char *reference)
{
    const struct node *found = document_find(from, text_of(reference), NULL);

    return found ? found->type->name : "nothing";
}

static void references_are_found_where_the_standard_looks(void **state)
{
    struct reading r = read_json(bundle);
    const struct node *patient = node_path(r.root, "entry.resource");
    const struct node *group = node_child(r.root->last, "resource");
    const struct node *organization = node_path(patient, "contained");

    (void)state;
    assert_string_equal(id_found(patient, "#o"), "Organization");
    assert_string_equal(id_found(organization, "#"), "Patient");
    assert_string_equal(id_found(group, "#o"), "nothing");
    assert_string_equal(id_found(group, "http://h/fhir/Patient/1"), "Patient");
    assert_string_equal(id_found(group, "http://h/fhir/Patient/1/_history/2"), "Patient");
    assert_string_equal(id_found(group, "http://h/fhir/Patient/1/_history/3"), "nothing");
    assert_string_equal(id_found(patient, "Patient/1"), "Patient");
    assert_string_equal(id_found(organization, "Patient/1/_history/2"), "Patient");
    assert_string_equal(id_found(group, "Patient/1"), "nothing");
    assert_string_equal(id_found(patient, "urn:uuid:a"), "Group");
    assert_string_equal(id_found(patient, "urn:uuid:b"), "nothing");
    release(&r);
}

static void nodes_know_their_resource_and_its_container(void **state)
{
    struct reading r = read_json(bundle);
    const struct node *patient = node_path(r.root, "entry.resource");
    const struct node *name = node_path(patient, "contained.name");

    (void)state;
    assert_string_equal(document_resource(name)->type->name, "Organization");
    assert_ptr_equal(document_container(name), patient);
    assert_ptr_equal(document_resource(patient), patient);
    assert_ptr_equal(document_container(node_path(r.root, "entry.fullUrl")), r.root);
    release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_are_found_where_the_standard_looks),
        cmocka_unit_test(nodes_know_their_resource_and_its_container),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
