/*
 * Search cursors - a position, and the plan it belongs to, as text.
 */

#include "storage/search_cursor.h"

#include "base/buf.h"
#include "base/hash.h"
#include "storage/cursor.h"

static uint64_t identity(const struct search_plan *plan);

const char *search_cursor_write(const struct search_paging *paging)
{
    const struct search_plan *plan = &paging->plan;
    struct cursor cursor = cursor_begin(plan->arena);

    cursor_put_int(&cursor, plan->driver);
    cursor_put_int(&cursor, plan->mode);
    cursor_put_int(&cursor, plan->driving);
    cursor_put_int(&cursor, paging->has_total ? paging->total : -1);
    for (size_t i = 0; i < plan->key_count; i++) {
        const struct search_key_value *value = &paging->position.keys[i];

        cursor_put_int(&cursor, value->null);
        cursor_put_int(&cursor, value->time);
        cursor_put_float(&cursor, value->number);
        cursor_put_text(&cursor, value->text);
    }
    cursor_put_int(&cursor, paging->position.rkey);
    return cursor_text(&cursor, &plan->store->cursor_key, identity(plan));
}

bool search_cursor_read(struct search_paging *paging, struct err *err)
{
    struct search_plan *plan = &paging->plan;
    struct cursor cursor;

    if (!cursor_open(&cursor, plan->arena, plan->query->page, &plan->store->cursor_key,
                     identity(plan), err))
        return false;
    int64_t driver = cursor_take_int(&cursor), mode = cursor_take_int(&cursor);
    int64_t driving = cursor_take_int(&cursor), total = cursor_take_int(&cursor);

    if (!search_plan_resume(plan, driver, mode, driving)) {
        cursor.failed = true;
        return cursor_end(&cursor, err);
    }
    paging->has_total = total >= 0;
    paging->total = total;
    for (size_t i = 0; i < plan->key_count; i++) {
        struct search_key_value *value = &paging->position.keys[i];

        value->null = cursor_take_int(&cursor) != 0;
        value->time = cursor_take_int(&cursor);
        value->number = cursor_take_float(&cursor);
        value->text = cursor_take_text(&cursor);
    }
    paging->position.rkey = cursor_take_int(&cursor);
    paging->position.set = true;
    return cursor_end(&cursor, err);
}

static uint64_t identity(const struct search_plan *plan)
{
    struct buf text = buf_in(plan->arena);
    struct hash_state state;

    query_write_identity(plan->query, &text);
    hash_init(&state, &plan->store->cursor_key);
    hash_part(&state, "search3", 7); /* rises when the order of pages changes */
    hash_number(&state, (uint32_t)plan->access->tenant);
    hash_part(&state, text.data, text.size);
    return hash_done(&state);
}
