/*
 * Subset - see subset.h.
 */

#include "server/subset.h"

#include "base/buf.h"
#include "server/format.h"

bool subset_takes(struct text name)
{
    return text_is(name, "_summary") || text_is(name, "_elements");
}

bool subset_read(struct request *req, struct err *err)
{
    struct text summary = format_parameter(req, "_summary");
    struct text elements = format_parameter(req, "_elements");
    struct projection shortened = {0};

    req->projection = (struct projection){0};
    if (summary.data && !projection_read_summary(&req->projection, summary))
        return err_set(err, ERR_INVALID, "_summary",
                       "\"_summary\" takes true, text, data or false here; count belongs to "
                       "searches.");
    if (!elements.data)
        return true;
    if (!projection_read_elements(&shortened, req->arena, req->type, &elements, req->lenient,
                                  &req->issues, err))
        return false;
    if (shortened.kind && req->projection.kind)
        return err_set(err, ERR_INVALID, "_elements",
                       "\"_elements\" and \"_summary\" each say what is wanted of a resource; give "
                       "one of them.");
    if (shortened.kind)
        req->projection = shortened;
    return true;
}

/* What is stored can be read; if it cannot, whoever asked had better see it. */
static void add(const struct request *req, const struct store_version *version, struct buf *out)
{
    if (!projection_write(&req->projection, version->json, version->json_size, out))
        buf_add(out, version->json, version->json_size);
}

void subset_add(const struct request *req, const struct store_entry *entry, struct buf *out)
{
    const struct store_version *version = &entry->version;
    bool whole = req->projection.kind == PROJECTION_WHOLE ||
                 (req->projection.kind == PROJECTION_ELEMENTS && entry->mode == STORE_INCLUDE);

    if (whole)
        buf_add(out, version->json, version->json_size);
    else
        add(req, version, out);
}

void subset_answer(struct request *req, const struct store_version *version)
{
    struct buf out = buf_in(req->arena);

    if (req->projection.kind == PROJECTION_WHOLE)
        return;
    add(req, version, &out);
    req->answer.body = (struct text){out.data, out.size};
}
