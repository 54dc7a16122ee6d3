/*
 * Parameters, words - see parameters_words.h.
 */

#include "storage/parameters_words.h"

#include "base/arena.h"
#include "base/count.h"
#include "base/hash.h"
#include "fhir/search_param.h"
#include "fhir/type.h"
#include "storage/pg.h"
#include "storage/words.h"

#define WORDS_VERSION "words 2" /* of what fhir/search_words.c takes for words */

static const struct pg_statement select_words = {
    "select (select value from f_choice where name = 'text'),"
    " (select value from f_choice where name = 'content'),"
    " coalesce((select value from f_choice where name = 'language'), '" WORDS_CONFIGURATION "')"};

static const char *const codes[] = {"_text", "_content"};

static bool is_chosen(struct text choice, const char *type);
static struct search_extension *words_extension(struct arena *arena, const char *configuration);

bool parameters_read_words(struct pg *pg, struct arena *arena, struct words_choice *choice,
                           struct err *err)
{
    const struct pg_result *result;

    if (!pg_query(pg, &select_words, NULL, arena, &result, err))
        return false;
    *choice = (struct words_choice){
        .types = {pg_text(result, 0, 0), pg_text(result, 0, 1)},
        .configuration = text_dup(arena, pg_text(result, 0, 2)),
    };
    return true;
}

size_t parameters_most_words(void)
{
    return COUNT(codes) * resource_type_count();
}

void parameters_add_words(const struct words_choice *choice, struct arena *arena,
                          struct search_addition *additions, size_t *count)
{
    struct search_extension *extension = words_extension(arena, choice->configuration);

    for (unsigned i = 0; i < resource_type_count(); i++) {
        for (size_t k = 0; k < COUNT(codes); k++) {
            const struct search_param *published =
                search_param_find_published(type_at(i)->name, text_of(codes[k]));

            if (!published || !is_chosen(choice->types[k], type_at(i)->name))
                continue;
            parameters_make_words(published, &additions[*count].param);
            additions[(*count)++].extension = extension;
        }
    }
}

/* `choice` is names of types with commas, or all. */
static bool is_chosen(struct text choice, const char *type)
{
    struct text name;

    while (choice.data && text_next(&choice, ',', &name))
        if (text_is(name, type) || text_is(name, "all"))
            return true;
    return false;
}

/* Words that are taken otherwise are other words. */
static struct search_extension *words_extension(struct arena *arena, const char *configuration)
{
    struct search_extension *extension = arena_one(arena, struct search_extension);
    struct hash_key open = {0}; /* not a secret */
    struct hash_state state;

    hash_init(&state, &open);
    hash_part(&state, WORDS_VERSION, sizeof(WORDS_VERSION) - 1);
    hash_part(&state, configuration, strlen(configuration));
    extension->version = hash_done(&state);
    extension->configuration = configuration;
    return extension;
}

void parameters_make_words(const struct search_param *published, struct search_param *param)
{
    *param = *published;
    param->expression = "$this";
}
