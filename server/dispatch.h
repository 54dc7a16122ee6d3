#pragma once

/*
 * Dispatch - from an HTTP request to what answers it: FHIR below /fhir, pages
 * for operators beside it.
 */

#include "base/err.h"
#include "base/text.h"

struct arena;
struct http_request;

/* http_handler_fn and http_refuse_fn; `context` is a struct service. */
void dispatch(struct http_request *http, void *context);
struct text dispatch_refusal(struct arena *arena, int status, const struct err *err, void *context);

/* Path of the FHIR base on this server. */
#define DISPATCH_FHIR "/fhir"
