/*
 * Status of results - see result_status.h.
 */

#include "storage/result_status.h"

#include "base/arena.h"
#include "base/count.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/primitive.h"

enum stage { STAGE_OTHER, STAGE_DRAFT, STAGE_FINAL, STAGE_CORRECTED, STAGE_WITHDRAWN };

static const struct {
    const char *status;
    enum stage stage;
} stages[] = {
    {"registered", STAGE_DRAFT},   {"preliminary", STAGE_DRAFT},
    {"partial", STAGE_DRAFT},      {"final", STAGE_FINAL},
    {"amended", STAGE_CORRECTED},  {"corrected", STAGE_CORRECTED},
    {"appended", STAGE_CORRECTED}, {"entered-in-error", STAGE_WITHDRAWN},
};

static bool check(const struct node *stored, const struct node *resource, struct err *err);

bool result_status_check(struct text stored, const struct node *resource, struct err *err)
{
    struct issues issues;
    struct err unreadable = {0};

    if (strcmp(resource->type->name, "Observation") != 0 &&
        strcmp(resource->type->name, "DiagnosticReport") != 0)
        return true;
    struct arena *arena = arena_new();
    issues_init(&issues, arena, 1);
    const struct node *old =
        json_read(arena, stored.data, stored.size, &json_stored_limits, &issues, &unreadable);
    bool good = old ? check(old, resource, err)
                    : err_set(err, ERR_INTERNAL, NULL, "The stored version cannot be read.");
    arena_free(arena);
    return good;
}

static enum stage stage_of(const struct node *resource)
{
    struct text status = node_value(resource, "status");

    for (size_t i = 0; i < COUNT(stages); i++)
        if (text_is(status, stages[i].status))
            return stages[i].stage;
    return STAGE_OTHER;
}

static bool refuse(const struct node *resource, struct err *err, const char *text)
{
    bool report = strcmp(resource->type->name, "DiagnosticReport") == 0;

    return err_set(err, ERR_UNPROCESSABLE,
                   report ? "DiagnosticReport.status" : "Observation.status", "%s", text);
}

/* Both must have it, to a comparable precision: instants always do. */
static bool is_older(const struct node *stored, const struct node *resource)
{
    struct text old = node_value(stored, "issued"), new = node_value(resource, "issued");
    struct date_value old_date, new_date;
    int64_t old_low, old_high, new_low, new_high;

    if (!old.data || !new.data || !date_parse(old, &old_date) || !date_parse(new, &new_date))
        return false;
    date_span(&old_date, 0, &old_low, &old_high);
    date_span(&new_date, 0, &new_low, &new_high);
    return new_high < old_low;
}

static bool check(const struct node *stored, const struct node *resource, struct err *err)
{
    enum stage from = stage_of(stored), to = stage_of(resource);

    if (to == STAGE_WITHDRAWN || to == STAGE_OTHER)
        return true;
    if (to == STAGE_DRAFT && (from == STAGE_FINAL || from == STAGE_CORRECTED))
        return refuse(resource, err,
                      "The stored result is released; a draft cannot take its place. Send amended "
                      "or corrected, or withdraw it with entered-in-error.");
    if (to == STAGE_FINAL && from == STAGE_CORRECTED)
        return refuse(resource, err,
                      "The stored result is a correction; a final result cannot take its place. If "
                      "this is newer, send it as corrected or amended.");
    if (to != STAGE_CORRECTED && from == STAGE_WITHDRAWN)
        return refuse(resource, err,
                      "The stored result was withdrawn. If it is right after all, send it as "
                      "corrected or amended.");
    if (is_older(stored, resource))
        return refuse(resource, err,
                      "The stored result was issued later than this one, which cannot take its "
                      "place.");
    return true;
}
