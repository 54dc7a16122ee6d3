/*
 * Canonicals - see canonical.h.
 */

#include "fhir/canonical.h"

#include "base/err.h"

static int compare_parts(struct text a, struct text b);
static bool is_number(struct text text);
static int compare_texts(struct text a, struct text b);
static void cut(struct text text, char separator, struct text *head, struct text *tail);

struct canonical canonical_split(struct text canonical)
{
    struct canonical split = {0};
    struct text rest;

    cut(canonical, '#', &canonical, &rest);
    cut(canonical, '|', &split.url, &split.version);
    if (split.version.size == 0)
        split.version = (struct text){0};
    return split;
}

int canonical_compare_versions(struct text a, struct text b)
{
    struct text release_a, label_a, release_b, label_b, part_a, part_b;
    int order = 0;

    if (!a.data || !b.data)
        return (a.data != NULL) - (b.data != NULL);
    cut(a, '-', &release_a, &label_a);
    cut(b, '-', &release_b, &label_b);
    while (order == 0 && (release_a.data || release_b.data)) {
        bool has_a = text_next(&release_a, '.', &part_a),
             has_b = text_next(&release_b, '.', &part_b);

        order = has_a && has_b ? compare_parts(part_a, part_b) : has_a - has_b;
    }
    if (order == 0 && (!label_a.data || !label_b.data))
        return (label_b.data != NULL) - (label_a.data != NULL);
    return order != 0 ? order : compare_texts(label_a, label_b);
}

static int compare_parts(struct text a, struct text b)
{
    while (is_number(a) && a.size > 1 && a.data[0] == '0')
        a = (struct text){a.data + 1, a.size - 1};
    while (is_number(b) && b.size > 1 && b.data[0] == '0')
        b = (struct text){b.data + 1, b.size - 1};
    if (is_number(a) && is_number(b) && a.size != b.size)
        return a.size < b.size ? -1 : 1;
    return compare_texts(a, b);
}

static bool is_number(struct text text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return text.size > 0;
}

static int compare_texts(struct text a, struct text b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

bool canonical_version_fits(struct text wanted, struct text version)
{
    if (!wanted.data || text_equals(wanted, version))
        return true;
    return text_starts_with(version, wanted) && version.data[wanted.size] == '.';
}

/* What stands before and behind the first separator; `tail` is absent without one. */
static void cut(struct text text, char separator, struct text *head, struct text *tail)
{
    *tail = (struct text){0};
    if (!text.data || !text_split(text, separator, head, tail))
        *head = text;
}
