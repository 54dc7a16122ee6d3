/*
 * Query words - the values of _text and _content (R4 search.html#text):
 *
 *     words = all { ("or" | ",") all }      all  = term { ["and"] term }
 *     term  = ["not"] ( "(" words ")" | phrase | word )
 *     phrase = '"' word { word } '"'
 *
 * "or", "and" and "not" without regard to case. A word with punctuation in it is the phrase of its
 * parts. A phrase is looked for by its words, and then looked at.
 */

#include "fhir/query_reader.h"

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/search_words.h"

enum { DEPTH_MAX = 20 };

struct words {
    struct query_reader *reader;
    const struct query_place *place;
    const struct search_param *param;
    struct text rest;
    unsigned depth, count; /* words so far */
};

static const struct query *read_or(struct words *words);
static const struct query *read_all(struct words *words);
static bool read_term(struct words *words, struct query_param *param);
static bool read_parentheses(struct words *words, bool negated, struct query_param *param);
static bool read_phrase(struct words *words, bool negated, struct query_param *param);
static struct text take_text(struct words *words);
static bool take(struct words *words, const char *word);
static void skip_space(struct words *words);
static bool refuse(const struct words *words);
static struct query *new_query(const struct words *words, size_t room, struct query_param **params);

bool query_read_words(struct query_reader *reader, const struct query_place *place,
                      const struct search_param *found, struct text value,
                      struct query_param *param)
{
    struct words words = {.reader = reader, .place = place, .param = found, .rest = value};
    const struct query **parts = arena_many(reader->arena, const struct query *, 1);

    parts[0] = read_or(&words);
    if (!parts[0])
        return refuse(&words);
    skip_space(&words);
    if (words.rest.size > 0)
        return refuse(&words);
    *param = (struct query_param){.subject = QUERY_GROUP, .parts = parts, .part_count = 1};
    return true;
}

static const struct query *read_or(struct words *words)
{
    size_t most = words->reader->options->max_values, count = 0;
    const struct query **parts = arena_many(words->reader->arena, const struct query *, most);
    struct query_param *param;

    if (++words->depth > DEPTH_MAX)
        return NULL;
    do {
        if (count == most)
            return NULL;
        parts[count] = read_all(words);
        if (!parts[count++])
            return NULL;
    } while (take(words, "or") || take(words, ","));
    words->depth--;
    if (count == 1)
        return parts[0];
    struct query *query = new_query(words, 1, &param);
    query->param_count = 1;
    *param = (struct query_param){.subject = QUERY_GROUP, .parts = parts, .part_count = count};
    return query;
}

static bool at_end(struct words *words)
{
    struct text rest;

    skip_space(words);
    if (words->rest.size == 0 || *words->rest.data == ')' || *words->rest.data == ',')
        return true;
    rest = words->rest;
    bool or = take(words, "or");
    words->rest = rest;
    return or ;
}

static const struct query *read_all(struct words *words)
{
    size_t most = words->reader->options->max_values;
    struct query_param *params;
    struct query *query = new_query(words, most, &params);

    do {
        if (query->param_count == most || !read_term(words, &params[query->param_count]))
            return NULL;
        query->param_count++;
    } while (take(words, "and") || !at_end(words));
    return query;
}

static bool read_term(struct words *words, struct query_param *param)
{
    bool negated = take(words, "not");

    return take(words, "(") ? read_parentheses(words, negated, param)
                            : read_phrase(words, negated, param);
}

static bool read_parentheses(struct words *words, bool negated, struct query_param *param)
{
    const struct query **parts = arena_many(words->reader->arena, const struct query *, 1);

    parts[0] = read_or(words);
    *param = (struct query_param){
        .subject = QUERY_GROUP, .negated = negated, .parts = parts, .part_count = 1};
    return parts[0] && take(words, ")");
}

static void set_word(const struct words *words, struct text word, struct query_param *param)
{
    struct query_value *value = arena_one(words->reader->arena, struct query_value);

    *value = (struct query_value){.type = SEARCH_TOKEN, .code = word};
    *param = (struct query_param){.param = words->param, .values = value, .value_count = 1};
}

/* Its words, all of which must be there, and when there are several the whole. */
static bool read_phrase(struct words *words, bool negated, struct query_param *param)
{
    struct arena *arena = words->reader->arena;
    struct text folded = text_fold(arena, take_text(words)), rest = folded, word;
    size_t most = words->reader->options->max_values;
    const struct query **parts = arena_many(arena, const struct query *, 1);
    struct query_param *params;
    struct query *query = new_query(words, most + 1, &params);

    if (folded.size == 0)
        return false;
    while (text_next(&rest, ' ', &word)) {
        if (++words->count > most)
            return false;
        set_word(words, word, &params[query->param_count++]);
    }
    if (query->param_count > 1) {
        struct query_value *value = arena_one(arena, struct query_value);

        *value = (struct query_value){.type = SEARCH_STRING, .text = folded};
        params[query->param_count++] = (struct query_param){
            .param = words->param, .modifier = MODIFIER_TEXT, .values = value, .value_count = 1};
    }
    parts[0] = query;
    *param = (struct query_param){
        .subject = QUERY_GROUP, .negated = negated, .parts = parts, .part_count = 1};
    return true;
}

static bool ends_word(char c)
{
    return c == ' ' || c == '\t' || c == '(' || c == ')' || c == ',' || c == '"';
}

/* A quoted phrase, or a word. A backslash takes the next character as it is. */
static struct text take_text(struct words *words)
{
    struct buf out = buf_in(words->reader->arena);
    struct text *rest = &words->rest;
    bool quoted;

    skip_space(words);
    quoted = rest->size > 0 && *rest->data == '"';
    if (quoted)
        *rest = (struct text){rest->data + 1, rest->size - 1};
    while (rest->size > 0 && (quoted ? *rest->data != '"' : !ends_word(*rest->data))) {
        if (*rest->data == '\\' && rest->size > 1)
            *rest = (struct text){rest->data + 1, rest->size - 1};
        buf_add_char(&out, *rest->data);
        *rest = (struct text){rest->data + 1, rest->size - 1};
    }
    if (quoted && rest->size == 0)
        return (struct text){"", 0}; /* not closed */
    if (quoted)
        *rest = (struct text){rest->data + 1, rest->size - 1};
    return (struct text){buf_text(&out), out.size};
}

static bool take(struct words *words, const char *word)
{
    size_t size = strlen(word);
    bool letters = (*word >= 'a' && *word <= 'z');
    struct text *rest = &words->rest;

    skip_space(words);
    if (rest->size < size || !text_equals_nocase((struct text){rest->data, size}, text_of(word)) ||
        (letters && rest->size > size && !ends_word(rest->data[size])))
        return false;
    *rest = (struct text){rest->data + size, rest->size - size};
    return true;
}

static void skip_space(struct words *words)
{
    while (words->rest.size > 0 && (*words->rest.data == ' ' || *words->rest.data == '\t'))
        words->rest = (struct text){words->rest.data + 1, words->rest.size - 1};
}

static bool refuse(const struct words *words)
{
    return query_refuse(words->reader, words->place->name, "value",
                        "\"%.*s\" takes words, \"phrases\", and, or, not and parentheses; of words "
                        "as many as a parameter may have values.",
                        NAME_ARGS(words->place->name));
}

static struct query *new_query(const struct words *words, size_t room, struct query_param **params)
{
    struct query *query = arena_one(words->reader->arena, struct query);

    *params = arena_many(words->reader->arena, struct query_param, room);
    query->type = words->place->type;
    query->params = *params;
    return query;
}
