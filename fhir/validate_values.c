/*
 * Values - what R4 datatypes.html says of them beside their format.
 */

#include "fhir/validate_walk.h"

#include "base/count.h"
#include "base/err.h"
#include "fhir/binding.h"
#include "fhir/narrative.h"
#include "fhir/terminology.h"

#include <ctype.h>

static bool is_scheme_char(char c, bool first);
static void check_system(struct walk *walk, const struct node *system, const char *what);
static size_t decoded_size(struct text base64);
static bool has_active_content(struct text text);

bool uri_is_absolute(struct text uri)
{
    size_t i = 0;

    while (i < uri.size && is_scheme_char(uri.data[i], i == 0))
        i++;
    return i > 0 && i < uri.size && uri.data[i] == ':';
}

/* RFC 3986 section 3.1. */
static bool is_scheme_char(char c, bool first)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return true;
    return !first && ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.');
}

/* R4 datatypes.html#Attachment: size is that of the data before it is base64 encoded. */
void attachment_check(struct walk *walk, const struct node *attachment)
{
    struct text data = node_value(attachment, "data");
    const struct node *size = node_child(attachment, "size");
    int64_t stated;

    if (data.data && size && text_to_int64(size->value, 0, INT32_MAX, &stated) &&
        (size_t)stated != decoded_size(data))
        issue_add_at(walk->issues, ISSUE_ERROR, "invalid", size,
                     "The size stated is not that of the data, which has %zu bytes; correct one "
                     "of them.",
                     decoded_size(data));
}

static size_t decoded_size(struct text base64)
{
    size_t digits = 0;

    for (size_t i = 0; i < base64.size; i++)
        digits += (unsigned char)base64.data[i] > ' ' && base64.data[i] != '=';
    return digits * 3 / 4;
}

void coding_value_check(struct walk *walk, const struct node *coding)
{
    const struct definitions *definitions = walk->validation->definitions;
    const struct node *system = node_child(coding, "system");

    if (!system)
        return;
    check_system(walk, system, "a code system");
    if (!definitions)
        return;
    if (value_set_is_known(definitions, system->value) &&
        !code_system_is_known(definitions, system->value))
        issue_add_at(walk->issues, ISSUE_ERROR, "invalid", system,
                     "This is the url of a value set; write the url of the code system that "
                     "defines the code.");
    else
        coding_check(definitions, coding,
                     walk->validation->refuse_displays ? ISSUE_ERROR : ISSUE_WARNING, walk->issues);
}

void identifier_check(struct walk *walk, const struct node *identifier)
{
    const struct node *system = node_child(identifier, "system");

    if (system)
        check_system(walk, system, "a system of identifiers");
}

/* R4 valueset-definitions.html#ValueSet.compose.include.system: an absolute URI; a code system that
 * is contained is named by its own url, too. */
void value_set_include_check(struct walk *walk, const struct node *include)
{
    const struct node *system = node_child(include, "system");

    if (system)
        check_system(walk, system, "a code system");
}

/* R4 datatypes.html#Coding, #Identifier: a URI; nothing says relative to what it could be. */
static void check_system(struct walk *walk, const struct node *system, const char *what)
{
    if (system->value.size > 0 && !uri_is_absolute(system->value))
        issue_add_at(walk->issues, ISSUE_ERROR, "invalid", system,
                     "The url of %s must be absolute; write all of it, with its scheme.", what);
}

/* RFC 2606: what is at these hosts is made up. */
void uri_check(struct walk *walk, const struct node *uri)
{
    static const char *const hosts[] = {"example.org", "example.com", "example.net"};
    const char *host = uri->value.data ? memmem(uri->value.data, uri->value.size, "://", 3) : NULL;
    struct text rest, name, path;

    if (!walk->validation->refuse_examples || !host)
        return;
    rest = (struct text){host + 3, (size_t)(uri->value.data + uri->value.size - host) - 3};
    if (!text_split(rest, '/', &name, &path))
        name = rest;
    for (size_t i = 0; i < COUNT(hosts); i++)
        if (text_ends_with(name, text_of(hosts[i])))
            issue_add_at(walk->issues, ISSUE_ERROR, "business-rule", uri,
                         "This is the url of an example (%s); write the real one.", hosts[i]);
}

/* R4 datatypes.html#string: there should be more than white space. R4 security.html#narrative:
 * active content is a way to attack whoever shows it. */
void string_check(struct walk *walk, const struct node *string)
{
    if (string->value.size > 0 && isspace((unsigned char)string->value.data[0]) &&
        text_trim(string->value).size == 0)
        issue_add_at(walk->issues, ISSUE_WARNING, "value", string,
                     "This string is white space only, which may be lost on the way; write "
                     "something, or leave it out.");
    if (string->value.size > 0 && has_active_content(string->value))
        issue_add_at(walk->issues, ISSUE_ERROR, "security", string,
                     "This text has an HTML element that is active content; leave the element out, "
                     "since text is shown as it is.");
}

static bool has_active_content(struct text text)
{
    static const char *const tags[] = {"<script", "<iframe", "<object", "<embed", "<applet"};
    const char *at = text.data, *end = text.data + text.size;

    while ((at = memchr(at, '<', (size_t)(end - at)))) {
        bool opens = end - at > 1 && isalpha((unsigned char)at[1]);

        for (size_t i = 0; opens && i < COUNT(tags); i++) {
            struct text tag = text_of(tags[i]);

            if ((size_t)(end - at) >= tag.size &&
                text_equals_nocase((struct text){at, tag.size}, tag))
                return true;
        }
        at++;
    }
    return false;
}

/* The invariants txt-1 and txt-2, with what is wrong. */
void narrative_element_check(struct walk *walk, const struct node *div)
{
    struct narrative_finding finding;

    if (!div->value.data)
        return;
    narrative_check(div->value, &finding);
    if (!finding.fine)
        issue_add_at(walk->issues, ISSUE_ERROR, "invariant", div, "%s is not met. %s",
                     finding.empty ? "txt-2" : "txt-1", finding.problem);
    else if (!memmem(div->value.data, div->value.size, "http://www.w3.org/1999/xhtml", 28))
        issue_add_at(
            walk->issues, ISSUE_WARNING, "structure", div,
            "The div is in no namespace; write <div xmlns=\"http://www.w3.org/1999/xhtml\">, "
            "without which it is no XHTML.");
}
