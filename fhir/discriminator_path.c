/*
 * Paths of discriminators - see discriminator_path.h.
 */

#include "fhir/discriminator_path.h"

#include "base/err.h"
#include "fhir/node.h"

static struct text take_argument(struct text *path);

bool path_next(struct text *path, struct path_step *step)
{
    size_t size = 0;
    struct text name;

    if (path->size == 0)
        return false;
    while (size < path->size && path->data[size] != '.' && path->data[size] != '(')
        size++;
    name = (struct text){path->data, size};
    path->data += size;
    path->size -= size;

    *step = (struct path_step){STEP_NAME, name};
    if (path->size > 0 && path->data[0] == '(') {
        step->text = take_argument(path);
        step->kind = text_is(name, "extension")                       ? STEP_EXTENSION
                     : text_is(name, "resolve")                       ? STEP_RESOLVE
                     : text_is(name, "ofType") || text_is(name, "as") ? STEP_OF_TYPE
                                                                      : STEP_UNKNOWN;
    } else if (text_is(name, "$this")) {
        step->kind = STEP_THIS;
    } else if (text_ends_with(name, TEXT("[x]"))) {
        step->text.size -= 3; /* as written by some: "value[x]" */
    }
    if (path->size > 0 && path->data[0] == '.') {
        path->data++;
        path->size--;
    }
    return true;
}

/* What stands in the brackets, without quotes. */
static struct text take_argument(struct text *path)
{
    struct text argument = {path->data + 1, 0};
    char quote = path->size > 1 && (argument.data[0] == '\'' || argument.data[0] == '"')
                     ? argument.data[0]
                     : '\0';
    size_t at = quote ? 2 : 1;

    while (at < path->size && path->data[at] != (quote ? quote : ')'))
        at++;
    argument = (struct text){path->data + (quote ? 2 : 1), at - (quote ? 2 : 1)};
    while (at < path->size && path->data[at] != ')')
        at++;
    at += at < path->size;
    path->data += at;
    path->size -= at;
    return text_trim(argument);
}

bool path_step_fits(const struct node *child, struct path_step step)
{
    if (!child->element)
        return false;
    if (step.kind == STEP_EXTENSION)
        return text_is(child->name, "extension") &&
               text_equals(node_value(child, "url"), step.text);
    return text_is(step.text, child->element->fhirpath);
}
