#pragma once

/*
 * Interactions - R4 http.html, one file each. Every one waits, reads the
 * request and fills its answer; see server/request.h.
 */

#include "server/request.h"

interaction_fn capabilities;   /* capabilities.c  http.html#capabilities */
interaction_fn create;         /* create.c        http.html#create, #ccreate */
interaction_fn read_current;   /* read.c          http.html#read */
interaction_fn read_version;   /* read.c          http.html#vread */
interaction_fn update;         /* update.c        http.html#update, #upsert */
interaction_fn remove_current; /* delete.c        http.html#delete */
interaction_fn patch_resource; /* patch.c         http.html#patch */
interaction_fn history;        /* history.c       http.html#history */
interaction_fn search;         /* search.c        http.html#search */
interaction_fn everything;     /* everything.c    patient-operation-everything.html */
interaction_fn lastn;          /* lastn.c         observation-operation-lastn.html */
/* Whether the interaction would take these parameters, without running it: a transaction has to
 * know before it commits. */
bool search_check(const struct request *req, struct err *err);
bool history_check(const struct request *req, struct err *err);

interaction_fn validate_operation; /* validate.c  resource-operation-validate.html */

interaction_fn bundle_post; /* batch.c, transaction.c  http.html#transaction */
