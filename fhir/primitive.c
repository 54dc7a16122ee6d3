/*
 * Primitives - see primitive.h. Hand-written matchers for the regular
 * expressions of R4 datatypes.html, made stricter where its text is:
 * dates must exist, base64 is padded at its end only, codes have single
 * spaces, strings no control characters.
 */

#include "fhir/primitive.h"

#include "base/err.h"
#include "base/uuid.h"
#include "fhir/json_bytes.h"

#include <limits.h>

/* R4 datatypes.html#string: 1024 * 1024 characters. */
#define STRING_MAX ((size_t)1024 * 1024)

typedef bool(matcher_fn)(struct text value);

static bool is_string(struct text value);
static bool has_plain_letters(struct text value);
static size_t count_characters(struct text value);
static bool is_xhtml(struct text value);
static bool is_uri(struct text value);
static bool is_code(struct text value);
static bool is_id(struct text value);
static bool is_oid(struct text value);
static bool is_uuid(struct text value);
static bool is_base64(struct text value);
static bool is_boolean(struct text value);
static bool is_decimal(struct text value);
static bool is_integer(struct text value);
static bool is_positive_int(struct text value);
static bool is_unsigned_int(struct text value);
static bool is_date(struct text value);
static bool is_date_time(struct text value);
static bool is_instant(struct text value);
static bool is_time(struct text value);

static matcher_fn *const matchers[] = {
    [PRIMITIVE_BASE64BINARY] = is_base64,
    [PRIMITIVE_BOOLEAN] = is_boolean,
    [PRIMITIVE_CANONICAL] = is_uri,
    [PRIMITIVE_CODE] = is_code,
    [PRIMITIVE_DATE] = is_date,
    [PRIMITIVE_DATETIME] = is_date_time,
    [PRIMITIVE_DECIMAL] = is_decimal,
    [PRIMITIVE_ID] = is_id,
    [PRIMITIVE_INSTANT] = is_instant,
    [PRIMITIVE_INTEGER] = is_integer,
    [PRIMITIVE_MARKDOWN] = is_string,
    [PRIMITIVE_OID] = is_oid,
    [PRIMITIVE_POSITIVEINT] = is_positive_int,
    [PRIMITIVE_STRING] = is_string,
    [PRIMITIVE_TIME] = is_time,
    [PRIMITIVE_UNSIGNEDINT] = is_unsigned_int,
    [PRIMITIVE_URI] = is_uri,
    [PRIMITIVE_URL] = is_uri,
    [PRIMITIVE_UUID] = is_uuid,
    [PRIMITIVE_XHTML] = is_xhtml,
};

bool primitive_is_valid(enum primitive primitive, struct text value)
{
    matcher_fn *matches = matchers[primitive];

    return matches && value.data && matches(value);
}

/* "[ \r\n\t\S]+" */
static bool is_string(struct text value)
{
    return value.size > 0 && (value.size <= STRING_MAX || count_characters(value) <= STRING_MAX) &&
           has_plain_letters(value);
}

/* Of control characters only tabs and line ends. */
static bool has_plain_letters(struct text value)
{
    const char *at = value.data, *end = value.data + value.size;

    while ((at = json_unescaped_end(at, end)) < end) {
        if ((unsigned char)*at < 0x20 && *at != '\t' && *at != '\n' && *at != '\r')
            return false;
        at++;
    }
    return true;
}

static size_t count_characters(struct text value)
{
    size_t count = 0;

    for (size_t i = 0; i < value.size; i++)
        count += ((unsigned char)value.data[i] & 0xc0) != 0x80;
    return count;
}

/* What may stand in it is for the invariants of Narrative to say. */
static bool is_xhtml(struct text value)
{
    return has_plain_letters(value);
}

/* "\S*" */
static bool is_uri(struct text value)
{
    for (size_t i = 0; i < value.size; i++)
        if ((unsigned char)value.data[i] <= ' ')
            return false;
    return value.size > 0;
}

/* "[^\s]+(\s[^\s]+)*", the white space being single spaces. */
static bool is_code(struct text value)
{
    bool after_space = true;

    for (size_t i = 0; i < value.size; i++) {
        unsigned char c = (unsigned char)value.data[i];

        if (c < ' ' || (c == ' ' && after_space))
            return false;
        after_space = c == ' ';
    }
    return !after_space;
}

/* "[A-Za-z0-9\-\.]{1,64}" */
static bool is_id(struct text value)
{
    for (size_t i = 0; i < value.size; i++) {
        char c = value.data[i];

        if ((!json_is_name_char(c) || c == '_') && c != '-' && c != '.')
            return false;
    }
    return value.size >= 1 && value.size <= 64;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "urn:oid:[0-2](\.(0|[1-9][0-9]*))+" */
static bool is_oid(struct text value)
{
    size_t i = 9;

    if (value.size < 11 || memcmp(value.data, "urn:oid:", 8) != 0 || value.data[8] < '0' ||
        value.data[8] > '2')
        return false;
    while (i < value.size) {
        if (value.data[i++] != '.' || i == value.size || !is_digit(value.data[i]))
            return false;
        if (value.data[i++] == '0')
            continue;
        while (i < value.size && is_digit(value.data[i]))
            i++;
    }
    return true;
}

/* "urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}" */
static bool is_uuid(struct text value)
{
    const struct text prefix = TEXT("urn:uuid:");
    unsigned char bytes[UUID_BYTES];

    return text_starts_with(value, prefix) &&
           uuid_read((struct text){value.data + prefix.size, value.size - prefix.size}, bytes);
}

/* Groups of four; white space may stand between them; padding ends the last. */
static bool is_base64(struct text value)
{
    unsigned letters = 0, padding = 0;
    bool any = false;

    for (size_t i = 0; i < value.size; i++) {
        char c = value.data[i];

        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            if ((letters + padding) % 4 != 0)
                return false;
        } else if (c == '=') {
            padding++;
        } else if (padding > 0 || ((!json_is_name_char(c) || c == '_') && c != '+' && c != '/')) {
            return false;
        } else {
            any = true;
            letters = (letters + 1) % 4;
        }
    }
    return any && padding <= 2 && (letters + padding) % 4 == 0;
}

static bool is_boolean(struct text value)
{
    return text_is(value, "true") || text_is(value, "false");
}

static size_t skip_digits(struct text value, size_t i)
{
    while (i < value.size && is_digit(value.data[i]))
        i++;
    return i;
}

/* "-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?" */
static bool is_decimal(struct text value)
{
    size_t i = value.size > 0 && value.data[0] == '-', begin = i;

    i = skip_digits(value, i);
    if (i == begin || (i > begin + 1 && value.data[begin] == '0'))
        return false;
    if (i < value.size && value.data[i] == '.') {
        begin = i + 1;
        i = skip_digits(value, begin);
        if (i == begin)
            return false;
    }
    if (i < value.size && (value.data[i] | 0x20) == 'e') {
        i++;
        if (i < value.size && (value.data[i] == '+' || value.data[i] == '-'))
            i++;
        begin = i;
        i = skip_digits(value, begin);
        if (i == begin)
            return false;
    }
    return i == value.size;
}

/* No sign but '-', no leading zeros, 32 bits. */
static bool is_integer_within(struct text value, int64_t min, int64_t max)
{
    bool negative = value.size > 0 && value.data[0] == '-';
    size_t begin = negative ? 1 : 0;
    int64_t number = 0;

    if (value.size == begin || value.size > 11 ||
        (value.data[begin] == '0' && value.size > begin + 1))
        return false;
    for (size_t i = begin; i < value.size; i++) {
        if (!is_digit(value.data[i]))
            return false;
        number = number * 10 + (value.data[i] - '0');
    }
    if (negative && min >= 0)
        return false;
    if (negative)
        number = -number;
    return number >= min && number <= max;
}

static bool is_integer(struct text value)
{
    return is_integer_within(value, INT32_MIN, INT32_MAX);
}

static bool is_positive_int(struct text value)
{
    return is_integer_within(value, 1, INT32_MAX);
}

static bool is_unsigned_int(struct text value)
{
    return is_integer_within(value, 0, INT32_MAX);
}

static bool is_date(struct text value)
{
    struct date_value date;

    return date_parse(value, &date) && date.precision <= DATE_DAY;
}

static bool is_date_time(struct text value)
{
    struct date_value date;

    return date_parse(value, &date) &&
           (date.precision <= DATE_DAY || (date.precision >= DATE_SECOND && date.has_zone));
}

static bool is_instant(struct text value)
{
    struct date_value date;

    return date_parse(value, &date) && date.precision >= DATE_SECOND && date.has_zone;
}

/* "([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?": a dateTime's
 * part without its day and zone. */
static bool is_time(struct text value)
{
    struct date_value date;
    char day[64] = "2000-01-01T";

    if (value.size < 8 || value.size > sizeof(day) - 11)
        return false;
    memcpy(day + 11, value.data, value.size);
    return date_parse((struct text){day, value.size + 11}, &date) && !date.has_zone &&
           date.precision >= DATE_SECOND;
}
