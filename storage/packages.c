/*
 * Packages - see packages.h.
 */

#include "storage/packages.h"

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/type.h"
#include "storage/body.h"
#include "storage/extraction.h"
#include "storage/migrate.h"
#include "storage/parameters.h"
#include "storage/pg.h"
#include "storage/search_contains.h"

#include <inttypes.h>

enum {
    TIMEOUT_MS = 120000,
    INDEX_TIMEOUT_MS = 24 * 3600 * 1000,
    ASK_ANYWAY_MS = 30000,
    PROGRESS_MS = 1000, /* the same while parameters are being indexed */
    AFTER_FAILURE_MS = 200,
    BATCH = 200, /* definitions in one statement */
};

struct packages {
    struct pg *pg;
    struct loop *loop;
    const char *database;
    struct body_codec *codec;
    struct hash_key key;
    struct waiter stirred; /* a notification, or a new connection */
    bool stopped;
};

static const struct pg_statement raise_epoch = {PARAMETERS_RAISE_EPOCH};
static const struct pg_statement tell = {PARAMETERS_TELL};
static const struct pg_statement listen_for_changes = {"listen isthmus_packages"};
static const struct pg_statement ask_epoch = {"select " PARAMETERS_EPOCH};

static const struct pg_statement delete_one = {
    "delete from f_package where name = $1::text and version = coalesce($2::text, version)"};

static const struct pg_statement insert_package = {
    "insert into f_package (name, version, canonical, title, digest, dependencies, counts) values"
    " ($1::text, $2::text, $3::text, $4::text, sha256($5::bytea), $6::text[], $7::int4[])"
    " returning number"};

static const struct pg_statement insert_definitions = {
    "insert into f_definition (package, place, type, url, version, id, body)"
    " select $1::int4, $2::int4 + o, t, nullif(u, ''), nullif(v, ''), nullif(i, ''), b"
    " from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[])"
    " with ordinality as d(t, u, v, i, b, o)"};

/* Arrays as one text each: they are few and short. */
static const struct pg_statement select_packages = {
    "select name, version, canonical, title, array_to_string(dependencies, ' '),"
    " counts[1], counts[2], counts[3], counts[4], counts[5], installed, encode(digest, 'hex')"
    " from f_package order by number"};

/* One statement sees one moment. What is installed takes a few megabytes when packed. One row
 * without a definition when there is none, for the epoch. */
static const struct pg_statement select_definitions = {
    "select p.name || '#' || p.version, d.type, d.url, d.version, d.id, d.body, " PARAMETERS_EPOCH
    " from (values (1)) always left join (f_package p join f_definition d on d.package = p.number)"
    " on true order by p.number, d.place"};

static const struct pg_statement select_parameters = {
    "select p.type, p.code, p.state, coalesce(r.done, 0), coalesce(r.total, 0) from f_parameter p"
    " left join f_reindex r on r.type = p.type and r.number >= p.number and r.finished is null"
    " where p.state <> 'X' order by p.type, p.code, p.number"};
static const struct pg_statement select_behind = {
    "select (select count(*) from f_extraction where number >= " EXTRACTION
    "), type, done, total from (values (1)) one left join f_reindex r on r.extraction "
    ">= " EXTRACTION
    " and finished is null and not exists (select from f_extraction x where x.type = r.type"
    " and x.number >= " EXTRACTION ") order by type limit 1"};
static const struct pg_statement select_choice = {
    "select value from f_choice where name = $1::text"};
static const struct pg_statement choose = {
    "insert into f_choice (name, value) values ($1::text, $2::text) on conflict (name) do update"
    " set value = excluded.value"};

static void on_stir(void *context);
static bool install(struct packages *packages, const struct package *package,
                    const struct package_definition *definitions, size_t count, struct arena *arena,
                    struct err *err);
static bool add_package(struct packages *packages, const struct package *package,
                        struct text content, struct arena *arena, int32_t *number, struct err *err);
static bool add_definitions(struct packages *packages, int32_t package, size_t place,
                            const struct package_definition *definitions, size_t count,
                            struct err *err);
static bool take_definition(struct packages *packages, const struct pg_result *result, int row,
                            struct arena *arena, package_definition_fn *take, void *context,
                            struct err *err);
static bool look(struct packages *packages, int64_t *epoch);

struct packages *packages_open(struct loop *loop, const char *database, bool unsafe_durability,
                               struct err *err)
{
    struct migrated migrated;

    if (!migrate(loop, database, unsafe_durability, &migrated, err))
        return NULL;
    struct packages *packages = calloc(1, sizeof(*packages));
    if (!packages)
        abort();
    struct pg_config config = {
        .conninfo = database,
        .lane = "packages",
        .timeout_ms = TIMEOUT_MS,
        .mode = PG_EXCLUSIVE,
        .stirred = on_stir,
        .context = packages,
    };
    packages->codec = body_codec_new();
    packages->key = migrated.key;
    packages->loop = loop;
    packages->database = database;
    packages->pg = pg_new(loop, &config);
    if (pg_connect(packages->pg, err))
        return packages;
    packages_close(packages);
    return NULL;
}

void packages_close(struct packages *packages)
{
    if (!packages)
        return;
    pg_free(packages->pg);
    body_codec_free(packages->codec);
    free(packages);
}

static void on_stir(void *context)
{
    struct packages *packages = context;

    fiber_wake(&packages->stirred);
}

bool packages_install(struct packages *packages, const struct package *package,
                      const struct package_definition *definitions, size_t count, struct err *err)
{
    struct arena *arena = arena_new();
    const struct pg_result *result;

    pg_begin(packages->pg);
    bool good = install(packages, package, definitions, count, arena, err) &&
                pg_query(packages->pg, &tell, NULL, arena, &result, err) &&
                pg_commit(packages->pg, err);
    pg_rollback(packages->pg);
    arena_free(arena);
    return good && parameters_learn(packages->pg, err);
}

static bool delete_package(struct packages *packages, const char *name, const char *version,
                           struct arena *arena, unsigned *removed, struct err *err)
{
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_text(&params, text_of(name));
    pg_add_text(&params, text_of(version));
    if (!pg_query(packages->pg, &raise_epoch, NULL, arena, &result, err) ||
        !pg_query(packages->pg, &delete_one, &params, arena, &result, err))
        return false;
    *removed = (unsigned)pg_affected(result);
    return true;
}

static bool install(struct packages *packages, const struct package *package,
                    const struct package_definition *definitions, size_t count, struct arena *arena,
                    struct err *err)
{
    struct buf content = {0};
    unsigned replaced;
    int32_t number = 0;

    for (size_t i = 0; i < count; i++)
        buf_add(&content, definitions[i].json.data, definitions[i].json.size);
    bool good = delete_package(packages, package->name, package->version, arena, &replaced, err) &&
                add_package(packages, package, (struct text){buf_text(&content), content.size},
                            arena, &number, err);
    buf_release(&content);
    for (size_t i = 0; good && i < count; i += BATCH)
        good = add_definitions(packages, number, i, definitions + i,
                               count - i < BATCH ? count - i : BATCH, err);
    return good;
}

static bool add_package(struct packages *packages, const struct package *package,
                        struct text content, struct arena *arena, int32_t *number, struct err *err)
{
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;
    size_t count = 0;

    while (package->dependencies && package->dependencies[count])
        count++;
    struct text *dependencies = arena_many(arena, struct text, count);
    for (size_t i = 0; i < count; i++)
        dependencies[i] = text_of(package->dependencies[i]);
    pg_add_text(&params, text_of(package->name));
    pg_add_text(&params, text_of(package->version));
    pg_add_text(&params, text_of(package->canonical));
    pg_add_text(&params, text_of(package->title));
    pg_add_bytea(&params, content.data, content.size);
    pg_add_text_array(&params, dependencies, count);
    pg_add_int4_array(&params, package->counts, PACKAGE_KINDS);
    if (!pg_query(packages->pg, &insert_package, &params, arena, &result, err))
        return false;
    *number = pg_int4(result, 0, 0);
    return true;
}

/* Packed in an arena of their own: a package may have thousands. */
static bool add_definitions(struct packages *packages, int32_t package, size_t place,
                            const struct package_definition *definitions, size_t count,
                            struct err *err)
{
    struct text types[BATCH], urls[BATCH], versions[BATCH], ids[BATCH], bodies[BATCH];
    struct arena *arena = arena_new();
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    for (size_t i = 0; i < count; i++) {
        const struct package_definition *definition = &definitions[i];

        types[i] = text_of(definition->type);
        urls[i] = text_of(definition->url ? definition->url : "");
        versions[i] = text_of(definition->version ? definition->version : "");
        ids[i] = text_of(definition->id ? definition->id : "");
        bodies[i] = body_pack(packages->codec, definition->json, arena);
    }
    pg_add_int4(&params, package);
    pg_add_int4(&params, (int32_t)place);
    pg_add_text_array(&params, types, count);
    pg_add_text_array(&params, urls, count);
    pg_add_text_array(&params, versions, count);
    pg_add_text_array(&params, ids, count);
    pg_add_bytea_array(&params, bodies, count);
    bool good = pg_query(packages->pg, &insert_definitions, &params, arena, &result, err);
    arena_free(arena);
    return good;
}

bool packages_remove(struct packages *packages, const char *name, const char *version,
                     unsigned *removed, struct err *err)
{
    struct arena *arena = arena_new();
    const struct pg_result *result;

    pg_begin(packages->pg);
    bool good = delete_package(packages, name, version, arena, removed, err) &&
                pg_query(packages->pg, &tell, NULL, arena, &result, err) &&
                (*removed == 0 || pg_commit(packages->pg, err));
    pg_rollback(packages->pg);
    arena_free(arena);
    return good && parameters_learn(packages->pg, err);
}

/* "a#1 b#2" as a list. */
static const char *const *split(struct arena *arena, struct text names)
{
    size_t count = 1;

    for (size_t i = 0; i < names.size; i++)
        count += names.data[i] == ' ';
    const char **list = arena_many(arena, const char *, count + 1);
    struct text name;
    for (count = 0; names.size && text_next(&names, ' ', &name);)
        list[count++] = text_dup(arena, name);
    return list;
}

bool packages_list(struct packages *packages, struct arena *arena, struct package **list,
                   size_t *count, struct err *err)
{
    const struct pg_result *r;

    if (!pg_query(packages->pg, &select_packages, NULL, arena, &r, err))
        return false;
    *count = (size_t)pg_rows(r);
    *list = arena_many(arena, struct package, *count);
    for (int row = 0; row < pg_rows(r); row++) {
        struct package *package = &(*list)[row];

        *package = (struct package){
            .name = pg_text(r, row, 0).data,
            .version = pg_text(r, row, 1).data,
            .canonical = pg_text(r, row, 2).data,
            .title = pg_text(r, row, 3).data,
            .dependencies = split(arena, pg_text(r, row, 4)),
            .installed = pg_timestamp(r, row, 10),
            .digest = pg_text(r, row, 11).data,
        };
        for (int kind = 0; kind < PACKAGE_KINDS; kind++)
            package->counts[kind] = pg_int4(r, row, 5 + kind);
    }
    return true;
}

bool packages_read(struct packages *packages, struct arena *arena, package_definition_fn *take,
                   void *context, int64_t *epoch, struct err *err)
{
    struct arena *packed = arena_new();
    const struct pg_result *result;
    bool good = pg_query(packages->pg, &select_definitions, NULL, packed, &result, err);

    for (int row = 0; good && row < pg_rows(result) && !pg_is_null(result, row, 1); row++)
        good = take_definition(packages, result, row, arena, take, context, err);
    if (good)
        *epoch = pg_int8(result, 0, 6);
    arena_free(packed);
    return good && parameters_learn(packages->pg, err);
}

static bool take_definition(struct packages *packages, const struct pg_result *result, int row,
                            struct arena *arena, package_definition_fn *take, void *context,
                            struct err *err)
{
    struct package_definition definition = {
        .type = text_dup(arena, pg_text(result, row, 1)),
        .url = text_dup(arena, pg_text(result, row, 2)),
        .version = text_dup(arena, pg_text(result, row, 3)),
        .id = text_dup(arena, pg_text(result, row, 4)),
    };

    if (!body_unpack(packages->codec, pg_bytea(result, row, 5), arena, &definition.json, err))
        return false;
    take(&definition, text_dup(arena, pg_text(result, row, 0)), context);
    return true;
}

bool packages_parameters(struct packages *packages, struct arena *arena,
                         struct package_parameter **list, size_t *count, struct err *err)
{
    const struct pg_result *r;

    if (!pg_query(packages->pg, &select_parameters, NULL, arena, &r, err))
        return false;
    *count = (size_t)pg_rows(r);
    *list = arena_many(arena, struct package_parameter, *count + 1);
    for (int row = 0; row < pg_rows(r); row++)
        (*list)[row] = (struct package_parameter){
            .type = pg_text(r, row, 0).data,
            .code = pg_text(r, row, 1).data,
            .state = pg_char(r, row, 2),
            .done = pg_int8(r, row, 3),
            .total = pg_int8(r, row, 4),
        };
    return true;
}

bool packages_behind(struct packages *packages, struct arena *arena, struct package_behind *behind,
                     struct err *err)
{
    const struct pg_result *r;

    *behind = (struct package_behind){0};
    if (!pg_query(packages->pg, &select_behind, NULL, arena, &r, err))
        return false;
    behind->types = resource_type_count() - (unsigned)pg_int8(r, 0, 0);
    if (pg_is_null(r, 0, 1))
        return true;
    behind->type = pg_text(r, 0, 1).data;
    behind->done = pg_int8(r, 0, 2);
    behind->total = pg_int8(r, 0, 3);
    return true;
}

bool packages_choice(struct packages *packages, const char *name, struct arena *arena,
                     struct text *value, struct err *err)
{
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *r;

    *value = (struct text){0};
    pg_add_text(&params, text_of(name));
    if (!pg_query(packages->pg, &select_choice, &params, arena, &r, err))
        return false;
    if (pg_rows(r) > 0)
        *value = pg_text(r, 0, 0);
    return true;
}

bool packages_choose(struct packages *packages, const char *name, struct text value,
                     struct err *err)
{
    struct arena *arena = arena_new();
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_text(&params, text_of(name));
    pg_add_text(&params, value);
    pg_begin(packages->pg);
    bool good = pg_query(packages->pg, &choose, &params, arena, &result, err) &&
                pg_query(packages->pg, &raise_epoch, NULL, arena, &result, err) &&
                pg_query(packages->pg, &tell, NULL, arena, &result, err) &&
                pg_commit(packages->pg, err);
    pg_rollback(packages->pg);
    arena_free(arena);
    return good && parameters_learn(packages->pg, err);
}

bool packages_keep_trigrams(struct packages *packages, bool wanted, struct err *err)
{
    const struct pg_config config = {
        .conninfo = packages->database,
        .lane = "index",
        .timeout_ms = INDEX_TIMEOUT_MS,
        .mode = PG_SHARED,
    };
    struct pg *pg = pg_new(packages->loop, &config);
    bool good = pg_connect(pg, err) && search_contains_make(pg, wanted, err);

    pg_free(pg);
    return good;
}

bool packages_take_resources(void)
{
    return parameters_are_stored();
}

bool packages_watch(struct packages *packages, int64_t epoch)
{
    int64_t current = epoch;

    while (!packages->stopped) {
        struct err late = {0};
        bool answered = look(packages, &current);

        if (answered && current != epoch)
            return true;
        int pause = parameters_unfinished() ? PROGRESS_MS : ASK_ANYWAY_MS;
        bool stirred = !packages->stopped &&
                       fiber_wait(&packages->stirred, answered ? pause : AFTER_FAILURE_MS, &late);
        (void)stirred; /* looks again in any case */
    }
    return false;
}

/* Listening again does no harm, and is needed after a new connection. What is
 * asked behind it cannot miss a change: the first has ended when the second begins. */
static bool look(struct packages *packages, int64_t *epoch)
{
    struct arena *arena = arena_new();
    const struct pg_result *result;
    struct err err = {0};
    bool more;
    bool good = pg_query(packages->pg, &listen_for_changes, NULL, arena, &result, &err) &&
                pg_query(packages->pg, &ask_epoch, NULL, arena, &result, &err) &&
                parameters_learn(packages->pg, &err);

    if (good)
        *epoch = pg_int8(result, 0, 0);
    if (good && parameters_unfinished())
        good = parameters_sweep(packages->pg, &packages->key, &more, &err);
    arena_free(arena);
    return good;
}

bool packages_follow(struct packages *packages, int64_t *epoch, struct err *err)
{
    struct arena *arena = arena_new();
    const struct pg_result *result;
    bool good = pg_query(packages->pg, &ask_epoch, NULL, arena, &result, err) &&
                parameters_learn(packages->pg, err);

    if (good)
        *epoch = pg_int8(result, 0, 0);
    arena_free(arena);
    return good;
}

bool packages_sweep(struct packages *packages, bool *more, struct err *err)
{
    return parameters_sweep(packages->pg, &packages->key, more, err);
}

void packages_stop_watching(struct packages *packages)
{
    packages->stopped = true;
    fiber_wake(&packages->stirred);
}
