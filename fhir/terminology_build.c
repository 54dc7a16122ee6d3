/*
 * Building - ValueSets and CodeSystems become rows.
 */

#include "fhir/terminology_build.h"

#include "base/arena.h"
#include "base/err.h"
#include "fhir/issue.h"
#include "fhir/node.h"
#include "fhir/terminology_set.h"

#include <assert.h>
#include <stdlib.h>

struct pending_resources {
    struct arena *arena; /* of the terminology */
    struct buf nodes;    /* pointers */
};

static struct builder start(struct terminology *terminology, struct arena *scratch,
                            struct issues *issues);
static void add_all(struct builder *builder, const struct node *const *nodes, size_t count);
static void keep(struct builder *builder, struct arena *arena);

struct terminology *terminology_new(struct arena *arena)
{
    struct terminology *terminology = arena_one(arena, struct terminology);

    *terminology = terminology_r4;
    terminology->pending = arena_one(arena, struct pending_resources);
    terminology->pending->arena = arena;
    return terminology;
}

void terminology_add(struct terminology *terminology, const struct node *resource)
{
    assert(terminology->pending);
    buf_add(&terminology->pending->nodes, (const void *)&resource, sizeof(const struct node *));
}

void terminology_finish(struct terminology *terminology, struct issues *issues)
{
    struct pending_resources *pending = terminology->pending;
    struct arena *scratch = arena_new();
    struct builder builder = start(terminology, scratch, issues);

    assert(pending);
    add_all(&builder, (const void *)pending->nodes.data,
            pending->nodes.size / sizeof(const struct node *));
    keep(&builder, pending->arena);
    buf_release(&pending->nodes);
    terminology->pending = NULL;
    arena_free(scratch);
}

static struct builder start(struct terminology *terminology, struct arena *scratch,
                            struct issues *issues)
{
    const struct buf empty = buf_in(scratch);
    const uint32_t nobody = TERM_NOBODY;
    struct builder builder = {
        .terminology = terminology,
        .scratch = scratch,
        .issues = issues,
        .texts = empty,
        .codes = empty,
        .parents = empty,
        .designations = empty,
        .systems = empty,
        .sets = empty,
        .clauses = empty,
        .imports = empty,
        .names = empty,
        .concepts = empty,
        .slot_mask = terminology->slot_mask,
    };
    size_t slots = ((size_t)terminology->slot_mask + 1) * sizeof(uint32_t);

    buf_add(&builder.texts, "\0", 2);
    buf_add(&builder.parents, &nobody, sizeof(nobody));
    buf_add(&builder.names, terminology->names, terminology->name_count * sizeof(struct term_name));
    builder.slots = arena_alloc_raw(scratch, slots);
    memcpy(builder.slots, terminology->slots, slots);
    builder_sync(&builder);
    return builder;
}

void builder_sync(struct builder *builder)
{
    struct terminology *terminology = builder->terminology;

    memset(buf_reserve(&builder->texts, TERM_PADDING), 0, TERM_PADDING);
    terminology->layers[1] = (struct term_layer){
        .texts = builder->texts.data,
        .codes = (const void *)builder->codes.data,
        .parents = (const void *)builder->parents.data,
        .designations = (const void *)builder->designations.data,
        .designation_count = build_count(&builder->designations, sizeof(struct designation)),
        .systems = (const void *)builder->systems.data,
        .sets = (const void *)builder->sets.data,
        .clauses = (const void *)builder->clauses.data,
        .imports = (const void *)builder->imports.data,
    };
    terminology->names = (const void *)builder->names.data;
    terminology->name_count = (uint32_t)build_count(&builder->names, sizeof(struct term_name));
    terminology->slots = builder->slots;
    terminology->slot_mask = builder->slot_mask;
}

static const void *kept(struct arena *arena, const struct buf *buf)
{
    void *copy = arena_alloc(arena, buf->size + TERM_PADDING);

    if (buf->size > 0)
        memcpy(copy, buf->data, buf->size);
    return copy;
}

static int by_concept(const void *a, const void *b)
{
    uint32_t x = ((const struct designation *)a)->concept;
    uint32_t y = ((const struct designation *)b)->concept;

    return (x > y) - (x < y);
}

static void sort_designations(struct builder *builder)
{
    if (builder->designations.size > 0)
        qsort(builder->designations.data,
              build_count(&builder->designations, sizeof(struct designation)),
              sizeof(struct designation), by_concept);
}

/* Copies everything out of the scratch arena, without its slack. */
static void keep(struct builder *builder, struct arena *arena)
{
    const struct buf slots = {
        .data = (char *)builder->slots,
        .size = ((size_t)builder->slot_mask + 1) * sizeof(uint32_t),
    };

    sort_designations(builder);
    builder_sync(builder);
    struct terminology *terminology = builder->terminology;
    struct term_layer *layer = &terminology->layers[1];
    layer->texts = kept(arena, &builder->texts);
    layer->codes = kept(arena, &builder->codes);
    layer->parents = kept(arena, &builder->parents);
    layer->designations = kept(arena, &builder->designations);
    layer->systems = kept(arena, &builder->systems);
    layer->sets = kept(arena, &builder->sets);
    layer->clauses = kept(arena, &builder->clauses);
    layer->imports = kept(arena, &builder->imports);
    terminology->names = kept(arena, &builder->names);
    terminology->slots = kept(arena, &slots);
}

uint32_t build_text(struct builder *builder, struct text text)
{
    size_t place = builder->texts.size;
    char size[2] = {(char)(text.size & 0xFF), (char)(text.size >> 8)};

    if (text.size == 0 || text.size > UINT16_MAX)
        return 0;
    buf_add(&builder->texts, size, sizeof(size));
    buf_add(&builder->texts, text.data, text.size);
    return (uint32_t)place | TERM_ADDED;
}

static void place_name(struct builder *builder, struct text name, uint32_t number)
{
    uint32_t slot = table_hash(name) & builder->slot_mask;

    while (builder->slots[slot] != TERM_NOBODY)
        slot = (slot + 1) & builder->slot_mask;
    builder->slots[slot] = number;
}

static void grow_slots(struct builder *builder)
{
    size_t size = ((size_t)builder->slot_mask + 1) * 2;

    builder->slots = arena_alloc_raw(builder->scratch, size * sizeof(uint32_t));
    builder->slot_mask = (uint32_t)size - 1;
    memset(builder->slots, 0xFF, size * sizeof(uint32_t));
    for (uint32_t i = 0; i < builder->terminology->name_count; i++)
        place_name(builder, term_name_text(builder->terminology, i), i);
}

uint32_t build_name(struct builder *builder, struct text name)
{
    struct term_name row = {.set = TERM_NOBODY, .system = TERM_NOBODY};
    uint32_t number;

    if (name.size > UINT16_MAX)
        name.size = UINT16_MAX; /* more than a text holds; nobody means it */
    number = term_name_find(builder->terminology, name);
    if (number != TERM_NOBODY)
        return number;
    row.text = build_text(builder, name);
    row.size = (uint32_t)name.size;
    number = builder->terminology->name_count;
    buf_add(&builder->names, &row, sizeof(row));
    builder_sync(builder);
    if (number * 2 > builder->slot_mask)
        grow_slots(builder);
    else
        place_name(builder, name, number);
    builder_sync(builder);
    return number;
}

struct term_name *build_name_at(struct builder *builder, uint32_t number)
{
    return (struct term_name *)(void *)builder->names.data + number;
}

uint32_t build_canonical(struct builder *builder, struct text url, struct text version)
{
    struct buf both = buf_in(builder->scratch);

    if (version.size == 0)
        return build_name(builder, url);
    buf_add(&both, url.data, url.size);
    buf_add_char(&both, '|');
    buf_add(&both, version.data, version.size);
    return build_name(builder, (struct text){both.data, both.size});
}

/* Both urls that are defined here must be there, and be no longer than a text can be. */
static bool has_url(struct builder *builder, const struct node *resource)
{
    struct text url = node_value(resource, "url");

    if (url.size > 0 && url.size + node_value(resource, "version").size < UINT16_MAX)
        return true;
    issue_add(builder->issues, ISSUE_WARNING, "invalid", NULL,
              "%s %s without a usable url is left out", text_article(resource->type->name),
              resource->type->name);
    return false;
}

static bool is_supplement(const struct node *resource)
{
    return text_is(node_value(resource, "content"), "supplement");
}

/* Systems first: the rules of value sets look at them. */
static void add_all(struct builder *builder, const struct node *const *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text_is(text_of(nodes[i]->type->name), "CodeSystem") && !is_supplement(nodes[i]) &&
            has_url(builder, nodes[i]))
            build_system(builder, nodes[i]);
    for (size_t i = 0; i < count; i++)
        if (text_is(text_of(nodes[i]->type->name), "CodeSystem") && is_supplement(nodes[i]))
            build_supplement(builder, nodes[i]);
    for (size_t i = 0; i < count; i++)
        if (text_is(text_of(nodes[i]->type->name), "ValueSet") && has_url(builder, nodes[i]))
            build_set(builder, nodes[i]);
    for (size_t i = 0; i < count; i++)
        if (text_is(text_of(nodes[i]->type->name), "CodeSystem") && !is_supplement(nodes[i]))
            build_implicit_set(builder, nodes[i]);
}

static int by_code(const void *a, const void *b)
{
    return term_compare(((const struct code_draft *)a)->code, ((const struct code_draft *)b)->code,
                        false);
}

static int by_code_nocase(const void *a, const void *b)
{
    return term_compare(((const struct code_draft *)a)->code, ((const struct code_draft *)b)->code,
                        true);
}

struct code_list build_codes(struct builder *builder, struct code_draft *drafts, size_t count,
                             bool nocase)
{
    struct code_list list = {
        .first = (uint32_t)build_count(&builder->codes, sizeof(struct coded)) | TERM_ADDED,
        .count = (uint32_t)count,
    };

    if (count > 0)
        qsort(drafts, count, sizeof(*drafts), nocase ? by_code_nocase : by_code);
    for (size_t i = 0; i < count; i++) {
        struct coded row = {build_text(builder, drafts[i].code),
                            build_text(builder, drafts[i].display), 0};

        buf_add(&builder->codes, &row, sizeof(row));
        buf_add(&builder->concepts, (const void *)&drafts[i].concept, sizeof(const struct node *));
    }
    builder_sync(builder);
    return list;
}

/* Concepts at all depths. */
void build_collect(const struct node *parent, struct buf *drafts)
{
    for (const struct node *concept = node_child(parent, "concept"); concept;
         concept = node_next_same(concept)) {
        struct code_draft draft = {node_value(concept, "code"), node_value(concept, "display"),
                                   concept};

        if (draft.code.size > 0)
            buf_add(drafts, &draft, sizeof(draft));
        build_collect(concept, drafts);
    }
}
