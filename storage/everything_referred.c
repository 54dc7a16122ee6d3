/*
 * Everything, what is referred to.
 *
 * Nothing in a cursor could say what earlier pages brought along. So what is referred to comes
 * behind the compartment, in an order of its own; a page there reads the whole
 * compartment again, but mostly there is none, because all fits on one.
 *
 * Stored bytes are canonical: references are looked for in them as they stand.
 */

#include "base/arena.h"
#include "fhir/search_param.h"
#include "storage/everything.h"
#include "storage/search_source.h"

enum { SCAN_ROWS = 500 };

struct target {
    unsigned type; /* number */
    int64_t rkey;
};

struct referring {
    const struct everything *everything;
    struct arena *arena;
    struct target *targets;
    size_t count, room;
};

static bool scan(struct referring *referring, struct err *err);
static bool scan_some(struct referring *referring, struct everything_position *at, bool *more,
                      struct err *err);
static void collect(struct referring *referring, const struct store_version *version);
static void collect_one(struct referring *referring, struct text reference);
static bool may_come_along(const struct everything *everything, const struct type *type);
static void sort(struct referring *referring);
static bool fetch(struct referring *referring, size_t *at, struct store_page *page,
                  struct everything_position *next, bool *more, struct err *err);
static void send(const struct everything *everything, const struct target *targets, size_t count,
                 struct pg_reply *reply);
static bool take(const struct everything *everything, const struct type *type,
                 const struct pg_result *result, struct store_page *page,
                 struct everything_position *next, bool *more, struct err *err);

bool everything_referred(const struct everything *everything, bool page_has_all,
                         struct store_page *page, struct everything_position *next, bool *more,
                         struct err *err)
{
    struct referring referring = {.everything = everything, .arena = everything->arena};
    bool any = false;
    size_t at = 0;

    for (unsigned i = 0; i < resource_type_count(); i++)
        any |= everything->wanted[i] && may_come_along(everything, type_at(i));
    if (!any)
        return true;
    for (size_t i = 0; page_has_all && i < page->count; i++)
        collect(&referring, &page->entries[i].version);
    if (!page_has_all && !scan(&referring, err))
        return false;
    sort(&referring);
    while (at < referring.count && !*more)
        if (!fetch(&referring, &at, page, next, more, err))
            return false;
    return true;
}

static bool scan(struct referring *referring, struct err *err)
{
    struct everything_position at = {0};
    bool more = true;

    while (more)
        if (!scan_some(referring, &at, &more, err))
            return false;
    return true;
}

static bool scan_some(struct referring *referring, struct everything_position *at, bool *more,
                      struct err *err)
{
    struct everything everything = *referring->everything;
    struct arena *arena = arena_new();
    const struct pg_result *result;
    bool good = true;

    everything.arena = arena;
    struct search_sql sql = search_sql_in(arena);
    *more = everything_compartment(&everything, at, true, SCAN_ROWS, &sql);
    if (*more)
        good = pg_query_sql(everything.store->search, buf_text(&sql.text), &sql.params, arena,
                            &result, err);
    for (int row = 0; good && *more && row < pg_rows(result); row++) {
        struct store_version version;

        good = store_version_fill(everything.store, &version, "", "", 1, 0, 'C',
                                  pg_bytea(result, row, COLUMN_BODY), arena, err);
        if (good)
            collect(referring, &version);
        *at = everything_place_of(result, row);
    }
    *more = good && *more && pg_rows(result) == SCAN_ROWS;
    arena_free(arena);
    return good;
}

static void collect(struct referring *referring, const struct store_version *version)
{
    static const char mark[] = "\"reference\":\"";
    const char *at = version->json, *end = version->json + version->json_size;

    while (at && (at = memmem(at, (size_t)(end - at), mark, sizeof(mark) - 1)) != NULL) {
        at += sizeof(mark) - 1;
        const char *quote = memchr(at, '"', (size_t)(end - at));
        if (!quote)
            return;
        collect_one(referring, (struct text){at, (size_t)(quote - at)});
        at = quote;
    }
}

/* Type/id, perhaps with a version behind. */
static void collect_one(struct referring *referring, struct text reference)
{
    const struct everything *everything = referring->everything;
    struct text name, id, rest;

    if (!text_split(reference, '/', &name, &id))
        return;
    text_split(id, '/', &id, &rest);
    const struct type *type = resource_type_find(name);
    if (!type || !everything->wanted[type->number] || !may_come_along(everything, type))
        return;
    if (referring->count == referring->room) {
        size_t room = referring->room ? 2 * referring->room : 64;
        struct target *grown = arena_many(referring->arena, struct target, room);

        if (referring->count)
            memcpy(grown, referring->targets, referring->count * sizeof(grown[0]));
        referring->targets = grown;
        referring->room = room;
    }
    referring->targets[referring->count++] =
        (struct target){type->number, token_rkey(&everything->tokens, name, id)};
    /* The same again and again: the members of a care team, the performers of a panel. */
    if (referring->count > 1 && referring->targets[referring->count - 1].rkey ==
                                    referring->targets[referring->count - 2].rkey)
        referring->count--;
}

/* What is in some patient's compartment is in this one's, or none of this one's business. */
static bool may_come_along(const struct everything *everything, const struct type *type)
{
    return !patient_compartment_params(type->name) ||
           (everything->of_encounter && everything->has_patient);
}

static int compare(const void *a, const void *b)
{
    const struct target *x = a, *y = b;

    if (x->type != y->type)
        return x->type < y->type ? -1 : 1;
    return x->rkey < y->rkey ? -1 : x->rkey > y->rkey;
}

/* Each once, and only what is behind the place where the page begins. */
static void sort(struct referring *referring)
{
    const struct everything_position *from = &referring->everything->from;
    struct target last = {(unsigned)from->type, from->rkey};
    bool behind = from->place == PLACE_REFERRED;
    size_t kept = 0;

    if (referring->count > 1)
        qsort(referring->targets, referring->count, sizeof(referring->targets[0]), compare);
    for (size_t i = 0; i < referring->count; i++) {
        const struct target *target = &referring->targets[i];

        if (behind && compare(target, &last) <= 0)
            continue;
        behind = true;
        last = *target;
        referring->targets[kept++] = last;
    }
    referring->count = kept;
}

/* A statement for each type, all sent together; one more than fits, to know whether there is. */
static bool fetch(struct referring *referring, size_t *at, struct store_page *page,
                  struct everything_position *next, bool *more, struct err *err)
{
    const struct everything *everything = referring->everything;
    size_t most = everything->query->count - page->count + 1, count = 0, first = *at;
    struct pg_reply *replies;
    bool good = true;

    if (most > referring->count - first)
        most = referring->count - first;
    replies = arena_many(everything->arena, struct pg_reply, most);
    for (size_t i = first, run; i < first + most; i += run) {
        for (run = 1; i + run < first + most &&
                      referring->targets[i + run].type == referring->targets[i].type;)
            run++;
        send(everything, &referring->targets[i], run, &replies[count++]);
    }
    *at = first + most;
    for (size_t i = first, reply = 0; reply < count; reply++) {
        const struct type *type = type_at(referring->targets[i].type);
        const struct pg_result *result;

        while (i < first + most && referring->targets[i].type == type->number)
            i++;
        if (!good)
            pg_drop(&replies[reply]);
        else
            good = pg_wait(&replies[reply], &result, err) &&
                   take(everything, type, result, page, next, more, err);
    }
    return good;
}

static void send(const struct everything *everything, const struct target *targets, size_t count,
                 struct pg_reply *reply)
{
    const struct type *type = type_at(targets[0].type);
    struct search_sql *sql = arena_one(everything->arena, struct search_sql);
    int64_t *rkeys = arena_many(everything->arena, int64_t, count);

    for (size_t i = 0; i < count; i++)
        rkeys[i] = targets[i].rkey;
    *sql = search_sql_in(everything->arena);
    sql_add(sql, "select " SEARCH_COLUMNS " from %s t where t.rkey = any(", table_of(type)->name);
    sql_int8s(sql, rkeys, count);
    sql_add(sql, ")");
    sql_and_visible(sql, everything->access, type, "t");
    if (everything->of_encounter) {
        everything_and_outside(everything, table_of(type)->id, sql);
        if (patient_compartment_params(type->name)) {
            sql_add(sql, " and t.patient = ");
            sql_int8(sql, everything->patient);
        }
    }
    sql_add(sql, " order by t.rkey");
    pg_send_sql(everything->store->search, buf_text(&sql->text), &sql->params, everything->arena,
                reply);
}

static bool take(const struct everything *everything, const struct type *type,
                 const struct pg_result *result, struct store_page *page,
                 struct everything_position *next, bool *more, struct err *err)
{
    for (int row = 0; row < pg_rows(result) && !*more; row++) {
        if (page->count == everything->query->count) {
            *more = true;
            return true;
        }
        struct store_entry *entry = &page->entries[page->count++];
        entry->mode = STORE_INCLUDE;
        *next = (struct everything_position){.place = PLACE_REFERRED,
                                             .type = type->number,
                                             .rkey = pg_int8(result, row, COLUMN_RKEY)};
        if (!store_version_fill(everything->store, &entry->version, type->name,
                                text_dup(everything->arena, pg_text(result, row, COLUMN_ID)),
                                pg_int4(result, row, COLUMN_VER),
                                pg_timestamp(result, row, COLUMN_UPDATED),
                                pg_char(result, row, COLUMN_OP), pg_bytea(result, row, COLUMN_BODY),
                                everything->arena, err))
            return false;
    }
    return true;
}
