/*
 * Packages - installs and removes them, and what an operator chooses.
 */

#include "storage/packages.h"

#include "base/arena.h"
#include "base/buf.h"
#include "storage/body.h"
#include "storage/migrate.h"
#include "storage/packages_internal.h"
#include "storage/parameters.h"
#include "storage/search_contains.h"
#include "storage/search_ids.h"
#include "storage/words.h"

enum {
    TIMEOUT_MS = 120000,
    INDEX_TIMEOUT_MS = 24 * 3600 * 1000,
    BATCH = 200, /* definitions in one statement */
};

static const struct pg_statement raise_epoch = {PARAMETERS_RAISE_EPOCH};

static const struct pg_statement tell = {PARAMETERS_TELL};

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
static bool delete_package(struct packages *packages, const char *name, const char *version,
                           struct arena *arena, unsigned *removed, struct err *err);

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

bool packages_know_language(struct packages *packages, struct text value, struct err *err)
{
    return words_check_configuration(packages->pg, value, err);
}

/* Beside all others, since it may take hours. */
static struct pg *connect_for_index(struct packages *packages, struct err *err)
{
    const struct pg_config config = {
        .conninfo = packages->database,
        .lane = "index",
        .timeout_ms = INDEX_TIMEOUT_MS,
        .mode = PG_SHARED,
    };
    struct pg *pg = pg_new(packages->loop, &config);

    if (pg_connect(pg, err))
        return pg;
    pg_free(pg);
    return NULL;
}

bool packages_keep_trigrams(struct packages *packages, bool wanted, struct err *err)
{
    struct pg *pg = connect_for_index(packages, err);
    bool good = pg && search_contains_make(pg, wanted, err);

    pg_free(pg);
    return good;
}

bool packages_keep_ids(struct packages *packages, struct text types, struct err *err)
{
    struct pg *pg = connect_for_index(packages, err);
    bool good = pg && search_ids_make(pg, types, err);

    pg_free(pg);
    return good;
}

bool packages_take_resources(void)
{
    return parameters_are_stored();
}
