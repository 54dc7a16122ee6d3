/*
 * Query codes - :in, :not-in, :below and :above of tokens (R4 search.html#modifiers): the codes
 * that are meant are listed, and then searched for like any others.
 */

#include "fhir/query_reader.h"

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/definitions.h"
#include "fhir/query_text.h"
#include "fhir/terminology.h"

enum { CODES_MAX = 10000 }; /* of one criterion */

static bool list_value(struct query_reader *reader, struct text name, enum query_modifier modifier,
                       struct text item, struct code_listing *listing);
static bool explain(struct query_reader *reader, struct text name, struct text asked,
                    const struct code_listing *listing);

bool query_read_codes(struct query_reader *reader, struct text name, struct text text,
                      struct query_param *param)
{
    enum query_modifier modifier = param->modifier;
    struct buf values = buf_in(reader->arena);
    struct text item;

    while (query_next_item(&text, ',', &item)) {
        struct code_listing listing = {0};

        if (!list_value(reader, name, modifier, item, &listing))
            return false;
        for (size_t i = 0; i < listing.count; i++) {
            struct query_value value = {
                .type = SEARCH_TOKEN,
                .system = listing.codes[i].system,
                .code = listing.codes[i].code,
            };
            buf_add(&values, &value, sizeof(value));
        }
    }
    param->values = (void *)values.data;
    param->value_count = values.size / sizeof(struct query_value);
    param->modifier = modifier == MODIFIER_NOT_IN ? MODIFIER_NOT : MODIFIER_NONE;
    return param->value_count <= CODES_MAX ||
           query_refuse(reader, name, "too-costly",
                        "\"%.*s\" means more than %d codes, which is the limit.", NAME_ARGS(name),
                        CODES_MAX);
}

static bool list_value(struct query_reader *reader, struct text name, enum query_modifier modifier,
                       struct text item, struct code_listing *listing)
{
    const struct definitions *definitions = reader->options->definitions;
    struct query_value value = {0};

    if (!definitions)
        definitions = definitions_base();
    if (modifier == MODIFIER_IN || modifier == MODIFIER_NOT_IN) {
        struct text value_set = query_unescape(reader->arena, item);

        if (!memchr(value_set.data, ':', value_set.size))
            return query_refuse(reader, name, "value",
                                "\"%.*s\" takes the canonical url of a value set.",
                                NAME_ARGS(name));
        value_set_list(definitions, value_set, CODES_MAX, reader->arena, listing);
        return explain(reader, name, value_set, listing);
    }

    if (!query_read_value(reader, name, NULL, SEARCH_TOKEN, item, &value))
        return false;
    if (value.system.size == 0 || value.code.size == 0)
        return query_refuse(
            reader, name, "value",
            "\"%.*s\" takes system|code: where a code stands depends on its system.",
            NAME_ARGS(name));
    code_system_list(definitions, value.system, value.code, modifier == MODIFIER_ABOVE, CODES_MAX,
                     reader->arena, listing);
    return explain(reader, name, value.system, listing);
}

/* What the client wrote is not quoted; what a value set of ours needs is named. */
static bool explain(struct query_reader *reader, struct text name, struct text asked,
                    const struct code_listing *listing)
{
    switch (listing->outcome) {
    case LISTING_WHOLE:
        return true;
    case LISTING_TOO_LONG:
        return query_refuse(reader, name, "too-costly",
                            "\"%.*s\" means more than %d codes, which is the limit.",
                            NAME_ARGS(name), CODES_MAX);
    case LISTING_OPEN:
        return query_refuse(reader, name, "not-supported",
                            "\"%.*s\": the value set has codes that cannot be listed, because "
                            "there is no end of them or its rules are not all known.",
                            NAME_ARGS(name));
    case LISTING_MISSING:
        break;
    }
    if (text_equals(listing->missing, asked))
        return query_refuse(reader, name, "not-found",
                            "\"%.*s\": the value set or code system is not loaded, or only in "
                            "part; install a package that has it.",
                            NAME_ARGS(name));
    return query_refuse(reader, name, "not-found",
                        "\"%.*s\" needs %.*s, which is not loaded, or only in part; install a "
                        "package that has it.",
                        NAME_ARGS(name), TEXT_ARGS(listing->missing));
}
