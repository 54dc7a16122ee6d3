/*
 * Peer metrics - what the worker counts of each partner, as Prometheus text.
 */

#include "base/buf.h"
#include "base/clock.h"
#include "base/count.h"
#include "sync/peer.h"

#include <inttypes.h>

#define MICRO 1e6

void peer_write_line(struct buf *out, const char *name, const struct peer *peer, const char *labels,
                     double value)
{
    buf_printf(out, "%s{partner=\"%s\"%s} %.17g\n", name, peer->landed->name, labels, value);
}

static void write_done(const struct peer *peer, const char *name, struct buf *out)
{
    peer_write_line(out, name, peer, ",stage=\"landed\"", (double)peer->landed_rows);
    peer_write_line(out, name, peer, ",stage=\"applied\"", (double)peer->counts.applied);
    peer_write_line(out, name, peer, ",stage=\"unchanged\"", (double)peer->counts.unchanged);
    peer_write_line(out, name, peer, ",stage=\"older\"", (double)peer->counts.older);
    peer_write_line(out, name, peer, ",stage=\"dead\"", (double)peer->counts.dead);
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
        peer_write_line(out, name, peer, labels, number);
    }
}

/* What never reached it has been behind since it was asked for. */
static double lag(const struct task *task)
{
    int64_t since = task->complete == INT64_MIN ? task->peer->landed->configured : task->complete;

    return (double)(clock_now() - since) / MICRO;
}

static double patience(const struct task *task)
{
    return (double)partner_patience(&task->peer->partner, task->every / 1000) / MICRO;
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

static void write_patience(const struct peer *peer, const char *name, struct buf *out)
{
    write_tasks(peer, name, out, patience);
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
        peer_write_line(out, name, peer, labels, (double)counts->answers[class]);
    }
}

static void write_slept(const struct peer *peer, const char *name, struct buf *out)
{
    peer_write_line(out, name, peer, "", (double)talk_counts(peer->talk)->slept_ms / 1000);
}

static void write_skew(const struct peer *peer, const char *name, struct buf *out)
{
    const struct talk_counts *counts = talk_counts(peer->talk);

    if (counts->skew_known)
        peer_write_line(out, name, peer, "", (double)counts->skew_ms / 1000);
}

static void write_guard(const struct peer *peer, const char *name, struct buf *out)
{
    peer_write_line(out, name, peer, "", (double)peer->guard_trips);
}

static void write_linked(const struct peer *peer, const char *name, struct buf *out)
{
    peer_write_line(out, name, peer, "", (double)peer->linked);
}

static void write_pushes(const struct peer *peer, const char *name, struct buf *out)
{
    const struct push_counts *counts = &peer->push.counts;

    if (!peer->partner.push.on)
        return;
    peer_write_line(out, name, peer, ",result=\"planned\"", (double)counts->planned);
    peer_write_line(out, name, peer, ",result=\"created\"", (double)counts->created);
    peer_write_line(out, name, peer, ",result=\"updated\"", (double)counts->updated);
    peer_write_line(out, name, peer, ",result=\"deleted\"", (double)counts->deleted);
    peer_write_line(out, name, peer, ",result=\"held\"", (double)counts->held);
    peer_write_line(out, name, peer, ",result=\"resolved\"", (double)counts->resolved);
    peer_write_line(out, name, peer, ",result=\"unknown\"", (double)counts->unknown);
    peer_write_line(out, name, peer, ",result=\"failed\"", (double)counts->failed);
}

static void write_paused(const struct peer *peer, const char *name, struct buf *out)
{
    peer_write_line(out, name, peer, "", peer->paused || !peer->partner.enabled);
}

static const struct {
    const char *name, *type, *help;
    peer_write_fn *write;
} metrics[] = {
    {"isthmus_sync_rows_total", "counter", "Rows since the start, by what became of them.",
     write_done},
    {"isthmus_sync_rows", "gauge", "Rows of all windows, by what became of them.", peer_write_rows},
    {"isthmus_sync_lag_seconds", "gauge", "Since a pull last reached the present.", write_lag},
    {"isthmus_sync_patience_seconds", "gauge",
     "How much lag the rhythm of a pull, and the partner's hours, explain.", write_patience},
    {"isthmus_sync_last_complete_timestamp", "gauge", "When a pull last reached the present.",
     write_completed},
    {"isthmus_sync_incomplete_windows_total", "counter", "Windows that were given up.",
     write_incomplete},
    {"isthmus_sync_incomplete_windows", "gauge",
     "Windows given up since the last one that landed: what they lack is missing here.",
     peer_write_gaps},
    {"isthmus_sync_partial_windows", "gauge",
     "Windows that the partner itself calls less than the whole, since a snapshot that was not.",
     peer_write_partial},
    {"isthmus_sync_ref_pending", "gauge", "Resources that others refer to and that have not come.",
     peer_write_pending},
    {"isthmus_sync_dead_letters", "gauge", "Rows that could not be applied and wait for somebody.",
     peer_write_dead},
    {"isthmus_sync_critical_dead_letters", "gauge", "Of these, what may be critical results.",
     peer_write_critical},
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
     "For how long something has been waiting to be pushed.", peer_write_outbox},
    {"isthmus_sync_push_ledger", "gauge", "Resources for the partner, by how far they are.",
     peer_write_ledger},
    {"isthmus_sync_paused", "gauge", "Whether the partner is paused or not enabled.", write_paused},
};

void peer_write_metrics(const struct peer *first, struct buf *out)
{
    for (size_t i = 0; i < COUNT(metrics); i++) {
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metrics[i].name, metrics[i].help,
                   metrics[i].name, metrics[i].type);
        for (const struct peer *peer = first; peer; peer = peer->next)
            metrics[i].write(peer, metrics[i].name, out);
    }
}
