/*
 * Migrate - numbered SQL files, each applied once, in a transaction of its own.
 */

#include "storage/migrate.h"

#include "base/arena.h"
#include "base/count.h"
#include "base/random.h"
#include "storage/extraction.h"
#include "storage/parameters.h"
#include "storage/pg.h"

#include <inttypes.h>

enum { MIGRATE_TIMEOUT_MS = 3600 * 1000, OLDEST_SERVER = 150000 };

static const struct migration {
    int32_t number;
    const char *name;
    const char *sql;
} migrations[] = {
#include "storage/migration_table.inc"
};

enum { MIGRATIONS = COUNT(migrations) };

/* Made by train_dictionary.py. */
static const unsigned char dictionary[] = {
#include "storage/dictionary.inc"
};

struct run {
    struct pg *pg;
    struct arena *arena;
    struct migrated *migrated;
};

static bool check_server(struct run *run, bool unsafe_durability, struct err *err);
static bool apply_missing(struct run *run, struct err *err);
static bool check_applied(struct run *run, int32_t *last, struct err *err);
static bool check_one(const struct pg_result *applied, int row, struct err *err);
static bool apply(struct run *run, const struct migration *migration, struct err *err);
static bool give_dictionary(struct run *run, struct err *err);
static bool read_meta(struct run *run, struct err *err);
static bool meta(struct run *run, const char *key, struct text fallback, struct text *value,
                 struct err *err);
static bool read_epoch(struct run *run, struct err *err);
static bool query(struct run *run, const char *sql, struct pg_params *params,
                  const struct pg_result **result, struct err *err);

bool migrate(struct loop *loop, const char *conninfo, bool unsafe_durability,
             struct migrated *migrated, struct err *err)
{
    struct pg_config config = {.conninfo = conninfo,
                               .lane = "migrate",
                               .timeout_ms = MIGRATE_TIMEOUT_MS,
                               .mode = PG_EXCLUSIVE};
    struct run run = {.pg = pg_new(loop, &config), .arena = arena_new(), .migrated = migrated};

    *migrated = (struct migrated){0};
    bool ok = pg_connect(run.pg, err) && check_server(&run, unsafe_durability, err) &&
              apply_missing(&run, err) && give_dictionary(&run, err) && read_meta(&run, err) &&
              (migrated->applied < MIGRATIONS || extraction_begin(run.pg, run.arena, err)) &&
              parameters_learn(run.pg, err);
    if (!ok)
        pg_rollback(run.pg);
    pg_free(run.pg); /* with it goes the lock */
    arena_free(run.arena);
    return ok;
}

static bool check_server(struct run *run, bool unsafe_durability, struct err *err)
{
    const struct pg_result *r;
    struct err why = {0};

    if (!query(run,
               "select current_setting('server_version_num')::int4,"
               " current_setting('server_encoding'), name, setting = 'off' from pg_settings where"
               " name in ('fsync', 'full_page_writes', 'synchronous_commit') order by name",
               NULL, &r, &why))
        return err_set(err, ERR_INTERNAL, NULL, "cannot ask the database for its settings: %s",
                       why.text);
    if (pg_int4(r, 0, 0) < OLDEST_SERVER)
        return err_set(err, ERR_INTERNAL, NULL,
                       "the database is PostgreSQL %d: 15 is the oldest "
                       "that serves",
                       pg_int4(r, 0, 0) / 10000);
    if (!text_is(pg_text(r, 0, 1), "UTF8"))
        return err_set(err, ERR_INTERNAL, NULL,
                       "the database's encoding is %s: create one with "
                       "encoding UTF8",
                       pg_text(r, 0, 1).data);
    for (int row = 0; row < pg_rows(r) && !unsafe_durability; row++)
        if (pg_bool(r, row, 3))
            return err_set(err, ERR_INTERNAL, NULL,
                           "the database runs with %s = off, so that a crash may lose what was "
                           "confirmed: set it to on, or allow it with unsafe-durability",
                           pg_text(r, row, 2).data);
    return true;
}

/* The lock belongs to the session, since each migration commits. */
static bool apply_missing(struct run *run, struct err *err)
{
    const struct pg_result *r;
    int32_t last = 0;

    if (!query(run, "select pg_advisory_lock(x'69737468'::int4, 1)::text", NULL, &r, err) ||
        !query(run,
               "create table if not exists f_migration (number int4 primary key,"
               " name text not null, applied timestamptz not null default clock_timestamp(),"
               " sha bytea not null)",
               NULL, &r, err) ||
        !query(run,
               "create or replace function pg_temp.f_run(sql text) returns void"
               " language plpgsql as $$ begin execute sql; end $$",
               NULL, &r, err) ||
        !check_applied(run, &last, err))
        return false;
    for (int i = last; i < MIGRATIONS; i++)
        if (!apply(run, &migrations[i], err))
            return false;
    return true;
}

static bool check_applied(struct run *run, int32_t *last, struct err *err)
{
    struct pg_params params = pg_params_in(run->arena);
    struct text sources[MIGRATIONS];
    const struct pg_result *r;

    for (int i = 0; i < MIGRATIONS; i++)
        sources[i] = text_of(migrations[i].sql);
    pg_add_text_array(&params, sources, MIGRATIONS);
    if (!query(run,
               "select number, coalesce(sha = sha256(convert_to(($1::text[])[number], 'UTF8')),"
               " false) from f_migration order by number",
               &params, &r, err))
        return false;
    for (int row = 0; row < pg_rows(r); row++)
        if (!check_one(r, row, err))
            return false;
    *last = pg_rows(r);
    return true;
}

static bool check_one(const struct pg_result *applied, int row, struct err *err)
{
    int32_t number = pg_int4(applied, row, 0);

    if (number > MIGRATIONS)
        return err_set(err, ERR_INTERNAL, NULL,
                       "the database has migration %d, this program knows %d: it was used by a "
                       "newer version, run that one",
                       number, MIGRATIONS);
    if (number != row + 1)
        return err_set(err, ERR_INTERNAL, NULL,
                       "migration %d is missing in the database, though "
                       "%d is there",
                       row + 1, number);
    if (!pg_bool(applied, row, 1))
        return err_set(err, ERR_INTERNAL, NULL,
                       "migration %d (%s) was applied to the database in another form than this "
                       "program's",
                       number, migrations[number - 1].name);
    return true;
}

static bool apply(struct run *run, const struct migration *migration, struct err *err)
{
    struct pg_params source = pg_params_in(run->arena), row = pg_params_in(run->arena);
    const struct pg_result *r;
    struct err why = {0};

    pg_add_text(&source, text_of(migration->sql));
    pg_add_int4(&row, migration->number);
    pg_add_text(&row, text_of(migration->name));
    pg_add_text(&row, text_of(migration->sql));
    pg_begin(run->pg);
    if (!query(run, "select pg_temp.f_run($1::text)::text", &source, &r, &why) ||
        !query(run,
               "insert into f_migration (number, name, sha) values"
               " ($1::int4, $2::text, sha256(convert_to($3::text, 'UTF8')))",
               &row, &r, &why) ||
        !pg_commit(run->pg, &why))
        return err_set(err, ERR_INTERNAL, NULL, "migration %d (%s) failed: %s", migration->number,
                       migration->name, why.text);
    run->migrated->applied++;
    return true;
}

/* A database keeps the dictionaries it has; ours is for one that has none. */
static bool give_dictionary(struct run *run, struct err *err)
{
    struct pg_params params = pg_params_in(run->arena);
    const struct pg_result *r;

    pg_add_bytea(&params, dictionary, sizeof(dictionary));
    return query(run,
                 "insert into f_dictionary (id, content) select 1, $1::bytea"
                 " where not exists (select 1 from f_dictionary)",
                 &params, &r, err);
}

static bool read_meta(struct run *run, struct err *err)
{
    char fresh[sizeof(struct hash_key)];
    struct text key = {0};

    random_bytes(fresh, sizeof(fresh));
    if (!meta(run, "hash_key", (struct text){fresh, sizeof(fresh)}, &key, err))
        return false;
    if (key.size != sizeof(struct hash_key))
        return err_set(err, ERR_INTERNAL, NULL, "the hash key in f_meta is damaged");
    memcpy(&run->migrated->key, key.data, sizeof(struct hash_key));
    return read_epoch(run, err);
}

/* The value stored under `key`, which becomes `fallback` if there is none. */
static bool meta(struct run *run, const char *key, struct text fallback, struct text *value,
                 struct err *err)
{
    struct pg_params params = pg_params_in(run->arena);
    const struct pg_result *r;

    pg_add_text(&params, text_of(key));
    pg_add_bytea(&params, fallback.data, fallback.size);
    if (!query(run,
               "with made as (insert into f_meta values ($1::text, $2::bytea)"
               " on conflict do nothing returning value)"
               " select value from made union all select value from f_meta where key = $1::text",
               &params, &r, err))
        return false;
    if (pg_rows(r) == 0)
        return err_set(err, ERR_INTERNAL, NULL, "cannot read f_meta");
    *value = pg_bytea(r, 0, 0);
    return true;
}

/* Transaction ids restart when the data is restored into another cluster; positions in the feed
 * that were handed out before mean nothing then. What the log holds so far comes before every
 * transaction of the new cluster, in the order of its sequence. */
static bool read_epoch(struct run *run, struct err *err)
{
    struct text cluster = {0}, epoch = {0};
    const struct pg_result *r;
    int64_t number;

    if (!query(run, "select system_identifier::text from pg_control_system()", NULL, &r, err))
        return false;
    struct text identifier = pg_text(r, 0, 0);
    if (!meta(run, "cluster", identifier, &cluster, err) ||
        !meta(run, "epoch", TEXT("1"), &epoch, err))
        return false;
    if (!text_to_int64(epoch, 1, UINT32_MAX - 1, &number))
        return err_set(err, ERR_INTERNAL, NULL, "the epoch in f_meta is damaged");
    run->migrated->epoch = (uint32_t)number;
    if (text_equals(cluster, identifier))
        return true;

    struct pg_params params = pg_params_in(run->arena);
    pg_add_text(&params, identifier);
    pg_add_text(&params, text_of(arena_printf(run->arena, "%" PRId64, number + 1)));
    run->migrated->epoch++;
    return query(run,
                 "with old as (update f_log set xact = '1'::xid8, place = null)"
                 " update f_meta set value = convert_to(case key when 'epoch' then $2::text"
                 " else $1::text end, 'UTF8') where key in ('cluster', 'epoch')",
                 &params, &r, err);
}

static bool query(struct run *run, const char *sql, struct pg_params *params,
                  const struct pg_result **result, struct err *err)
{
    return pg_query_sql(run->pg, sql, params, run->arena, result, err);
}
