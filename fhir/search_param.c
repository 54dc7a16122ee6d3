/*
 * Search parameters - lookups in the tables that schemas/generate.py makes, and
 * in what packages add to them.
 *
 * The rows are sorted by resource type, in the order of the numbers of types,
 * and within a type by code.
 */

#include "fhir/search_param.h"

#include "base/arena.h"
#include "base/count.h"
#include "base/err.h"
#include "fhir/type.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

enum { NOWHERE = UINT16_MAX };

static const char *const targets[] = {
#include "fhir/search_target_table.inc"
};

static const struct search_component components[] = {
#include "fhir/search_component_table.inc"
};

static const struct search_param published[] = {
#include "fhir/search_table.inc"
};

/* By number of type: its first row; the next type's is its end. */
static const uint16_t published_starts[] = {
#include "fhir/search_starts.inc"
};

/* The parameters of one type. */
struct place {
    const struct search_param *const *rows;
    unsigned visible, written; /* those that are leaving stand behind the others */
};

/* What an addition became. Never freed, and never changed but for what is atomic. */
struct row {
    struct search_param param; /* first, so that one is the other */
    struct search_extension extension;
    struct row *next;
};

struct search_params {
    struct place places[COUNT(published_starts) - 1]; /* by number of type */
    const struct search_param **added;
    size_t added_count;
};

/* Of the one thread at a time that makes sets. The arena is there for as long as the process is:
 * a set takes a few kilobytes, and there is one for each change of what is installed. */
static struct arena *arena;
static struct row *rows;
static unsigned next_number = COUNT(published);

/* Of the published ones, by number: search_param_hold(). */
static atomic_bool held[COUNT(published)];

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const struct search_params *without_additions;
static _Atomic(const struct search_params *) in_force;

static const char *const compartment_params[] = {
#include "fhir/compartment_params.inc"
};

/* By number of type: where its codes begin in compartment_params. */
static const struct compartment {
    const char *type;
    uint16_t places[COUNT(published_starts) - 1];
} compartments[] = {
#include "fhir/compartment_table.inc"
};

static const struct place *place_of(const char *type);
static void begin(void);
static const struct search_param *intern(const struct search_addition *addition);
static bool is_same(const struct row *row, const struct search_addition *addition);
static void copy_param(const struct search_param *param, struct search_param *copy);
static void place_additions(const struct search_addition *additions,
                            const struct search_params *set, unsigned type, struct place *place);
static int compare(struct text code, const char *other);

unsigned search_param_count(void)
{
    return COUNT(published);
}

const struct search_param *search_param_at(unsigned number)
{
    assert(number < COUNT(published));
    return &published[number];
}

const struct search_param *search_param_find_published(const char *type, struct text code)
{
    const struct type *found = resource_type_find(text_of(type));
    unsigned low = found ? published_starts[found->number] : 0;
    unsigned end = found ? published_starts[found->number + 1] : 0;

    while (low < end) {
        unsigned middle = low + (end - low) / 2;
        int order = compare(code, published[middle].code);

        if (order == 0)
            return &published[middle];
        if (order < 0)
            end = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct search_param *search_param_find(const char *type, struct text code)
{
    const struct place *place = place_of(type);
    unsigned low = 0, end = place ? place->visible : 0;

    while (low < end) {
        unsigned middle = low + (end - low) / 2;
        int order = compare(code, place->rows[middle]->code);

        if (order == 0)
            return place->rows[middle];
        if (order < 0)
            end = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct search_param *search_param_with_url(struct text url)
{
    pthread_once(&once, begin);
    const struct search_params *set = atomic_load(&in_force);

    for (size_t i = 0; i < COUNT(published); i++)
        if (published[i].url && text_is(url, published[i].url))
            return &published[i];
    for (size_t i = 0; i < set->added_count; i++)
        if (text_is(url, set->added[i]->url))
            return set->added[i];
    return NULL;
}

static const struct place *place_of(const char *type)
{
    const struct type *found = resource_type_find(text_of(type));

    pthread_once(&once, begin);
    return found ? &atomic_load(&in_force)->places[found->number] : NULL;
}

const struct search_param *const *search_params_of(const char *type, unsigned *count)
{
    const struct place *place = place_of(type);

    *count = place ? place->visible : 0;
    return place ? place->rows : NULL;
}

const struct search_param *const *search_params_written(const char *type, unsigned *count)
{
    const struct place *place = place_of(type);

    *count = place ? place->written : 0;
    return place ? place->rows : NULL;
}

const char *const *compartment_params_of(const char *compartment, const char *type)
{
    const struct type *found = resource_type_find(text_of(type));

    for (size_t i = 0; found && i < COUNT(compartments); i++)
        if (strcmp(compartments[i].type, compartment) == 0 &&
            compartments[i].places[found->number] != NOWHERE)
            return &compartment_params[compartments[i].places[found->number]];
    return NULL;
}

const char *const *patient_compartment_params(const char *type)
{
    return compartment_params_of("Patient", type);
}

const char *const *encounter_compartment_params(const char *type)
{
    return compartment_params_of("Encounter", type);
}

const char *search_type_name(enum search_type type)
{
    static const char *const names[] = {
        [SEARCH_NUMBER] = "number",       [SEARCH_DATE] = "date",
        [SEARCH_STRING] = "string",       [SEARCH_TOKEN] = "token",
        [SEARCH_REFERENCE] = "reference", [SEARCH_COMPOSITE] = "composite",
        [SEARCH_QUANTITY] = "quantity",   [SEARCH_URI] = "uri",
        [SEARCH_SPECIAL] = "special",
    };

    assert(type < COUNT(names));
    return names[type];
}

bool search_type_is_ranged(enum search_type type)
{
    return type == SEARCH_DATE || type == SEARCH_NUMBER || type == SEARCH_QUANTITY ||
           type == SEARCH_STRING;
}

/* The set without additions. */
static void begin(void)
{
    arena = arena_new();
    const struct search_param **all =
        arena_many(arena, const struct search_param *, COUNT(published));
    struct search_params *set = arena_one(arena, struct search_params);

    for (size_t i = 0; i < COUNT(published); i++)
        all[i] = &published[i];
    for (size_t type = 0; type < COUNT(set->places); type++) {
        unsigned count = published_starts[type + 1] - published_starts[type];

        set->places[type] = (struct place){&all[published_starts[type]], count, count};
    }
    without_additions = set;
    atomic_store(&in_force, set);
}

const struct search_params *search_params_make(const struct search_addition *additions,
                                               size_t count)
{
    pthread_once(&once, begin);
    struct search_params *set = arena_one(arena, struct search_params);

    *set = *without_additions;
    set->added = arena_many(arena, const struct search_param *, count + 1);
    set->added_count = count;
    for (size_t i = 0; i < count; i++)
        set->added[i] = intern(&additions[i]);
    for (unsigned type = 0; count && type < COUNT(set->places); type++)
        place_additions(additions, set, type, &set->places[type]);
    return set;
}

static const struct search_param *intern(const struct search_addition *addition)
{
    struct row *row = rows;

    while (row && !is_same(row, addition))
        row = row->next;
    if (row)
        return &row->param;
    row = arena_one(arena, struct row);
    copy_param(&addition->param, &row->param);
    assert(next_number < NOWHERE);
    row->param.number = (uint16_t)next_number++;
    row->extension.version = addition->extension->version;
    if (addition->extension->configuration)
        row->extension.configuration = arena_strdup(arena, addition->extension->configuration);
    row->next = rows;
    rows = row;
    return &row->param;
}

static bool same_names(const char *const *a, const char *const *b)
{
    for (; a && b && *a && *b; a++, b++)
        if (strcmp(*a, *b) != 0)
            return false;
    return a && b ? *a == *b : a == b;
}

/* The version tells apart what is stored by them; these are told to clients besides. */
static bool is_same(const struct row *row, const struct search_addition *addition)
{
    const struct search_param *a = &row->param, *b = &addition->param;

    return row->extension.version == addition->extension->version &&
           strcmp(a->type, b->type) == 0 && strcmp(a->code, b->code) == 0 &&
           strcmp(a->url, b->url) == 0 && same_names(a->targets, b->targets);
}

static void copy_param(const struct search_param *param, struct search_param *copy)
{
    struct search_component *parts =
        arena_many(arena, struct search_component, param->component_count);
    size_t targets_count = 0;

    *copy = *param;
    copy->type = resource_type_find(text_of(param->type))->name;
    copy->code = arena_strdup(arena, param->code);
    copy->url = arena_strdup(arena, param->url);
    copy->expression = arena_strdup(arena, param->expression);
    for (unsigned i = 0; i < param->component_count; i++) {
        parts[i] = param->components[i];
        parts[i].code = arena_strdup(arena, param->components[i].code);
        parts[i].expression = arena_strdup(arena, param->components[i].expression);
    }
    copy->components = param->component_count ? parts : NULL;
    while (param->targets && param->targets[targets_count])
        targets_count++;
    if (param->targets) {
        const char **names = arena_many(arena, const char *, targets_count + 1);

        for (size_t i = 0; i < targets_count; i++)
            names[i] = resource_type_find(text_of(param->targets[i]))->name;
        copy->targets = names;
    }
}

/* The visible ones in their places among the published, which are there in their order, or in place
 * of one that is published without an expression (_text); then those that are leaving. */
static void place_additions(const struct search_addition *additions,
                            const struct search_params *set, unsigned type, struct place *place)
{
    const char *name = type_at(type)->name;
    const struct search_param **merged;
    unsigned count = place->visible;

    for (size_t i = 0; i < set->added_count; i++)
        count += strcmp(set->added[i]->type, name) == 0;
    if (count == place->visible)
        return;
    merged = arena_many(arena, const struct search_param *, count);
    memcpy(merged, place->rows, place->visible * sizeof(const struct search_param *));
    for (size_t i = 0; i < set->added_count; i++) {
        unsigned at = place->visible;

        if (strcmp(set->added[i]->type, name) != 0 || additions[i].leaving)
            continue;
        for (; at > 0 && strcmp(merged[at - 1]->code, set->added[i]->code) > 0; at--)
            merged[at] = merged[at - 1];
        if (at > 0 && strcmp(merged[at - 1]->code, set->added[i]->code) == 0) {
            merged[at - 1] = set->added[i];
            memmove(&merged[at], &merged[at + 1],
                    (place->visible - at) * sizeof(const struct search_param *));
            continue;
        }
        merged[at] = set->added[i];
        place->visible++;
    }
    place->written = place->visible;
    for (size_t i = 0; i < set->added_count; i++)
        if (strcmp(set->added[i]->type, name) == 0 && additions[i].leaving)
            merged[place->written++] = set->added[i];
    place->rows = merged;
}

const struct search_param *const *search_params_added(const struct search_params *set,
                                                      size_t *count)
{
    *count = set->added_count;
    return set->added;
}

void search_params_use(const struct search_params *set)
{
    atomic_store(&in_force, set);
}

struct search_extension *search_extension_of(const struct search_param *param)
{
    return param->number < COUNT(published) ? NULL : &((struct row *)param)->extension;
}

bool search_param_is_whole(const struct search_param *param)
{
    struct search_extension *extension = search_extension_of(param);

    return extension ? atomic_load(&extension->whole) : !atomic_load(&held[param->number]);
}

void search_param_hold(const struct search_param *param, bool hold)
{
    atomic_store(&held[param->number], hold);
}

/* By bytes, as the rows are sorted. */
static int compare(struct text code, const char *other)
{
    size_t size = strlen(other);
    size_t shared = code.size < size ? code.size : size;
    int order = shared ? memcmp(code.data, other, shared) : 0;

    if (order)
        return order;
    return code.size < size ? -1 : code.size > size;
}
