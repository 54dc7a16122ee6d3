/*
 * FHIRPath's tokens - one at a time, with escapes resolved.
 */

#include "fhir/fhirpath_lex.h"

#include "base/buf.h"
#include "base/count.h"

#include <ctype.h>

static bool skip_blanks(struct lexer *lexer, struct err *err);
static bool next_quoted(struct lexer *lexer, enum token_kind kind, struct err *err);
static bool next_at(struct lexer *lexer, struct err *err);
static bool next_special(struct lexer *lexer, struct err *err);
static bool next_variable(struct lexer *lexer, struct err *err);
static void next_number(struct lexer *lexer);
static bool next_symbol(struct lexer *lexer, struct err *err);
static bool unescape(struct lexer *lexer, struct buf *out, struct err *err);
static void add_code_point(struct buf *out, unsigned code);
static size_t name_length(struct text input, size_t at);

static int peek(const struct lexer *lexer, size_t ahead)
{
    size_t at = lexer->at + ahead;

    return at < lexer->input.size ? (unsigned char)lexer->input.data[at] : -1;
}

static void take(struct lexer *lexer, enum token_kind kind, size_t size)
{
    lexer->token.kind = kind;
    lexer->token.text = (struct text){lexer->input.data + lexer->at, size};
    lexer->at += size;
}

bool lexer_next(struct lexer *lexer, struct err *err)
{
    size_t size;
    int c;

    if (!skip_blanks(lexer, err))
        return false;
    lexer->token.at = lexer->at;
    c = peek(lexer, 0);
    if (c < 0) {
        take(lexer, TOKEN_END, 0);
        return true;
    }
    if (c == '\'')
        return next_quoted(lexer, TOKEN_STRING, err);
    if (c == '`' || c == '"')
        return next_quoted(lexer, TOKEN_DELIMITED, err);
    if (c == '@')
        return next_at(lexer, err);
    if (c == '$')
        return next_special(lexer, err);
    if (c == '%')
        return next_variable(lexer, err);
    if (isdigit(c)) {
        next_number(lexer);
        return true;
    }
    size = name_length(lexer->input, lexer->at);
    if (size > 0) {
        take(lexer, TOKEN_NAME, size);
        return true;
    }
    return next_symbol(lexer, err);
}

bool lexer_is(const struct lexer *lexer, const char *text)
{
    return (lexer->token.kind == TOKEN_NAME || lexer->token.kind == TOKEN_SYMBOL) &&
           text_is(lexer->token.text, text);
}

bool lexer_refuse(const struct lexer *lexer, size_t at, const char *what, struct err *err)
{
    unsigned line = 1, column = 1;

    for (size_t i = 0; i < at && i < lexer->input.size; i++) {
        column++;
        if (lexer->input.data[i] == '\n') {
            line++;
            column = 1;
        }
    }
    return err_set(err, ERR_INVALID, NULL, "FHIRPath, line %u, column %u: %s.", line, column, what);
}

/* White space and both kinds of comments. */
static bool skip_blanks(struct lexer *lexer, struct err *err)
{
    for (;;) {
        int c = peek(lexer, 0);

        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            lexer->at++;
        } else if (c == '/' && peek(lexer, 1) == '/') {
            while (peek(lexer, 0) >= 0 && peek(lexer, 0) != '\n')
                lexer->at++;
        } else if (c == '/' && peek(lexer, 1) == '*') {
            size_t start = lexer->at;

            for (lexer->at += 2; peek(lexer, 0) != '*' || peek(lexer, 1) != '/'; lexer->at++) {
                if (peek(lexer, 0) < 0)
                    return lexer_refuse(lexer, start, "a comment that does not end", err);
            }
            lexer->at += 2;
        } else {
            return true;
        }
    }
}

/* Strings in single quotes, identifiers in backticks (or, as FHIRPath 1 had
 * them, in double quotes). */
static bool next_quoted(struct lexer *lexer, enum token_kind kind, struct err *err)
{
    struct buf out = buf_in(lexer->arena);
    int quote = peek(lexer, 0);

    for (lexer->at++; peek(lexer, 0) != quote;) {
        int c = peek(lexer, 0);

        if (c < 0)
            return lexer_refuse(lexer, lexer->token.at, "a quote that does not end", err);
        lexer->at++;
        if (c != '\\')
            buf_add_char(&out, (char)c);
        else if (!unescape(lexer, &out, err))
            return false;
    }
    lexer->at++;
    lexer->token.kind = kind;
    lexer->token.text.size = out.size;
    lexer->token.text.data = buf_text(&out);
    return true;
}

/* What follows a backslash. */
static bool unescape(struct lexer *lexer, struct buf *out, struct err *err)
{
    static const char from[] = "\\/'\"`ftnr", to[] = "\\/'\"`\f\t\n\r";
    int c = peek(lexer, 0);
    const char *found = c > 0 ? strchr(from, c) : NULL;
    unsigned code = 0;

    if (found) {
        buf_add_char(out, to[found - from]);
        lexer->at++;
        return true;
    }
    if (c != 'u')
        return lexer_refuse(lexer, lexer->at, "an unknown escape", err);
    for (size_t i = 1; i <= 4; i++) {
        int digit = peek(lexer, i);

        if (digit < 0 || !isxdigit(digit))
            return lexer_refuse(lexer, lexer->at, "\\u needs four hexadecimal digits", err);
        code = code * 16 + (unsigned)(isdigit(digit) ? digit - '0' : (digit | 0x20) - 'a' + 10);
    }
    if (code == 0 || (code >= 0xD800 && code < 0xE000))
        return lexer_refuse(lexer, lexer->at, "\\u with a code that is no character", err);
    add_code_point(out, code);
    lexer->at += 5;
    return true;
}

static void add_code_point(struct buf *out, unsigned code)
{
    if (code < 0x80) {
        buf_add_char(out, (char)code);
    } else if (code < 0x800) {
        buf_add_char(out, (char)(0xC0 | code >> 6));
        buf_add_char(out, (char)(0x80 | (code & 0x3F)));
    } else {
        buf_add_char(out, (char)(0xE0 | code >> 12));
        buf_add_char(out, (char)(0x80 | (code >> 6 & 0x3F)));
        buf_add_char(out, (char)(0x80 | (code & 0x3F)));
    }
}

static size_t digits_at(const struct lexer *lexer, size_t ahead)
{
    size_t count = 0;

    while (isdigit(peek(lexer, ahead + count)))
        count++;
    return count;
}

/* hh[:mm[:ss[.fff]]], returns its length. */
static size_t time_length(const struct lexer *lexer, size_t ahead)
{
    size_t start = ahead;

    if (digits_at(lexer, ahead) != 2)
        return 0;
    ahead += 2;
    for (int part = 0; part < 2; part++) {
        if (peek(lexer, ahead) != ':' || digits_at(lexer, ahead + 1) != 2)
            return ahead - start;
        ahead += 3;
    }
    if (peek(lexer, ahead) == '.' && digits_at(lexer, ahead + 1) > 0)
        ahead += 1 + digits_at(lexer, ahead + 1);
    return ahead - start;
}

/* Z, +hh:mm or -hh:mm. */
static size_t zone_length(const struct lexer *lexer, size_t ahead)
{
    int c = peek(lexer, ahead);

    if (c == 'Z')
        return 1;
    if ((c == '+' || c == '-') && digits_at(lexer, ahead + 1) == 2 &&
        peek(lexer, ahead + 3) == ':' && digits_at(lexer, ahead + 4) == 2)
        return 6;
    return 0;
}

/* @2015-02-04, @2015-02T, @2015-02-04T14:34:28.123Z, @T14:34. */
static bool next_at(struct lexer *lexer, struct err *err)
{
    size_t size;

    lexer->at++;
    if (peek(lexer, 0) == 'T') {
        lexer->at++;
        size = time_length(lexer, 0);
        if (size == 0)
            return lexer_refuse(lexer, lexer->token.at, "a malformed time", err);
        if (zone_length(lexer, size) > 0)
            return lexer_refuse(lexer, lexer->token.at, "a time of day has no zone", err);
        take(lexer, TOKEN_TIME, size);
        return true;
    }
    if (digits_at(lexer, 0) != 4)
        return lexer_refuse(lexer, lexer->token.at, "a malformed date", err);
    size = 4;
    for (int part = 0; part < 2; part++) {
        if (peek(lexer, size) != '-' || digits_at(lexer, size + 1) != 2)
            break;
        size += 3;
    }
    if (peek(lexer, size) != 'T') {
        take(lexer, TOKEN_DATE, size);
        return true;
    }
    size++;
    size_t time = time_length(lexer, size);
    size += time;
    if (time > 0)
        size += zone_length(lexer, size);
    take(lexer, TOKEN_DATETIME, size);
    return true;
}

static bool next_special(struct lexer *lexer, struct err *err)
{
    size_t size;

    lexer->at++;
    size = name_length(lexer->input, lexer->at);
    if (size == 0)
        return lexer_refuse(lexer, lexer->token.at, "$ needs a name: $this, $index or $total", err);
    take(lexer, TOKEN_SPECIAL, size);
    return true;
}

/* %resource, %`vs-name`, %'vs-name'; and %vs-name as FHIR R4 writes it. */
static bool next_variable(struct lexer *lexer, struct err *err)
{
    size_t size;
    int c;

    lexer->at++;
    c = peek(lexer, 0);
    if (c == '`' || c == '\'' || c == '"')
        return next_quoted(lexer, TOKEN_VARIABLE, err);
    size = name_length(lexer->input, lexer->at);
    if (size == 0)
        return lexer_refuse(lexer, lexer->token.at, "% needs a name, such as %resource", err);
    if (size == 2 && peek(lexer, 2) == '-' && memcmp(lexer->input.data + lexer->at, "vs", 2) == 0) {
        while (isalnum(peek(lexer, size)) || peek(lexer, size) == '-')
            size++;
    }
    take(lexer, TOKEN_VARIABLE, size);
    return true;
}

static void next_number(struct lexer *lexer)
{
    size_t size = digits_at(lexer, 0);

    if (peek(lexer, size) == '.' && digits_at(lexer, size + 1) > 0)
        size += 1 + digits_at(lexer, size + 1);
    take(lexer, TOKEN_NUMBER, size);
}

static bool next_symbol(struct lexer *lexer, struct err *err)
{
    static const char *const symbols[] = {"<=", ">=", "!=", "!~", "<", ">", "=", "~",
                                          "+",  "-",  "*",  "/",  "|", "&", "(", ")",
                                          "[",  "]",  "{",  "}",  ".", ","};

    for (size_t i = 0; i < COUNT(symbols); i++) {
        size_t size = strlen(symbols[i]);

        if (lexer->input.size - lexer->at >= size &&
            memcmp(lexer->input.data + lexer->at, symbols[i], size) == 0) {
            take(lexer, TOKEN_SYMBOL, size);
            return true;
        }
    }
    return lexer_refuse(lexer, lexer->at, "an unexpected character", err);
}

static size_t name_length(struct text input, size_t at)
{
    size_t i = at;

    while (i < input.size) {
        int c = (unsigned char)input.data[i];

        if (!(isalpha(c) || c == '_' || (i > at && isdigit(c))))
            break;
        i++;
    }
    return i - at;
}
