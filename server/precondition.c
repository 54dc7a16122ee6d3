/*
 * Preconditions - see precondition.h.
 */

#include "server/precondition.h"

#include "base/arena.h"
#include "base/clock.h"

static bool parse_http_date(struct text text, int64_t *time);

bool etag_parse(struct text text, int64_t *version)
{
    if (text_starts_with(text, TEXT("W/")))
        text = (struct text){text.data + 2, text.size - 2};
    if (text.size >= 2 && text.data[0] == '"' && text.data[text.size - 1] == '"')
        text = (struct text){text.data + 1, text.size - 2};
    return text_to_int64(text, 1, INT64_MAX, version);
}

/* Whether a list of ETags names the version; weak comparison, RFC 9110 13.1.2. */
static bool list_names(struct text list, int64_t number)
{
    struct text tag;
    int64_t version;

    if (text_is(list, "*"))
        return true;
    while (text_next(&list, ',', &tag))
        if (etag_parse(text_trim(tag), &version) && version == number)
            return true;
    return false;
}

bool precondition_not_modified(const struct request *req, const struct store_version *version)
{
    struct text tags = request_header(req, "If-None-Match");
    struct text since = request_header(req, "If-Modified-Since");
    int64_t time;

    if (tags.data)
        return list_names(tags, version->number);
    return since.data && parse_http_date(since, &time) &&
           version->last_updated / 1000000 <= time / 1000000;
}

void answer_etag(struct request *req, const struct store_version *version)
{
    char *date = arena_alloc_raw(req->arena, CLOCK_HTTP_SIZE);

    clock_format_http(version->last_updated, date);
    answer_header(req, "ETag", arena_printf(req->arena, "W/\"%lld\"", (long long)version->number));
    answer_header(req, "Last-Modified", date);
    req->answer.version = version;
}

/* The preferred form of RFC 9110 5.6.7; entries of a Bundle carry an instant. */
static bool parse_http_date(struct text text, int64_t *time)
{
    struct tm tm = {0};
    char copy[64];

    if (text.size >= sizeof(copy))
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    const char *end = strptime(copy, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (!end)
        end = strptime(copy, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (!end || *end)
        return false;
    *time = (int64_t)timegm(&tm) * 1000000;
    return true;
}
