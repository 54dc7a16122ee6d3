/*
 * encode(), decode(), escape() and unescape() (FHIRPath 2.0, section 5.6).
 */

#include "fhir/fhirpath_functions.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/count.h"
#include "fhir/fhirpath_eval.h"
#include "fhir/fhirpath_value.h"
#include "fhir/json.h"

#define LONGEST_ESCAPE 6 /* of one character: &quot; */

/* Appends the result; false when the text is not of this format. */
typedef bool transform_fn(struct text text, struct buf *out);

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static bool encode_with(struct text text, const char *letters, struct buf *out)
{
    for (size_t i = 0; i < text.size; i += 3) {
        unsigned bits = 0;
        size_t count = text.size - i < 3 ? text.size - i : 3;

        for (size_t j = 0; j < 3; j++)
            bits = bits << 8 | (j < count ? (unsigned char)text.data[i + j] : 0U);
        for (size_t j = 0; j < 4; j++)
            buf_add_char(out, j <= count ? letters[bits >> (18 - 6 * j) & 63] : '=');
    }
    return true;
}

static bool decode_with(struct text text, const char *letters, struct buf *out)
{
    unsigned bits = 0, count = 0;

    while (text.size > 0 && text.data[text.size - 1] == '=')
        text.size--;
    for (size_t i = 0; i < text.size; i++) {
        const char *letter = text.data[i] ? strchr(letters, text.data[i]) : NULL;

        if (!letter)
            return false;
        bits = (bits << 6 | (unsigned)(letter - letters)) & 0xFFFFFF;
        count += 6;
        if (count >= 8) {
            count -= 8;
            buf_add_char(out, (char)(bits >> count & 0xFF));
        }
    }
    return true;
}

static bool encode_base64(struct text text, struct buf *out)
{
    return encode_with(text, alphabet, out);
}

static bool encode_url_base64(struct text text, struct buf *out)
{
    return encode_with(text, url_alphabet, out);
}

static bool decode_base64(struct text text, struct buf *out)
{
    return decode_with(text, alphabet, out);
}

static bool decode_url_base64(struct text text, struct buf *out)
{
    return decode_with(text, url_alphabet, out);
}

static bool encode_hex(struct text text, struct buf *out)
{
    for (size_t i = 0; i < text.size; i++)
        buf_printf(out, "%02x", (unsigned)(unsigned char)text.data[i]);
    return true;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

    return found ? (int)(found - digits) : -1;
}

static bool decode_hex(struct text text, struct buf *out)
{
    if (text.size % 2 != 0)
        return false;
    for (size_t i = 0; i < text.size; i += 2) {
        int high = hex_digit(text.data[i]), low = hex_digit(text.data[i + 1]);

        if (high < 0 || low < 0)
            return false;
        buf_add_char(out, (char)(high * 16 + low));
    }
    return true;
}

static const struct {
    char character;
    const char *name;
} entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};

static bool escape_html(struct text text, struct buf *out)
{
    for (size_t i = 0; i < text.size; i++) {
        const char *name = NULL;

        for (size_t j = 0; j < COUNT(entities); j++)
            name = text.data[i] == entities[j].character ? entities[j].name : name;
        if (name)
            buf_add_text(out, name);
        else
            buf_add_char(out, text.data[i]);
    }
    return true;
}

static bool unescape_html(struct text text, struct buf *out)
{
    for (size_t i = 0; i < text.size;) {
        struct text rest = {text.data + i, text.size - i};
        size_t taken = 0;

        for (size_t j = 0; j < COUNT(entities) && !taken; j++) {
            if (!text_starts_with(rest, text_of(entities[j].name)))
                continue;
            buf_add_char(out, entities[j].character);
            taken = strlen(entities[j].name);
        }
        if (!taken) {
            buf_add_char(out, text.data[i]);
            taken = 1;
        }
        i += taken;
    }
    return true;
}

/* Without the quotes. */
static bool escape_json(struct text text, struct buf *out)
{
    struct buf quoted = {0};

    json_write_string(&quoted, text.data, text.size);
    buf_add(out, quoted.data + 1, quoted.size - 2);
    buf_release(&quoted);
    return true;
}

static bool unescape_json(struct text text, struct buf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";

    for (size_t i = 0; i < text.size; i++) {
        const char *letter;

        if (text.data[i] != '\\') {
            buf_add_char(out, text.data[i]);
            continue;
        }
        i++;
        letter = i < text.size && text.data[i] ? strchr(from, text.data[i]) : NULL;
        if (!letter)
            return false;
        buf_add_char(out, to[letter - from]);
    }
    return true;
}

static const struct {
    const char *function, *format;
    transform_fn *run;
} transforms[] = {
    {"encode", "base64", encode_base64}, {"encode", "urlbase64", encode_url_base64},
    {"encode", "hex", encode_hex},       {"decode", "base64", decode_base64},
    {"decode", "hex", decode_hex},       {"decode", "urlbase64", decode_url_base64},
    {"escape", "html", escape_html},     {"escape", "json", escape_json},
    {"unescape", "html", unescape_html}, {"unescape", "json", unescape_json},
};

/* Empty when the format is unknown, or the result would be no text. */
bool function_transform(struct eval *eval, const struct expr *call, const struct scope *scope,
                        const struct list *focus, struct list *out)
{
    struct buf result = buf_in(eval->arena);
    struct fhirpath_value value;
    struct text format;
    bool found, done = false;

    if (!value_to_system(eval, &focus->items[0], &value) || value.kind != FHIRPATH_STRING)
        return eval_refuse(eval, "%s() works on strings", call->call.function->name);
    if (!eval_string_arg(eval, call, 0, scope, &format, &found))
        return false;
    if (!eval_text_step(eval, value.text) || !eval_memory(eval, value.text.size * LONGEST_ESCAPE))
        return false;
    for (size_t i = 0; found && i < COUNT(transforms); i++) {
        if (text_is(format, transforms[i].format) &&
            strcmp(call->call.function->name, transforms[i].function) == 0)
            done = transforms[i].run(value.text, &result);
    }
    size_t size = result.size;
    struct text text = {buf_text(&result), size};
    if (!done || !text_is_utf8(text))
        return true;
    return list_add_text(eval, out, FHIRPATH_STRING, text);
}
