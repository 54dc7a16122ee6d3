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

/* The entries of the page that are followed in one round: the matches first, then, where an
 * include iterates, what came along in the round before. */
struct round {
    bool first;
    size_t from, to;
};

/* A statement under way. */
struct sent {
    struct pg_reply reply;
    const struct type *type; /* of its rows */
    struct sent *next;
};

struct including {
    const struct search_plan *plan;
    struct round round;
    struct keys *wanted; /* by number of their type */
    size_t wanted_count;
    struct keys seen;                    /* on this page already */
    size_t matches;                      /* how many of them are matches */
    struct sent *first_sent, **sent_end; /* of the round */
    struct store_page *page;
    size_t entry_room;
    int64_t *rkeys; /* of the entries */
    size_t rkey_room;
    unsigned most; /* resources that may come along */
};

static bool run_round(struct including *including, struct err *err);
static bool is_active(const struct including *including, const struct query_include *include);
static void collect(struct including *including, const struct store_version *version);
static void collect_value(struct including *including, const char *source,
                          const struct search_value *value);
static bool is_wanted(const struct query_include *include, const char *source,
                      const struct search_value *value);
static void send_wanted(struct including *including);
static void send_referring(struct including *including, const struct query_include *include);
static void send_referring_to(struct including *including, const struct query_include *include,
                              const char *type, const int64_t *rkeys, size_t count);
static void send_referring_by(struct including *including, const struct search_param *param,
                              const char *type, const int64_t *rkeys, size_t count);
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
    size_t matches = page->count;
    struct including including = {
        .plan = plan,
        .wanted = arena_many(plan->arena, struct keys, resource_type_count()),
        .round = {.first = true, .to = matches},
        .page = page,
        .entry_room = matches,
        .rkeys = arena_many(plan->arena, int64_t, matches),
        .rkey_room = matches,
        .most =
            plan->store->config.include_max ? plan->store->config.include_max : SEARCH_INCLUDES_MAX,
    };

    for (size_t i = 0; i < matches; i++) {
        including.rkeys[i] = rkeys[i];
        insert(plan->arena, &including.seen, rkeys[i]);
    }
    including.matches = including.seen.count;
    while (including.round.from < including.round.to) {
        if (!run_round(&including, err))
            return false;
        including.round = (struct round){.from = including.round.to, .to = page->count};
    }
    return true;
}

static bool run_round(struct including *including, struct err *err)
{
    const struct query *query = including->plan->query;
    const struct round *round = &including->round;
    bool forward = false, any = false;

    for (size_t i = 0; i < query->include_count; i++) {
        any |= is_active(including, &query->includes[i]);
        forward |= is_active(including, &query->includes[i]) && !query->includes[i].reverse;
    }
    if (!any)
        return true;
    for (unsigned i = 0; i < resource_type_count(); i++)
        including->wanted[i] = (struct keys){0};
    including->wanted_count = 0;
    including->first_sent = NULL;
    including->sent_end = &including->first_sent;

    for (size_t i = round->from; forward && i < round->to; i++)
        collect(including, &including->page->entries[i].version);
    if (including->wanted_count > including->most)
        return refuse_too_many(including, err);

    send_wanted(including);
    for (size_t i = 0; i < query->include_count; i++)
        if (is_active(including, &query->includes[i]) && query->includes[i].reverse)
            send_referring(including, &query->includes[i]);
    return receive(including, err);
}

static bool is_active(const struct including *including, const struct query_include *include)
{
    return including->round.first || include->iterate;
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
        collect_value(including, version->type, &values.items[i]);
}

static void collect_value(struct including *including, const char *source,
                          const struct search_value *value)
{
    const struct search_plan *plan = including->plan;
    const struct query *query = plan->query;

    if (value->type != SEARCH_REFERENCE || !value->reference_id.data || value->reference_base.data)
        return;
    for (size_t i = 0; i < query->include_count; i++) {
        const struct type *type = resource_type_find(value->reference_type);

        if (!type || !is_active(including, &query->includes[i]) ||
            !is_wanted(&query->includes[i], source, value))
            continue;
        including->wanted_count +=
            insert(plan->arena, &including->wanted[type->number],
                   token_rkey(&plan->tokens, value->reference_type, value->reference_id));
        return;
    }
}

static bool is_wanted(const struct query_include *include, const char *source,
                      const struct search_value *value)
{
    return !include->reverse && (!include->source || strcmp(include->source, source) == 0) &&
           (!include->param || include->param == value->param) &&
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

/* Type by type: a reference is found by the kind of what it refers to. */
static void send_referring(struct including *including, const struct query_include *include)
{
    const struct round *round = &including->round;
    const struct store_entry *entries = including->page->entries;
    int64_t *rkeys = arena_many(including->plan->arena, int64_t, round->to - round->from);
    bool *done = arena_many(including->plan->arena, bool, resource_type_count());

    for (size_t i = round->from; i < round->to; i++) {
        const char *type = entries[i].version.type;
        unsigned number = resource_type_find(text_of(type))->number;
        size_t count = 0;

        if (done[number] || (include->target && strcmp(include->target, type) != 0))
            continue;
        done[number] = true;
        for (size_t k = i; k < round->to; k++)
            if (strcmp(entries[k].version.type, type) == 0)
                rkeys[count++] = including->rkeys[k];
        send_referring_to(including, include, type, rkeys, count);
    }
}

static void send_referring_to(struct including *including, const struct query_include *include,
                              const char *type, const int64_t *rkeys, size_t count)
{
    unsigned param_count;
    const struct search_param *const *params = search_params_of(include->source, &param_count);

    for (unsigned i = 0; i < param_count; i++)
        if (may_refer(include, params[i], type))
            send_referring_by(including, params[i], type, rkeys, count);
}

static bool may_refer(const struct query_include *include, const struct search_param *param,
                      const char *type)
{
    if (include->param && include->param != param)
        return false;
    if (param->search_type != SEARCH_REFERENCE || !query_can_search(param))
        return false;
    for (const char *const *target = param->targets; target && *target; target++)
        if (strcmp(*target, type) == 0)
            return true;
    return !param->targets;
}

/* By the column where that knows all references, else by their tokens. */
static void send_referring_by(struct including *including, const struct search_param *param,
                              const char *type, const int64_t *rkeys, size_t count)
{
    const struct search_plan *plan = including->plan;
    const struct type *source = resource_type_find(text_of(param->type));
    const struct columns *columns = columns_of(source);
    struct search_sql sql = search_sql_in(plan->arena);
    int64_t *tokens = arena_many(plan->arena, int64_t, count);

    sql_add(&sql, "select " SEARCH_COLUMNS " from (select * from %s t where ",
            table_of(source)->name);
    if (param == columns->patient && !columns->patient_repeats && strcmp(type, "Patient") == 0) {
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

    struct sent *sent = arena_one(arena, struct sent);
    struct pg_params *params = arena_one(arena, struct pg_params);

    *params = sql->params;
    sent->type = type;
    pg_send_sql(plan->store->search, buf_text(&sql->text), params, arena, &sent->reply);
    *including->sent_end = sent;
    including->sent_end = &sent->next;
}

/* Every reply is waited for, even behind a failure. */
static bool receive(struct including *including, struct err *err)
{
    bool good = true;

    for (struct sent *sent = including->first_sent; sent; sent = sent->next) {
        const struct pg_result *result;

        if (!good)
            pg_drop(&sent->reply);
        else
            good = pg_wait(&sent->reply, &result, err) &&
                   take_rows(including, sent->type, result, err);
    }
    return good;
}

static bool take_rows(struct including *including, const struct type *type,
                      const struct pg_result *result, struct err *err)
{
    const struct search_plan *plan = including->plan;
    struct store_page *page = including->page;

    for (int row = 0; row < pg_rows(result); row++) {
        int64_t rkey = pg_int8(result, row, COLUMN_RKEY);

        if (!insert(plan->arena, &including->seen, rkey))
            continue;
        if (including->seen.count - including->matches > including->most)
            return refuse_too_many(including, err);

        page->entries = grow(plan->arena, page->entries, page->count, &including->entry_room,
                             sizeof(page->entries[0]));
        including->rkeys =
            grow(plan->arena, including->rkeys, page->count, &including->rkey_room, sizeof(rkey));
        including->rkeys[page->count] = rkey;
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
