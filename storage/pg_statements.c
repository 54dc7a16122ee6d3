/*
 * Statements - the names of prepared statements.
 */

#include "storage/pg_statements.h"

#include "base/err.h"
#include "base/hash.h"
#include "storage/pg.h"

enum { BUCKETS = 512 };

struct statements {
    struct prepared *buckets[BUCKETS];
    struct prepared *newest, *oldest; /* made ones */
    unsigned made;
    unsigned last_number;
};

static struct prepared *add(struct statements *statements, uint64_t hash, size_t text_size);
static void touch(struct statements *statements, struct prepared *prepared);
static void unlink_made(struct statements *statements, struct prepared *prepared);
static void unchain(struct statements *statements, struct prepared *prepared);

struct statements *statements_new(void)
{
    struct statements *statements = calloc(1, sizeof(*statements));

    if (!statements)
        abort();
    return statements;
}

void statements_free(struct statements *statements)
{
    if (!statements)
        return;
    for (int i = 0; i < BUCKETS; i++) {
        while (statements->buckets[i]) {
            struct prepared *prepared = statements->buckets[i];

            statements->buckets[i] = prepared->chain;
            free(prepared);
        }
    }
    free(statements);
}

struct prepared *statements_find(struct statements *statements,
                                 const struct pg_statement *statement)
{
    uint64_t hash = ((uint64_t)(uintptr_t)statement >> 3) * 0x9E3779B97F4A7C15U;

    for (struct prepared *p = statements->buckets[hash % BUCKETS]; p; p = p->chain)
        if (p->statement == statement)
            return p;

    struct prepared *prepared = add(statements, hash, 0);
    prepared->statement = statement;
    prepared->sql = statement->sql;
    return prepared;
}

struct prepared *statements_find_sql(struct statements *statements, const char *sql)
{
    static const struct hash_key no_key;
    size_t size = strlen(sql) + 1;
    uint64_t hash = hash_bytes(&no_key, sql, size);

    for (struct prepared *p = statements->buckets[hash % BUCKETS]; p; p = p->chain) {
        if (p->hash == hash && !p->statement && strcmp(p->sql, sql) == 0) {
            touch(statements, p);
            return p;
        }
    }
    struct prepared *prepared = add(statements, hash, size);
    memcpy(prepared->text, sql, size);
    prepared->sql = prepared->text;
    touch(statements, prepared);
    statements->made++;
    return prepared;
}

static struct prepared *add(struct statements *statements, uint64_t hash, size_t text_size)
{
    struct prepared *prepared = calloc(1, sizeof(*prepared) + text_size);

    if (!prepared)
        abort();
    prepared->hash = hash;
    prepared->chain = statements->buckets[hash % BUCKETS];
    statements->buckets[hash % BUCKETS] = prepared;
    return prepared;
}

static void touch(struct statements *statements, struct prepared *prepared)
{
    if (statements->newest == prepared)
        return;
    unlink_made(statements, prepared);
    prepared->older = statements->newest;
    if (statements->newest)
        statements->newest->newer = prepared;
    statements->newest = prepared;
    if (!statements->oldest)
        statements->oldest = prepared;
}

static void unlink_made(struct statements *statements, struct prepared *prepared)
{
    if (prepared->newer)
        prepared->newer->older = prepared->older;
    if (prepared->older)
        prepared->older->newer = prepared->newer;
    if (statements->newest == prepared)
        statements->newest = prepared->older;
    if (statements->oldest == prepared)
        statements->oldest = prepared->newer;
    prepared->newer = prepared->older = NULL;
}

void statements_name(struct statements *statements, struct prepared *prepared)
{
    prepared->number = ++statements->last_number;
    snprintf(prepared->name, sizeof(prepared->name), "s%u", prepared->number);
}

void statements_unname(struct prepared *prepared, unsigned number)
{
    if (prepared->number != number)
        return;
    prepared->number = 0;
    prepared->name[0] = '\0';
}

void statements_unname_all(struct statements *statements)
{
    for (int i = 0; i < BUCKETS; i++)
        for (struct prepared *p = statements->buckets[i]; p; p = p->chain)
            statements_unname(p, p->number);
}

bool statements_evict(struct statements *statements, char name[STATEMENT_NAME_SIZE])
{
    struct prepared *victim = statements->oldest;

    if (statements->made <= STATEMENTS_MADE_MAX)
        return false;
    while (victim && victim->users)
        victim = victim->newer;
    if (!victim)
        return false;

    memcpy(name, victim->name, STATEMENT_NAME_SIZE);
    unlink_made(statements, victim);
    unchain(statements, victim);
    statements->made--;
    free(victim);
    return name[0] != '\0';
}

static void unchain(struct statements *statements, struct prepared *prepared)
{
    struct prepared **link = &statements->buckets[prepared->hash % BUCKETS];

    while (*link != prepared)
        link = &(*link)->chain;
    *link = prepared->chain;
}
