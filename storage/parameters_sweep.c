/*
 * Parameters, sweep - takes parameters out of use, and what is stored by them.
 *
 *   G  is fenced; when nobody searches by it any more it becomes D;
 *   D  is fenced; when nobody writes it any more its side rows are deleted, and its words. Tokens
 *      stay in the rows of resources until these are written or indexed again: they are found by
 *      nobody.
 */

#include "storage/parameters.h"

#include "base/arena.h"
#include "base/hash.h"
#include "fhir/type.h"
#include "storage/parameters_rows.h"
#include "storage/pg.h"
#include "storage/table.h"
#include "storage/token.h"
#include "storage/words.h"

#include <limits.h>

enum { TENANT = 1 };

/* Of many servers one does it. */
static const struct pg_statement take_turn = {
    "select pg_try_advisory_xact_lock(x'69737468'::int4, 13)"};
static const struct pg_statement fence = {
    "update f_parameter set fenced = true where state in ('G', 'D') and not fenced"};

/* The number of who is the last to follow. */
static const struct pg_statement ask_slowest = {
    "select min(coalesce(m.number, 0)) from pg_stat_activity a left join f_member m on"
    " m.id = substring(a.application_name from '#([0-9]+)$')::int8"
    " where a.datname = current_database() and"
    " a.application_name ~ '^isthmus/(read|search|write|transaction)'"};
static const struct pg_statement give_up = {
    "update f_parameter set state = 'D', number = nextval('f_parameter_number'), about = null,"
    " fenced = false where state = 'G' and fenced and number <= $1::int8"};
static const struct pg_statement select_dead = {
    "select type, code, version from f_parameter where state = 'D' and fenced"
    " and number <= $1::int8 order by number limit 1 for update"};
static const struct pg_statement set_removed = {
    "update f_parameter set state = 'X' where type = $1::text and code = $2::text"
    " and version = $3::int8 and state = 'D'"};
static const struct pg_statement ask_left = {
    "select exists (select from f_parameter where state in ('G', 'D'))"};
static const struct pg_statement raise_epoch = {PARAMETERS_RAISE_EPOCH};
static const struct pg_statement tell = {PARAMETERS_TELL};

static bool sweep(struct pg *pg, const struct hash_key *key, struct arena *arena, struct err *err);
static bool remove_dead(struct pg *pg, const struct hash_key *key, int64_t slowest,
                        struct arena *arena, struct err *err);
static bool remove_words(struct pg *pg, const struct tokens *tokens, const struct pg_result *dead,
                         bool *more, struct err *err);
static bool tell_servers(struct pg *pg, struct arena *arena, struct err *err);

bool parameters_sweep(struct pg *pg, const struct hash_key *key, bool *more, struct err *err)
{
    struct arena *arena = arena_new();
    const struct pg_result *result;

    pg_begin(pg);
    bool good = pg_query(pg, &take_turn, NULL, arena, &result, err) &&
                (!pg_bool(result, 0, 0) || sweep(pg, key, arena, err)) &&
                pg_query(pg, &ask_left, NULL, arena, &result, err) && pg_commit(pg, err);
    pg_rollback(pg);
    if (good)
        *more = pg_bool(result, 0, 0);
    arena_free(arena);
    return good;
}

/* A fence must be there before it is looked who is connected: so one step fences, and the
 * next one looks. */
static bool sweep(struct pg *pg, const struct hash_key *key, struct arena *arena, struct err *err)
{
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    if (!pg_query(pg, &ask_slowest, NULL, arena, &result, err))
        return false;
    int64_t slowest = pg_is_null(result, 0, 0) ? INT64_MAX : pg_int8(result, 0, 0);
    pg_add_int8(&params, slowest);
    if (!remove_dead(pg, key, slowest, arena, err) ||
        !pg_query(pg, &give_up, &params, arena, &result, err))
        return false;
    bool changed = pg_affected(result) > 0;
    return pg_query(pg, &fence, NULL, arena, &result, err) &&
           (!changed || tell_servers(pg, arena, err));
}

/* Some rows of one, in this transaction. Its row in f_parameter is locked meanwhile: whoever
 * wants to use the parameter again waits, and then begins to write by it. */
static bool remove_dead(struct pg *pg, const struct hash_key *key, int64_t slowest,
                        struct arena *arena, struct err *err)
{
    const struct tokens tokens = {.key = *key, .tenant = TENANT};
    struct pg_params of_number = pg_params_in(arena), of_dead = pg_params_in(arena);
    const struct pg_result *dead, *result;
    bool more;

    pg_add_int8(&of_number, slowest);
    if (!pg_query(pg, &select_dead, &of_number, arena, &dead, err))
        return false;
    if (pg_rows(dead) == 0)
        return true;
    int64_t h = token_param_named(&tokens, pg_text(dead, 0, 0).data, pg_text(dead, 0, 1).data,
                                  (uint64_t)pg_int8(dead, 0, 2));
    if (!parameters_delete_rows(pg, &h, 1, &more, err) ||
        (!more && !remove_words(pg, &tokens, dead, &more, err)))
        return false;
    if (more)
        return true;
    pg_add_text(&of_dead, pg_text(dead, 0, 0));
    pg_add_text(&of_dead, pg_text(dead, 0, 1));
    pg_add_int8(&of_dead, pg_int8(dead, 0, 2));
    return parameters_delete_codes(pg, &h, 1, err) &&
           pg_query(pg, &set_removed, &of_dead, arena, &result, err) &&
           tell_servers(pg, arena, err);
}

/* Those of resources, and of what is contained in others. */
static bool remove_words(struct pg *pg, const struct tokens *tokens, const struct pg_result *dead,
                         bool *more, struct err *err)
{
    const struct type *type = resource_type_find(pg_text(dead, 0, 0));
    struct tokens both = *tokens;

    for (int contained = 0; type && !*more && contained < 2; contained++) {
        both.contained = contained == 1;
        int64_t h = token_param_named(&both, type->name, pg_text(dead, 0, 1).data,
                                      (uint64_t)pg_int8(dead, 0, 2));
        if (!words_delete(pg, contained ? table_of_contained() : table_of(type), &h, 1, more, err))
            return false;
    }
    return true;
}

static bool tell_servers(struct pg *pg, struct arena *arena, struct err *err)
{
    const struct pg_result *result;

    return pg_query(pg, &raise_epoch, NULL, arena, &result, err) &&
           pg_query(pg, &tell, NULL, arena, &result, err);
}
