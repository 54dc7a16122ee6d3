#pragma once

/* Random - numbers nobody can guess, from the kernel; buffered for each thread. */

#include "base/uuid.h"

#include <stddef.h>
#include <stdint.h>

/* Never fails: without the kernel's numbers the process ends. */
void random_bytes(void *out, size_t size);

uint64_t random_number(void);

/* A version 4 UUID (RFC 9562) in lower case, as the server gives its resources for ids. */
void random_uuid(char out[UUID_SIZE]);
