/*
 * Search terms - hashing what a query asks for in the same way as row.c hashes what resources
 * have; what a value asks for is in search_term_value.c.
 */

#include "storage/search_term.h"

#include "base/arena.h"
#include "base/err.h"
#include "fhir/search_words.h"
#include "fhir/type.h"
#include "storage/search_term_maker.h"
#include "storage/table.h"
#include "storage/words.h"

static void make_term(struct search_term_maker *maker, const struct query_param *param);
static void add_membership(struct search_term_maker *maker, const struct query_value *owner);
static void add_keys(struct search_term_maker *maker, const struct query_param *param,
                     const char *type);
static void add_words(struct search_term_maker *maker, const struct query_param *param);
static void add_contained_ids(struct search_term_maker *maker, const struct query_param *param);
static void add_values(struct search_term_maker *maker, const struct search_param *param);
static void note_patients(struct search_term_maker *maker, const struct query_param *param);
static void note_codes(struct search_term_maker *maker, const struct query_param *param);

struct search_term *search_terms_make(const struct tokens *tokens, const struct type *type,
                                      const struct columns *columns, const struct query *query,
                                      struct arena *arena)
{
    struct search_term *terms = arena_many(arena, struct search_term, query->param_count);

    for (size_t i = 0; i < query->param_count; i++) {
        struct search_term_maker maker = {
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

static void make_term(struct search_term_maker *maker, const struct query_param *param)
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
    } else if (search_param_is_text(param->param)) {
        add_words(maker, param);
    } else if (whole) {
        add_values(maker, whole->parts[0]);
        add_values(maker, whole->parts[1]);
    } else {
        add_values(maker, param->param);
    }

    if (maker->hash_count > 0) {
        struct search_atom *atom = search_term_add_atom(maker, ATOM_TOKENS);
        atom->hashes = maker->hashes;
        atom->hash_count = maker->hash_count;
    }
    term->atoms = maker->atoms;
    note_patients(maker, param);
    note_codes(maker, param);
}

/* Patients have a token for it. Others are referred to by one of the parameters of their
 * compartment, or are the resource itself. */
static void add_membership(struct search_term_maker *maker, const struct query_value *owner)
{
    int64_t key = token_rkey(maker->tokens, owner->reference_type, owner->reference_id);
    const char *owner_type = resource_type_find(owner->reference_type)->name;
    const char *const *codes = compartment_params_of(owner_type, maker->type->name);
    struct search_atom *atom = search_term_add_atom(maker, codes ? ATOM_TOKENS : ATOM_KEYS);

    if (text_is(owner->reference_type, "Patient")) {
        search_term_add_hash(maker, token_member(maker->tokens, key));
    } else if (codes) {
        for (; *codes; codes++)
            search_term_add_hash(
                maker, token_reference(maker->tokens,
                                       search_param_find(maker->type->name, text_of(*codes)), key));
    } else {
        search_term_add_hash(maker, key);
    }
    atom->hashes = maker->hashes;
    atom->hash_count = maker->hash_count;
    maker->term->atoms = maker->atoms;
}

static void add_keys(struct search_term_maker *maker, const struct query_param *param,
                     const char *type)
{
    int64_t *keys = arena_many(maker->arena, int64_t, param->value_count);

    for (size_t i = 0; i < param->value_count; i++)
        keys[i] = token_rkey(maker->tokens, text_of(type), param->values[i].code);
    struct search_atom *atom = search_term_add_atom(maker, ATOM_KEYS);
    atom->hashes = keys;
    atom->hash_count = param->value_count;
}

/* Of folded words there is one value. */
static void add_words(struct search_term_maker *maker, const struct query_param *param)
{
    struct search_atom *atom = search_term_add_atom(maker, ATOM_WORDS);
    int64_t *h = arena_one(maker->arena, int64_t);
    const struct table *table =
        maker->tokens->contained ? table_of_contained() : table_of(maker->type);

    *h = token_param(maker->tokens, param->param);
    atom->hashes = h;
    atom->hash_count = 1;
    atom->value = &param->values[0];
    atom->words = table->words;
    atom->configuration = search_extension_of(param->param)->configuration;
    atom->norm = words_asked(param->values[0].words, maker->arena);
}

/* They are unique within their container only, and so no key. */
static void add_contained_ids(struct search_term_maker *maker, const struct query_param *param)
{
    for (size_t i = 0; i < param->value_count; i++)
        search_term_add_hash(maker, token_code(maker->tokens, param->param, param->values[i].code));
}

static void add_values(struct search_term_maker *maker, const struct search_param *param)
{
    const struct query_param *wanted = maker->term->param;

    if (wanted->modifier == MODIFIER_MISSING || wanted->modifier == MODIFIER_TEXT) {
        search_term_add_hash(maker, token_param(maker->tokens, param));
        return;
    }
    for (size_t i = 0; i < wanted->value_count; i++)
        search_term_add_value(maker, param, &wanted->values[i]);
}

/* `patient` is by R4's definitions `subject` where that is a Patient. */
static void note_patients(struct search_term_maker *maker, const struct query_param *param)
{
    const struct columns *columns = maker->columns;
    struct search_term *term = maker->term;
    bool direct = param->param == columns->patient, versioned = false;
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
        versioned |= value->reference_version.data != NULL;
        patients[i] = token_rkey(maker->tokens, TEXT("Patient"), value->reference_id);
    }
    term->patients = patients;
    term->patient_count = param->value_count;
    term->patients_suffice = direct && !versioned;
}

static void note_codes(struct search_term_maker *maker, const struct query_param *param)
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
