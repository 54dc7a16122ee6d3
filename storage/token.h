#pragma once

/*
 * Tokens - the 64-bit hashes by which rows are found. Every one folds in the
 * tenant and is keyed with the database's secret; writer (row*.c) and searcher
 * (search_*.c) must use these functions and nothing else.
 *
 * The hash of a parameter includes the version of its definition
 * (parameter_version), so that a changed definition can be reindexed beside
 * the old one.
 */

#include "base/hash.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct search_param;

struct tokens {
    struct hash_key key;
    int32_t tenant;
    bool contained; /* of parameters of contained resources: all their tokens are others, but those
                     * of parameters that were added */
};

/* The key of a resource: what references store. */
int64_t token_rkey(const struct tokens *tokens, struct text type, struct text id);

/* The key of what the resource `container` contains under this id. */
int64_t token_contained(const struct tokens *tokens, int64_t container, struct text id);

/* Stands in f_code for a type whose resources contain some of another type, `name`. */
int64_t token_contains(const struct tokens *tokens, const char *name);

/* The parameter alone, of its resource type: `h` of the side tables, and the presence token that
 * serves :missing. */
int64_t token_param(const struct tokens *tokens, const struct search_param *param);

/* The same of a package's parameter that this process may not know any more. */
int64_t token_param_named(const struct tokens *tokens, const char *type, const char *code,
                          uint64_t version);

/*
 * system|code exactly; `system` absent or empty means "no system" (|code).
 *
 * Here and below, the letter case of ASCII in codes does not count: R4 search.html#token wants
 * servers in doubt to find too much rather than too little. Systems are compared exactly, and
 * so are codes of UCUM, where mS and MS are different things (token_code() knows no
 * system and never minds the case).
 */
int64_t token_system_code(const struct tokens *tokens, const struct search_param *param,
                          struct text system, struct text code);

/* code in any system; and any code of a system (system|). */
int64_t token_code(const struct tokens *tokens, const struct search_param *param, struct text code);
int64_t token_system(const struct tokens *tokens, const struct search_param *param,
                     struct text system);

/* A reference to the resource `rkey`: rkey XOR token_param with a constant,
 * so that SQL can compute it in joins. */
int64_t token_reference(const struct tokens *tokens, const struct search_param *param,
                        int64_t rkey);

/* A uri, or a reference that is no type/id, as written. */
int64_t token_uri(const struct tokens *tokens, const struct search_param *param, struct text uri);

/* Whatever lies below `uri`: a uri has one for itself and for each of its
 * prefixes that ends before a `/` (R4 search.html#uri, :below). A `/` at the end does not count. */
int64_t token_uri_below(const struct tokens *tokens, const struct search_param *param,
                        struct text uri);

/* An identifier of this type (:of-type), value as code. */
int64_t token_of_type(const struct tokens *tokens, const struct search_param *param,
                      struct text type_system, struct text type_code, struct text value);

/* The value of the `code` column: system|code of a type's code parameter, independent of the
 * parameter so that joins work; and the unit of a quantity (`vqu`, `unit`). */
int64_t token_coding(const struct tokens *tokens, struct text system, struct text code);

/*
 * Combined with another token, for composites: order matters. Token parts of a
 * composite are hashed under the composite itself, in both forms:
 *     first  = token_system_code(t, composite, ...) and token_code(t, composite, ...)
 *     second = the same for its value, when that is a token
 *     in toks:                       token_combine(token_combine(token_param(composite), first),
 * second) h of f_qty, f_date and f_str:  token_combine(token_param(composite), first)
 */
int64_t token_combine(int64_t first, int64_t second);

/* Membership in a patient's compartment, kept in toks for every patient a resource belongs to. */
int64_t token_member(const struct tokens *tokens, int64_t patient_rkey);
