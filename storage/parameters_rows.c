/*
 * Parameters, rows - see parameters_rows.h.
 */

#include "storage/parameters_rows.h"

#include "base/arena.h"
#include "base/count.h"
#include "storage/pg.h"

enum { AT_ONCE = 20000 }; /* of a side table */

#define DELETE(table)                                                                              \
    {                                                                                              \
        "delete from " table " where ctid = any(array(select ctid from " table                     \
        " where h = any($1::int8[] || array(select code from f_code where n = any($1::int8[])))"   \
        " limit $2::int4))"                                                                        \
    }
static const struct pg_statement delete_sides[] = {DELETE("f_str"), DELETE("f_date"),
                                                   DELETE("f_qty")};
#undef DELETE

static const struct pg_statement delete_codes = {"delete from f_code where n = any($1::int8[])"};

bool parameters_delete_rows(struct pg *pg, const int64_t *hashes, size_t count, bool *more,
                            struct err *err)
{
    struct arena *arena = arena_new();
    struct pg_params params = pg_params_in(arena);
    bool good = true;

    *more = false;
    pg_add_int8_array(&params, hashes, NULL, count);
    pg_add_int4(&params, AT_ONCE);
    for (size_t i = 0; good && i < COUNT(delete_sides); i++) {
        const struct pg_result *result;

        good = pg_query(pg, &delete_sides[i], &params, arena, &result, err);
        *more |= good && pg_affected(result) == AT_ONCE;
    }
    arena_free(arena);
    return good;
}

bool parameters_delete_codes(struct pg *pg, const int64_t *hashes, size_t count, struct err *err)
{
    struct arena *arena = arena_new();
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int8_array(&params, hashes, NULL, count);
    bool good = pg_query(pg, &delete_codes, &params, arena, &result, err);
    arena_free(arena);
    return good;
}
