/*
 * Apply - one row of a partner, from bytes to a resource of ours.
 */

#include "sync/apply.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "fhir/bundle.h"
#include "fhir/check.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "sync/address.h"
#include "sync/attachment.h"
#include "sync/echo.h"
#include "sync/page.h"
#include "sync/url.h"

#define DAY (INT64_C(86400) * 1000000)

struct applying {
    struct store *store;
    const struct apply_config *config;
};

/* One row on its way. */
struct row {
    const struct apply_config *config;
    struct landing_batch *batch;
    struct arena *arena;
    struct landing_converted *converted;
};

static void prepare(struct applying *applying, struct landing_apply *apply);
static bool passes_on(void *context, int32_t partner);
static void convert(void *context, struct landing_batch *batch, struct text body,
                    const char *wanted, struct arena *arena, struct landing_converted *converted);
static struct node *read_row(struct row *row, struct text body, struct issues *issues);
static bool take_identity(struct row *row, struct node *resource, const char *wanted);
static void take_version(struct row *row, struct node *meta);
static int64_t updated_of(const struct row *row, struct text text);
static bool is_subset(const struct node *resource);
static void take_source(struct row *row, struct node *resource);
static struct text address_of(const struct row *row);
static void take_identifiers(struct row *row, const struct node *resource);
static uint64_t person_of(const struct row *row, const struct store *store,
                          const struct node *resource);
static void note_attachments(const struct row *row, const struct node *resource);
static struct text replace_link(struct text link, void *context);
static bool check(struct row *row, const struct node *resource, struct issues *issues);
static void refuse(struct row *row, const char *class, const char *rule, const char *where);

bool apply_landed(struct store *store, const struct apply_config *config,
                  struct landing_apply *apply, struct landing_result *result, struct err *err)
{
    struct applying applying = {store, config};

    prepare(&applying, apply);
    return landing_apply(store, apply, result, err);
}

bool apply_dead(struct store *store, const struct apply_config *config, struct landing_apply *apply,
                const struct landing_dead_filter *filter, bool dry_run,
                void (*took)(void *context, const struct landing_replayed *replayed),
                void *took_context, struct landing_result *result, struct err *err)
{
    struct applying applying = {store, config};

    prepare(&applying, apply);
    return landing_dead_replay(store, apply, filter, dry_run, took, took_context, result, err);
}

static void prepare(struct applying *applying, struct landing_apply *apply)
{
    apply->partner = applying->config->partner.number;
    apply->convert = convert;
    apply->context = applying;
    apply->contents = applying->config->content != NULL;
    apply->passes_on = applying->config->other_count ? passes_on : NULL;
}

static bool passes_on(void *context, int32_t partner)
{
    const struct applying *applying = context;

    for (size_t i = 0; i < applying->config->other_count; i++)
        if (applying->config->others[i].number == partner)
            return true;
    return false;
}

static void convert(void *context, struct landing_batch *batch, struct text body,
                    const char *wanted, struct arena *arena, struct landing_converted *converted)
{
    const struct applying *applying = context;
    struct row row = {applying->config, batch, arena, converted};
    struct issues issues;

    issues_init(&issues, arena, 1);
    issues.errors_only = true;
    struct node *resource = read_row(&row, body, &issues);
    if (!resource)
        return;
    if (!take_identity(&row, resource, wanted)) { /* but what it refers to is told */
        bundle_replace_links(arena, resource, replace_link, &row);
        return;
    }
    take_source(&row, resource);
    take_identifiers(&row, resource);
    echo_unmark(resource);
    if (strcmp(resource->type->name, "Patient") == 0)
        converted->person = person_of(&row, applying->store, resource);
    if (row.config->content)
        converted->content = row.config->content(resource, applying->store);
    if (row.config->attachments)
        note_attachments(&row, resource);
    bundle_replace_links(arena, resource, replace_link, &row);
    if (check(&row, resource, &issues))
        converted->resource = resource;
}

static struct node *read_row(struct row *row, struct text body, struct issues *issues)
{
    struct err err = {0};
    struct node *resource =
        json_read(row->arena, body.data, body.size, &json_default_limits, issues, &err);

    if (resource)
        return resource;
    if (err.kind == ERR_TOO_LARGE)
        refuse(row, "too_large", "It is larger, deeper or has more elements than is accepted.",
               NULL);
    else if (!text_is_utf8(body))
        refuse(row, "utf8", "It has bytes that are no UTF-8.", err.text);
    else if (strcmp(err.where, "resourceType") == 0)
        refuse(row, "not_fhir", "It is JSON, but no resource of R4.", NULL);
    else
        refuse(row, "parse", "It is no JSON.", err.text);
    return NULL;
}

/* What the partner calls it, and which version it is. Its id may have any form, so it goes before
 * anything is checked. */
static bool take_identity(struct row *row, struct node *resource, const char *wanted)
{
    struct landing_converted *converted = row->converted;
    struct node *id = node_child(resource, "id");

    converted->type = text_of(resource->type->name);
    if (text_is(converted->type, "OperationOutcome") && strcmp(wanted, "OperationOutcome") != 0) {
        refuse(row, "wrong_type", "It is an OperationOutcome in place of a resource.", NULL);
        return false;
    }
    if (!id || id->value.size == 0 || id->flags & NODE_RAW) {
        refuse(row, "no_id", "It has no id.", NULL);
        return false;
    }
    if (id->value.size > LANDING_SOURCE_ID_MAX) {
        refuse(row, "no_id", "Its id is longer than 1,024 bytes.", NULL);
        return false;
    }
    converted->id = id->value;
    node_remove(id);
    take_version(row, node_child(resource, "meta"));
    if (!is_subset(resource))
        return true;
    refuse(row, "subsetted", "It is a part of a resource (SUBSETTED), not all of it.", NULL);
    return false;
}

/* Both become ours, so whatever their form is it spoils nothing. */
static void take_version(struct row *row, struct node *meta)
{
    struct node *version = meta ? node_child(meta, "versionId") : NULL;
    struct node *updated = meta ? node_child(meta, "lastUpdated") : NULL;

    if (version) {
        row->converted->version = version->value;
        node_remove(version);
    }
    if (updated) {
        row->converted->updated = updated_of(row, updated->value);
        node_remove(updated);
    }
    if (meta && !meta->first)
        node_remove(meta);
}

/* A time in the partner's future is a mistake, and says nothing: what follows would all be older.
 * It is not made an earlier one either, which would depend on when it is read, and turn the order
 * of versions round. */
static int64_t updated_of(const struct row *row, struct text text)
{
    int64_t ahead = row->config->ahead ? row->config->ahead : DAY, time = page_time(text);

    return time <= clock_now() + ahead ? time : INT64_MIN;
}

static bool is_subset(const struct node *resource)
{
    for (const struct node *tag = node_path(resource, "meta.tag"); tag; tag = node_next_same(tag))
        if (text_is(node_value(tag, "code"), "SUBSETTED"))
            return true;
    return false;
}

/* Where it is from. An address of the form [base]/Type/id is kept, because it stays the same
 * however many servers it passes through; anything else says nothing to others. */
static void take_source(struct row *row, struct node *resource)
{
    const struct apply_config *config = row->config;
    struct landing_converted *converted = row->converted;
    struct node *meta = node_child(resource, "meta");
    struct text source = meta ? node_value(meta, "source") : (struct text){0};
    struct address address;

    if (address_split(source, &address) && address.base.size > 0 &&
        text_equals(address.type, converted->type)) {
        if (address_is_own(config, address.base)) {
            converted->local = address.name;
            converted->certain = true;
        } else if (!address_is_partner(&config->partner, address.base)) {
            converted->origin = (struct text){
                source.data, (size_t)(address.id.data + address.id.size - source.data)};
            converted->origin_id = url_decode(row->arena, address.id);
            if (text_is_utf8(converted->origin_id) &&
                !memchr(converted->origin_id.data, 0, converted->origin_id.size))
                converted->origin_partner = address_partner(config, address.base);
        }
        return;
    }
    if (!meta)
        meta = node_add(row->arena, resource, "meta");
    node_set_value(row->arena, meta, "source", address_of(row));
}

/* Its id may have characters that a URL may not. */
static struct text address_of(const struct row *row)
{
    struct buf out = buf_in(row->arena);

    buf_add(&out, row->config->partner.base.data, row->config->partner.base.size);
    buf_add_char(&out, '/');
    buf_add(&out, row->converted->type.data, row->converted->type.size);
    buf_add_char(&out, '/');
    url_encode(&out, row->converted->id);
    return (struct text){out.data, out.size};
}

/* An identifier that we gave it when it was pushed. */
static void take_identifiers(struct row *row, const struct node *resource)
{
    if (row->config->own_system.size == 0 || row->converted->certain)
        return;
    for (const struct node *identifier = node_child(resource, "identifier"); identifier;
         identifier = node_next_same(identifier))
        if (text_equals(node_value(identifier, "system"), row->config->own_system))
            row->converted->local = node_value(identifier, "value");
}

static uint32_t hash_person(const struct store *store, struct arena *arena, struct text text)
{
    char local[LANDING_ID_SIZE];
    uint32_t hash = 0;

    text = text_fold(arena, text);
    if (text.size == 0 || text.size > LANDING_SOURCE_ID_MAX)
        return 0;
    /* Keyed, as any hash of what identifies somebody. */
    landing_local_id(store, 0, TEXT("person"), text, local);
    for (size_t i = 0; i < 8; i++)
        hash = hash << 4 | (uint32_t)text_hex_digit(local[i]);
    return hash ? hash : 1;
}

static uint64_t person_of(const struct row *row, const struct store *store,
                          const struct node *resource)
{
    const struct node *name = node_child(resource, "name");
    uint64_t birth = hash_person(store, row->arena, node_value(resource, "birthDate"));

    return birth << 32 | (name ? hash_person(store, row->arena, node_value(name, "family")) : 0);
}

static const struct node *next_in(const struct node *root, const struct node *node)
{
    if (node->first)
        return node->first;
    while (node != root && !node->next)
        node = node->parent;
    return node == root ? NULL : node->next;
}

static void note_attachments(const struct row *row, const struct node *resource)
{
    const struct apply_config *config = row->config;
    struct address address;

    for (const struct node *node = resource; node; node = next_in(resource, node))
        if (node->type && strcmp(node->type->name, "Attachment") == 0 &&
            address_split(node_value(node, "url"), &address) && text_is(address.type, "Binary") &&
            (address.base.size == 0 || address_is_partner(&config->partner, address.base)))
            attachments_note(config->attachments, node, address.id);
}

/* For bundle_replace_links(). */
static struct text replace_link(struct text link, void *context)
{
    const struct row *row = context;
    struct address address;

    if (!address_split(link, &address))
        return (struct text){0};
    if (address_is_own(row->config, address.base))
        return address.name;
    if (address.base.size > 0 && !address_is_partner(&row->config->partner, address.base))
        return (struct text){0};
    struct text id = landing_mention(row->batch, address.type, address.id);
    char *name = arena_alloc_raw(row->arena, address.type.size + 1 + id.size + 1);
    memcpy(name, address.type.data, address.type.size);
    name[address.type.size] = '/';
    memcpy(name + address.type.size + 1, id.data, id.size);
    return (struct text){name, address.type.size + 1 + id.size};
}

/* What breaks the structure is refused; what else validation finds is counted, because the content
 * is the partner's and never mended here. */
static bool check(struct row *row, const struct node *resource, struct issues *issues)
{
    const struct apply_config *config = row->config;

    if (config->level == VALIDATION_OFF) {
        row->converted->findings = issues->errors;
        return true;
    }
    if (issues->errors == 0)
        check_structure(resource, issues);
    if (issues->errors > 0) {
        refuse(row, "structural", issues->first ? issues->first->text : "",
               issues->first ? issues->first->expression : NULL);
        return false;
    }
    if (config->level == VALIDATION_FULL) {
        const struct validation validation = {.definitions = config->definitions,
                                              .level = VALIDATION_FULL};

        validate_resource(resource, &validation, issues);
        row->converted->findings = issues->errors;
    }
    return true;
}

/* `where` is copied. */
static void refuse(struct row *row, const char *class, const char *rule, const char *where)
{
    row->converted->refused = class;
    row->converted->rule = rule;
    row->converted->where = where ? arena_strdup(row->arena, where) : NULL;
}
