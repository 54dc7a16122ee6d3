/*
 * Search statistics - a copy of what ANALYZE found.
 */

#include "storage/search_stats.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "fhir/type.h"

#include <assert.h>

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>

enum {
    UNKNOWN_ROWS = 100000, /* of a table that was never analyzed: assume that choices matter */
    RARE_ROWS = 50,        /* of a token that is not among the frequent ones */
    TYPES_MAX = 160,
    SEEN_MAX = 4096, /* codes kept; what does not fit is looked up again */
};

static const int64_t refresh_us = 60 * INT64_C(1000000);
static const int64_t look_us = 5 * INT64_C(1000000);
static const double much = 0.1; /* of a table's rows: what was read before is not true any more */

/* Of what is there to be read, by a thread of this process. */
static atomic_uint changes;

/* Tokens sorted, with their frequency in rows per million. */
struct frequencies {
    double rows;
    const int64_t *tokens, *per_million;
    size_t count;
    const int64_t *without; /* tokens with an index of the rows without them */
    size_t without_count;
    bool has_ids;              /* an index of them */
    const int64_t *quantities; /* thousandths; as many rows lie between any two neighbours */
    size_t quantity_count;
};

/* Of a table of words; sorted. */
struct word {
    struct text lexeme;
    double share;
};

struct words {
    double rows;
    const struct word *items;
    size_t count;
};

/* Tokens that were seen in resources of a type. */
struct seen {
    struct {
        int64_t token;
        uint16_t type;
    } rows[SEEN_MAX];
    size_t count;
};

struct search_stats {
    struct arena *arena; /* of what was read last */
    int64_t read_at;     /* clock_monotonic() */
    int64_t looked_at;   /* the same, whether there is more to be read */
    double size;         /* of all tables, see count_rows, as it was then */
    bool reading;
    unsigned changes; /* as many as there were by then */
    struct frequencies tables[TABLE_ALL];
    struct words words[TABLE_ALL];
    bool has_trigrams;
    struct seen seconds, units;
    bool contains[TYPES_MAX][TYPES_MAX]; /* by numbers of types */
};

/* Elements rarer than one in two thousand do not change a choice. */
static const struct pg_statement read_statement = {
    "select c.relname::text, c.reltuples::float8, f.tokens, f.per_million, q.bounds, w.tokens, "
    "exists (select from pg_index x join pg_class i on i.oid = x.indexrelid "
    "        where x.indrelid = c.oid and x.indisvalid and i.relname = c.relname || '_ids') "
    "from pg_class c left join lateral ("
    "  select array_agg(u.token order by u.token) as tokens,"
    "         array_agg((u.frequency * 1000000)::int8 order by u.token) as per_million"
    "  from pg_stats s, unnest(s.most_common_elems::text::int8[], s.most_common_elem_freqs)"
    "       as u(token, frequency)"
    "  where s.schemaname = current_schema() and s.tablename = c.relname and s.attname = 'toks'"
    "        and u.token is not null and u.frequency > 0.0005"
    ") f on true left join lateral ("
    "  select array_agg((greatest(least(u.bound, 1e15), -1e15) * 1000)::int8 order by u.bound)"
    "         as bounds"
    "  from pg_stats s, unnest(s.histogram_bounds::text::float8[]) as u(bound)"
    "  where s.schemaname = current_schema() and s.tablename = c.relname and s.attname = 'vq'"
    ") q on true left join lateral ("
    "  select array_agg(('x' || right(i.relname::text, 16))::bit(64)::int8) as tokens"
    "  from pg_index x join pg_class i on i.oid = x.indexrelid where x.indrelid = c.oid"
    "       and x.indisvalid and i.relname::text ~ '_without_[0-9a-f]{16}$'"
    ") w on true "
    "where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace"
    "      and c.relname = any($1::text[])"};

static const struct pg_statement read_words = {
    "select c.relname::text, c.reltuples::float8, u.lexeme, u.frequency from pg_class c, lateral ("
    "  select u.lexeme, u.frequency::float8 from pg_stats s,"
    "         unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs)"
    "         as u(lexeme, frequency)"
    "  where s.schemaname = current_schema() and s.tablename = c.relname and s.attname = 'words'"
    "        and u.lexeme is not null and u.frequency > 0.0005"
    ") u where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace"
    "          and c.relname = any($1::text[]) order by c.oid, u.lexeme collate \"C\""};

static const struct pg_statement look_for_trigrams = {
    "select exists (select from pg_index where indexrelid = to_regclass('f_str_trigrams')"
    " and indisvalid)"};

/* By the last ANALYZE of each. Of logarithms, so that a small table counts as much as a large one.
 */
static const struct pg_statement count_rows = {
    "select coalesce(sum(ln(1 + greatest(reltuples::float8, 0))), 0) from pg_class where relkind = "
    "'r'"
    " and relnamespace = current_schema()::regnamespace and relname = any($1::text[])"};

static struct search_stats *make(struct store *store);
static bool are_old(struct store *store, struct search_stats *stats);
static bool are_outgrown(struct store *store, const struct search_stats *stats);
static void free_stats(struct search_stats *stats);
static void read_stats(struct store *store, struct search_stats *stats);
static void take_row(struct search_stats *stats, struct arena *arena,
                     const struct pg_result *result, int row);
static void take_words(struct search_stats *stats, struct arena *arena,
                       const struct pg_result *result);
static size_t first_from(const struct words *words, struct text word);
static int compare(const void *a, const void *b);

void search_stats_refresh(struct store *store)
{
    struct search_stats *stats = make(store);

    unsigned changed = atomic_load(&changes);

    if (stats->reading)
        return;
    stats->reading = true;
    if (!stats->arena || stats->changes != changed || are_old(store, stats)) {
        stats->changes = changed;
        read_stats(store, stats);
        stats->read_at = stats->looked_at = clock_monotonic();
    }
    stats->reading = false;
}

/* A load shows soon. */
static bool are_old(struct store *store, struct search_stats *stats)
{
    int64_t now = clock_monotonic();

    if (now - stats->read_at >= refresh_us)
        return true;
    if (now - stats->looked_at < look_us)
        return false;
    stats->looked_at = now;
    return are_outgrown(store, stats);
}

static bool are_outgrown(struct store *store, const struct search_stats *stats)
{
    struct arena *arena = arena_new();
    struct pg_params params = pg_params_in(arena);
    struct text names[TABLE_ALL];
    const struct pg_result *result;
    struct err err = {0};
    bool outgrown = false;

    for (int i = 0; i < TABLE_ALL; i++)
        names[i] = text_of(table_at((enum table_id)i)->name);
    pg_add_text_array(&params, names, TABLE_ALL);
    if (pg_query(store->search, &count_rows, &params, arena, &result, &err))
        outgrown = fabs(pg_float8(result, 0, 0) - stats->size) > much;
    arena_free(arena);
    return outgrown;
}

static struct search_stats *make(struct store *store)
{
    if (!store->search_stats) {
        store->search_stats = calloc(1, sizeof(*store->search_stats));
        if (!store->search_stats)
            abort();
        store->search_stats_free = free_stats;
    }
    return store->search_stats;
}

static void free_stats(struct search_stats *stats)
{
    if (!stats)
        return;
    if (stats->arena)
        arena_free(stats->arena);
    free(stats);
}

/* When it fails, what was known before stays. */
static void read_stats(struct store *store, struct search_stats *stats)
{
    struct arena *arena = arena_new();
    struct pg_params params = pg_params_in(arena), of_words = pg_params_in(arena);
    struct text names[TABLE_ALL], words_names[TABLE_ALL];
    const struct pg_result *result, *words, *trigrams;
    struct err err = {0};

    for (int i = 0; i < TABLE_ALL; i++) {
        names[i] = text_of(table_at((enum table_id)i)->name);
        words_names[i] = text_of(table_at((enum table_id)i)->words);
    }
    pg_add_text_array(&params, names, TABLE_ALL);
    pg_add_text_array(&of_words, words_names, TABLE_ALL);
    if (!pg_query(store->search, &read_statement, &params, arena, &result, &err) ||
        !pg_query(store->search, &read_words, &of_words, arena, &words, &err) ||
        !pg_query(store->search, &look_for_trigrams, NULL, arena, &trigrams, &err)) {
        arena_free(arena);
        return;
    }

    memset(stats->tables, 0, sizeof(stats->tables));
    stats->size = 0;
    for (int row = 0; row < pg_rows(result); row++) {
        take_row(stats, arena, result, row);
        stats->size += log1p(fmax(0, pg_float8(result, row, 1)));
    }
    take_words(stats, arena, words);
    stats->has_trigrams = pg_bool(trigrams, 0, 0);
    if (stats->arena)
        arena_free(stats->arena);
    stats->arena = arena;
}

static void take_row(struct search_stats *stats, struct arena *arena,
                     const struct pg_result *result, int row)
{
    for (int i = 0; i < TABLE_ALL; i++) {
        struct frequencies *table = &stats->tables[i];
        size_t count;

        if (!text_is(pg_text(result, row, 0), table_at((enum table_id)i)->name))
            continue;
        table->rows = pg_float8(result, row, 1);
        table->tokens = pg_int8_array(result, row, 2, arena, &table->count);
        table->per_million = pg_int8_array(result, row, 3, arena, &count);
        table->quantities = pg_int8_array(result, row, 4, arena, &table->quantity_count);
        table->without = pg_int8_array(result, row, 5, arena, &table->without_count);
        table->has_ids = pg_bool(result, row, 6);
    }
}

/* The rows of one table stand together. */
static void take_words(struct search_stats *stats, struct arena *arena,
                       const struct pg_result *result)
{
    int count = pg_rows(result);
    struct word *items = arena_many(arena, struct word, (size_t)count);

    memset(stats->words, 0, sizeof(stats->words));
    for (int row = 0, end; row < count; row = end) {
        struct text name = pg_text(result, row, 0);

        for (end = row; end < count && text_equals(pg_text(result, end, 0), name); end++)
            items[end] = (struct word){pg_text(result, end, 2), pg_float8(result, end, 3)};
        for (int i = 0; i < TABLE_ALL; i++)
            if (text_is(name, table_at((enum table_id)i)->words))
                stats->words[i] = (struct words){.rows = pg_float8(result, row, 1),
                                                 .items = items + row,
                                                 .count = (size_t)(end - row)};
    }
}

double search_stats_rows(const struct store *store, const struct table *table)
{
    const struct search_stats *stats = store->search_stats;
    double rows = stats ? stats->tables[table->id].rows : 0;

    return rows >= 1 ? rows : UNKNOWN_ROWS;
}

double search_stats_token(const struct store *store, const struct table *table, int64_t token)
{
    const struct search_stats *stats = store->search_stats;
    const struct frequencies *known = stats ? &stats->tables[table->id] : NULL;

    if (!known || known->count == 0)
        return RARE_ROWS;
    const int64_t *found = bsearch(&token, known->tokens, known->count, sizeof(token), compare);
    if (!found)
        return RARE_ROWS;
    return known->rows * (double)known->per_million[found - known->tokens] / 1e6;
}

double search_stats_word(const struct store *store, const struct table *table, struct text word,
                         bool begins)
{
    const struct search_stats *stats = store->search_stats;
    const struct words *words = stats ? &stats->words[table->id] : NULL;
    double share = 0;

    if (!words || words->count == 0)
        return RARE_ROWS;
    for (size_t i = first_from(words, word);
         i < words->count && (begins ? text_starts_with(words->items[i].lexeme, word)
                                     : text_equals(words->items[i].lexeme, word));
         i++)
        share += words->items[i].share;
    return share > 0 ? words->rows * (share < 1 ? share : 1) : RARE_ROWS;
}

double search_stats_words_of(const struct store *store, const struct table *table, int64_t h)
{
    const struct search_stats *stats = store->search_stats;
    const struct words *words = stats ? &stats->words[table->id] : NULL;
    char mark[20];

    snprintf(mark, sizeof(mark), "%" PRIX64, (uint64_t)h);
    size_t at = words ? first_from(words, text_of(mark)) : 0;
    return words && at < words->count && text_is(words->items[at].lexeme, mark)
               ? words->items[at].share
               : 1;
}

static int compare_text(struct text a, struct text b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.data, b.data, size) : 0;

    return order ? order : a.size < b.size ? -1 : a.size > b.size;
}

static size_t first_from(const struct words *words, struct text word)
{
    size_t low = 0, end = words->count;

    while (low < end) {
        size_t middle = low + (end - low) / 2;

        if (compare_text(words->items[middle].lexeme, word) < 0)
            low = middle + 1;
        else
            end = middle;
    }
    return low;
}

bool search_stats_has_without(const struct store *store, const struct table *table, int64_t token)
{
    const struct search_stats *stats = store->search_stats;
    const struct frequencies *known = stats ? &stats->tables[table->id] : NULL;

    for (size_t i = 0; known && i < known->without_count; i++)
        if (known->without[i] == token)
            return true;
    return false;
}

bool search_stats_has_ids(const struct store *store, const struct table *table)
{
    return store->search_stats && store->search_stats->tables[table->id].has_ids;
}

bool search_stats_has_trigrams(const struct store *store)
{
    return store->search_stats && store->search_stats->has_trigrams;
}

void search_stats_forget(void)
{
    atomic_fetch_add(&changes, 1);
}

double search_stats_quantity(const struct store *store, const struct table *table, double number)
{
    const struct search_stats *stats = store->search_stats;
    const struct frequencies *known = stats ? &stats->tables[table->id] : NULL;
    size_t below = 0;

    if (!known || known->quantity_count < 2)
        return -1;
    while (below < known->quantity_count && (double)known->quantities[below] / 1000 < number)
        below++;
    return (double)below / (double)known->quantity_count;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static bool is_seen(const struct seen *seen, const struct type *type, int64_t token)
{
    for (size_t i = 0; i < seen->count; i++)
        if (seen->rows[i].token == token && seen->rows[i].type == type->number)
            return true;
    return false;
}

/* What does not fit is asked for again. */
static void note(struct seen *seen, const struct type *type, int64_t token)
{
    if (seen->count == SEEN_MAX || is_seen(seen, type, token))
        return;
    seen->rows[seen->count].token = token;
    seen->rows[seen->count++].type = type->number;
}

bool search_stats_is_second(const struct store *store, const struct type *type, int64_t code)
{
    return store->search_stats && is_seen(&store->search_stats->seconds, type, code);
}

void search_stats_note_second(struct store *store, const struct type *type, int64_t code)
{
    note(&make(store)->seconds, type, code);
}

bool search_stats_has_unit(const struct store *store, const struct type *type, int64_t token)
{
    return store->search_stats && is_seen(&store->search_stats->units, type, token);
}

void search_stats_note_unit(struct store *store, const struct type *type, int64_t token)
{
    note(&make(store)->units, type, token);
}

bool search_stats_contains(const struct store *store, const struct type *type,
                           const struct type *target)
{
    const struct search_stats *stats = store->search_stats;

    return stats && stats->contains[type->number][target->number];
}

void search_stats_note_contains(struct store *store, const struct type *type,
                                const struct type *target)
{
    assert(resource_type_count() <= TYPES_MAX);
    make(store)->contains[type->number][target->number] = true;
}
