/*
 * Query words - the values of _text and _content (R4 search.html#text):
 *
 *     words = all { ("or" | ",") all }      all  = term { ["and"] term }
 *     term  = ["not"] ( "(" words ")" | phrase | word )
 *     phrase = '"' word { word } ["*"] '"'   word = character { character } ["*"]
 *
 * "or", "and" and "not" without regard to case. A word with punctuation in it is the phrase of its
 * parts. With an asterisk behind it the last word is only the beginning of one.
 */

#include "fhir/query_words.h"

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/query_reader.h"
#include "fhir/search_words.h"

enum { DEPTH_MAX = 20 };

struct words {
    struct query_reader *reader;
    const struct query_place *place;
    struct text rest;
    unsigned depth, count; /* words so far */
};

static struct query_words *read_any(struct words *words);
static struct query_words *read_all(struct words *words);
static struct query_words *read_term(struct words *words);
static struct query_words *read_parentheses(struct words *words);
static struct query_words *read_phrase(struct words *words);
static struct text take_text(struct words *words, bool *begins);
static bool take(struct words *words, const char *word);
static bool is_at_end(struct words *words);
static void skip_space(struct words *words);
static struct query_words *negate(struct words *words, struct query_words *asked);
static struct query_words *new_words(struct words *words, enum query_words_kind kind);
static bool refuse(const struct words *words);

bool query_read_words(struct query_reader *reader, const struct query_place *place,
                      const struct search_param *found, struct text value,
                      struct query_param *param)
{
    struct words words = {.reader = reader, .place = place, .rest = value};
    struct query_value *wanted = arena_one(reader->arena, struct query_value);

    if (reader->options->rechecked)
        return query_refuse(reader, place->name, "not-supported",
                            "\"%.*s\" is for searches: what is looked at by itself is not known by "
                            "its words.",
                            NAME_ARGS(place->name));
    struct query_words *asked = read_any(&words);
    skip_space(&words);
    if (!asked || words.rest.size > 0)
        return refuse(&words);
    *wanted = (struct query_value){.type = SEARCH_STRING, .words = asked};
    *param = (struct query_param){.param = found, .values = wanted, .value_count = 1};
    return true;
}

static struct query_words *read_any(struct words *words)
{
    struct query_words *any = new_words(words, WORDS_ANY), *last = read_all(words);

    if (!last || ++words->depth > DEPTH_MAX)
        return NULL;
    any->parts = last;
    while (take(words, "or") || take(words, ",")) {
        struct query_words *next = read_all(words);

        if (!next)
            return NULL;
        last->next = next;
        last = next;
    }
    words->depth--;
    return any;
}

static struct query_words *read_all(struct words *words)
{
    struct query_words *all = new_words(words, WORDS_ALL), *last = read_term(words);

    all->parts = last;
    while (last && (take(words, "and") || !is_at_end(words))) {
        struct query_words *next = read_term(words);

        last->next = next;
        last = next;
    }
    return last ? all : NULL;
}

static struct query_words *read_term(struct words *words)
{
    bool negated = take(words, "not");
    struct query_words *term = take(words, "(") ? read_parentheses(words) : read_phrase(words);

    return term && negated ? negate(words, term) : term;
}

static struct query_words *read_parentheses(struct words *words)
{
    struct query_words *inside = read_any(words);

    return inside && take(words, ")") ? inside : NULL;
}

static struct query_words *read_phrase(struct words *words)
{
    struct query_words *phrase = new_words(words, WORDS_PHRASE);
    struct text rest, word;

    phrase->phrase = text_fold(words->reader->arena, take_text(words, &phrase->begins));
    rest = phrase->phrase;
    while (rest.size > 0 && text_next(&rest, ' ', &word))
        if (++words->count > words->reader->options->max_values || word.size > SEARCH_WORD_MAX)
            return NULL;
    return phrase->phrase.size > 0 ? phrase : NULL;
}

static bool ends_word(char c)
{
    return c == ' ' || c == '\t' || c == '(' || c == ')' || c == ',' || c == '"';
}

/* A quoted phrase, or a word. A backslash takes the next character as it is. */
static struct text take_text(struct words *words, bool *begins)
{
    struct buf out = buf_in(words->reader->arena);
    struct text *rest = &words->rest;
    bool quoted;

    skip_space(words);
    quoted = rest->size > 0 && *rest->data == '"';
    if (quoted)
        *rest = (struct text){rest->data + 1, rest->size - 1};
    while (rest->size > 0 && (quoted ? *rest->data != '"' : !ends_word(*rest->data))) {
        *begins = *rest->data == '*';
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

static bool is_at_end(struct words *words)
{
    struct text rest;

    skip_space(words);
    if (words->rest.size == 0 || *words->rest.data == ')' || *words->rest.data == ',')
        return true;
    rest = words->rest;
    bool other = take(words, "or");
    words->rest = rest;
    return other;
}

static void skip_space(struct words *words)
{
    while (words->rest.size > 0 && (*words->rest.data == ' ' || *words->rest.data == '\t'))
        words->rest = (struct text){words->rest.data + 1, words->rest.size - 1};
}

static struct query_words *negate(struct words *words, struct query_words *asked)
{
    struct query_words *negated = new_words(words, WORDS_NOT);

    negated->parts = asked;
    return negated;
}

static struct query_words *new_words(struct words *words, enum query_words_kind kind)
{
    struct query_words *made = arena_one(words->reader->arena, struct query_words);

    made->kind = kind;
    return made;
}

static bool refuse(const struct words *words)
{
    return query_refuse(words->reader, words->place->name, "value",
                        "\"%.*s\" takes words, \"phrases\", beginnings*, and, or, not and "
                        "parentheses; of words as many as a parameter may have values.",
                        NAME_ARGS(words->place->name));
}
