/*
 * Tokens - keyed hashes of everything a resource can be found by.
 */

#include "storage/token.h"

#include "base/err.h"
#include "fhir/search_param.h"

#include <assert.h>
#include <pthread.h>

/* What a hash is of. Part of every hash and so of every stored row: numbers
 * are never changed or given again. */
enum kind {
    KIND_RKEY = 1,
    KIND_PARAM,
    KIND_SYSTEM_CODE,
    KIND_CODE,
    KIND_SYSTEM,
    KIND_REFERENCE,
    KIND_URI,
    KIND_URI_BELOW,
    KIND_OF_TYPE,
    KIND_CODING,
    KIND_MEMBER,
    KIND_CONTAINED,
    KIND_CONTAINS,
};

/* The version of the published parameters' definitions: what our expressions
 * make of R4 4.0.1. Raised when a change of them must be reindexed. */
enum { PARAMETER_VERSION = 1 };

enum { PARAMS_MAX = 4096 };

/* A number that stands for a parameter whatever its place in the tables: it
 * is in every stored hash, and tables may grow. Those of the published ones are filled once, then
 * only read. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint64_t names[PARAMS_MAX];

static void name_all(void);
static uint64_t name_made(const char *type, const char *code, uint64_t version);
static uint64_t name_in(const struct tokens *tokens, const struct search_param *param);
static struct hash_state begin(const struct tokens *tokens, enum kind kind, uint64_t about);
static void add(struct hash_state *state, struct text part);
static void add_code(struct hash_state *state, struct text code, bool exact);
static void fold(char *out, const char *code, size_t size);
static bool has_exact_codes(struct text system);
static uint64_t mix(uint64_t word);

int64_t token_rkey(const struct tokens *tokens, struct text type, struct text id)
{
    struct hash_state state = begin(tokens, KIND_RKEY, 0);

    add(&state, type);
    add(&state, id);
    return (int64_t)hash_done(&state);
}

int64_t token_contained(const struct tokens *tokens, int64_t container, struct text id)
{
    struct hash_state state = begin(tokens, KIND_CONTAINED, 0);

    hash_number(&state, (uint64_t)container);
    add(&state, id);
    return (int64_t)hash_done(&state);
}

int64_t token_contains(const struct tokens *tokens, const char *name)
{
    struct hash_state state = begin(tokens, KIND_CONTAINS, 0);

    add(&state, text_of(name));
    return (int64_t)hash_done(&state);
}

int64_t token_param(const struct tokens *tokens, const struct search_param *param)
{
    struct hash_state state = begin(tokens, KIND_PARAM, name_in(tokens, param));

    return (int64_t)hash_done(&state);
}

int64_t token_param_named(const struct tokens *tokens, const char *type, const char *code,
                          uint64_t version)
{
    struct hash_state state = begin(tokens, KIND_PARAM, name_made(type, code, version));

    return (int64_t)hash_done(&state);
}

int64_t token_system_code(const struct tokens *tokens, const struct search_param *param,
                          struct text system, struct text code)
{
    struct hash_state state = begin(tokens, KIND_SYSTEM_CODE, name_in(tokens, param));

    add(&state, system);
    add_code(&state, code, has_exact_codes(system));
    return (int64_t)hash_done(&state);
}

int64_t token_code(const struct tokens *tokens, const struct search_param *param, struct text code)
{
    struct hash_state state = begin(tokens, KIND_CODE, name_in(tokens, param));

    add_code(&state, code, false);
    return (int64_t)hash_done(&state);
}

int64_t token_system(const struct tokens *tokens, const struct search_param *param,
                     struct text system)
{
    struct hash_state state = begin(tokens, KIND_SYSTEM, name_in(tokens, param));

    add(&state, system);
    return (int64_t)hash_done(&state);
}

int64_t token_reference(const struct tokens *tokens, const struct search_param *param, int64_t rkey)
{
    struct hash_state state = begin(tokens, KIND_REFERENCE, name_in(tokens, param));

    return rkey ^ (int64_t)hash_done(&state);
}

int64_t token_uri(const struct tokens *tokens, const struct search_param *param, struct text uri)
{
    struct hash_state state = begin(tokens, KIND_URI, name_in(tokens, param));

    add(&state, uri);
    return (int64_t)hash_done(&state);
}

int64_t token_uri_below(const struct tokens *tokens, const struct search_param *param,
                        struct text uri)
{
    struct hash_state state = begin(tokens, KIND_URI_BELOW, name_in(tokens, param));

    while (uri.size > 0 && uri.data[uri.size - 1] == '/')
        uri.size--;
    add(&state, uri);
    return (int64_t)hash_done(&state);
}

int64_t token_of_type(const struct tokens *tokens, const struct search_param *param,
                      struct text type_system, struct text type_code, struct text value)
{
    struct hash_state state = begin(tokens, KIND_OF_TYPE, name_in(tokens, param));

    add(&state, type_system);
    add_code(&state, type_code, false);
    add_code(&state, value, false);
    return (int64_t)hash_done(&state);
}

int64_t token_coding(const struct tokens *tokens, struct text system, struct text code)
{
    struct hash_state state = begin(tokens, KIND_CODING, 0);

    add(&state, system);
    add_code(&state, code, has_exact_codes(system));
    return (int64_t)hash_done(&state);
}

/* Both are keyed hashes already: mixing them needs no key. */
int64_t token_combine(int64_t first, int64_t second)
{
    return (int64_t)mix(mix((uint64_t)first) + (uint64_t)second);
}

int64_t token_member(const struct tokens *tokens, int64_t patient_rkey)
{
    struct hash_state state = begin(tokens, KIND_MEMBER, 0);

    return patient_rkey ^ (int64_t)hash_done(&state);
}

static void name_all(void)
{
    assert(search_param_count() <= PARAMS_MAX);
    for (unsigned i = 0; i < search_param_count(); i++) {
        const struct search_param *param = search_param_at(i);

        names[i] = name_made(param->type, param->code, PARAMETER_VERSION);
    }
}

static uint64_t name_made(const char *type, const char *code, uint64_t version)
{
    static const struct hash_key open = {0}; /* not a secret: the tokens are keyed */
    struct hash_state state;

    hash_init(&state, &open);
    hash_part(&state, type, strlen(type));
    hash_part(&state, code, strlen(code));
    hash_number(&state, version);
    return hash_done(&state);
}

static uint64_t name_in(const struct tokens *tokens, const struct search_param *param)
{
    const struct search_extension *extension = search_extension_of(param);

    if (extension)
        return name_made(param->type, param->code, extension->version);
    pthread_once(&once, name_all);
    return tokens->contained ? ~names[param->number] : names[param->number];
}

static struct hash_state begin(const struct tokens *tokens, enum kind kind, uint64_t about)
{
    struct hash_state state;

    hash_init(&state, &tokens->key);
    hash_number(&state, (uint64_t)(uint32_t)tokens->tenant << 8 | kind);
    if (about)
        hash_number(&state, about);
    return state;
}

static void add(struct hash_state *state, struct text part)
{
    hash_part(state, part.data, part.size);
}

/* Codes are short; one that is not is folded in pieces, whose borders depend
 * on its size only. */
static void add_code(struct hash_state *state, struct text code, bool exact)
{
    char folded[128];

    folded[0] = '\0'; /* an empty code reads nothing of it, but the compiler cannot know */
    if (exact) {
        add(state, code);
        return;
    }
    do {
        size_t size = code.size < sizeof(folded) ? code.size : sizeof(folded);

        fold(folded, code.data, size);
        hash_part(state, folded, size);
        code.data += size;
        code.size -= size;
    } while (code.size > 0);
}

static void fold(char *out, const char *code, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (char)(code[i] >= 'A' && code[i] <= 'Z' ? code[i] + ('a' - 'A') : code[i]);
}

static bool has_exact_codes(struct text system)
{
    return text_equals(system, TEXT("http://unitsofmeasure.org"));
}

/* The finalizer of SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t word)
{
    word += UINT64_C(0x9e3779b97f4a7c15);
    word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ word >> 27) * UINT64_C(0x94d049bb133111eb);
    return word ^ word >> 31;
}
