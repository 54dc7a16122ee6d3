/*
 * Search include - collect references, fetch what they name.
 */

#include "storage/search_include.h"

#include "base/arena.h"
#include "fhir/search_values.h"
#include "fhir/type.h"
#include "storage/search_row.h"

#include <assert.h>

/* Keys of resources, sorted. */
struct keys {
    int64_t *items;
    size_t count, room;
};

struct including {
    const struct search_plan *plan;
    struct keys *wanted; /* by number of their type */
    size_t wanted_count;
    struct keys seen; /* on this page already */
    size_t matches;   /* how many of them are matches */
    struct pg_reply *replies;
    const struct type **reply_types;
    size_t reply_count, reply_room;
    struct store_page *page;
    size_t entry_room;
    unsigned most; /* resources that may come along */
};

static void collect(struct including *including, const struct store_version *version);
static void collect_value(struct including *including, const struct search_value *value);
static bool is_wanted(const struct query_include *include, const struct search_value *value);
static void send_wanted(struct including *including);
static void send_referring(struct including *including, const struct query_include *include,
                           const int64_t *rkeys, size_t count);
static void send_referring_by(struct including *including, const struct search_param *param,
                              const struct type *source, const int64_t *rkeys, size_t count);
static bool may_refer(const struct query_include *include, const struct search_param *param,
                      const char *type);
static void send(struct including *including, struct search_sql *sql, const struct type *type);
static bool receive(struct including *including, struct err *err);
static bool take_rows(struct including *including, const struct type *type,
                      const struct pg_result *result, struct err *err);
static bool insert(struct arena *arena, struct keys *keys, int64_t key);
static bool refuse_too_many(const struct including *including, struct err *err);
static void *grow(struct arena *arena, void *items, size_t count, size_t *room, size_t size);

bool search_include(const struct search_plan *plan, const int64_t *rkeys, struct store_page *page,
                    struct err *err)
{
    const struct query *query = plan->query;
    size_t matches = page->count;
    struct including including = {
        .plan = plan,
        .wanted = arena_many(plan->arena, struct keys, resource_type_count()),
        .page = page,
        .entry_room = page->count,
        .most =
            plan->store->config.include_max ? plan->store->config.include_max : SEARCH_INCLUDES_MAX,
    };
    bool forward = false;

    for (size_t i = 0; i < matches; i++)
        insert(plan->arena, &including.seen, rkeys[i]);
    including.matches = including.seen.count;
    for (size_t i = 0; i < query->include_count; i++)
        forward |= !query->includes[i].reverse;
    for (size_t i = 0; forward && i < matches; i++)
        collect(&including, &page->entries[i].version);
    if (including.wanted_count > including.most)
        return refuse_too_many(&including, err);

    send_wanted(&including);
    for (size_t i = 0; matches > 0 && i < query->include_count; i++)
        if (query->includes[i].reverse)
            send_referring(&including, &query->includes[i], rkeys, matches);
    return receive(&including, err);
}

/* What was stored can be read; if it cannot, there is nothing to follow. */
static void collect(struct including *including, const struct store_version *version)
{
    struct arena *arena = including->plan->arena;
    struct search_values values;
    struct node *resource = search_parse(version, arena);

    if (!resource)
        return;
    search_values_extract(resource, arena, &values, NULL);
    for (size_t i = 0; i < values.count; i++)
        collect_value(including, &values.items[i]);
}

static void collect_value(struct including *including, const struct search_value *value)
{
    const struct search_plan *plan = including->plan;
    const struct query *query = plan->query;

    if (value->type != SEARCH_REFERENCE || !value->reference_id.data || value->reference_base.data)
        return;
    for (size_t i = 0; i < query->include_count; i++) {
        const struct type *type = resource_type_find(value->reference_type);

        if (!type || !is_wanted(&query->includes[i], value))
            continue;
        including->wanted_count +=
            insert(plan->arena, &including->wanted[type->number],
                   token_rkey(&plan->tokens, value->reference_type, value->reference_id));
        return;
    }
}

static bool is_wanted(const struct query_include *include, const struct search_value *value)
{
    return !include->reverse && (!include->param || include->param == value->param) &&
           (!include->target || text_is(value->reference_type, include->target));
}

static void send_wanted(struct including *including)
{
    const struct search_plan *plan = including->plan;

    for (unsigned number = 0; number < resource_type_count(); number++) {
        struct keys *wanted = &including->wanted[number];
        const struct type *type = type_at(number);
        struct search_sql sql;

        if (wanted->count == 0)
            continue;
        sql = search_sql_in(plan->arena);
        sql_add(&sql, "select " SEARCH_COLUMNS " from %s t where t.rkey = any(",
                table_of(type)->name);
        sql_int8s(&sql, wanted->items, wanted->count);
        sql_add(&sql, ")");
        sql_and_visible(&sql, plan->access, type, "t");
        send(including, &sql, type);
    }
}

static void send_referring(struct including *including, const struct query_include *include,
                           const int64_t *rkeys, size_t count)
{
    const struct type *source = resource_type_find(text_of(include->source));
    unsigned param_count;
    const struct search_param *params = search_params_of(include->source, &param_count);

    for (unsigned i = 0; i < param_count; i++)
        if (may_refer(include, &params[i], including->plan->query->type))
            send_referring_by(including, &params[i], source, rkeys, count);
}

static bool may_refer(const struct query_include *include, const struct search_param *param,
                      const char *type)
{
    if (include->param)
        return include->param == param;
    if (param->search_type != SEARCH_REFERENCE || !query_can_search(param))
        return false;
    for (const char *const *target = param->targets; target && *target; target++)
        if (strcmp(*target, type) == 0)
            return true;
    return !param->targets;
}

/* By the column where that knows all references, else by their tokens. */
static void send_referring_by(struct including *including, const struct search_param *param,
                              const struct type *source, const int64_t *rkeys, size_t count)
{
    const struct search_plan *plan = including->plan;
    const struct columns *columns = columns_of(source);
    struct search_sql sql = search_sql_in(plan->arena);
    int64_t *tokens = arena_many(plan->arena, int64_t, count);

    sql_add(&sql, "select " SEARCH_COLUMNS " from (select * from %s t where ",
            table_of(source)->name);
    if (param == columns->patient && !columns->patient_repeats &&
        strcmp(plan->query->type, "Patient") == 0) {
        sql_add(&sql, "t.patient = any(");
        sql_int8s(&sql, rkeys, count);
        sql_add(&sql, ")");
    } else {
        for (size_t i = 0; i < count; i++)
            tokens[i] = token_reference(&plan->tokens, param, rkeys[i]);
        sql_add(&sql, "t.toks && ");
        sql_int8s(&sql, tokens, count);
    }
    sql_add(&sql, " offset 0) t where true");
    sql_and_visible(&sql, plan->access, source, "t");
    sql_add(&sql, " limit %u", including->most + 1);
    send(including, &sql, source);
}

static void send(struct including *including, struct search_sql *sql, const struct type *type)
{
    const struct search_plan *plan = including->plan;
    struct arena *arena = plan->arena;

    /* A reply must not move while it is under way. */
    if (including->reply_count == including->reply_room) {
        assert(including->reply_room == 0);
        including->reply_room = resource_type_count() * (1 + plan->query->include_count) + 512;
        including->replies = arena_many(arena, struct pg_reply, including->reply_room);
        including->reply_types = arena_many(arena, const struct type *, including->reply_room);
    }
    struct pg_params *params = arena_one(arena, struct pg_params);
    *params = sql->params;
    including->reply_types[including->reply_count] = type;
    pg_send_sql(plan->store->search, buf_text(&sql->text), params, arena,
                &including->replies[including->reply_count++]);
}

/* Every reply is waited for, even behind a failure. */
static bool receive(struct including *including, struct err *err)
{
    bool good = true;

    for (size_t i = 0; i < including->reply_count; i++) {
        const struct pg_result *result;

        if (!good)
            pg_drop(&including->replies[i]);
        else
            good = pg_wait(&including->replies[i], &result, err) &&
                   take_rows(including, including->reply_types[i], result, err);
    }
    return good;
}

static bool take_rows(struct including *including, const struct type *type,
                      const struct pg_result *result, struct err *err)
{
    const struct search_plan *plan = including->plan;
    struct store_page *page = including->page;

    for (int row = 0; row < pg_rows(result); row++) {
        if (!insert(plan->arena, &including->seen, pg_int8(result, row, COLUMN_RKEY)))
            continue;
        if (including->seen.count - including->matches > including->most)
            return refuse_too_many(including, err);

        page->entries = grow(plan->arena, page->entries, page->count, &including->entry_room,
                             sizeof(page->entries[0]));
        struct store_entry *entry = &page->entries[page->count];
        *entry = (struct store_entry){.mode = STORE_INCLUDE};
        if (!search_version(plan, type, result, row, &entry->version, err))
            return false;
        page->count++;
    }
    return true;
}

static bool refuse_too_many(const struct including *including, struct err *err)
{
    return err_set(err, ERR_UNPROCESSABLE, "_include",
                   "More than %u resources would come along with this page; ask for fewer matches "
                   "with _count.",
                   including->most);
}

/* Whether the key is new. */
static bool insert(struct arena *arena, struct keys *keys, int64_t key)
{
    size_t low = 0, high = keys->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (keys->items[middle] == key)
            return false;
        if (keys->items[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    keys->items = grow(arena, keys->items, keys->count, &keys->room, sizeof(keys->items[0]));
    memmove(&keys->items[low + 1], &keys->items[low], (keys->count - low) * sizeof(key));
    keys->items[low] = key;
    keys->count++;
    return true;
}

/* Room for one more. */
static void *grow(struct arena *arena, void *items, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return items;
    *room = *room ? 2 * *room : 16;
    void *grown = arena_alloc_many(arena, size, *room);
    if (count > 0)
        memcpy(grown, items, count * size);
    return grown;
}
