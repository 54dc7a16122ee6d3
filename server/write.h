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

/*
 * Fills what the request says about the write besides its content: If-Match and If-None-Match,
 * and for a path without an id the criteria behind the `?`, which then say what is written (R4
 * http.html#cond-update). `where` as above.
 */
bool write_read_conditions(struct request *req, const char *where, struct store_write *write,
                           struct err *err);

/* R4 http.html#update: the id in the resource SHALL be there and be the URL's; with criteria in
 * place of one, it says which resource they should find. */
bool write_check_id(const struct request *req, const char *where, struct store_write *write,
                    struct err *err);

/* Whether a deletion by criteria may remove several (option `conditional-delete`). */
bool write_removes_several(const struct config *config);

/* Whether the outcome is one that failed; `err` says why. */
bool write_failed(const struct request *req, const struct store_write *write, struct err *err);

/* The version that came of it, kept in the request's arena. */
const struct store_version *write_keep_version(struct request *req,
                                               const struct store_write *write);

/* The answer of a transaction's entry for what the store did with it. */
void write_answer_entry(struct request *entry, const struct store_write *write);
