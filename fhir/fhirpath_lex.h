#pragma once

/*
 * FHIRPath's tokens (FHIRPath 2.0, section "Lexical Elements").
 */

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

enum token_kind {
    TOKEN_END,
    TOKEN_NAME,      /* an identifier or keyword */
    TOKEN_DELIMITED, /* an identifier in backticks; never a keyword */
    TOKEN_STRING,
    TOKEN_NUMBER,
    TOKEN_DATE,     /* as written, without the @ */
    TOKEN_DATETIME, /* has a T */
    TOKEN_TIME,     /* without the @T */
    TOKEN_SPECIAL,  /* $this, $index, $total: the text behind the $ */
    TOKEN_VARIABLE, /* %name: the text behind the % */
    TOKEN_SYMBOL,   /* an operator or a bracket */
};

struct token {
    enum token_kind kind;
    struct text text; /* escapes resolved; borrowed from the expression or the arena */
    size_t at;        /* offset in the expression */
};

struct lexer {
    struct arena *arena; /* borrowed */
    struct text input;   /* borrowed */
    size_t at;
    struct token token; /* the current one */
};

/* Moves on to the next token. False with ERR_INVALID for what is none. */
bool lexer_next(struct lexer *lexer, struct err *err);

/* Whether the current token is this symbol or keyword. */
bool lexer_is(const struct lexer *lexer, const char *text);

/* Fills `err` with ERR_INVALID and a position; returns false. */
bool lexer_refuse(const struct lexer *lexer, size_t at, const char *what, struct err *err);
