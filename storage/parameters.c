/*
 * Parameters - see parameters.h.
 */

#include "storage/parameters.h"

#include "base/arena.h"
#include "base/fiber.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/search_extend.h"
#include "fhir/search_values.h"
#include "storage/body.h"
#include "storage/pg.h"

#include <stdatomic.h>

enum { UNKNOWN, LEARNING, LEARNED };
enum { LOOK_AGAIN_MS = 5 };

static const struct pg_statement select_definitions = {
    "select d.body from f_package p join f_definition d on d.package = p.number"
    " where d.type = 'SearchParameter' order by p.number, d.place"};

#define MINE                                                                                       \
    "from unnest($1::text[], $2::text[], $3::int8[]) m(type, code, version)"                       \
    " where (m.type, m.code, m.version) = (f.type, f.code, f.version)"

/* What goes, and what comes. Either way what was under way for the type counts no more. */
static const struct pg_statement drop_others = {
    "update f_parameter f set state = 'G', number = nextval('f_parameter_number'), fenced = false"
    " where state <> 'G' and not exists (select " MINE ") returning f.type"};
static const struct pg_statement add_mine = {
    "insert into f_parameter as f (type, code, version)"
    " select m.type, m.code, m.version"
    " from unnest($1::text[], $2::text[], $3::int8[]) m(type, code, version)"
    " where not exists (select from f_parameter f where state <> 'G' and"
    " (m.type, m.code, m.version) = (f.type, f.code, f.version))"
    " on conflict (type, code, version) do update"
    " set state = 'B', number = nextval('f_parameter_number'), fenced = false returning f.type"};
static const struct pg_statement begin_anew = {
    "delete from f_reindex where type = any($1::text[])"};
static const struct pg_statement highest = {"select coalesce(max(number), 0) from f_parameter"};
static const struct pg_statement select_states = {
    "select p.type, p.code, p.version, p.state = 'R', coalesce(r.done, 0), coalesce(r.total, 0)"
    " from f_parameter p left join f_reindex r on r.type = p.type and r.number >= p.number"
    " where p.state <> 'G'"};
static const struct pg_statement raise_epoch = {PARAMETERS_RAISE_EPOCH};
static const struct pg_statement tell = {PARAMETERS_TELL};

/* Of the process. Threads open their stores at the same time: one of them learns. */
static atomic_int state;
static atomic_bool unfinished;
static const struct search_addition *additions;
static size_t addition_count;

static bool learn(struct pg *pg, struct arena *arena, struct err *err);
static bool read_definitions(struct pg *pg, struct arena *arena, struct search_extender *extender,
                             struct err *err);
static bool enter(struct pg *pg, struct arena *arena, struct err *err);

bool parameters_load(struct pg *pg, struct err *err)
{
    int before = UNKNOWN;

    while (!atomic_compare_exchange_strong(&state, &before, LEARNING)) {
        if (before == LEARNED)
            return true;
        fiber_sleep(LOOK_AGAIN_MS);
        before = UNKNOWN;
    }
    struct arena *arena = arena_new();
    bool good = learn(pg, arena, err);
    arena_free(arena);
    atomic_store(&state, good ? LEARNED : UNKNOWN);
    return good;
}

static bool learn(struct pg *pg, struct arena *arena, struct err *err)
{
    struct arena *kept; /* for as long as the process lives */

    if (!additions) {
        kept = arena_new();
        struct search_extender *extender = search_extender_new(kept);
        if (!read_definitions(pg, arena, extender, err)) {
            arena_free(kept);
            return false;
        }
        additions = search_extender_finish(extender, &addition_count);
        if (addition_count > 0) {
            search_params_extend(additions, addition_count);
        } else {
            arena_free(kept);
            additions = NULL; /* looks again next time, which costs little */
        }
    }
    return (addition_count == 0 || search_values_setup(err)) && enter(pg, arena, err) &&
           parameters_refresh(pg, err);
}

/* They were read when they were installed, and whoever did it was told what is not used. */
static bool read_definitions(struct pg *pg, struct arena *arena, struct search_extender *extender,
                             struct err *err)
{
    struct body_codec *codec = body_codec_new();
    const struct pg_result *result;
    struct issues issues;

    issues_init(&issues, arena, 0);
    bool good = pg_query(pg, &select_definitions, NULL, arena, &result, err);
    for (int row = 0; good && row < pg_rows(result); row++) {
        struct err unreadable = {0};
        struct text json;

        good = body_unpack(codec, pg_bytea(result, row, 0), arena, &json, err);
        const struct node *resource =
            good ? json_read(arena, json.data, json.size, &json_stored_limits, &issues, &unreadable)
                 : NULL;
        if (resource)
            search_extender_add(extender, resource, &issues);
    }
    body_codec_free(codec);
    return good;
}

/* The types that a statement returned have to be indexed anew. */
static bool forget_types(struct pg *pg, const struct pg_result *result, struct arena *arena,
                         struct err *err)
{
    size_t count = (size_t)pg_rows(result);
    struct text *types = arena_many(arena, struct text, count);
    struct pg_params params = pg_params_in(arena);

    for (size_t i = 0; i < count; i++)
        types[i] = pg_text(result, (int)i, 0);
    pg_add_text_array(&params, types, count);
    return count == 0 || pg_query(pg, &begin_anew, &params, arena, &result, err);
}

static struct pg_params mine(struct arena *arena)
{
    struct pg_params params = pg_params_in(arena);
    struct text *types = arena_many(arena, struct text, addition_count);
    struct text *codes = arena_many(arena, struct text, addition_count);
    int64_t *versions = arena_many(arena, int64_t, addition_count);

    for (size_t i = 0; i < addition_count; i++) {
        types[i] = text_of(additions[i].param.type);
        codes[i] = text_of(additions[i].param.code);
        versions[i] = (int64_t)additions[i].extension->version;
    }
    pg_add_text_array(&params, types, addition_count);
    pg_add_text_array(&params, codes, addition_count);
    pg_add_int8_array(&params, versions, NULL, addition_count);
    return params;
}

/* In one transaction: those that are not whole any more are so before this process writes. */
static bool change(struct pg *pg, struct arena *arena, int64_t *number, struct err *err)
{
    struct pg_params params = mine(arena);
    const struct pg_result *dropped, *added, *result;

    if (!pg_query(pg, &drop_others, &params, arena, &dropped, err) ||
        !pg_query(pg, &add_mine, &params, arena, &added, err) ||
        !forget_types(pg, dropped, arena, err) || !forget_types(pg, added, arena, err) ||
        !pg_query(pg, &highest, NULL, arena, &result, err))
        return false;
    *number = pg_int8(result, 0, 0);
    return pg_rows(dropped) + pg_rows(added) == 0 ||
           (pg_query(pg, &raise_epoch, NULL, arena, &result, err) &&
            pg_query(pg, &tell, NULL, arena, &result, err));
}

static bool enter(struct pg *pg, struct arena *arena, struct err *err)
{
    int64_t number = 0;

    pg_begin(pg);
    bool good = change(pg, arena, &number, err) && pg_commit(pg, err);
    pg_rollback(pg);
    if (good)
        pg_set_parameters_known(number);
    return good;
}

static struct search_extension *find(const char *type, struct text code, uint64_t version)
{
    const struct search_param *param = search_param_find(type, code);
    struct search_extension *extension = param ? search_extension_of(param) : NULL;

    return extension && extension->version == version ? extension : NULL;
}

/* What the database does not have is not whole. */
bool parameters_refresh(struct pg *pg, struct err *err)
{
    struct arena *arena = arena_new();
    const struct pg_result *result;
    bool *whole = arena_many(arena, bool, addition_count + 1);
    bool good = addition_count == 0 || pg_query(pg, &select_states, NULL, arena, &result, err);
    bool all = true;

    for (int row = 0; good && addition_count && row < pg_rows(result); row++) {
        struct search_extension *extension =
            find(pg_text(result, row, 0).data, pg_text(result, row, 1),
                 (uint64_t)pg_int8(result, row, 2));

        for (size_t i = 0; extension && i < addition_count; i++)
            if (additions[i].extension == extension)
                whole[i] = pg_bool(result, row, 3);
        if (extension) {
            atomic_store(&extension->done, pg_int8(result, row, 4));
            atomic_store(&extension->total, pg_int8(result, row, 5));
        }
    }
    for (size_t i = 0; good && i < addition_count; i++) {
        atomic_store(&additions[i].extension->whole, whole[i]);
        all = all && whole[i];
    }
    if (good)
        atomic_store(&unfinished, !all);
    arena_free(arena);
    return good;
}

bool parameters_unfinished(void)
{
    return atomic_load(&unfinished);
}
