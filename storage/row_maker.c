/*
 * Row maker - the lists of a row, which grow while it is made.
 */

#include "storage/row_maker.h"

#include "base/arena.h"
#include "base/err.h"
#include "fhir/search_param.h"
#include "fhir/search_values.h"
#include "storage/row.h"
#include "storage/token.h"

enum { TOKS_ROOM = 96 }; /* most resources have fewer */

static void *grow(struct arena *arena, void *items, size_t count, size_t *room, size_t size);

void row_add_tok(struct row_maker *maker, int64_t tok)
{
    struct row_list *toks = &maker->toks;

    if (toks->room == 0) {
        toks->items = arena_alloc_raw(maker->arena, TOKS_ROOM * sizeof(int64_t));
        toks->room = TOKS_ROOM;
    }
    row_list_add(maker, toks, tok);
}

void row_list_add(struct row_maker *maker, struct row_list *list, int64_t item)
{
    list->items = grow(maker->arena, list->items, list->count, &list->room, sizeof(int64_t));
    list->items[list->count++] = item;
}

void row_add_code(struct row_maker *maker, int64_t code, int64_t of)
{
    struct row *row = maker->row;

    row->codes =
        grow(maker->arena, row->codes, row->code_count, &maker->code_room, sizeof(row->codes[0]));
    row->codes[row->code_count++] = (struct row_code){.code = code, .of = of};
}

void row_add_string(struct row_maker *maker, int64_t h, struct text text)
{
    struct row *row = maker->row;
    struct text norms[TEXT_FORMS_MAX];
    bool cut;
    size_t count = row_norms(maker->arena, text, norms, &cut);

    for (size_t i = 0; i < count; i++) {
        row->strings = grow(maker->arena, row->strings, row->string_count, &maker->string_room,
                            sizeof(row->strings[0]));
        row->strings[row->string_count++] = (struct row_string){.h = h, .norm = norms[i]};
    }
}

void row_add_date(struct row_maker *maker, int64_t h, int64_t low, int64_t high)
{
    struct row *row = maker->row;

    row->dates =
        grow(maker->arena, row->dates, row->date_count, &maker->date_room, sizeof(row->dates[0]));
    row->dates[row->date_count++] = (struct row_date){.h = h, .low = low, .high = high};
}

void row_add_number(struct row_maker *maker, int64_t h, const struct search_value *value)
{
    struct row *row = maker->row;
    struct row_quantity quantity = {
        .h = h,
        .low = value->exact ? value->number : value->number_low,
        .high = value->exact ? value->number : value->number_high,
    };

    quantity.has_unit = value->type == SEARCH_QUANTITY && row_unit(maker, value, &quantity.unit);
    row->quantities = grow(maker->arena, row->quantities, row->quantity_count,
                           &maker->quantity_room, sizeof(row->quantities[0]));
    row->quantities[row->quantity_count++] = quantity;
}

void row_add_words(struct row_maker *maker, struct text words)
{
    struct row *row = maker->row;

    row->words =
        grow(maker->arena, row->words, row->words_count, &maker->words_room, sizeof(row->words[0]));
    row->words[row->words_count++] = (struct row_words){
        .h = maker->param_token,
        .configuration = search_extension_of(maker->param)->configuration,
        .words = {text_dup(maker->arena, words), words.size},
    };
}

bool row_unit(const struct row_maker *maker, const struct search_value *value, int64_t *unit)
{
    if (value->code.size > 0)
        *unit = token_coding(maker->tokens, value->system, value->code);
    else if (value->text.size > 0)
        *unit = token_coding(maker->tokens, (struct text){0}, value->text);
    else
        return false;
    return true;
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
