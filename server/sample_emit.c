/*
 * Emit - writes FHIR JSON straight into a buf.
 */

#include "server/sample_emit.h"

#include "base/clock.h"
#include "base/err.h"
#include "server/sample_systems.h"

static void separate(struct emit *emit);
static void add_digits(struct buf *out, int64_t number, int width);
static void add_date(struct buf *out, int days);
static bool is_summer(int days, int hour);

void emit_open(struct emit *emit, char bracket)
{
    separate(emit);
    buf_add_char(&emit->out, bracket);
    emit->comma = false;
}

static void separate(struct emit *emit)
{
    if (emit->comma)
        buf_add_char(&emit->out, ',');
    emit->comma = true;
}

void emit_close(struct emit *emit, char bracket)
{
    buf_add_char(&emit->out, bracket);
    emit->comma = true;
}

void emit_key(struct emit *emit, const char *key)
{
    separate(emit);
    buf_add_char(&emit->out, '"');
    buf_add_text(&emit->out, key);
    buf_add(&emit->out, "\":", 2);
    emit->comma = false;
}

void emit_text(struct emit *emit, const char *text)
{
    separate(emit);
    buf_add_char(&emit->out, '"');
    buf_add_text(&emit->out, text);
    buf_add_char(&emit->out, '"');
}

void emit_joined(struct emit *emit, const char *a, const char *b, const char *c, const char *d)
{
    const char *parts[] = {a, b, c, d};

    separate(emit);
    buf_add_char(&emit->out, '"');
    for (int i = 0; i < 4 && parts[i]; i++)
        buf_add_text(&emit->out, parts[i]);
    buf_add_char(&emit->out, '"');
}

void emit_number(struct emit *emit, int64_t number, int decimals)
{
    int64_t unit = 1;

    separate(emit);
    if (number < 0) {
        buf_add_char(&emit->out, '-');
        number = -number;
    }
    for (int i = 0; i < decimals; i++)
        unit *= 10;
    add_digits(&emit->out, number / unit, 1);
    if (decimals > 0) {
        buf_add_char(&emit->out, '.');
        add_digits(&emit->out, number % unit, decimals);
    }
}

void emit_raw(struct emit *emit, const char *json)
{
    separate(emit);
    buf_add_text(&emit->out, json);
}

/* At least `width` digits, zeros in front. */
static void add_digits(struct buf *out, int64_t number, int width)
{
    char digits[20];
    int count = 0;

    for (; number > 0 || count < width; number /= 10)
        digits[sizeof(digits) - (size_t)++count] = (char)('0' + number % 10);
    buf_add(out, digits + sizeof(digits) - count, (size_t)count);
}

void emit_member(struct emit *emit, const char *key, const char *text)
{
    emit_key(emit, key);
    emit_text(emit, text);
}

void emit_count(struct emit *emit, const char *key, int64_t number)
{
    emit_key(emit, key);
    emit_number(emit, number, 0);
}

void emit_bool(struct emit *emit, const char *key, bool value)
{
    emit_key(emit, key);
    separate(emit);
    buf_add_text(&emit->out, value ? "true" : "false");
}

void emit_begin(struct emit *emit, const char *key, char bracket)
{
    if (key)
        emit_key(emit, key);
    emit_open(emit, bracket);
}

void emit_date(struct emit *emit, const char *key, int days)
{
    emit_key(emit, key);
    separate(emit);
    buf_add_char(&emit->out, '"');
    add_date(&emit->out, days);
    buf_add_char(&emit->out, '"');
}

static void add_date(struct buf *out, int days)
{
    int year, month, day;

    clock_civil(days, &year, &month, &day);
    add_digits(out, year, 4);
    buf_add_char(out, '-');
    add_digits(out, month, 2);
    buf_add_char(out, '-');
    add_digits(out, day, 2);
}

void emit_time(struct emit *emit, const char *key, int64_t minutes, int offset)
{
    int days = (int)(minutes / 1440), hour = (int)(minutes / 60 % 24);
    struct buf *out = &emit->out;

    if (is_summer(days, hour))
        offset += 60;
    emit_key(emit, key);
    separate(emit);
    buf_add_char(out, '"');
    add_date(out, days);
    buf_add_char(out, 'T');
    add_digits(out, hour, 2);
    buf_add_char(out, ':');
    add_digits(out, minutes % 60, 2);
    buf_add(out, ":00-", 4);
    add_digits(out, -offset / 60, 2);
    buf_add(out, ":00\"", 4);
}

/* From the second Sunday of March to the first of November, at two o'clock,
 * the rule since 2007. Earlier times are written as if it had been in force. */
static bool is_summer(int days, int hour)
{
    int year, month, day;
    int last_sunday; /* the day of the month, perhaps before the first */

    clock_civil(days, &year, &month, &day);
    if (month != 3 && month != 11)
        return month > 3 && month < 11;
    last_sunday = day - (days + 4) % 7; /* 1970-01-01 was a Thursday */
    if (last_sunday == day && hour < 2)
        last_sunday -= 7;
    return month == 3 ? last_sunday >= 8 : last_sunday < 1;
}

void emit_coding(struct emit *emit, const char *system, const char *code, const char *display)
{
    emit_open(emit, '{');
    emit_member(emit, "system", system);
    emit_member(emit, "code", code);
    if (display)
        emit_member(emit, "display", display);
    emit_close(emit, '}');
}

void emit_concept(struct emit *emit, const char *key, const char *system, const char *code,
                  const char *display)
{
    emit_begin(emit, key, '{');
    emit_begin(emit, "coding", '[');
    emit_coding(emit, system, code, display);
    emit_close(emit, ']');
    if (display)
        emit_member(emit, "text", display);
    emit_close(emit, '}');
}

void emit_concepts(struct emit *emit, const char *key, const char *system, const char *code,
                   const char *display)
{
    emit_begin(emit, key, '[');
    emit_open(emit, '{');
    emit_begin(emit, "coding", '[');
    emit_coding(emit, system, code, display);
    emit_close(emit, ']');
    emit_close(emit, '}');
    emit_close(emit, ']');
}

void emit_quantity(struct emit *emit, const char *key, int64_t number, int decimals,
                   const char *unit, const char *ucum)
{
    emit_begin(emit, key, '{');
    emit_key(emit, "value");
    emit_number(emit, number, decimals);
    emit_member(emit, "unit", unit);
    if (ucum) {
        emit_member(emit, "system", SYSTEM_URL_UCUM);
        emit_member(emit, "code", ucum);
    }
    emit_close(emit, '}');
}
