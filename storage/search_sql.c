/*
 * Search SQL - predicates.
 */

#include "storage/search_sql.h"

#include "base/arena.h"
#include "fhir/query_near.h"
#include "fhir/type.h"
#include "storage/row.h"
#include "storage/search_link.h"

#include <assert.h>
#include <stdarg.h>

enum {
    PARAMS_LIMIT = 480, /* below PG_PARAMS_MAX, to leave room for a cursor */
    COMPARED_MAX = 32,  /* tokens */
};

/* The parameters of a circle; the last two of one that has no pole in it. */
enum {
    PLACE_SOUTH,
    PLACE_NORTH,
    PLACE_LATITUDE,
    PLACE_LONGITUDE,
    PLACE_HAVERSINE,
    PLACE_WEST,
    PLACE_EAST,
};

static bool has_room(struct search_sql *sql);
static void add_param(struct search_sql *sql, const char *type);
static void atom_holds(struct search_sql *sql, const struct search_atom *atom);
static void tokens_hold(struct search_sql *sql, const struct search_atom *atom);
static void quantity_holds(struct search_sql *sql, const struct search_atom *atom);
static void words_hold(struct search_sql *sql, const struct search_atom *atom);
static void words_asked_for(struct search_sql *sql, const struct search_atom *atom);
static void unit_is(struct search_sql *sql, const struct search_atom *atom, const char *column);
static void others_are_there(struct search_sql *sql, const struct search_atom *atom);
static void string_matches(struct search_sql *sql, const struct search_atom *atom,
                           const char *alias);
static void contains(struct search_sql *sql, const struct search_atom *atom, const char *alias);
static void is_near(struct search_sql *sql, const struct query_near *near, const char *latitude,
                    const char *longitude);
static int place_at(struct search_sql *sql, const struct query_near *near);

struct search_sql search_sql_in(struct arena *arena)
{
    return (struct search_sql){.text = buf_in(arena), .params = pg_params_in(arena)};
}

void sql_add(struct search_sql *sql, const char *fmt, ...)
{
    va_list args;

    if (!strchr(fmt, '%')) { /* most of what a statement is made of */
        buf_add_text(&sql->text, fmt);
        return;
    }
    va_start(args, fmt);
    buf_vprintf(&sql->text, fmt, args);
    va_end(args);
}

static bool has_room(struct search_sql *sql)
{
    if (sql->params.count < PARAMS_LIMIT)
        return true;
    sql->too_many = true;
    return false;
}

/* The last parameter, with its type: `$12::int8`. */
static void add_param(struct search_sql *sql, const char *type)
{
    int number = sql->params.count;

    buf_add_char(&sql->text, '$');
    for (int power = number >= 100 ? 100 : number >= 10 ? 10 : 1; power > 0; power /= 10)
        buf_add_char(&sql->text, (char)('0' + number / power % 10));
    buf_add_text(&sql->text, type);
}

void sql_int8(struct search_sql *sql, int64_t value)
{
    if (!has_room(sql))
        return;
    pg_add_int8(&sql->params, value);
    add_param(sql, "::int8");
}

void sql_int4(struct search_sql *sql, int32_t value)
{
    if (!has_room(sql))
        return;
    pg_add_int4(&sql->params, value);
    add_param(sql, "::int4");
}

void sql_float8(struct search_sql *sql, double value)
{
    if (!has_room(sql))
        return;
    pg_add_float8(&sql->params, value);
    add_param(sql, "::float8");
}

void sql_time(struct search_sql *sql, int64_t time)
{
    if (!has_room(sql))
        return;
    pg_add_timestamp(&sql->params, time);
    add_param(sql, "::timestamptz");
}

void sql_text(struct search_sql *sql, struct text value)
{
    if (!has_room(sql))
        return;
    pg_add_text(&sql->params, value);
    add_param(sql, "::text");
}

void sql_int8s(struct search_sql *sql, const int64_t *values, size_t count)
{
    if (!has_room(sql))
        return;
    pg_add_int8_array(&sql->params, values, NULL, count);
    add_param(sql, "::int8[]");
}

void sql_is_any(struct search_sql *sql, const int64_t *values, size_t count)
{
    sql_add(sql, " = ");
    if (count == 1) {
        sql_int8(sql, values[0]);
        return;
    }
    sql_add(sql, "any(");
    sql_int8s(sql, values, count);
    sql_add(sql, ")");
}

void search_access_predicate(struct search_sql *sql, const struct access *access, const char *alias)
{
    sql_add(sql, "%s.tenant = ", alias);
    sql_int4(sql, access->tenant);
}

void sql_and_visible(struct search_sql *sql, const struct access *access, const struct type *type,
                     const char *alias)
{
    sql_add(sql, " and ");
    search_access_predicate(sql, access, alias);
    if (table_of(type)->shared)
        sql_add(sql, " and %s.rtype = %u::int2", alias, type->number);
}

/* What the statement finds of such a term may be too much: the rest is looked at. */
static bool finds_too_much(const struct search_term *term)
{
    bool inexact = term->inexact;

    for (size_t i = 0; i < term->link_count; i++)
        inexact |= term->links[i].relation == LINK_SELF && term->links[i].plan->inexact;
    return inexact;
}

void sql_term(struct search_sql *sql, const struct search_term *term)
{
    /* All but too much would be too little. */
    if (term->negated && finds_too_much(term)) {
        sql_add(sql, "true");
        return;
    }
    if (term->patients_suffice) {
        sql_add(sql, "t.patient");
        sql_is_any(sql, term->patients, term->patient_count);
        return;
    }
    if (term->link_count > 0) {
        /* What compares a column that is null is neither true nor false. */
        search_links_hold(sql, term);
        sql_add(sql, term->negated ? " is not true" : "");
        return;
    }
    if (term->atom_count == 0) {
        sql_add(sql, term->negated ? "true" : "false");
        return;
    }
    sql_add(sql, term->negated ? "not (" : "(");
    for (size_t i = 0; i < term->atom_count; i++) {
        if (i > 0)
            sql_add(sql, " or ");
        atom_holds(sql, &term->atoms[i]);
    }
    sql_add(sql, ")");
}

static void atom_holds(struct search_sql *sql, const struct search_atom *atom)
{
    switch (atom->kind) {
    case ATOM_KEYS:
        sql_add(sql, "t.rkey");
        sql_is_any(sql, atom->hashes, atom->hash_count);
        break;
    case ATOM_TOKENS:
        tokens_hold(sql, atom);
        break;
    case ATOM_DATE:
        sql_date_matches(sql, "t.d", "t.dhi", atom->value);
        break;
    case ATOM_UPDATED:
        sql_date_matches(sql, "t.updated", "t.updated", atom->value);
        break;
    case ATOM_QUANTITY:
        quantity_holds(sql, atom);
        break;
    case ATOM_WORDS:
        words_hold(sql, atom);
        break;
    case ATOM_STRINGS:
    case ATOM_DATES:
    case ATOM_NUMBERS:
    case ATOM_NEAR:
        sql_add(sql, "exists (select 1 from %s s where s.rkey = t.rkey and ", sql_side_table(atom));
        sql_side_matches(sql, atom, "s");
        sql_add(sql, " offset 0)");
        others_are_there(sql, atom);
        break;
    }
}

/* Two arrays are compared each with each: of many tokens, a table of hashes is made. `is true`
 * keeps the planner from making a join of it, which would make the table for each row. */
static void tokens_hold(struct search_sql *sql, const struct search_atom *atom)
{
    if (atom->hash_count == 1) {
        sql_int8(sql, atom->hashes[0]);
        sql_add(sql, " = any(t.toks)");
    } else if (atom->hash_count <= COMPARED_MAX) {
        sql_int8s(sql, atom->hashes, atom->hash_count);
        sql_add(sql, " && t.toks");
    } else {
        sql_add(sql, "exists (select 1 from unnest(t.toks) u where (u in (select unnest(");
        sql_int8s(sql, atom->hashes, atom->hash_count);
        sql_add(sql, "))) is true)");
    }
}

static void quantity_holds(struct search_sql *sql, const struct search_atom *atom)
{
    sql_add(sql, "(");
    sql_number_matches(sql, "t.vq", "t.vq", atom->value);
    unit_is(sql, atom, "t.vqu");
    others_are_there(sql, atom);
    sql_add(sql, ")");
}

/* Of the row's own words. What is asked for is made once. */
static void words_hold(struct search_sql *sql, const struct search_atom *atom)
{
    sql_add(sql, "exists (select 1 from %s s where s.h = ", atom->words);
    sql_int8(sql, atom->hashes[0]);
    sql_add(sql, " and s.rkey = t.rkey and s.words @@ (select ");
    words_asked_for(sql, atom);
    sql_add(sql, ") offset 0)");
}

static void words_asked_for(struct search_sql *sql, const struct search_atom *atom)
{
    sql_add(sql, "f_words_asked(");
    sql_text(sql, text_of(atom->configuration));
    sql_add(sql, ", ");
    sql_int8(sql, atom->hashes[0]);
    sql_add(sql, ", ");
    sql_text(sql, atom->norm);
    sql_add(sql, ")");
}

static void unit_is(struct search_sql *sql, const struct search_atom *atom, const char *column)
{
    if (atom->unit_count == 0)
        return;
    sql_add(sql, " and %s", column);
    sql_is_any(sql, atom->units, atom->unit_count);
}

static void others_are_there(struct search_sql *sql, const struct search_atom *atom)
{
    for (size_t i = 0; i < atom->also_count; i++) {
        sql_add(sql, " and ");
        sql_int8(sql, atom->also[i]);
        sql_add(sql, " = any(t.toks)");
    }
}

const char *sql_side_table(const struct search_atom *atom)
{
    switch (atom->kind) {
    case ATOM_STRINGS:
        return "f_str";
    case ATOM_DATES:
        return "f_date";
    case ATOM_NUMBERS:
    case ATOM_NEAR:
        return "f_qty";
    case ATOM_WORDS:
        return atom->words;
    default:
        return NULL;
    }
}

void sql_side_matches(struct search_sql *sql, const struct search_atom *atom, const char *alias)
{
    char low[16], high[16], unit[16];

    /* The hash is asked for with the words: beside it another index would look as good. */
    if (atom->kind == ATOM_WORDS) {
        sql_add(sql, "%s.words @@ ", alias);
        words_asked_for(sql, atom);
        return;
    }
    snprintf(low, sizeof(low), "%s.lo", alias);
    snprintf(high, sizeof(high), "%s.hi", alias);
    snprintf(unit, sizeof(unit), "%s.unit", alias);

    sql_add(sql, "%s.h", alias);
    sql_is_any(sql, atom->hashes, atom->hash_count);
    sql_add(sql, " and ");
    switch (atom->kind) {
    case ATOM_STRINGS:
        string_matches(sql, atom, alias);
        break;
    case ATOM_DATES:
        sql_date_matches(sql, low, high, atom->value);
        break;
    case ATOM_NUMBERS:
        sql_number_matches(sql, low, high, atom->value);
        unit_is(sql, atom, unit);
        break;
    case ATOM_NEAR:
        is_near(sql, atom->value->near, low, high);
        break;
    default:
        assert(!"a side table");
    }
}

/* The operators with tildes compare bytes, as the index does, whatever the
 * collation of the database. */
static void string_matches(struct search_sql *sql, const struct search_atom *atom,
                           const char *alias)
{
    static const char last[] = "\xF4\x8F\xBF\xBF"; /* the last character there is */
    struct text end = {arena_printf(sql->params.arena, "%.*s%s", TEXT_ARGS(atom->norm), last),
                       atom->norm.size + sizeof(last) - 1};

    switch (atom->mode) {
    case STRING_EQUAL:
        sql_add(sql, "%s.norm = ", alias);
        sql_text(sql, atom->norm);
        break;
    case STRING_PREFIX:
        sql_add(sql, "%s.norm ~>=~ ", alias);
        sql_text(sql, atom->norm);
        sql_add(sql, " and %s.norm ~<~ ", alias);
        sql_text(sql, end);
        break;
    case STRING_CONTAINS:
        contains(sql, atom, alias);
        break;
    }
}

static void contains(struct search_sql *sql, const struct search_atom *atom, const char *alias)
{
    /* What was cut may hold it behind the cut. Up to three bytes are cut off a character. */
    sql_add(sql, "(strpos(%s.norm, ", alias);
    sql_text(sql, atom->norm);
    sql_add(sql, ") > 0 or octet_length(%s.norm) >= %d)", alias, ROW_NORM_MAX - 3);
}

/* A range of the index, then near_haversine(). */
static void is_near(struct search_sql *sql, const struct query_near *near, const char *latitude,
                    const char *longitude)
{
    int at = place_at(sql, near);

    sql_add(sql, "%s between $%d::float8 and $%d::float8", latitude, at + PLACE_SOUTH,
            at + PLACE_NORTH);
    sql_add(sql,
            " and power(sind((%s - $%d::float8) / 2), 2) + cosd($%d::float8) * cosd(%s) * "
            "power(sind((%s - $%d::float8) / 2), 2) <= $%d::float8",
            latitude, at + PLACE_LATITUDE, at + PLACE_LATITUDE, latitude, longitude,
            at + PLACE_LONGITUDE, at + PLACE_HAVERSINE);
    if (!near->round)
        sql_add(sql, " and (%s >= $%d::float8 %s %s <= $%d::float8)", longitude, at + PLACE_WEST,
                near->west > near->east ? "or" : "and", longitude, at + PLACE_EAST);
}

/* The number of the first of its parameters. */
static int place_at(struct search_sql *sql, const struct query_near *near)
{
    const double values[] = {
        [PLACE_SOUTH] = near->south,         [PLACE_NORTH] = near->north,
        [PLACE_LATITUDE] = near->latitude,   [PLACE_LONGITUDE] = near->longitude,
        [PLACE_HAVERSINE] = near->haversine, [PLACE_WEST] = near->west,
        [PLACE_EAST] = near->east,
    };
    unsigned count = near->round ? PLACE_WEST : PLACE_EAST + 1, known = 0;
    int first = sql->params.count + 1;

    while (known < sql->place_count && sql->places[known].near != near)
        known++;
    if (known < sql->place_count)
        return sql->places[known].first;
    for (unsigned i = 0; i < count && has_room(sql); i++)
        pg_add_float8(&sql->params, values[i]);
    if (sql->place_count < SQL_PLACES_MAX)
        sql->places[sql->place_count++] = (struct sql_place){near, first};
    return first;
}

/* `%l` and `%h` are the row's ends, `%L` and `%H` those of the value. */
static const char *const date_shapes[] = {
    [PREFIX_EQ] = "%l >= %L and %h <= %H",
    [PREFIX_NE] = "(%l < %L or %h > %H)",
    [PREFIX_GT] = "%h > %H",
    [PREFIX_LT] = "%l < %L",
    [PREFIX_GE] = "%h >= %L",
    [PREFIX_LE] = "%l <= %H",
    [PREFIX_SA] = "%l > %H",
    [PREFIX_EB] = "%h < %L",
    [PREFIX_AP] = "%h >= %L and %l <= %H",
};

/* `%V` is the number itself: only eq, ne and ap mind the precision it was written with. */
static const char *const number_shapes[] = {
    [PREFIX_EQ] = "%l >= %L and %h < %H",
    [PREFIX_NE] = "(%l < %L or %h >= %H)",
    [PREFIX_GT] = "%h > %V",
    [PREFIX_LT] = "%l < %V",
    [PREFIX_GE] = "%h >= %V",
    [PREFIX_LE] = "%l <= %V",
    [PREFIX_SA] = "%l > %V",
    [PREFIX_EB] = "%h < %V",
    [PREFIX_AP] = "%h >= %L and %l <= %H",
};

/* An operand of a shape: L and H are the ends of the value's span, V the value itself. */
static void date_operand(struct search_sql *sql, char which, const struct query_value *value)
{
    sql_time(sql, which == 'L' ? value->time_low : value->time_high);
}

static void number_operand(struct search_sql *sql, char which, const struct query_value *value)
{
    sql_float8(sql, which == 'L'   ? value->number_low
                    : which == 'H' ? value->number_high
                                   : value->number);
}

static void add_shape(struct search_sql *sql, const char *shape, const char *low, const char *high,
                      const struct query_value *value,
                      void (*operand)(struct search_sql *, char, const struct query_value *))
{
    for (const char *c = shape; *c; c++) {
        if (*c != '%')
            buf_add_char(&sql->text, *c);
        else if (*++c == 'l')
            sql_add(sql, "%s", low);
        else if (*c == 'h')
            sql_add(sql, "%s", high);
        else
            operand(sql, *c, value);
    }
}

void sql_date_matches(struct search_sql *sql, const char *low, const char *high,
                      const struct query_value *value)
{
    add_shape(sql, date_shapes[value->prefix], low, high, value, date_operand);
}

void sql_number_matches(struct search_sql *sql, const char *low, const char *high,
                        const struct query_value *value)
{
    add_shape(sql, number_shapes[value->prefix], low, high, value, number_operand);
}
