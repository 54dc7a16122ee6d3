/*
 * Building - ValueSets become clauses, from their expansion where it is whole,
 * else from their composition.
 */

#include "base/arena.h"
#include "base/err.h"
#include "fhir/canonical.h"
#include "fhir/issue.h"
#include "fhir/node.h"
#include "fhir/terminology_build.h"

#include <stdlib.h>

#define EXPANSION_URL "http://hl7.org/fhir/StructureDefinition/valueset-"

static struct clause new_clause(struct builder *builder)
{
    return (struct clause){
        .system = TERM_NOBODY,
        .meant = TERM_NOBODY,
        .first_import = (uint32_t)build_count(&builder->imports, sizeof(uint32_t)) | TERM_ADDED,
        .kind = CLAUSE_SETS,
    };
}

static bool is_without_case(const struct terminology *terminology, uint32_t name)
{
    uint32_t number = terminology->names[name].system;

    return number != TERM_NOBODY && term_system(terminology, number)->nocase;
}

static void set_system(struct builder *builder, struct clause *clause, struct text url,
                       struct text version)
{
    clause->system = build_name(builder, url);
    clause->meant = build_canonical(builder, url, version);
    clause->kind = CLAUSE_ALL;
    clause->nocase = is_without_case(builder->terminology, clause->system);
}

static void add_listed(struct builder *builder, const struct node *include, struct clause *clause)
{
    struct buf collected = buf_in(builder->scratch);

    build_collect(include, &collected);
    clause->codes = build_codes(builder, (void *)collected.data,
                                build_count(&collected, sizeof(struct code_draft)), clause->nocase);
    clause->kind = CLAUSE_CODES;
}

static void add_clause(struct builder *builder, const struct node *include, bool exclude)
{
    struct clause clause = new_clause(builder);
    struct text system = node_value(include, "system");

    clause.exclude = exclude;
    if (system.size > 0)
        set_system(builder, &clause, system, node_value(include, "version"));
    if (system.size > 0 && node_child(include, "concept"))
        add_listed(builder, include, &clause);
    else if (system.size > 0 && node_child(include, "filter"))
        build_filter(builder, include, &clause);
    for (const struct node *set = node_child(include, "valueSet"); set; set = node_next_same(set)) {
        uint32_t name = set->value.size > 0 ? build_name(builder, set->value) : TERM_NOBODY;

        if (name == TERM_NOBODY || clause.import_count == UINT16_MAX)
            continue;
        buf_add(&builder->imports, &name, sizeof(name));
        clause.import_count++;
    }
    if (clause.system == TERM_NOBODY && clause.import_count == 0)
        clause.kind = CLAUSE_OPEN;
    buf_add(&builder->clauses, &clause, sizeof(clause));
}

static void add_clauses(struct builder *builder, const struct node *compose)
{
    for (const struct node *include = node_child(compose, "include"); include;
         include = node_next_same(include))
        add_clause(builder, include, false);
    for (const struct node *exclude = node_child(compose, "exclude"); exclude;
         exclude = node_next_same(exclude))
        add_clause(builder, exclude, true);
}

struct member {
    struct text system;
    struct code_draft draft;
};

/* R4 valueset.html#expansion: what has no code is a heading. */
static void collect_members(const struct node *parent, struct buf *members)
{
    for (const struct node *item = node_child(parent, "contains"); item;
         item = node_next_same(item)) {
        struct member member = {node_value(item, "system"),
                                {node_value(item, "code"), node_value(item, "display"), NULL}};

        if (member.system.size > 0 && member.draft.code.size > 0)
            buf_add(members, &member, sizeof(member));
        collect_members(item, members);
    }
}

static int by_system(const void *a, const void *b)
{
    return term_compare(((const struct member *)a)->system, ((const struct member *)b)->system,
                        false);
}

/* One clause for each system. */
static void add_expanded(struct builder *builder, struct member *members, size_t count)
{
    if (count > 0)
        qsort(members, count, sizeof(*members), by_system);
    for (size_t i = 0, end = 0; i < count; i = end) {
        struct clause clause = new_clause(builder);
        struct code_draft *drafts = arena_many(builder->scratch, struct code_draft, count - i);

        for (end = i; end < count && text_equals(members[end].system, members[i].system); end++)
            drafts[end - i] = members[end].draft;
        set_system(builder, &clause, members[i].system, (struct text){NULL, 0});
        clause.codes = build_codes(builder, drafts, end - i, clause.nocase);
        clause.kind = CLAUSE_EXPANDED;
        buf_add(&builder->clauses, &clause, sizeof(clause));
    }
}

/* Whether the expansion has all members: not a page, nor cut off, nor without an end. */
static bool is_whole(const struct node *expansion, size_t count)
{
    struct text total = node_value(expansion, "total");
    int64_t number;

    for (const struct node *extension = node_child(expansion, "extension"); extension;
         extension = node_next_same(extension)) {
        struct text url = node_value(extension, "url");

        if (text_is(url, EXPANSION_URL "toocostly") || text_is(url, EXPANSION_URL "unclosed"))
            return false;
    }
    for (const struct node *parameter = node_child(expansion, "parameter"); parameter;
         parameter = node_next_same(parameter))
        if (text_is(node_value(parameter, "name"), "limitedExpansion") &&
            !text_is(node_value(parameter, "valueString"), "-1"))
            return false;
    return !total.data || (text_to_int64(total, 0, INT64_MAX, &number) && number == (int64_t)count);
}

static void add_rules(struct builder *builder, const struct node *node)
{
    const struct node *expansion = node_child(node, "expansion");
    const struct node *compose = node_child(node, "compose");
    struct buf members = buf_in(builder->scratch);
    size_t count;

    if (expansion)
        collect_members(expansion, &members);
    count = build_count(&members, sizeof(struct member));
    add_expanded(builder, (void *)members.data, count);
    if (expansion && is_whole(expansion, count))
        return;
    if (compose) {
        add_clauses(builder, compose);
    } else {
        struct clause open = new_clause(builder);

        open.kind = CLAUSE_OPEN;
        buf_add(&builder->clauses, &open, sizeof(open));
        issue_add(builder->issues, ISSUE_INFORMATION, "incomplete", NULL,
                  "ValueSet %.*s does not say which codes it has",
                  TEXT_ARGS(node_value(node, "url")));
    }
}

static void define_set(struct builder *builder, struct text url, struct text version,
                       uint32_t first_clause)
{
    uint32_t bare = build_name(builder, url), full = build_canonical(builder, url, version);
    uint32_t number = (uint32_t)build_count(&builder->sets, sizeof(struct value_set)) | TERM_ADDED;
    struct value_set set = {
        .name = bare,
        .version = build_text(builder, version),
        .first_clause = first_clause | TERM_ADDED,
        .clause_count =
            (uint32_t)build_count(&builder->clauses, sizeof(struct clause)) - first_clause,
    };
    uint32_t before = build_name_at(builder, bare)->set;

    buf_add(&builder->sets, &set, sizeof(set));
    builder_sync(builder);
    if (full != bare)
        build_name_at(builder, full)->set = number;
    if (before == TERM_NOBODY ||
        canonical_compare_versions(
            version,
            term_text(builder->terminology, term_set(builder->terminology, before)->version)) >= 0)
        build_name_at(builder, bare)->set = number;
}

void build_set(struct builder *builder, const struct node *node)
{
    uint32_t first = (uint32_t)build_count(&builder->clauses, sizeof(struct clause));

    add_rules(builder, node);
    define_set(builder, node_value(node, "url"), node_value(node, "version"), first);
}

/* R4 codesystem.html: CodeSystem.valueSet is the url of the set of all its codes. */
void build_implicit_set(struct builder *builder, const struct node *node)
{
    struct text canonical = node_value(node, "valueSet"), url, version;
    uint32_t first = (uint32_t)build_count(&builder->clauses, sizeof(struct clause)), name;
    struct clause clause = new_clause(builder);

    if (canonical.size == 0 || node_value(node, "url").size == 0)
        return;
    if (!text_split(canonical, '|', &url, &version)) {
        url = canonical;
        version = (struct text){NULL, 0};
    }
    name = term_name_find(builder->terminology, url);
    if (name != TERM_NOBODY && builder->terminology->names[name].set != TERM_NOBODY)
        return;
    set_system(builder, &clause, node_value(node, "url"), (struct text){NULL, 0});
    buf_add(&builder->clauses, &clause, sizeof(clause));
    define_set(builder, url, version, first);
}
