#pragma once

/*
 * Listen - which address to serve on. Without authentication only loopback
 * will do, unless the operator says otherwise in so many words.
 */

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct config;

struct listen_address {
    char host[64]; /* numeric, without brackets */
    char text[80]; /* as in a URL: "127.0.0.1:8080", "[::1]:8080" */
    uint16_t port;
    bool unauthenticated; /* beyond loopback */
};

/* ERR_INVALID names the option whose address cannot be read, or lies beyond loopback. */
bool listen_resolve(const struct config *config, struct listen_address *address, struct err *err);
