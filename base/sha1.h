#pragma once

/*
 * SHA-1 (FIPS 180-4) - because FHIR's Attachment.hash is one: tells damage, and proves nothing
 * against people who want to deceive.
 */

#include "base/text.h"

#include <stdint.h>

enum { SHA1_SIZE = 20 };

void sha1(struct text text, uint8_t digest[SHA1_SIZE]);
