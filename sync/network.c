/*
 * Networks - see network.h.
 */

#include "sync/network.h"

#include "base/count.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define V4_PREFIX 96

/* What IANA's registries of special purposes keep from the public, and multicast. */
static const char *const internal[] = {
    "0.0.0.0/8",       /* this network */
    "10.0.0.0/8",      /* private */
    "100.64.0.0/10",   /* carriers' own */
    "127.0.0.0/8",     /* loopback */
    "169.254.0.0/16",  /* link-local; cloud metadata at 169.254.169.254 */
    "172.16.0.0/12",   /* private */
    "192.0.0.0/24",    /* protocol assignments */
    "192.0.2.0/24",    /* documentation */
    "192.168.0.0/16",  /* private */
    "198.18.0.0/15",   /* measurements */
    "198.51.100.0/24", /* documentation */
    "203.0.113.0/24",  /* documentation */
    "224.0.0.0/3",     /* multicast, reserved, broadcast */
    "::/96",           /* unspecified, loopback, IPv4-compatible */
    "64:ff9b::/96",    /* translated IPv4: could be any of the above */
    "64:ff9b:1::/48",  /* the same, local */
    "100::/64",        /* discarded */
    "2001::/23",       /* protocol assignments, Teredo */
    "2001:db8::/32",   /* documentation */
    "2002::/16",       /* 6to4: IPv4 inside */
    "fc00::/7",        /* unique local; cloud metadata at fd00:ec2::254 */
    "fe80::/10",       /* link-local */
    "fec0::/10",       /* site-local */
    "ff00::/8",        /* multicast */
};

enum { INTERNAL_COUNT = COUNT(internal) };

static void map_v4(const void *v4, uint8_t out[16])
{
    memset(out, 0, 10);
    out[10] = out[11] = 0xff;
    memcpy(out + 12, v4, 4);
}

static bool read_address(const char *text, uint8_t out[16], unsigned *bits)
{
    struct in_addr v4;

    if (inet_pton(AF_INET, text, &v4) == 1) {
        map_v4(&v4, out);
        *bits = V4_PREFIX;
        return true;
    }
    *bits = 0;
    return inet_pton(AF_INET6, text, out) == 1;
}

bool network_parse(struct text text, struct network *network, struct err *err)
{
    struct text address = text, length = {0};
    char buffer[INET6_ADDRSTRLEN];
    unsigned prefix = 0;
    int64_t bits = 0;

    text_split(text, '/', &address, &length);
    bool good = address.size < sizeof(buffer);
    if (good) {
        memcpy(buffer, address.data, address.size);
        buffer[address.size] = 0;
        good = read_address(buffer, network->address, &prefix);
    }
    if (good && length.data)
        good = text_to_int64(length, 0, 128 - (int64_t)prefix, &bits);
    if (!good)
        return err_set(err, ERR_INVALID, NULL,
                       "A network is an address with a length, such as 10.0.0.0/8 or fd00::/8.");
    network->bits = length.data ? prefix + (unsigned)bits : 128;
    return true;
}

static bool holds(const struct network *network, const uint8_t address[16])
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;

    if (memcmp(network->address, address, whole) != 0)
        return false;
    return rest == 0 || ((network->address[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

static bool is_internal(const uint8_t address[16])
{
    static _Thread_local struct network table[INTERNAL_COUNT];
    static _Thread_local bool ready;
    struct err err = {0};

    for (size_t i = 0; !ready && i < INTERNAL_COUNT; i++)
        if (!network_parse(text_of(internal[i]), &table[i], &err))
            abort();
    ready = true;
    for (size_t i = 0; i < INTERNAL_COUNT; i++)
        if (holds(&table[i], address))
            return true;
    return false;
}

static bool allows(const struct network *networks, size_t count, const uint8_t address[16])
{
    for (size_t i = 0; i < count; i++)
        if (holds(&networks[i], address))
            return true;
    return !is_internal(address);
}

bool network_allows(const struct network *networks, size_t count, const struct sockaddr *address)
{
    uint8_t bytes[16];

    if (address->sa_family == AF_INET)
        map_v4(&((const struct sockaddr_in *)(const void *)address)->sin_addr, bytes);
    else if (address->sa_family == AF_INET6)
        memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    else
        return false;
    return allows(networks, count, bytes);
}

bool network_allows_text(const struct network *networks, size_t count, const char *address)
{
    uint8_t bytes[16];
    unsigned bits;

    return address && read_address(address, bytes, &bits) && allows(networks, count, bytes);
}
