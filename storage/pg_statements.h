#pragma once

/*
 * Statements - which statements one connection has prepared, and under which
 * name. Fixed ones are known by their address and stay; ones made at run time
 * are known by their text, and the least recently used gives way.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pg_statement;

enum { STATEMENTS_MADE_MAX = 256, STATEMENT_NAME_SIZE = 12 };

struct prepared {
    const struct pg_statement *statement; /* NULL: made at run time */
    const char *sql;
    char name[STATEMENT_NAME_SIZE]; /* "" while not prepared */
    unsigned number;                /* of the name; 0 while not prepared */
    unsigned users;                 /* requests that refer to it */
    uint64_t hash;
    struct prepared *chain;         /* of its bucket */
    struct prepared *newer, *older; /* made ones, by last use */
    char text[];                    /* of a made one */
};

struct statements;

/* One for each connection. NULL is a no-op. */
struct statements *statements_new(void);
void statements_free(struct statements *statements);

/* Never NULL: a statement that is not known yet is added, without a name. `sql` is copied. */
struct prepared *statements_find(struct statements *statements,
                                 const struct pg_statement *statement);
struct prepared *statements_find_sql(struct statements *statements, const char *sql);

/* Gives it a name that was never used. Names are not reused: a preparation
 * that was aborted and one under way must not be confused. */
void statements_name(struct statements *statements, struct prepared *prepared);

/* The preparation named `number` did not happen. */
void statements_unname(struct prepared *prepared, unsigned number);

/* The connection is a new one: nothing is prepared. */
void statements_unname_all(struct statements *statements);

/* Removes a made statement when there are too many; true, and its name, when
 * the connection must deallocate it. */
bool statements_evict(struct statements *statements, char name[STATEMENT_NAME_SIZE]);
