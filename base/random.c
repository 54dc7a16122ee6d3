/*
 * Random - getrandom() in large bites: a system call for each id would cost
 * more than the rest of making one.
 */

#include "base/random.h"

#include "base/err.h"

#include <errno.h>
#include <sys/random.h>

enum { BITE = 4096 };

static _Thread_local unsigned char bytes[BITE];
static _Thread_local size_t left;

static void refill(void);

void random_bytes(void *out, size_t size)
{
    unsigned char *to = out;

    while (size > 0) {
        if (left == 0)
            refill();

        size_t some = size < left ? size : left;
        unsigned char *from = bytes + BITE - left;
        memcpy(to, from, some);
        memset(from, 0, some); /* what was given out is nowhere else */
        to += some;
        size -= some;
        left -= some;
    }
}

uint64_t random_number(void)
{
    uint64_t number;

    random_bytes(&number, sizeof(number));
    return number;
}

void random_uuid(char out[UUID_SIZE])
{
    unsigned char number[UUID_BYTES];

    random_bytes(number, sizeof(number));
    number[6] = (unsigned char)(0x40 | (number[6] & 0x0F));
    number[8] = (unsigned char)(0x80 | (number[8] & 0x3F));
    uuid_write(number, out);
}

/* Bites above 256 bytes may be interrupted by a signal; anything else means
 * that the machine has no random numbers, and nothing can go on. */
static void refill(void)
{
    size_t got = 0;

    while (got < BITE) {
        ssize_t some = getrandom(bytes + got, BITE - got, 0);
        if (some > 0)
            got += (size_t)some;
        else if (some < 0 && errno != EINTR)
            abort();
    }
    left = BITE;
}
