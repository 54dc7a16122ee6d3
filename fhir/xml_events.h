#pragma once

/*
 * XML events - a document as tags and text, in order, for xml_read.c. The only
 * place that knows libxml2.
 *
 * Well-formed XML 1.0 with namespaces, in UTF-8. A document type declaration is
 * refused where it begins, so there are no entities but the five of XML itself
 * and nothing is ever fetched. Attributes of a tag, namespaces in scope and
 * levels of nesting are bounded, whatever the document.
 */

#include "base/err.h"
#include "base/text.h"

#include <stddef.h>

struct xml_attribute {
    struct text prefix, uri; /* absent without a prefix */
    struct text name;        /* without the prefix */
    struct text value;
};

struct xml_tag {
    struct text prefix, uri; /* absent without a prefix, outside any namespace */
    struct text name;        /* without the prefix */
    const struct xml_attribute *attributes;
    unsigned attribute_count;
    bool sets_namespace; /* has an `xmlns` of its own */
    size_t begin;        /* where in the document its '<' is */
};

/* What a reader does with the parts. Each returns false with the reader's `err` set to stop; all
 * that they are given is borrowed for the call. `end` is where the document goes on. */
struct xml_handler {
    bool (*start)(void *reader, const struct xml_tag *tag);
    bool (*finish)(void *reader, size_t end);
    bool (*text)(void *reader, struct text text);
};

/* False with `err` set: ERR_INVALID with line and column when it is no
 * well-formed XML, ERR_TOO_LARGE beyond a limit, or what the handler set. */
bool xml_events(const char *data, size_t size, const struct xml_handler *handler, void *reader,
                struct err *err);
