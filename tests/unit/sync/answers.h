#pragma once

/*
 * Answers - a server on loopback that says what a test tells it to, byte for
 * byte, one connection at a time, and remembers what it was asked.
 */

#include "base/err.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

struct answer {
    const char *path;
    const char *bytes;
    size_t size;      /* 0: strlen */
    const char *with; /* only to requests that have this; NULL: to all. The first that fits */
};

struct answers {
    const struct answer *list; /* ended by a NULL path */
    /* In place of that: the answer to a request; in the server's thread. NULL, or an empty one: the
     * connection ends without one. */
    const char *(*reply)(const char *request);
    int listener;
    unsigned port;
    pthread_t thread;
    char seen[8][4096]; /* requests, the oldest first */
    atomic_uint count;
};

static inline void answers_reply(struct answers *answers, int fd, const char *request)
{
    const struct answer *answer = answers->list;
    char path[256] = "";

    if (answers->reply) {
        const char *bytes = answers->reply(request);
        if (bytes && write(fd, bytes, strlen(bytes)) < 0)
            return;
        return;
    }
    sscanf(request, "%*s %255s", path);
    while (answer->path &&
           (strcmp(answer->path, path) != 0 || (answer->with && !strstr(request, answer->with))))
        answer++;
    const char *bytes =
        answer->path ? answer->bytes : "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n";
    size_t size = answer->path && answer->size ? answer->size : strlen(bytes);
    if (write(fd, bytes, size) < 0)
        return;
}

/* A request and its body, which may come later; its end is known by Content-Length. */
static inline void answers_read(int fd, char *request, size_t room)
{
    const char *body = NULL, *length;
    size_t size = 0, wanted = 0;
    ssize_t count;

    request[0] = 0;
    while (size + 1 < room && (!body || size < (size_t)(body - request) + wanted) &&
           (count = read(fd, request + size, room - 1 - size)) > 0) {
        size += (size_t)count;
        request[size] = 0;
        body = strstr(request, "\r\n\r\n");
        body = body ? body + 4 : NULL;
        length = body ? strcasestr(request, "\r\nContent-Length:") : NULL;
        wanted = length ? strtoul(length + 17, NULL, 10) : 0;
    }
}

static inline void *answers_run(void *context)
{
    struct answers *answers = context;

    while (true) {
        int fd = accept(answers->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        char *request = answers->seen[answers->count % 8];
        answers_read(fd, request, sizeof(answers->seen[0]));
        answers->count++;
        answers_reply(answers, fd, request);
        shutdown(fd, SHUT_WR);
        close(fd);
    }
}

static inline void answers_start(struct answers *answers, const struct answer *list)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    answers->list = list;
    answers->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(answers->listener, (struct sockaddr *)&address, size) != 0 ||
        listen(answers->listener, 16) != 0 ||
        getsockname(answers->listener, (struct sockaddr *)&address, &size) != 0 ||
        pthread_create(&answers->thread, NULL, answers_run, answers) != 0)
        abort();
    answers->port = ntohs(address.sin_port);
}

static inline void answers_stop(struct answers *answers)
{
    shutdown(answers->listener, SHUT_RDWR);
    close(answers->listener);
    pthread_join(answers->thread, NULL);
}
