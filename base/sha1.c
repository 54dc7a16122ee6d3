/*
 * SHA-1 - see sha1.h. Only this file knows OpenSSL.
 */

#include "base/sha1.h"

#include "base/err.h"

#include <openssl/evp.h>

void sha1(struct text text, uint8_t digest[SHA1_SIZE])
{
    unsigned size = 0;

    if (EVP_Digest(text.data, text.size, digest, &size, EVP_sha1(), NULL) != 1 || size != SHA1_SIZE)
        abort();
}
