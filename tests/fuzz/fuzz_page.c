/*
 * Any bytes as a page of another server: no crash; what is taken apart lies within the bytes and
 * does not overlap; a page that is whole is not cut, and one that is cut has something broken.
 */

#include "base/arena.h"
#include "base/err.h"
#include "sync/page.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct text part, struct text all)
{
    assert(!part.data || (part.data >= all.data && part.data + part.size <= all.data + all.size));
}

static unsigned check_entries(const struct page *page, struct text all)
{
    const char *end = all.data;
    unsigned refused = 0;

    for (size_t i = 0; i < page->count; i++) {
        const struct page_entry *entry = &page->entries[i];

        check_within(entry->body, all);
        assert(!entry->refused == !entry->rule);
        refused += entry->refused != NULL;
        if (!entry->body.data)
            continue;
        assert(entry->body.data >= end);
        end = entry->body.data + entry->body.size;
    }
    return refused;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct text all = {(const char *)data, size};
    struct page_start start;
    struct page_entry entry;
    struct page page;
    struct err err = {0};

    if (page_read(all, TEXT("application/fhir+json"), arena, &page, &err))
        assert(check_entries(&page, all) == 0 && page.total >= -1);
    else if (page_cut(all, arena, &page))
        assert(check_entries(&page, all) > 0);
    if (page_read_start(all, arena, &start))
        check_within(start.first.body, all);
    if (page_read_resource(all, arena, &entry))
        assert(entry.type.data);
    arena_free(arena);
    return 0;
}
