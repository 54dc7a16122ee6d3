/*
 * Row - one version of a resource turned into keys, columns, tokens and side rows; what each value
 * of a parameter adds is in row_value.c.
 */

#include "storage/row.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/search_values.h"
#include "fhir/type.h"
#include "storage/columns.h"
#include "storage/row_maker.h"
#include "storage/row_set.h"
#include "storage/token.h"

static void add_contained(struct row_maker *maker, const struct search_values *values);
static struct row *make_contained(const struct row_maker *outer, const struct tokens *tokens,
                                  const struct search_contained *contained);
static void set_keys(struct row_maker *maker);
static void set_columns(struct row_maker *maker, const struct search_values *values);
static void set_code(struct row_maker *maker, const struct search_value *value);
static void set_date(struct row *row, const struct search_value *value, bool repeats);
static void set_quantity(struct row_maker *maker, const struct search_value *value);
static void finish(struct row_maker *maker);

struct row *row_make(const struct tokens *tokens, const struct type *type, struct text id,
                     const struct search_values *values, struct arena *arena)
{
    struct row_maker maker = {
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
        row_add_value(&maker, &values->items[i]);
    if (values->contained_count > 0)
        add_contained(&maker, values);
    finish(&maker);
    return maker.row;
}

static void set_keys(struct row_maker *maker)
{
    struct row *row = maker->row;

    row->rkey = token_rkey(maker->tokens, text_of(row->type->name), row->id);
    maker->container = row->rkey;
    if (maker->columns->own_patient) {
        row->has_patient = true;
        row->patient = row->rkey;
        row_list_add(maker, &maker->patients, row->rkey);
    }
}

/* Columns come first: what the side tables get depends on them. */
static void set_columns(struct row_maker *maker, const struct search_values *values)
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

static void set_code(struct row_maker *maker, const struct search_value *value)
{
    struct row *row = maker->row;

    if (!value->code.data)
        return;
    int64_t code = token_coding(maker->tokens, value->system, value->code);
    if (!row->has_code) {
        row->has_code = true;
        row->code = code;
    } else if (code != row->code) {
        row_add_code(maker, code, ROW_CODE_SECOND);
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

static void set_quantity(struct row_maker *maker, const struct search_value *value)
{
    struct row *row = maker->row;

    if (row->has_quantity || !value->exact)
        return;
    row->has_quantity = true;
    row->vq = value->number;
    row->has_unit = row_unit(maker, value, &row->vqu);
}

static void add_contained(struct row_maker *maker, const struct search_values *values)
{
    struct tokens tokens = *maker->tokens;
    struct row *row = maker->row;

    tokens.contained = true;
    row->contained = arena_many(maker->arena, struct row *, values->contained_count);
    for (size_t i = 0; i < values->contained_count; i++) {
        const struct search_contained *contained = &values->contained[i];

        struct row *made = make_contained(maker, &tokens, contained);

        row->contained[row->contained_count++] = made;
        row_add_code(maker, token_contains(maker->tokens, contained->resource->type->name),
                     ROW_CODE_SECOND);
        for (size_t k = 0; k < made->code_count; k++)
            row_add_code(maker, made->codes[k].code, made->codes[k].of);
    }
}

/* Found by everything but columns, and by its own id. */
static struct row *make_contained(const struct row_maker *outer, const struct tokens *tokens,
                                  const struct search_contained *contained)
{
    const struct node *resource = contained->resource;
    const struct row *container = outer->row;
    struct row_maker maker = {
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
        row_add_value(&maker, &contained->values.items[i]);
    if (id.size > 0)
        row_add_tok(&maker,
                    token_code(tokens, search_param_find(row->type->name, TEXT("_id")), id));
    finish(&maker);
    json_write(resource, &json);
    row->json = (struct text){json.data, json.size};
    return row;
}

static void finish(struct row_maker *maker)
{
    struct row *row = maker->row;

    if (maker->patients.count > 0) {
        row->patients = maker->patients.items;
        row->patient_count = row_sort_set(row->patients, maker->patients.count);
        for (size_t i = 0; i < row->patient_count; i++)
            row_add_tok(maker, token_member(maker->tokens, row->patients[i]));
    }
    row->toks = maker->toks.items;
    row->tok_count = row_sort_set(row->toks, maker->toks.count);
    row_sort(row);
}

size_t row_norms(struct arena *arena, struct text text, struct text norms[TEXT_FORMS_MAX],
                 bool *cut)
{
    size_t count = text_fold_forms(arena, text, norms);

    *cut = false;
    for (size_t i = 0; i < count; i++) {
        struct text *norm = &norms[i];

        if (norm->size <= ROW_NORM_MAX)
            continue;
        *cut = true;
        norm->size = ROW_NORM_MAX;
        while ((norm->data[norm->size] & 0xC0) == 0x80)
            norm->size--;
    }
    return count;
}
