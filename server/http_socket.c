/*
 * Listening sockets - see http_socket.h.
 */

#include "server/http_socket.h"

#include "base/err.h"
#include "server/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool parse(const char *text, uint16_t port, union address *address, socklen_t *size);
static bool prepare(int fd, int family, bool reuse_port);

int http_socket_listen(const char *address, uint16_t port, bool reuse_port, struct err *err)
{
    union address where;
    socklen_t size;

    if (!parse(address, port, &where, &size)) {
        err_set(err, ERR_INVALID, address, "This is no numeric IPv4 or IPv6 address.");
        return -1;
    }

    int fd = socket(where.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && prepare(fd, where.any.sa_family, reuse_port) &&
        bind(fd, &where.any, size) == 0 && listen(fd, BACKLOG) == 0)
        return fd;

    err_set(err, errno == EADDRINUSE ? ERR_CONFLICT : ERR_INTERNAL, NULL,
            "Cannot listen on %s port %u: %s.", address, (unsigned)port, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

bool http_port_is_free(const char *address, uint16_t port, struct err *err)
{
    int fd = http_socket_listen(address, port, false, err);

    if (fd < 0)
        return false;
    close(fd);
    return true;
}

uint16_t http_socket_port(int fd)
{
    union address where = {0};
    socklen_t size = sizeof(where);

    if (getsockname(fd, &where.any, &size) != 0)
        return 0;
    return ntohs(where.any.sa_family == AF_INET6 ? where.v6.sin6_port : where.v4.sin_port);
}

static bool parse(const char *text, uint16_t port, union address *address, socklen_t *size)
{
    *address = (union address){0};
    if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(port);
        *size = sizeof(address->v4);
        return true;
    }
    if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons(port);
        *size = sizeof(address->v6);
        return true;
    }
    return false;
}

/* Connections inherit TCP_NODELAY: an answer is one write, and must not wait
 * for the acknowledgement of the one before. */
static bool prepare(int fd, int family, bool reuse_port)
{
    const int on = 1, off = 0;

    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
           setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
           (!reuse_port || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0) &&
           (family != AF_INET6 ||
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0);
}
