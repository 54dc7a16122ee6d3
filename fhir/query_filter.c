/*
 * Query filter - _filter and _list, made of other criteria.
 *
 *     filter = and { "or" and }       and = term { "and" term }
 *     term   = "not" "(" filter ")" | "(" filter ")" | path operator value
 *
 * R4 search_filter.html. What an operator means is said by a prefix or a modifier of ordinary
 * search, so that there is one meaning of each.
 */

#include "fhir/query_reader.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/count.h"

#include <ctype.h>

enum { DEPTH_MAX = 20 };

struct filter {
    struct query_reader *reader;
    const struct query_place *place;
    struct text rest;
    unsigned depth;
};

#define RANGES (1u << SEARCH_DATE | 1u << SEARCH_NUMBER | 1u << SEARCH_QUANTITY)
#define SAME                                                                                       \
    (RANGES | 1u << SEARCH_STRING | 1u << SEARCH_TOKEN | 1u << SEARCH_REFERENCE | 1u << SEARCH_URI)

/* How an operator is asked for: with a prefix, a modifier, or a way to compare strings. `differs`:
 * there is a value, and it is not the one. */
static const struct operation {
    const char *name, *prefix, *modifier;
    unsigned types;
    enum query_modifier strings;
    bool differs, overlap;
} operations[] = {
    {"eq", "", "", SAME, MODIFIER_WHOLE, false, false},
    {"ne", "", "", SAME, MODIFIER_WHOLE, true, false},
    {"co", "", ":contains", 1u << SEARCH_STRING, MODIFIER_NONE, false, false},
    {"sw", "", "", 1u << SEARCH_STRING, MODIFIER_NONE, false, false},
    {"ew", "", "", 1u << SEARCH_STRING, MODIFIER_ENDS, false, false},
    {"gt", "gt", "", RANGES, MODIFIER_NONE, false, false},
    {"lt", "lt", "", RANGES, MODIFIER_NONE, false, false},
    {"ge", "ge", "", RANGES, MODIFIER_NONE, false, false},
    {"le", "le", "", RANGES, MODIFIER_NONE, false, false},
    {"ap", "ap", "", RANGES, MODIFIER_NONE, false, false},
    {"sa", "sa", "", RANGES, MODIFIER_NONE, false, false},
    {"eb", "eb", "", RANGES, MODIFIER_NONE, false, false},
    {"po", "ap", "", 1u << SEARCH_DATE, MODIFIER_NONE, false, true},
    {"re", "", "", 1u << SEARCH_REFERENCE, MODIFIER_NONE, false, false},
    {"in", "", ":in", 1u << SEARCH_TOKEN, MODIFIER_NONE, false, false},
    {"ni", "", ":not-in", 1u << SEARCH_TOKEN, MODIFIER_NONE, false, false},
    {"ss", "", ":below", 1u << SEARCH_TOKEN, MODIFIER_NONE, false, false},
    {"sb", "", ":above", 1u << SEARCH_TOKEN, MODIFIER_NONE, false, false},
    {"pr", "", ":missing", ~0u, MODIFIER_NONE, false, false},
};

static const struct query *read_or(struct filter *filter);
static const struct query *read_and(struct filter *filter);
static bool read_term(struct filter *filter, struct query_param *param);
static bool read_group(struct filter *filter, bool negated, struct query_param *param);
static bool read_comparison(struct filter *filter, struct query_param *param);
static bool compile(struct filter *filter, struct text path, const struct operation *operation,
                    struct text value, struct query_param *param);
static bool fits(const struct query_param *param, const struct operation *operation);
static bool read_value(struct filter *filter, bool present, struct text *value);
static bool read_string(struct filter *filter, struct buf *out);
static bool take(struct filter *filter, const char *word);
static struct text take_word(struct filter *filter);
static void skip_space(struct filter *filter);
static bool refuse(const struct filter *filter);
static struct query *new_query(struct filter *filter, size_t room, struct query_param **params);

bool query_read_filter(struct query_reader *reader, const struct query_place *place,
                       struct text value, struct query_param *param)
{
    struct filter filter = {.reader = reader, .place = place, .rest = value};
    const struct query **parts = arena_many(reader->arena, const struct query *, 1);

    parts[0] = read_or(&filter);
    if (!parts[0])
        return false;
    skip_space(&filter);
    if (filter.rest.size > 0)
        return refuse(&filter);
    *param = (struct query_param){.subject = QUERY_GROUP, .parts = parts, .part_count = 1};
    return true;
}

/* What a List with one of these ids refers to by List.entry.item. */
bool query_read_list(struct query_reader *reader, const struct query_place *place,
                     struct text value, struct query_param *param)
{
    const struct query **parts = arena_many(reader->arena, const struct query *, 1);
    struct query_param *ids = arena_one(reader->arena, struct query_param);
    struct query *list = arena_one(reader->arena, struct query);
    struct query_place at = {.type = "List", .name = place->name, .path = TEXT("_id")};

    if (value.size > 0 && value.data[0] == '$')
        return query_refuse(reader, place->name, "not-supported",
                            "\"_list\" takes ids of Lists; those that a server makes up itself, "
                            "such as $current-allergies, are not offered.");
    if (!query_read_criterion(reader, &at, value, ids))
        return false;
    list->type = "List";
    list->params = ids;
    list->param_count = 1;
    parts[0] = list;
    *param = (struct query_param){.param = search_param_find("List", TEXT("item")),
                                  .subject = QUERY_HAS,
                                  .parts = parts,
                                  .part_count = 1};
    return true;
}

static const struct query *read_or(struct filter *filter)
{
    size_t most = filter->reader->options->max_values, count = 0;
    const struct query **parts = arena_many(filter->reader->arena, const struct query *, most);
    struct query_param *param;

    if (++filter->depth > DEPTH_MAX) {
        refuse(filter);
        return NULL;
    }
    do {
        if (count == most) {
            refuse(filter);
            return NULL;
        }
        parts[count] = read_and(filter);
        if (!parts[count++])
            return NULL;
    } while (take(filter, "or"));
    filter->depth--;
    if (count == 1)
        return parts[0];
    struct query *query = new_query(filter, 1, &param);
    query->param_count = 1;
    *param = (struct query_param){.subject = QUERY_GROUP, .parts = parts, .part_count = count};
    return query;
}

static const struct query *read_and(struct filter *filter)
{
    size_t most = filter->reader->options->max_values;
    struct query_param *params;
    struct query *query = new_query(filter, most, &params);

    do {
        if (query->param_count == most || !read_term(filter, &params[query->param_count])) {
            refuse(filter);
            return NULL;
        }
        query->param_count++;
    } while (take(filter, "and"));
    return query;
}

static bool read_term(struct filter *filter, struct query_param *param)
{
    bool negated = take(filter, "not");

    if (take(filter, "("))
        return read_group(filter, negated, param);
    return negated ? refuse(filter) : read_comparison(filter, param);
}

static bool read_group(struct filter *filter, bool negated, struct query_param *param)
{
    const struct query **parts = arena_many(filter->reader->arena, const struct query *, 1);

    parts[0] = read_or(filter);
    if (!parts[0])
        return false;
    *param = (struct query_param){
        .subject = QUERY_GROUP, .negated = negated, .parts = parts, .part_count = 1};
    return take(filter, ")") || refuse(filter);
}

static bool read_comparison(struct filter *filter, struct query_param *param)
{
    struct query_reader *reader = filter->reader;
    struct text path = take_word(filter), word = take_word(filter), value;
    size_t i = 0;

    while (i < COUNT(operations) && !text_is(word, operations[i].name))
        i++;
    if (path.size == 0 || memchr(path.data, ':', path.size) || text_is(path, "_filter") ||
        word.size == 0)
        return refuse(filter);
    if (i == COUNT(operations))
        return query_refuse(reader, filter->place->name, "not-supported",
                            "\"_filter\" knows the operators eq ne co sw ew gt lt ge le ap sa eb "
                            "po re in ni ss sb and pr.");
    bool present = strcmp(operations[i].name, "pr") == 0;
    if (++reader->filtered > reader->options->max_params || !read_value(filter, present, &value))
        return refuse(filter);
    return compile(filter, path, &operations[i], value, param);
}

static bool compile(struct filter *filter, struct text path, const struct operation *operation,
                    struct text value, struct query_param *param)
{
    struct query_reader *reader = filter->reader;
    struct query_place place = {.type = filter->place->type, .name = filter->place->name};
    struct query_param present = {0}, same = {0};

    place.path =
        text_of(arena_printf(reader->arena, "%.*s%s", TEXT_ARGS(path), operation->modifier));
    value = text_of(arena_printf(reader->arena, "%s%.*s", operation->prefix, TEXT_ARGS(value)));
    const struct search_param *found = search_param_find(place.type, query_next_code(&place));
    if (found && found->search_type == SEARCH_COMPOSITE)
        return query_refuse(reader, filter->place->name, "not-supported",
                            "\"_filter\" takes no composites; leave \"%s\" out of it and give it "
                            "beside it, as %s=...",
                            found->code, found->code);
    reader->strings = operation->strings;
    reader->overlap = operation->overlap;
    bool good = query_read_criterion(reader, &place, value, &same);
    reader->strings = MODIFIER_NONE;
    reader->overlap = false;
    if (!good)
        return false;
    if (!fits(&same, operation))
        return query_refuse(reader, filter->place->name, "not-supported",
                            "\"_filter\": %s does not apply to the type of \"%.*s\".",
                            operation->name, NAME_ARGS(path));
    *param = same;
    if (!operation->differs)
        return true;

    /* A value, and none that is the same. */
    struct query_param *both;
    struct query *query = new_query(filter, 2, &both);
    struct query_param *one;
    struct query *other = new_query(filter, 1, &one);
    const struct query **parts = arena_many(reader->arena, const struct query *, 2);

    place.path = text_of(arena_printf(reader->arena, "%.*s:missing", TEXT_ARGS(path)));
    if (!query_read_criterion(reader, &place, TEXT("false"), &present))
        return false;
    *one = same;
    other->param_count = 1;
    parts[1] = other;
    both[0] = present;
    both[1] = (struct query_param){
        .subject = QUERY_GROUP, .negated = true, .parts = &parts[1], .part_count = 1};
    query->param_count = 2;
    parts[0] = query;
    *param = (struct query_param){.subject = QUERY_GROUP, .parts = parts, .part_count = 1};
    return true;
}

/* Whether the operator is made for the type of parameter at the end of the path. */
static bool fits(const struct query_param *param, const struct operation *operation)
{
    if (param->subject == QUERY_GROUP)
        return false;
    if (param->part_count == 0)
        return operation->types >> param->param->search_type & 1;
    for (size_t i = 0; i < param->part_count; i++)
        if (!fits(&param->parts[i]->params[0], operation))
            return false;
    return true;
}

/* As ordinary search takes it: in a string nothing is special, elsewhere only the comma is none. */
static bool read_value(struct filter *filter, bool present, struct text *value)
{
    struct buf out = buf_in(filter->reader->arena);

    skip_space(filter);
    if (filter->rest.size > 0 && filter->rest.data[0] == '"') {
        if (!read_string(filter, &out))
            return false;
    } else {
        struct text word = take_word(filter);

        for (size_t i = 0; i < word.size; i++) {
            if (word.data[i] == ',')
                buf_add_char(&out, '\\');
            buf_add_char(&out, word.data[i]);
        }
    }
    *value = (struct text){buf_text(&out), out.size};
    if (present) { /* asked for as :missing */
        bool wanted = text_is(*value, "true");

        if (!wanted && !text_is(*value, "false"))
            return false;
        *value = wanted ? TEXT("false") : TEXT("true");
    }
    return value->size > 0;
}

static bool read_string(struct filter *filter, struct buf *out)
{
    const char *c = filter->rest.data + 1, *end = filter->rest.data + filter->rest.size;

    for (; c < end && *c != '"'; c++) {
        if (*c == '\\' && c + 1 < end)
            c++;
        if (*c == ',' || *c == '|' || *c == '$' || *c == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, *c);
    }
    if (c == end)
        return false;
    filter->rest = (struct text){c + 1, (size_t)(end - c - 1)};
    return true;
}

/* A word or parenthesis that comes next, if it does. */
static bool take(struct filter *filter, const char *word)
{
    struct text wanted = text_of(word);

    skip_space(filter);
    if (!text_starts_with(filter->rest, wanted))
        return false;
    if (isalpha((unsigned char)word[0]) && filter->rest.size > wanted.size &&
        filter->rest.data[wanted.size] != ' ' && filter->rest.data[wanted.size] != '(')
        return false;
    filter->rest.data += wanted.size;
    filter->rest.size -= wanted.size;
    return true;
}

/* Up to a space or a closing parenthesis. */
static struct text take_word(struct filter *filter)
{
    size_t size = 0;

    skip_space(filter);
    while (size < filter->rest.size && filter->rest.data[size] != ' ' &&
           filter->rest.data[size] != ')')
        size++;
    struct text word = {filter->rest.data, size};
    filter->rest.data += size;
    filter->rest.size -= size;
    return word;
}

static void skip_space(struct filter *filter)
{
    while (filter->rest.size > 0 && filter->rest.data[0] == ' ') {
        filter->rest.data++;
        filter->rest.size--;
    }
}

/* Once: what went wrong inside has been said. */
static bool refuse(const struct filter *filter)
{
    if (filter->reader->err->kind != ERR_NONE)
        return false;
    return query_refuse(filter->reader, filter->place->name, "value",
                        "\"_filter\" takes comparisons such as name co \"ann\", joined by and, or, "
                        "not (...) and parentheses.");
}

static struct query *new_query(struct filter *filter, size_t room, struct query_param **params)
{
    struct query *query = arena_one(filter->reader->arena, struct query);

    query->type = filter->place->type;
    query->params = *params = arena_many(filter->reader->arena, struct query_param, room);
    return query;
}
