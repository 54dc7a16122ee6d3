#pragma once

/*
 * Writes - what create, update, delete and transactions have in common.
 */

#include "fhir/node.h"
#include "server/request.h"

/* Whether the resource may be stored where the request says: its type is the
 * path's, it is no partial view of a resource (tag SUBSETTED), and no reference in it is a
 * search. */
bool write_check_resource(struct request *req, struct err *err);
bool write_check_content(struct node *resource, const char *type, struct err *err);

/* The same for any resource; `where` is its FHIRPath, NULL for the body itself. */
bool write_check(const struct node *resource, const char *type, const char *where, struct err *err);

/* Refuses If-None-Match on an update: ignoring what protects another's work would be worse.
 * `where` as above. */
bool write_check_headers(const struct request *req, const char *where, struct err *err);

/* 412, saying which version is current. */
bool write_refuse_version(const struct store_write *write, struct err *err);

/* The version that came of it, kept in the request's arena. */
const struct store_version *write_keep_version(struct request *req,
                                               const struct store_write *write);

/* The answer of a transaction's entry for what the store did with it. */
void write_answer_entry(struct request *entry, const struct store_write *write);
