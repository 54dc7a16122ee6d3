/*
 * Search terms - hashing what a query asks for in the same way as row.c
 * hashes what resources have.
 */

#include "storage/search_term.h"

#include "base/arena.h"
#include "base/err.h"
#include "fhir/type.h"
#include "storage/row.h"

#include <assert.h>

/* A term in the making. */
struct maker {
    const struct tokens *tokens;
    const struct type *type;
    const struct columns *columns;
    struct arena *arena;
    struct search_term *term;
    struct search_atom *atoms;
    size_t atom_room;
    int64_t *hashes; /* of the one ATOM_TOKENS that all values share */
    size_t hash_count, hash_room;
};

static void make_term(struct maker *maker, const struct query_param *param);
static void add_membership(struct maker *maker, const struct query_value *owner);
static void add_keys(struct maker *maker, const struct query_param *param, const char *type);
static void add_contained_ids(struct maker *maker, const struct query_param *param);
static void add_values(struct maker *maker, const struct search_param *param);
static void add_value(struct maker *maker, const struct search_param *param,
                      const struct query_value *value);
static void add_token(struct maker *maker, const struct search_param *param,
                      const struct query_value *value);
static void add_reference(struct maker *maker, const struct search_param *param,
                          const struct query_value *value);
static void add_target(struct maker *maker, const struct search_param *param, const char *type,
                       struct text id);
static void add_uri(struct maker *maker, const struct search_param *param,
                    const struct query_value *value);
static void add_above(struct maker *maker, const struct search_param *param, struct text uri);
static void add_string(struct maker *maker, const int64_t *h, size_t h_count,
                       const struct query_value *value);
static void add_date(struct maker *maker, const struct search_param *param,
                     const struct query_value *value);
static void add_quantity(struct maker *maker, const struct search_param *param,
                         const struct query_value *value);
static void add_near(struct maker *maker, const struct search_param *param,
                     const struct query_value *value);
static void add_composite(struct maker *maker, const struct search_param *param,
                          const struct query_value *value);
static void add_code_quantity(struct maker *maker, const struct query_value *code,
                              const struct query_value *quantity);
static void set_units(struct maker *maker, struct search_atom *atom,
                      const struct query_value *value);
static int64_t hash_token(const struct maker *maker, const struct search_param *param,
                          const struct query_value *value);
static size_t hash_component(struct maker *maker, const struct search_param *param,
                             const struct query_value *value, const int64_t **hashes);
static void note_patients(struct maker *maker, const struct query_param *param);
static void note_codes(struct maker *maker, const struct query_param *param);
static struct search_atom *new_atom(struct maker *maker, enum search_atom_kind kind);
static void add_hash(struct maker *maker, int64_t hash);
static int64_t *copy_hash(struct arena *arena, int64_t hash);

struct search_term *search_terms_make(const struct tokens *tokens, const struct type *type,
                                      const struct columns *columns, const struct query *query,
                                      struct arena *arena)
{
    struct search_term *terms = arena_many(arena, struct search_term, query->param_count);

    for (size_t i = 0; i < query->param_count; i++) {
        struct maker maker = {
            .tokens = tokens,
            .type = type,
            .columns = columns,
            .arena = arena,
            .term = &terms[i],
        };
        make_term(&maker, &query->params[i]);
    }
    return terms;
}

static void make_term(struct maker *maker, const struct query_param *param)
{
    struct search_term *term = maker->term;

    term->param = param;
    term->negated = param->modifier == MODIFIER_NOT || param->missing;
    term->inexact = param->modifier == MODIFIER_EXACT || param->modifier == MODIFIER_CONTAINS ||
                    param->modifier == MODIFIER_ENDS || param->modifier == MODIFIER_TEXT;
    if (param->part_count > 0) {
        term->negated = param->negated;
        return; /* search_links_make() goes on */
    }
    if (param->subject == QUERY_COMPARTMENT) {
        add_membership(maker, &param->values[0]);
        return;
    }
    const struct search_union *whole = search_union_of(param->param);
    if (param->subject == QUERY_ID && maker->tokens->contained) {
        add_contained_ids(maker, param);
    } else if (param->subject == QUERY_ID) {
        add_keys(maker, param, param->param->type);
    } else if (whole) {
        add_values(maker, whole->parts[0]);
        add_values(maker, whole->parts[1]);
    } else {
        add_values(maker, param->param);
    }

    if (maker->hash_count > 0) {
        struct search_atom *atom = new_atom(maker, ATOM_TOKENS);
        atom->hashes = maker->hashes;
        atom->hash_count = maker->hash_count;
    }
    term->atoms = maker->atoms;
    note_patients(maker, param);
    note_codes(maker, param);
}

/* Patients have a token for it. Others are referred to by one of the parameters of their
 * compartment, or are the resource itself. */
static void add_membership(struct maker *maker, const struct query_value *owner)
{
    int64_t key = token_rkey(maker->tokens, owner->reference_type, owner->reference_id);
    const char *owner_type = resource_type_find(owner->reference_type)->name;
    const char *const *codes = compartment_params_of(owner_type, maker->type->name);
    struct search_atom *atom = new_atom(maker, codes ? ATOM_TOKENS : ATOM_KEYS);

    if (text_is(owner->reference_type, "Patient")) {
        add_hash(maker, token_member(maker->tokens, key));
    } else if (codes) {
        for (; *codes; codes++)
            add_hash(maker,
                     token_reference(maker->tokens,
                                     search_param_find(maker->type->name, text_of(*codes)), key));
    } else {
        add_hash(maker, key);
    }
    atom->hashes = maker->hashes;
    atom->hash_count = maker->hash_count;
    maker->term->atoms = maker->atoms;
}

static void add_keys(struct maker *maker, const struct query_param *param, const char *type)
{
    int64_t *keys = arena_many(maker->arena, int64_t, param->value_count);

    for (size_t i = 0; i < param->value_count; i++)
        keys[i] = token_rkey(maker->tokens, text_of(type), param->values[i].code);
    struct search_atom *atom = new_atom(maker, ATOM_KEYS);
    atom->hashes = keys;
    atom->hash_count = param->value_count;
}

/* They are unique within their container only, and so no key. */
static void add_contained_ids(struct maker *maker, const struct query_param *param)
{
    for (size_t i = 0; i < param->value_count; i++)
        add_hash(maker, token_code(maker->tokens, param->param, param->values[i].code));
}

static void add_values(struct maker *maker, const struct search_param *param)
{
    const struct query_param *wanted = maker->term->param;

    if (wanted->modifier == MODIFIER_MISSING || wanted->modifier == MODIFIER_TEXT) {
        add_hash(maker, token_param(maker->tokens, param));
        return;
    }
    for (size_t i = 0; i < wanted->value_count; i++)
        add_value(maker, param, &wanted->values[i]);
}

static void add_value(struct maker *maker, const struct search_param *param,
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

static void add_token(struct maker *maker, const struct search_param *param,
                      const struct query_value *value)
{
    if (maker->term->param->modifier == MODIFIER_OF_TYPE)
        add_hash(maker,
                 token_of_type(maker->tokens, param, value->system, value->code, value->text));
    else if (!value->code.data)
        add_hash(maker, token_system(maker->tokens, param, value->system));
    else
        add_hash(maker, hash_token(maker, param, value));
}

static int64_t hash_token(const struct maker *maker, const struct search_param *param,
                          const struct query_value *value)
{
    return value->system.data ? token_system_code(maker->tokens, param, value->system, value->code)
                              : token_code(maker->tokens, param, value->code);
}

static void add_reference(struct maker *maker, const struct search_param *param,
                          const struct query_value *value)
{
    bool literal = value->reference_id.data && !value->reference_base.data;

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
        add_hash(maker, token_uri(maker->tokens, param, value->text));
}

static void add_target(struct maker *maker, const struct search_param *param, const char *type,
                       struct text id)
{
    int64_t rkey = token_rkey(maker->tokens, text_of(type), id);

    add_hash(maker, token_reference(maker->tokens, param, rkey));
}

static void add_uri(struct maker *maker, const struct search_param *param,
                    const struct query_value *value)
{
    enum query_modifier modifier = maker->term->param->modifier;

    if (modifier == MODIFIER_BELOW)
        add_hash(maker, token_uri_below(maker->tokens, param, value->text));
    else if (modifier == MODIFIER_ABOVE)
        add_above(maker, param, value->text);
    else
        add_hash(maker, token_uri(maker->tokens, param, value->text));
}

/* The uri itself and whatever it begins with, with and without the last slash. */
static void add_above(struct maker *maker, const struct search_param *param, struct text uri)
{
    enum { MOST = 64 };
    unsigned count = 0;

    for (size_t i = 1; i < uri.size && count < MOST; i++) {
        if (uri.data[i] != '/')
            continue;
        add_hash(maker, token_uri(maker->tokens, param, (struct text){uri.data, i}));
        add_hash(maker, token_uri(maker->tokens, param, (struct text){uri.data, i + 1}));
        count++;
    }
    add_hash(maker, token_uri(maker->tokens, param, uri));
    if (uri.size > 0 && uri.data[uri.size - 1] != '/') {
        const char *longer = arena_printf(maker->arena, "%.*s/", TEXT_ARGS(uri));
        add_hash(maker, token_uri(maker->tokens, param, (struct text){longer, uri.size + 1}));
    }
}

static void add_string(struct maker *maker, const int64_t *h, size_t h_count,
                       const struct query_value *value)
{
    static const enum search_string_mode modes[] = {
        [MODIFIER_EXACT] = STRING_EQUAL,
        [MODIFIER_CONTAINS] = STRING_CONTAINS,
        [MODIFIER_ENDS] = STRING_CONTAINS,
        [MODIFIER_WHOLE] = STRING_EQUAL,
    };
    enum query_modifier modifier = maker->term->param->modifier;
    struct search_atom *atom = new_atom(maker, ATOM_STRINGS);
    int64_t *hashes = arena_many(maker->arena, int64_t, h_count);

    memcpy(hashes, h, h_count * sizeof(h[0]));
    atom->hashes = hashes;
    atom->hash_count = h_count;
    atom->mode = modifier < sizeof(modes) / sizeof(modes[0]) ? modes[modifier] : STRING_PREFIX;
    atom->norm = text_fold(maker->arena, value->text);
    if (atom->norm.size > ROW_NORM_MAX) {
        atom->norm.size = ROW_NORM_MAX;
        while ((atom->norm.data[atom->norm.size] & 0xC0) == 0x80)
            atom->norm.size--;
        maker->term->inexact = true;
    }
}

static void add_date(struct maker *maker, const struct search_param *param,
                     const struct query_value *value)
{
    const struct columns *columns = maker->columns;

    if (maker->term->param->subject == QUERY_LAST_UPDATED) {
        new_atom(maker, ATOM_UPDATED)->value = value;
        return;
    }
    if (param == columns->date)
        new_atom(maker, ATOM_DATE)->value = value;
    if (param == columns->date && !columns->date_repeats)
        return;

    struct search_atom *atom = new_atom(maker, ATOM_DATES);
    atom->value = value;
    atom->hashes = copy_hash(maker->arena, token_param(maker->tokens, param));
    atom->hash_count = 1;
}

/* Numbers have no unit. */
static void add_quantity(struct maker *maker, const struct search_param *param,
                         const struct query_value *value)
{
    int64_t unit_token = 0;
    bool open_unit = value->code.data && !value->system.data;

    if (open_unit)
        unit_token = token_code(maker->tokens, param, value->code);
    for (int side = param != maker->columns->quantity; side < 2; side++) {
        struct search_atom *atom = new_atom(maker, side ? ATOM_NUMBERS : ATOM_QUANTITY);

        atom->value = value;
        /* The unit may be that of another value, where there are several. */
        if (open_unit) {
            atom->also[atom->also_count++] = unit_token;
            maker->term->inexact |= param != maker->columns->quantity;
        } else {
            set_units(maker, atom, value);
        }
        if (side) {
            atom->hashes = copy_hash(maker->arena, token_param(maker->tokens, param));
            atom->hash_count = 1;
        }
    }
}

static void add_near(struct maker *maker, const struct search_param *param,
                     const struct query_value *value)
{
    struct search_atom *atom = new_atom(maker, ATOM_NEAR);

    atom->value = value;
    atom->hashes = copy_hash(maker->arena, token_param(maker->tokens, param));
    atom->hash_count = 1;
}

/* In composites there is no token of the unit alone: one without a system is looked at. */
static void set_units(struct maker *maker, struct search_atom *atom,
                      const struct query_value *value)
{
    if (value->code.data && value->system.data)
        atom->units[atom->unit_count++] = token_coding(maker->tokens, value->system, value->code);
    else if (value->code.data)
        maker->term->inexact = true;
}

static void add_composite(struct maker *maker, const struct search_param *param,
                          const struct query_value *value)
{
    if (value->component_count > 2) {
        add_hash(maker, token_param(maker->tokens, param)); /* whatever there is, is looked at */
        maker->term->inexact = true;
        return;
    }
    const struct query_value *second = &value->components[1];
    const int64_t *firsts, *seconds;
    size_t first_count = hash_component(maker, param, &value->components[0], &firsts);
    size_t second_count = hash_component(maker, param, second, &seconds);
    int64_t *h = arena_many(maker->arena, int64_t, first_count);

    if (param == maker->columns->code_quantity)
        add_code_quantity(maker, &value->components[0], second);
    for (size_t i = 0; i < first_count; i++) {
        h[i] = token_combine(token_param(maker->tokens, param), firsts[i]);
        for (size_t k = 0; k < second_count; k++)
            add_hash(maker, token_combine(h[i], seconds[k]));
    }

    if (second->type == SEARCH_STRING) {
        add_string(maker, h, first_count, second);
    } else if (second->type == SEARCH_DATE || second->type == SEARCH_NUMBER ||
               second->type == SEARCH_QUANTITY) {
        bool date = second->type == SEARCH_DATE;
        struct search_atom *atom = new_atom(maker, date ? ATOM_DATES : ATOM_NUMBERS);
        atom->value = second;
        atom->hashes = h;
        atom->hash_count = first_count;
        set_units(maker, atom, second);
    }
}

/* A combination that stands in the columns has no rows of its own. */
static void add_code_quantity(struct maker *maker, const struct query_value *code,
                              const struct query_value *quantity)
{
    const struct columns *columns = maker->columns;
    struct search_atom *atom = new_atom(maker, ATOM_QUANTITY);

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
static size_t hash_component(struct maker *maker, const struct search_param *param,
                             const struct query_value *value, const int64_t **hashes)
{
    struct maker parts = {.tokens = maker->tokens, .arena = maker->arena, .term = maker->term};

    if (value->type == SEARCH_TOKEN)
        add_hash(&parts, hash_token(maker, param, value));
    else if (value->type == SEARCH_REFERENCE)
        add_reference(&parts, param, value);
    else if (value->type == SEARCH_URI)
        add_hash(&parts, token_uri(maker->tokens, param, value->text));
    *hashes = parts.hashes;
    return parts.hash_count;
}

/* `patient` is by R4's definitions `subject` where that is a Patient. */
static void note_patients(struct maker *maker, const struct query_param *param)
{
    const struct columns *columns = maker->columns;
    struct search_term *term = maker->term;
    bool direct = param->param == columns->patient;
    int64_t *patients = arena_many(maker->arena, int64_t, param->value_count);

    if (!columns->patient || columns->patient_repeats || param->value_count == 0 ||
        (param->modifier != MODIFIER_NONE && param->modifier != MODIFIER_TYPE) ||
        !(direct || strcmp(param->param->code, "subject") == 0))
        return;
    for (size_t i = 0; i < param->value_count; i++) {
        const struct query_value *value = &param->values[i];
        bool is_patient =
            value->reference_type.data ? text_is(value->reference_type, "Patient") : direct;
        if (!value->reference_id.data || value->reference_base.data || !is_patient)
            return;
        patients[i] = token_rkey(maker->tokens, TEXT("Patient"), value->reference_id);
    }
    term->patients = patients;
    term->patient_count = param->value_count;
    term->patients_suffice = direct;
}

static void note_codes(struct maker *maker, const struct query_param *param)
{
    int64_t *codes = arena_many(maker->arena, int64_t, param->value_count);

    if (param->param != maker->columns->code || param->modifier != MODIFIER_NONE)
        return;
    for (size_t i = 0; i < param->value_count; i++) {
        const struct query_value *value = &param->values[i];

        if (!value->system.data || !value->code.data)
            return;
        codes[i] = token_coding(maker->tokens, value->system, value->code);
    }
    maker->term->codes = codes;
    maker->term->code_count = param->value_count;
}

/* A value adds at most four atoms. */
static struct search_atom *new_atom(struct maker *maker, enum search_atom_kind kind)
{
    struct search_term *term = maker->term;

    if (term->atom_count == maker->atom_room) {
        struct search_atom *old = maker->atoms;

        maker->atom_room = maker->atom_room ? 2 * maker->atom_room : 4;
        maker->atoms = arena_many(maker->arena, struct search_atom, maker->atom_room);
        if (term->atom_count > 0)
            memcpy(maker->atoms, old, term->atom_count * sizeof(old[0]));
    }
    assert(maker->atoms);
    struct search_atom *atom = &maker->atoms[term->atom_count++];
    atom->kind = kind;
    return atom;
}

static void add_hash(struct maker *maker, int64_t hash)
{
    if (maker->hash_count == maker->hash_room) {
        int64_t *old = maker->hashes;

        maker->hash_room = maker->hash_room ? 2 * maker->hash_room : 4;
        maker->hashes = arena_many(maker->arena, int64_t, maker->hash_room);
        if (maker->hash_count > 0)
            memcpy(maker->hashes, old, maker->hash_count * sizeof(old[0]));
    }
    maker->hashes[maker->hash_count++] = hash;
}

static int64_t *copy_hash(struct arena *arena, int64_t hash)
{
    int64_t *copy = arena_one(arena, int64_t);

    *copy = hash;
    return copy;
}
