#pragma once

/* What the tests of definitions share: folders of published resources in, rules out as text. */

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "fhir/definitions.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/profile.h"

#include <dirent.h>
#include <stdlib.h>

/* The folder of test data, or NULL, after saying so, when it is not there. */
static inline const char *test_data(struct arena *arena, const char *folder)
{
    const char *root = getenv("ISTHMUS_TEST_DATA");
    const char *path = arena_printf(arena, "%s/%s", root ? root : "../shared/data", folder);
    DIR *found = opendir(path);

    if (!found) {
        printf("skipped 1: no %s\n", path);
        return NULL;
    }
    closedir(found);
    return path;
}

static inline struct text read_whole(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "re");
    struct buf data = buf_in(arena);
    size_t got = 1;

    while (file && got > 0) {
        got = fread(buf_reserve(&data, 65536), 1, 65536, file);
        data.size += got;
    }
    if (file)
        fclose(file);
    return (struct text){data.data, data.size};
}

static inline int is_definition(const struct dirent *entry)
{
    return strncmp(entry->d_name, "StructureDefinition-", 20) == 0;
}

/* Calls back for every StructureDefinition of a folder, in the order of names; how many. */
static inline unsigned each_definition(struct arena *arena, const char *folder,
                                       void (*run)(struct node *definition, void *context),
                                       void *context)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_definition, alphasort);
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, 10);
    for (int i = 0; i < count; i++) {
        struct text json =
            read_whole(arena, arena_printf(arena, "%s/%s", folder, entries[i]->d_name));
        struct node *definition =
            json_read(arena, json.data, json.size, &json_default_limits, &issues, &err);

        if (definition)
            run(definition, context);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return count > 0 ? (unsigned)count : 0;
}

static inline void dump_list(struct buf *out, const char *name, const char *const *list)
{
    for (; list && *list; list++)
        buf_printf(out, " %s(%s)", name, *list);
}

static inline void dump_node(struct buf *out, const char *name, const struct node *node)
{
    if (!node)
        return;
    buf_printf(out, " %s=", name);
    if (node->first)
        json_write(node, out);
    else
        buf_add(out, node->value.data, node->value.size);
}

/* One line for each rule, indented by depth; slices in front of children. */
static inline void dump_rule(struct buf *out, const struct rule *rule, unsigned depth)
{
    static const char *const strengths[] = {"", "example", "preferred", "extensible", "required"};
    static const char *const discriminators[] = {"value", "pattern", "exists", "type", "profile"};
    static const char *const slicings[] = {"open", "closed", "openAtEnd"};

    buf_printf(out, "%*s%.*s", 2 * (int)depth, "", TEXT_ARGS(rule->name));
    if (rule->slice)
        buf_printf(out, ":%s", rule->slice);
    buf_printf(out, " %u..", rule->min);
    if (rule->max == ELEMENT_MANY)
        buf_add_text(out, "*");
    else
        buf_printf(out, "%u", rule->max);
    if (rule->must_support)
        buf_add_text(out, " S");
    for (unsigned i = 0; i < rule->type_count; i++) {
        buf_printf(out, " %s", rule->types[i].type ? rule->types[i].type->name : "?");
        dump_list(out, "profile", rule->types[i].profiles);
        dump_list(out, "target", rule->types[i].targets);
        if (rule->types[i].aggregations)
            buf_printf(out, " aggregation(%u)", rule->types[i].aggregations);
    }
    dump_node(out, "fixed", rule->fixed);
    dump_node(out, "pattern", rule->pattern);
    dump_node(out, "min", rule->min_value);
    dump_node(out, "max", rule->max_value);
    if (rule->max_length)
        buf_printf(out, " length=%u", rule->max_length);
    if (rule->binding.value_set)
        buf_printf(out, " %s(%s)", strengths[rule->binding.strength], rule->binding.value_set);
    if (rule->binding.max_value_set)
        buf_printf(out, " largest(%s)", rule->binding.max_value_set);
    for (unsigned i = 0; i < rule->constraint_count; i++)
        buf_printf(out, " %s%s{%s}", rule->constraints[i].key,
                   rule->constraints[i].is_error ? "" : "?", rule->constraints[i].expression);
    if (rule->sliced) {
        buf_printf(out, " %s%s", slicings[rule->slicing_rules], rule->ordered ? " ordered" : "");
        for (unsigned i = 0; i < rule->discriminator_count; i++)
            buf_printf(out, " by-%s:%s", discriminators[rule->discriminators[i].type],
                       rule->discriminators[i].path);
    }
    buf_add_char(out, '\n');
    for (const struct rule *slice = rule->slices; slice; slice = slice->next)
        dump_rule(out, slice, depth + 1);
    for (const struct rule *child = rule->children; child; child = child->next)
        dump_rule(out, child, depth + 1);
}
