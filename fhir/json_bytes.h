#pragma once

/*
 * JSON bytes - what the reader, the writer and the tree know together about
 * the letters of JSON: which bytes a string may hold as they are, and which
 * kind of JSON value each primitive type has.
 *
 * Sixteen bytes are looked at together where the processor has SSE2 (every
 * x86-64), eight elsewhere.
 */

#include "fhir/type.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum json_kind { JSON_STRING, JSON_NUMBER, JSON_BOOLEAN };

/* R4 json.html#primitive. */
static inline enum json_kind json_kind_of(uint8_t primitive)
{
    switch (primitive) {
    case PRIMITIVE_BOOLEAN:
        return JSON_BOOLEAN;
    case PRIMITIVE_DECIMAL:
    case PRIMITIVE_INTEGER:
    case PRIMITIVE_POSITIVEINT:
    case PRIMITIVE_UNSIGNEDINT:
        return JSON_NUMBER;
    default:
        return JSON_STRING;
    }
}

static inline bool json_is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Must be escaped in a JSON string. */
static inline bool json_is_special(char c)
{
    return (unsigned char)c < 0x20 || c == '"' || c == '\\';
}

/* The high bit of every byte of `word` that is below `limit` (at most 0x80).
 * Exact up to and including the lowest such byte, which is all we ask. */
static inline uint64_t json_bytes_below(uint64_t word, uint8_t limit)
{
    return (word - limit * 0x0101010101010101U) & ~word & 0x8080808080808080U;
}

static inline uint64_t json_bytes_equal(uint64_t word, uint8_t byte)
{
    return json_bytes_below(word ^ (byte * 0x0101010101010101U), 1);
}

/* Where the run of plain bytes ends: at the first byte that is special or not
 * ASCII, or at `end`. */
static inline const char *json_plain_end_portable(const char *at, const char *end)
{
    while (end - at >= 8) {
        uint64_t word;

        memcpy(&word, at, 8);
        if ((json_bytes_below(word, 0x20) | json_bytes_equal(word, '"') |
             json_bytes_equal(word, '\\') | (word & 0x8080808080808080U)) != 0)
            break;
        at += 8;
    }
    while (at < end && !json_is_special(*at) && (unsigned char)*at < 0x80)
        at++;
    return at;
}

static inline const char *json_plain_end(const char *at, const char *end)
{
#ifdef __SSE2__
    while (end - at >= 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)at);
        /* Compared as signed numbers, whatever is not ASCII is below a space too. */
        __m128i stop = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                                 _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
                                    _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)));
        unsigned mask = (unsigned)_mm_movemask_epi8(stop);

        if (mask != 0)
            return at + __builtin_ctz(mask);
        at += 16;
    }
#endif
    return json_plain_end_portable(at, end);
}

/* Where the run of bytes ends that a JSON string may hold unescaped: at the
 * first special byte, or at `end`. */
static inline const char *json_unescaped_end_portable(const char *at, const char *end)
{
    while (end - at >= 8) {
        uint64_t word;

        memcpy(&word, at, 8);
        if ((json_bytes_below(word, 0x20) | json_bytes_equal(word, '"') |
             json_bytes_equal(word, '\\')) != 0)
            break;
        at += 8;
    }
    while (at < end && !json_is_special(*at))
        at++;
    return at;
}

static inline const char *json_unescaped_end(const char *at, const char *end)
{
#ifdef __SSE2__
    while (end - at >= 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)at);
        __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
        __m128i stop = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                                 _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
                                    control);
        unsigned mask = (unsigned)_mm_movemask_epi8(stop);

        if (mask != 0)
            return at + __builtin_ctz(mask);
        at += 16;
    }
#endif
    return json_unescaped_end_portable(at, end);
}

static inline bool json_needs_no_escape(const char *data, size_t size)
{
    return json_unescaped_end(data, data + size) == data + size;
}
