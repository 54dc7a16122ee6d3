#pragma once

/*
 * URLs - of other servers: joined, compared and encoded (RFC 3986). Only
 * fetch.c and url.c know libcurl.
 */

#include "base/text.h"

#include <stdbool.h>

struct arena;
struct buf;

/* The absolute form of `link`, which may be relative to `base`, without a fragment, which is never
 * sent; NULL when it is no http(s) URL without a user name in it. */
char *url_join(struct arena *arena, const char *base, const char *link);

/* Whether scheme, host and port are equal. */
bool url_same_origin(const char *one, const char *other);

/* `url` with scheme, host and port of `base`. */
char *url_with_origin(struct arena *arena, const char *url, const char *base);

bool url_is_https(const char *url);

/* Appends all but the unreserved characters percent-encoded. */
void url_encode(struct buf *out, struct text text);

/* The reverse; what is no %XX stands for itself. */
struct text url_decode(struct arena *arena, struct text text);

/* `url` with one query parameter `name`, of this value, in place of all that it has. */
char *url_with_parameter(struct arena *arena, const char *url, const char *name, const char *value);

/* The decoded value of the first query parameter `name`; absent when there is none. */
struct text url_parameter(struct arena *arena, const char *url, const char *name);
