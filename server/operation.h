#pragma once

/*
 * Operation - the input parameters of an operation (R4 operations.html#request):
 * in the URL, or in a Parameters resource, or in both.
 */

#include "server/request.h"

/* All of them in the form of a URL's: "name=value&...". Of the body only values that are
 * primitives or references count; others are refused. */
bool operation_parameters(struct request *req, struct text *text, struct err *err);
