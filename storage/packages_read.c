/*
 * Packages - what is installed, and how far what follows from it has come.
 */

#include "base/arena.h"
#include "fhir/type.h"
#include "storage/body.h"
#include "storage/extraction.h"
#include "storage/packages_internal.h"
#include "storage/parameters.h"

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

static const char *const *split(struct arena *arena, struct text names);
static bool take_definition(struct packages *packages, const struct pg_result *result, int row,
                            struct arena *arena, package_definition_fn *take, void *context,
                            struct err *err);

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
