/*
 * Peer metrics - what the worker counts of each partner, as Prometheus text.
 */

#include "base/buf.h"
#include "base/clock.h"
#include "sync/peer.h"

#include <inttypes.h>

#define MICRO 1e6

typedef void write_fn(const struct peer *peer, const char *name, struct buf *out);

static void line(struct buf *out, const char *name, const struct peer *peer, const char *labels,
                 double value)
{
    buf_printf(out, "%s{partner=\"%s\"%s} %.17g\n", name, peer->landed->name, labels, value);
}

static void write_rows(const struct peer *peer, const char *name, struct buf *out)
{
    line(out, name, peer, ",stage=\"landed\"", (double)peer->landed_rows);
    line(out, name, peer, ",stage=\"applied\"", (double)peer->counts.applied);
    line(out, name, peer, ",stage=\"unchanged\"", (double)peer->counts.unchanged);
    line(out, name, peer, ",stage=\"older\"", (double)peer->counts.older);
    line(out, name, peer, ",stage=\"dead\"", (double)peer->counts.dead);
}

static void write_tasks(const struct peer *peer, const char *name, struct buf *out,
                        double (*value)(const struct task *task))
{
    char labels[160];

    for (size_t i = 0; i < peer->task_count; i++) {
        const struct task *task = &peer->tasks[i];
        double number = value(task);
        if (number < 0)
            continue;
        snprintf(labels, sizeof(labels), ",mode=\"%s\",type=\"%s\",query=\"%zu\"",
                 pull_mode_names[task->pull.mode], task->pull.query ? task->pull.query->type : "",
                 i);
        line(out, name, peer, labels, number);
    }
}

static double lag(const struct task *task)
{
    return task->complete == INT64_MIN ? -1 : (double)(clock_now() - task->complete) / MICRO;
}

static double completed(const struct task *task)
{
    return task->complete == INT64_MIN ? -1 : (double)task->complete / MICRO;
}

static double incomplete(const struct task *task)
{
    return (double)task->incomplete;
}

static void write_lag(const struct peer *peer, const char *name, struct buf *out)
{
    write_tasks(peer, name, out, lag);
}

static void write_completed(const struct peer *peer, const char *name, struct buf *out)
{
    write_tasks(peer, name, out, completed);
}

static void write_incomplete(const struct peer *peer, const char *name, struct buf *out)
{
    write_tasks(peer, name, out, incomplete);
}

static void write_answers(const struct peer *peer, const char *name, struct buf *out)
{
    const struct talk_counts *counts = talk_counts(peer->talk);
    char labels[40];

    for (enum talk_class class = 0; class < TALK_CLASSES; class ++) {
        snprintf(labels, sizeof(labels), ",class=\"%s\"", talk_class_names[class]);
        line(out, name, peer, labels, (double)counts->answers[class]);
    }
}

static void write_slept(const struct peer *peer, const char *name, struct buf *out)
{
    line(out, name, peer, "", (double)talk_counts(peer->talk)->slept_ms / 1000);
}

static void write_skew(const struct peer *peer, const char *name, struct buf *out)
{
    const struct talk_counts *counts = talk_counts(peer->talk);

    if (counts->skew_known)
        line(out, name, peer, "", (double)counts->skew_ms / 1000);
}

static void write_guard(const struct peer *peer, const char *name, struct buf *out)
{
    line(out, name, peer, "", (double)peer->guard_trips);
}

static void write_linked(const struct peer *peer, const char *name, struct buf *out)
{
    line(out, name, peer, "", (double)peer->linked);
}

static void write_pushes(const struct peer *peer, const char *name, struct buf *out)
{
    const struct push_counts *counts = &peer->push.counts;

    if (!peer->partner.push.on)
        return;
    line(out, name, peer, ",result=\"planned\"", (double)counts->planned);
    line(out, name, peer, ",result=\"created\"", (double)counts->created);
    line(out, name, peer, ",result=\"updated\"", (double)counts->updated);
    line(out, name, peer, ",result=\"deleted\"", (double)counts->deleted);
    line(out, name, peer, ",result=\"held\"", (double)counts->held);
    line(out, name, peer, ",result=\"resolved\"", (double)counts->resolved);
    line(out, name, peer, ",result=\"unknown\"", (double)counts->unknown);
    line(out, name, peer, ",result=\"failed\"", (double)counts->failed);
}

static void write_outbox(const struct peer *peer, const char *name, struct buf *out)
{
    if (peer->partner.push.on)
        line(out, name, peer, "",
             peer->push_behind == INT64_MAX ? 0
                                            : (double)(clock_now() - peer->push_behind) / MICRO);
}

static void write_paused(const struct peer *peer, const char *name, struct buf *out)
{
    line(out, name, peer, "", peer->paused || !peer->partner.enabled);
}

static const struct {
    const char *name, *type, *help;
    write_fn *write;
} metrics[] = {
    {"isthmus_sync_rows_total", "counter", "Rows by what became of them.", write_rows},
    {"isthmus_sync_lag_seconds", "gauge", "Since a pull last reached the present.", write_lag},
    {"isthmus_sync_last_complete_timestamp", "gauge", "When a pull last reached the present.",
     write_completed},
    {"isthmus_sync_incomplete_windows_total", "counter", "Windows that were given up.",
     write_incomplete},
    {"isthmus_sync_http_responses_total", "counter", "Requests to partners by what came of them.",
     write_answers},
    {"isthmus_sync_retry_after_sleep_seconds_total", "counter",
     "Time not asked because the partner asked for it.", write_slept},
    {"isthmus_sync_clock_skew_seconds", "gauge", "The partner's clock minus ours.", write_skew},
    {"isthmus_sync_guard_trips_total", "counter",
     "Snapshots refused because too much would disappear.", write_guard},
    {"isthmus_sync_echo_suppressed_total", "counter", "Resources of ours that came back.",
     write_linked},
    {"isthmus_sync_pushes_total", "counter", "Resources to be pushed, by what became of them.",
     write_pushes},
    {"isthmus_sync_outbox_oldest_seconds", "gauge",
     "For how long something has been waiting to be pushed.", write_outbox},
    {"isthmus_sync_paused", "gauge", "Whether the partner is paused or not enabled.", write_paused},
};

void peer_write_metrics(const struct peer *first, struct buf *out)
{
    for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metrics[i].name, metrics[i].help,
                   metrics[i].name, metrics[i].type);
        for (const struct peer *peer = first; peer; peer = peer->next)
            metrics[i].write(peer, metrics[i].name, out);
    }
}
