/*
 * Operation - see operation.h.
 */

#include "server/operation.h"

#include "base/buf.h"
#include "fhir/node.h"
#include "fhir/query_text.h"

static bool add_body(struct request *req, struct buf *out, struct err *err);
static struct text value_of(const struct node *parameter);

bool operation_parameters(struct request *req, struct text *text, struct err *err)
{
    struct buf out = buf_in(req->arena);

    *text = req->query;
    if (strcmp(req->method, "POST") != 0 || (!req->body.size && !req->resource))
        return true;
    buf_add(&out, req->query.data, req->query.size);
    if (!add_body(req, &out, err))
        return false;
    *text = (struct text){buf_text(&out), out.size};
    return true;
}

static bool add_body(struct request *req, struct buf *out, struct err *err)
{
    if (!request_parse_resource(req, err))
        return false;
    if (!text_is(text_of(req->resource->type->name), "Parameters"))
        return err_set(err, ERR_INVALID, NULL,
                       "The body of an operation is a Parameters resource.");
    for (const struct node *parameter = node_child(req->resource, "parameter"); parameter;
         parameter = node_next_same(parameter)) {
        struct text name = node_value(parameter, "name"), value = value_of(parameter);

        if (!name.data || !value.data)
            return err_set(err, ERR_INVALID, "Parameters.parameter",
                           "Each parameter needs a name and a value that is one text, number or "
                           "reference.");
        if (out->size)
            buf_add_char(out, '&');
        query_encode(out, name);
        buf_add_char(out, '=');
        query_encode(out, value);
    }
    return true;
}

static struct text value_of(const struct node *parameter)
{
    for (const struct node *child = parameter->first; child; child = child->next) {
        if (!text_starts_with(child->name, TEXT("value")))
            continue;
        if (child->type && text_is(text_of(child->type->name), "Reference"))
            return node_value(child, "reference");
        return child->value;
    }
    return (struct text){0};
}
