/*
 * Terminology lists - the codes of a value set, or of a branch of a hierarchy, one by one.
 *
 * The rules of a value set name codes that may belong to it; which do is asked of
 * value_set_has(), so that there is one reading of what a value set holds.
 */

#include "fhir/terminology.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "fhir/terminology_set.h"
#include "fhir/terminology_table.h"

#include <stdlib.h>

enum {
    IMPORTS_MAX = 12, /* value sets within value sets */
    CANDIDATES = 20,  /* looked at for each code that is wanted at most */
};

struct lister {
    const struct definitions *definitions;
    const struct terminology *terminology;
    struct code_listing *listing;
    struct buf codes; /* struct listed_code */
    size_t most;
};

static struct lister begin(const struct definitions *definitions, size_t most, struct arena *arena,
                           struct code_listing *listing);
static bool add_set(struct lister *lister, uint32_t number, unsigned depth);
static bool add_clause(struct lister *lister, const struct clause *clause, unsigned depth);
static bool add_import(struct lister *lister, const struct clause *clause, unsigned depth);
static bool add_system(struct lister *lister, uint32_t name);
static bool add_codes(struct lister *lister, uint32_t system, struct code_list list);
static bool add_code(struct lister *lister, struct text system, struct text code);
static bool leave_members(struct lister *lister, struct text value_set);
static void keep_each_once(struct lister *lister);
static bool stop(struct lister *lister, enum listing_outcome outcome, struct text missing);
static void finish(struct lister *lister);

void value_set_list(const struct definitions *definitions, struct text value_set, size_t most,
                    struct arena *arena, struct code_listing *listing)
{
    struct lister lister = begin(definitions, most, arena, listing);
    uint32_t number = term_set_find(lister.terminology, value_set);

    if (number == TERM_NOBODY) {
        stop(&lister, LISTING_MISSING, value_set);
        return;
    }
    if (!add_set(&lister, number, 0))
        return;
    keep_each_once(&lister);
    if (leave_members(&lister, value_set))
        finish(&lister);
}

void code_system_list(const struct definitions *definitions, struct text system, struct text code,
                      bool above, size_t most, struct arena *arena, struct code_listing *listing)
{
    struct lister lister = begin(definitions, most, arena, listing);
    const struct terminology *terminology = lister.terminology;
    uint32_t name = term_name_find(terminology, system);
    uint32_t number = name == TERM_NOBODY ? TERM_NOBODY : terminology->names[name].system;

    if (number == TERM_NOBODY || term_system(terminology, number)->content == CONTENT_PART) {
        stop(&lister, LISTING_MISSING, system);
        return;
    }
    const struct code_system *found = term_system(terminology, number);
    uint32_t row = term_find(terminology, found->concepts, code, found->nocase);

    add_code(&lister, system, code);
    for (uint32_t i = 0; row != TERM_NOBODY && i < found->concepts.count; i++) {
        uint32_t other = found->concepts.first + i;
        bool related =
            above ? term_is_below(terminology, row, other) : term_is_below(terminology, other, row);

        if (related && other != row)
            add_code(&lister, system, term_text(terminology, term_coded(terminology, other)->code));
    }
    finish(&lister);
}

static struct lister begin(const struct definitions *definitions, size_t most, struct arena *arena,
                           struct code_listing *listing)
{
    *listing = (struct code_listing){.outcome = LISTING_WHOLE};
    return (struct lister){
        .definitions = definitions,
        .terminology = definitions_terminology(definitions),
        .listing = listing,
        .codes = buf_in(arena),
        .most = most,
    };
}

static size_t count_of(const struct lister *lister)
{
    return lister->codes.size / sizeof(struct listed_code);
}

static bool stop(struct lister *lister, enum listing_outcome outcome, struct text missing)
{
    lister->listing->outcome = outcome;
    lister->listing->missing = missing;
    return false;
}

static void finish(struct lister *lister)
{
    if (count_of(lister) > lister->most) {
        stop(lister, LISTING_TOO_LONG, (struct text){0});
        return;
    }
    lister->listing->codes = (void *)lister->codes.data;
    lister->listing->count = count_of(lister);
}

static bool add_set(struct lister *lister, uint32_t number, unsigned depth)
{
    const struct value_set *set = term_set(lister->terminology, number);
    const struct clause *clauses = term_layer_of(lister->terminology, set->first_clause)->clauses +
                                   term_index(set->first_clause);

    if (depth == IMPORTS_MAX)
        return stop(lister, LISTING_OPEN, (struct text){0});
    for (uint32_t i = 0; i < set->clause_count; i++)
        if (!clauses[i].exclude && !add_clause(lister, &clauses[i], depth))
            return false;
    return true;
}

/* What a clause holds is in its system part and in all value sets it imports: one of them has
 * all candidates. */
static bool add_clause(struct lister *lister, const struct clause *clause, unsigned depth)
{
    switch ((enum clause_kind)clause->kind) {
    case CLAUSE_CODES:
    case CLAUSE_EXPANDED:
        return add_codes(lister, clause->system, clause->codes);
    case CLAUSE_ALL:
    case CLAUSE_IS_A:
    case CLAUSE_BELOW:
    case CLAUSE_IS_NOT_A:
        return add_system(lister, clause->meant);
    case CLAUSE_SETS:
        return add_import(lister, clause, depth);
    case CLAUSE_UNDECIDED:
        if (lister->terminology->names[clause->meant].system == TERM_NOBODY)
            return stop(lister, LISTING_MISSING,
                        term_name_text(lister->terminology, clause->meant));
        break;
    case CLAUSE_UNITS:
    case CLAUSE_LANGUAGES:
    case CLAUSE_OPEN:
        break;
    }
    return stop(lister, LISTING_OPEN, (struct text){0});
}

static bool add_import(struct lister *lister, const struct clause *clause, unsigned depth)
{
    const struct terminology *terminology = lister->terminology;
    uint32_t name =
        term_layer_of(terminology, clause->first_import)->imports[term_index(clause->first_import)];
    struct text url = term_name_text(terminology, name);
    uint32_t number = term_set_find(terminology, url);

    return number == TERM_NOBODY ? stop(lister, LISTING_MISSING, url)
                                 : add_set(lister, number, depth + 1);
}

static bool add_system(struct lister *lister, uint32_t name)
{
    const struct terminology *terminology = lister->terminology;
    uint32_t number = terminology->names[name].system;

    if (number == TERM_NOBODY)
        return stop(lister, LISTING_MISSING, term_name_text(terminology, name));
    const struct code_system *system = term_system(terminology, number);
    if (system->content == CONTENT_PART)
        return stop(lister, LISTING_MISSING, term_name_text(terminology, name));
    if (system->content != CONTENT_COMPLETE)
        return stop(lister, LISTING_OPEN, (struct text){0});
    return add_codes(lister, system->name, system->concepts);
}

static bool add_codes(struct lister *lister, uint32_t system, struct code_list list)
{
    const struct terminology *terminology = lister->terminology;
    struct text url = term_name_text(terminology, system);

    for (uint32_t i = 0; i < list.count; i++)
        if (!add_code(lister, url,
                      term_text(terminology, term_coded(terminology, list.first + i)->code)))
            return false;
    return true;
}

static bool add_code(struct lister *lister, struct text system, struct text code)
{
    struct listed_code listed = {system, code};

    if (count_of(lister) >= CANDIDATES * lister->most)
        return stop(lister, LISTING_TOO_LONG, (struct text){0});
    buf_add(&lister->codes, &listed, sizeof(listed));
    return true;
}

static bool leave_members(struct lister *lister, struct text value_set)
{
    struct listed_code *codes = (void *)lister->codes.data;
    size_t count = count_of(lister), kept = 0;
    struct code_finding finding;

    for (size_t i = 0; i < count; i++) {
        value_set_has(lister->definitions, value_set, codes[i].system, codes[i].code, &finding);
        if (finding.answer == CODE_UNKNOWN)
            return stop(lister, finding.missing.data ? LISTING_MISSING : LISTING_OPEN,
                        finding.missing);
        if (finding.answer == CODE_YES)
            codes[kept++] = codes[i];
    }
    lister->codes.size = kept * sizeof(*codes);
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct listed_code *x = a, *y = b;
    int order = term_compare(x->system, y->system, false);

    return order ? order : term_compare(x->code, y->code, false);
}

static void keep_each_once(struct lister *lister)
{
    struct listed_code *codes = (void *)lister->codes.data;
    size_t count = count_of(lister), kept = 0;

    if (count > 0)
        qsort(codes, count, sizeof(*codes), compare);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || compare(&codes[kept - 1], &codes[i]) != 0)
            codes[kept++] = codes[i];
    lister->codes.size = kept * sizeof(*codes);
}
