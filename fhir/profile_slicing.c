/*
 * Slicing - sorts repetitions of an element into slices and checks each slice
 * (R4 profiling.html#slicing).
 */

#include "fhir/profile_check.h"

#include "base/arena.h"
#include "base/err.h"
#include "fhir/issue.h"
#include "fhir/node.h"
#include "fhir/profile_finding.h"

/* So many do without the arena. */
#define FEW_SLICES 24
#define FEW_NODES  32

struct bin {
    const struct rule *slice;
    unsigned count;
    bool maybe; /* the node at hand might belong here */
    bool open;  /* some node might */
};

/* Repetitions of one element of one parent; when slices are sliced again, those of one slice. */
struct slicing {
    const struct rule *rule;   /* whose slices */
    const struct rule *teller; /* whose discriminators */
    const struct node *parent;
    const struct node **nodes;
    int *places; /* the bin of each node, or one of enum place */
    unsigned node_count;
    struct bin *bins;
    unsigned bin_count;
    unsigned last;      /* the last bin that got one: for ordered slices */
    bool had_unmatched; /* for openAtEnd */
};

enum place { NO_BIN = -1, OPEN_BIN = -2 };

static unsigned count_children(const struct rule *rule, const struct node *parent);
static void sort(struct check *check, struct slicing *slicing);
static unsigned make_bins(struct check *check, struct slicing *slicing, struct bin *few);
static int find_bin(struct check *check, struct slicing *slicing, const struct node *node);
static int find_bin_by_url(const struct slicing *slicing, const struct node *node);
static int find_bin_by_values(struct check *check, struct slicing *slicing,
                              const struct node *node);
static int place_without_match(struct slicing *slicing);
static bool is_default(const struct rule *slice);
static void check_second(struct check *check, const struct slicing *slicing, unsigned first,
                         const struct node *node);
static void check_matched(struct check *check, struct slicing *slicing, unsigned place,
                          const struct node *node);
static void check_unmatched(struct check *check, struct slicing *slicing, const struct node *node);
static void check_counts(struct check *check, const struct slicing *slicing);
static void sort_again(struct check *check, const struct slicing *outer, unsigned place);

void check_slices(struct check *check, const struct rule *rule, const struct node *parent)
{
    const struct node *few_nodes[FEW_NODES];
    int few_places[FEW_NODES];
    struct slicing slicing = {
        .rule = rule, .teller = rule, .parent = parent, .nodes = few_nodes, .places = few_places};
    unsigned count = count_children(rule, parent);

    if (count > FEW_NODES) {
        slicing.nodes = arena_many(check->issues->arena, const struct node *, count);
        slicing.places = arena_many(check->issues->arena, int, count);
    }
    for (const struct node *child = parent->first; child; child = child->next)
        if (child->element && child->element->name_id == rule->name_id)
            slicing.nodes[slicing.node_count++] = child;
    sort(check, &slicing);
}

static unsigned count_children(const struct rule *rule, const struct node *parent)
{
    unsigned count = 0;

    for (const struct node *child = parent->first; child; child = child->next)
        count += child->element && child->element->name_id == rule->name_id;
    return count;
}

static void sort(struct check *check, struct slicing *slicing)
{
    struct bin few[FEW_SLICES];

    slicing->bin_count = make_bins(check, slicing, few);
    for (unsigned i = 0; i < slicing->node_count && !check_is_over(check); i++) {
        int place = find_bin(check, slicing, slicing->nodes[i]);

        slicing->places[i] = place;
        if (place >= 0)
            check_matched(check, slicing, (unsigned)place, slicing->nodes[i]);
        else if (place == NO_BIN)
            check_unmatched(check, slicing, slicing->nodes[i]);
        else
            finding_add(check->issues, ISSUE_INFORMATION, "informational", slicing->nodes[i],
                        slicing->rule,
                        "To which slice this belongs could not be found out, since what it refers "
                        "to or a definition is not at hand.");
    }
    check_counts(check, slicing);
    for (unsigned i = 0; i < slicing->bin_count && !check_is_over(check); i++)
        if (slicing->bins[i].slice->slices)
            sort_again(check, slicing, i);
    slicing->bins = NULL; /* they were this function's */
}

static unsigned make_bins(struct check *check, struct slicing *slicing, struct bin *few)
{
    unsigned count = 0;

    for (const struct rule *slice = slicing->rule->slices; slice; slice = slice->next)
        count++;
    slicing->bins = count > FEW_SLICES ? arena_many(check->issues->arena, struct bin, count) : few;
    count = 0;
    for (const struct rule *slice = slicing->rule->slices; slice; slice = slice->next)
        slicing->bins[count++] = (struct bin){.slice = slice};
    return count;
}

static int find_bin(struct check *check, struct slicing *slicing, const struct node *node)
{
    if (slicing_is_by_url(slicing->teller))
        return find_bin_by_url(slicing, node);
    return find_bin_by_values(check, slicing, node);
}

static int find_bin_by_url(const struct slicing *slicing, const struct node *node)
{
    struct text url = node_value(node, "url");

    for (unsigned i = 0; i < slicing->bin_count; i++)
        if (text_equals(url, slice_url(slicing->bins[i].slice)))
            return (int)i;
    return NO_BIN;
}

static int find_bin_by_values(struct check *check, struct slicing *slicing, const struct node *node)
{
    for (unsigned i = 0; i < slicing->bin_count; i++)
        slicing->bins[i].maybe = false;
    for (unsigned i = 0; i < slicing->bin_count; i++) {
        struct bin *bin = &slicing->bins[i];
        enum match match;

        if (is_default(bin->slice) || !check_step(check, node))
            continue;
        match = slice_matches(check, slicing->teller, bin->slice, node);
        if (match == MATCH_YES) {
            check_second(check, slicing, i, node);
            return (int)i;
        }
        bin->maybe = match == MATCH_OPEN;
    }
    return place_without_match(slicing);
}

static int place_without_match(struct slicing *slicing)
{
    int place = NO_BIN;

    for (unsigned i = 0; i < slicing->bin_count; i++) {
        if (slicing->bins[i].maybe)
            place = OPEN_BIN;
        slicing->bins[i].open = slicing->bins[i].open || slicing->bins[i].maybe;
    }
    for (unsigned i = 0; place == NO_BIN && i < slicing->bin_count; i++)
        if (is_default(slicing->bins[i].slice))
            place = (int)i;
    return place;
}

/* R4 profiling.html#default-slice: gets what no other slice takes. */
static bool is_default(const struct rule *slice)
{
    return slice->slice && strcmp(slice->slice, "@default") == 0;
}

/* Values tell slices apart; if two of them fit, one of the two is meant, and nobody knows which. */
static void check_second(struct check *check, const struct slicing *slicing, unsigned first,
                         const struct node *node)
{
    const struct rule *teller = slicing->teller;

    if (teller->discriminator_count == 0)
        return;
    for (unsigned i = 0; i < teller->discriminator_count; i++)
        if (teller->discriminators[i].type > DISCRIMINATOR_PATTERN)
            return;
    for (unsigned i = first + 1; i < slicing->bin_count; i++) {
        const struct rule *slice = slicing->bins[i].slice;

        if (is_default(slice) || slice_matches(check, teller, slice, node) != MATCH_YES)
            continue;
        finding_add(check->issues, ISSUE_ERROR, "structure", node, slicing->rule,
                    "This fits two slices, %s and %s; make it fit one.",
                    slicing->bins[first].slice->slice, slice->slice);
        return;
    }
}

static void check_matched(struct check *check, struct slicing *slicing, unsigned place,
                          const struct node *node)
{
    struct bin *bin = &slicing->bins[place];
    const struct rule *teller = slicing->teller;

    bin->count++;
    if (teller->slicing_rules == SLICING_OPEN_AT_END && slicing->had_unmatched)
        finding_add(check->issues, ISSUE_ERROR, "structure", node, slicing->rule,
                    "This belongs to slice %s, but stands behind items of no slice; put those at "
                    "the end.",
                    bin->slice->slice);
    if (teller->ordered && place < slicing->last)
        finding_add(check->issues, ISSUE_ERROR, "structure", node, slicing->rule,
                    "The slices are ordered: put slice %s before slice %s.", bin->slice->slice,
                    slicing->bins[slicing->last].slice->slice);
    if (place > slicing->last)
        slicing->last = place;
    check_node(check, bin->slice, node);
}

static void check_unmatched(struct check *check, struct slicing *slicing, const struct node *node)
{
    slicing->had_unmatched = true;
    if (slicing->teller->slicing_rules == SLICING_CLOSED)
        finding_add(check->issues, ISSUE_ERROR, "structure", node, slicing->rule,
                    "This %.*s fits none of the slices, and the profile allows no others.",
                    TEXT_ARGS(slicing->rule->name));
}

static void check_counts(struct check *check, const struct slicing *slicing)
{
    for (unsigned i = 0; i < slicing->bin_count; i++) {
        const struct bin *bin = &slicing->bins[i];
        const struct rule *slice = bin->slice;

        if (bin->count < slice->min && !bin->open)
            finding_add(check->issues, ISSUE_ERROR, "required", slicing->parent, slice,
                        "Slice %s of %.*s is there %u times; the profile demands at least %u.",
                        slice->slice, TEXT_ARGS(slice->name), bin->count, slice->min);
        else if (slice->max != ELEMENT_MANY && bin->count > slice->max)
            finding_add(check->issues, ISSUE_ERROR, "structure", slicing->parent, slice,
                        "Slice %s of %.*s is there %u times; the profile allows at most %u.",
                        slice->slice, TEXT_ARGS(slice->name), bin->count, slice->max);
    }
}

/* R4 profiling.html#reslicing: slices of a slice. */
static void sort_again(struct check *check, const struct slicing *outer, unsigned place)
{
    const struct rule *slice = outer->bins[place].slice;
    struct slicing inner = {
        .rule = slice,
        .teller = slice->sliced && slice->discriminator_count > 0 ? slice : outer->teller,
        .parent = outer->parent,
        .nodes = arena_many(check->issues->arena, const struct node *, outer->node_count + 1),
        .places = arena_many(check->issues->arena, int, outer->node_count + 1),
    };

    for (unsigned i = 0; i < outer->node_count; i++)
        if (outer->places[i] == (int)place)
            inner.nodes[inner.node_count++] = outer->nodes[i];
    sort(check, &inner);
}

/* The first slice of that name, of an element with this name (0: of any), and the rule of that
 * element; NULL when there is none below `rule`. */
static const struct rule *find_slice(const struct rule *rule, struct text name, uint16_t name_id,
                                     const struct rule **sliced)
{
    const struct rule *found;

    for (const struct rule *slice = rule->slices; slice; slice = slice->next) {
        if (slice->slice && text_is(name, slice->slice) &&
            (name_id == 0 || rule->name_id == name_id)) {
            *sliced = rule;
            return slice;
        }
        found = find_slice(slice, name, name_id, sliced);
        if (found)
            return found;
    }
    for (const struct rule *child = rule->children; child; child = child->next) {
        found = find_slice(child, name, name_id, sliced);
        if (found)
            return found;
    }
    return NULL;
}

bool profile_has_slice(const struct profile *profile, struct text name)
{
    const struct rule *sliced;

    return profile->root && find_slice(profile->root, name, 0, &sliced);
}

bool slice_holds_within(const struct profile *profile, struct text name, const struct node *node,
                        const struct validation *validation, struct profile_work *work)
{
    struct arena *arena;
    struct issues issues;
    struct check check = {.validation = validation, .work = work, .issues = &issues, .quiet = true};
    struct verdict *verdicts = work->verdicts;
    const struct rule *sliced, *slice;
    bool holds;

    slice = profile->root && node->element
                ? find_slice(profile->root, name, node->element->name_id, &sliced)
                : NULL;
    if (!slice)
        return false;
    if (slicing_is_by_url(sliced))
        return text_equals(node_value(node, "url"), slice_url(slice));
    arena = arena_new();
    issues_init(&issues, arena, 0);
    holds = slice_matches(&check, sliced, slice, node) == MATCH_YES;
    work->verdicts = verdicts; /* new ones went into this arena */
    arena_free(arena);
    return holds;
}
