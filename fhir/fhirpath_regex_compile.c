/*
 * Regular expressions, compiled - a pattern becomes a tree, and the tree a program.
 */

#include "fhir/fhirpath_regex_program.h"

#include "base/arena.h"
#include "base/count.h"
#include "base/err.h"

#include <ctype.h>

#define MAX_PROGRAM 5000
#define MAX_DEPTH   40
#define MAX_REPEAT  1000
#define MAX_WORK    200000 /* of emitting, so that repeats of nothing end too */
#define INFINITE    (-1)

struct item {
    enum item_kind kind;
    struct item *left, *right;
    struct char_class *class;
    unsigned code;
    int min, max, group;
    bool lazy;
};

struct parser {
    struct arena *arena;
    struct text pattern;
    size_t at;
    unsigned depth;
    int groups;
    const char *reason;
};

static struct item *parse_either(struct parser *parser);
static struct item *parse_sequence(struct parser *parser);
static struct item *parse_repeat(struct parser *parser);
static struct item *parse_atom(struct parser *parser);
static struct item *parse_escape(struct parser *parser);
static struct item *parse_class(struct parser *parser);
static void emit(struct regex *regex, struct arena *arena, const struct item *item);

static int peek(const struct parser *parser)
{
    return parser->at < parser->pattern.size ? (unsigned char)parser->pattern.data[parser->at] : -1;
}

static bool take(struct parser *parser, char c)
{
    if (peek(parser) != (unsigned char)c)
        return false;
    parser->at++;
    return true;
}

static struct item *refuse(struct parser *parser, const char *reason)
{
    if (!parser->reason)
        parser->reason = reason;
    return NULL;
}

static struct item *make(struct parser *parser, enum item_kind kind, struct item *left,
                         struct item *right)
{
    struct item *item = arena_one(parser->arena, struct item);

    item->kind = kind;
    item->left = left;
    item->right = right;
    return item;
}

struct regex *regex_compile(struct arena *arena, struct text pattern, const char **reason)
{
    struct parser parser = {.arena = arena, .pattern = pattern};
    struct regex *regex = arena_one(arena, struct regex);
    struct item *root = parse_either(&parser);

    if (root && parser.at < pattern.size)
        root = refuse(&parser, "a closing bracket without an opening one");
    if (!root) {
        *reason = parser.reason;
        return NULL;
    }
    struct item *group = make(&parser, ITEM_GROUP, root, NULL);
    emit(regex, arena, group);
    emit(regex, arena, NULL);
    if (regex->too_large) {
        *reason = "the pattern is too large";
        return NULL;
    }
    regex_make_room(regex, arena);
    return regex;
}

static struct item *parse_either(struct parser *parser)
{
    struct item *left;

    if (++parser->depth > MAX_DEPTH)
        return refuse(parser, "the pattern nests too deeply");
    left = parse_sequence(parser);
    while (left && take(parser, '|')) {
        struct item *right = parse_sequence(parser);

        left = right ? make(parser, ITEM_EITHER, left, right) : NULL;
    }
    parser->depth--;
    return left;
}

static struct item *parse_sequence(struct parser *parser)
{
    struct item *first = make(parser, ITEM_EMPTY, NULL, NULL), *last = first;

    /* A list through `right`, so that long patterns do not nest. */
    while (peek(parser) >= 0 && peek(parser) != '|' && peek(parser) != ')') {
        struct item *item = parse_repeat(parser);

        if (!item)
            return NULL;
        last->right = make(parser, ITEM_SEQUENCE, item, NULL);
        last = last->right;
    }
    first->kind = ITEM_SEQUENCE;
    return first;
}

static bool parse_bound(struct parser *parser, int *bound)
{
    int value = 0;

    if (!isdigit(peek(parser)))
        return false;
    while (isdigit(peek(parser))) {
        value = value * 10 + (peek(parser) - '0');
        if (value > MAX_REPEAT)
            return refuse(parser, "a repetition is too large") != NULL;
        parser->at++;
    }
    *bound = value;
    return true;
}

/* Behind the opening brace; true with the bounds set. */
static bool parse_bounds(struct parser *parser, int *min, int *max)
{
    if (!parse_bound(parser, min))
        return refuse(parser, "a repetition needs a number") != NULL;
    *max = *min;
    if (take(parser, ',')) {
        *max = INFINITE;
        if (isdigit(peek(parser)) && !parse_bound(parser, max))
            return false;
    }
    if (!take(parser, '}') || (*max != INFINITE && *max < *min))
        return refuse(parser, "a malformed repetition") != NULL;
    return true;
}

static struct item *parse_repeat(struct parser *parser)
{
    struct item *item = parse_atom(parser);

    for (unsigned times = 0; item; times++) {
        int min = 0, max = INFINITE;

        if (take(parser, '?'))
            max = 1;
        else if (take(parser, '+'))
            min = 1;
        else if (take(parser, '{')) {
            if (!parse_bounds(parser, &min, &max))
                return NULL;
        } else if (!take(parser, '*'))
            break;
        if (times == MAX_DEPTH)
            return refuse(parser, "the pattern nests too deeply");
        item = make(parser, ITEM_REPEAT, item, NULL);
        item->min = min;
        item->max = max;
        item->lazy = take(parser, '?');
    }
    return item;
}

static struct item *parse_group(struct parser *parser)
{
    struct item *item;
    int group = -1;

    if (take(parser, '?')) {
        if (!take(parser, ':'))
            return refuse(parser, "look-around and named groups are not supported");
    } else {
        group = ++parser->groups;
    }
    item = parse_either(parser);
    if (!item)
        return NULL;
    if (!take(parser, ')'))
        return refuse(parser, "a bracket is not closed");
    if (group < 0 || group >= REGEX_GROUPS)
        return item;
    item = make(parser, ITEM_GROUP, item, NULL);
    item->group = group;
    return item;
}

static struct item *parse_atom(struct parser *parser)
{
    struct item *item;
    size_t size;

    switch (peek(parser)) {
    case '(':
        parser->at++;
        return parse_group(parser);
    case '[':
        parser->at++;
        return parse_class(parser);
    case '.':
        parser->at++;
        return make(parser, ITEM_ANY, NULL, NULL);
    case '^':
        parser->at++;
        return make(parser, ITEM_START, NULL, NULL);
    case '$':
        parser->at++;
        return make(parser, ITEM_END, NULL, NULL);
    case '\\':
        parser->at++;
        return parse_escape(parser);
    case '*':
    case '+':
    case '?':
        return refuse(parser, "a repetition of nothing");
    default:
        item = make(parser, ITEM_CHAR, NULL, NULL);
        item->code = regex_decode(parser->pattern, parser->at, &size);
        parser->at += size;
        return item;
    }
}

static void add_range(struct parser *parser, struct char_class *class, unsigned low, unsigned high)
{
    struct range *range = arena_one(parser->arena, struct range);

    *range = (struct range){low, high, class->ranges};
    class->ranges = range;
}

/* \d \w \s and their opposites; false for other letters. */
static bool add_named(struct parser *parser, struct char_class *class, int letter)
{
    static const struct {
        char letter;
        unsigned ranges[8];
    } sets[] = {
        {'d', {'0', '9'}},
        {'w', {'0', '9', 'A', 'Z', '_', '_', 'a', 'z'}},
        {'s', {'\t', '\r', ' ', ' '}},
        {'D', {1, '0' - 1, '9' + 1, 0x10FFFF}},
        {'W', {1, '0' - 1, '9' + 1, 'A' - 1, 'Z' + 1, '_' - 1, 'z' + 1, 0x10FFFF}},
        {'S', {1, '\t' - 1, '\r' + 1, ' ' - 1, ' ' + 1, 0x10FFFF}},
    };

    for (size_t i = 0; i < COUNT(sets); i++) {
        if (sets[i].letter != letter)
            continue;
        for (unsigned j = 0; j < 8 && sets[i].ranges[j]; j += 2)
            add_range(parser, class, sets[i].ranges[j], sets[i].ranges[j + 1]);
        if (letter == 'W')
            add_range(parser, class, '`', '`');
        return true;
    }
    return false;
}

/* An escaped single character. */
static bool escaped_code(struct parser *parser, unsigned *code)
{
    static const char letters[] = "tnrf", codes[] = "\t\n\r\f";
    int c = peek(parser);
    const char *found = c > 0 ? strchr(letters, c) : NULL;

    if (c < 0 || (isalnum(c) && !found))
        return refuse(parser, "an unknown escape") != NULL;
    *code = found ? (unsigned char)codes[found - letters] : (unsigned)c;
    parser->at++;
    return true;
}

static struct item *parse_escape(struct parser *parser)
{
    struct item *item = make(parser, ITEM_CHAR, NULL, NULL);
    int c = peek(parser);

    item->class = arena_one(parser->arena, struct char_class);
    if (c > 0 && add_named(parser, item->class, c))
        item->kind = ITEM_CLASS;
    else if (c == 'b' || c == 'B')
        item->kind = c == 'b' ? ITEM_WORD : ITEM_NOT_WORD;
    else
        return escaped_code(parser, &item->code) ? item : NULL;
    parser->at++;
    return item;
}

/* One end of a range; false at a class such as \d, which was added already. */
static bool class_code(struct parser *parser, struct char_class *class, unsigned *code,
                       bool *single)
{
    size_t size;

    *single = true;
    if (!take(parser, '\\')) {
        *code = regex_decode(parser->pattern, parser->at, &size);
        parser->at += size;
        return true;
    }
    if (peek(parser) > 0 && add_named(parser, class, peek(parser))) {
        parser->at++;
        *single = false;
        return true;
    }
    return escaped_code(parser, code);
}

static struct item *parse_class(struct parser *parser)
{
    struct item *item = make(parser, ITEM_CLASS, NULL, NULL);
    bool first = true, single;
    unsigned low, high;

    item->class = arena_one(parser->arena, struct char_class);
    item->class->negated = take(parser, '^');
    for (; peek(parser) != ']' || first; first = false) {
        if (peek(parser) < 0)
            return refuse(parser, "a class is not closed");
        if (!class_code(parser, item->class, &low, &single))
            return NULL;
        if (!single)
            continue;
        high = low;
        if (peek(parser) == '-' && parser->at + 1 < parser->pattern.size &&
            parser->pattern.data[parser->at + 1] != ']') {
            parser->at++;
            if (!class_code(parser, item->class, &high, &single))
                return NULL;
            if (!single || high < low)
                return refuse(parser, "a malformed range in a class");
        }
        add_range(parser, item->class, low, high);
    }
    parser->at++;
    return item;
}

static unsigned add(struct regex *regex, struct arena *arena, struct instruction instruction)
{
    if (regex->size == MAX_PROGRAM) {
        regex->too_large = true;
        return 0;
    }
    if (regex->size == regex->room) {
        struct instruction *more =
            arena_many(arena, struct instruction, regex->room ? regex->room * 2U : 32U);

        if (regex->size > 0)
            memcpy(more, regex->program, regex->size * sizeof(*more));
        regex->program = more;
        regex->room = regex->room ? regex->room * 2U : 32U;
    }
    regex->program[regex->size] = instruction;
    return regex->size++;
}

static void emit_either(struct regex *regex, struct arena *arena, const struct item *item)
{
    unsigned split = add(regex, arena, (struct instruction){.op = OP_SPLIT}), jump;

    regex->program[split].x = regex->size;
    emit(regex, arena, item->left);
    jump = add(regex, arena, (struct instruction){.op = OP_JUMP});
    regex->program[split].y = regex->size;
    emit(regex, arena, item->right);
    regex->program[jump].x = regex->size;
}

static void set_split(struct regex *regex, unsigned split, unsigned in, unsigned out, bool lazy)
{
    regex->program[split].x = lazy ? out : in;
    regex->program[split].y = lazy ? in : out;
}

static void emit_repeat(struct regex *regex, struct arena *arena, const struct item *item)
{
    for (int i = 0; i < item->min && !regex->too_large; i++)
        emit(regex, arena, item->left);
    if (item->max == INFINITE) {
        unsigned split = add(regex, arena, (struct instruction){.op = OP_SPLIT});

        emit(regex, arena, item->left);
        add(regex, arena, (struct instruction){.op = OP_JUMP, .x = split});
        set_split(regex, split, split + 1, regex->size, item->lazy);
        return;
    }
    for (int i = item->min; i < item->max && !regex->too_large; i++) {
        unsigned split = add(regex, arena, (struct instruction){.op = OP_SPLIT});

        emit(regex, arena, item->left);
        set_split(regex, split, split + 1, regex->size, item->lazy);
    }
}

static void emit_group(struct regex *regex, struct arena *arena, const struct item *item)
{
    unsigned slot = (unsigned)item->group * 2;

    add(regex, arena, (struct instruction){.op = OP_SAVE, .code = slot});
    emit(regex, arena, item->left);
    add(regex, arena, (struct instruction){.op = OP_SAVE, .code = slot + 1});
}

/* NULL is the end of the pattern. */
static void emit(struct regex *regex, struct arena *arena, const struct item *item)
{
    if (++regex->work > MAX_WORK)
        regex->too_large = true;
    if (regex->too_large)
        return;
    if (!item) {
        add(regex, arena, (struct instruction){.op = OP_MATCH});
        return;
    }
    switch (item->kind) {
    case ITEM_EMPTY:
        break;
    case ITEM_CHAR:
        add(regex, arena, (struct instruction){.op = OP_CHAR, .code = item->code});
        break;
    case ITEM_ANY:
        add(regex, arena, (struct instruction){.op = OP_ANY});
        break;
    case ITEM_CLASS:
        add(regex, arena, (struct instruction){.op = OP_CLASS, .class = item->class});
        break;
    case ITEM_START:
    case ITEM_END:
    case ITEM_WORD:
    case ITEM_NOT_WORD:
        add(regex, arena, (struct instruction){.op = OP_ASSERT, .assertion = item->kind});
        break;
    case ITEM_SEQUENCE:
        for (item = item->right; item && !regex->too_large; item = item->right)
            emit(regex, arena, item->left);
        break;
    case ITEM_EITHER:
        emit_either(regex, arena, item);
        break;
    case ITEM_REPEAT:
        emit_repeat(regex, arena, item);
        break;
    case ITEM_GROUP:
        emit_group(regex, arena, item);
        break;
    }
}
