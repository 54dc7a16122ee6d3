/*
 * Pull query - what a window asks for, and what its answers say about that.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "sync/page.h"
#include "sync/partner.h"
#include "sync/pull_internal.h"
#include "sync/url.h"

#define LONGEST_URL 2000
#define DAY         (INT64_C(86400) * 1000000)

const char *const pull_mode_names[PULL_MODES] = {"search", "history", "snapshot"};

static const struct partner_schedule *schedule_of(const struct pull *pull)
{
    const struct partner_schedule *schedules[] = {&pull->partner->search, &pull->partner->history,
                                                  &pull->partner->snapshot};

    return schedules[pull->mode];
}

unsigned pull_page_size(const struct pull *pull)
{
    return schedule_of(pull)->page_size;
}

static bool by_time(const struct pull *pull)
{
    return pull->mode == PULL_SEARCH && pull->query && pull->query->clock == PARTNER_LAST_UPDATED;
}

bool pull_has_range(const struct pull *pull)
{
    return by_time(pull);
}

/* The key names the clock too: another one makes another cursor, and windows of its own. */
struct landing_cursor_key pull_key(const struct pull *pull)
{
    const struct partner_query *query = pull->query;
    bool clinical = query && pull->mode == PULL_SEARCH && query->clock == PARTNER_CLINICAL;
    const char *criteria = query ? query->q : "";

    return (struct landing_cursor_key){
        .partner = pull->number,
        .mode = clinical ? "clinical" : pull_mode_names[pull->mode],
        .type = query ? query->type : "",
        .query = text_of(clinical && query->key ? query->key : criteria),
    };
}

/* "2026-11-22T13:48:05.123Z", with "/3600000" behind it when windows are kept short. */
struct pull_position pull_position_read(struct text value)
{
    struct pull_position position = {INT64_MIN, 0};
    struct text instant = value, span = {0};

    if (!value.data)
        return position;
    text_split(value, '/', &instant, &span);
    position.since = page_time(instant);
    if (span.data && !text_to_int64(span, 1, INT64_MAX / 1000, &position.span))
        position.span = 0;
    position.span *= 1000;
    return position;
}

static const char *instant_text(struct arena *arena, int64_t time)
{
    char instant[CLOCK_INSTANT_SIZE];

    clock_format_instant(time, instant);
    return arena_strdup(arena, instant);
}

struct text pull_position_text(struct arena *arena, const struct pull_position *position)
{
    const char *since = position->since == INT64_MIN ? "" : instant_text(arena, position->since);

    if (!position->span)
        return text_of(since);
    return text_of(arena_printf(arena, "%s/%lld", since, (long long)(position->span / 1000)));
}

/* "since" or "since/until", either may be empty. */
struct pull_range pull_range_read(struct text value)
{
    struct text since = value, until = {0};

    text_split(value, '/', &since, &until);
    return (struct pull_range){
        since.size ? page_time(since) : INT64_MIN,
        until.size ? page_time(until) : INT64_MAX,
    };
}

struct text pull_range_text(struct arena *arena, const struct pull_range *range)
{
    const char *since = range->since == INT64_MIN ? "" : instant_text(arena, range->since);

    if (range->until == INT64_MAX)
        return text_of(since);
    return text_of(arena_printf(arena, "%s/%s", since, instant_text(arena, range->until)));
}

static void add(struct buf *out, const char *name, const char *comparator, const char *value)
{
    if (out->size)
        buf_add_char(out, '&');
    buf_printf(out, "%s=%s", name, comparator);
    url_encode(out, text_of(value));
}

/* A date of the content, by the day, since its precision may be no finer. */
static void add_lookback(struct buf *out, const struct partner_query *query, struct arena *arena)
{
    const char *instant =
        instant_text(arena, clock_now() - (query->lookback_days + INT64_C(1)) * DAY);

    add(out, query->parameter, "ge", arena_strndup(arena, instant, 10));
}

static void add_range(struct buf *out, const struct pull *pull, const struct pull_range *range,
                      struct arena *arena)
{
    if (pull->mode == PULL_HISTORY && range->since != INT64_MIN)
        add(out, "_since", "", instant_text(arena, range->since));
    if (by_time(pull) && range->since != INT64_MIN)
        add(out, "_lastUpdated", "ge", instant_text(arena, range->since));
    if (by_time(pull) && range->until != INT64_MAX)
        add(out, "_lastUpdated", "lt", instant_text(arena, range->until));
    if (pull->mode == PULL_SEARCH && pull->query && !by_time(pull))
        add_lookback(out, pull->query, arena);
}

const char *pull_first_url(const struct pull *pull, const struct pull_range *range,
                           struct arena *arena, struct text *form)
{
    struct buf query = buf_in(arena);
    const char *base = pull->partner->base, *type = pull->query ? pull->query->type : "";
    unsigned page_size = pull_page_size(pull);

    *form = (struct text){0};
    if (pull->query && pull->query->q[0])
        buf_add_text(&query, pull->query->q);
    add_range(&query, pull, range, arena);
    if (page_size)
        add(&query, "_count", "", arena_printf(arena, "%u", page_size));
    const char *text = buf_text(&query);
    if (pull->mode == PULL_HISTORY)
        return arena_printf(arena, "%s%s%s/_history?%s", base, type[0] ? "/" : "", type, text);
    if (strlen(base) + query.size > LONGEST_URL) {
        *form = (struct text){text, query.size};
        return arena_printf(arena, "%s/%s/_search", base, type);
    }
    return arena_printf(arena, "%s/%s?%s", base, type, text);
}

const char *pull_ignored(const struct pull *pull, const struct pull_range *range, struct text self,
                         struct arena *arena)
{
    const char *url = self.size ? text_dup(arena, self) : NULL;
    struct text rest = text_of(pull->query ? pull->query->q : NULL), pair, name, value;

    if (!url)
        return NULL;
    if (by_time(pull) && (range->since != INT64_MIN || range->until != INT64_MAX) &&
        !url_parameter(arena, url, "_lastUpdated").data)
        return "_lastUpdated";
    if (pull->mode == PULL_HISTORY && range->since != INT64_MIN &&
        !url_parameter(arena, url, "_since").data)
        return "_since";
    while (rest.size && text_next(&rest, '&', &pair)) {
        name = pair;
        text_split(pair, '=', &name, &value);
        const char *wanted = text_dup(arena, name);
        if (wanted[0] && wanted[0] != '_' && !url_parameter(arena, url, wanted).data)
            return wanted;
    }
    return NULL;
}

/* What stands behind scheme and authority, however these are written. */
static const char *path_of(const char *url)
{
    const char *scheme = strstr(url, "://");

    return scheme ? strchr(scheme + 3, '/') : NULL;
}

static bool is_ours_to_ask(const struct partner *partner, const char *url)
{
    if (url_same_origin(url, partner->base))
        return true;
    for (const char **alias = partner->aliases; *alias; alias++)
        if (url_same_origin(url, *alias))
            return true;
    return false;
}

static bool is_below(const char *url, const char *base)
{
    size_t size = strlen(base);

    return strncmp(url, base, size) == 0 && (!url[size] || strchr("/?", url[size]));
}

bool pull_may_go_on(const struct pull *pull, const char *url, bool changed)
{
    bool below = is_below(url, pull->partner->base);

    for (const char **alias = pull->partner->aliases; *alias; alias++)
        below = below || is_below(url, *alias);
    return is_ours_to_ask(pull->partner, url) && (below || !changed);
}

const char *pull_next_url(const struct pull *pull, const char *page_url, const char *answered,
                          struct text next, struct arena *arena, const char **reason)
{
    const char *link = text_dup(arena, next);
    const char *base = arena_printf(arena, "%s/", pull->partner->base);
    bool of_page = link[0] == '?' || link[0] == '/';
    const char *url = link[0] ? url_join(arena, of_page ? page_url : base, link) : NULL;

    if (url && is_ours_to_ask(pull->partner, url))
        return url;
    /* A server to which we were sent names itself: we go there by the way we came. */
    if (url && answered && url_same_origin(url, answered))
        return url_with_origin(arena, url, page_url);
    if (pull->partner->link_rewrite && url)
        return url_with_origin(arena, url, pull->partner->base);
    if (pull->partner->link_rewrite && path_of(link))
        return url_join(arena, pull->partner->base, path_of(link));
    *reason = url ? "The next link leads to another host; name it among the aliases, or set "
                    "linkRewrite."
                  : "The next link is no URL that can be asked for; linkRewrite may help.";
    return NULL;
}
