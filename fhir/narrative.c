/*
 * Narrative - see narrative.h. A scanner that goes over the bytes once and
 * keeps the names of the open elements; it builds no tree.
 */

#include "fhir/narrative.h"

#include "base/count.h"
#include "base/err.h"

/* Elements within elements. */
#define DEPTH_MAX 256

struct scanner {
    const char *at, *end;
    struct text open[DEPTH_MAX]; /* names of the elements we are in */
    unsigned depth;
    bool said;           /* something that a reader sees */
    const char *problem; /* the first one */
};

/* HTML 4.0 chapters 7 to 11 (without 9.4) and 15, links and images, without what is deprecated
 * there; by their first letter. */
static const char *const elements['z' - 'a' + 1] = {
    ['a' - 'a'] = "a abbr acronym address area",
    ['b' - 'a'] = "b bdo big blockquote br",
    ['c' - 'a'] = "caption cite code col colgroup",
    ['d' - 'a'] = "div dd dfn dl dt",
    ['e' - 'a'] = "em",
    ['h' - 'a'] = "h1 h2 h3 h4 h5 h6 hr",
    ['i' - 'a'] = "i img",
    ['k' - 'a'] = "kbd",
    ['l' - 'a'] = "li",
    ['m' - 'a'] = "map",
    ['o' - 'a'] = "ol",
    ['p' - 'a'] = "p pre",
    ['q' - 'a'] = "q",
    ['s' - 'a'] = "span strong small samp sub sup",
    ['t' - 'a'] = "td tr th table tbody thead tfoot tt",
    ['u' - 'a'] = "ul",
    ['v' - 'a'] = "var",
};

static const char common_attributes[] =
    "class style id title lang xml:lang xml:space dir accesskey tabindex xmlns width align valign "
    "char charoff span abbr axis headers scope rowspan colspan";

static const struct {
    const char *element, *attributes;
} own_attributes[] = {
    {"a", "href name rel rev charset type hreflang shape coords"},
    {"area", "href alt shape coords nohref"},
    {"blockquote", "cite"},
    {"img", "src alt height longdesc usemap ismap"},
    {"map", "name"},
    {"q", "cite"},
    {"table", "border cellpadding cellspacing summary frame rules"},
};

static void scan(struct scanner *scanner);
static bool scan_text(struct scanner *scanner);
static bool scan_entity(struct scanner *scanner);
static bool scan_markup(struct scanner *scanner);
static bool scan_until(struct scanner *scanner, const char *closing, const char *problem);
static bool scan_start(struct scanner *scanner);
static bool scan_end(struct scanner *scanner);
static bool scan_attributes(struct scanner *scanner, struct text element, bool *closed);
static bool scan_attribute(struct scanner *scanner, struct text element);
static bool check_value(struct scanner *scanner, struct text name, struct text value);
static bool hides_scheme(struct text name, struct text link);
static struct text scan_name(struct scanner *scanner);
static void skip_space(struct scanner *scanner);
static bool is_allowed_element(struct text name);
static bool is_allowed_attribute(struct text element, struct text name);
static bool has_word(const char *words, struct text word);
static bool refuse(struct scanner *scanner, const char *problem);

void narrative_check(struct text div, struct narrative_finding *finding)
{
    struct scanner scanner; /* `open` is filled as it is used */

    scanner.at = div.data;
    scanner.end = div.data ? div.data + div.size : NULL;
    scanner.depth = 0;
    scanner.said = false;
    scanner.problem = NULL;
    scan(&scanner);
    finding->problem = scanner.problem;
    finding->empty = !scanner.problem && !scanner.said;
    finding->fine = !scanner.problem && scanner.said;
    if (finding->empty)
        finding->problem = "The narrative shows nothing; write something, or leave text out.";
}

/* One div, and nothing but white space around it. */
static void scan(struct scanner *scanner)
{
    skip_space(scanner);
    if (scanner->end - scanner->at < 4 || memcmp(scanner->at, "<div", 4) != 0) {
        refuse(scanner, "The narrative must be one div element; put everything into it.");
        return;
    }
    if (!scan_markup(scanner))
        return;
    while (scanner->depth > 0) {
        if (scanner->at == scanner->end) {
            refuse(scanner, "An element is not closed; write its end tag.");
            return;
        }
        if (!(*scanner->at == '<' ? scan_markup(scanner) : scan_text(scanner)))
            return;
    }
    skip_space(scanner);
    if (scanner->at < scanner->end)
        refuse(scanner, "Something stands behind the div element; put everything into it.");
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Up to the next tag. */
static bool scan_text(struct scanner *scanner)
{
    while (scanner->at < scanner->end && *scanner->at != '<') {
        if (scanner->said) {
            size_t left = (size_t)(scanner->end - scanner->at);
            const char *tag = memchr(scanner->at, '<', left);
            const char *limit = tag ? tag : scanner->end;
            const char *entity = memchr(scanner->at, '&', (size_t)(limit - scanner->at));

            scanner->at = entity ? entity : limit;
        }
        if (scanner->at == scanner->end || *scanner->at == '<')
            break;
        if (*scanner->at == '&') {
            if (!scan_entity(scanner))
                return false;
            scanner->said = true;
            continue;
        }
        scanner->said |= !is_space(*scanner->at);
        scanner->at++;
    }
    return true;
}

/* &amp; &#160; &#xA0; - names of HTML are taken as well, as browsers show them. */
static bool scan_entity(struct scanner *scanner)
{
    const char *at = scanner->at + 1, *end = scanner->end, *first;
    bool number = at < end && *at == '#', hex = number && end - at > 1 && at[1] == 'x';

    at += number + hex;
    first = at;
    while (at < end && at - first < 32 &&
           ((*at >= '0' && *at <= '9') ||
            (hex ? text_hex_digit(*at) >= 0
                 : !number && ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z')))))
        at++;
    if (at == first || at == end || *at != ';')
        return refuse(scanner, "An ampersand stands alone; write &amp;.");
    scanner->at = at + 1;
    return true;
}

/* Whatever begins with '<'. */
static bool scan_markup(struct scanner *scanner)
{
    struct text rest = {scanner->at, (size_t)(scanner->end - scanner->at)};

    if (text_starts_with(rest, TEXT("<!--"))) {
        scanner->at += 4;
        return scan_until(scanner, "-->", "A comment is not closed; write --> behind it.");
    }
    if (text_starts_with(rest, TEXT("<![CDATA["))) {
        scanner->at += 9;
        scanner->said = true;
        return scan_until(scanner, "]]>", "A CDATA section is not closed; write ]]> behind it.");
    }
    if (text_starts_with(rest, TEXT("<!")) || text_starts_with(rest, TEXT("<?")))
        return refuse(scanner, "A narrative has no processing instructions and no document types; "
                               "leave them out.");
    if (text_starts_with(rest, TEXT("</")))
        return scan_end(scanner);
    return scan_start(scanner);
}

static bool scan_until(struct scanner *scanner, const char *closing, const char *problem)
{
    size_t size = strlen(closing);
    const char *found = memmem(scanner->at, (size_t)(scanner->end - scanner->at), closing, size);

    if (!found)
        return refuse(scanner, problem);
    scanner->at = found + size;
    return true;
}

static bool scan_start(struct scanner *scanner)
{
    struct text name;
    bool closed = false;

    scanner->at++;
    name = scan_name(scanner);
    if (name.size == 0)
        return refuse(scanner, "A '<' begins no tag; write &lt;.");
    if (!is_allowed_element(name))
        return refuse(scanner, "An element is not among those a narrative may have (text, lists, "
                               "tables, links and images without scripts, forms, frames or "
                               "objects); leave it out.");
    if (!scan_attributes(scanner, name, &closed))
        return false;
    scanner->said |= text_is(name, "img");
    if (closed)
        return true;
    if (scanner->depth == DEPTH_MAX)
        return refuse(scanner, "The elements nest too deeply; write the narrative flatter.");
    scanner->open[scanner->depth++] = name;
    return true;
}

static bool scan_end(struct scanner *scanner)
{
    struct text name;

    scanner->at += 2;
    name = scan_name(scanner);
    skip_space(scanner);
    if (scanner->at == scanner->end || *scanner->at != '>' || scanner->depth == 0 ||
        !text_equals(name, scanner->open[scanner->depth - 1]))
        return refuse(scanner, "An end tag does not fit the element that is open; close elements "
                               "in the order in which they were opened.");
    scanner->at++;
    scanner->depth--;
    return true;
}

/* Up to and with '>'. */
static bool scan_attributes(struct scanner *scanner, struct text element, bool *closed)
{
    const char *first = scanner->at;

    while (true) {
        const char *before = scanner->at;

        skip_space(scanner);
        if (scanner->at == scanner->end)
            return refuse(scanner, "A tag is not closed; write '>' behind it.");
        if (*scanner->at == '>') {
            scanner->at++;
            return true;
        }
        if (*scanner->at == '/') {
            if (scanner->end - scanner->at < 2 || scanner->at[1] != '>')
                return refuse(scanner, "A '/' stands alone in a tag; write '/>' at its end.");
            scanner->at += 2;
            *closed = true;
            return true;
        }
        if (before == scanner->at && before != first)
            return refuse(scanner, "Two attributes stand together; write a space between.");
        if (!scan_attribute(scanner, element))
            return false;
    }
}

static bool scan_attribute(struct scanner *scanner, struct text element)
{
    struct text name = scan_name(scanner), value;
    const char *closing;
    char quote;

    skip_space(scanner);
    if (name.size == 0 || scanner->at == scanner->end || *scanner->at != '=')
        return refuse(scanner, "An attribute is malformed; write name=\"value\".");
    scanner->at++;
    skip_space(scanner);
    quote = '\0';
    if (scanner->at < scanner->end)
        quote = *scanner->at++;
    if (quote != '"' && quote != '\'')
        return refuse(scanner, "The value of an attribute has no quotes; write name=\"value\".");
    closing = memchr(scanner->at, quote, (size_t)(scanner->end - scanner->at));
    if (!closing)
        return refuse(scanner, "The value of an attribute is not closed; write its second quote.");
    value = (struct text){scanner->at, (size_t)(closing - scanner->at)};
    if (!is_allowed_attribute(element, name))
        return refuse(scanner, "An attribute is not among those a narrative may have (no events, "
                               "nothing that is deprecated in HTML 4); leave it out.");
    if (!check_value(scanner, name, value))
        return false;
    scanner->at = closing + 1;
    return true;
}

/* Without `<` and stray `&`; no script as the target of a link. */
static bool check_value(struct scanner *scanner, struct text name, struct text value)
{
    static const char *const schemes[] = {"javascript:", "vbscript:"};
    struct text trimmed = text_trim(value);
    const char *at = value.data, *end = value.data + value.size;

    if (memchr(value.data, '<', value.size))
        return refuse(scanner, "The value of an attribute has a '<'; write &lt;.");
    while ((at = memchr(at, '&', (size_t)(end - at)))) {
        scanner->at = at;
        if (!scan_entity(scanner))
            return false;
        at = scanner->at;
        if (at > end)
            return refuse(scanner, "An ampersand stands alone; write &amp;.");
    }
    if (hides_scheme(name, trimmed))
        return refuse(scanner, "A link begins with a character reference or a control character, "
                               "which could hide a script; write it plainly.");
    for (size_t i = 0; i < COUNT(schemes); i++) {
        struct text scheme = text_of(schemes[i]);

        if (trimmed.size >= scheme.size &&
            text_equals_nocase((struct text){trimmed.data, scheme.size}, scheme))
            return refuse(scanner, "A link is a script; leave it out.");
    }
    if (text_is(name, "xmlns") && !text_is(value, "http://www.w3.org/1999/xhtml"))
        return refuse(scanner, "The namespace of the div must be http://www.w3.org/1999/xhtml.");
    return true;
}

/* Browsers take java&#115;cript: and "java\tscript:" for what they hide: none of this in front of
 * the first '/' or '?', where a scheme could be. */
static bool hides_scheme(struct text name, struct text link)
{
    bool hidden = false;

    if (!has_word("href src cite longdesc", name))
        return false;
    for (size_t i = 0; i < link.size && !hidden && link.data[i] != '/' && link.data[i] != '?'; i++)
        hidden = (unsigned char)link.data[i] < ' ' ||
                 (link.data[i] == '&' &&
                  !text_starts_with((struct text){link.data + i, link.size - i}, TEXT("&amp;")));
    return hidden;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ':' ||
           c == '-' || c == '_' || c == '.';
}

static struct text scan_name(struct scanner *scanner)
{
    const char *first = scanner->at;

    while (scanner->at < scanner->end && is_name_char(*scanner->at))
        scanner->at++;
    return (struct text){first, (size_t)(scanner->at - first)};
}

static void skip_space(struct scanner *scanner)
{
    while (scanner->at < scanner->end && is_space(*scanner->at))
        scanner->at++;
}

static bool is_allowed_element(struct text name)
{
    char letter = name.data[0];

    return letter >= 'a' && letter <= 'z' && elements[letter - 'a'] &&
           has_word(elements[letter - 'a'], name);
}

static bool is_allowed_attribute(struct text element, struct text name)
{
    if (has_word(common_attributes, name))
        return true;
    for (size_t i = 0; i < COUNT(own_attributes); i++)
        if (text_is(element, own_attributes[i].element))
            return has_word(own_attributes[i].attributes, name);
    return false;
}

/* Whether the word is one of those, which single spaces divide. */
static bool has_word(const char *words, struct text word)
{
    while (*words) {
        const char *end = strchrnul(words, ' ');

        if ((size_t)(end - words) == word.size && memcmp(words, word.data, word.size) == 0)
            return true;
        words = *end ? end + 1 : end;
    }
    return false;
}

/* The first problem stays. */
static bool refuse(struct scanner *scanner, const char *problem)
{
    if (!scanner->problem)
        scanner->problem = problem;
    return false;
}
