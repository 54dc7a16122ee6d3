/* Landing. */

#include "writing.h"

#include "storage/landing.h"

static struct landing_partner partner_of(struct store *store, const char *name, const char *config,
                                         int32_t expected, struct arena *arena)
{
    struct landing_partner partner;
    struct err err = {0};

    if (!landing_partner_put(store, &us, name, text_of(config), expected, arena, &partner, &err))
        fail_msg("%s", err.text);
    return partner;
}

static void check_partners(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct landing_partner first = partner_of(store, "mercy", "{\"a\":1}", 0, arena), *found;
    struct err err = {0};

    (void)context;
    assert_int_equal(first.version, 1);
    assert_int_equal(partner_of(store, "mercy", "{\"a\":1}", -1, arena).version, 1);
    assert_int_equal(partner_of(store, "mercy", "{\"a\":2}", 1, arena).version, 2);
    assert_false(landing_partner_put(store, &us, "mercy", TEXT("{}"), 1, arena, &first, &err));
    assert_int_equal(err.kind, ERR_CONFLICT);

    err = (struct err){0};
    assert_true(landing_partner_pause(store, first.number, "they asked", &err));
    assert_true(landing_partner_not_before(store, first.number, 5000000, &err));
    assert_true(landing_partner_get(store, &us, "mercy", 0, arena, &found, &err));
    assert_true(text_is(found->config, "{\"a\":2}"));
    assert_true(found->paused);
    assert_string_equal(found->pause_reason, "they asked");
    assert_int_equal(found->not_before, 5000000);
    assert_true(landing_partner_get(store, &us, "mercy", 1, arena, &found, &err));
    assert_true(text_is(found->config, "{\"a\":1}"));
    assert_true(landing_partner_get(store, &us, "nobody", 0, arena, &found, &err));
    assert_null(found);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(configurations_of_partners_are_kept_in_versions, check_partners)

static void check_ids(void *context)
{
    struct store *store = open_store();
    char a[LANDING_ID_SIZE], b[LANDING_ID_SIZE];

    (void)context;
    landing_local_id(store, 1, TEXT("Patient"), TEXT("123"), a);
    landing_local_id(store, 1, TEXT("Patient"), TEXT("123"), b);
    assert_string_equal(a, b);
    assert_int_equal(strlen(a), 36);
    assert_int_equal(a[14], '8');
    landing_local_id(store, 2, TEXT("Patient"), TEXT("123"), b);
    assert_string_not_equal(a, b);
    landing_local_id(store, 1, TEXT("Observation"), TEXT("123"), b);
    assert_string_not_equal(a, b);
    landing_local_id(store, 1, TEXT("Patien"), TEXT("t123"), b);
    assert_string_not_equal(a, b);
    store_close(store);
}
IN_DATABASE(ids_of_ours_follow_from_partner_type_and_id, check_ids)

static void check_landing(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct landing_cursor_key key = {partner_of(store, "p", "{}", 0, arena).number, "search",
                                     "Patient", TEXT("active=true")};
    const struct landing_row rows[] = {{.body = TEXT("a"), .updated = INT64_MIN},
                                       {.body = TEXT(""), .updated = INT64_MIN}};
    struct landing_cursor cursor, stale;
    struct landing_window window, again, *list;
    struct landing_unit unit = {
        .url = TEXT("u1"), .next = TEXT("u2"), .rows = rows, .count = 2, .expected = 3};
    struct err err = {0};
    bool already;
    size_t count;

    (void)context;
    assert_true(landing_cursor_get(store, &key, arena, &cursor, &err));
    assert_int_equal(cursor.revision, 0);
    stale = cursor;
    assert_true(landing_window_open(store, &key, TEXT("1"), false, arena, &window, &err));
    unit.window = window.number;
    assert_true(landing_land(store, &unit, &already, &err) && !already);
    assert_true(landing_land(store, &unit, &already, &err) && already);

    /* A worker that begins again finds the window, and where it stood. */
    assert_true(landing_window_open(store, &key, TEXT("2"), false, arena, &again, &err));
    assert_int_equal(again.number, window.number);
    assert_true(text_is(again.next, "u2") && text_is(again.since, "1"));
    assert_int_equal(again.counts.landed, 2);
    assert_int_equal(again.counts.expected, 3);

    cursor.value = TEXT("2021");
    unit = (struct landing_unit){
        .window = window.number, .url = TEXT("u2"), .last = true, .cursor = &cursor};
    assert_true(landing_land(store, &unit, &already, &err) && !already);
    assert_true(landing_land(store, &unit, &already, &err) && already);
    assert_true(landing_cursor_get(store, &key, arena, &cursor, &err));
    assert_int_equal(cursor.revision, 1);
    assert_true(text_is(cursor.value, "2021"));

    /* It is landed now: nothing comes to it any more, and a new one begins. */
    unit.url = TEXT("u3");
    assert_false(landing_land(store, &unit, &already, &err));
    assert_int_equal(err.kind, ERR_CONFLICT);
    err = (struct err){0};
    assert_true(landing_window_open(store, &key, TEXT("2"), false, arena, &again, &err));
    assert_int_not_equal(again.number, window.number);

    /* Who missed that the cursor moved lands nothing. */
    stale.value = TEXT("1999");
    unit = (struct landing_unit){.window = again.number,
                                 .url = TEXT("x"),
                                 .rows = rows,
                                 .count = 1,
                                 .last = true,
                                 .cursor = &stale};
    assert_false(landing_land(store, &unit, &already, &err));
    err = (struct err){0};
    assert_true(landing_window_give_up(store, again.number, "it was cut", &err));
    assert_true(landing_window_list(store, key.partner, true, 5, arena, &list, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(list[0].reason, "it was cut");
    assert_int_equal(list[0].counts.landed, 0);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(a_unit_lands_once_and_the_cursor_moves_with_the_last, check_landing)

static struct landing_push *push_of(struct store *store, int32_t partner, struct arena *arena)
{
    struct landing_push *found;
    struct err err = {0};

    assert_true(landing_push_read(store, partner, "Patient", &TEXT("p"), 1, arena, &found, &err));
    return found;
}

static void mark(struct store *store, struct landing_push *push, enum landing_push_state state)
{
    struct err err = {0};

    push->state = state;
    assert_true(landing_push_mark(store, push, 1, &err));
}

static void check_pushes(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    int32_t partner = partner_of(store, "p", "{}", 0, arena).number;
    struct landing_push plan[] = {{.type = "Patient", .id = "p", .version = 1},
                                  {.type = "Patient", .id = "p", .version = 2}};
    const struct store_feed_position zero = {0}, first = {1, 10, 5}, second = {1, 11, 6};
    struct landing_identity *identity;
    struct landing_push *due;
    struct err err = {0};
    size_t count;
    bool moved;

    (void)context;
    assert_true(landing_push_plan(store, partner, plan, 2, &zero, &first, &moved, &err) && moved);
    assert_true(landing_push_plan(store, partner, plan, 2, &zero, &first, &moved, &err) && !moved);
    assert_true(landing_push_due(store, partner, 10, arena, &due, &count, &err));
    assert_int_equal(count, 1);
    assert_int_equal(due[0].version, 2);
    mark(store, &due[0], LANDING_SENT);

    /* Version 3 waits until what became of 2 is known. */
    plan[0].version = 3;
    assert_true(landing_push_plan(store, partner, plan, 1, &first, &second, &moved, &err) && moved);
    assert_int_equal(push_of(store, partner, arena)->version, 2);
    assert_int_equal(push_of(store, partner, arena)->state, LANDING_SENT);
    assert_int_equal(push_of(store, partner, arena)->attempts, 1);
    due[0].remote_id = "there";
    mark(store, &due[0], LANDING_CONFIRMED);
    assert_int_equal(push_of(store, partner, arena)->version, 3);
    assert_int_equal(push_of(store, partner, arena)->state, LANDING_PLANNED);
    assert_int_equal(push_of(store, partner, arena)->confirmed, 2);
    mark(store, push_of(store, partner, arena), LANDING_CONFIRMED);
    assert_int_equal(push_of(store, partner, arena)->state, LANDING_CONFIRMED);

    /* What is there under their id is ours, and it has no other origin. */
    assert_true(landing_identity_read(store, partner, "Patient", &TEXT("there"), 1, arena,
                                      &identity, &err));
    assert_non_null(identity);
    assert_true(identity->linked);
    assert_string_equal(identity->local, "p");
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(a_push_waits_for_the_one_before_and_is_linked, check_pushes)

/* Told of what it knows already: by a change log that is read again, by an answer that comes late,
 * of an id there that was always the partner's. */
static void check_late(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    int32_t partner = partner_of(store, "p", "{}", 0, arena).number;
    struct landing_push plan = {.type = "Patient", .id = "p", .version = 2};
    const struct store_feed_position zero = {0}, first = {1, 10, 5}, second = {1, 11, 6};
    struct landing_push late;
    char local[LANDING_ID_SIZE];
    struct err err = {0};
    bool moved;

    (void)context;
    landing_local_id(store, partner, TEXT("Patient"), TEXT("theirs"), local);
    postgres_sql(
        arena_printf(arena,
                     "insert into f_identity (local, unit, partner, rtype, presence, id) values"
                     " (decode(replace('%s', '-', ''), 'hex'), 0, %d, %d, 'P', 'theirs')",
                     local, partner, resource_type_find(TEXT("Patient"))->number));
    assert_true(landing_push_plan(store, partner, &plan, 1, &zero, &first, &moved, &err));
    late = *push_of(store, partner, arena);
    plan.version = 3;
    assert_true(landing_push_plan(store, partner, &plan, 1, &first, &second, &moved, &err));
    late.remote_id = "theirs";
    mark(store, &late, LANDING_FAILED);
    assert_int_equal(push_of(store, partner, arena)->state, LANDING_PLANNED);
    late.version = 3;
    mark(store, &late, LANDING_CONFIRMED);
    assert_int_equal(push_of(store, partner, arena)->state, LANDING_CONFIRMED);
    assert_string_equal(postgres_sql("select count(linked) from f_identity"), "0");
    for (plan.version = 2; plan.version <= 3; plan.version++)
        assert_true(landing_push_plan(store, partner, &plan, 1, &second, &second, &moved, &err));
    assert_int_equal(push_of(store, partner, arena)->state, LANDING_CONFIRMED);
    assert_int_equal(push_of(store, partner, arena)->version, 3);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(a_push_ledger_that_knows_better_stays_as_it_is, check_late)

static void check_snapshots(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct landing_cursor_key key = {partner_of(store, "p", "{}", 0, arena).number, "snapshot",
                                     "Patient", TEXT("")};
    const struct text ids[] = {TEXT("1"), TEXT("2"), TEXT("3")};
    struct landing_reconciled reconciled;
    struct landing_window window;
    struct err err = {0};
    bool already;

    (void)context;
    for (size_t i = 0; i < 3; i++) {
        char local[LANDING_ID_SIZE];

        landing_local_id(store, key.partner, TEXT("Patient"), ids[i], local);
        postgres_sql(arena_printf(arena,
                                  "insert into f_identity (local, unit, partner, rtype, presence, "
                                  "id) values (decode(replace('%s', '-', ''), 'hex'), 0, %d, %d, "
                                  "'P', '%zu')",
                                  local, key.partner, resource_type_find(TEXT("Patient"))->number,
                                  i + 1));
    }
    for (int round = 0; round < 3; round++) {
        struct landing_unit unit = {.url = TEXT("u"), .last = true};

        assert_true(landing_window_open(store, &key, TEXT(""), true, arena, &window, &err));
        unit.window = window.number;
        /* The first two lack 3; the last has all. */
        assert_true(landing_seen(store, window.number, "Patient", ids, round < 2 ? 2 : 3, &err));
        assert_true(landing_land(store, &unit, &already, &err));
        assert_false(landing_reconcile(store, window.number, 0, 0, &reconciled, &err) && round < 2);
        assert_int_equal(reconciled.guard_trips, round < 2);
        err = (struct err){0};
        assert_true(landing_reconcile(store, window.number, 2, 500, &reconciled, &err));
        assert_true(landing_reconcile(store, window.number, 2, 500, &reconciled, &err));
        assert_string_equal(postgres_sql("select string_agg(presence::text, '' order by id) from "
                                         "f_identity"),
                            round == 0   ? "PPA"
                            : round == 1 ? "PPG"
                                         : "PPP");
    }
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(what_two_snapshots_lack_has_disappeared, check_snapshots)

/* One that is complete, of this pull. */
static int64_t take_snapshot(struct store *store, const struct landing_cursor_key *key,
                             bool partial, struct arena *arena)
{
    struct landing_unit unit = {.url = TEXT("u"), .last = true};
    struct landing_window window;
    struct err err = {0};
    bool already;

    assert_true(landing_window_open(store, key, TEXT(""), true, arena, &window, &err));
    unit.window = window.number;
    if (partial)
        assert_true(landing_window_note(store, window.number, "There is more.", true, &err));
    assert_true(landing_land(store, &unit, &already, &err));
    return window.number;
}

static void check_which(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    int32_t partner = partner_of(store, "p", "{}", 0, arena).number;
    const struct landing_cursor_key key = {partner, "snapshot", "Patient", TEXT("")},
                                    other = {partner, "snapshot", "Group", TEXT("")};
    struct landing_reconciled reconciled;
    struct landing_window *windows;
    struct err err = {0};
    size_t count;

    (void)context;
    int64_t first = take_snapshot(store, &key, false, arena);
    int64_t partial = take_snapshot(store, &key, true, arena);
    int64_t second = take_snapshot(store, &key, false, arena);
    int64_t group = take_snapshot(store, &other, false, arena);

    /* However many others there are. */
    postgres_sql(arena_printf(arena,
                              "insert into f_sync_window (partner, mode, type, query_hash, query, "
                              "state, snapshot) select %d, 'search', 'Patient', n, '', 'C', false "
                              "from generate_series(1, 300) n",
                              partner));
    assert_true(landing_window_snapshots(store, partner, arena, &windows, &count, &err));
    assert_int_equal(count, 3);
    assert_int_equal(windows[0].number, first);
    assert_int_equal(windows[1].number, second);
    assert_int_equal(windows[2].number, group);
    assert_false(landing_reconcile(store, partial, 2, 500, &reconciled, &err));
    assert_int_equal(err.kind, ERR_CONFLICT);
    assert_false(reconciled.guard_trips);

    /* Behind a newer one, an older one says nothing any more. */
    err = (struct err){0};
    assert_true(landing_reconcile(store, second, 2, 500, &reconciled, &err));
    assert_true(landing_window_snapshots(store, partner, arena, &windows, &count, &err));
    assert_int_equal(count, 1);
    assert_int_equal(windows[0].number, group);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(snapshots_are_compared_in_their_order_when_they_are_whole, check_which)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configurations_of_partners_are_kept_in_versions),
        cmocka_unit_test(ids_of_ours_follow_from_partner_type_and_id),
        cmocka_unit_test(a_unit_lands_once_and_the_cursor_moves_with_the_last),
        cmocka_unit_test(a_push_waits_for_the_one_before_and_is_linked),
        cmocka_unit_test(a_push_ledger_that_knows_better_stays_as_it_is),
        cmocka_unit_test(what_two_snapshots_lack_has_disappeared),
        cmocka_unit_test(snapshots_are_compared_in_their_order_when_they_are_whole),
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
