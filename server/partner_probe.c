/*
 * Partner, probe - see partner_probe.h.
 */

#include "server/partner_probe.h"

#include "base/arena.h"
#include "base/fiber.h"
#include "base/loop.h"
#include "server/arguments.h"
#include "sync/fetch.h"
#include "sync/network.h"
#include "sync/probe.h"
#include "sync/secret.h"

#include <jansson.h>

enum { NETWORKS_MAX = 100, HEADERS_MAX = 60 };

struct probing {
    struct loop *loop;
    struct probe_request request;
    struct arena *arena;
    json_t *result;
    struct err *err;
};

static const char *without_slash(const char *url, struct arena *arena);
static bool read_networks(const struct argument *given, struct network *networks,
                          struct fetch_guard *guard, struct err *err);
static bool read_headers(const struct argument *given, struct arena *arena,
                         struct secret_header *headers, struct err *err);
static void run(void *context);

bool partner_probe(const struct partner_probe *asked, struct arena *arena, struct err *err)
{
    struct network networks[NETWORKS_MAX];
    struct secret_header headers[HEADERS_MAX + 1] = {0};
    struct fetch_guard guard;
    struct probing probing = {
        .request = {.base = without_slash(asked->url, arena),
                    .id = asked->id,
                    .networks = asked->networks->values,
                    .guard = &guard,
                    .ca_file = asked->ca,
                    .headers = headers},
        .arena = arena,
        .err = err,
    };

    if (asked->ca && asked->ca[0] != '/')
        return err_set(err, ERR_INVALID, "ca", "--ca must be an absolute path of a PEM file.");
    if (!read_networks(asked->networks, networks, &guard, err) ||
        !read_headers(asked->headers, arena, headers, err))
        return false;
    probing.loop = loop_new();
    fiber_spawn(probing.loop, run, &probing);
    loop_run(probing.loop);
    loop_free(probing.loop);
    if (!probing.result)
        return false;
    json_dumpf(asked->proposal ? json_object_get(probing.result, "proposal") : probing.result,
               stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(probing.result);
    return !err->kind;
}

static const char *without_slash(const char *url, struct arena *arena)
{
    char *base = arena_strdup(arena, url);

    for (size_t size = strlen(base); size && base[size - 1] == '/'; size--)
        base[size - 1] = 0;
    return base;
}

static bool read_networks(const struct argument *given, struct network *networks,
                          struct fetch_guard *guard, struct err *err)
{
    *guard = (struct fetch_guard){networks, 0};
    for (size_t i = 0; i < given->count && i < NETWORKS_MAX; i++)
        if (!network_parse(text_of(given->values[i]), &networks[guard->count++], err))
            return false;
    return true;
}

/* "Name: value", or "Name: file:/..." and "Name: env:..." for where it is found. */
static bool read_headers(const struct argument *given, struct arena *arena,
                         struct secret_header *headers, struct err *err)
{
    for (size_t i = 0; i < given->count && i < HEADERS_MAX; i++) {
        struct text name, value;

        if (!text_split(text_of(given->values[i]), ':', &name, &value))
            return err_set(err, ERR_INVALID, "header", "--header is 'NAME: VALUE'.");
        const char *text = text_dup(arena, text_trim(value));
        headers[i] = (struct secret_header){.name = text_dup(arena, name),
                                            .value = secret_is_ref(text) ? NULL : text,
                                            .ref = secret_is_ref(text) ? text : NULL};
    }
    return true;
}

static void run(void *context)
{
    struct probing *probing = context;
    struct fetcher *fetcher = fetcher_new(probing->loop, 2);

    probing->result = probe_partner(fetcher, &probing->request, probing->arena, probing->err);
    fetcher_free(fetcher);
    loop_stop(probing->loop);
}
