/*
 * Check - see check.h.
 */

#include "fhir/check.h"

#include "base/err.h"
#include "fhir/issue.h"
#include "fhir/node.h"
#include "fhir/primitive.h"

#include <assert.h>

/* Elements of one type; json_read() has the same bound. */
#define ELEMENTS_MAX 256

/* Which elements of its type an object has, by their index. */
struct presence {
    uint64_t bits[ELEMENTS_MAX / 64];
};

/* What a value must look like, in a sentence for people. R4 datatypes.html#primitive. */
static const char *const formats[] = {
    [PRIMITIVE_BASE64BINARY] = "Write base64 (RFC 4648) with its padding.",
    [PRIMITIVE_BOOLEAN] = "Write true or false.",
    [PRIMITIVE_CANONICAL] = "Write a URL without white space, '|version' behind it if needed.",
    [PRIMITIVE_CODE] = "Write a code without white space around it, single spaces within.",
    [PRIMITIVE_DATE] = "Write YYYY, YYYY-MM or YYYY-MM-DD, a day that exists.",
    [PRIMITIVE_DATETIME] = "Write a date that exists, with Thh:mm:ss behind it also Z or +hh:mm.",
    [PRIMITIVE_DECIMAL] = "Write a decimal number.",
    [PRIMITIVE_ID] = "Write 1 to 64 letters A to Z, a to z, digits, '-' and '.'.",
    [PRIMITIVE_INSTANT] = "Write YYYY-MM-DDThh:mm:ss with Z or +hh:mm behind, a day that exists.",
    [PRIMITIVE_INTEGER] = "Write a whole number from -2147483648 to 2147483647.",
    [PRIMITIVE_MARKDOWN] =
        "Write 1 to 1048576 characters, of control characters only tabs and line ends.",
    [PRIMITIVE_OID] = "Write urn:oid: and numbers with points between.",
    [PRIMITIVE_POSITIVEINT] = "Write a whole number from 1 to 2147483647.",
    [PRIMITIVE_STRING] =
        "Write 1 to 1048576 characters, of control characters only tabs and line ends.",
    [PRIMITIVE_TIME] = "Write hh:mm:ss, from 00:00:00 to before 24:00:00, without a zone.",
    [PRIMITIVE_UNSIGNEDINT] = "Write a whole number from 0 to 2147483647.",
    [PRIMITIVE_URI] = "Write a URI without white space.",
    [PRIMITIVE_URL] = "Write a URL without white space.",
    [PRIMITIVE_UUID] = "Write urn:uuid: and a UUID in lower case.",
    [PRIMITIVE_XHTML] = "Write XHTML without control characters.",
};

static void check_node(const struct node *node, bool contained, struct issues *issues);
static void check_children(const struct node *node, bool contained, struct issues *issues);
static void check_contained(const struct node *node, bool contained, struct issues *issues);
static void check_repetition(const struct node *first, unsigned count, struct issues *issues);
static void check_presence(const struct node *node, const struct presence *presence,
                           struct issues *issues);
static unsigned check_choice(const struct node *node, const struct presence *presence,
                             unsigned first, struct issues *issues);
static void check_primitive(const struct node *node, struct issues *issues);
static bool has(const struct presence *presence, unsigned index);

void check_structure(const struct node *resource, struct issues *issues)
{
    if (resource->type)
        check_node(resource, false, issues);
}

static void check_node(const struct node *node, bool contained, struct issues *issues)
{
    /* Unknown elements and values of the wrong kind were reported by the reader. */
    if (!node->type || node->flags & NODE_RAW)
        return;
    if (node->type->kind == TYPE_PRIMITIVE)
        check_primitive(node, issues);
    else if (!node->first && !node_is_resource(node))
        issue_add_at(issues, ISSUE_ERROR, "structure", node,
                     "%s has no content; leave it out, or give it a value or an extension.",
                     node->element ? node->element->name : node->type->name);
    else
        check_children(node, contained, issues);
}

static void check_children(const struct node *node, bool contained, struct issues *issues)
{
    const struct type *type = node->type;
    struct presence presence = {0};
    const struct node *child = node->first, *first;

    assert(type->element_count <= ELEMENTS_MAX);
    while (child) {
        unsigned count = 0;

        first = child;
        do {
            count++;
            if (first->element && first->element->flags & ELEMENT_RESOURCE)
                check_contained(child, contained, issues);
            else
                check_node(child, contained, issues);
            child = child->next;
        } while (child && child->element == first->element && first->element);

        if (!first->element)
            continue;
        if (count > first->element->max && first->element->max != ELEMENT_MANY)
            check_repetition(first, count, issues);
        size_t index = (size_t)(first->element - type->elements);
        presence.bits[index / 64] |= (uint64_t)1 << index % 64;
    }
    check_presence(node, &presence, issues);
}

/* A resource within the resource: R4 references.html#contained. */
static void check_contained(const struct node *node, bool contained, struct issues *issues)
{
    bool is_contained = text_is(node->name, "contained");

    if (is_contained && contained)
        issue_add_at(issues, ISSUE_ERROR, "invariant", node,
                     "A contained resource must not contain others; put them all into the outer "
                     "resource.");
    check_node(node, contained || is_contained, issues);
}

static void check_repetition(const struct node *first, unsigned count, struct issues *issues)
{
    issue_add_at(issues, ISSUE_ERROR, "structure", first,
                 "%s stands here %u times; at most %u are allowed.", first->element->name, count,
                 (unsigned)first->element->max);
}

/* What is missing, and of choices what is too much. */
static void check_presence(const struct node *node, const struct presence *presence,
                           struct issues *issues)
{
    const struct type *type = node->type;
    unsigned i = 0;

    while (i < type->element_count) {
        const struct element *element = &type->elements[i];

        if (element->flags & ELEMENT_CHOICE) {
            i = check_choice(node, presence, i, issues);
            continue;
        }
        if (element->min > 0 && !has(presence, i))
            issue_add_at(issues, ISSUE_ERROR, "required", node, "%s is missing; %s must have it.",
                         element->name, type->name);
        i++;
    }
}

/* The rows of one choice stand together. Returns where the next element is. */
static unsigned check_choice(const struct node *node, const struct presence *presence,
                             unsigned first, struct issues *issues)
{
    const struct type *type = node->type;
    const struct element *choice = &type->elements[first];
    unsigned i = first, found = 0;

    for (; i < type->element_count && type->elements[i].flags & ELEMENT_CHOICE &&
           type->elements[i].name_id == choice->name_id;
         i++)
        found += has(presence, i);

    if (found > 1)
        issue_add_at(issues, ISSUE_ERROR, "structure", node,
                     "%s[x] stands here with %u types; choose one.", choice->fhirpath, found);
    if (found == 0 && choice->min > 0)
        issue_add_at(issues, ISSUE_ERROR, "required", node, "%s[x] is missing; %s must have it.",
                     choice->fhirpath, type->name);
    return i;
}

static void check_primitive(const struct node *node, struct issues *issues)
{
    enum primitive primitive = node->type->primitive;

    if (!node->value.data && !node->first)
        issue_add_at(issues, ISSUE_ERROR, "structure", node,
                     "%s has neither a value nor an extension; leave it out.",
                     node->element ? node->element->name : node->type->name);
    else if (node->value.data && node->value.size == 0 && primitive != PRIMITIVE_XHTML)
        /* Whether a narrative says enough is for its invariants. */
        issue_add_at(issues, ISSUE_ERROR, "value", node, "%s is empty; leave it out.",
                     node->element ? node->element->name : node->type->name);
    else if (node->value.data && !primitive_is_valid(primitive, node->value))
        issue_add_at(issues, ISSUE_ERROR, "value", node, "This is no valid %s. %s",
                     node->type->name, formats[primitive]);
    if (node->first)
        check_children(node, false, issues);
}

static bool has(const struct presence *presence, unsigned index)
{
    return presence->bits[index / 64] >> index % 64 & 1;
}
