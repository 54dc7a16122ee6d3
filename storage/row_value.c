/*
 * Row values - what each value of a search parameter adds to a row, as the table in row.h
 * promises. search_term_value.c looks for the same.
 */

#include "base/err.h"
#include "fhir/search_values.h"
#include "fhir/search_words.h"
#include "storage/columns.h"
#include "storage/row.h"
#include "storage/row_maker.h"
#include "storage/token.h"

enum {
    URI_PREFIXES_MAX = 16, /* of one uri */
    FORMS_MAX = 2,         /* in which a part of a composite is searched for */
};

static void begin_param(struct row_maker *maker, const struct search_param *param);
static void add_token(struct row_maker *maker, const struct search_value *value);
static void add_reference(struct row_maker *maker, const struct search_value *value);
static void add_written(struct row_maker *maker, struct text reference);
static struct text without_version(struct text reference);
static void add_uri(struct row_maker *maker, struct text uri);
static void add_quantity(struct row_maker *maker, const struct search_value *value);
static void add_unit(struct row_maker *maker, const struct search_value *quantity);
static void add_position(struct row_maker *maker, const struct search_value *value);
static void add_composite(struct row_maker *maker, const struct search_value *value);
static size_t hash_one(struct row_maker *maker, const struct search_value *value,
                       int64_t forms[FORMS_MAX]);
static size_t hash_uri(struct row_maker *maker, struct text uri, int64_t forms[FORMS_MAX]);
static void add_ranged(struct row_maker *maker, int64_t h, const struct search_value *value);
static bool stands_in_columns(const struct row_maker *maker, const struct search_value *value);

void row_add_value(struct row_maker *maker, const struct search_value *value)
{
    if (search_union_of(value->param))
        return;
    if (value->param != maker->param)
        begin_param(maker, value->param);
    if (search_param_is_text(value->param)) {
        row_add_words(maker, value->text);
        return;
    }
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
        row_add_string(maker, maker->param_token, value->text);
        break;
    case SEARCH_DATE:
        if (!stands_in_columns(maker, value))
            row_add_date(maker, maker->param_token, value->time_low, value->time_high);
        break;
    case SEARCH_NUMBER:
        row_add_number(maker, maker->param_token, value);
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

static void begin_param(struct row_maker *maker, const struct search_param *param)
{
    maker->param = param;
    maker->param_token = token_param(maker->tokens, param);
    if (!search_param_is_text(param))
        row_add_tok(maker, maker->param_token);
}

static void add_token(struct row_maker *maker, const struct search_value *value)
{
    const struct tokens *tokens = maker->tokens;
    const struct search_param *param = maker->param;

    if (value->code.data) {
        row_add_tok(maker, token_system_code(tokens, param, value->system, value->code));
        row_add_tok(maker, token_code(tokens, param, value->code));
        if (value->identifier_type_code.data)
            row_add_tok(maker, token_of_type(tokens, param, value->identifier_type_system,
                                             value->identifier_type_code, value->code));
    }
    if (value->system.size > 0)
        row_add_tok(maker, token_system(tokens, param, value->system));
}

static void add_reference(struct row_maker *maker, const struct search_value *value)
{
    if (value->reference_id.data && !value->reference_base.data) {
        int64_t target = token_rkey(maker->tokens, value->reference_type, value->reference_id);

        row_add_tok(maker, token_reference(maker->tokens, maker->param, target));
        if (text_is(value->reference_type, "Patient")) {
            if (columns_is_membership(maker->param))
                row_list_add(maker, &maker->patients, target);
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

        row_add_tok(maker, token_reference(maker->tokens, maker->param, target));
    }
    add_token(maker, value); /* Reference.identifier */
}

/* As written, and without the version if there is one: a search that names
 * none finds every one. */
static void add_written(struct row_maker *maker, struct text reference)
{
    struct text bare = without_version(reference);

    row_add_tok(maker, token_uri(maker->tokens, maker->param, reference));
    if (bare.size < reference.size)
        row_add_tok(maker, token_uri(maker->tokens, maker->param, bare));
}

static struct text without_version(struct text reference)
{
    static const char history[] = "/_history/";
    const char *end = memmem(reference.data, reference.size, history, sizeof(history) - 1);

    if (!end)
        end = memchr(reference.data, '|', reference.size);
    if (end)
        reference.size = (size_t)(end - reference.data);
    return reference;
}

static void add_uri(struct row_maker *maker, struct text uri)
{
    struct text prefix = {uri.data, 0};
    int prefixes = 0;

    if (uri.size == 0)
        return;
    add_written(maker, uri);
    row_add_tok(maker, token_uri_below(maker->tokens, maker->param, uri));
    const char *version = memchr(uri.data, '|', uri.size);
    if (version) {
        uri.size = (size_t)(version - uri.data);
        row_add_tok(maker, token_uri_below(maker->tokens, maker->param, uri));
    }
    for (size_t i = 1; i + 1 < uri.size && prefixes < URI_PREFIXES_MAX; i++) {
        if (uri.data[i] != '/' || uri.data[i - 1] == '/' || uri.data[i - 1] == ':')
            continue;
        prefix.size = i;
        row_add_tok(maker, token_uri_below(maker->tokens, maker->param, prefix));
        prefixes++;
    }
}

static void add_quantity(struct row_maker *maker, const struct search_value *value)
{
    add_unit(maker, value);
    if (value->text.size > 0 && !text_equals(value->text, value->code))
        row_add_tok(maker, token_code(maker->tokens, maker->param, value->text));
    if (!stands_in_columns(maker, value))
        row_add_number(maker, maker->param_token, value);
}

/* For search_units.c. */
static void add_unit(struct row_maker *maker, const struct search_value *quantity)
{
    if (quantity->code.size > 0)
        row_add_tok(maker, token_code(maker->tokens, maker->param, quantity->code));
}

static void add_position(struct row_maker *maker, const struct search_value *value)
{
    const struct search_value ends = {
        .type = SEARCH_NUMBER, .number_low = value->latitude, .number_high = value->longitude};

    row_add_number(maker, maker->param_token, &ends);
}

/* Tokens and references are hashed together, in all their forms. The first of the other parts has
 * side rows under these hashes; further ones are looked at in the resource. Of R4's composites
 * those with three parts are found by the presence of a value alone. */
static void add_composite(struct row_maker *maker, const struct search_value *value)
{
    bool added = search_extension_of(maker->param) != NULL;
    int64_t h[1 << SEARCH_PARTS_MAX] = {maker->param_token}, forms[FORMS_MAX];
    const struct search_value *ranged = NULL;
    size_t count = 1;

    if ((value->component_count != 2 && !added) || stands_in_columns(maker, value))
        return;
    for (size_t i = 0; i < value->component_count; i++) {
        const struct search_value *part = &value->components[i];

        if (search_type_is_ranged(part->type)) {
            ranged = ranged ? ranged : part;
            if (added && part->type == SEARCH_QUANTITY)
                add_unit(maker, part);
            continue;
        }
        size_t form_count = hash_one(maker, part, forms);
        for (size_t k = count * form_count; k-- > 0;)
            h[k] = token_combine(h[k % count], forms[k / count]);
        count *= form_count;
    }
    for (size_t i = 0; i < count; i++) {
        if (!ranged)
            row_add_tok(maker, h[i]);
        else
            add_ranged(maker, h[i], ranged);
        if (ranged && added && h[i] != maker->param_token)
            row_add_code(maker, h[i], maker->param_token);
    }
}

/* None when there is nothing that could be searched for. */
static size_t hash_one(struct row_maker *maker, const struct search_value *value,
                       int64_t forms[FORMS_MAX])
{
    if (value->type == SEARCH_TOKEN && value->code.data) {
        forms[0] = token_system_code(maker->tokens, maker->param, value->system, value->code);
        forms[1] = token_code(maker->tokens, maker->param, value->code);
        return 2;
    }
    if (value->type == SEARCH_REFERENCE && value->reference_id.data &&
        !value->reference_base.data) {
        int64_t target = token_rkey(maker->tokens, value->reference_type, value->reference_id);

        forms[0] = token_reference(maker->tokens, maker->param, target);
        return 1;
    }
    if ((value->type == SEARCH_REFERENCE || value->type == SEARCH_URI) && value->text.size > 0)
        return hash_uri(maker, value->text, forms);
    return 0;
}

static size_t hash_uri(struct row_maker *maker, struct text uri, int64_t forms[FORMS_MAX])
{
    struct text bare = without_version(uri);

    forms[0] = token_uri(maker->tokens, maker->param, uri);
    forms[1] = token_uri(maker->tokens, maker->param, bare);
    return bare.size < uri.size && search_extension_of(maker->param) ? 2 : 1;
}

static void add_ranged(struct row_maker *maker, int64_t h, const struct search_value *value)
{
    if (value->type == SEARCH_QUANTITY || value->type == SEARCH_NUMBER)
        row_add_number(maker, h, value);
    else if (value->type == SEARCH_DATE)
        row_add_date(maker, h, value->time_low, value->time_high);
    else if (value->type == SEARCH_STRING)
        row_add_string(maker, h, value->text);
}

/* What a query on the columns finds needs no side row. */
static bool stands_in_columns(const struct row_maker *maker, const struct search_value *value)
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
    bool has_unit = row_unit(maker, value, &unit);
    return value->type == SEARCH_QUANTITY && value->exact && row->has_quantity &&
           value->number == row->vq && has_unit == row->has_unit && (!has_unit || unit == row->vqu);
}
