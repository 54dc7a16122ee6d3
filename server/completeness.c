/*
 * Completeness - see completeness.h: the paths, and the answer around what is said.
 */

#include "server/completeness.h"

#include "base/arena.h"
#include "base/clock.h"
#include "fhir/query_text.h"
#include "server/format.h"
#include "server/outcome.h"
#include "storage/landing.h"

#include <stdarg.h>

#define TAIL "/completeness"

struct target {
    const char *partner; /* NULL: all */
    const char *patient; /* NULL: none */
};

static bool find_target(struct request *req, struct text path, struct target *target);
static bool read_query(struct request *req, struct target *target, struct err *err);
static json_t *run(struct completeness *asked, const struct target *target, struct err *err);

bool completeness_run(struct request *req, struct text path)
{
    struct completeness asked = {req, json_array()};
    struct target target = {0};
    struct err err = {0};
    json_t *answer = NULL;

    if (!find_target(req, path, &target)) {
        json_decref(asked.reasons);
        return false;
    }
    if (strcmp(req->method, "GET") != 0 && strcmp(req->method, "HEAD") != 0)
        err_set(&err, ERR_METHOD, NULL, "This path allows GET only.");
    else if (read_query(req, &target, &err))
        answer = run(&asked, &target, &err);
    if (answer) {
        json_object_set_new(answer, "time", completeness_time(clock_now()));
        json_object_set_new(answer, "complete", json_boolean(json_array_size(asked.reasons) == 0));
        json_object_set(answer, "reasons", asked.reasons);
        char *text = json_dumps(answer, JSON_INDENT(2));
        req->answer.status = 200;
        req->answer.content_type = "application/json";
        req->answer.body = text_of(arena_printf(req->arena, "%s\n", text));
        free(text);
        answer_header(req, "Cache-Control", "no-store");
    } else {
        req->answer.status = outcome_status(err.kind);
        req->answer.content_type = FORMAT_FHIR_JSON;
        req->answer.body = outcome_json(req->arena, &err, NULL, req->number);
    }
    json_decref(answer);
    json_decref(asked.reasons);
    return true;
}

static bool find_target(struct request *req, struct text path, struct target *target)
{
    static const struct text head = {"/partners/", 10}, tail = {TAIL, sizeof(TAIL) - 1};
    struct text name;

    if (text_equals(path, tail))
        return true;
    if (!text_starts_with(path, head) || path.size <= head.size + tail.size ||
        memcmp(path.data + path.size - tail.size, tail.data, tail.size) != 0)
        return false;
    name = (struct text){path.data + head.size, path.size - head.size - tail.size};
    if (memchr(name.data, '/', name.size))
        return false;
    target->partner = text_dup(req->arena, name);
    return true;
}

static bool read_query(struct request *req, struct target *target, struct err *err)
{
    struct text rest = req->query, pair, name, value;

    while (query_next_item(&rest, '&', &pair)) {
        if (pair.size == 0)
            continue;
        if (!text_split(pair, '=', &name, &value) || !text_is(name, "patient") || target->patient ||
            !query_decode(req->arena, value, &value) || value.size == 0)
            return err_set(err, ERR_INVALID, NULL, "It takes patient=ID, once.");
        if (text_starts_with(value, TEXT("Patient/")))
            value = (struct text){value.data + 8, value.size - 8};
        target->patient = text_dup(req->arena, value);
    }
    return target->patient || target->partner ||
           err_set(err, ERR_INVALID, "patient", "patient=ID is missing.");
}

static json_t *run(struct completeness *asked, const struct target *target, struct err *err)
{
    struct request *req = asked->req;
    struct landing_partner *landed = NULL;

    if (target->partner && !landing_partner_get(req->service->store, &req->access, target->partner,
                                                0, req->arena, &landed, err))
        return NULL;
    if (target->partner && !landed) {
        err_set(err, ERR_NOT_FOUND, NULL, "There is no partner %.64s.", target->partner);
        return NULL;
    }
    if (target->patient)
        return completeness_of_patient(asked, target->patient, landed, err);
    return completeness_of_partner(asked, landed, err);
}

void completeness_doubt(struct completeness *asked, const char *format, ...)
{
    char text[600];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    json_array_append_new(asked->reasons, json_string(text));
}

json_t *completeness_time(int64_t time)
{
    char text[CLOCK_INSTANT_SIZE];

    if (time == INT64_MIN)
        return json_null();
    clock_format_instant(time, text);
    return json_string(text);
}
