#include "fhir/fhirpath_signature.h"

#include "base/count.h"
#include "base/err.h"

static const struct signature signatures[] = {
    {"abs", GIVES_ANY, 0},
    {"aggregate", GIVES_ANY, EACH},
    {"all", GIVES_VALUES, EACH},
    {"as", GIVES_TYPE, 0},
    {"checkModifiers", GIVES_FOCUS, 0},
    {"children", GIVES_ANY, 0},
    {"combine", GIVES_BOTH, 0},
    {"contains", GIVES_VALUES, WORDS},
    {"descendants", GIVES_ANY, 0},
    {"distinct", GIVES_FOCUS, 0},
    {"elementDefinition", GIVES_ANY, 0},
    {"endsWith", GIVES_VALUES, WORDS},
    {"exclude", GIVES_FOCUS, 0},
    {"exists", GIVES_VALUES, EACH},
    {"extension", GIVES_EXTENSION, 0},
    {"first", GIVES_FOCUS, 0},
    {"getValue", GIVES_ANY, 0},
    {"highBoundary", GIVES_ANY, 0},
    {"iif", GIVES_ARGUMENTS, EACH | CONDITION},
    {"indexOf", GIVES_VALUES, WORDS},
    {"intersect", GIVES_FOCUS, 0},
    {"last", GIVES_FOCUS, 0},
    {"lowBoundary", GIVES_ANY, 0},
    {"lower", GIVES_VALUES, WORDS},
    {"matches", GIVES_VALUES, WORDS},
    {"matchesFull", GIVES_VALUES, WORDS},
    {"ofType", GIVES_TYPE, 0},
    {"repeat", GIVES_ARGUMENTS, EACH | AGAIN},
    {"replace", GIVES_VALUES, WORDS},
    {"replaceMatches", GIVES_VALUES, WORDS},
    {"resolve", GIVES_ANY, 0},
    {"select", GIVES_ARGUMENTS, EACH},
    {"single", GIVES_FOCUS, 0},
    {"skip", GIVES_FOCUS, 0},
    {"slice", GIVES_FOCUS, 0},
    {"sort", GIVES_FOCUS, EACH},
    {"startsWith", GIVES_VALUES, WORDS},
    {"substring", GIVES_VALUES, WORDS},
    {"tail", GIVES_FOCUS, 0},
    {"take", GIVES_FOCUS, 0},
    {"toChars", GIVES_VALUES, WORDS},
    {"toQuantity", GIVES_ANY, 0},
    {"trace", GIVES_FOCUS, EACH},
    {"type", GIVES_ANY, 0},
    {"union", GIVES_BOTH, 0},
    {"upper", GIVES_VALUES, WORDS},
    {"where", GIVES_FOCUS, EACH},
};

const struct signature *signature_of(const char *function)
{
    static const struct signature other = {.gives = GIVES_VALUES};

    for (size_t i = 0; i < COUNT(signatures); i++) {
        if (strcmp(signatures[i].name, function) == 0)
            return &signatures[i];
    }
    return &other;
}
