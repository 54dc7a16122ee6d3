#pragma once

/* What page.c and page_cut.c share. */

#include "sync/page.h"

/* What an entry says beside its resource. */
struct page_parts {
    struct text request, response, full_url;
    bool typed; /* the resource says what it is */
};

/* Without white space and what else stands around a Bundle. */
struct text page_trim(struct text body);

/* A member of a Bundle other than its entries; `*type` gets its resourceType. */
void page_take_member(struct text name, struct text value, struct arena *arena, struct page *page,
                      struct text *type);

/* Room for another entry, which counts when page->count is raised. */
struct page_entry *page_add_entry(struct page *page, struct arena *arena);

/* An entry whose bytes are known, added to the page, or to its outcomes. */
void page_read_entry(struct text raw, struct arena *arena, struct page *page);

/* A member of an entry other than its resource. */
void page_take_part(struct text name, struct text value, struct arena *arena,
                    struct page_parts *parts, struct page_entry *entry);

/* A member of a resource. */
void page_take_head(struct text name, struct text value, struct arena *arena,
                    struct page_entry *entry);

/* Type and id, from "Patient/1" or "https://.../Patient/1/_history/2". */
void page_take_name(struct text url, struct page_entry *entry);
