/*
 * Pull sheet - one page, while it is fetched and until it has landed.
 */

#include "base/arena.h"
#include "sync/pull_internal.h"
#include "sync/talk.h"

#define ENOUGH 2 /* tries: what is broken as often is so for good */

static void fetch_sheet(void *context);

struct sheet *sheet_begin(const struct pull *pull, const char *url, struct text form, bool hasty)
{
    struct arena *arena = arena_new();
    struct sheet *sheet = arena_one(arena, struct sheet);

    sheet->pull = pull;
    sheet->arena = arena;
    sheet->url = arena_strdup(arena, url);
    sheet->form = (struct text){text_dup(arena, form), form.size};
    sheet->hasty = hasty;
    fiber_spawn(fiber_loop(), fetch_sheet, sheet);
    return sheet;
}

/* It is no page with something missing: nobody knows how much. */
static bool is_whole(const struct page *page, struct err *err)
{
    if (page->outcome != PAGE_ERROR)
        return true;
    return err_set(err, ERR_INVALID, NULL, "The partner reports an error (%.*s) within its answer.",
                   page->code.size < 40 ? (int)page->code.size : 40,
                   page->code.data ? page->code.data : "");
}

/* A page that comes broken again is cut where that is no guess. In vain, and in haste, it is taken
 * for an answer all the same. */
static bool accept(void *context, const struct fetch_response *response, struct arena *arena,
                   struct err *err)
{
    struct sheet *sheet = context;
    struct page_start start;

    sheet->broken = (struct text){0};
    if (page_read(response->body, response->content_type, arena, &sheet->page, err))
        return is_whole(&sheet->page, err);
    if (!page_read_start(response->body, arena, &start))
        return false;
    sheet->broken = response->body;
    if (++sheet->tries < ENOUGH)
        return false;
    if (page_cut(response->body, arena, &sheet->page)) {
        sheet->broken = (struct text){0};
        return is_whole(&sheet->page, err);
    }
    sheet->err = *err;
    return sheet->hasty;
}

static void fetch_sheet(void *context)
{
    struct sheet *sheet = context;
    struct err err = {0};
    const struct talk_request request = {
        .method = sheet->form.data ? "POST" : "GET",
        .url = sheet->url,
        .form = sheet->form,
        .accept = accept,
        .context = sheet,
    };

    sheet->good = talk(sheet->pull->talk, &request, sheet->arena, &sheet->response, &err);
    if (!sheet->good)
        sheet->err = err;
    else if (sheet->response.status < 300)
        sheet->good = !sheet->broken.data;
    sheet->finished = true;
    fiber_wake(&sheet->waiter);
}

void sheet_await(struct sheet *sheet)
{
    struct err ignored = {0};

    while (!sheet->finished)
        (void)!fiber_wait(&sheet->waiter, -1, &ignored);
}

void sheet_end(struct sheet *sheet)
{
    if (!sheet)
        return;
    sheet_await(sheet);
    arena_free(sheet->arena);
}
