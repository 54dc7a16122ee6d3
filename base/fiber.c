/*
 * Fiber - a function with a stack of its own. The only file that knows stacks.
 *
 * makecontext() gives a fiber its stack; from then on sigsetjmp() without the
 * signal mask and siglongjmp() switch, because swapcontext() makes two system
 * calls each time. A fiber whose function has returned keeps its stack and
 * waits for the next function, so that a request costs no context at all.
 */

/* The checked longjmp() takes a jump to another stack for an error. */
#undef _FORTIFY_SOURCE

#include "base/fiber.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/sanitizer.h"
#include "base/scheduler.h"

#include <assert.h>
#include <setjmp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(start, end) 0
#define VALGRIND_STACK_DEREGISTER(id)       ((void)(id))
#endif

/* ASan's frames are several times larger. Only touched pages cost memory. */
#define STACK_SIZE ((size_t)(BUILT_WITH_ASAN ? 8 : 1) * 1024 * 1024)

/* How many idle fibers a loop keeps, and how often, and down to what size, the
 * stack of one is given back to the system: one deep recursion must not occupy
 * memory for ever. */
#define KEPT_FIBERS 128
#define TRIM_EVERY  64
#define TRIM_TO     ((size_t)64 * 1024)

struct stack {
    char *mapping; /* the guard page, then the stack */
    char *bottom;
    size_t guard;
    unsigned valgrind_id;
};

struct fiber {
    struct fiber *next; /* in the queue or the idle list it is in */
    struct scheduler *scheduler;
    void (*run)(void *context);
    void *context;
    struct waiter *waiter;    /* where it is parked */
    struct deadline deadline; /* of that wait */
    bool timed_out;
    bool returned;
    unsigned uses;
    sigjmp_buf resume;
    struct stack stack;
};

/* The fiber that is running in this thread, and where its loop goes on. */
static __thread struct fiber *running;
static __thread sigjmp_buf loop_resume;
static __thread const void *loop_stack;
static __thread size_t loop_stack_size;

static struct fiber *take_fiber(struct scheduler *scheduler);
static struct fiber *new_fiber(struct scheduler *scheduler);
static struct stack new_stack(void);
static void enter_stack(struct fiber *fiber);
static void fiber_main(unsigned low, unsigned high);
static void enter(struct fiber *fiber);
static void leave(void);
static void put_away(struct fiber *fiber);
static void free_fiber(struct fiber *fiber);
static void make_ready(struct fiber *fiber);
static void push(struct fiber_queue *queue, struct fiber *fiber);
static struct fiber *pop(struct fiber_queue *queue);
static void arrive(void *fake_stack, const void **from, size_t *from_size);
static void depart(void **fake_stack, const void *to, size_t to_size);

void fiber_spawn(struct loop *loop, void (*run)(void *context), void *context)
{
    struct scheduler *scheduler = loop_scheduler(loop);
    struct fiber *fiber = take_fiber(scheduler);

    fiber->run = run;
    fiber->context = context;
    fiber->returned = false;
    scheduler->alive++;
    push(&scheduler->ready, fiber);
}

bool fiber_wait(struct waiter *waiter, int timeout_ms, struct err *err)
{
    struct fiber *self = running;

    assert(self && "only a fiber can wait");
    assert(!waiter->fiber && "one fiber a waiter");
    if (waiter->woken) {
        waiter->woken = false;
        return true;
    }
    waiter->fiber = self;
    self->waiter = waiter;
    self->timed_out = false;
    if (timeout_ms >= 0) {
        int64_t when = clock_monotonic() + (int64_t)timeout_ms * 1000;
        deadlines_add(&self->scheduler->deadlines, &self->deadline, when);
        loop_turn_at(self->scheduler->loop, when);
    }
    leave();

    if (!self->timed_out)
        return true;
    if (waiter->woken) { /* the result came after all, before we ran */
        waiter->woken = false;
        return true;
    }
    return err_set(err, ERR_TIMEOUT, NULL, "The deadline of %d ms passed.", timeout_ms);
}

void fiber_wake(struct waiter *waiter)
{
    if (waiter->fiber)
        make_ready(waiter->fiber);
    else
        waiter->woken = true;
}

void fiber_sleep(int ms)
{
    struct waiter nobody = {0};

    if (!fiber_wait(&nobody, ms > 0 ? ms : 0, NULL))
        return;
}

void fiber_yield(void)
{
    assert(running && "only a fiber can yield");
    push(&running->scheduler->yielded, running);
    leave();
}

struct loop *fiber_loop(void)
{
    return running ? running->scheduler->loop : NULL;
}

void scheduler_expire(struct scheduler *scheduler, int64_t now)
{
    struct deadline *first;

    while ((first = deadlines_first(&scheduler->deadlines)) && first->when <= now) {
        struct fiber *fiber = (struct fiber *)((char *)first - offsetof(struct fiber, deadline));
        fiber->timed_out = true;
        make_ready(fiber);
    }
}

/* Who yielded in this turn runs in the next, so that a fiber that yields all
 * the time does not keep the others from their events. */
void scheduler_run(struct scheduler *scheduler)
{
    struct fiber *fiber;

    assert(!running && "a fiber must not run its own loop");
    if (scheduler->yielded.first) {
        if (scheduler->ready.last)
            scheduler->ready.last->next = scheduler->yielded.first;
        else
            scheduler->ready.first = scheduler->yielded.first;
        scheduler->ready.last = scheduler->yielded.last;
        scheduler->yielded = (struct fiber_queue){0};
    }
    while ((fiber = pop(&scheduler->ready))) {
        enter(fiber);
        if (fiber->returned) {
            scheduler->alive--;
            put_away(fiber);
        }
    }
}

bool scheduler_is_busy(const struct scheduler *scheduler)
{
    return scheduler->ready.first || scheduler->yielded.first;
}

void scheduler_release(struct scheduler *scheduler)
{
    assert(scheduler->alive == 0 && "a fiber is left");
    while (scheduler->idle) {
        struct fiber *fiber = scheduler->idle;
        scheduler->idle = fiber->next;
        free_fiber(fiber);
    }
    scheduler->idle_count = 0;
    deadlines_release(&scheduler->deadlines);
}

static void make_ready(struct fiber *fiber)
{
    fiber->waiter->fiber = NULL;
    deadlines_remove(&fiber->scheduler->deadlines, &fiber->deadline);
    push(&fiber->scheduler->ready, fiber);
}

static void push(struct fiber_queue *queue, struct fiber *fiber)
{
    fiber->next = NULL;
    if (queue->last)
        queue->last->next = fiber;
    else
        queue->first = fiber;
    queue->last = fiber;
}

static struct fiber *pop(struct fiber_queue *queue)
{
    struct fiber *fiber = queue->first;

    if (fiber) {
        queue->first = fiber->next;
        if (!queue->first)
            queue->last = NULL;
    }
    return fiber;
}

/*
 * Stacks and switches from here on.
 */

static struct fiber *take_fiber(struct scheduler *scheduler)
{
    struct fiber *fiber = scheduler->idle;

    if (!fiber)
        return new_fiber(scheduler);
    scheduler->idle = fiber->next;
    scheduler->idle_count--;
    return fiber;
}

static void put_away(struct fiber *fiber)
{
    struct scheduler *scheduler = fiber->scheduler;

    if (scheduler->idle_count >= KEPT_FIBERS) {
        free_fiber(fiber);
        return;
    }
    if (++fiber->uses % TRIM_EVERY == 0)
        madvise(fiber->stack.bottom, STACK_SIZE - TRIM_TO, MADV_DONTNEED);
    fiber->next = scheduler->idle;
    scheduler->idle = fiber;
    scheduler->idle_count++;
}

static struct fiber *new_fiber(struct scheduler *scheduler)
{
    struct fiber *fiber = calloc(1, sizeof(*fiber));

    if (!fiber)
        abort();
    fiber->scheduler = scheduler;
    fiber->stack = new_stack();
    enter_stack(fiber);
    return fiber;
}

static void free_fiber(struct fiber *fiber)
{
    VALGRIND_STACK_DEREGISTER(fiber->stack.valgrind_id);
    /* Only the frames at the top have not returned, and left their marks. */
    ASAN_UNPOISON_MEMORY_REGION(fiber->stack.bottom + STACK_SIZE - TRIM_TO, TRIM_TO);
    munmap(fiber->stack.mapping, fiber->stack.guard + STACK_SIZE);
    free(fiber);
}

static struct stack new_stack(void)
{
    struct stack stack = {.guard = (size_t)sysconf(_SC_PAGESIZE)};

    stack.mapping = mmap(NULL, stack.guard + STACK_SIZE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stack.mapping == MAP_FAILED || mprotect(stack.mapping, stack.guard, PROT_NONE) != 0)
        abort();
    stack.bottom = stack.mapping + stack.guard;
    stack.valgrind_id = VALGRIND_STACK_REGISTER(stack.bottom, stack.bottom + STACK_SIZE);
    return stack;
}

/* Goes to the new stack once with the expensive call, and comes back as soon as
 * fiber_main() has saved where it can be resumed. */
static void enter_stack(struct fiber *fiber)
{
    ucontext_t there;
    void *fake_stack = NULL;

    if (getcontext(&there) != 0)
        abort();
    there.uc_link = NULL;
    there.uc_stack.ss_sp = fiber->stack.bottom;
    there.uc_stack.ss_size = STACK_SIZE;
    there.uc_stack.ss_flags = 0;

    /* makecontext() passes ints only. */
    uintptr_t address = (uintptr_t)fiber;
    makecontext(&there, (void (*)(void))fiber_main, 2, (unsigned)address,
                (unsigned)(address >> 32));

    struct fiber *caller = running;
    sigjmp_buf back;
    fiber->context = &back;
    depart(&fake_stack, fiber->stack.bottom, STACK_SIZE);
    if (sigsetjmp(back, 0) == 0)
        setcontext(&there);
    arrive(fake_stack, NULL, NULL);
    running = caller;
}

static void fiber_main(unsigned low, unsigned high)
{
    struct fiber *self = (struct fiber *)((uintptr_t)low | (uintptr_t)high << 32);
    const void *creator_stack = NULL;
    size_t creator_size = 0;
    void *fake_stack = NULL;

    arrive(NULL, &creator_stack, &creator_size);
    depart(&fake_stack, creator_stack, creator_size);
    if (sigsetjmp(self->resume, 0) == 0)
        siglongjmp(*(sigjmp_buf *)self->context, 1);
    arrive(fake_stack, &loop_stack, &loop_stack_size);
    while (true) {
        self->run(self->context);
        self->returned = true;
        leave();
    }
}

/* From the loop into a fiber; returns when the fiber waits or has returned. */
static __attribute__((noinline)) void enter(struct fiber *fiber)
{
    void *fake_stack = NULL;

    running = fiber;
    depart(&fake_stack, fiber->stack.bottom, STACK_SIZE);
    if (sigsetjmp(loop_resume, 0) == 0)
        siglongjmp(fiber->resume, 1);
    arrive(fake_stack, NULL, NULL);
    running = NULL;
}

/* From the running fiber back to its loop; returns when it is entered again. */
static __attribute__((noinline)) void leave(void)
{
    void *fake_stack = NULL;

    depart(&fake_stack, loop_stack, loop_stack_size);
    if (sigsetjmp(running->resume, 0) == 0)
        siglongjmp(loop_resume, 1);
    arrive(fake_stack, &loop_stack, &loop_stack_size);
}

/* ASan has to be told before and after each change of stack. */
static inline void depart(void **fake_stack, const void *to, size_t to_size)
{
#if BUILT_WITH_ASAN
    __sanitizer_start_switch_fiber(fake_stack, to, to_size);
#else
    (void)fake_stack, (void)to, (void)to_size;
#endif
}

static inline void arrive(void *fake_stack, const void **from, size_t *from_size)
{
#if BUILT_WITH_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, from, from_size);
#else
    (void)fake_stack, (void)from, (void)from_size;
#endif
}
