/*
 * XML events - see xml_events.h.
 *
 * By SAX, not by xmlTextReader: that one parses ahead of what it reports, so
 * that the bytes of a narrative could not be cut out of the document, and it
 * builds a tree of its own on the way.
 */

#include "fhir/xml_events.h"

#include "fhir/json_scan.h"

#include <limits.h>
#include <pthread.h>

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlerror.h>

/* libxml2 looks for a second attribute among all of the tag, and for a prefix among all namespaces
 * in scope: unbounded, both would be quadratic. */
#define ATTRIBUTES_MAX 128
#define NAMESPACES_MAX 128
#define LEVELS_MAX     1024 /* narratives and unknown elements included */

struct parsing {
    const struct xml_handler *handler;
    void *reader;
    xmlParserCtxtPtr context;
    struct json_scan scan; /* for places in messages */
    unsigned levels;
    struct xml_attribute attributes[ATTRIBUTES_MAX];
};

static bool check_bytes(struct parsing *p);
static bool check_attributes(struct parsing *p);
static void parse(struct parsing *p);
static void on_begin(void *user);
static void on_doctype(void *user, const xmlChar *name, const xmlChar *external,
                       const xmlChar *system);
static void on_start(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                     int namespace_count, const xmlChar **namespaces, int attribute_count,
                     int default_count, const xmlChar **attributes);
static void on_finish(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri);
static void on_text(void *user, const xmlChar *text, int size);
static void on_error(void *user, xmlErrorPtr error);
static void stop(struct parsing *p);

static pthread_once_t once = PTHREAD_ONCE_INIT;

bool xml_events(const char *data, size_t size, const struct xml_handler *handler, void *reader,
                struct err *err)
{
    struct parsing p = {
        .handler = handler,
        .reader = reader,
        .scan = {.start = data, .at = data, .end = data + size, .err = err},
    };

    if (size > INT_MAX)
        return err_set(err, ERR_TOO_LARGE, NULL, "The document is larger than 2 GiB.");
    if (!check_bytes(&p) || !check_attributes(&p))
        return false;
    pthread_once(&once, xmlInitParser);
    parse(&p);
    return err->kind == ERR_NONE;
}

/* R4 xml.html: UTF-8, always. Then positions in what libxml2 parses are positions in the document,
 * too. */
static bool check_bytes(struct parsing *p)
{
    struct text document = {p->scan.start, (size_t)(p->scan.end - p->scan.start)};

    if (document.size == 0)
        return err_set(p->scan.err, ERR_INVALID, NULL, "The document is empty.");
    if (!text_is_utf8(document) || memchr(document.data, 0, document.size))
        return err_set(p->scan.err, ERR_INVALID, NULL,
                       "The document is not in UTF-8, as FHIR's XML must be.");
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* How often '=' and a value in quotes follow each other. */
static unsigned count_values(const char *at, const char *end)
{
    unsigned count = 0;

    while (at < end && (at = memchr(at, '=', (size_t)(end - at)))) {
        for (at++; at < end && is_space(*at); at++)
            ;
        if (at == end || (*at != '"' && *at != '\''))
            continue;
        count++;
        at = memchr(at + 1, *at, (size_t)(end - at - 1));
        if (!at)
            break;
        at++;
    }
    return count;
}

/* No '<' stands within a tag: between two of them is at most one, and every attribute has '=' and
 * a quote. So this bounds attributes whatever else is wrong with the document. */
static bool check_attributes(struct parsing *p)
{
    const char *end = p->scan.end, *next;

    for (const char *at = p->scan.start; at; at = next) {
        next = memchr(at + 1, '<', (size_t)(end - at - 1));
        if (count_values(at, next ? next : end) > ATTRIBUTES_MAX)
            return err_set(p->scan.err, ERR_TOO_LARGE, NULL, "A tag has more than %d attributes.",
                           ATTRIBUTES_MAX);
    }
    return true;
}

static void parse(struct parsing *p)
{
    xmlSAXHandler handler = {
        .initialized = XML_SAX2_MAGIC,
        .startDocument = on_begin,
        .internalSubset = on_doctype,
        .startElementNs = on_start,
        .endElementNs = on_finish,
        .characters = on_text,
        .serror = on_error,
    };
    int size = (int)(p->scan.end - p->scan.start);

    p->context = xmlCreateMemoryParserCtxt(p->scan.start, size);
    if (!p->context) {
        err_set(p->scan.err, ERR_INTERNAL, NULL, "The XML parser could not be started.");
        return;
    }
    *p->context->sax = handler;
    p->context->userData = p;
    /* "Huge" lifts limits of libxml2's that are smaller than ours: values beyond 10 MB. "No
     * entities" writes the character for &amp; instead of &#38;; there are no entities that it
     * could let in. */
    xmlCtxtUseOptions(p->context, XML_PARSE_NONET | XML_PARSE_HUGE | XML_PARSE_NOENT);
    xmlParseDocument(p->context);
    if (!p->context->wellFormed)
        err_set(p->scan.err, ERR_INVALID, NULL, "The document is no well-formed XML.");
    xmlFreeDoc(p->context->myDoc); /* made for an entity even without our asking */
    xmlFreeParserCtxt(p->context);
}

static size_t position(const struct parsing *p)
{
    long consumed = xmlByteConsumed(p->context);
    size_t size = (size_t)(p->scan.end - p->scan.start);

    return consumed < 0 ? 0 : (size_t)consumed > size ? size : (size_t)consumed;
}

static void on_begin(void *user)
{
    struct parsing *p = user;
    const char *encoding = (const char *)p->context->input->encoding;

    if (!encoding)
        encoding = (const char *)p->context->encoding;
    if (encoding && !text_equals_nocase(text_of(encoding), TEXT("UTF-8")) &&
        !text_equals_nocase(text_of(encoding), TEXT("US-ASCII"))) {
        err_set(p->scan.err, ERR_INVALID, NULL,
                "The document says that it is not in UTF-8, as FHIR's XML must be.");
        stop(p);
    }
}

static void on_doctype(void *user, const xmlChar *name, const xmlChar *external,
                       const xmlChar *system)
{
    struct parsing *p = user;

    (void)name, (void)external, (void)system;
    json_scan_fail(&p->scan, p->scan.start + position(p),
                   "a document type declaration is not allowed here");
    /* stop() would not: what is declared is parsed all the same. */
    xmlStopParser(p->context);
}

static struct text text_of_xml(const xmlChar *text)
{
    return text_of((const char *)text);
}

/* libxml2 hands over attributes in fives: name, prefix, namespace, value, its end. */
static void gather_attributes(struct parsing *p, unsigned count, const xmlChar **given)
{
    for (unsigned i = 0; i < count; i++, given += 5)
        p->attributes[i] = (struct xml_attribute){
            .name = text_of_xml(given[0]),
            .prefix = text_of_xml(given[1]),
            .uri = text_of_xml(given[2]),
            .value = {(const char *)given[3], (size_t)(given[4] - given[3])},
        };
}

static bool check_limits(struct parsing *p, int attribute_count)
{
    p->levels++;
    if (p->levels > LEVELS_MAX)
        return err_set(p->scan.err, ERR_TOO_LARGE, NULL,
                       "Elements are nested deeper than %d levels.", LEVELS_MAX);
    /* In pairs of prefix and URI. */
    if (p->context->nsNr > 2 * NAMESPACES_MAX || attribute_count > ATTRIBUTES_MAX)
        return err_set(p->scan.err, ERR_TOO_LARGE, NULL,
                       "A tag has more than %d attributes or namespaces.", ATTRIBUTES_MAX);
    return true;
}

static void on_start(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                     int namespace_count, const xmlChar **namespaces, int attribute_count,
                     int default_count, const xmlChar **attributes)
{
    struct parsing *p = user;
    struct xml_tag tag = {
        .prefix = text_of_xml(prefix),
        .uri = text_of_xml(uri),
        .name = text_of_xml(name),
        .attributes = p->attributes,
        .attribute_count = (unsigned)attribute_count,
    };
    const char *begin;

    (void)default_count;
    if (!check_limits(p, attribute_count)) {
        stop(p);
        return;
    }
    gather_attributes(p, tag.attribute_count, attributes);
    for (int i = 0; i < namespace_count; i++)
        tag.sets_namespace = tag.sets_namespace || !namespaces[(size_t)2 * i];
    /* We are behind the attributes, in which no '<' can stand. */
    begin = memrchr(p->scan.start, '<', position(p));
    tag.begin = begin ? (size_t)(begin - p->scan.start) : 0;
    if (!p->handler->start(p->reader, &tag))
        stop(p);
}

static void on_finish(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    struct parsing *p = user;

    (void)name, (void)prefix, (void)uri;
    p->levels--;
    if (!p->handler->finish(p->reader, position(p)))
        stop(p);
}

static void on_text(void *user, const xmlChar *text, int size)
{
    struct parsing *p = user;

    if (!p->handler->text(p->reader, (struct text){(const char *)text, (size_t)size}))
        stop(p);
}

/* Messages of our own: those of libxml2 quote the document. */
static const char *sentence_for(int code)
{
    switch (code) {
    case XML_ERR_TAG_NAME_MISMATCH:
        return "this end tag does not match the element that is open";
    case XML_ERR_TAG_NOT_FINISHED:
    case XML_ERR_GT_REQUIRED:
        return "a tag is not finished";
    case XML_ERR_DOCUMENT_EMPTY:
        return "expected '<' and a resource";
    case XML_ERR_DOCUMENT_END:
        return "expected nothing more after the resource";
    case XML_ERR_UNDECLARED_ENTITY:
    case XML_WAR_UNDECLARED_ENTITY:
        return "only the entities amp, lt, gt, quot and apos exist; write other characters as "
               "they are";
    case XML_ERR_ENTITYREF_SEMICOL_MISSING:
    case XML_ERR_NAME_REQUIRED:
        return "expected a name; write '&' as &amp; and '<' as &lt;";
    case XML_ERR_INVALID_CHAR:
    case XML_ERR_INVALID_CHARREF:
    case XML_ERR_INVALID_HEX_CHARREF:
    case XML_ERR_INVALID_DEC_CHARREF:
        return "XML does not allow this character";
    case XML_ERR_ATTRIBUTE_REDEFINED:
        return "an attribute stands twice in this tag";
    case XML_ERR_LT_IN_ATTRIBUTE:
        return "write '<' in an attribute as &lt;";
    case XML_ERR_ATTRIBUTE_NOT_STARTED:
    case XML_ERR_ATTRIBUTE_WITHOUT_VALUE:
        return "an attribute has no value in quotes";
    case XML_NS_ERR_UNDEFINED_NAMESPACE:
        return "a prefix is used that no xmlns declares";
    default:
        return "this is no well-formed XML";
    }
}

static void on_error(void *user, xmlErrorPtr error)
{
    struct parsing *p = user;

    if (error->level < XML_ERR_ERROR)
        return;
    if (error->code == XML_ERR_NO_MEMORY)
        err_set(p->scan.err, ERR_INTERNAL, NULL, "The XML parser found no memory.");
    else
        json_scan_fail(&p->scan, p->scan.start + position(p), "%s", sentence_for(error->code));
    stop(p);
}

/* Not by xmlStopParser(): that frees the bytes under the function that reports the error.
 * Without this the rest would be parsed to its end, without our callbacks and their limits. */
static void stop(struct parsing *p)
{
    p->context->disableSAX = 1;
    p->context->instate = XML_PARSER_EOF;
}
