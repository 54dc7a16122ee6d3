#pragma once

/*
 * Networks - ranges of addresses, and which of them nobody on the internet
 * owns. A partner's links and redirects must not make this server ask
 * machines of its own network (the service of cloud metadata above all), unless the
 * operator has named that network.
 */

#include "base/err.h"
#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

struct arena;
struct sockaddr;

/* IPv4 addresses count as IPv6 ones below ::ffff:0:0/96. */
struct network {
    uint8_t address[16];
    unsigned bits;
};

/* Reads "10.0.0.0/8", "fd00::/8" or one address. ERR_INVALID. */
bool network_parse(struct text text, struct network *network, struct err *err);

/* Whether a connection to this address may be made: it is public, or in one of `networks`. */
bool network_allows(const struct network *networks, size_t count, const struct sockaddr *address);

/* The same for a numeric address; false when it is none. */
bool network_allows_text(const struct network *networks, size_t count, const char *address);
