#pragma once

/*
 * Parameters - search parameters of packages, as a process knows them, and as
 * the database knows what has been indexed by them (docs/decisions says why so).
 *
 * A process learns the parameters once, before its first connection for resources, and
 * keeps them for life. The database has a row for each (f_parameter). One that is new is not
 * whole until reindex.c has made it so; one that some process begins to write without is not
 * whole any more. Every connection says by its application_name ("@7") which parameters its process
 * knows, and is refused when one that reindexing relies on is not among them.
 */

#include "base/err.h"

#include <stdbool.h>

struct pg;

/* Waits. Adds what is installed to the parameters of this process, unless that was done, and tells
 * the database which it has. Under the lock of the migrations. */
bool parameters_load(struct pg *pg, struct err *err);

/* Waits. What has been indexed meanwhile. */
bool parameters_refresh(struct pg *pg, struct err *err);

/* Whether a parameter of this process is not whole. */
bool parameters_unfinished(void);

/* The statements by which servers learn of a change, of packages or of parameters; in order, in the
 * transaction that makes it. The row of f_meta is the lock that lets one after the other. */
#define PARAMETERS_RAISE_EPOCH                                                                     \
    "insert into f_meta values ('packages', '1') on conflict (key) do update"                      \
    " set value = convert_to((convert_from(f_meta.value, 'UTF8')::int8 + 1)::text, 'UTF8')"
#define PARAMETERS_TELL "select pg_notify('isthmus_packages', '')::text"
