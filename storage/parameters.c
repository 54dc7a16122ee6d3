/*
 * Parameters - see parameters.h.
 */

#include "storage/parameters.h"

#include "base/arena.h"
#include "base/fiber.h"
#include "base/hash.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/search_extend.h"
#include "fhir/search_param_text.h"
#include "fhir/search_values.h"
#include "fhir/search_words.h"
#include "fhir/type.h"
#include "storage/body.h"
#include "storage/dictionaries.h"
#include "storage/member.h"
#include "storage/parameters_words.h"
#include "storage/pg.h"

#include <stdatomic.h>

enum { LOOK_AGAIN_MS = 5, TENANT = 1 };

static const struct pg_statement ask_epoch = {"select " PARAMETERS_EPOCH};

/* Of those who bring the rows up to date one after the other does it. */
static const struct pg_statement take_turn = {
    "select pg_advisory_xact_lock(x'69737468'::int4, 12)::text"};

/* Resources come behind packages: of two definitions the later counts. */
static const struct pg_statement select_definitions = {
    "select body, " PARAMETERS_EPOCH ", stored from (values (1)) always left join ("
    "select false as stored, p.number as package, d.place, d.body from f_package p"
    " join f_definition d on d.package = p.number where d.type = 'SearchParameter' union all "
    "select true, 0, row_number() over (order by rkey)::int4, body from f_other"
    " where rtype = $1::int2 and tenant = $2::int4 and exists"
    " (select from f_choice where name = 'parameters' and value = 'stored')) x on true"
    " order by stored, package, place"};

#define WANTED                                                                                     \
    " from unnest($1::text[], $2::text[], $3::int8[], $4::text[]) w(type, code, version, about)"
#define SAME " (w.type, w.code, w.version) = (f.type, f.code, f.version)"

static const struct pg_statement drop_others = {
    "update f_parameter f set state = case when about is null then 'D'::\"char\" else 'G' end,"
    " number = nextval('f_parameter_number'), fenced = false"
    " where state in ('B', 'R') and not exists (select" WANTED " where" SAME ")"};
static const struct pg_statement tell_more = {
    "update f_parameter f set about = w.about" WANTED " where" SAME
    " and f.state in ('B', 'R') and f.about is distinct from w.about"};
static const struct pg_statement add_wanted = {
    "insert into f_parameter as f (type, code, version, about)"
    " select w.type, w.code, w.version, w.about" WANTED
    " where not exists (select from f_parameter f where state in ('B', 'R') and" SAME ")"
    " on conflict (type, code, version) do update set state = 'B', about = excluded.about,"
    " number = nextval('f_parameter_number'), fenced = false returning f.type"};

/* What was under way for the type counts no more. */
static const struct pg_statement begin_anew = {
    "delete from f_reindex where type = any($1::text[])"};
static const struct pg_statement select_rows = {
    "select type, code, version, state, about from f_parameter where state in ('B', 'R', 'G')"
    " and about is not null order by type, code, version"};
static const struct pg_statement select_last = {
    "select coalesce(max(number), 0), bool_or(state in ('B', 'G', 'D')) is true,"
    " exists (select from f_choice where name = 'parameters' and value = 'stored')"
    " from f_parameter"};
static const struct pg_statement select_states = {
    "select p.type, p.code, p.version, p.state = 'R', coalesce(r.done, 0), coalesce(r.total, 0)"
    " from f_parameter p left join f_reindex r on r.type = p.type and r.number >= p.number"
    " where p.state in ('B', 'R', 'G')"};
static const struct pg_statement raise_epoch = {PARAMETERS_RAISE_EPOCH};
static const struct pg_statement tell = {PARAMETERS_TELL};

/* Of the process. */
static atomic_bool learning; /* by one thread at a time */
static atomic_bool unfinished, with_resources;
static _Atomic int64_t last_number;
static int64_t learned_epoch = -1;           /* of whoever learns, like all below */
static const struct search_params *in_force; /* NULL: none but the published ones */
static uint64_t in_force_hash;

struct lesson {
    struct pg *pg;
    struct arena *arena;
    struct search_extender *extender;
    int64_t epoch;
    struct search_addition *additions; /* the rows */
    size_t count;
    uint64_t hash; /* of the rows */
    int64_t number;
    bool unfinished, stored;
};

static bool learn(struct pg *pg, struct arena *arena, struct err *err);
static bool read_definitions(struct lesson *lesson, struct err *err);
static bool read_definition(struct lesson *lesson, struct body_codec *codec, struct text body,
                            bool stored, struct err *err);
static bool update_rows(struct lesson *lesson, struct err *err);
static bool read_rows(struct lesson *lesson, struct err *err);
static bool read_row(struct lesson *lesson, const struct pg_result *result, int row,
                     struct hash_state *state);
static bool use(struct lesson *lesson, struct err *err);
static bool refresh(struct pg *pg, struct arena *arena, struct err *err);

bool parameters_learn(struct pg *pg, struct err *err)
{
    while (atomic_exchange(&learning, true))
        fiber_sleep(LOOK_AGAIN_MS);
    struct arena *arena = arena_new();
    bool good = learn(pg, arena, err);
    arena_free(arena);
    atomic_store(&learning, false);
    return good;
}

bool parameters_unfinished(void)
{
    return atomic_load(&unfinished) || extraction_any_behind();
}

bool parameters_are_stored(void)
{
    return atomic_load(&with_resources);
}

int64_t parameters_number(void)
{
    return atomic_load(&last_number);
}

static bool learn(struct pg *pg, struct arena *arena, struct err *err)
{
    struct lesson lesson = {.pg = pg, .arena = arena, .extender = search_extender_new(arena)};
    const struct pg_result *result;

    if (!pg_query(pg, &ask_epoch, NULL, arena, &result, err))
        return false;
    if (pg_int8(result, 0, 0) == learned_epoch)
        return !parameters_unfinished() || refresh(pg, arena, err);
    pg_begin(pg);
    bool good = pg_query(pg, &take_turn, NULL, arena, &result, err) &&
                read_definitions(&lesson, err) && update_rows(&lesson, err) &&
                read_rows(&lesson, err) && pg_commit(pg, err);
    pg_rollback(pg);
    if (!good || !use(&lesson, err))
        return false;
    learned_epoch = lesson.epoch;
    return true;
}

static bool read_definitions(struct lesson *lesson, struct err *err)
{
    struct pg_params params = pg_params_in(lesson->arena);
    struct body_codec *codec = body_codec_new();
    const struct pg_result *result;

    pg_add_int2(&params, (int16_t)resource_type_find(TEXT("SearchParameter"))->number);
    pg_add_int4(&params, TENANT);
    bool good = pg_query(lesson->pg, &select_definitions, &params, lesson->arena, &result, err);
    for (int row = 0; good && row < pg_rows(result); row++)
        if (!pg_is_null(result, row, 0))
            good = read_definition(lesson, codec, pg_bytea(result, row, 0), pg_bool(result, row, 2),
                                   err);
    if (good)
        lesson->epoch = pg_int8(result, 0, 1);
    body_codec_free(codec);
    return good;
}

/* They were read when they were installed, and whoever did it was told what is not used. Of the
 * resources (R4 searchparameter-definitions.html#SearchParameter.status) those that are active. */
static bool read_definition(struct lesson *lesson, struct body_codec *codec, struct text body,
                            bool stored, struct err *err)
{
    struct err unreadable = {0};
    struct issues issues;
    struct text json;

    if (body.size && !body_codec_has(codec, (uint8_t)body.data[0]) &&
        !dictionaries_load(lesson->pg, codec, err))
        return false;
    if (!body_unpack(codec, body, lesson->arena, &json, err))
        return false;
    issues_init(&issues, lesson->arena, 0);
    const struct node *resource =
        json_read(lesson->arena, json.data, json.size, &json_stored_limits, &issues, &unreadable);
    if (resource && (!stored || text_is(node_value(resource, "status"), "active")))
        search_extender_add(lesson->extender, resource);
    return true;
}

/* The types that a statement returned have to be indexed anew. */
static bool forget_types(struct lesson *lesson, const struct pg_result *result, struct err *err)
{
    size_t count = (size_t)pg_rows(result);
    struct text *types = arena_many(lesson->arena, struct text, count);
    struct pg_params params = pg_params_in(lesson->arena);

    for (size_t i = 0; i < count; i++)
        types[i] = pg_text(result, (int)i, 0);
    pg_add_text_array(&params, types, count);
    return count == 0 || pg_query(lesson->pg, &begin_anew, &params, lesson->arena, &result, err);
}

/* What f_parameter keeps of it. */
static struct text about(struct arena *arena, const struct search_addition *addition)
{
    const char *configuration = addition->extension->configuration;

    return configuration ? text_of(configuration) : search_param_write(arena, &addition->param);
}

static bool read_about(struct arena *arena, const struct type *type, struct text code,
                       struct text text, struct search_addition *addition)
{
    const struct search_param *published = search_param_find_published(type->name, code);

    if (!published || !search_param_is_text(published))
        return search_param_read(arena, text, &addition->param);
    parameters_make_words(published, &addition->param);
    addition->extension->configuration = text_dup(arena, text);
    return true;
}

static struct pg_params wanted(struct lesson *lesson, const struct words_choice *words)
{
    struct arena *arena = lesson->arena;
    struct pg_params params = pg_params_in(arena);
    struct issues issues;
    size_t count;

    issues_init(&issues, arena, 0);
    const struct search_addition *found = search_extender_finish(lesson->extender, &issues, &count);
    struct search_addition *additions =
        arena_many(arena, struct search_addition, count + parameters_most_words());

    if (count)
        memcpy(additions, found, count * sizeof(*additions));
    parameters_add_words(words, arena, additions, &count);
    struct text *types = arena_many(arena, struct text, count);
    struct text *codes = arena_many(arena, struct text, count);
    int64_t *versions = arena_many(arena, int64_t, count);
    struct text *abouts = arena_many(arena, struct text, count);

    for (size_t i = 0; i < count; i++) {
        types[i] = text_of(additions[i].param.type);
        codes[i] = text_of(additions[i].param.code);
        versions[i] = (int64_t)additions[i].extension->version;
        abouts[i] = about(arena, &additions[i]);
    }
    pg_add_text_array(&params, types, count);
    pg_add_text_array(&params, codes, count);
    pg_add_int8_array(&params, versions, NULL, count);
    pg_add_text_array(&params, abouts, count);
    return params;
}

static bool update_rows(struct lesson *lesson, struct err *err)
{
    const struct pg_result *dropped, *changed, *added, *result;
    struct arena *arena = lesson->arena;
    struct words_choice words;

    if (!parameters_read_words(lesson->pg, arena, &words, err))
        return false;
    struct pg_params params = wanted(lesson, &words);
    if (!pg_query(lesson->pg, &drop_others, &params, arena, &dropped, err) ||
        !pg_query(lesson->pg, &tell_more, &params, arena, &changed, err) ||
        !pg_query(lesson->pg, &add_wanted, &params, arena, &added, err) ||
        !forget_types(lesson, added, err))
        return false;
    return pg_affected(dropped) + pg_affected(changed) + pg_rows(added) == 0 ||
           (pg_query(lesson->pg, &raise_epoch, NULL, arena, &result, err) &&
            pg_query(lesson->pg, &tell, NULL, arena, &result, err));
}

static bool read_rows(struct lesson *lesson, struct err *err)
{
    const struct pg_result *rows, *last;
    struct hash_key open = {0}; /* not a secret */
    struct hash_state state;
    bool good = pg_query(lesson->pg, &select_rows, NULL, lesson->arena, &rows, err) &&
                pg_query(lesson->pg, &select_last, NULL, lesson->arena, &last, err);

    if (!good)
        return false;
    hash_init(&state, &open);
    lesson->additions = arena_many(lesson->arena, struct search_addition, (size_t)pg_rows(rows));
    for (int row = 0; row < pg_rows(rows); row++)
        if (!read_row(lesson, rows, row, &state))
            return err_set(err, ERR_INTERNAL, NULL,
                           "f_parameter holds what this program cannot "
                           "read: was it used by a newer one?");
    lesson->hash = hash_done(&state);
    lesson->number = pg_int8(last, 0, 0);
    lesson->unfinished = pg_bool(last, 0, 1);
    lesson->stored = pg_bool(last, 0, 2);
    return true;
}

static bool read_row(struct lesson *lesson, const struct pg_result *result, int row,
                     struct hash_state *state)
{
    struct search_addition *addition = &lesson->additions[lesson->count];
    const struct type *type = resource_type_find(pg_text(result, row, 0));
    struct text code = pg_text(result, row, 1), text = pg_text(result, row, 4);

    addition->extension = arena_one(lesson->arena, struct search_extension);
    if (!type || !read_about(lesson->arena, type, code, text, addition))
        return false;
    addition->param.type = type->name;
    addition->param.code = text_dup(lesson->arena, code);
    addition->extension->version = (uint64_t)pg_int8(result, row, 2);
    addition->leaving = pg_char(result, row, 3) == 'G';
    hash_part(state, type->name, strlen(type->name));
    hash_part(state, code.data, code.size);
    hash_number(state, addition->extension->version << 1 | addition->leaving);
    hash_part(state, text.data, text.size);
    lesson->count++;
    return true;
}

/* What begins when the number is there goes by all that belongs to it: so it comes last. */
static bool use(struct lesson *lesson, struct err *err)
{
    if (in_force ? lesson->hash != in_force_hash : lesson->count > 0) {
        const struct search_params *set = search_params_make(lesson->additions, lesson->count);

        if (!search_values_prepare(set, err))
            return false;
        in_force = set;
        in_force_hash = lesson->hash;
        search_params_use(set);
    }
    if (!refresh(lesson->pg, lesson->arena, err))
        return false;
    atomic_store(&unfinished, lesson->unfinished);
    atomic_store(&with_resources, lesson->stored);
    atomic_store(&last_number, lesson->number);
    members_tell();
    return true;
}

static void note(const struct search_param *param, const struct pg_result *result, int row)
{
    struct search_extension *extension = search_extension_of(param);

    if (!text_is(pg_text(result, row, 0), param->type) ||
        !text_is(pg_text(result, row, 1), param->code) ||
        (uint64_t)pg_int8(result, row, 2) != extension->version)
        return;
    atomic_store(&extension->done, pg_int8(result, row, 4));
    atomic_store(&extension->total, pg_int8(result, row, 5));
    atomic_store(&extension->whole, pg_bool(result, row, 3));
}

/* What has been indexed. A parameter that is on its way out is not whole any more. */
static bool refresh(struct pg *pg, struct arena *arena, struct err *err)
{
    const struct pg_result *result;
    size_t count = 0;
    const struct search_param *const *added =
        in_force ? search_params_added(in_force, &count) : NULL;

    if (!extraction_learn(pg, arena, err) ||
        !pg_query(pg, &select_states, NULL, arena, &result, err))
        return false;
    for (int row = 0; row < pg_rows(result); row++)
        for (size_t i = 0; i < count; i++)
            note(added[i], result, row);
    return true;
}
