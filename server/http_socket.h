#pragma once

/* Listening sockets, for http.c. */

#include "base/err.h"

#include <stdint.h>

/* A non-blocking listening socket, or -1. With port 0 the system chooses. */
int http_socket_listen(const char *address, uint16_t port, bool reuse_port, struct err *err);

uint16_t http_socket_port(int fd);
