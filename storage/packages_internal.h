#pragma once

/*
 * Packages, inside - the connection that packages*.c share: packages.c changes what is installed,
 * packages_read.c asks for it, packages_watch.c learns of changes by others.
 */

#include "base/fiber.h"
#include "base/hash.h"
#include "storage/packages.h"
#include "storage/pg.h"

struct body_codec;

struct packages {
    struct pg *pg;
    struct loop *loop;
    const char *database; /* borrowed */
    struct body_codec *codec;
    struct hash_key key;
    struct waiter stirred; /* a notification, or a new connection */
    bool stopped;
};
