#pragma once

/*
 * Binary - content of any type, as it is (R4 binary.html). Stored as the
 * resource that stands for it: Content-Type, X-Security-Context and the bytes
 * become its elements, and reading turns them back.
 */

#include "server/request.h"

/* Negotiates where content of any type is sent or asked for: what Accept says is then no reason to
 * refuse. False: elsewhere. */
bool binary_takes_any_format(struct request *req);

/* Whether the body is content of a Binary rather than a resource. */
bool binary_is_content(const struct request *req);

/* Makes the resource of it. */
bool binary_read_content(struct request *req, struct err *err);

/* Whether the client wants the content of a Binary rather than the resource. */
bool binary_wants_content(const struct request *req);

/* Answers with the content, or the part of it that Range asks for. */
bool binary_answer(struct request *req, const struct store_version *version, struct err *err);
