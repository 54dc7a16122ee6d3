/*
 * Loop - one libevent loop, and the fibers on it.
 */

#include "base/loop.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/scheduler.h"

#include <assert.h>
#include <event2/event.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MOST_HOOKS   64
#define MOST_SIGNALS 8

struct call {
    struct call *next;
    void (*run)(void *context);
    void *context;
};

struct hook {
    void (*run)(void *context);
    void *context;
};

struct loop {
    struct event_base *base;
    struct scheduler scheduler;
    bool stopped;
    struct hook hooks[MOST_HOOKS]; /* `run` NULL where unused */

    struct event *alarm;
    int64_t alarm_at; /* when it rings; INT64_MAX when it is not set */

    int post_fd;
    struct event *posted;
    pthread_mutex_t mutex; /* for the two below */
    struct call *calls;
    struct call **last_call;

    struct signal_call {
        struct event *event;
        struct hook hook;
    } signals[MOST_SIGNALS];
};

static void run_turn(struct loop *loop);
static void run_hooks(struct loop *loop);
static void on_post(evutil_socket_t fd, short what, void *context);
static void on_alarm(evutil_socket_t fd, short what, void *context);
static void on_signal(evutil_socket_t fd, short what, void *context);

struct loop *loop_new(void)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    struct event_config *config = event_config_new();

    if (!loop || !config)
        abort();
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    loop->scheduler.loop = loop;
    loop->last_call = &loop->calls;
    loop->alarm_at = INT64_MAX;
    loop->post_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!loop->base || loop->post_fd < 0 || pthread_mutex_init(&loop->mutex, NULL) != 0)
        abort();

    loop->posted = event_new(loop->base, loop->post_fd, EV_READ | EV_PERSIST, on_post, loop);
    loop->alarm = evtimer_new(loop->base, on_alarm, loop);
    if (!loop->posted || !loop->alarm || event_add(loop->posted, NULL) != 0)
        abort();
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    scheduler_release(&loop->scheduler);
    for (size_t i = 0; i < MOST_SIGNALS; i++)
        if (loop->signals[i].event)
            event_free(loop->signals[i].event);
    event_free(loop->alarm);
    event_free(loop->posted);
    event_base_free(loop->base);
    close(loop->post_fd);
    while (loop->calls) {
        struct call *call = loop->calls;
        loop->calls = call->next;
        free(call);
    }
    pthread_mutex_destroy(&loop->mutex);
    free(loop);
}

void loop_run(struct loop *loop)
{
    loop->stopped = false;
    while (!loop->stopped)
        run_turn(loop);
}

static void run_turn(struct loop *loop)
{
    int flags = EVLOOP_ONCE | (scheduler_is_busy(&loop->scheduler) ? EVLOOP_NONBLOCK : 0);

    if (event_base_loop(loop->base, flags) < 0)
        abort();
    scheduler_run(&loop->scheduler);
    run_hooks(loop);
}

/* A hook may remove itself, or another. */
static void run_hooks(struct loop *loop)
{
    for (size_t i = 0; i < MOST_HOOKS; i++)
        if (loop->hooks[i].run)
            loop->hooks[i].run(loop->hooks[i].context);
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

struct scheduler *loop_scheduler(struct loop *loop)
{
    return &loop->scheduler;
}

unsigned loop_fibers(const struct loop *loop)
{
    return loop->scheduler.alive;
}

void loop_add_turn_end(struct loop *loop, void (*hook)(void *context), void *context)
{
    size_t i = 0;

    while (i < MOST_HOOKS && loop->hooks[i].run)
        i++;
    assert(i < MOST_HOOKS);
    loop->hooks[i] = (struct hook){hook, context};
}

void loop_remove_turn_end(struct loop *loop, void (*hook)(void *context), void *context)
{
    for (size_t i = 0; i < MOST_HOOKS; i++)
        if (loop->hooks[i].run == hook && loop->hooks[i].context == context)
            loop->hooks[i] = (struct hook){0};
}

void loop_post(struct loop *loop, void (*run)(void *context), void *context)
{
    struct call *call = malloc(sizeof(*call));

    if (!call)
        abort();
    *call = (struct call){.run = run, .context = context};
    pthread_mutex_lock(&loop->mutex);
    *loop->last_call = call;
    loop->last_call = &call->next;
    pthread_mutex_unlock(&loop->mutex);

    /* Fails only when 2^64 - 1 posts have not been seen yet. */
    if (eventfd_write(loop->post_fd, 1) != 0)
        abort();
}

static void on_post(evutil_socket_t fd, short what, void *context)
{
    struct loop *loop = context;
    eventfd_t ignored;
    struct call *call;

    (void)what;
    (void)eventfd_read(fd, &ignored);
    pthread_mutex_lock(&loop->mutex);
    call = loop->calls;
    loop->calls = NULL;
    loop->last_call = &loop->calls;
    pthread_mutex_unlock(&loop->mutex);

    while (call) {
        struct call *next = call->next;
        call->run(call->context);
        free(call);
        call = next;
    }
}

void loop_on_signal(struct loop *loop, int signum, void (*run)(void *context), void *context)
{
    size_t i = 0;

    while (i < MOST_SIGNALS && loop->signals[i].event)
        i++;
    assert(i < MOST_SIGNALS);
    struct signal_call *call = &loop->signals[i];
    call->hook = (struct hook){run, context};
    call->event = evsignal_new(loop->base, signum, on_signal, call);
    if (!call->event || event_add(call->event, NULL) != 0)
        abort();
}

static void on_signal(evutil_socket_t fd, short what, void *context)
{
    struct signal_call *call = context;

    (void)fd;
    (void)what;
    call->hook.run(call->hook.context);
}

/* One timer for all waits, set only when a deadline is earlier than the one it
 * is set for. It is not unset when that wait ends early: ringing once too often
 * is cheaper than setting a timer for each of 50,000 waits a second. */
void loop_turn_at(struct loop *loop, int64_t when)
{
    if (when >= loop->alarm_at)
        return;

    int64_t wait = when - clock_monotonic();
    if (wait < 0)
        wait = 0;
    struct timeval delay = {wait / 1000000, wait % 1000000};
    if (event_add(loop->alarm, &delay) != 0)
        abort();
    loop->alarm_at = when;
}

static void on_alarm(evutil_socket_t fd, short what, void *context)
{
    struct loop *loop = context;
    struct deadline *first;

    (void)fd;
    (void)what;
    loop->alarm_at = INT64_MAX;
    scheduler_expire(&loop->scheduler, clock_monotonic());
    first = deadlines_first(&loop->scheduler.deadlines);
    if (first)
        loop_turn_at(loop, first->when);
}
