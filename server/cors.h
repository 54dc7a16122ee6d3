#pragma once

/*
 * CORS - which web pages may call (the Fetch standard; SMART asks for it).
 */

#include "server/request.h"

bool cors_is_preflight(const struct request *req);

/* 204 with what is allowed. */
void cors_answer_preflight(struct request *req);

/* Allows the answer to be read by the page that asked, if its origin is allowed. */
void cors_add_headers(struct request *req);
