/*
 * Everything - [base]/Patient/[id]/$everything and [base]/Encounter/[id]/$everything
 * (R4 patient-operation-everything.html, encounter-operation-everything.html).
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/count.h"
#include "fhir/primitive.h"
#include "fhir/query_text.h"
#include "fhir/type.h"
#include "server/config.h"
#include "server/interactions.h"
#include "server/operation.h"
#include "server/page.h"
#include "server/subset.h"

#define TYPES_MAX 200

struct question {
    struct request *req;
    struct store_everything_query query;
    struct text types[TYPES_MAX];
    struct buf self; /* the parameters that are used */
};

typedef bool take_fn(struct question *question, struct text value, struct err *err);

static take_fn take_start, take_end, take_since, take_types, take_count, take_page, pass;
static bool take_all(struct question *question, struct text text, struct err *err);
static bool take_one(struct question *question, struct text name, struct text value, unsigned *seen,
                     struct err *err);
static bool check_there(struct request *req, struct err *err);

/* `repeats`: may be given several times. `of_patient`: not of encounters. */
static const struct parameter {
    const char *name;
    take_fn *take;
    bool repeats, of_patient;
} parameters[] = {
    {"start", take_start, false, true},   {"end", take_end, false, true},
    {"_since", take_since, false, false}, {"_type", take_types, true, false},
    {"_count", take_count, false, false}, {PAGE_PARAMETER, take_page, false, false},
    {"_summary", pass, false, false},     {"_elements", pass, false, false},
    {"_format", pass, true, false},       {"_pretty", pass, true, false},
};

bool everything(struct request *req, struct err *err)
{
    struct question *question = arena_one(req->arena, struct question);
    struct store_page page;
    struct text text;

    *question = (struct question){
        .req = req,
        .query = {.type = req->type,
                  .id = req->id,
                  .start = INT64_MIN,
                  .end = INT64_MAX,
                  .since = INT64_MIN,
                  .types = question->types,
                  .count = (unsigned)req->service->config->page_size_max},
        .self = buf_in(req->arena),
    };
    if (!operation_parameters(req, &text, err))
        return false;
    req->query = text;
    if (!take_all(question, text, err) || !subset_read(req, err) ||
        !store_everything(req->service->store, &req->access, &question->query, req->arena, &page,
                          err))
        return false;
    if (page.count == 0 && !check_there(req, err))
        return false;
    page_answer(req, PAGE_SEARCHSET, &page,
                (struct text){question->self.data, question->self.size});
    return true;
}

static bool take_all(struct question *question, struct text text, struct err *err)
{
    struct text pair, name, value;
    unsigned seen = 0;

    while (query_next_item(&text, '&', &pair)) {
        if (pair.size == 0)
            continue;
        if (!text_split(pair, '=', &name, &value))
            name = pair, value = TEXT("");
        if (!query_decode(question->req->arena, name, &name) ||
            !query_decode(question->req->arena, value, &value))
            return err_set(err, ERR_INVALID, NULL, "The parameters are not percent-encoded UTF-8.");
        if (!take_one(question, name, value, &seen, err))
            return false;
    }
    return true;
}

static bool take_one(struct question *question, struct text name, struct text value, unsigned *seen,
                     struct err *err)
{
    bool of_patient = strcmp(question->req->type, "Patient") == 0;

    for (unsigned i = 0; i < COUNT(parameters); i++) {
        const struct parameter *parameter = &parameters[i];

        if (!text_is(name, parameter->name) || (parameter->of_patient && !of_patient))
            continue;
        if (*seen & 1U << i && !parameter->repeats)
            return err_set(err, ERR_INVALID, parameter->name, "%s may be given once only.",
                           parameter->name);
        *seen |= 1U << i;
        if (!parameter->take(question, value, err))
            return false;
        if (question->self.size)
            buf_add_char(&question->self, '&');
        buf_printf(&question->self, "%s=", parameter->name);
        query_encode(&question->self, value);
        return true;
    }
    return err_set(err, ERR_INVALID, NULL,
                   "$everything takes %s_since, _type, _count, _elements, _summary, _format and "
                   "_pretty.",
                   of_patient ? "start, end, " : "");
}

static bool read_date(struct text value, const char *name, int64_t *low, int64_t *high,
                      struct err *err)
{
    struct date_value date;

    if (!date_parse(value, &date))
        return err_set(err, ERR_INVALID, name, "%s must be a date such as 2026-01-31.", name);
    date_span(&date, 0, low, high);
    return true;
}

static bool take_start(struct question *question, struct text value, struct err *err)
{
    int64_t high;

    return read_date(value, "start", &question->query.start, &high, err);
}

static bool take_end(struct question *question, struct text value, struct err *err)
{
    int64_t low;

    return read_date(value, "end", &low, &question->query.end, err);
}

static bool take_since(struct question *question, struct text value, struct err *err)
{
    int64_t high;

    return read_date(value, "_since", &question->query.since, &high, err);
}

static bool take_types(struct question *question, struct text value, struct err *err)
{
    struct text item;

    while (query_next_item(&value, ',', &item)) {
        if (!resource_type_find(item))
            return err_set(err, ERR_INVALID, "_type", "_type takes resource types of R4.");
        if (question->query.type_count == TYPES_MAX)
            return err_set(err, ERR_INVALID, "_type", "_type takes at most %d types.", TYPES_MAX);
        question->types[question->query.type_count++] = item;
    }
    return true;
}

static bool take_count(struct question *question, struct text value, struct err *err)
{
    int64_t most = question->req->service->config->page_size_max, count;

    if (!text_to_int64(value, 1, INT64_MAX, &count))
        return err_set(err, ERR_INVALID, "_count", "_count takes a number from 1.");
    question->query.count = (unsigned)(count > most ? most : count);
    return true;
}

static bool take_page(struct question *question, struct text value, struct err *err)
{
    (void)err;
    question->query.cursor = text_dup(question->req->arena, value);
    return true;
}

static bool pass(struct question *question, struct text value, struct err *err)
{
    (void)question, (void)value, (void)err;
    return true;
}

/* Nothing of the types asked for is no refusal; no such patient is. */
static bool check_there(struct request *req, struct err *err)
{
    const struct store_version *version;

    if (!store_read(req->service->store, &req->access, req->type, req->id, req->arena, &version,
                    err))
        return false;
    if (!version)
        return err_set(err, ERR_NOT_FOUND, NULL, "There is no %s with this id.", req->type);
    return version->json || err_set(err, ERR_GONE, NULL, "This %s was deleted.", req->type);
}
