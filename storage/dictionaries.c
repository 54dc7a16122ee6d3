/*
 * Dictionaries - see dictionaries.h.
 */

#include "storage/dictionaries.h"

#include "base/arena.h"
#include "storage/body.h"
#include "storage/pg.h"

bool dictionaries_load(struct pg *pg, struct body_codec *codec, struct err *err)
{
    static const struct pg_statement statement = {
        "select id, content from f_dictionary order by id"};
    struct arena *arena = arena_new();
    const struct pg_result *r;

    bool ok = pg_query(pg, &statement, NULL, arena, &r, err);
    for (int row = 0; ok && row < pg_rows(r); row++) {
        struct text content = pg_bytea(r, row, 1);

        ok = body_codec_add(codec, (uint8_t)pg_int4(r, row, 0), content.data, content.size, err);
    }
    arena_free(arena);
    return ok;
}
