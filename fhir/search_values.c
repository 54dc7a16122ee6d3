/*
 * Search values - the expressions of all parameters, compiled once, and what
 * they give on a resource.
 *
 * Most parameters find nothing on most resources. So each expression is asked
 * first whether the resource has the elements it begins with: a bit set
 * that is made once for the resource (see fhirpath_heads).
 */

#include "fhir/search_values.h"

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/fhirpath.h"
#include "fhir/fhirpath_expr.h"
#include "fhir/node.h"
#include "fhir/search_values_convert.h"
#include "fhir/search_words.h"

#include <assert.h>

#define MAX_COMBINATIONS   10000 /* in one instance of a composite */
#define MAX_STEPS          5000000
#define FIRST_ROOM         32 /* values; more than most resources have */
#define FIRST_ROOM_OF_PART 4

struct search_value_plan {
    const struct fhirpath *expression; /* NULL: nothing to evaluate */
    const struct fhirpath *components[SEARCH_PARTS_MAX];
    uint64_t heads;
};

struct extraction {
    struct fhirpath_context context;
    struct gather gather;
    struct gather parts[SEARCH_PARTS_MAX]; /* of composites; used again for each instance */
    struct number_cache numbers;
    unsigned failed;
    struct err err; /* cleared after a failure only: it is large, and expressions are many */
};

/* By search_param.number; those of packages have theirs in the extension. Written by
 * search_values_setup() only. */
static struct search_value_plan *plans;

static bool make_plan(struct arena *arena, const struct search_param *param,
                      struct search_value_plan *plan, struct err *err);
static void extract_resource(struct extraction *extraction, const struct node *resource,
                             struct search_values *values);
static void extract_contained(struct extraction *extraction, const struct node *resource,
                              struct search_values *values);
static void extract_param(struct extraction *extraction, const struct search_param *param,
                          const struct node *resource);
static void extract_composite(struct extraction *extraction, const struct search_param *param,
                              const struct search_value_plan *plan, const struct node *focus);

/* These the server keeps itself. */
static bool is_bookkeeping(const struct search_param *param)
{
    return strcmp(param->code, "_id") == 0 || strcmp(param->code, "_lastUpdated") == 0;
}

bool search_values_setup(struct err *err)
{
    struct search_value_plan *made;
    struct arena *arena;

    if (plans)
        return true;
    arena = arena_new(); /* for as long as the process lives */
    made = arena_many(arena, struct search_value_plan, search_param_count());
    for (unsigned i = 0; i < search_param_count(); i++) {
        const struct search_param *param = search_param_at(i);

        if (!make_plan(arena, param, &made[i], err)) {
            arena_free(arena);
            return false;
        }
    }
    convert_setup();
    plans = made;
    return true;
}

bool search_values_prepare(const struct search_params *set, struct err *err)
{
    static struct arena *arena; /* for as long as the process lives: so do the parameters */
    size_t count;
    const struct search_param *const *added = search_params_added(set, &count);

    if (!arena)
        arena = arena_new();
    for (size_t i = 0; i < count; i++) {
        struct search_extension *extension = search_extension_of(added[i]);
        struct search_value_plan *plan = arena_one(arena, struct search_value_plan);

        if (extension->plan)
            continue;
        if (!make_plan(arena, added[i], plan, err))
            return false;
        extension->plan = plan;
    }
    return true;
}

static const struct search_value_plan *plan_of(const struct search_param *param)
{
    const struct search_extension *extension = search_extension_of(param);

    return extension ? extension->plan : &plans[param->number];
}

static const struct fhirpath *compile(struct arena *arena, const struct search_param *param,
                                      const char *expression, struct err *err)
{
    struct err why = {0};
    const struct fhirpath *compiled = fhirpath_compile(arena, text_of(expression), &why);

    if (!compiled)
        err_set(err, ERR_INTERNAL, param->code, "The expression of %s cannot be compiled: %s",
                param->url, why.text);
    return compiled;
}

static bool make_plan(struct arena *arena, const struct search_param *param,
                      struct search_value_plan *plan, struct err *err)
{
    if (!param->expression || is_bookkeeping(param))
        return true;
    plan->expression = compile(arena, param, param->expression, err);
    if (!plan->expression)
        return false;
    plan->heads = fhirpath_heads(plan->expression);
    assert(param->component_count <= SEARCH_PARTS_MAX);
    for (unsigned i = 0; i < param->component_count; i++) {
        plan->components[i] = compile(arena, param, param->components[i].expression, err);
        if (!plan->components[i])
            return false;
    }
    return true;
}

static uint64_t present_heads(const struct node *resource)
{
    uint64_t heads = 0;

    for (const struct node *child = resource->first; child; child = child->next) {
        if (child->element)
            heads |= fhirpath_head_bit(child->element->name_id);
    }
    return heads;
}

void search_values_extract(const struct node *resource, struct arena *arena,
                           struct search_values *values, unsigned *failed)
{
    struct extraction extraction = {
        .context = {.root_resource = resource, .max_steps = MAX_STEPS, .search_rules = true},
        .gather = {.arena = arena, .numbers = &extraction.numbers, .first_room = FIRST_ROOM},
    };

    *values = (struct search_values){0};
    extract_resource(&extraction, resource, values);
    if (node_child(resource, "contained"))
        extract_contained(&extraction, resource, values);
    if (failed)
        *failed = extraction.failed + extraction.gather.full;
}

static void extract_resource(struct extraction *extraction, const struct node *resource,
                             struct search_values *values)
{
    uint64_t present = present_heads(resource);
    const struct search_param *const *params;
    unsigned count;

    extraction->context.resource = resource;
    assert(plans && resource->type);
    params = search_params_written(resource->type->name, &count);
    for (unsigned i = 0; i < count; i++) {
        const struct search_value_plan *plan = plan_of(params[i]);

        if (plan->expression && (plan->heads == UINT64_MAX || (plan->heads & present)))
            extract_param(extraction, params[i], resource);
    }
    values->items = extraction->gather.items;
    values->count = extraction->gather.count;
}

static void extract_contained(struct extraction *extraction, const struct node *resource,
                              struct search_values *values)
{
    const struct node *first = node_child(resource, "contained");
    size_t count = 0;

    for (const struct node *node = first; node; node = node_next_same(node))
        count++;
    values->contained = arena_many(extraction->gather.arena, struct search_contained, count);
    for (const struct node *node = first; node; node = node_next_same(node)) {
        struct search_contained *contained = &values->contained[values->contained_count];

        if (!node->type || (node->flags & NODE_RAW) || !node_is_resource(node))
            continue;
        extraction->gather.items = NULL;
        extraction->gather.count = extraction->gather.room = 0;
        extract_resource(extraction, node, &contained->values);
        contained->resource = node;
        values->contained_count++;
    }
}

/* Evaluates; what fails is counted and gives nothing. */
static void evaluate(struct extraction *extraction, const struct fhirpath *expression,
                     const struct node *focus, struct fhirpath_values *found)
{
    if (fhirpath_evaluate(expression, &extraction->context, focus, extraction->gather.arena, found,
                          &extraction->err))
        return;
    extraction->err = (struct err){0};
    extraction->failed++;
    found->count = 0;
}

/* All of them, in one value, which is there also when they are none: that no word is there can be
 * asked for. */
static void extract_words(struct extraction *extraction, const struct search_param *param,
                          const struct node *resource)
{
    struct buf out = buf_in(extraction->gather.arena);

    search_words_add(param, resource, extraction->gather.arena, &out);
    gather_start(&extraction->gather, param, param->search_type);
    gather_add(&extraction->gather, &(struct search_value){.text = {buf_text(&out), out.size}});
}

static void extract_param(struct extraction *extraction, const struct search_param *param,
                          const struct node *resource)
{
    const struct search_value_plan *plan = plan_of(param);
    struct fhirpath_values found;

    if (search_param_is_text(param)) {
        extract_words(extraction, param, resource);
        return;
    }
    gather_start(&extraction->gather, param, param->search_type);
    evaluate(extraction, plan->expression, resource, &found);
    for (size_t i = 0; i < found.count; i++) {
        if (param->search_type != SEARCH_COMPOSITE)
            convert_value(&extraction->gather, &found.items[i]);
        else if (found.items[i].kind == FHIRPATH_NODE)
            extract_composite(extraction, param, plan, found.items[i].node);
    }
}

/* The values of one component on one instance. */
static void extract_component(struct extraction *extraction, const struct search_param *param,
                              const struct search_value_plan *plan, unsigned number,
                              const struct node *focus, struct gather *gather)
{
    struct fhirpath_values found;

    gather->arena = extraction->gather.arena;
    gather->numbers = extraction->gather.numbers;
    gather->first_room = FIRST_ROOM_OF_PART;
    gather->count = 0;
    gather_start(gather, param, param->components[number].type);
    evaluate(extraction, plan->components[number], focus, &found);
    for (size_t i = 0; i < found.count; i++)
        convert_value(gather, &found.items[i]);
    extraction->failed += gather->full;
}

/* Every combination of the components' values in one instance. The last
 * component is the value proper, and the one that is most often missing: it is asked first. */
static void extract_composite(struct extraction *extraction, const struct search_param *param,
                              const struct search_value_plan *plan, const struct node *focus)
{
    struct gather *parts = extraction->parts;
    size_t combinations = 1;
    unsigned count = param->component_count;

    for (unsigned i = count; i-- > 0;) {
        extract_component(extraction, param, plan, i, focus, &parts[i]);
        combinations *= parts[i].count;
        if (combinations == 0)
            return;
        if (combinations > MAX_COMBINATIONS) {
            extraction->failed++;
            return;
        }
    }
    for (size_t number = 0; number < combinations; number++) {
        struct search_value *components =
            arena_alloc_raw(extraction->gather.arena, count * sizeof(*components));
        size_t rest = number;

        for (unsigned i = 0; i < count; i++) {
            components[i] = parts[i].items[rest % parts[i].count];
            rest /= parts[i].count;
        }
        gather_add(&extraction->gather, &(struct search_value){.components = components,
                                                               .component_count = (uint16_t)count});
    }
}
