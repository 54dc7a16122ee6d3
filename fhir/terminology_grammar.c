/*
 * Grammars - media types, language tags, units.
 */

#include "fhir/terminology_grammar.h"

#include "base/count.h"
#include "base/err.h"

#define MAX_NAME 127 /* RFC 6838 section 4.2 */

/* ISO 639-1, and the withdrawn codes that stay registered. */
static const char primary_languages[] =
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy "
    "da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu "
    "hy hz ia id ie ig ii ik in io is it iu iw ja ji jv jw ka kg ki kj kk kl km kn ko kr ks ku kv "
    "kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mo mr ms mt my na nb nd ne ng nl nn no nr "
    "nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq "
    "sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi "
    "yo za zh zu ";

/* Registered before there was a grammar (RFC 5646 section 2.2.8). */
static const char *const grandfathered[] = {
    "en-GB-oed", "i-ami",     "i-bnn",     "i-default",  "i-enochian",  "i-hak",  "i-klingon",
    "i-lux",     "i-mingo",   "i-navajo",  "i-pwn",      "i-tao",       "i-tay",  "i-tsu",
    "sgn-BE-FR", "sgn-BE-NL", "sgn-CH-DE", "art-lojban", "cel-gaulish", "no-bok", "no-nyn",
    "zh-guoyu",  "zh-hakka",  "zh-min",    "zh-min-nan", "zh-xiang",
};

static const struct {
    const char *property; /* the first group as HL7's filters call them, the second as RFC 5646 */
    unsigned part;
} part_names[] = {
    {"language", LANGUAGE_PRIMARY},    {"ext-lang", LANGUAGE_EXTLANG},
    {"script", LANGUAGE_SCRIPT},       {"region", LANGUAGE_REGION},
    {"variant", LANGUAGE_VARIANT},     {"extension", LANGUAGE_EXTENSION},
    {"private-use", LANGUAGE_PRIVATE}, {"extlang", LANGUAGE_EXTLANG},
    {"privateuse", LANGUAGE_PRIVATE},
};

static bool mime_parameters_are_valid(struct text rest);
static bool subtags_are_valid(struct text *subtag, struct text *rest, unsigned *parts);

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool all_are(struct text text, bool (*is)(char c))
{
    for (size_t i = 0; i < text.size; i++)
        if (!is(text.data[i]))
            return false;
    return true;
}

static bool is_alnum(char c)
{
    return is_alpha(c) || is_digit(c);
}

static bool is_name_char(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("!#$&-^_.+", c));
}

static bool is_token_char(char c)
{
    return c > ' ' && c < 127 && !strchr("()<>@,;:\\\"/[]?=", c);
}

/* RFC 2045 asks for quotes around '/' and ':', but R4's own examples leave them out. */
static bool is_value_char(char c)
{
    return is_token_char(c) || (c != '\0' && strchr("/:=?@", c));
}

static bool is_restricted_name(struct text name)
{
    return name.size > 0 && name.size <= MAX_NAME && is_alnum(name.data[0]) &&
           all_are(name, is_name_char);
}

bool mime_is_valid(struct text code)
{
    struct text type, rest, subtype;

    if (text_is(code, "xml") || text_is(code, "json") || text_is(code, "ttl"))
        return true;
    if (!text_split(code, '/', &type, &rest) || !is_restricted_name(type))
        return false;
    if (!text_split(rest, ';', &subtype, &rest))
        return is_restricted_name(rest);
    return is_restricted_name(text_trim(subtype)) && mime_parameters_are_valid(rest);
}

/* The end of a quoted string that begins at `from`, 0 when it does not end. */
static size_t quoted_end(struct text text, size_t from)
{
    for (size_t i = from + 1; i < text.size; i++) {
        if (text.data[i] == '\\')
            i++;
        else if (text.data[i] == '"')
            return i + 1;
    }
    return 0;
}

/* "charset=utf-8; profile=\"a;b\"" */
static bool mime_parameters_are_valid(struct text rest)
{
    struct text name, value;

    for (;;) {
        size_t end = 0;

        if (!text_split(text_trim(rest), '=', &name, &value) || name.size == 0 || value.size == 0 ||
            !all_are(name, is_token_char))
            return false;
        if (value.data[0] == '"')
            end = quoted_end(value, 0);
        else
            while (end < value.size && is_value_char(value.data[end]))
                end++;
        if (end == 0)
            return false;
        rest = text_trim((struct text){value.data + end, value.size - end});
        if (rest.size == 0)
            return true;
        if (rest.data[0] != ';')
            return false;
        rest = (struct text){rest.data + 1, rest.size - 1};
    }
}

static bool is_registered(struct text primary)
{
    if (primary.size != 2)
        return true;
    for (const char *at = primary_languages; *at != '\0'; at += 3)
        if (text_equals_nocase(primary, (struct text){at, 2}))
            return true;
    return false;
}

unsigned language_parts(struct text code)
{
    struct text rest = code, subtag;
    unsigned parts = 0;

    for (size_t i = 0; i < COUNT(grandfathered); i++)
        if (text_equals_nocase(code, text_of(grandfathered[i])))
            return LANGUAGE_PRIMARY;
    if (!text_next(&rest, '-', &subtag))
        return 0;
    if (!text_equals_nocase(subtag, TEXT("x"))) {
        if (subtag.size < 2 || subtag.size > 8 || !all_are(subtag, is_alpha) ||
            !is_registered(subtag))
            return 0;
        parts = LANGUAGE_PRIMARY;
        if (!text_next(&rest, '-', &subtag))
            return parts;
    }
    return subtags_are_valid(&subtag, &rest, &parts) ? parts : 0;
}

/* What kind of subtag this is behind those that were; 0 when it cannot stand here. */
static unsigned kind_of_subtag(struct text subtag, unsigned parts)
{
    size_t size = subtag.size;
    bool alpha = all_are(subtag, is_alpha);

    if (size == 1)
        return text_equals_nocase(subtag, TEXT("x")) ? LANGUAGE_PRIVATE : LANGUAGE_EXTENSION;
    if (parts < LANGUAGE_SCRIPT && size == 3 && alpha)
        return LANGUAGE_EXTLANG;
    if (parts < LANGUAGE_SCRIPT && size == 4 && alpha)
        return LANGUAGE_SCRIPT;
    if (parts < LANGUAGE_REGION &&
        ((size == 2 && alpha) || (size == 3 && all_are(subtag, is_digit))))
        return LANGUAGE_REGION;
    if (parts < LANGUAGE_EXTENSION &&
        ((size >= 5 && size <= 8) || (size == 4 && is_digit(subtag.data[0]))))
        return LANGUAGE_VARIANT;
    return 0;
}

/* The subtags behind a singleton: at least one; `subtag` is then the next singleton if `more`. */
static bool skip_extension(struct text *subtag, struct text *rest, size_t least, bool *more)
{
    unsigned count = 0;

    while ((*more = text_next(rest, '-', subtag))) {
        if (least > 1 && subtag->size == 1)
            break;
        if (subtag->size < least || subtag->size > 8 || !all_are(*subtag, is_alnum))
            return false;
        count++;
    }
    return count > 0;
}

/* Parts come in the order of their bits. */
static bool subtags_are_valid(struct text *subtag, struct text *rest, unsigned *parts)
{
    bool more = true;

    while (more) {
        unsigned kind = all_are(*subtag, is_alnum) ? kind_of_subtag(*subtag, *parts) : 0;

        if (kind == 0)
            return false;
        *parts |= kind;
        if (kind < LANGUAGE_EXTENSION)
            more = text_next(rest, '-', subtag);
        else if (!skip_extension(subtag, rest, kind == LANGUAGE_PRIVATE ? 1 : 2, &more))
            return false;
    }
    return true;
}

unsigned language_part_named(struct text property)
{
    for (size_t i = 0; i < COUNT(part_names); i++)
        if (text_is(property, part_names[i].property))
            return part_names[i].part;
    return 0;
}

bool unit_may_be(struct text code)
{
    char expected = 0;

    for (size_t i = 0; i < code.size; i++) {
        char c = code.data[i];

        if (c < '!' || c > '~')
            return false;
        if (expected != 0)
            expected = c == expected ? 0 : expected;
        else if (c == '[' || c == '{')
            expected = c == '[' ? ']' : '}';
        else if (c == ']' || c == '}')
            return false;
    }
    return code.size > 0 && expected == 0;
}
