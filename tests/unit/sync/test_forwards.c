/* Forwards: whom a partner passes on, by id and by address. */

#include "applying.h"

#include "sync/forwards.h"
#include "sync/partner.h"

#define DOCUMENT(id, rest)                                                                         \
    "{\"id\":\"" id "\",\"base\":\"https://" id ".example/fhir/\",\"modes\":{}" rest "}"

static void put_partner(struct store *store, const char *name, const char *document,
                        struct arena *arena)
{
    struct landing_partner landed;
    struct err err = {0};

    if (!landing_partner_put(store, &us, name, text_of(document), -1, arena, &landed, &err))
        fail_msg("%s", err.text);
}

static struct forwards read_forwards(struct store *store, const char *document, struct arena *arena)
{
    struct forwards forwards;
    struct partner partner;
    struct err err = {0};

    if (!partner_parse(text_of(document), arena, &partner, &err) ||
        !forwards_read(store, &us, &partner, arena, &forwards, &err))
        fail_msg("%s", err.text);
    return forwards;
}

static void check_read(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();

    (void)context;
    put_partner(store, "a", DOCUMENT("a", ",\"aliases\":[\"http://a.internal/fhir\"]"), arena);
    put_partner(store, "b", DOCUMENT("b", ",\"enabled\":false"), arena);
    put_partner(store, "c", "an older program's", arena);
    put_partner(store, "h", DOCUMENT("h", ""), arena);

    assert_int_equal(read_forwards(store, DOCUMENT("h", ""), arena).count, 0);
    struct forwards both = read_forwards(
        store, DOCUMENT("h", ",\"forwards\":[\"b\",\"http://a.internal/fhir/\"]"), arena);
    assert_null(both.unknown);
    assert_int_equal(both.count, 2);
    assert_int_not_equal(both.partners[0].number, both.partners[1].number);
    assert_true(forwards_has(&both, TEXT("https://b.example/fhir")));
    assert_true(forwards_has(&both, TEXT("https://a.example/fhir")));
    assert_true(forwards_has(&both, TEXT("http://a.internal/fhir")));
    assert_false(forwards_has(&both, TEXT("https://a.example/fhir/more")));
    assert_false(forwards_has(&both, TEXT("https://h.example/fhir")));
    assert_false(forwards_has(&both, TEXT("")));
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(whom_it_passes_on_is_named_by_id_or_address, check_read)

static void check_unknown(void *context)
{
    static const char *const unknown[] = {"nobody", "https://nobody.example/fhir", "h",
                                          "https://h.example/fhir", "c"};
    struct arena *arena = arena_new();
    struct store *store = open_store();

    (void)context;
    put_partner(store, "a", DOCUMENT("a", ""), arena);
    put_partner(store, "c", "an older program's", arena);
    put_partner(store, "h", DOCUMENT("h", ""), arena);
    for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
        const char *document =
            arena_printf(arena, DOCUMENT("h", ",\"forwards\":[\"%s\",\"a\"]"), unknown[i]);
        struct forwards forwards = read_forwards(store, document, arena);

        assert_string_equal(forwards.unknown, unknown[i]);
        assert_int_equal(forwards.count, 1);
    }
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(who_is_no_other_partner_is_passed_over_and_told, check_unknown)

static void what_is_no_list_of_partners_is_refused(void **state)
{
    static const char *const wrong[] = {"\"a\"", "[1]", "[\"A b\"]", "[\"https://a.example/?x\"]",
                                        "[null]"};
    struct arena *arena = arena_new();
    struct partner partner;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct err err = {0};

        assert_false(
            partner_parse(text_of(arena_printf(arena, DOCUMENT("h", ",\"forwards\":%s"), wrong[i])),
                          arena, &partner, &err));
        assert_string_equal(err.where, "forwards");
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whom_it_passes_on_is_named_by_id_or_address),
        cmocka_unit_test(who_is_no_other_partner_is_passed_over_and_told),
        cmocka_unit_test(what_is_no_list_of_partners_is_refused),
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
