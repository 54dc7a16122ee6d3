#pragma once

/*
 * Partner, probe - `isthmus partner probe`: what a server honours, and a document that says so.
 */

#include <stdbool.h>

struct arena;
struct argument;
struct err;

struct partner_probe {
    const char *url;
    const char *id; /* of the partner in the proposal */
    const struct argument *networks, *headers;
    const char *ca; /* PEM file, or NULL */
    bool proposal;  /* print that alone */
};

/* Asks the server, and prints JSON to standard output. */
bool partner_probe(const struct partner_probe *asked, struct arena *arena, struct err *err);
