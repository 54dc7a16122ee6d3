/*
 * UUID - see uuid.h.
 */

#include "base/uuid.h"

#include "base/err.h"

static const char digits[] = "0123456789abcdef";

static bool has_dash_before(size_t byte);
static int read_digit(char c);

void uuid_write(const unsigned char bytes[UUID_BYTES], char out[UUID_SIZE])
{
    for (size_t i = 0; i < UUID_BYTES; i++) {
        if (has_dash_before(i))
            *out++ = '-';
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 0x0f];
    }
    *out = '\0';
}

bool uuid_read(struct text written, unsigned char bytes[UUID_BYTES])
{
    unsigned char read[UUID_BYTES];
    const char *at = written.data;

    if (written.size != UUID_SIZE - 1)
        return false;
    for (size_t i = 0; i < UUID_BYTES; i++) {
        if (has_dash_before(i) && *at++ != '-')
            return false;

        int high = read_digit(at[0]), low = read_digit(at[1]);
        if (high < 0 || low < 0)
            return false;
        read[i] = (unsigned char)(high << 4 | low);
        at += 2;
    }
    memcpy(bytes, read, UUID_BYTES);
    return true;
}

static bool has_dash_before(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

static int read_digit(char c)
{
    return c >= 'A' && c <= 'F' ? -1 : text_hex_digit(c);
}
