#pragma once

/* What the tests of writing share: a store of their own, resources from JSON. */

#include "storage/store_internal.h"

#include "base/arena.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/search_values.h"
#include "postgres.h"

static const struct access us = {.tenant = 0, .client = "test"};

static POSTGRES_UNUSED struct store *open_store(void)
{
    struct store_config config = {.database = postgres_conninfo(),
                                  .statement_timeout_ms = 60000,
                                  .search_timeout_ms = 60000,
                                  .transaction_timeout_ms = 60000,
                                  .transaction_lanes = 4};
    struct err err = {0};
    struct store *store = store_open(fiber_loop(), &config, &err);

    if (!store)
        fail_msg("%s", err.text);
    return store;
}

/* A group's setup: the server, and the expressions of search parameters. */
static POSTGRES_UNUSED int start(void **state)
{
    struct err err = {0};

    if (!search_values_setup(&err))
        return -1;
    return postgres_start(state);
}

static POSTGRES_UNUSED struct node *parse(struct arena *arena, const char *json)
{
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, 10);
    struct node *node = json_read(arena, json, strlen(json), &json_default_limits, &issues, &err);
    if (!node)
        fail_msg("%s", err.text);
    return node;
}

/* One write that must succeed. */
static POSTGRES_UNUSED struct store_write do_write(struct store *store, struct store_write write,
                                                   struct arena *arena)
{
    struct err err = {0};

    if (!store_write(store, &us, &write, arena, &err))
        fail_msg("%s", err.text);
    return write;
}

static POSTGRES_UNUSED struct store_write put(struct store *store, const char *type, const char *id,
                                              const char *json, struct arena *arena)
{
    struct store_write write = {
        .action = STORE_UPDATE, .type = type, .id = id, .resource = parse(arena, json)};

    return do_write(store, write, arena);
}

static POSTGRES_UNUSED struct store_write post(struct store *store, const char *type,
                                               const char *json, struct arena *arena)
{
    struct store_write write = {
        .action = STORE_CREATE, .type = type, .resource = parse(arena, json)};

    return do_write(store, write, arena);
}

static POSTGRES_UNUSED struct store_write take_out(struct store *store, const char *type,
                                                   const char *id, struct arena *arena)
{
    struct store_write write = {.action = STORE_REMOVE, .type = type, .id = id};

    return do_write(store, write, arena);
}

static POSTGRES_UNUSED long long atoll_of(const char *text)
{
    return strtoll(text, NULL, 10);
}

/* Rows in everything but f_log, f_hist and f_code, whose type is Patient or Observation. */
#define SQL_ROWS                                                                                   \
    "select (select count(*) from f_patient) + (select count(*) from f_observation) + "            \
    "(select count(*) from f_str) + (select count(*) from f_date) + (select count(*) from f_qty)"

static POSTGRES_UNUSED void open_once(void *context)
{
    (void)context;
    store_close(open_store());
}

/* The first makes the tables, which takes most of a second; the others get a copy. */
static POSTGRES_UNUSED void run_in_database(void (*body)(void *context))
{
    static char made[16];

    if (!made[0]) {
        postgres_database();
        postgres_run(open_once, NULL);
        snprintf(made, sizeof(made), "test%u", postgres_databases);
        postgres_template = made;
    }
    postgres_database();
    postgres_run(body, NULL);
}

/* Runs `body` on a database of its own. */
#define IN_DATABASE(name, body)                                                                    \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        run_in_database(body);                                                                     \
    }
