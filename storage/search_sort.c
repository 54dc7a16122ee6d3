/*
 * Search sort - looking at all matches, keeping what they are sorted by.
 */

#include "storage/search_sort.h"

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/search_values.h"
#include "fhir/type.h"
#include "storage/cursor.h"
#include "storage/row.h"
#include "storage/search_each.h"
#include "storage/search_row.h"
#include "storage/search_source.h"

/* One match; keys as many as the query sorts by. */
struct match {
    const struct type *type;
    int64_t rkey;
    struct search_key_value *keys;
};

struct sorting {
    struct store *store;
    const struct access *access;
    const struct query *query;
    struct arena *arena;
    struct match *matches;
    size_t count, room;
};

static bool is_looked_at(const struct query_sort *sort);
static bool gather(struct sorting *sorting, struct err *err);
static void visit(void *context, const struct search_plan *plan, int64_t rkey,
                  const struct store_version *version);
static void set_keys(struct sorting *sorting, const struct store_version *version,
                     struct match *match);
static void keep_first(const struct search_value *value, const struct query_sort *sort,
                       struct arena *arena, struct search_key_value *first);
static bool key_of(const struct search_value *value, struct arena *arena,
                   struct search_key_value *key);
static struct text lower(struct text text, struct arena *arena);
static int compare_matches(const void *a, const void *b, void *context);
static int compare_keys(const struct search_key_value *a, const struct search_key_value *b,
                        const struct query_sort *sort);
static int compare_values(const struct search_key_value *a, const struct search_key_value *b);
static bool find_start(struct sorting *sorting, size_t *start, struct err *err);
static bool fetch(struct sorting *sorting, const struct match *matches, size_t count,
                  struct store_page *page, int64_t *rkeys, struct err *err);
static bool fetch_type(struct sorting *sorting, const struct type *type, const int64_t *keys,
                       size_t count, struct store_version *found, struct err *err);
static bool fetch_from(struct sorting *sorting, const struct type *type, bool contained,
                       const int64_t *keys, size_t count, struct store_version *found,
                       struct err *err);
static const char *write_cursor(const struct sorting *sorting, const struct match *last);
static uint64_t identity(const struct sorting *sorting);

bool search_sort_is_needed(const struct query *query)
{
    for (size_t i = 0; i < query->sort_count; i++)
        if (query->type_count > 0 || is_looked_at(&query->sorts[i]))
            return true;
    return false;
}

static bool is_looked_at(const struct query_sort *sort)
{
    if (sort->subject != QUERY_VALUE)
        return false;
    switch (sort->param->search_type) {
    case SEARCH_TOKEN:
    case SEARCH_REFERENCE:
    case SEARCH_URI:
        return true;
    default:
        return search_union_of(sort->param) != NULL;
    }
}

bool search_sort(struct store *store, const struct access *access, const struct query *query,
                 struct arena *arena, struct store_page *page, int64_t **rkeys, struct err *err)
{
    struct sorting sorting = {.store = store, .access = access, .query = query, .arena = arena};
    size_t start = 0;

    if (!gather(&sorting, err))
        return false;
    if (sorting.count > 0)
        qsort_r(sorting.matches, sorting.count, sizeof(sorting.matches[0]), compare_matches,
                &sorting);
    if (query->page.data && !find_start(&sorting, &start, err))
        return false;

    size_t left = sorting.count - start, count = left < query->count ? left : query->count;
    *rkeys = arena_many(arena, int64_t, count + 1);
    page->entries = arena_many(arena, struct store_entry, count + 1);
    page->has_total = query->total != QUERY_TOTAL_NONE;
    page->total = (int64_t)sorting.count;
    if (count > 0 && count < left)
        page->next = write_cursor(&sorting, &sorting.matches[start + count - 1]);
    return count == 0 || fetch(&sorting, &sorting.matches[start], count, page, *rkeys, err);
}

static bool gather(struct sorting *sorting, struct err *err)
{
    const struct query *query = sorting->query;
    const struct query *const *types = query->type_count ? query->types : &query;
    size_t type_count = query->type_count ? query->type_count : 1;

    for (size_t i = 0; i < type_count; i++) {
        bool more = false;

        if (!types[i])
            continue;
        if (!search_each(sorting->store, sorting->store->search, sorting->access, types[i],
                         SEARCH_SORT_MAX - sorting->count, sorting->arena, visit, sorting, &more,
                         err))
            return false;
        if (more)
            return err_set(err, ERR_UNPROCESSABLE, "_sort",
                           "More than %d resources match, which is too many to sort in this way; "
                           "add criteria such as a patient, a code or a date, or sort by a date.",
                           SEARCH_SORT_MAX);
    }
    return true;
}

static void visit(void *context, const struct search_plan *plan, int64_t rkey,
                  const struct store_version *version)
{
    struct sorting *sorting = context;

    if (sorting->count == sorting->room) {
        struct match *old = sorting->matches;

        sorting->room = sorting->room ? 2 * sorting->room : 64;
        sorting->matches = arena_many(sorting->arena, struct match, sorting->room);
        if (old)
            memcpy(sorting->matches, old, sorting->count * sizeof(old[0]));
    }
    struct match *match = &sorting->matches[sorting->count++];
    *match = (struct match){
        .type = plan->type,
        .rkey = rkey,
        .keys = arena_many(sorting->arena, struct search_key_value, sorting->query->sort_count),
    };
    set_keys(sorting, version, match);
}

/* What cannot be read has no values, and so comes last. */
static void set_keys(struct sorting *sorting, const struct store_version *version,
                     struct match *match)
{
    struct arena *arena = arena_new();
    struct node *resource = search_parse(version, arena);
    struct search_values values = {0};

    if (resource)
        search_values_extract(resource, arena, &values, NULL);
    for (size_t i = 0; i < sorting->query->sort_count; i++) {
        const struct query_sort *sort = &sorting->query->sorts[i];
        struct search_key_value *key = &match->keys[i];

        key->null = sort->subject == QUERY_VALUE;
        if (sort->subject == QUERY_ID)
            key->text = text_of(version->id);
        else if (sort->subject == QUERY_LAST_UPDATED)
            key->time = version->last_updated;
        for (size_t k = 0; sort->subject == QUERY_VALUE && k < values.count; k++)
            if (values.items[k].param == sort->param)
                keep_first(&values.items[k], sort, arena, key);
        if (key->text.data)
            key->text.data = arena_strndup(sorting->arena, key->text.data, key->text.size);
    }
    arena_free(arena);
}

/* A string is sorted by all its forms, as by the rows of its index. */
static void keep_first(const struct search_value *value, const struct query_sort *sort,
                       struct arena *arena, struct search_key_value *first)
{
    struct search_key_value one = {0};
    struct text norms[TEXT_FORMS_MAX];
    bool cut;
    size_t count = value->type == SEARCH_STRING ? row_norms(arena, value->text, norms, &cut) : 1;

    for (size_t i = 0; i < count; i++) {
        if (value->type == SEARCH_STRING)
            one.text = norms[i];
        else if (!key_of(value, arena, &one))
            return;
        if (compare_keys(&one, first, sort) < 0)
            *first = one;
    }
}

/* What a value is sorted by that is no string, cut to what an index would keep. False: by nothing.
 */
static bool key_of(const struct search_value *value, struct arena *arena,
                   struct search_key_value *key)
{
    switch (value->type) {
    case SEARCH_TOKEN:
        key->text = value->code.data ? lower(value->code, arena) : (struct text){0};
        break;
    case SEARCH_DATE:
        key->time = value->time_low;
        return true;
    case SEARCH_NUMBER:
    case SEARCH_QUANTITY:
        key->number = value->exact ? value->number : value->number_low;
        return true;
    default:
        key->text = value->text;
        break;
    }
    if (key->text.size > ROW_NORM_MAX)
        key->text.size = ROW_NORM_MAX;
    return key->text.size > 0;
}

static struct text lower(struct text text, struct arena *arena)
{
    char *out = arena_strndup(arena, text.data, text.size);

    for (size_t i = 0; i < text.size; i++)
        if (out[i] >= 'A' && out[i] <= 'Z')
            out[i] = (char)(out[i] + 'a' - 'A');
    return (struct text){out, text.size};
}

static int compare_matches(const void *a, const void *b, void *context)
{
    const struct sorting *sorting = context;
    const struct match *one = a, *other = b;

    for (size_t i = 0; i < sorting->query->sort_count; i++) {
        int order = compare_keys(&one->keys[i], &other->keys[i], &sorting->query->sorts[i]);

        if (order)
            return order;
    }
    return one->rkey < other->rkey ? -1 : one->rkey > other->rkey;
}

/* What has no value comes last, whatever the direction. */
static int compare_keys(const struct search_key_value *a, const struct search_key_value *b,
                        const struct query_sort *sort)
{
    if (a->null || b->null)
        return a->null - b->null;
    return sort->descending ? compare_values(b, a) : compare_values(a, b);
}

static int compare_values(const struct search_key_value *a, const struct search_key_value *b)
{
    size_t size = a->text.size < b->text.size ? a->text.size : b->text.size;
    int order = size ? memcmp(a->text.data, b->text.data, size) : 0;

    if (order)
        return order;
    if (a->text.size != b->text.size)
        return a->text.size < b->text.size ? -1 : 1;
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

/* The first match behind the one that the cursor names, which may be gone. */
static bool find_start(struct sorting *sorting, size_t *start, struct err *err)
{
    size_t sort_count = sorting->query->sort_count;
    struct match last = {.keys = arena_many(sorting->arena, struct search_key_value, sort_count)};
    struct cursor cursor;

    if (!cursor_open(&cursor, sorting->arena, sorting->query->page, &sorting->store->cursor_key,
                     identity(sorting), err))
        return false;
    for (size_t i = 0; i < sort_count; i++) {
        last.keys[i].null = cursor_take_int(&cursor) != 0;
        last.keys[i].time = cursor_take_int(&cursor);
        last.keys[i].number = cursor_take_float(&cursor);
        last.keys[i].text = cursor_take_text(&cursor);
    }
    last.rkey = cursor_take_int(&cursor);
    while (*start < sorting->count &&
           compare_matches(&sorting->matches[*start], &last, sorting) <= 0)
        (*start)++;
    return cursor_end(&cursor, err);
}

/* The matches again, with their bodies, which were not kept. One that is gone by now is left out.
 */
static bool fetch(struct sorting *sorting, const struct match *matches, size_t count,
                  struct store_page *page, int64_t *rkeys, struct err *err)
{
    int64_t *keys = arena_many(sorting->arena, int64_t, count);
    struct store_version *found = arena_many(sorting->arena, struct store_version, count);
    bool *done = arena_many(sorting->arena, bool, resource_type_count());

    for (size_t i = 0; i < count; i++)
        keys[i] = matches[i].rkey;
    for (size_t i = 0; i < count; i++) {
        if (done[matches[i].type->number])
            continue;
        done[matches[i].type->number] = true;
        if (!fetch_type(sorting, matches[i].type, keys, count, found, err))
            return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!found[i].json)
            continue;
        rkeys[page->count] = keys[i];
        page->entries[page->count++] =
            (struct store_entry){.mode = STORE_MATCH, .version = found[i]};
    }
    return true;
}

static bool fetch_type(struct sorting *sorting, const struct type *type, const int64_t *keys,
                       size_t count, struct store_version *found, struct err *err)
{
    const struct query *query = sorting->query;
    bool inside = query->contained != QUERY_OUTER && !query->containers;
    bool outside = !inside || query->contained == QUERY_BOTH;

    return (!outside || fetch_from(sorting, type, false, keys, count, found, err)) &&
           (!inside || fetch_from(sorting, type, true, keys, count, found, err));
}

/* Of resources, or of what they contain. */
static bool fetch_from(struct sorting *sorting, const struct type *type, bool contained,
                       const int64_t *keys, size_t count, struct store_version *found,
                       struct err *err)
{
    struct search_plan plan = {
        .store = sorting->store, .arena = sorting->arena, .tokens.contained = contained};
    struct search_sql sql = search_sql_in(sorting->arena);
    const struct table *table = contained ? table_of_contained() : table_of(type);
    const struct pg_result *result;

    sql_add(&sql, "select " SEARCH_COLUMNS " from %s t where t.rkey = any(", table->name);
    sql_int8s(&sql, keys, count);
    sql_add(&sql, ")");
    sql_and_visible(&sql, sorting->access, type, "t");
    if (!pg_query_sql(sorting->store->search, buf_text(&sql.text), &sql.params, sorting->arena,
                      &result, err))
        return false;
    for (int row = 0; row < pg_rows(result); row++)
        for (size_t i = 0; i < count; i++)
            if (keys[i] == pg_int8(result, row, COLUMN_RKEY) &&
                !search_version(&plan, type, result, row, &found[i], err))
                return false;
    return true;
}

static const char *write_cursor(const struct sorting *sorting, const struct match *last)
{
    struct cursor cursor = cursor_begin(sorting->arena);

    for (size_t i = 0; i < sorting->query->sort_count; i++) {
        cursor_put_int(&cursor, last->keys[i].null);
        cursor_put_int(&cursor, last->keys[i].time);
        cursor_put_float(&cursor, last->keys[i].number);
        cursor_put_text(&cursor, last->keys[i].text);
    }
    cursor_put_int(&cursor, last->rkey);
    return cursor_text(&cursor, &sorting->store->cursor_key, identity(sorting));
}

static uint64_t identity(const struct sorting *sorting)
{
    struct buf text = buf_in(sorting->arena);
    struct hash_state state;

    query_write_identity(sorting->query, &text);
    hash_init(&state, &sorting->store->cursor_key);
    hash_part(&state, "sort", 4);
    hash_number(&state, (uint32_t)sorting->access->tenant);
    hash_part(&state, text.data, text.size);
    return hash_done(&state);
}
