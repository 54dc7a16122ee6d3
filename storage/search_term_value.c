/*
 * Search term values - what each value of a criterion looks for among the tokens and side rows
 * that row_value.c writes.
 */

#include "base/arena.h"
#include "base/count.h"
#include "base/err.h"
#include "fhir/type.h"
#include "storage/row.h"
#include "storage/search_term_maker.h"

static void add_token(struct search_term_maker *maker, const struct search_param *param,
                      const struct query_value *value);
static int64_t hash_token(const struct search_term_maker *maker, const struct search_param *param,
                          const struct query_value *value);
static void add_reference(struct search_term_maker *maker, const struct search_param *param,
                          const struct query_value *value);
static void add_target(struct search_term_maker *maker, const struct search_param *param,
                       const char *type, struct text id);
static void add_uri(struct search_term_maker *maker, const struct search_param *param,
                    const struct query_value *value);
static void add_above(struct search_term_maker *maker, const struct search_param *param,
                      struct text uri);
static void add_string(struct search_term_maker *maker, const int64_t *h, size_t h_count,
                       const struct query_value *value);
static void add_date(struct search_term_maker *maker, const struct search_param *param,
                     const struct query_value *value);
static void add_quantity(struct search_term_maker *maker, const struct search_param *param,
                         const struct query_value *value);
static void add_near(struct search_term_maker *maker, const struct search_param *param,
                     const struct query_value *value);
static void use_param(struct search_term_maker *maker, struct search_atom *atom,
                      const struct search_param *param);
static void set_units(struct search_term_maker *maker, struct search_atom *atom,
                      const struct query_value *value);
static void add_composite(struct search_term_maker *maker, const struct search_param *param,
                          const struct query_value *value);
static const int64_t *combine(struct search_term_maker *maker, const int64_t *h, size_t count,
                              const int64_t *forms, size_t form_count);
static void add_ranged(struct search_term_maker *maker, const int64_t *h, size_t h_count,
                       const struct query_value *value);
static bool is_asked_for(const struct search_term_maker *maker, enum search_atom_kind kind,
                         const int64_t *h, size_t h_count, const struct query_value *value);
static bool is_same_range(const struct query_value *a, const struct query_value *b);
static void add_code_quantity(struct search_term_maker *maker, const struct query_value *code,
                              const struct query_value *quantity);
static size_t hash_component(struct search_term_maker *maker, const struct search_param *param,
                             const struct query_value *value, const int64_t **hashes);

void search_term_add_value(struct search_term_maker *maker, const struct search_param *param,
                           const struct query_value *value)
{
    int64_t h;

    switch (value->type) {
    case SEARCH_TOKEN:
        add_token(maker, param, value);
        break;
    case SEARCH_REFERENCE:
        add_reference(maker, param, value);
        break;
    case SEARCH_URI:
        add_uri(maker, param, value);
        break;
    case SEARCH_STRING:
        h = token_param(maker->tokens, param);
        add_string(maker, &h, 1, value);
        break;
    case SEARCH_DATE:
        add_date(maker, param, value);
        break;
    case SEARCH_NUMBER:
    case SEARCH_QUANTITY:
        add_quantity(maker, param, value);
        break;
    case SEARCH_COMPOSITE:
        add_composite(maker, param, value);
        break;
    case SEARCH_SPECIAL:
        add_near(maker, param, value);
        break;
    }
}

static void add_token(struct search_term_maker *maker, const struct search_param *param,
                      const struct query_value *value)
{
    if (maker->term->param->modifier == MODIFIER_OF_TYPE)
        search_term_add_hash(
            maker, token_of_type(maker->tokens, param, value->system, value->code, value->text));
    else if (!value->code.data)
        search_term_add_hash(maker, token_system(maker->tokens, param, value->system));
    else
        search_term_add_hash(maker, hash_token(maker, param, value));
}

static int64_t hash_token(const struct search_term_maker *maker, const struct search_param *param,
                          const struct query_value *value)
{
    return value->system.data ? token_system_code(maker->tokens, param, value->system, value->code)
                              : token_code(maker->tokens, param, value->code);
}

static void add_reference(struct search_term_maker *maker, const struct search_param *param,
                          const struct query_value *value)
{
    bool literal = value->reference_id.data && !value->reference_base.data;

    /* Who refers to one version is looked at. */
    maker->term->inexact |= literal && value->reference_version.data;
    if (literal && value->reference_type.data) {
        const struct type *type = resource_type_find(value->reference_type);

        if (type)
            add_target(maker, param, type->name, value->reference_id);
    } else if (literal && param->targets) {
        for (const char *const *target = param->targets; *target; target++)
            add_target(maker, param, *target, value->reference_id);
    } else if (literal) {
        for (unsigned i = 0; i < resource_type_count(); i++)
            add_target(maker, param, type_at(i)->name, value->reference_id);
    }

    /* Whatever was written with a base, or is no reference to a type and id, is
     * found as written. Even if the base is ours: resources may hold it. */
    if (memchr(value->text.data, ':', value->text.size) || !literal)
        search_term_add_hash(maker, token_uri(maker->tokens, param, value->text));
}

static void add_target(struct search_term_maker *maker, const struct search_param *param,
                       const char *type, struct text id)
{
    int64_t rkey = token_rkey(maker->tokens, text_of(type), id);

    search_term_add_hash(maker, token_reference(maker->tokens, param, rkey));
}

static void add_uri(struct search_term_maker *maker, const struct search_param *param,
                    const struct query_value *value)
{
    enum query_modifier modifier = maker->term->param->modifier;

    if (modifier == MODIFIER_BELOW)
        search_term_add_hash(maker, token_uri_below(maker->tokens, param, value->text));
    else if (modifier == MODIFIER_ABOVE)
        add_above(maker, param, value->text);
    else
        search_term_add_hash(maker, token_uri(maker->tokens, param, value->text));
}

/* The uri itself and whatever it begins with, with and without the last slash. */
static void add_above(struct search_term_maker *maker, const struct search_param *param,
                      struct text uri)
{
    enum { MOST = 64 };
    unsigned count = 0;

    for (size_t i = 1; i < uri.size && count < MOST; i++) {
        if (uri.data[i] != '/')
            continue;
        search_term_add_hash(maker, token_uri(maker->tokens, param, (struct text){uri.data, i}));
        search_term_add_hash(maker,
                             token_uri(maker->tokens, param, (struct text){uri.data, i + 1}));
        count++;
    }
    search_term_add_hash(maker, token_uri(maker->tokens, param, uri));
    if (uri.size > 0 && uri.data[uri.size - 1] != '/') {
        const char *longer = arena_printf(maker->arena, "%.*s/", TEXT_ARGS(uri));
        search_term_add_hash(maker,
                             token_uri(maker->tokens, param, (struct text){longer, uri.size + 1}));
    }
}

static void add_string(struct search_term_maker *maker, const int64_t *h, size_t h_count,
                       const struct query_value *value)
{
    static const enum search_string_mode modes[] = {
        [MODIFIER_EXACT] = STRING_EQUAL,
        [MODIFIER_CONTAINS] = STRING_CONTAINS,
        [MODIFIER_ENDS] = STRING_CONTAINS,
        [MODIFIER_WHOLE] = STRING_EQUAL,
    };
    enum query_modifier modifier = maker->term->param->modifier;
    int64_t *hashes = arena_many(maker->arena, int64_t, h_count);
    struct text norms[TEXT_FORMS_MAX];
    bool cut;
    size_t count = row_norms(maker->arena, value->text, norms, &cut);

    memcpy(hashes, h, h_count * sizeof(h[0]));
    if (modifier == MODIFIER_EXACT)
        count = 1; /* the same text has the same forms */
    for (size_t i = 0; i < count; i++) {
        struct search_atom *atom = search_term_add_atom(maker, ATOM_STRINGS);

        atom->hashes = hashes;
        atom->hash_count = h_count;
        atom->mode = modifier < COUNT(modes) ? modes[modifier] : STRING_PREFIX;
        atom->norm = norms[i];
    }
    maker->term->inexact |= cut;
}

static void add_date(struct search_term_maker *maker, const struct search_param *param,
                     const struct query_value *value)
{
    const struct columns *columns = maker->columns;

    if (maker->term->param->subject == QUERY_LAST_UPDATED) {
        search_term_add_atom(maker, ATOM_UPDATED)->value = value;
        return;
    }
    if (param == columns->date)
        search_term_add_atom(maker, ATOM_DATE)->value = value;
    if (param == columns->date && !columns->date_repeats)
        return;

    struct search_atom *atom = search_term_add_atom(maker, ATOM_DATES);
    atom->value = value;
    use_param(maker, atom, param);
}

/* Numbers have no unit. */
static void add_quantity(struct search_term_maker *maker, const struct search_param *param,
                         const struct query_value *value)
{
    int64_t unit_token = 0;
    bool open_unit = value->code.data && !value->system.data;

    if (open_unit)
        unit_token = token_code(maker->tokens, param, value->code);
    for (int side = param != maker->columns->quantity; side < 2; side++) {
        struct search_atom *atom = search_term_add_atom(maker, side ? ATOM_NUMBERS : ATOM_QUANTITY);

        atom->value = value;
        /* The unit may be that of another value, where there are several. */
        if (open_unit) {
            atom->also[atom->also_count++] = unit_token;
            maker->term->inexact |= param != maker->columns->quantity;
        } else {
            set_units(maker, atom, value);
        }
        if (side)
            use_param(maker, atom, param);
    }
}

static void add_near(struct search_term_maker *maker, const struct search_param *param,
                     const struct query_value *value)
{
    struct search_atom *atom = search_term_add_atom(maker, ATOM_NEAR);

    atom->value = value;
    use_param(maker, atom, param);
}

/* The side rows of the whole parameter, not of one of its combinations. */
static void use_param(struct search_term_maker *maker, struct search_atom *atom,
                      const struct search_param *param)
{
    int64_t *hash = arena_one(maker->arena, int64_t);

    *hash = token_param(maker->tokens, param);
    atom->hashes = hash;
    atom->hash_count = 1;
}

/* In composites there is no token of the unit alone: one without a system is looked at. */
static void set_units(struct search_term_maker *maker, struct search_atom *atom,
                      const struct query_value *value)
{
    if (value->code.data && !value->system.data) {
        maker->term->inexact = true;
        return;
    }
    const struct text *codes = value->code_count ? value->codes : &value->code;
    for (size_t i = 0; value->code.data && i < (value->code_count ? value->code_count : 1); i++)
        atom->units[atom->unit_count++] = token_coding(maker->tokens, value->system, codes[i]);
}

/* As row_value.c has it. */
static void add_composite(struct search_term_maker *maker, const struct search_param *param,
                          const struct query_value *value)
{
    int64_t own = token_param(maker->tokens, param);
    const struct query_value *ranged = NULL;
    const int64_t *h = &own, *forms;
    size_t count = 1;

    if (value->component_count > 2 && !search_extension_of(param)) {
        /* Whatever there is, is looked at. */
        search_term_add_hash(maker, own);
        maker->term->inexact = true;
        return;
    }
    if (param == maker->columns->code_quantity)
        add_code_quantity(maker, &value->components[0], &value->components[1]);
    for (size_t i = 0; i < value->component_count; i++) {
        const struct query_value *part = &value->components[i];

        if (!search_type_is_ranged(part->type)) {
            size_t form_count = hash_component(maker, param, part, &forms);

            h = combine(maker, h, count, forms, form_count);
            count *= form_count;
        } else if (!ranged) {
            ranged = part;
        } else {
            maker->term->inexact = true;
        }
    }
    if (ranged)
        add_ranged(maker, h, count, ranged);
    for (size_t i = 0; !ranged && i < count; i++)
        search_term_add_hash(maker, h[i]);
}

/* Every one with every other. */
static const int64_t *combine(struct search_term_maker *maker, const int64_t *h, size_t count,
                              const int64_t *forms, size_t form_count)
{
    int64_t *all = arena_many(maker->arena, int64_t, count * form_count);

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < form_count; k++)
            all[i * form_count + k] = token_combine(h[i], forms[k]);
    return all;
}

static void add_ranged(struct search_term_maker *maker, const int64_t *h, size_t h_count,
                       const struct query_value *value)
{
    if (value->type == SEARCH_STRING) {
        add_string(maker, h, h_count, value);
        return;
    }
    enum search_atom_kind kind = value->type == SEARCH_DATE ? ATOM_DATES : ATOM_NUMBERS;

    if (is_asked_for(maker, kind, h, h_count, value))
        return;
    struct search_atom *atom = search_term_add_atom(maker, kind);
    int64_t *hashes = arena_many(maker->arena, int64_t, h_count);

    memcpy(hashes, h, h_count * sizeof(h[0]));
    atom->value = value;
    atom->hashes = hashes;
    atom->hash_count = h_count;
    set_units(maker, atom, value);
}

/* Alternatives may differ in a further part alone, which is looked at in the resource: as a
 * quantity with all units it can have. */
static bool is_asked_for(const struct search_term_maker *maker, enum search_atom_kind kind,
                         const int64_t *h, size_t h_count, const struct query_value *value)
{
    for (size_t i = 0; i < maker->term->atom_count; i++) {
        const struct search_atom *atom = &maker->atoms[i];

        if (atom->kind == kind && atom->hash_count == h_count &&
            memcmp(atom->hashes, h, h_count * sizeof(h[0])) == 0 &&
            is_same_range(atom->value, value))
            return true;
    }
    return false;
}

static bool is_same_range(const struct query_value *a, const struct query_value *b)
{
    return a->prefix == b->prefix && a->time_low == b->time_low && a->time_high == b->time_high &&
           a->number == b->number && a->number_low == b->number_low &&
           a->number_high == b->number_high && text_equals(a->system, b->system) &&
           text_equals(a->code, b->code) && a->codes == b->codes;
}

/* A combination that stands in the columns has no rows of its own. */
static void add_code_quantity(struct search_term_maker *maker, const struct query_value *code,
                              const struct query_value *quantity)
{
    const struct columns *columns = maker->columns;
    struct search_atom *atom = search_term_add_atom(maker, ATOM_QUANTITY);

    atom->value = quantity;
    atom->also[atom->also_count++] = hash_token(maker, columns->code, code);
    if (quantity->code.data && !quantity->system.data)
        atom->also[atom->also_count++] =
            token_code(maker->tokens, columns->quantity, quantity->code);
    else
        set_units(maker, atom, quantity);
}

/* The hashes by which a component is known under its composite; none when it
 * is a range or a string. */
static size_t hash_component(struct search_term_maker *maker, const struct search_param *param,
                             const struct query_value *value, const int64_t **hashes)
{
    struct search_term_maker parts = {
        .tokens = maker->tokens, .arena = maker->arena, .term = maker->term};

    if (value->type == SEARCH_TOKEN)
        search_term_add_hash(&parts, hash_token(maker, param, value));
    else if (value->type == SEARCH_REFERENCE)
        add_reference(&parts, param, value);
    else if (value->type == SEARCH_URI)
        search_term_add_hash(&parts, token_uri(maker->tokens, param, value->text));
    *hashes = parts.hashes;
    return parts.hash_count;
}
