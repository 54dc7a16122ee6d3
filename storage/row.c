/*
 * Row - search values turned into columns, tokens and side rows.
 */

#include "storage/row.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/search_values.h"
#include "fhir/search_words.h"
#include "fhir/type.h"
#include "storage/columns.h"
#include "storage/row_set.h"
#include "storage/token.h"

enum {
    TOKS_ROOM = 96,        /* most resources have fewer */
    URI_PREFIXES_MAX = 16, /* of one uri */
};

struct list {
    int64_t *items;
    size_t count, room;
};

/* A row in the making. */
struct maker {
    const struct tokens *tokens;
    const struct columns *columns;
    struct arena *arena;
    struct row *row;
    int64_t container; /* the key of the resource, or of the one that contains it */
    struct list toks, patients, second_codes;
    size_t string_room, date_room, quantity_room;

    const struct search_param *param; /* of the value at hand */
    int64_t param_token;
};

static void add_contained(struct maker *maker, const struct search_values *values);
static void set_keys(struct maker *maker);
static void set_columns(struct maker *maker, const struct search_values *values);
static void set_code(struct maker *maker, const struct search_value *value);
static void set_date(struct row *row, const struct search_value *value, bool repeats);
static void set_quantity(struct maker *maker, const struct search_value *value);
static void add_value(struct maker *maker, const struct search_value *value);
static void begin_param(struct maker *maker, const struct search_param *param);
static void add_token(struct maker *maker, const struct search_value *value);
static void add_reference(struct maker *maker, const struct search_value *value);
static void add_uri(struct maker *maker, struct text uri);
static void add_written(struct maker *maker, struct text reference);
static void add_string(struct maker *maker, int64_t h, struct text text);
static void add_date(struct maker *maker, int64_t h, int64_t low, int64_t high);
static void add_number(struct maker *maker, int64_t h, const struct search_value *value);
static void add_quantity(struct maker *maker, const struct search_value *value);
static void add_position(struct maker *maker, const struct search_value *value);
static void add_composite(struct maker *maker, const struct search_value *value);
static size_t hash_component(struct maker *maker, const struct search_value *value,
                             int64_t forms[2]);
static void add_ranged(struct maker *maker, int64_t h, const struct search_value *value);
static bool stands_in_columns(const struct maker *maker, const struct search_value *value);
static bool unit_of(const struct maker *maker, const struct search_value *value, int64_t *unit);
static void finish(struct maker *maker);
static void list_add(struct maker *maker, struct list *list, int64_t item);
static void *grow(struct arena *arena, void *items, size_t count, size_t *room, size_t size);

struct row *row_make(const struct tokens *tokens, const struct type *type, struct text id,
                     const struct search_values *values, struct arena *arena)
{
    struct maker maker = {
        .tokens = tokens,
        .columns = columns_of(type),
        .arena = arena,
        .row = arena_one(arena, struct row),
    };

    maker.row->type = type;
    maker.row->id = id;
    set_keys(&maker);
    set_columns(&maker, values);
    for (size_t i = 0; i < values->count; i++)
        add_value(&maker, &values->items[i]);
    if (values->contained_count > 0)
        add_contained(&maker, values);
    finish(&maker);
    return maker.row;
}

/* Found by everything but columns, and by its own id. */
static struct row *make_contained(const struct maker *outer, const struct tokens *tokens,
                                  const struct search_contained *contained)
{
    const struct node *resource = contained->resource;
    const struct row *container = outer->row;
    struct maker maker = {
        .tokens = tokens,
        .columns = columns_of_contained(),
        .arena = outer->arena,
        .row = arena_one(outer->arena, struct row),
        .container = container->rkey,
    };
    struct row *row = maker.row;
    struct text id = node_value(resource, "id");
    struct buf json = buf_in(outer->arena);

    row->type = resource->type;
    row->rkey = token_contained(tokens, container->rkey, id);
    row->id = text_of(arena_printf(outer->arena, "%s/%.*s#%.*s", container->type->name,
                                   TEXT_ARGS(container->id), TEXT_ARGS(id)));
    for (size_t i = 0; i < contained->values.count; i++)
        add_value(&maker, &contained->values.items[i]);
    if (id.size > 0)
        list_add(&maker, &maker.toks,
                 token_code(tokens, search_param_find(row->type->name, TEXT("_id")), id));
    finish(&maker);
    json_write(resource, &json);
    row->json = (struct text){json.data, json.size};
    return row;
}

static void add_contained(struct maker *maker, const struct search_values *values)
{
    struct tokens tokens = *maker->tokens;
    struct row *row = maker->row;

    tokens.contained = true;
    row->contained = arena_many(maker->arena, struct row *, values->contained_count);
    for (size_t i = 0; i < values->contained_count; i++) {
        const struct search_contained *contained = &values->contained[i];

        row->contained[row->contained_count++] = make_contained(maker, &tokens, contained);
        list_add(maker, &maker->second_codes,
                 token_contains(maker->tokens, contained->resource->type->name));
    }
}

static void set_keys(struct maker *maker)
{
    struct row *row = maker->row;

    row->rkey = token_rkey(maker->tokens, text_of(row->type->name), row->id);
    maker->container = row->rkey;
    if (maker->columns->own_patient) {
        row->has_patient = true;
        row->patient = row->rkey;
        list_add(maker, &maker->patients, row->rkey);
    }
}

/* Columns come first: what the side tables get depends on them. */
static void set_columns(struct maker *maker, const struct search_values *values)
{
    const struct columns *columns = maker->columns;
    struct row *row = maker->row;

    for (size_t i = 0; i < values->count; i++) {
        const struct search_value *value = &values->items[i];

        if (value->param == columns->code)
            set_code(maker, value);
        else if (value->param == columns->date)
            set_date(row, value, columns->date_repeats);
        else if (value->param == columns->quantity)
            set_quantity(maker, value);
    }
}

static void set_code(struct maker *maker, const struct search_value *value)
{
    struct row *row = maker->row;

    if (!value->code.data)
        return;
    int64_t code = token_coding(maker->tokens, value->system, value->code);
    if (!row->has_code) {
        row->has_code = true;
        row->code = code;
    } else if (code != row->code) {
        list_add(maker, &maker->second_codes, code);
    }
}

/* Several values of what cannot repeat (the events of a Timing) are one span. */
static void set_date(struct row *row, const struct search_value *value, bool repeats)
{
    if (!row->has_date) {
        row->has_date = true;
        row->d = value->time_low;
        row->dhi = value->time_high;
    } else if (!repeats) {
        if (value->time_low < row->d)
            row->d = value->time_low;
        if (value->time_high > row->dhi)
            row->dhi = value->time_high;
    }
}

static void set_quantity(struct maker *maker, const struct search_value *value)
{
    struct row *row = maker->row;

    if (row->has_quantity || !value->exact)
        return;
    row->has_quantity = true;
    row->vq = value->number;
    row->has_unit = unit_of(maker, value, &row->vqu);
}

static void add_value(struct maker *maker, const struct search_value *value)
{
    if (search_union_of(value->param))
        return;
    if (value->param != maker->param)
        begin_param(maker, value->param);

    switch (value->type) {
    case SEARCH_TOKEN:
        add_token(maker, value);
        break;
    case SEARCH_REFERENCE:
        add_reference(maker, value);
        break;
    case SEARCH_URI:
        add_uri(maker, value->text);
        break;
    case SEARCH_STRING:
        add_string(maker, maker->param_token, value->text);
        break;
    case SEARCH_DATE:
        if (!stands_in_columns(maker, value))
            add_date(maker, maker->param_token, value->time_low, value->time_high);
        break;
    case SEARCH_NUMBER:
        add_number(maker, maker->param_token, value);
        break;
    case SEARCH_QUANTITY:
        add_quantity(maker, value);
        break;
    case SEARCH_COMPOSITE:
        add_composite(maker, value);
        break;
    case SEARCH_SPECIAL:
        add_position(maker, value);
        break;
    }
}

static void begin_param(struct maker *maker, const struct search_param *param)
{
    maker->param = param;
    maker->param_token = token_param(maker->tokens, param);
    list_add(maker, &maker->toks, maker->param_token);
}

static void add_token(struct maker *maker, const struct search_value *value)
{
    const struct tokens *tokens = maker->tokens;
    const struct search_param *param = maker->param;

    if (value->code.data && search_param_is_text(param)) {
        list_add(maker, &maker->toks, token_code(tokens, param, value->code));
    } else if (value->code.data) {
        list_add(maker, &maker->toks, token_system_code(tokens, param, value->system, value->code));
        list_add(maker, &maker->toks, token_code(tokens, param, value->code));
        if (value->identifier_type_code.data)
            list_add(maker, &maker->toks,
                     token_of_type(tokens, param, value->identifier_type_system,
                                   value->identifier_type_code, value->code));
    }
    if (value->system.size > 0)
        list_add(maker, &maker->toks, token_system(tokens, param, value->system));
}

static void add_reference(struct maker *maker, const struct search_value *value)
{
    if (value->reference_id.data && !value->reference_base.data) {
        int64_t target = token_rkey(maker->tokens, value->reference_type, value->reference_id);

        list_add(maker, &maker->toks, token_reference(maker->tokens, maker->param, target));
        if (text_is(value->reference_type, "Patient")) {
            if (columns_is_membership(maker->param))
                list_add(maker, &maker->patients, target);
            if (maker->param == maker->columns->patient && !maker->row->has_patient) {
                maker->row->has_patient = true;
                maker->row->patient = target;
            }
        }
    } else if (value->text.size > 0) {
        add_written(maker, value->text);
    }
    if (value->fragment.data) {
        int64_t target = value->fragment.size == 0
                             ? maker->container
                             : token_contained(maker->tokens, maker->container, value->fragment);

        list_add(maker, &maker->toks, token_reference(maker->tokens, maker->param, target));
    }
    add_token(maker, value); /* Reference.identifier */
}

/* As written, and without the version if there is one: a search that names
 * none finds every one. */
static void add_written(struct maker *maker, struct text reference)
{
    static const char history[] = "/_history/";
    const char *end = memmem(reference.data, reference.size, history, sizeof(history) - 1);

    list_add(maker, &maker->toks, token_uri(maker->tokens, maker->param, reference));
    if (!end)
        end = memchr(reference.data, '|', reference.size);
    if (end) {
        reference.size = (size_t)(end - reference.data);
        list_add(maker, &maker->toks, token_uri(maker->tokens, maker->param, reference));
    }
}

static void add_uri(struct maker *maker, struct text uri)
{
    struct text prefix = {uri.data, 0};
    int prefixes = 0;

    if (uri.size == 0)
        return;
    add_written(maker, uri);
    list_add(maker, &maker->toks, token_uri_below(maker->tokens, maker->param, uri));
    const char *version = memchr(uri.data, '|', uri.size);
    if (version) {
        uri.size = (size_t)(version - uri.data);
        list_add(maker, &maker->toks, token_uri_below(maker->tokens, maker->param, uri));
    }
    for (size_t i = 1; i + 1 < uri.size && prefixes < URI_PREFIXES_MAX; i++) {
        if (uri.data[i] != '/' || uri.data[i - 1] == '/' || uri.data[i - 1] == ':')
            continue;
        prefix.size = i;
        list_add(maker, &maker->toks, token_uri_below(maker->tokens, maker->param, prefix));
        prefixes++;
    }
}

static void add_string(struct maker *maker, int64_t h, struct text text)
{
    struct row *row = maker->row;
    struct text norm = text_fold(maker->arena, text);

    if (norm.size > ROW_NORM_MAX) {
        norm.size = ROW_NORM_MAX;
        while ((norm.data[norm.size] & 0xC0) == 0x80)
            norm.size--;
    }
    if (norm.size == 0)
        return;
    row->strings = grow(maker->arena, row->strings, row->string_count, &maker->string_room,
                        sizeof(row->strings[0]));
    row->strings[row->string_count++] = (struct row_string){.h = h, .norm = norm};
}

static void add_date(struct maker *maker, int64_t h, int64_t low, int64_t high)
{
    struct row *row = maker->row;

    row->dates =
        grow(maker->arena, row->dates, row->date_count, &maker->date_room, sizeof(row->dates[0]));
    row->dates[row->date_count++] = (struct row_date){.h = h, .low = low, .high = high};
}

/* Numbers and quantities: unit_of() finds none for a number. */
static void add_number(struct maker *maker, int64_t h, const struct search_value *value)
{
    struct row *row = maker->row;
    struct row_quantity quantity = {
        .h = h,
        .low = value->exact ? value->number : value->number_low,
        .high = value->exact ? value->number : value->number_high,
    };

    quantity.has_unit = value->type == SEARCH_QUANTITY && unit_of(maker, value, &quantity.unit);
    row->quantities = grow(maker->arena, row->quantities, row->quantity_count,
                           &maker->quantity_room, sizeof(row->quantities[0]));
    row->quantities[row->quantity_count++] = quantity;
}

static void add_quantity(struct maker *maker, const struct search_value *value)
{
    if (value->code.size > 0)
        list_add(maker, &maker->toks, token_code(maker->tokens, maker->param, value->code));
    if (value->text.size > 0 && !text_equals(value->text, value->code))
        list_add(maker, &maker->toks, token_code(maker->tokens, maker->param, value->text));
    if (!stands_in_columns(maker, value))
        add_number(maker, maker->param_token, value);
}

static void add_position(struct maker *maker, const struct search_value *value)
{
    const struct search_value ends = {
        .type = SEARCH_NUMBER, .number_low = value->latitude, .number_high = value->longitude};

    add_number(maker, maker->param_token, &ends);
}

/* Two parts, of which the first is a hash (all of R4's but those of
 * MolecularSequence with three, which are not answered). */
static void add_composite(struct maker *maker, const struct search_value *value)
{
    int64_t first[2], second[2];

    if (value->component_count != 2 || stands_in_columns(maker, value))
        return;
    size_t first_forms = hash_component(maker, &value->components[0], first);
    size_t second_forms = hash_component(maker, &value->components[1], second);

    for (size_t i = 0; i < first_forms; i++) {
        int64_t h = token_combine(maker->param_token, first[i]);

        for (size_t k = 0; k < second_forms; k++)
            list_add(maker, &maker->toks, token_combine(h, second[k]));
        if (second_forms == 0)
            add_ranged(maker, h, &value->components[1]);
    }
}

/* The forms in which a component is searched for, under its composite. None
 * when it is no hash. */
static size_t hash_component(struct maker *maker, const struct search_value *value,
                             int64_t forms[2])
{
    size_t count = 0;

    if (value->type == SEARCH_TOKEN && value->code.data) {
        forms[count++] = token_system_code(maker->tokens, maker->param, value->system, value->code);
        forms[count++] = token_code(maker->tokens, maker->param, value->code);
    } else if (value->type == SEARCH_REFERENCE && value->reference_id.data &&
               !value->reference_base.data) {
        int64_t target = token_rkey(maker->tokens, value->reference_type, value->reference_id);

        forms[count++] = token_reference(maker->tokens, maker->param, target);
    } else if ((value->type == SEARCH_REFERENCE || value->type == SEARCH_URI) &&
               value->text.size > 0) {
        forms[count++] = token_uri(maker->tokens, maker->param, value->text);
    }
    return count;
}

static void add_ranged(struct maker *maker, int64_t h, const struct search_value *value)
{
    if (value->type == SEARCH_QUANTITY || value->type == SEARCH_NUMBER)
        add_number(maker, h, value);
    else if (value->type == SEARCH_DATE)
        add_date(maker, h, value->time_low, value->time_high);
    else if (value->type == SEARCH_STRING)
        add_string(maker, h, value->text);
}

/* What a query on the columns finds needs no side row. */
static bool stands_in_columns(const struct maker *maker, const struct search_value *value)
{
    const struct columns *columns = maker->columns;
    const struct row *row = maker->row;

    if (maker->param == columns->date)
        return !columns->date_repeats ||
               (value->time_low == row->d && value->time_high == row->dhi);
    if (maker->param == columns->code_quantity)
        value = &value->components[1];
    else if (maker->param != columns->quantity)
        return false;

    int64_t unit = 0;
    bool has_unit = unit_of(maker, value, &unit);
    return value->type == SEARCH_QUANTITY && value->exact && row->has_quantity &&
           value->number == row->vq && has_unit == row->has_unit && (!has_unit || unit == row->vqu);
}

static bool unit_of(const struct maker *maker, const struct search_value *value, int64_t *unit)
{
    if (value->code.size > 0)
        *unit = token_coding(maker->tokens, value->system, value->code);
    else if (value->text.size > 0)
        *unit = token_coding(maker->tokens, (struct text){0}, value->text);
    else
        return false;
    return true;
}

static void finish(struct maker *maker)
{
    struct row *row = maker->row;

    if (maker->patients.count > 0) {
        row->patients = maker->patients.items;
        row->patient_count = row_sort_set(row->patients, maker->patients.count);
        for (size_t i = 0; i < row->patient_count; i++)
            list_add(maker, &maker->toks, token_member(maker->tokens, row->patients[i]));
    }
    row->toks = maker->toks.items;
    row->tok_count = row_sort_set(row->toks, maker->toks.count);
    row->second_codes = maker->second_codes.items;
    row->second_code_count = row_sort_set(row->second_codes, maker->second_codes.count);
    row_sort(row);
}

static void list_add(struct maker *maker, struct list *list, int64_t item)
{
    if (list->count == list->room && list == &maker->toks && list->room == 0) {
        list->items = arena_alloc_raw(maker->arena, TOKS_ROOM * sizeof(int64_t));
        list->room = TOKS_ROOM;
    }
    list->items = grow(maker->arena, list->items, list->count, &list->room, sizeof(int64_t));
    list->items[list->count++] = item;
}

/* Room for one more. */
static void *grow(struct arena *arena, void *items, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return items;
    *room = *room ? *room * 2 : 8;

    void *larger = arena_alloc_raw(arena, *room * size);
    if (count > 0)
        memcpy(larger, items, count * size);
    return larger;
}
