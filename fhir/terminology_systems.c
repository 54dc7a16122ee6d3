/*
 * Building - CodeSystems become rows: concepts, what stands above them, what
 * else they are called.
 */

#include "base/arena.h"
#include "base/err.h"
#include "fhir/canonical.h"
#include "fhir/issue.h"
#include "fhir/node.h"
#include "fhir/terminology_build.h"

#include <stdlib.h>

struct edge {
    uint32_t below, above; /* rows */
};

struct edges {
    struct builder *builder;
    const struct code_system *system;
    struct buf list;
};

static void add_edge(struct edges *edges, struct text below, struct text above)
{
    const struct terminology *terminology = edges->builder->terminology;
    const struct code_system *system = edges->system;
    struct edge edge = {term_find(terminology, system->concepts, below, system->nocase),
                        term_find(terminology, system->concepts, above, system->nocase)};

    if (edge.below != TERM_NOBODY && edge.above != TERM_NOBODY)
        buf_add(&edges->list, &edge, sizeof(edge));
}

/* A concept stands below the one it is nested in, and where properties put it
 * (R4 codesystem.html#defined-props). */
static void collect_edges(struct edges *edges, const struct node *concept)
{
    struct text code = node_value(concept, "code");

    if (node_child(concept->parent, "code"))
        add_edge(edges, code, node_value(concept->parent, "code"));
    for (const struct node *property = node_child(concept, "property"); property;
         property = node_next_same(property)) {
        struct text kind = node_value(property, "code"), other = node_value(property, "valueCode");

        if (text_is(kind, "child"))
            add_edge(edges, other, code);
        else if (text_is(kind, "parent") || text_is(kind, "subsumedBy"))
            add_edge(edges, code, other);
    }
}

static int by_below(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;

    return x->below != y->below ? (x->below > y->below) - (x->below < y->below)
                                : (x->above > y->above) - (x->above < y->above);
}

static void add_hierarchy(struct builder *builder, const struct code_system *system,
                          const struct code_draft *drafts, size_t count)
{
    const uint32_t nobody = TERM_NOBODY;
    struct edges edges = {builder, system, buf_in(builder->scratch)};

    for (size_t i = 0; i < count; i++)
        collect_edges(&edges, drafts[i].concept);

    struct edge *list = (void *)edges.list.data;
    size_t edge_count = build_count(&edges.list, sizeof(*list));
    if (edge_count > 0)
        qsort(list, edge_count, sizeof(*list), by_below);
    for (size_t i = 0; i < edge_count; i++) {
        struct coded *row = (struct coded *)(void *)builder->codes.data + term_index(list[i].below);

        if (row->parents == 0)
            row->parents = (uint32_t)build_count(&builder->parents, sizeof(uint32_t)) | TERM_ADDED;
        buf_add(&builder->parents, &list[i].above, sizeof(list[i].above));
        if (i + 1 == edge_count || list[i + 1].below != list[i].below)
            buf_add(&builder->parents, &nobody, sizeof(nobody));
    }
    builder_sync(builder);
}

static void add_designations(struct builder *builder, uint32_t row, const struct node *concept)
{
    struct designation line = {.concept = row};

    for (const struct node *designation = node_child(concept, "designation"); designation;
         designation = node_next_same(designation)) {
        line.text = build_text(builder, node_value(designation, "value"));
        buf_add(&builder->designations, &line, sizeof(line));
    }
}

/* Whether the bare url should mean the new system: the higher version, but never one that says
 * less than what is there. */
static bool is_better_system(const struct terminology *terminology, uint32_t number,
                             const struct code_system *system)
{
    const struct code_system *present;

    if (number == TERM_NOBODY)
        return true;
    present = term_system(terminology, number);
    if ((present->content == CONTENT_PART) != (system->content == CONTENT_PART))
        return present->content == CONTENT_PART;
    return canonical_compare_versions(term_text(terminology, system->version),
                                      term_text(terminology, present->version)) >= 0;
}

void build_system(struct builder *builder, const struct node *node)
{
    struct text url = node_value(node, "url"), version = node_value(node, "version");
    struct buf collected = buf_in(builder->scratch);
    uint32_t bare = build_name(builder, url), full = build_canonical(builder, url, version);
    uint32_t number = (uint32_t)build_count(&builder->systems, sizeof(struct code_system));

    build_collect(node, &collected);
    struct code_draft *drafts = (void *)collected.data;
    size_t count = build_count(&collected, sizeof(*drafts));
    bool complete = text_is(node_value(node, "content"), "complete") && count > 0;
    bool nocase = text_is(node_value(node, "caseSensitive"), "false");
    struct code_system system = {
        .name = bare,
        .version = build_text(builder, version),
        .concepts = build_codes(builder, drafts, count, nocase),
        .content = complete ? CONTENT_COMPLETE : CONTENT_PART,
        .nocase = nocase,
    };
    buf_add(&builder->systems, &system, sizeof(system));
    builder_sync(builder);
    for (size_t i = 0; i < count; i++)
        add_designations(builder, (uint32_t)(system.concepts.first + i), drafts[i].concept);
    add_hierarchy(builder, &system, drafts, count);

    uint32_t before = build_name_at(builder, bare)->system;
    if (full != bare)
        build_name_at(builder, full)->system = number | TERM_ADDED;
    if (is_better_system(builder->terminology, before, &system))
        build_name_at(builder, bare)->system = number | TERM_ADDED;
}

void build_supplement(struct builder *builder, const struct node *node)
{
    struct text of = node_value(node, "supplements");
    uint32_t name = of.data ? term_name_find(builder->terminology, of) : TERM_NOBODY;
    struct buf collected = buf_in(builder->scratch);

    if (name == TERM_NOBODY || builder->terminology->names[name].system == TERM_NOBODY) {
        issue_add(builder->issues, ISSUE_INFORMATION, "not-found", NULL,
                  "CodeSystem %.*s is left out: what it supplements is not loaded",
                  TEXT_ARGS(node_value(node, "url")));
        return;
    }
    const struct code_system *system =
        term_system(builder->terminology, builder->terminology->names[name].system);
    build_collect(node, &collected);
    const struct code_draft *drafts = (void *)collected.data;
    for (size_t i = 0; i < build_count(&collected, sizeof(*drafts)); i++) {
        uint32_t row =
            term_find(builder->terminology, system->concepts, drafts[i].code, system->nocase);
        struct designation display = {row, build_text(builder, drafts[i].display)};

        if (row == TERM_NOBODY)
            continue;
        if (display.text != 0)
            buf_add(&builder->designations, &display, sizeof(display));
        add_designations(builder, row, drafts[i].concept);
        builder_sync(builder);
    }
}
