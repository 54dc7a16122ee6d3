/*
 * Aside - what goes with the writes of a transaction, in it: the check of
 * what they refer to, their Provenance, and the mark that a job's step is done.
 * These are its last phases, see transaction.h.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/random.h"
#include "fhir/bundle.h"
#include "fhir/node.h"
#include "fhir/search_values.h"
#include "storage/body.h"
#include "storage/stamp.h"
#include "storage/transaction.h"
#include "storage/version.h"

#include <inttypes.h>

/* A reference that has to lead somewhere. */
struct link {
    int64_t rkey;
    const struct table *table;
    const struct node *node;
    const struct entry *entry;
    bool found;
};

struct links {
    struct transaction *transaction;
    const struct entry *entry; /* whose resource is looked at */
    struct link *items;
    size_t count, room;
};

static void take_link(struct node *reference, void *context);
static bool look_up(struct links *links, struct err *err);
static bool refuse_missing(const struct links *links, struct err *err);
static bool make_provenance(struct transaction *transaction, struct node **made, struct err *err);
static bool want_target(const struct transaction *transaction, struct text name,
                        struct link_map *wanted, struct err *err);
static void add_target(struct arena *arena, struct node *provenance, const struct entry *entry);
static bool insert_provenance(struct transaction *transaction, struct node *provenance,
                              struct err *err);

/* References. */

bool transaction_check_references(struct transaction *transaction, struct err *err)
{
    struct links links = {.transaction = transaction};

    if (!transaction->store->config.reference_base)
        return true;
    for (size_t i = 0; i < transaction->count; i++) {
        struct entry *entry = &transaction->entries[i];

        links.entry = entry;
        if (entry->writes && entry->change.kind != CHANGE_REMOVE)
            bundle_each_reference(entry->resource, take_link, &links);
    }
    return links.count == 0 || (look_up(&links, err) && refuse_missing(&links, err));
}

/* Relative, or below our own base. What other servers have is not ours to know. */
static bool is_local(const struct transaction *transaction, struct text base)
{
    return !base.size || text_is(base, transaction->store->config.reference_base) ||
           text_is(base, arena_printf(transaction->arena, "%s/",
                                      transaction->store->config.reference_base));
}

static void take_link(struct node *reference, void *context)
{
    struct links *links = context;
    struct transaction *transaction = links->transaction;
    struct text base, type_name, id, version;

    if (!reference_split(reference->value, &base, &type_name, &id, &version) ||
        !is_local(transaction, base))
        return;
    const struct type *type = resource_type_find(type_name);
    if (!type)
        return;
    if (links->count == links->room) {
        size_t room = links->room ? links->room * 2 : 64;
        struct link *more = arena_many(transaction->arena, struct link, room);

        if (links->count)
            memcpy(more, links->items, links->count * sizeof(*more));
        links->items = more;
        links->room = room;
    }
    links->items[links->count++] = (struct link){
        .rkey = token_rkey(&transaction->tokens, text_of(type->name), id),
        .table = table_of(type),
        .node = reference,
        .entry = links->entry,
    };
}

static int by_key(const void *a, const void *b)
{
    int64_t left = ((const struct link *)a)->rkey, right = ((const struct link *)b)->rkey;

    return left < right ? -1 : left > right;
}

static void mark_found(struct links *links, const struct pg_result *result)
{
    for (int row = 0; row < pg_rows(result); row++) {
        struct link wanted = {.rkey = pg_int8(result, row, 0)};
        struct link *found = bsearch(&wanted, links->items, links->count, sizeof(wanted), by_key);

        /* Several refer to the same one; any of them may have been hit. */
        while (found && found > links->items && found[-1].rkey == wanted.rkey)
            found--;
        for (; found && found < links->items + links->count && found->rkey == wanted.rkey; found++)
            found->found = true;
    }
}

/* One statement for the keys of all tables, whatever their number. What this
 * transaction wrote is there by now, and what it deletes is not. */
static bool look_up(struct links *links, struct err *err)
{
    struct transaction *transaction = links->transaction;
    struct pg_params params = pg_params_in(transaction->arena);
    struct buf sql = buf_in(transaction->arena);
    const struct pg_result *result;
    bool first = true;

    qsort(links->items, links->count, sizeof(struct link), by_key);
    int64_t *keys = arena_many(transaction->arena, int64_t, links->count);
    for (int table = 0; table < TABLE_COUNT; table++) {
        size_t count = 0;

        for (size_t i = 0; i < links->count; i++)
            if (links->items[i].table->id == (enum table_id)table &&
                (!count || keys[count - 1] != links->items[i].rkey))
                keys[count++] = links->items[i].rkey;
        if (!count)
            continue;
        pg_add_int8_array(&params, keys, NULL, count);
        buf_printf(&sql, "%sselect rkey from %s where rkey = any($%d::int8[])",
                   first ? "" : " union all ", table_at((enum table_id)table)->name, params.count);
        first = false;
    }
    if (!pg_query_sql(transaction->pg, buf_text(&sql), &params, transaction->arena, &result, err))
        return false;
    mark_found(links, result);
    return true;
}

/* A resource that was copied out of its Bundle does not know where it stood. */
static const char *place_of(const struct link *link, struct arena *arena)
{
    const char *where = entry_where(link->entry);
    const char *path = node_fhirpath(arena, link->node);
    size_t size = where ? strlen(where) : 0;

    if (!where || strncmp(path, where, size) == 0)
        return path;
    return arena_printf(arena, "%s.resource%s", where, strchrnul(path, '.'));
}

static bool refuse_missing(const struct links *links, struct err *err)
{
    for (size_t i = 0; i < links->count; i++)
        if (!links->items[i].found)
            return err_set(
                err, ERR_UNPROCESSABLE, place_of(&links->items[i], links->transaction->arena),
                "The reference is to a resource that is not here, or was deleted. Send that one "
                "first, or in the same transaction.");
    return true;
}

/* Provenance. */

/* R4 provenance.html#header: the targets are versions; what was not written is none. */
bool transaction_add_provenance(struct transaction *transaction, struct err *err)
{
    struct node *provenance;

    if (!transaction->access->provenance)
        return true;
    return make_provenance(transaction, &provenance, err) &&
           (!provenance || insert_provenance(transaction, provenance, err));
}

/* It may link to entries as they link to each other. `*made` is NULL when it would have no target.
 */
static bool make_provenance(struct transaction *transaction, struct node **made, struct err *err)
{
    struct arena *arena = transaction->arena;
    struct node *provenance = node_copy(arena, transaction->access->provenance), *target;
    struct link_map wanted = link_map_in(arena, transaction->count);
    bool all = !node_child(provenance, "target");

    bundle_rewrite_links(arena, provenance, transaction_replace_link, transaction);
    while ((target = node_child(provenance, "target"))) {
        if (!want_target(transaction, node_value(target, "reference"), &wanted, err))
            return false;
        node_remove(target);
    }
    for (size_t i = 0; i < transaction->count; i++) {
        const struct entry *entry = &transaction->entries[i];

        if (all || link_map_find(&wanted, entry->name).data)
            add_target(arena, provenance, entry);
    }
    for (const struct entry *more = transaction->more; all && more; more = more->next)
        add_target(arena, provenance, more);
    *made = node_child(provenance, "target") ? provenance : NULL;
    return true;
}

/* One that the client named, by the full url of an entry; it has been replaced by now. */
static bool want_target(const struct transaction *transaction, struct text name,
                        struct link_map *wanted, struct err *err)
{
    for (size_t i = 0; i < transaction->count; i++) {
        const struct entry *entry = &transaction->entries[i];

        if (entry->write->full_url.size && text_equals(entry->name, name)) {
            link_map_add(wanted, name, name);
            return true;
        }
    }
    return err_set(err, ERR_INVALID, "X-Provenance",
                   "A target of the Provenance is not the fullUrl of an entry that writes. Name "
                   "entries, or leave the target out: then it is all that is written.");
}

static void add_target(struct arena *arena, struct node *provenance, const struct entry *entry)
{
    if (!entry->writes)
        return;
    struct node *target = node_add(arena, provenance, "target");
    node_add_value(arena, target, "reference",
                   text_of(arena_printf(arena, "%.*s/_history/%" PRId64, TEXT_ARGS(entry->name),
                                        entry->change.number)));
}

static bool insert_provenance(struct transaction *transaction, struct node *provenance,
                              struct err *err)
{
    struct arena *arena = transaction->arena;
    char *id = arena_alloc_raw(arena, UUID_SIZE);
    struct search_values values;
    struct pg_params params;
    const struct pg_result *result;

    random_uuid(id);
    search_values_extract(provenance, arena, &values, NULL);
    struct change *change = arena_one(arena, struct change);
    *change = (struct change){
        .kind = CHANGE_INSERT,
        .op = 'C',
        .tenant = transaction->tokens.tenant,
        .write_id = transaction->write_id,
        .table = table_of(provenance->type),
        .number = 1,
        .updated = version_time(0),
    };
    struct text json = stamp(provenance, id, change->number, change->updated, arena);
    change->body = body_pack(transaction->store->codec, json, arena);
    change->row = row_make(&transaction->tokens, provenance->type, text_of(id), &values, arena);
    if (!pg_query(transaction->pg, change_statement(change, arena, &params), &params, arena,
                  &result, err))
        return false;
    /* The key of a random id is taken: once in the life of a galaxy. */
    transaction->raced = pg_rows(result) == 0;
    return !transaction->raced;
}
