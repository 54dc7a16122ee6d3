/*
 * Search statements - sending one, and learning from its answer.
 */

#include "storage/search_ask.h"

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/type.h"
#include "storage/search_stats.h"

static bool send_both(const struct search_plan *plan, struct pg *pg, struct search_sql *sql,
                      struct search_answer *answer, struct err *err);
static void ask_codes(struct pg_params *params, const struct search_plan *plan,
                      const struct search_code *codes, size_t count);
static void note_seconds(const struct search_plan *plan, const struct pg_result *found,
                         const struct search_code *codes, size_t count,
                         struct search_answer *answer);
static bool refuse_too_many_values(struct err *err);
static bool explain_timeout(const struct search_plan *plan, const struct err *cause,
                            struct err *err);

bool search_ask(const struct search_plan *plan, struct pg *pg, struct search_sql *sql,
                struct search_answer *answer, struct err *err)
{
    struct err cause = {0};

    *answer = (struct search_answer){0};
    if (sql->too_many)
        return refuse_too_many_values(err);
    return send_both(plan, pg, sql, answer, &cause) || explain_timeout(plan, &cause, err);
}

/*
 * The statement, and before it whether one of the codes it looks for in the
 * column stands behind the first code of some resource: asked each time, because
 * another process may just have written such a one, and in the same breath, because
 * mostly there is none.
 */
static bool send_both(const struct search_plan *plan, struct pg *pg, struct search_sql *sql,
                      struct search_answer *answer, struct err *err)
{
    static const struct pg_statement lookup = {
        "select rtype, code from f_code where tenant = $1::int4 and rtype = any($2::int2[]) "
        "and code = any($3::int8[])"};
    struct pg_params params = pg_params_in(plan->arena);
    struct pg_reply asked = {0}, found = {0};
    const struct pg_result *seconds = NULL;
    size_t code_count;
    const struct search_code *codes = search_plan_codes(plan, &code_count);

    if (code_count > 0) {
        ask_codes(&params, plan, codes, code_count);
        pg_send(pg, &lookup, &params, plan->arena, &asked);
    }
    pg_send_sql(pg, buf_text(&sql->text), &sql->params, plan->arena, &found);
    if (code_count > 0 && !pg_wait(&asked, &seconds, err)) {
        pg_drop(&found);
        return false;
    }
    if (!pg_wait(&found, &answer->result, err))
        return false;
    if (seconds)
        note_seconds(plan, seconds, codes, code_count, answer);
    return true;
}

static void ask_codes(struct pg_params *params, const struct search_plan *plan,
                      const struct search_code *codes, size_t count)
{
    int64_t *hashes = arena_many(plan->arena, int64_t, count);
    int16_t *types = arena_many(plan->arena, int16_t, count);

    for (size_t i = 0; i < count; i++) {
        hashes[i] = codes[i].code;
        types[i] = (int16_t)codes[i].type->number;
    }
    pg_add_int4(params, plan->access->tenant);
    pg_add_int2_array(params, types, count);
    pg_add_int8_array(params, hashes, NULL, count);
}

/* The codes that were found; one may have been asked for of another type only. */
static void note_seconds(const struct search_plan *plan, const struct pg_result *found,
                         const struct search_code *codes, size_t count,
                         struct search_answer *answer)
{
    for (int row = 0; row < pg_rows(found); row++) {
        for (size_t i = 0; i < count; i++) {
            if (codes[i].type->number != (unsigned)pg_int2(found, row, 0) ||
                codes[i].code != pg_int8(found, row, 1))
                continue;
            if (codes[i].contains)
                search_stats_note_contains(plan->store, codes[i].type, codes[i].contains);
            else
                search_stats_note_second(plan->store, codes[i].type, codes[i].code);
            answer->enters |= codes[i].contains != NULL;
            answer->second = true;
        }
    }
}

static bool refuse_too_many_values(struct err *err)
{
    return err_set(err, ERR_INVALID, NULL,
                   "The search compares more dates, numbers and strings than one statement may; "
                   "ask for fewer at once.");
}

/* Which criterion was gone by is what the client can change something about. */
static bool explain_timeout(const struct search_plan *plan, const struct err *cause,
                            struct err *err)
{
    const char *by = search_plan_driving_code(plan);

    if (cause->kind != ERR_TIMEOUT) {
        *err = *cause;
        return false;
    }
    if (by)
        return err_set(err, ERR_TIMEOUT, by,
                       "The search took too long: it went through what \"%s\" selects. Make that "
                       "narrower, or add a patient, an identifier, a code with its system or a "
                       "range of dates.",
                       by);
    return err_set(err, ERR_TIMEOUT, NULL,
                   "The search took too long: no criterion selects few resources, so all %s were "
                   "gone through. Add a patient, an identifier, a code with its system or a range "
                   "of dates.",
                   plan->query->type);
}
