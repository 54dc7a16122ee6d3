#pragma once

/* What the tests of applying share: partners, pages that land, and accounts that balance. */

#include "../storage/writing.h"

#include "sync/apply.h"

#include <inttypes.h>

#define A_BASE "https://a.example/fhir"
#define B_BASE "https://b.example/fhir"
#define OURS   "https://ours.example/fhir"

static const struct text own_bases[] = {{OURS, sizeof(OURS) - 1}};
static const struct text a_aliases[] = {{"http://a.internal:8080/fhir", 27}};

static POSTGRES_UNUSED struct apply_config config_of(struct store *store, const char *name,
                                                     const char *base)
{
    struct arena *arena = arena_new();
    struct landing_partner partner;
    struct err err = {0};

    if (!landing_partner_put(store, &us, name, TEXT("{}"), -1, arena, &partner, &err))
        fail_msg("%s", err.text);
    arena_free(arena);
    return (struct apply_config){
        .partner = {.number = partner.number,
                    .base = text_of(base),
                    .aliases = a_aliases,
                    .alias_count = strcmp(base, A_BASE) == 0},
        .own_bases = own_bases,
        .own_base_count = 1,
        .own_system = TEXT("urn:isthmus:me"),
        .level = VALIDATION_STRUCTURE,
    };
}

static POSTGRES_UNUSED struct landing_window open_window(struct store *store, int32_t partner,
                                                         const char *mode, const char *type,
                                                         bool snapshot, struct arena *arena)
{
    struct landing_cursor_key key = {.partner = partner, .mode = mode, .type = type};
    struct landing_window window;
    struct err err = {0};

    if (!landing_window_open(store, &key, TEXT("2020"), snapshot, arena, &window, &err))
        fail_msg("%s", err.text);
    return window;
}

/* One window of one unit. */
static POSTGRES_UNUSED int64_t land_rows(struct store *store, int32_t partner, bool snapshot,
                                         const struct landing_row *rows, size_t count)
{
    struct arena *arena = arena_new();
    struct landing_window window =
        open_window(store, partner, snapshot ? "snapshot" : "search", "", snapshot, arena);
    struct landing_unit unit = {
        .window = window.number,
        .url = TEXT("https://there/page"),
        .rows = rows,
        .count = count,
        .expected = (int64_t)count,
        .last = true,
    };
    struct err err = {0};
    bool already;

    if (!landing_land(store, &unit, &already, &err))
        fail_msg("%s", err.text);
    assert_false(already);
    arena_free(arena);
    return window.number;
}

/* A NULL-ended list of bodies. */
static POSTGRES_UNUSED int64_t land_json(struct store *store, int32_t partner, bool snapshot,
                                         const char *const *bodies)
{
    struct landing_row rows[64];
    size_t count = 0;

    for (; bodies[count]; count++)
        rows[count] = (struct landing_row){.body = text_of(bodies[count]), .updated = INT64_MIN};
    return land_rows(store, partner, snapshot, rows, count);
}

#define LAND(store, config, ...)                                                                   \
    land_json((store), (config)->partner.number, false, (const char *const[]){__VA_ARGS__, NULL})

/* By another way than the program's: every letter is counted, and so is every row. */
static POSTGRES_UNUSED void check_balance(void)
{
    assert_string_equal(
        postgres_sql("select count(*) from f_sync_window w left join lateral (select "
                     "coalesce(sum(length(e) - length(replace(e, 'a', ''))), 0) a, "
                     "coalesce(sum(length(e) - length(replace(e, 'u', ''))), 0) u, "
                     "coalesce(sum(length(e) - length(replace(e, 'o', ''))), 0) o, "
                     "coalesce(sum(length(e) - length(replace(e, 'd', ''))), 0) d, "
                     "coalesce(sum(length(translate(e, 'auod', ''))), 0) w, "
                     "coalesce(sum(rows), 0) r, coalesce(sum(waiting), 0) ww from "
                     "(select encode(states, 'escape') e, rows, waiting from f_sync_unit "
                     "where window_number = w.number) s) x on true where (w.applied, w.unchanged, "
                     "w.older, w.dead, w.waiting, w.landed, w.waiting) is distinct from "
                     "(x.a, x.u, x.o, x.d, x.w, x.r, x.ww)"),
        "0");
    assert_string_equal(postgres_sql("select (select sum(dead) from f_sync_window) is not distinct "
                                     "from (select nullif(count(*), 0) from f_dead where decided "
                                     "is distinct from 'replayed') or (select coalesce(sum(dead), "
                                     "0) from f_sync_window) = 0"),
                        "t");
}

/* In batches of so many rows; 0: of as many as the program takes. */
static POSTGRES_UNUSED struct landing_result
apply_by(struct store *store, const struct apply_config *config, unsigned batch)
{
    struct landing_apply apply = {.access = us, .batch = batch};
    struct landing_result result;
    struct err err = {0};

    if (!apply_landed(store, config, &apply, &result, &err))
        fail_msg("%s", err.text);
    assert_int_equal(result.counts.landed, result.counts.applied + result.counts.unchanged +
                                               result.counts.older + result.counts.dead);
    assert_int_equal(result.counts.waiting, 0);
    check_balance();
    return result;
}

static POSTGRES_UNUSED struct landing_result apply_all(struct store *store,
                                                       const struct apply_config *config)
{
    return apply_by(store, config, 0);
}

static POSTGRES_UNUSED void assert_counts(struct landing_result result, int applied, int unchanged,
                                          int older, int dead)
{
    assert_int_equal(result.counts.applied, applied);
    assert_int_equal(result.counts.unchanged, unchanged);
    assert_int_equal(result.counts.older, older);
    assert_int_equal(result.counts.dead, dead);
}

static POSTGRES_UNUSED const char *local_id(struct store *store, const struct apply_config *config,
                                            const char *type, const char *id)
{
    static char ids[8][LANDING_ID_SIZE];
    static unsigned next;
    char *local = ids[next++ % 8];

    landing_local_id(store, config->partner.number, text_of(type), text_of(id), local);
    return local;
}

/* The resource of ours that is the partner's; NULL when there is none, or it was deleted. */
static POSTGRES_UNUSED const char *ours(struct store *store, const struct apply_config *config,
                                        const char *type, const char *id, struct arena *arena)
{
    const struct store_version *found;
    struct err err = {0};

    if (!store_read(store, &us, type, local_id(store, config, type, id), arena, &found, &err))
        fail_msg("%s", err.text);
    return found ? found->json : NULL;
}

static POSTGRES_UNUSED int64_t version_of(struct store *store, const struct apply_config *config,
                                          const char *type, const char *id, struct arena *arena)
{
    const struct store_version *found;
    struct err err = {0};

    if (!store_read(store, &us, type, local_id(store, config, type, id), arena, &found, &err))
        fail_msg("%s", err.text);
    return found ? found->number : 0;
}

static POSTGRES_UNUSED void assert_has(const char *json, const char *part)
{
    if (!json || !strstr(json, part))
        fail_msg("%s is not in %s", part, json ? json : "(nothing)");
}

/* PostgreSQL does not write who was born on this day before the gate is open. */
#define GATE_DAY "2001-02-03"

static POSTGRES_UNUSED void gate_close(void)
{
    postgres_sql("create table gate (open bool);"
                 "create function hold() returns trigger language plpgsql as 'begin if new.d = "
                 "''" GATE_DAY "Z'' then for i in 1 .. 1000 loop exit when exists (select from "
                 "gate); perform pg_sleep(0.01); end loop; end if; return new; end';"
                 "create trigger hold before insert on f_patient for each row "
                 "execute function hold()");
}

static POSTGRES_UNUSED void gate_await_held(void)
{
    postgres_until("select count(*) from pg_stat_activity where datname = current_database()"
                   " and wait_event = 'PgSleep'",
                   "1");
}

static POSTGRES_UNUSED void gate_open(void)
{
    postgres_sql("insert into gate values (true)");
}
