/*
 * Routes - see route.h.
 */

#include "server/route.h"

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/primitive.h"
#include "server/async.h"
#include "server/format.h"
#include "server/interactions.h"
#include "server/reindex.h"

/* R4 http.html#vsearch. */
#define COMPARTMENT(type)                                                                          \
    {"GET", type "/{id}/{member}", "search-type", search, ROUTE_INSTANCE, false, NULL},            \
    {                                                                                              \
        "POST", type "/{id}/{member}/_search", "search-type", search, ROUTE_INSTANCE, false, NULL  \
    }

const struct route routes[] = {
    {"GET", "metadata", "capabilities", capabilities, ROUTE_SYSTEM, false, NULL},
    {"POST", "", "transaction", bundle_post, ROUTE_SYSTEM, true, NULL},
    /* The same path; the router stops at the first row, the CapabilityStatement lists both. */
    {"POST", "", "batch", bundle_post, ROUTE_SYSTEM, true, NULL},
    {"GET", "_history", "history-system", history, ROUTE_SYSTEM, false, NULL},
    {"GET", "_async/{id}", "async-status", async_status, ROUTE_OWN, false, NULL},
    {"DELETE", "_async/{id}", "async-cancel", async_forget, ROUTE_OWN, false, NULL},
    {"POST", "$reindex", "reindex", reindex, ROUTE_OWN, false, NULL},
    {"POST", "{type}/$reindex", "reindex", reindex, ROUTE_OWN, false, NULL},
    {"GET", "{type}/{id}", "read", read_current, ROUTE_INSTANCE, false, NULL},
    {"GET", "{type}/{id}/_history/{version}", "vread", read_version, ROUTE_INSTANCE, false, NULL},
    {"PUT", "{type}/{id}", "update", update, ROUTE_INSTANCE, true, NULL},
    {"PATCH", "{type}/{id}", "patch", patch_resource, ROUTE_INSTANCE, true, NULL},
    {"DELETE", "{type}/{id}", "delete", remove_current, ROUTE_INSTANCE, false, NULL},
    /* The same by criteria: of the resource that they find. */
    {"PUT", "{type}", "update", update, ROUTE_TYPE, true, NULL},
    {"PATCH", "{type}", "patch", patch_resource, ROUTE_TYPE, true, NULL},
    {"DELETE", "{type}", "delete", remove_current, ROUTE_TYPE, false, NULL},
    {"GET", "{type}/{id}/_history", "history-instance", history, ROUTE_INSTANCE, false, NULL},
    {"GET", "{type}/_history", "history-type", history, ROUTE_TYPE, false, NULL},
    {"POST", "{type}", "create", create, ROUTE_TYPE, true, NULL},
    {"GET", "{type}", "search-type", search, ROUTE_TYPE, false, NULL},
    {"POST", "{type}/_search", "search-type", search, ROUTE_TYPE, false, NULL},
    {"GET", "", "search-system", search, ROUTE_SYSTEM, false, NULL},
    {"POST", "_search", "search-system", search, ROUTE_SYSTEM, false, NULL},
    COMPARTMENT("Patient"),
    COMPARTMENT("Encounter"),
    COMPARTMENT("Practitioner"),
    COMPARTMENT("RelatedPerson"),
    COMPARTMENT("Device"),
    {"POST", "$validate", "$validate", validate_operation, ROUTE_SYSTEM, true,
     "http://hl7.org/fhir/OperationDefinition/Resource-validate"},
    {"POST", "{type}/$validate", "$validate", validate_operation, ROUTE_TYPE, true,
     "http://hl7.org/fhir/OperationDefinition/Resource-validate"},
    {"POST", "{type}/{id}/$validate", "$validate", validate_operation, ROUTE_INSTANCE, true,
     "http://hl7.org/fhir/OperationDefinition/Resource-validate"},
    {"GET", "{type}/{id}/$validate", "$validate", validate_operation, ROUTE_INSTANCE, false,
     "http://hl7.org/fhir/OperationDefinition/Resource-validate"},
    {"GET", "Patient/{id}/$everything", "$everything", everything, ROUTE_INSTANCE, false,
     "http://hl7.org/fhir/OperationDefinition/Patient-everything"},
    {"POST", "Patient/{id}/$everything", "$everything", everything, ROUTE_INSTANCE, true,
     "http://hl7.org/fhir/OperationDefinition/Patient-everything"},
    {"GET", "Encounter/{id}/$everything", "$everything", everything, ROUTE_INSTANCE, false,
     "http://hl7.org/fhir/OperationDefinition/Encounter-everything"},
    {"POST", "Encounter/{id}/$everything", "$everything", everything, ROUTE_INSTANCE, true,
     "http://hl7.org/fhir/OperationDefinition/Encounter-everything"},
    {"GET", "Observation/$lastn", "$lastn", lastn, ROUTE_TYPE, false,
     "http://hl7.org/fhir/OperationDefinition/Observation-lastn"},
    {"POST", "Observation/$lastn", "$lastn", lastn, ROUTE_TYPE, true,
     "http://hl7.org/fhir/OperationDefinition/Observation-lastn"},
    {0},
};

/* A place in the path where the pattern takes what stands there. */
struct match {
    struct text type, id, version, member;
};

static bool pattern_matches(struct text pattern, struct text path, struct match *match);
static bool take_type(struct request *req, const struct match *match, struct err *err);
static bool take_id(struct request *req, const struct match *match, struct err *err);
static bool refuse(struct request *req, const char *allowed, struct err *err);

/* No other literal segment begins with a capital letter. */
static bool starts_with_type(struct text pattern)
{
    return pattern.size && pattern.data[0] >= 'A' && pattern.data[0] <= 'Z';
}

bool route_serves(const struct route *route, const char *type)
{
    struct text rest = text_of(route->pattern), first;

    return route->level != ROUTE_SYSTEM && route->level != ROUTE_OWN &&
           text_next(&rest, '/', &first) && (!starts_with_type(first) || text_is(first, type));
}

/* The same method may stand in several rows; whoever has GET has HEAD. */
static void add_allowed(struct buf *allowed, const char *method)
{
    if (allowed->size && strstr(buf_text(allowed), method))
        return;
    buf_printf(allowed, "%s%s", allowed->size ? ", " : "", method);
    if (strcmp(method, "GET") == 0)
        buf_add_text(allowed, ", HEAD");
}

/* What is not of the standard is done behind an answer, or to it: in an entry it would have none.
 */
static bool is_allowed(const struct request *req, struct err *err)
{
    return !req->entry || req->route->level != ROUTE_OWN ||
           err_set(err, ERR_INVALID, "request.url",
                   "%s cannot be an entry of a Bundle; send it by itself.", req->route->pattern);
}

bool route_find(struct request *req, struct err *err)
{
    const char *method = strcmp(req->method, "HEAD") == 0 ? "GET" : req->method;
    struct buf allowed = buf_in(req->arena);

    for (const struct route *route = routes; route->method; route++) {
        struct match match = {0};
        if (!pattern_matches(text_of(route->pattern), req->path, &match))
            continue;
        if (strcmp(route->method, method) == 0) {
            req->route = route;
            return is_allowed(req, err) && take_type(req, &match, err) && take_id(req, &match, err);
        }
        add_allowed(&allowed, route->method);
    }
    return refuse(req, allowed.size ? buf_text(&allowed) : NULL, err);
}

/* A type in the pattern is taken like one that {type} stands for. Clients may write the dollar sign
 * of an operation as %24 (RFC 3986 6.2.2.2). */
static bool word_matches(struct text pattern, struct text segment, struct match *match)
{
    if (pattern.size && pattern.data[0] == '$' && text_starts_with(segment, TEXT("%24"))) {
        pattern = (struct text){pattern.data + 1, pattern.size - 1};
        segment = (struct text){segment.data + 3, segment.size - 3};
    }
    if (!text_equals(pattern, segment))
        return false;
    if (starts_with_type(pattern))
        match->type = segment;
    return true;
}

/* `_history` and other words of the standard never stand for a type or an id. */
static bool segment_matches(struct text pattern, struct text segment, struct match *match)
{
    bool word = segment.size && (segment.data[0] == '_' || segment.data[0] == '$' ||
                                 text_starts_with(segment, TEXT("%24")));

    if (text_is(pattern, "{type}") && !word && segment.size)
        match->type = segment;
    else if (text_is(pattern, "{id}") && !word && segment.size)
        match->id = segment;
    else if (text_is(pattern, "{member}") && !word && segment.size)
        match->member = segment;
    else if (text_is(pattern, "{version}") && segment.size)
        match->version = segment;
    else
        return word_matches(pattern, segment, match);
    return true;
}

static bool pattern_matches(struct text pattern, struct text path, struct match *match)
{
    struct text want, have;

    for (;;) {
        bool more_wanted = text_next(&pattern, '/', &want);
        bool more_there = text_next(&path, '/', &have);
        if (!more_wanted || !more_there)
            return more_wanted == more_there;
        if (!segment_matches(want, have, match))
            return false;
    }
}

static bool take_type(struct request *req, const struct match *match, struct err *err)
{
    if (req->route->level == ROUTE_SYSTEM || (req->route->level == ROUTE_OWN && !match->type.data))
        return true;
    const struct type *type = resource_type_find(match->type);
    if (!type)
        return err_set(err, ERR_NOT_FOUND, NULL,
                       "The path names no resource type of R4; types are spelled as in Patient.");
    req->type = type->name;
    return true;
}

static bool take_id(struct request *req, const struct match *match, struct err *err)
{
    if (req->route->level != ROUTE_INSTANCE && !(req->route->level == ROUTE_OWN && match->id.data))
        return true;
    /* RFC 3986 6.2.2.2: "%31" is "1". */
    struct text id = format_decode(req->arena, match->id);
    if (!primitive_is_valid(PRIMITIVE_ID, id))
        return err_set(err, ERR_INVALID, "id",
                       "The id in the path is malformed: 1 to 64 letters, digits, - and . only.");
    req->id = text_dup(req->arena, id);
    req->member = match->member;
    if (match->version.data && !text_to_int64(match->version, 1, INT64_MAX, &req->version))
        return err_set(err, ERR_NOT_FOUND, NULL,
                       "There is no such version; versions here are numbers from 1.");
    return true;
}

static bool names_operation(struct text path)
{
    return path.size &&
           (memchr(path.data, '$', path.size) || memmem(path.data, path.size, "%24", 3));
}

static bool refuse(struct request *req, const char *allowed, struct err *err)
{
    if (allowed) {
        answer_header(req, "Allow", arena_printf(req->arena, "%s, OPTIONS", allowed));
        return err_set(err, ERR_METHOD, NULL, "This path allows %s only.", allowed);
    }
    if (names_operation(req->path))
        return err_set(err, ERR_NOT_SUPPORTED, NULL,
                       "This operation is not offered; the CapabilityStatement at [base]/metadata "
                       "lists what is.");
    return err_set(err, ERR_NOT_FOUND, NULL,
                   "Nothing is served at this path; see [base]/metadata for what is.");
}
