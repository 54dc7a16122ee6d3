/*
 * Everything - the record of a patient or an encounter, page by page; see everything.h.
 */

#include "storage/everything.h"

#include "base/arena.h"
#include "storage/cursor.h"
#include "storage/search_source.h"

static bool begin(struct everything *everything, bool *exists, struct err *err);
static void choose_types(struct everything *everything);
static bool read_cursor(struct everything *everything, struct err *err);
static const char *write_cursor(const struct everything *everything,
                                const struct everything_position *last);
static uint64_t identity(const struct everything *everything);
static bool fill(const struct everything *everything, struct store_page *page,
                 struct everything_position *last, bool *more, struct err *err);
static bool take_row(const struct everything *everything, const struct pg_result *result, int row,
                     struct store_page *page, struct err *err);

bool store_everything(struct store *store, const struct access *access,
                      const struct store_everything_query *query, struct arena *arena,
                      struct store_page *page, struct err *err)
{
    struct everything everything = {
        .store = store,
        .access = access,
        .query = query,
        .arena = arena,
        .tokens = store_tokens(store, access),
        .of_encounter = strcmp(query->type, "Encounter") == 0,
    };
    bool exists, more = false;

    *page = (struct store_page){0};
    everything.type = store_type(query->type, err);
    if (!everything.type || !begin(&everything, &exists, err))
        return false;
    if (!exists)
        return true;
    store->counters.searches++;
    struct everything_position last = everything.from;
    page->entries = arena_many(arena, struct store_entry, query->count);
    if (everything.from.place < PLACE_REFERRED && !fill(&everything, page, &last, &more, err))
        return false;
    bool page_has_all = !query->cursor && everything.any_type;
    if (!more && !everything_referred(&everything, page_has_all, page, &last, &more, err))
        return false;
    if (more)
        page->next = write_cursor(&everything, &last);
    return true;
}

/* Waits. Whose the encounter is says its row. */
static bool begin(struct everything *everything, bool *exists, struct err *err)
{
    const struct store_everything_query *query = everything->query;
    struct search_sql sql = search_sql_in(everything->arena);
    const struct pg_result *result;

    everything->rkey = token_rkey(&everything->tokens, text_of(query->type), text_of(query->id));
    choose_types(everything);
    if (query->cursor && !read_cursor(everything, err))
        return false;
    sql_add(&sql, "select t.patient from %s t where t.rkey = ", table_of(everything->type)->name);
    sql_int8(&sql, everything->rkey);
    sql_and_visible(&sql, everything->access, everything->type, "t");
    if (!pg_query_sql(everything->store->search, buf_text(&sql.text), &sql.params,
                      everything->arena, &result, err))
        return false;
    *exists = pg_rows(result) > 0;
    everything->has_patient = *exists && !pg_is_null(result, 0, 0);
    if (everything->has_patient)
        everything->patient = pg_int8(result, 0, 0);
    return true;
}

static void choose_types(struct everything *everything)
{
    const struct store_everything_query *query = everything->query;

    everything->any_type = query->type_count == 0;
    everything->wanted = arena_many(everything->arena, bool, resource_type_count());
    for (unsigned i = 0; i < resource_type_count(); i++)
        everything->wanted[i] = everything->any_type;
    for (size_t i = 0; i < query->type_count; i++) {
        const struct type *type = resource_type_find(query->types[i]);

        if (type)
            everything->wanted[type->number] = true;
    }
}

static bool read_cursor(struct everything *everything, struct err *err)
{
    struct everything_position *from = &everything->from;
    struct cursor cursor;

    if (!cursor_open(&cursor, everything->arena, text_of(everything->query->cursor),
                     &everything->store->cursor_key, identity(everything), err))
        return false;
    from->place = cursor_take_int(&cursor);
    from->d = cursor_take_int(&cursor);
    from->type = cursor_take_int(&cursor);
    from->rkey = cursor_take_int(&cursor);
    return cursor_end(&cursor, err);
}

static const char *write_cursor(const struct everything *everything,
                                const struct everything_position *last)
{
    struct cursor cursor = cursor_begin(everything->arena);

    cursor_put_int(&cursor, last->place);
    cursor_put_int(&cursor, last->d);
    cursor_put_int(&cursor, last->type);
    cursor_put_int(&cursor, last->rkey);
    return cursor_text(&cursor, &everything->store->cursor_key, identity(everything));
}

static uint64_t identity(const struct everything *everything)
{
    const struct store_everything_query *query = everything->query;
    struct hash_state state;

    hash_init(&state, &everything->store->cursor_key);
    hash_part(&state, "everything", 10);
    hash_number(&state, (uint32_t)everything->access->tenant);
    hash_number(&state, (uint64_t)everything->rkey);
    hash_number(&state, (uint64_t)query->start);
    hash_number(&state, (uint64_t)query->end);
    hash_number(&state, (uint64_t)query->since);
    for (unsigned i = 0; i < resource_type_count(); i++)
        if (everything->wanted[i])
            hash_number(&state, i);
    return hash_done(&state);
}

static bool fill(const struct everything *everything, struct store_page *page,
                 struct everything_position *last, bool *more, struct err *err)
{
    struct search_sql sql = search_sql_in(everything->arena);
    const struct pg_result *result;

    if (!everything_compartment(everything, &everything->from, false, everything->query->count + 1,
                                &sql))
        return true;
    if (!pg_query_sql(everything->store->search, buf_text(&sql.text), &sql.params,
                      everything->arena, &result, err))
        return false;
    for (int row = 0; row < pg_rows(result); row++) {
        *more = page->count == everything->query->count;
        if (*more)
            return true;
        if (!take_row(everything, result, row, page, err))
            return false;
        *last = everything_place_of(result, row);
    }
    return true;
}

static bool take_row(const struct everything *everything, const struct pg_result *result, int row,
                     struct store_page *page, struct err *err)
{
    struct store_entry *entry = &page->entries[page->count++];

    entry->mode = STORE_MATCH;
    return store_version_fill(
        everything->store, &entry->version, table_type_name(pg_int2(result, row, EVERYTHING_RTYPE)),
        text_dup(everything->arena, pg_text(result, row, COLUMN_ID)),
        pg_int4(result, row, COLUMN_VER), pg_timestamp(result, row, COLUMN_UPDATED),
        pg_char(result, row, COLUMN_OP), pg_bytea(result, row, COLUMN_BODY), everything->arena,
        err);
}
