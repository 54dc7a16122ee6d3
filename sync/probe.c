/*
 * Probe - see probe.h.
 */

#include "sync/probe.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/count.h"
#include "base/fiber.h"
#include "base/text.h"
#include "fhir/check.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "sync/fetch.h"
#include "sync/page.h"
#include "sync/secret.h"
#include "sync/url.h"

#define MICRO        INT64_C(1000000)
#define PATIENCE     30000
#define ANSWER_MAX   ((size_t)32 << 20)
#define SINCE        "2999-01-01T00:00:00.000Z"
#define FUTURE       "ge" SINCE
#define FUTURE_US    INT64_C(32472144000000000) /* the same in microseconds since 1970 */
#define FINDINGS_MAX 20
#define TRIES        5
#define TYPES_MAX    200 /* that are tried */
#define PAUSE_MS     200 /* before the second try, doubled before each further one */
#define PAUSE_MAX    10  /* seconds; who asks for more is left alone */
#define SKEW_MAX     (5 * MICRO)

struct probing {
    struct fetcher *fetcher;
    const struct probe_request *request;
    struct arena *arena;
    json_t *found;
    int status;  /* of the last question that brought no page; 0: no answer */
    int seconds; /* for which it asks to be left alone: nothing more is asked; 0 */
};

static bool ask_once(const struct probing *probing, const char *path,
                     struct fetch_response *response, struct err *err)
{
    const char *headers[64] = {"Accept: application/fhir+json"};
    const struct fetch_tls tls = {.ca_file = probing->request->ca_file};
    size_t count = 1;

    if (!secret_add_lines(probing->request->headers, probing->arena, headers, &count, 63, err))
        return false;
    const struct fetch_request request = {
        .method = "GET",
        .url = arena_printf(probing->arena, "%s%s", probing->request->base, path),
        .headers = headers,
        .timeout_ms = PATIENCE,
        .max_body = ANSWER_MAX,
        .redirects = 5,
        .public_headers = 1,
        .guard = probing->request->guard,
        .tls = &tls,
    };

    *response = (struct fetch_response){0};
    return fetch(probing->fetcher, &request, probing->arena, response, err);
}

static bool is_passing(int status)
{
    return status == 408 || status == 425 || status == 429 || status >= 500;
}

static bool leave_alone(const struct probing *probing, struct err *err)
{
    return err_set(err, ERR_BUSY, NULL,
                   "The server asks to be left alone for %d seconds; probe it again then.",
                   probing->seconds);
}

/* What passes (no answer, 429, 5xx, a page that is none) is asked again: a server that is busy is
 * not to be taken for one that cannot. `page` NULL: any body will do. */
static bool ask(struct probing *probing, const char *path, struct fetch_response *response,
                struct page *page, struct err *err)
{
    for (int try = 0; try < TRIES && !probing->seconds; try++) {
        int wait = PAUSE_MS << try;
        struct err why = {0};
        bool good = ask_once(probing, path, response, &why);
        bool other = good && !is_passing(response->status) && response->status != 200;

        if (good && response->status == 200 &&
            (!page ||
             page_read(response->body, response->content_type, probing->arena, page, &why)))
            return true;
        if (other || try == TRIES - 1 || why.kind == ERR_FORBIDDEN) {
            *err = why;
            return good && (other || !page);
        }
        if (good && response->retry_after > PAUSE_MAX) {
            probing->seconds = response->retry_after;
            break;
        }
        if (good && response->retry_after * 1000 > wait)
            wait = response->retry_after * 1000;
        fiber_sleep(wait);
    }
    return leave_alone(probing, err);
}

/* A page, when there is one; else why not. */
static bool ask_page(struct probing *probing, const char *path, struct page *page)
{
    struct fetch_response response = {0};
    struct err err = {0};

    *page = (struct page){0};
    if (ask(probing, path, &response, page, &err) && response.status == 200)
        return true;
    probing->status = response.status;
    return false;
}

static void note(struct probing *probing, const char *name, json_t *value)
{
    json_object_set_new(probing->found, name, value);
}

/* What the CapabilityStatement says: types that can be searched. */
static json_t *searchable(json_t *statement)
{
    json_t *types = json_array(), *rest = json_object_get(statement, "rest"), *resource,
           *interaction;
    size_t i, j;

    json_array_foreach(json_object_get(json_array_get(rest, 0), "resource"), i, resource)
    {
        json_array_foreach(json_object_get(resource, "interaction"), j, interaction)
        {
            const char *code = json_string_value(json_object_get(interaction, "code"));
            if (code && strcmp(code, "search-type") == 0)
                json_array_append(types, json_object_get(resource, "type"));
        }
    }
    return types;
}

static json_t *read_statement(struct probing *probing, struct err *err)
{
    struct fetch_response response;

    if (!ask(probing, "/metadata", &response, NULL, err))
        return NULL;
    json_t *statement = json_loadb(response.body.data, response.body.size, 0, NULL);
    const char *type = json_string_value(json_object_get(statement, "resourceType"));
    if (response.status != 200 || !type || strcmp(type, "CapabilityStatement") != 0) {
        err_set(err, ERR_INVALID, "base", "%s/metadata is no CapabilityStatement (status %d).",
                probing->request->base, response.status);
        json_decref(statement);
        return NULL;
    }
    note(probing, "fhirVersion", json_incref(json_object_get(statement, "fhirVersion")));
    note(probing, "gzip", json_boolean(response.packed));
    note(probing, "httpVersion", json_string(response.http_version));
    if (response.date != INT64_MIN) {
        int64_t skew = response.date + MICRO / 2 - clock_now();
        note(probing, "clockSkewSeconds", json_integer((json_int_t)(skew / MICRO)));
        note(probing, "clockIsGood", json_boolean(llabs(skew) <= SKEW_MAX));
    }
    return statement;
}

/* Nothing was changed in the year 2999, but for what says so itself: whoever returns something
 * else does not look at it. */
static bool is_of_future(const struct page *page)
{
    for (size_t i = 0; i < page->count; i++)
        if (page->entries[i].updated < FUTURE_US)
            return false;
    return true;
}

/* true, false (a refusal is one, too), or null when there was no answer to tell from. */
static bool note_honoured(struct probing *probing, const char *name, const char *path)
{
    struct page page;
    bool answered = ask_page(probing, path, &page);
    bool honoured = answered && is_of_future(&page);

    bool refused = !answered && probing->status >= 400 && !is_passing(probing->status);

    note(probing, name, answered || refused ? json_boolean(honoured) : json_null());
    return honoured;
}

static bool honours_last_updated(struct probing *probing, const char *type)
{
    char path[160];

    snprintf(path, sizeof(path), "/%s?_lastUpdated=" FUTURE "&_count=1", type);
    return note_honoured(probing, "lastUpdated", path);
}

/* A history from which nothing can be left out would be all of it, every time. */
static bool has_history(struct probing *probing, const char *type)
{
    struct page page;
    char path[160];

    snprintf(path, sizeof(path), "/%s/_history?_count=1", type);
    bool has = ask_page(probing, path, &page);
    note(probing, "history", json_boolean(has));
    snprintf(path, sizeof(path), "/%s/_history?_since=" SINCE "&_count=1", type);
    return has && note_honoured(probing, "since", path);
}

/* Leaves out those that cannot be searched as the statement says, by their status: they lack a
 * right, or want a parameter (W-24). */
static json_t *accepted(struct probing *probing, json_t *types)
{
    json_t *list = json_array(), *refused = json_object(), *type;
    struct page page;
    char path[160];
    size_t i;

    json_array_foreach(types, i, type)
    {
        snprintf(path, sizeof(path), "/%.60s?_count=1", json_string_value(type));
        if (i >= TYPES_MAX || ask_page(probing, path, &page))
            json_array_append(list, type);
        else
            json_object_set_new(refused, json_string_value(type), json_integer(probing->status));
    }
    note(probing, "refused", refused);
    return list;
}

/* A dry run. */

/* What structure says to a resource, as applying it would; its place in the standard, no values. */
static void try_resource(struct text body, json_t *counts, json_t *findings)
{
    struct arena *arena = arena_new();
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, 1);
    issues.errors_only = true;
    struct node *resource =
        json_read(arena, body.data, body.size, &json_default_limits, &issues, &err);
    if (resource && issues.errors == 0)
        check_structure(resource, &issues);
    bool good = resource && issues.errors == 0;
    const char *name = good ? "good" : "wouldBeDead";
    json_object_set_new(counts, name,
                        json_integer(json_integer_value(json_object_get(counts, name)) + 1));
    if (!good && json_array_size(findings) < FINDINGS_MAX)
        json_array_append_new(
            findings, json_pack("{s:s*, s:s}", "where",
                                resource && issues.first ? issues.first->expression : NULL, "rule",
                                !resource      ? err.text
                                : issues.first ? issues.first->text
                                               : ""));
    arena_free(arena);
}

static void try_page(struct probing *probing, const char *path, const char *type, json_t *found,
                     json_t *findings, const char **id)
{
    json_t *counts = json_object();
    struct page page;

    if (!ask_page(probing, path, &page) || page.count == 0) {
        json_decref(counts);
        return;
    }
    if (!*id && page.entries[0].id.size)
        *id = text_dup(probing->arena, page.entries[0].id);
    for (size_t i = 0; i < page.count; i++)
        try_resource(page.entries[i].body, counts, findings);
    json_object_set_new(found, type, counts);
}

/* One patient, and a page of what belongs to him: nothing is kept of it. */
static void try_patient(struct probing *probing)
{
    static const char *const types[] = {"AllergyIntolerance", "Condition",    "DiagnosticReport",
                                        "Encounter",          "Immunization", "MedicationRequest",
                                        "Observation",        "Procedure"};
    json_t *found = json_object(), *findings = json_array();
    const char *id = NULL;

    try_page(probing, "/Patient?_count=1", "Patient", found, findings, &id);
    for (size_t i = 0; id && i < COUNT(types); i++) {
        struct buf path = buf_in(probing->arena);

        buf_printf(&path, "/%s?patient=", types[i]);
        url_encode(&path, text_of(id));
        buf_add_text(&path, "&_count=50");
        try_page(probing, buf_text(&path), types[i], found, findings, &id);
    }
    note(probing, "dryRun", json_pack("{s:o, s:o}", "resources", found, "findings", findings));
}

/* Whether pages are followed by links to the host that was asked; `*alias` is another host. */
static void look_at_pages(struct probing *probing, const char *type, const char **alias)
{
    struct page page;
    char path[160];

    snprintf(path, sizeof(path), "/%s?_count=2", type);
    bool good = ask_page(probing, path, &page);
    note(probing, "search", json_boolean(good));
    if (!good)
        return;
    note(probing, "countHonoured", json_boolean(page.count <= 2));
    note(probing, "total", page.total >= 0 ? json_integer((json_int_t)page.total) : json_null());
    note(probing, "times", json_boolean(page.count && page.entries[0].updated != INT64_MIN));
    note(probing, "versions", json_boolean(page.count && page.entries[0].version.data));
    if (!page.next.size)
        return;
    const char *base = arena_printf(probing->arena, "%s/", probing->request->base);
    const char *next = url_join(probing->arena, base, text_dup(probing->arena, page.next));
    bool same = next && url_same_origin(next, base);
    note(probing, "nextLinkIsOnThisHost", json_boolean(same));
    if (next && !same)
        *alias = next;
}

static json_t *queries(json_t *types, bool by_time)
{
    json_t *list = json_array(), *type;
    size_t i;

    json_array_foreach(types, i, type)
    {
        if (i >= 100)
            break;
        json_t *query = json_pack("{s:O}", "type", type);
        if (by_time)
            json_object_set_new(query, "clock", json_string("_lastUpdated"));
        json_array_append_new(list, query);
    }
    return list;
}

static void propose_headers(const struct probe_request *request, json_t *proposal)
{
    json_t *headers = json_object();

    for (const struct secret_header *header = request->headers; header->name; header++)
        json_object_set_new(headers, header->name,
                            header->ref ? json_pack("{s:s}", "ref", header->ref)
                                        : json_string(header->value));
    if (json_object_size(headers))
        json_object_set(proposal, "headers", headers);
    json_decref(headers);
}

static json_t *propose(const struct probing *probing, json_t *types, bool by_time, bool history,
                       const char *alias)
{
    const struct probe_request *request = probing->request;
    json_t *modes = json_object(), *proposal, *networks = json_array();

    if (by_time)
        json_object_set_new(modes, "search",
                            json_pack("{s:s, s:s, s:o}", "every", "PT5M", "overlap", "PT10M",
                                      "queries", queries(types, true)));
    else if (history)
        json_object_set_new(modes, "history",
                            json_pack("{s:s, s:O}", "every", "PT5M", "types", types));
    json_object_set_new(modes, "snapshot",
                        json_pack("{s:s, s:o}", "every", by_time || history ? "P7D" : "P1D",
                                  "queries", queries(types, false)));
    proposal =
        json_pack("{s:s, s:s, s:o}", "id", request->id, "base", request->base, "modes", modes);
    for (const char *const *n = request->networks; n && *n; n++)
        json_array_append_new(networks, json_string(*n));
    if (json_array_size(networks))
        json_object_set(proposal, "networks", networks);
    json_decref(networks);
    if (alias)
        json_object_set_new(proposal, "linkRewrite", json_true());
    if (request->ca_file)
        json_object_set_new(proposal, "tls",
                            json_pack("{s:s+}", "caRef", "file:", request->ca_file));
    propose_headers(request, proposal);
    return proposal;
}

json_t *probe_partner(struct fetcher *fetcher, const struct probe_request *request,
                      struct arena *arena, struct err *err)
{
    struct probing probing = {
        .fetcher = fetcher, .request = request, .arena = arena, .found = json_object()};
    json_t *statement = read_statement(&probing, err);
    const char *alias = NULL;

    if (!statement) {
        json_decref(probing.found);
        return NULL;
    }
    json_t *offered = searchable(statement), *types = accepted(&probing, offered);
    const char *type = json_string_value(json_array_get(types, 0));
    for (size_t i = 0; i < json_array_size(types); i++)
        if (strcmp(json_string_value(json_array_get(types, i)), "Patient") == 0)
            type = "Patient";
    json_decref(offered);
    note(&probing, "types", json_incref(types));
    note(&probing, "probedWith", type ? json_string(type) : json_null());
    bool by_time = type && honours_last_updated(&probing, type);
    bool history = type && has_history(&probing, type);
    if (type) {
        look_at_pages(&probing, type, &alias);
        try_patient(&probing);
    }
    json_t *result = json_pack("{s:o, s:o}", "found", probing.found, "proposal",
                               propose(&probing, types, by_time, history, alias));
    json_decref(types);
    json_decref(statement);
    if (probing.seconds) { /* what was found until then is half of the truth */
        json_decref(result);
        leave_alone(&probing, err);
        return NULL;
    }
    if (!type)
        err_set(err, ERR_INVALID, NULL,
                "It is a FHIR server, but none of its types can be searched: see \"refused\".");
    return result;
}
