/*
 * Listen - see listen.h.
 */

#include "server/listen.h"

#include "base/text.h"
#include "server/config.h"

#include <arpa/inet.h>

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080". */
static bool split(const char *value, struct text *host, struct text *port)
{
    const char *colon = strrchr(value, ':');

    if (!colon)
        return false;
    *host = (struct text){value, (size_t)(colon - value)};
    *port = text_of(colon + 1);
    if (host->size >= 2 && host->data[0] == '[' && host->data[host->size - 1] == ']')
        *host = (struct text){host->data + 1, host->size - 2};
    if (text_is(*host, "localhost"))
        *host = TEXT("127.0.0.1");
    return true;
}

static bool parse(const char *option, const char *value, struct listen_address *address,
                  struct err *err)
{
    struct text host, port;
    unsigned char bytes[sizeof(struct in6_addr)];
    int64_t number = 0;
    bool v4, v6;

    bool good = split(value, &host, &port) && host.size < sizeof(address->host) &&
                text_to_int64(port, 1, 65535, &number);
    snprintf(address->host, sizeof(address->host), "%.*s", good ? (int)host.size : 0,
             good ? host.data : "");
    v4 = inet_pton(AF_INET, address->host, bytes) == 1;
    v6 = !v4 && inet_pton(AF_INET6, address->host, bytes) == 1;
    if (!good || (!v4 && !v6))
        return err_set(err, ERR_INVALID, option,
                       "%s must be a numeric address and a port, such as 127.0.0.1:8080 or "
                       "[::1]:8080.",
                       option);
    address->port = (uint16_t)number;
    snprintf(address->text, sizeof(address->text), v6 ? "[%s]:%u" : "%s:%u", address->host,
             (unsigned)address->port);
    return true;
}

static bool is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

bool listen_resolve(const struct config *config, struct listen_address *address, struct err *err)
{
    address->unauthenticated = config->listen_unauthenticated[0] != 0;
    if (address->unauthenticated)
        return parse("listen-unauthenticated", config->listen_unauthenticated, address, err);
    if (!parse("listen", config->listen, address, err))
        return false;
    if (!is_loopback(address->host))
        return err_set(err, ERR_INVALID, "listen",
                       "This server does not authenticate its users, so it serves loopback "
                       "addresses only. For synthetic data and demonstrations say "
                       "--listen-unauthenticated %s.",
                       config->listen);
    return true;
}
