/*
 * Any line as a link of another server, and as its dates: no crash; what is joined is http or https
 * and stays what it is when it is joined again.
 */

#include "base/arena.h"
#include "base/err.h"
#include "sync/http_date.h"
#include "sync/url.h"

#include <assert.h>

#define BASE "https://partner.example:8443/fhir/R4?_count=1"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_link(struct arena *arena, const char *link)
{
    char *url = url_join(arena, BASE, link);

    if (!url)
        return;
    assert(strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0);
    assert(url_is_https(url) == (url[4] == 's'));
    char *again = url_join(arena, BASE, url);
    assert(again && url_same_origin(url, again));
    char *ours = url_with_origin(arena, url, BASE);
    assert(!ours || url_same_origin(ours, BASE));
    char *counted = url_with_parameter(arena, url, "_count", "7");
    if (counted)
        assert(text_is(url_parameter(arena, counted, "_count"), "7"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct text line = {(const char *)data, size};
    int64_t time;

    check_link(arena, text_dup(arena, line));
    (void)!http_date_parse(line, &time);
    assert(retry_after_ms(line, 0) >= 0);
    arena_free(arena);
    return 0;
}
