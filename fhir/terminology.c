/*
 * Terminology - the questions, answered from the tables.
 *
 * Value sets are not expanded: their rules are followed, in a logic of three
 * values, so that what is not loaded matters only where it decides.
 */

#include "fhir/terminology.h"

#include "base/err.h"
#include "fhir/canonical.h"
#include "fhir/fhirpath_unit.h"
#include "fhir/terminology_grammar.h"
#include "fhir/terminology_set.h"
#include "fhir/terminology_table.h"

#define MAX_IMPORTS 12 /* value sets within value sets; published ones have less than five */

struct question {
    const struct terminology *terminology;
    struct text code;
    uint32_t system; /* a name; TERM_NOBODY: one that nothing here speaks of */
    bool any_system; /* none was given */
};

struct answer {
    enum code_answer answer;
    uint32_t missing;      /* UNKNOWN: a name, or TERM_NOBODY */
    uint32_t row, display; /* YES: of the concept; a text of the value set; or TERM_NOBODY and 0 */
    uint32_t system;       /* YES: the name of the code's system */
};

static struct answer set_answer(const struct question *question, uint32_t number, unsigned depth);
static struct answer clause_answer(const struct question *question, const struct clause *clause,
                                   unsigned depth);
static struct answer system_answer(const struct question *question, uint32_t name);

static struct answer say(enum code_answer answer)
{
    return (struct answer){
        .answer = answer, .missing = TERM_NOBODY, .row = TERM_NOBODY, .system = TERM_NOBODY};
}

static struct answer say_if(bool yes)
{
    return say(yes ? CODE_YES : CODE_NO);
}

/* It depends on what would be loaded under this name. */
static struct answer say_missing(uint32_t name)
{
    struct answer answer = say(CODE_UNKNOWN);

    answer.missing = name;
    return answer;
}

static void report(const struct terminology *terminology, const struct answer *answer,
                   struct code_finding *finding)
{
    *finding = (struct code_finding){.answer = answer->answer};
    if (answer->answer == CODE_UNKNOWN && answer->missing != TERM_NOBODY)
        finding->missing = term_name_text(terminology, answer->missing);
    if (answer->answer != CODE_YES)
        return;
    if (answer->row != TERM_NOBODY)
        finding->display = term_text(terminology, term_coded(terminology, answer->row)->display);
    if (!finding->display.data)
        finding->display = term_text(terminology, answer->display);
}

void value_set_has(const struct definitions *definitions, struct text value_set, struct text system,
                   struct text code, struct code_finding *finding)
{
    const struct terminology *terminology = definitions_terminology(definitions);
    uint32_t number = term_set_find(terminology, value_set);
    struct question question = {
        .terminology = terminology,
        .code = code,
        .system = system.data ? term_name_find(terminology, system) : TERM_NOBODY,
        .any_system = !system.data,
    };

    if (number == TERM_NOBODY) {
        *finding = (struct code_finding){.answer = CODE_UNKNOWN, .missing = value_set};
        return;
    }
    struct answer answer = set_answer(&question, number, 0);
    report(terminology, &answer, finding);
}

uint32_t term_set_find(const struct terminology *terminology, struct text canonical)
{
    uint32_t name = term_name_find(terminology, canonical), number;

    if (name != TERM_NOBODY && terminology->names[name].set != TERM_NOBODY)
        return terminology->names[name].set;

    struct canonical wanted = canonical_split(canonical);
    name = wanted.url.size < canonical.size ? term_name_find(terminology, wanted.url) : TERM_NOBODY;
    number = name != TERM_NOBODY ? terminology->names[name].set : TERM_NOBODY;
    if (number == TERM_NOBODY ||
        !canonical_version_fits(wanted.version,
                                term_text(terminology, term_set(terminology, number)->version)))
        return TERM_NOBODY;
    return number;
}

/* Whether a code that was included is excluded. */
static struct answer exclusion(const struct question *question, const struct value_set *set,
                               const struct answer *included, unsigned depth)
{
    const struct term_layer *layer = term_layer_of(question->terminology, set->first_clause);
    const struct clause *clauses = layer->clauses + term_index(set->first_clause);
    struct question same = *question;
    struct answer result = say(CODE_NO);

    if (question->any_system && included->system != TERM_NOBODY) {
        same.system = included->system;
        same.any_system = false;
    }
    for (uint32_t i = 0; i < set->clause_count; i++) {
        if (!clauses[i].exclude)
            continue;
        struct answer answer = clause_answer(&same, &clauses[i], depth);
        if (answer.answer == CODE_YES)
            return answer;
        if (answer.answer == CODE_UNKNOWN)
            result = answer;
    }
    return result;
}

/* What a clause includes, without what the set excludes. */
static struct answer included_by(const struct question *question, const struct value_set *set,
                                 const struct clause *clause, unsigned depth)
{
    struct answer answer = clause_answer(question, clause, depth), excluded;

    if (answer.answer == CODE_NO || clause->kind == CLAUSE_EXPANDED)
        return answer;
    excluded = exclusion(question, set, &answer, depth);
    if (excluded.answer == CODE_YES)
        return say(CODE_NO);
    return excluded.answer == CODE_UNKNOWN && answer.answer == CODE_YES ? excluded : answer;
}

static struct answer set_answer(const struct question *question, uint32_t number, unsigned depth)
{
    const struct terminology *terminology = question->terminology;
    const struct value_set *set = term_set(terminology, number);
    struct answer result = say(CODE_NO);

    if (depth == MAX_IMPORTS)
        return say(CODE_UNKNOWN);
    const struct clause *clauses =
        term_layer_of(terminology, set->first_clause)->clauses + term_index(set->first_clause);
    for (uint32_t i = 0; i < set->clause_count; i++) {
        if (clauses[i].exclude)
            continue;
        struct answer answer = included_by(question, set, &clauses[i], depth);
        if (answer.answer == CODE_YES)
            return answer;
        if (answer.answer == CODE_UNKNOWN && result.missing == TERM_NOBODY)
            result = answer;
    }
    return result;
}

/* A code that the value set lists itself; the concept is looked up for its display. */
static struct answer listed_answer(const struct question *question, const struct clause *clause)
{
    const struct terminology *terminology = question->terminology;
    uint32_t row = term_find(terminology, clause->codes, question->code, clause->nocase);
    uint32_t number = terminology->names[clause->system].system;
    struct answer answer = say_if(row != TERM_NOBODY);

    if (row == TERM_NOBODY)
        return answer;
    answer.display = term_coded(terminology, row)->display;
    if (number != TERM_NOBODY) {
        const struct code_system *system = term_system(terminology, number);

        answer.row = term_find(terminology, system->concepts, question->code, system->nocase);
    }
    return answer;
}

/* R4 codesystem.html#filters: is-a, descendent-of, is-not-a. */
static struct answer hierarchy_answer(const struct question *question, const struct clause *clause)
{
    const struct terminology *terminology = question->terminology;
    struct answer known = system_answer(question, clause->meant);

    if (known.answer != CODE_YES || known.row == TERM_NOBODY)
        return known.answer == CODE_YES ? say(CODE_UNKNOWN) : known;

    const struct code_system *system =
        term_system(terminology, terminology->names[clause->meant].system);
    uint32_t ancestor = term_find(terminology, system->concepts,
                                  term_text(terminology, clause->value), system->nocase);
    bool below = ancestor != TERM_NOBODY && term_is_below(terminology, known.row, ancestor);
    bool inside = below;

    if (clause->kind == CLAUSE_IS_NOT_A)
        inside = !below;
    else if (clause->kind == CLAUSE_BELOW)
        inside = below && known.row != ancestor;
    /* Of a system known in part, only what is there proves anything. */
    if (!below && system->content != CONTENT_COMPLETE)
        return say_missing(clause->system);
    return inside ? known : say(CODE_NO);
}

static struct answer units_answer(const struct question *question, const struct clause *clause)
{
    struct text unit = term_text(question->terminology, clause->value);
    struct number one = {1, 0};

    if (!unit_may_be(question->code) || units_differ_in_kind(question->code, unit))
        return say(CODE_NO);
    if (unit_is_known(question->code) && units_convert(&one, question->code, unit))
        return say(CODE_YES);
    return say_missing(clause->system);
}

static struct answer languages_answer(const struct question *question, const struct clause *clause)
{
    unsigned parts = language_parts(question->code);
    unsigned required = clause->value >> 8, forbidden = clause->value & 0xFF;

    return say_if(parts != 0 && (parts & required) == required && (parts & forbidden) == 0);
}

/* A filter that cannot be applied; of a system that is loaded whole it concerns only its codes. */
static struct answer undecided_answer(const struct question *question, const struct clause *clause)
{
    struct answer known = system_answer(question, clause->meant);

    return known.answer == CODE_YES ? say(CODE_UNKNOWN) : known;
}

static struct answer system_part(const struct question *question, const struct clause *clause)
{
    switch ((enum clause_kind)clause->kind) {
    case CLAUSE_CODES:
    case CLAUSE_EXPANDED:
        return listed_answer(question, clause);
    case CLAUSE_ALL:
        return system_answer(question, clause->meant);
    case CLAUSE_IS_A:
    case CLAUSE_BELOW:
    case CLAUSE_IS_NOT_A:
        return hierarchy_answer(question, clause);
    case CLAUSE_UNITS:
        return units_answer(question, clause);
    case CLAUSE_LANGUAGES:
        return languages_answer(question, clause);
    case CLAUSE_UNDECIDED:
        return undecided_answer(question, clause);
    case CLAUSE_SETS:
    case CLAUSE_OPEN:
        break;
    }
    return say(CODE_UNKNOWN);
}

static struct answer import_answer(const struct question *question, uint32_t name, unsigned depth)
{
    const struct terminology *terminology = question->terminology;
    uint32_t number = terminology->names[name].set;

    if (number == TERM_NOBODY)
        number = term_set_find(terminology, term_name_text(terminology, name));
    return number == TERM_NOBODY ? say_missing(name) : set_answer(question, number, depth);
}

/* A clause holds what is in its system part and in every value set it imports
 * (R4 valueset.html#compositions). */
static struct answer clause_answer(const struct question *question, const struct clause *clause,
                                   unsigned depth)
{
    const uint32_t *imports = term_layer_of(question->terminology, clause->first_import)->imports +
                              term_index(clause->first_import);
    struct answer result = say(CODE_YES);

    if (clause->kind == CLAUSE_OPEN)
        return say(CODE_UNKNOWN);
    if (clause->system != TERM_NOBODY) {
        if (!question->any_system && question->system != clause->system)
            return say(CODE_NO);
        result = system_part(question, clause);
        result.system = clause->system;
    }
    for (unsigned i = 0; i < clause->import_count && result.answer != CODE_NO; i++) {
        struct answer other = import_answer(question, imports[i], depth + 1);

        if (other.answer != CODE_YES || clause->system == TERM_NOBODY)
            result = other.answer == CODE_YES && result.answer == CODE_UNKNOWN ? result : other;
    }
    return result;
}

/* A unit made of terms that are known, as a product or quotient. */
static bool unit_is_made_of_known(const struct terminology *terminology,
                                  const struct code_system *system, struct text code)
{
    size_t start = 0;

    if (code.size > 0 && code.data[0] == '/')
        start = 1;
    for (size_t i = start; i <= code.size; i++) {
        struct text term = {code.data + start, i - start};

        if (i < code.size && code.data[i] != '.' && code.data[i] != '/')
            continue;
        if (term.size == 0 || (!unit_is_known(term) && term_find(terminology, system->concepts,
                                                                 term, false) == TERM_NOBODY))
            return false;
        start = i + 1;
    }
    return code.size > 0;
}

static struct answer content_answer(const struct question *question,
                                    const struct code_system *system)
{
    switch ((enum system_content)system->content) {
    case CONTENT_COMPLETE:
        return say(CODE_NO);
    case CONTENT_PART:
        break;
    case CONTENT_MIME:
        return say_if(mime_is_valid(question->code));
    case CONTENT_LANGUAGES:
        return say_if(language_parts(question->code) != 0);
    case CONTENT_UNITS:
        if (!unit_may_be(question->code))
            return say(CODE_NO);
        if (unit_is_made_of_known(question->terminology, system, question->code))
            return say(CODE_YES);
        break;
    }
    return say_missing(system->name);
}

static struct answer system_answer(const struct question *question, uint32_t name)
{
    const struct terminology *terminology = question->terminology;
    uint32_t number = terminology->names[name].system;

    if (number == TERM_NOBODY)
        return say_missing(name);

    const struct code_system *system = term_system(terminology, number);
    uint32_t row = term_find(terminology, system->concepts, question->code, system->nocase);
    struct answer answer = row == TERM_NOBODY ? content_answer(question, system) : say(CODE_YES);

    answer.row = row;
    answer.system = system->name;
    return answer;
}

void code_system_has(const struct definitions *definitions, struct text system, struct text code,
                     struct code_finding *finding)
{
    struct question question = {.terminology = definitions_terminology(definitions), .code = code};
    uint32_t name;

    if (!term_system_find(question.terminology, system, &name)) {
        *finding = (struct code_finding){.answer = CODE_UNKNOWN, .missing = system};
        return;
    }
    struct answer answer = system_answer(&question, name);
    report(question.terminology, &answer, finding);
}

bool value_set_is_known(const struct definitions *definitions, struct text value_set)
{
    return term_set_find(definitions_terminology(definitions), value_set) != TERM_NOBODY;
}

const struct terminology *terminology_base(void)
{
    return &terminology_r4;
}
