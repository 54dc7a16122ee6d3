/*
 * Everything, its statement - see everything.h.
 */

#include "base/arena.h"
#include "base/count.h"
#include "fhir/search_param.h"
#include "storage/columns.h"
#include "storage/everything.h"
#include "storage/search_source.h"

/* When care took place, of types that have no parameter `date` for it. What says only when
 * something was recorded is no such time. */
static const char *const care_dates[][2] = {
    {"Account", "period"},
    {"ChargeItem", "occurrence"},
    {"Communication", "sent"},
    {"DeviceRequest", "event-date"},
    {"Goal", "start-date"},
    {"ImagingStudy", "started"},
    {"Media", "created"},
    {"MedicationAdministration", "effective-time"},
    {"MedicationDispense", "whenhandedover"},
    {"MedicationStatement", "effective"},
    {"NutritionOrder", "datetime"},
    {"QuestionnaireResponse", "authored"},
    {"Specimen", "collected"},
    {"Task", "period"},
    {"VisionPrescription", "datewritten"},
};

enum { CARE_DATES = COUNT(care_dates), TOKENS_MAX = 512 };

static void and_at_most(unsigned limit, struct search_sql *sql);
static bool add_itself(const struct everything *everything, bool all_types, struct search_sql *sql);
static void add_branch(const struct everything *everything, const struct table *table,
                       enum everything_place_kind kind, bool continued,
                       const struct everything_position *from, struct search_sql *sql);
static bool has_branch(const struct everything *everything, const struct table *table,
                       enum everything_place_kind kind, bool all_types);
static bool is_wanted(const struct everything *everything, const struct table *table);
static void and_filters(const struct everything *everything, const struct table *table,
                        struct search_sql *sql);
static void and_of_types(const struct everything *everything, struct search_sql *sql);
static void and_within_dates(const struct everything *everything, const struct table *table,
                             struct search_sql *sql);
static size_t member_tokens(const struct everything *everything, const struct table *table,
                            int64_t tokens[TOKENS_MAX]);
static bool is_column(const struct columns *columns, const struct search_param *param);

bool everything_compartment(const struct everything *everything,
                            const struct everything_position *from, bool all_types, unsigned limit,
                            struct search_sql *sql)
{
    unsigned branches = 0;

    if (from->place == PLACE_ITSELF && from->rkey == 0)
        branches += add_itself(everything, all_types, sql);
    for (int id = 0; id < TABLE_COUNT; id++) {
        for (int kind = 0; kind < PLACE_KINDS; kind++) {
            int64_t place = PLACE_TABLES + (int64_t)id * PLACE_KINDS + kind;
            const struct table *table = table_at((enum table_id)id);

            if (place < from->place || (kind == PLACE_UNDATED && from->place < place - 1) ||
                !has_branch(everything, table, (enum everything_place_kind)kind, all_types))
                continue;
            sql_add(sql, branches++ ? " union all (" : "(");
            sql_add(sql, "select " SEARCH_COLUMNS ", t.rtype, %lld::int8, %s", (long long)place,
                    kind == PLACE_DATED ? "t.d" : "null::timestamptz");
            add_branch(everything, table, (enum everything_place_kind)kind, place == from->place,
                       from, sql);
            if (!all_types && table->shared)
                and_of_types(everything, sql);
            sql_add(sql, kind == PLACE_DATED ? "" : " order by t.rkey");
            and_at_most(limit, sql);
            sql_add(sql, ")");
        }
    }
    if (branches > 1) /* one has its own */
        and_at_most(limit, sql);
    return branches > 0;
}

/* A parameter, so that pages of all sizes share a plan: to make one takes longer than to run it. */
static void and_at_most(unsigned limit, struct search_sql *sql)
{
    sql_add(sql, " limit ");
    sql_int8(sql, limit);
}

static bool add_itself(const struct everything *everything, bool all_types, struct search_sql *sql)
{
    if (!all_types && !everything->wanted[everything->type->number])
        return false;
    sql_add(sql,
            "(select " SEARCH_COLUMNS ", t.rtype, %d::int8, null::timestamptz from %s t "
            "where t.rkey = ",
            PLACE_ITSELF, table_of(everything->type)->name);
    sql_int8(sql, everything->rkey);
    sql_and_visible(sql, everything->access, everything->type, "t");
    sql_add(sql, ")");
    return true;
}

struct everything_position everything_place_of(const struct pg_result *result, int row)
{
    struct everything_position position = {.place = pg_int8(result, row, EVERYTHING_PLACE),
                                           .rkey = pg_int8(result, row, COLUMN_RKEY)};

    if (!pg_is_null(result, row, EVERYTHING_D))
        position.d = pg_timestamp(result, row, EVERYTHING_D);
    else if (position.place >= PLACE_TABLES &&
             (position.place - PLACE_TABLES) % PLACE_KINDS == PLACE_DATED)
        position.place += PLACE_UNDATED - PLACE_DATED;
    return position;
}

/* ` from ... where ...`; what the fence holds comes in the order of its index. Undated rows come
 * last in that, and have a branch only where a page begins among the dated: to look for them
 * outside of the fence costs the patient's rows, but PostgreSQL cannot look for everybody's. */
static void add_branch(const struct everything *everything, const struct table *table,
                       enum everything_place_kind kind, bool continued,
                       const struct everything_position *from, struct search_sql *sql)
{
    int64_t tokens[TOKENS_MAX];

    /* Only what is needed passes the fence and the sort. */
    sql_add(sql,
            " from (select " SEARCH_COLUMNS ", t.rtype, t.d, t.dhi, t.tenant%s from %s t where ",
            kind == PLACE_MEMBER ? ", t.patient"
            : table->shared      ? ", t.toks"
                                 : "",
            table->name);
    if (kind == PLACE_MEMBER) {
        sql_add(sql, "t.toks && ");
        sql_int8s(sql, tokens, member_tokens(everything, table, tokens));
    } else {
        sql_add(sql, "t.patient = ");
        sql_int8(sql, everything->rkey);
    }
    if (kind == PLACE_DATED && continued) {
        sql_add(sql, " and t.d >= ");
        sql_time(sql, from->d);
    }
    sql_add(sql, "%s offset 0) t where ", kind == PLACE_DATED ? " order by t.d, t.rkey" : "");
    search_access_predicate(sql, everything->access, "t");
    if (kind == PLACE_UNDATED)
        sql_add(sql, " and t.d is null");
    if (kind == PLACE_MEMBER) {
        sql_add(sql,
                everything->of_encounter ? " and t.rkey <> " : " and t.patient is distinct from ");
        sql_int8(sql, everything->rkey);
    } else if (table->shared) { /* of some types the column holds who is no member: Task.for */
        sql_add(sql, " and ");
        sql_int8(sql, token_member(&everything->tokens, everything->rkey));
        sql_add(sql, " = any(t.toks)");
    }
    and_filters(everything, table, sql);
    if (!continued)
        return;
    if (kind == PLACE_DATED) {
        sql_add(sql, " and (t.d > ");
        sql_time(sql, from->d);
        sql_add(sql, " or t.rkey > ");
    } else {
        sql_add(sql, " and (t.rkey > ");
    }
    sql_int8(sql, from->rkey);
    sql_add(sql, ")");
}

static bool has_branch(const struct everything *everything, const struct table *table,
                       enum everything_place_kind kind, bool all_types)
{
    int64_t tokens[TOKENS_MAX];

    if (!all_types && !is_wanted(everything, table))
        return false;
    if (kind == PLACE_MEMBER)
        return member_tokens(everything, table, tokens) > 0;
    return !everything->of_encounter && table->patient;
}

static bool is_wanted(const struct everything *everything, const struct table *table)
{
    for (unsigned i = 0; i < resource_type_count(); i++)
        if (everything->wanted[i] && table_of(type_at(i)) == table)
            return true;
    return false;
}

static void and_filters(const struct everything *everything, const struct table *table,
                        struct search_sql *sql)
{
    const struct store_everything_query *query = everything->query;

    if (query->since != INT64_MIN) {
        sql_add(sql, " and t.updated >= ");
        sql_time(sql, query->since);
    }
    if (query->start != INT64_MIN || query->end != INT64_MAX)
        and_within_dates(everything, table, sql);
}

static void and_of_types(const struct everything *everything, struct search_sql *sql)
{
    int64_t *numbers = arena_many(everything->arena, int64_t, resource_type_count());
    size_t count = 0;

    if (everything->any_type)
        return;
    for (unsigned i = 0; i < resource_type_count(); i++)
        if (everything->wanted[i])
            numbers[count++] = i;
    sql_add(sql, " and t.rtype = any(");
    sql_int8s(sql, numbers, count);
    sql_add(sql, ")");
}

static void overlap(const struct everything *everything, const char *alias, const char *low,
                    const char *high, struct search_sql *sql)
{
    sql_add(sql, "%s.%s <= ", alias, low);
    sql_time(sql, everything->query->end);
    sql_add(sql, " and %s.%s >= ", alias, high);
    sql_time(sql, everything->query->start);
}

/* The date of a Patient is that of birth. */
static void and_within_dates(const struct everything *everything, const struct table *table,
                             struct search_sql *sql)
{
    int64_t params[CARE_DATES];

    if (table->id == TABLE_PATIENT)
        return;
    sql_add(sql, " and (t.d is null or (");
    overlap(everything, "t", "d", "dhi", sql);
    sql_add(sql, "))");
    if (!table->shared)
        return;
    for (size_t i = 0; i < CARE_DATES; i++)
        params[i] = token_param(&everything->tokens,
                                search_param_find(care_dates[i][0], text_of(care_dates[i][1])));
    sql_add(sql, " and coalesce((select bool_or(");
    overlap(everything, "s", "lo", "hi", sql);
    sql_add(sql, ") from f_date s where s.rkey = t.rkey and s.h = any(");
    sql_int8s(sql, params, CARE_DATES);
    sql_add(sql, ")), true)");
}

void everything_and_outside(const struct everything *everything, enum table_id id,
                            struct search_sql *sql)
{
    int64_t tokens[TOKENS_MAX];
    size_t count = member_tokens(everything, table_at(id), tokens);

    sql_add(sql, " and t.rkey <> ");
    sql_int8(sql, everything->rkey);
    if (count == 0)
        return;
    sql_add(sql, " and not (t.toks && ");
    sql_int8s(sql, tokens, count);
    sql_add(sql, ")");
}

/* By which rows of the table belong to the compartment though the column patient does not say so.
 * There is one for all such in the shared table, which would be many. */
static size_t member_tokens(const struct everything *everything, const struct table *table,
                            int64_t tokens[TOKENS_MAX])
{
    size_t count = 0;

    if (table->shared && !everything->of_encounter) {
        tokens[0] = token_member(&everything->tokens, everything->rkey);
        return 1;
    }
    for (unsigned i = 0; i < resource_type_count(); i++) {
        const struct type *type = type_at(i);
        const char *const *codes = everything->of_encounter
                                       ? encounter_compartment_params(type->name)
                                       : patient_compartment_params(type->name);

        if (table_of(type) != table)
            continue;
        for (; codes && *codes && count < TOKENS_MAX; codes++) {
            const struct search_param *param = search_param_find(type->name, text_of(*codes));

            if (everything->of_encounter || !is_column(columns_of(type), param))
                tokens[count++] = token_reference(&everything->tokens, param, everything->rkey);
        }
    }
    return count;
}

/* Whether the column patient has whatever patient the parameter has: Observation.subject, and
 * Observation.subject.where(resolve() is Patient). */
static bool is_column(const struct columns *columns, const struct search_param *param)
{
    return columns->patient && !columns->patient_repeats &&
           text_starts_with(text_of(columns->patient->expression), text_of(param->expression));
}
