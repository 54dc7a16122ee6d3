/*
 * Regular expressions, searched for - the program runs on the text with all
 * its threads in step.
 */

#include "fhir/fhirpath_regex_program.h"

#include "base/arena.h"
#include "base/err.h"

#include <ctype.h>

unsigned regex_decode(struct text text, size_t at, size_t *size)
{
    struct text rest = {text.data + at, text.size - at};
    const unsigned char *p = (const unsigned char *)rest.data;

    *size = text_character(rest);
    switch (*size) {
    case 2:
        return (p[0] & 0x1FU) << 6 | (p[1] & 0x3FU);
    case 3:
        return (p[0] & 0xFU) << 12 | (p[1] & 0x3FU) << 6 | (p[2] & 0x3FU);
    case 4:
        return (p[0] & 7U) << 18 | (p[1] & 0x3FU) << 12 | (p[2] & 0x3FU) << 6 | (p[3] & 0x3FU);
    default:
        *size = 1;
        return p[0];
    }
}

static void init_threads(struct threads *threads, struct arena *arena, unsigned size)
{
    threads->items = arena_alloc_raw(arena, (size_t)size * sizeof(*threads->items));
    threads->marks = arena_many(arena, uint32_t, size);
    threads->generation = 1;
}

void regex_make_room(struct regex *regex, struct arena *arena)
{
    init_threads(&regex->now, arena, regex->size);
    init_threads(&regex->next, arena, regex->size);
    regex->stack = arena_alloc_raw(arena, ((size_t)regex->size * 2 + 2) * sizeof(*regex->stack));
}

static bool class_has(const struct char_class *class, unsigned code)
{
    bool found = false;

    for (const struct range *range = class->ranges; range && !found; range = range->next)
        found = code >= range->low && code <= range->high;
    return found != class->negated;
}

static bool is_word(struct text text, size_t at)
{
    return at < text.size && (isalnum((unsigned char)text.data[at]) || text.data[at] == '_');
}

static bool holds(enum item_kind assertion, struct text text, size_t at)
{
    bool boundary;

    if (assertion == ITEM_START)
        return at == 0;
    if (assertion == ITEM_END)
        return at == text.size;
    boundary = (at > 0 && is_word(text, at - 1)) != is_word(text, at);
    return boundary == (assertion == ITEM_WORD);
}

/*
 * Follows everything that consumes no character, from one thread, and puts
 * the threads that wait for a character into the list, best first. The
 * stack holds at most one entry per instruction of the program.
 */
static void add_threads(const struct regex *regex, struct threads *list, struct thread *stack,
                        struct thread start, struct text text, size_t at, unsigned *budget)
{
    unsigned height = 0;

    stack[height++] = start;
    while (height > 0) {
        struct thread thread = stack[--height];
        const struct instruction *instruction = &regex->program[thread.pc];

        if (list->marks[thread.pc] == list->generation)
            continue;
        list->marks[thread.pc] = list->generation;
        *budget -= *budget > 0;
        switch (instruction->op) {
        case OP_JUMP:
            thread.pc = instruction->x;
            stack[height++] = thread;
            break;
        case OP_SPLIT:
            thread.pc = instruction->y;
            stack[height++] = thread;
            thread.pc = instruction->x;
            stack[height++] = thread;
            break;
        case OP_SAVE:
            thread.saved[instruction->code] = (long)at;
            thread.pc++;
            stack[height++] = thread;
            break;
        case OP_ASSERT:
            if (holds(instruction->assertion, text, at)) {
                thread.pc++;
                stack[height++] = thread;
            }
            break;
        default:
            list->items[list->count++] = thread;
            break;
        }
    }
}

static bool consumes(const struct instruction *instruction, unsigned code)
{
    switch (instruction->op) {
    case OP_CHAR:
        return instruction->code == code;
    case OP_CLASS:
        return class_has(instruction->class, code);
    case OP_ANY:
        return true;
    default:
        return false;
    }
}

static void clear_threads(struct threads *threads)
{
    threads->count = 0;
    threads->generation++;
}

static void keep_match(const struct thread *thread, struct regex_match *match)
{
    for (int i = 0; i < REGEX_GROUPS; i++) {
        match->start[i] = thread->saved[(size_t)i * 2];
        match->end[i] = thread->saved[(size_t)i * 2 + 1];
    }
}

/* One character further; true when a thread reached the end of the pattern. */
static bool advance_threads(struct regex *regex, const struct threads *now, struct threads *next,
                            struct text text, size_t at, size_t *size, bool whole, unsigned *budget,
                            struct regex_match *match)
{
    unsigned code = at < text.size ? regex_decode(text, at, size) : 0;

    for (unsigned i = 0; i < now->count; i++) {
        struct thread thread = now->items[i];
        const struct instruction *instruction = &regex->program[thread.pc];

        *budget -= *budget > 0;
        if (instruction->op == OP_MATCH && (!whole || at == text.size)) {
            keep_match(&thread, match);
            return true; /* the threads behind are worse */
        }
        if (at < text.size && consumes(instruction, code)) {
            thread.pc++;
            add_threads(regex, next, regex->stack, thread, text, at + *size, budget);
        }
    }
    return false;
}

bool regex_search(struct regex *regex, struct text text, size_t from, bool whole, unsigned *budget,
                  struct regex_match *match)
{
    struct threads *now = &regex->now, *next = &regex->next, *swap;
    struct thread start = {0};
    bool found = false;

    clear_threads(now);
    for (int i = 0; i < 2 * REGEX_GROUPS; i++)
        start.saved[i] = -1;
    for (size_t at = from, size = 0; *budget > 0; at += size) {
        if (!found && (!whole || at == from))
            add_threads(regex, now, regex->stack, start, text, at, budget);
        if (now->count == 0 && (found || whole))
            break;
        clear_threads(next);
        if (advance_threads(regex, now, next, text, at, &size, whole, budget, match))
            found = true;
        swap = now;
        now = next;
        next = swap;
        if (at >= text.size)
            break;
    }
    return found && *budget > 0;
}
