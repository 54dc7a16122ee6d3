/*
 * Pull chain - the pages of one window, from the first to one without a next
 * link. Each is landed while the following one is fetched.
 */

#include "base/arena.h"
#include "base/clock.h"
#include "base/fiber.h"
#include "base/hash.h"
#include "sync/fetch.h"
#include "sync/page.h"
#include "sync/partner.h"
#include "sync/pull_internal.h"
#include "sync/talk.h"

#define MICRO      INT64_C(1000000)
#define FUTURE     (10 * MICRO) /* how far ahead of the partner's clock a row may be */
#define SLACK      MICRO        /* partners that search by whole seconds */
#define PIECE_SIZE ((size_t)16 << 20)
#define DAY        (86400 * MICRO)
#define NO_DATE    (600 * MICRO) /* what a clock that is not known may be behind ours */

/* URLs that were asked for, as hashes. */
struct visited {
    uint64_t *hashes;
    size_t count, room;
};

static enum chain_end judge(struct chain *chain, struct sheet *sheet, bool is_first);
static enum chain_end land_sheet(struct chain *chain, struct sheet *sheet, const char *next,
                                 int32_t tag, struct err *err);
static void look_at(struct chain *chain, const struct sheet *sheet, bool is_first);

/* The chain. */

static bool visit(struct visited *visited, struct arena *arena, const char *url)
{
    static const struct hash_key key = {0x697374686d7573, 0x70616765};
    uint64_t hash = hash_bytes(&key, url, strlen(url));

    for (size_t i = 0; i < visited->count; i++)
        if (visited->hashes[i] == hash)
            return false;
    if (visited->count == visited->room) {
        size_t room = visited->room ? visited->room * 2 : 64;
        uint64_t *larger = arena_many(arena, uint64_t, room);
        if (visited->count)
            memcpy(larger, visited->hashes, visited->count * sizeof(*larger));
        visited->hashes = larger;
        visited->room = room;
    }
    visited->hashes[visited->count++] = hash;
    return true;
}

static enum chain_end stop_with(struct chain *chain, enum chain_end end, const char *reason)
{
    snprintf(chain->reason, sizeof(chain->reason), "%.*s", (int)sizeof(chain->reason) - 1, reason);
    return end;
}

/* The URL of the page behind this one, NULL on the last; `*end` when it cannot be gone on. */
static const char *follow(struct chain *chain, struct sheet *sheet, struct visited *visited,
                          enum chain_end *end)
{
    const char *reason = NULL, *next;

    *end = CHAIN_LANDED;
    if (!sheet->page.next.data)
        return NULL;
    next = pull_next_url(chain->pull, sheet->url, sheet->response.url, sheet->page.next,
                         sheet->arena, &reason);
    chain->astray = !next;
    if (!next)
        *end = stop_with(chain, CHAIN_BROKEN, reason);
    else if (!visit(visited, chain->arena, next))
        *end = stop_with(chain, CHAIN_BROKEN, "The next links lead in a circle.");
    return *end == CHAIN_LANDED ? next : NULL;
}

/* Waits. The sheet, or what comes in place of it. */
static struct sheet *usable(struct chain *chain, struct sheet *sheet)
{
    sheet_await(sheet);
    if (sheet->good)
        return sheet_widen(chain, sheet);
    return sheet_narrow(chain, sheet);
}

enum chain_end chain_run(struct chain *chain, const char *from, int32_t tag, struct err *err)
{
    struct visited visited = {0};
    struct text form = {0};
    const char *url = from ? from : pull_first_url(chain->pull, &chain->range, chain->arena, &form);
    struct sheet *sheet = sheet_begin(chain->pull, url, form, false), *ahead = NULL;
    enum chain_end end;

    visit(&visited, chain->arena, url);
    chain->widen = from && !sheet_is_full(sheet);
    for (bool is_first = !from;; is_first = false) {
        sheet = usable(chain, sheet);
        end = judge(chain, sheet, is_first);
        if (end != CHAIN_LANDED)
            break;
        look_at(chain, sheet, is_first);
        const char *next = follow(chain, sheet, &visited, &end);
        if (end != CHAIN_LANDED)
            break;
        ahead = next ? sheet_begin(chain->pull, next, (struct text){0}, false) : NULL;
        end = land_sheet(chain, sheet, next, tag, err);
        if (end != CHAIN_LANDED || !next)
            break;
        sheet_end(sheet);
        sheet = ahead;
        ahead = NULL;
    }
    sheet_end(sheet);
    sheet_end(ahead);
    return end;
}

/* Whether the page came, and if not, what to do about it. */
static enum chain_end judge(struct chain *chain, struct sheet *sheet, bool is_first)
{
    int status = sheet->response.status;
    char reason[80];

    if (!sheet->good) {
        bool later = sheet->err.kind == ERR_THROTTLED || sheet->err.kind == ERR_BUSY;
        bool fatal = is_first || sheet->err.kind == ERR_FORBIDDEN;
        return stop_with(chain,
                         later   ? CHAIN_LATER
                         : fatal ? CHAIN_FATAL
                                 : CHAIN_BROKEN,
                         sheet->err.text);
    }
    if (status < 300)
        return CHAIN_LANDED;
    snprintf(reason, sizeof(reason), "The partner answers %d to %s.", status,
             is_first ? "the search" : "a next link");
    return stop_with(chain, is_first ? CHAIN_FATAL : CHAIN_BROKEN, reason);
}

/* What the page says about the window. */

static void note(struct chain *chain, const char *text)
{
    if (!chain->note[0])
        snprintf(chain->note, sizeof(chain->note), "%s", text);
}

static void note_outcome(struct chain *chain, const struct page *page, struct arena *arena)
{
    if (page->outcome == PAGE_DOUBT && !chain->partial) {
        chain->partial = true;
        chain->note[0] = 0; /* this is more than what was noted before */
    }
    note(chain, arena_printf(arena,
                             "The partner adds a remark (%.*s, %.*s): the answer may be "
                             "less than the whole.",
                             page->severity.size < 20 ? (int)page->severity.size : 20,
                             page->severity.data ? page->severity.data : "",
                             page->code.size < 40 ? (int)page->code.size : 40,
                             page->code.data ? page->code.data : ""));
}

static void look_at_row(struct chain *chain, const struct page_entry *entry)
{
    const struct pull_range *range = &chain->range;

    if (entry->refused)
        return;
    if (entry->updated == INT64_MIN) {
        chain->undated = true;
        return;
    }
    if (!entry->include && chain->pull->mode != PULL_SNAPSHOT &&
        (pull_has_range(chain->pull) || chain->pull->mode == PULL_HISTORY) &&
        ((range->since != INT64_MIN && entry->updated < range->since - SLACK) ||
         (range->until != INT64_MAX && entry->updated > range->until + SLACK)))
        note(chain, "The partner ignores the time that is asked for: every pull reads everything.");
    if (entry->updated <= chain->t0 + FUTURE && entry->updated > chain->seen)
        chain->seen = entry->updated;
    if (chain->first == INT64_MIN || entry->updated < chain->first)
        chain->first = entry->updated;
}

static void look_at(struct chain *chain, const struct sheet *sheet, bool is_first)
{
    const char *ignored =
        is_first && !sheet->form.data
            ? pull_ignored(chain->pull, &chain->range, sheet->page.self, sheet->arena)
            : NULL;
    int64_t date = sheet->response.date;

    chain->pages++;
    if (date == INT64_MIN)
        date = clock_now() - NO_DATE;
    if (chain->t0 == INT64_MIN || date < chain->t0)
        chain->t0 = date;
    if (ignored)
        note(chain,
             arena_printf(sheet->arena, "The partner ignores the parameter %.60s.", ignored));
    if (sheet->page.outcomes)
        note_outcome(chain, &sheet->page, sheet->arena);
    for (size_t i = 0; i < sheet->page.count; i++)
        look_at_row(chain, &sheet->page.entries[i]);
}

/* Before the page lands: who goes on with the window after a crash does not see it. */
static bool keep_note(struct chain *chain, struct err *err)
{
    const struct pull *pull = chain->pull;
    int noted = 1 + chain->partial;

    if (!chain->note[0] || chain->noted == noted)
        return true;
    while (
        !landing_window_note(pull->store, chain->window.number, chain->note, chain->partial, err))
        if (!talk_wait_for_database(pull->talk, err))
            return false;
    chain->noted = noted;
    return true;
}

/* Where the next window begins, when this one has landed. */
static int64_t next_since(const struct chain *chain)
{
    const struct talk_counts *counts = talk_counts(chain->pull->talk);
    const struct partner *partner = chain->pull->partner;
    int64_t overlap =
        chain->pull->mode == PULL_HISTORY ? partner->history.overlap : partner->search.overlap;
    int64_t skew = counts->skew_known ? llabs(counts->skew_ms) : 0;
    int64_t since = chain->t0;

    overlap = (overlap > skew ? overlap : skew) * 1000;
    /* A replica that lags behind shows nothing newer than what it has. Without times in the rows
     * nothing can be known of that; without rows the cursor stays. */
    if (chain->range.until != INT64_MAX)
        since = chain->range.until + overlap < since ? chain->range.until + overlap : since;
    else if (chain->seen != INT64_MIN && chain->seen < since)
        since = chain->seen;
    else if (chain->seen == INT64_MIN && !chain->undated)
        return chain->floor;
    since -= overlap;
    return since > chain->floor ? since : chain->floor;
}

/* Landing. */

/* Rows in the overlap are mostly known: those with the version and time that were applied last
 * are left out. */
static bool leave_out_known(struct chain *chain, struct sheet *sheet, struct err *err)
{
    const struct pull *pull = chain->pull;
    struct page *page = &sheet->page;
    struct landing_identity **known =
        arena_many(sheet->arena, struct landing_identity *, page->count + 1);
    struct text *ids = arena_many(sheet->arena, struct text, page->count + 1);
    size_t kept = 0;

    if (!pull_has_range(pull) || chain->range.since == INT64_MIN || !page->count)
        return true;
    for (size_t i = 0; i < page->count; i++)
        ids[i] = page->entries[i].id.data && text_is(page->entries[i].type, pull->query->type)
                     ? page->entries[i].id
                     : TEXT("-");
    while (!landing_identity_read(pull->store, pull->number, pull->query->type, ids, page->count,
                                  sheet->arena, known, err))
        if (!talk_wait_for_database(pull->talk, err))
            return false;
    for (size_t i = 0; i < page->count; i++) {
        const struct page_entry *entry = &page->entries[i];
        const struct landing_identity *same = known[i];
        if (same && entry->id.data && same->presence == LANDING_PRESENT && same->version &&
            entry->version.data && text_is(entry->version, same->version) &&
            entry->updated != INT64_MIN && entry->updated == same->updated &&
            text_is(entry->id, same->id))
            continue;
        page->entries[kept++] = *entry;
    }
    page->count = kept;
    return true;
}

/* As updated_of() in apply.c judges those of resources. */
static int64_t time_of(const struct sheet *sheet, const struct page_entry *entry)
{
    int64_t ahead = talk_ahead(sheet->pull->talk);

    return entry->updated <= clock_now() + (ahead ? ahead : DAY) ? entry->updated : INT64_MIN;
}

static struct landing_row *rows_of(const struct sheet *sheet)
{
    struct landing_row *rows = arena_many(sheet->arena, struct landing_row, sheet->page.count + 1);

    for (size_t i = 0; i < sheet->page.count; i++) {
        const struct page_entry *entry = &sheet->page.entries[i];
        rows[i] = (struct landing_row){.body = entry->body, .updated = INT64_MIN};
        if (entry->deletion || entry->refused)
            rows[i] = (struct landing_row){
                .body = entry->body,
                .type = entry->type,
                .id = entry->id,
                .version = entry->version,
                .updated = time_of(sheet, entry),
                .refused = text_of(entry->refused),
                .rule = text_of(entry->rule),
            };
    }
    return rows;
}

/* How many rows, from `from` on, make a unit of a bearable size. */
static size_t piece(const struct landing_row *rows, size_t from, size_t count)
{
    size_t bytes = 0, at = from;

    while (at < count && at - from < LANDING_UNIT_MAX &&
           (at == from || bytes + rows[at].body.size <= PIECE_SIZE))
        bytes += rows[at++].body.size;
    return at - from;
}

static enum chain_end land_piece(struct chain *chain, struct landing_unit *unit, struct err *err)
{
    const struct pull *pull = chain->pull;
    bool already;

    while (!landing_land(pull->store, unit, &already, err))
        if (!talk_wait_for_database(pull->talk, err))
            return CHAIN_FAILED;
    chain->units++;
    if (already)
        return CHAIN_LANDED;
    chain->rows += (int64_t)unit->count;
    if (pull->landed)
        pull->landed(pull->context, unit->count);
    return CHAIN_LANDED;
}

static enum chain_end land_sheet(struct chain *chain, struct sheet *sheet, const char *next,
                                 int32_t tag, struct err *err)
{
    enum chain_end end = CHAIN_LANDED;

    if (!keep_note(chain, err) || !leave_out_known(chain, sheet, err))
        return CHAIN_FAILED;
    const struct landing_row *rows = rows_of(sheet);
    const struct pull_position position = {next_since(chain), pull_next_span(chain)};
    struct landing_cursor cursor = chain->cursor;
    cursor.value = pull_position_text(sheet->arena, &position);
    size_t done = 0, number = 0, count = sheet->page.count;
    do {
        size_t size = piece(rows, done, count);
        bool final = done + size == count;
        struct landing_unit unit = {
            .window = chain->window.number,
            .url = text_of(arena_printf(sheet->arena, "%s#%d.%zu", sheet->url, tag, number++)),
            .next = text_of(final              ? next
                            : sheet->form.data ? NULL /* a form has no URL to go on with */
                                               : sheet->url),
            .rows = rows + done,
            .count = size,
            .expected = (int64_t)size,
            .last = final && !next,
            .cursor = final && !next ? &cursor : NULL,
        };
        end = land_piece(chain, &unit, err);
        done += size;
    } while (end == CHAIN_LANDED && done < count);
    return end;
}
