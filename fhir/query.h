#pragma once

/*
 * Query - a search as the client wrote it (R4 search.html), parsed into typed
 * values. Nothing here knows SQL or sockets.
 *
 * A query either is what the client asked or does not exist: a parameter,
 * modifier or value that would not be honoured is an error, never dropped. The
 * one exception are unknown parameters under Prefer: handling=lenient, which
 * are listed in `ignored` and reported as warnings; unknown modifiers, chains
 * and malformed values are refused even then (R4 search.html#errors).
 *
 * Texts are unescaped, checked UTF-8, and live in the arena. Error texts name
 * parameters, never values: those may be health data.
 */

#include "base/err.h"
#include "base/text.h"
#include "fhir/projection.h"
#include "fhir/search_param.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct buf;
struct definitions;
struct issues;
struct query_near;
struct query_words;

/* R4 search.html#prefix. */
enum query_prefix {
    PREFIX_EQ,
    PREFIX_NE,
    PREFIX_GT,
    PREFIX_LT,
    PREFIX_GE,
    PREFIX_LE,
    PREFIX_SA,
    PREFIX_EB,
    PREFIX_AP,
};

/* R4 search.html#modifiers, those that are answered. */
enum query_modifier {
    MODIFIER_NONE,
    MODIFIER_MISSING,  /* any type; see query_param.missing */
    MODIFIER_EXACT,    /* string */
    MODIFIER_CONTAINS, /* string */
    MODIFIER_ENDS,     /* string, in _filter: the value stands at the end */
    MODIFIER_WHOLE,    /* string, in _filter: the value is all of it, without regard to case */
    MODIFIER_TEXT,     /* token: begins a display or text; the values are strings */
    MODIFIER_NOT,      /* token */
    MODIFIER_OF_TYPE,  /* token; system and code are the type's, text is the identifier's value */
    MODIFIER_BELOW,    /* uri; of tokens already applied to the values, as are the next three */
    MODIFIER_ABOVE,
    MODIFIER_IN,         /* token; becomes NONE */
    MODIFIER_NOT_IN,     /* token; becomes NOT */
    MODIFIER_IDENTIFIER, /* reference; the values are tokens */
    MODIFIER_TYPE,       /* reference; already applied to the values */
};

/*
 * One value. Which fields count depends on `type`:
 *
 * TOKEN      system: absent for `code`, empty for `|code` (the resource has no
 *            system), else given. code: absent for `system|` (any code), which
 *            components of composites do not offer.
 * STRING     text; of _text and _content: words.
 * URI        text.
 * REFERENCE  text as written, and when it is a literal reference: reference_id,
 *            reference_type (absent when only an id was given) and
 *            reference_base (absent when relative or of this server), and
 *            reference_version (absent: whatever version).
 * DATE       prefix, time_low and time_high: the inclusive span the written
 *            precision stands for, UTC. For AP already widened.
 * NUMBER     prefix, number, number_low and number_high: the span the written
 *            digits stand for. For AP already widened.
 * QUANTITY   like NUMBER; code: absent for any unit; system: absent for any. text: the digits as
 *            they were written. codes: all that the unit may be called, code among them; none: code
 *            alone. converted: from the unit that was asked for.
 * COMPOSITE  components, as many as the parameter has.
 * SPECIAL    near.
 */
enum { QUERY_CODES_MAX = 8 };

struct query_value {
    enum search_type type;
    enum query_prefix prefix;
    struct text system, code, text;
    struct text reference_base, reference_type, reference_id, reference_version;
    int64_t time_low, time_high;
    double number, number_low, number_high;
    const struct text *codes; /* at most QUERY_CODES_MAX */
    size_t code_count;
    bool converted;
    const struct query_near *near;
    const struct query_words *words;
    const struct query_value *components;
    size_t component_count;
};

/* What a parameter is about. */
enum query_subject {
    QUERY_VALUE,        /* the resource's content: search values decide */
    QUERY_ID,           /* _id; the values are tokens with a code */
    QUERY_LAST_UPDATED, /* _lastUpdated; the values are dates */
    QUERY_CHAIN,        /* a resource that `param` refers to is found by one of the parts */
    QUERY_HAS,          /* a resource found by the part refers to this one by `param`, its own */
    QUERY_GROUP,        /* the resource itself is found by one of the parts; no param */
    QUERY_CONTAINS,     /* it contains a resource found by the part; no param */
    QUERY_COMPARTMENT,  /* it belongs to what the value refers to, a Patient or one of the others
                         * that have compartments; no param */
};

/*
 * One criterion. All criteria of a query hold at once, each by any of its
 * values, or parts: those are queries of which only type and params count. The
 * parts of a chain are about different types, which are those that may be meant.
 */
struct query_param {
    const struct search_param *param;
    enum query_subject subject;
    enum query_modifier modifier;
    bool missing;                     /* MODIFIER_MISSING: must be absent (true) or present */
    bool negated;                     /* GROUP: none of the parts may find it */
    const struct query_value *values; /* none for MODIFIER_MISSING */
    size_t value_count;
    const struct query *const *parts; /* CHAIN, HAS, GROUP, CONTAINS */
    size_t part_count;
};

struct query_sort {
    const struct search_param *param;
    enum query_subject subject;
    bool descending;
};

/* R4 search.html#revinclude. Without `reverse`: resources that matches refer
 * to by `param`; with it: resources of param->type that refer to matches. */
struct query_include {
    bool reverse;
    bool iterate;                     /* what came along counts like a match */
    const char *source;               /* resource type the reference stands in; NULL: any */
    const struct search_param *param; /* NULL: every reference parameter of `source` */
    const char *target;               /* resource type, NULL: any */
};

/* R4 search.html#contained: what is searched. */
enum query_contained {
    QUERY_OUTER,     /* resources */
    QUERY_CONTAINED, /* what they contain */
    QUERY_BOTH,
};

enum query_total { QUERY_TOTAL_NONE, QUERY_TOTAL_ESTIMATE, QUERY_TOTAL_ACCURATE };

/* A parameter as it will be repeated in the self link, decoded. */
struct query_used {
    struct text name, value;
};

struct query {
    const char *type; /* resource type; NULL: of several types */

    /* Of several types: the query of each, with its criteria. The rest holds for all together. */
    const struct query *const *types;
    size_t type_count;

    const struct query_param *params;
    size_t param_count;
    const struct query_sort *sorts;
    size_t sort_count;
    const struct query_include *includes;
    size_t include_count;

    enum query_contained contained;
    bool containers; /* of what is contained, what contains it is the match */

    unsigned count;  /* page size, at most the configured one */
    bool count_only; /* _summary=count or _count=0: only the total is wanted */
    enum query_total total;
    struct projection projection; /* of matches; a summary also of what is included */
    struct text page;             /* _page: the cursor of a following page; absent on the first */

    const struct query_used *used; /* in the order given, _page left out */
    size_t used_count;
    const struct text *ignored; /* names of unknown parameters, when lenient */
    size_t ignored_count;
};

struct query_options {
    bool lenient;            /* Prefer: handling=lenient */
    struct text compartment; /* only what belongs to the resource with this id; absent: anything */
    const char *compartment_type; /* its type; see compartment_params_of() */
    struct text base; /* this server's base URL, without "/" behind it; absent: none is stripped */
    unsigned count;   /* page size when _count is not given */
    unsigned count_max;                        /* a larger _count is lowered to this */
    unsigned max_params, max_values, max_size; /* criteria; values of one; bytes of the whole */
    const struct definitions *definitions;     /* value sets and hierarchies; NULL: those of R4 */
    unsigned max_chain;                        /* references that one criterion may follow */
    bool rechecked; /* the query decides about resources by themselves (fhir/query_match.h), not in
                     * an index alone: no _text and _content */
};

struct query_options query_options_default(void);

/*
 * Parses `text` ("name=value&..." as in a URL behind "?", or a form body).
 * Findings go to `issues`; when one of them is an error the result is NULL and
 * `err` is the first. `type` is a resource type, or NULL for a search over
 * those that _type names, or all (in a compartment: all that can belong to it). Every
 * criterion must then be known to each of them, also when lenient.
 *
 * _format and _pretty belong to HTTP and are passed over.
 */
const struct query *query_parse(struct arena *arena, const char *type, struct text text,
                                const struct query_options *options, struct issues *issues,
                                struct err *err);

/* Whether at least one criterion narrows the search: what a conditional
 * interaction requires before it may act on the result. */
bool query_is_effective(const struct query *query);

/* The parameters that were used, encoded for a URL: "name=value&...", without
 * `?` and without _page. */
void query_write_self(const struct query *query, struct buf *out);

/* What a cursor depends on: type, criteria and order, but not the page size
 * or what comes along with the matches. Equal bytes for equal searches. */
void query_write_identity(const struct query *query, struct buf *out);

/* A parameter that the query needs and that is not whole (any more), anywhere in it; NULL: none. It
 * may have been whole when the query was read. */
const struct search_param *query_find_unfinished(const struct query *query);

/* Whether results can be sorted by this parameter (_sort). */
bool query_can_sort(const struct search_param *param);

/* Whether the parameter is answered at all: R4 defines some that need a text
 * index or server operations (_content, _query, ...). */
bool query_can_search(const struct search_param *param);
