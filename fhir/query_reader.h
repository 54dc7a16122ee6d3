#pragma once

/*
 * Query reader - what the parts of the search parser share. Internal to
 * query*.c.
 */

#include "fhir/query.h"

struct type;

struct query_reader {
    struct arena *arena;
    const struct query_options *options;
    struct issues *issues;
    struct err *err;

    /* The query under construction and its lists, each with room for one
     * entry a parameter. */
    struct query *query;
    struct query_param *params;
    struct query_include *includes;
    struct query_used *used;
    struct text *ignored;
    unsigned seen; /* bits of the result parameters that may appear only once */
    bool several;  /* this is one of several types */

    /* Within _filter: how strings without a modifier compare, and that ap means any overlap. */
    enum query_modifier strings;
    bool overlap;
    unsigned filtered; /* criteria in filters so far */
    struct projection summary, elements;
};

/* Records an error about the parameter `name` and returns false. `code` is
 * from R4 valueset-issue-type. The text must not quote values. */
bool query_refuse(struct query_reader *reader, struct text name, const char *code, const char *fmt,
                  ...) __attribute__((format(printf, 4, 5)));

/* For a parameter that is not whole (search_param.h). */
bool query_refuse_unfinished(struct query_reader *reader, struct text name,
                             const struct search_param *param);

/* At most this much of a name is quoted in a text: use with "%.*s". */
#define NAME_ARGS(name) (int)((name).size < 64 ? (name).size : 64), (name).data

/* Where in the name of a criterion the reader stands. */
struct query_place {
    const char *type;  /* whose parameter comes next */
    struct text name;  /* the whole, as the client wrote it */
    struct text path;  /* what of it is still to be read: "code", "subject:Patient.name" */
    unsigned followed; /* references on the way here */
};

/* The parameter that comes next in the path; absent behind the whole of it. */
struct text query_next_code(const struct query_place *place);

/* Reads a criterion whose next parameter is known, with its values. */
bool query_read_criterion(struct query_reader *reader, const struct query_place *place,
                          struct text value, struct query_param *param);

/* The same for one that goes on behind a reference; and for _has (R4
 * search.html#chaining, #has). `modifier` is the type behind the reference's name, or absent. */
bool query_read_chain(struct query_reader *reader, const struct query_place *place,
                      const struct search_param *reference, struct text modifier, struct text rest,
                      struct text value, struct query_param *param);
bool query_read_has(struct query_reader *reader, const struct query_place *place, struct text value,
                    struct query_param *param);

/* _text and _content: see query_words.c. */
bool query_read_words(struct query_reader *reader, const struct query_place *place,
                      const struct search_param *found, struct text value,
                      struct query_param *param);

/* _list and _filter (R4 search.html#list, search_filter.html). */
bool query_read_list(struct query_reader *reader, const struct query_place *place,
                     struct text value, struct query_param *param);
bool query_read_filter(struct query_reader *reader, const struct query_place *place,
                       struct text value, struct query_param *param);

/* " (did you mean birthdate, death-date?)", or nothing. */
void query_suggest(const char *type, struct text name, struct buf *out);

/* Reads one value of `param`, which is of the given type (a component's type
 * when it is part of a composite). Reports and returns false when malformed. */
bool query_read_value(struct query_reader *reader, struct text name,
                      const struct search_param *param, enum search_type type, struct text text,
                      struct query_value *value);

/* Reads what follows :of-type: system|code|value. */
bool query_read_of_type(struct query_reader *reader, struct text name, struct text text,
                        struct query_value *value);

/* Lists the codes that :in, :not-in, :below or :above of a token mean; what is left of the modifier
 * is :not, or none. */
bool query_read_codes(struct query_reader *reader, struct text name, struct text text,
                      struct query_param *param);

/* Reads a number of a query, after its prefix. */
bool query_set_number(struct text text, struct query_value *value);

/* Adds the same quantities in other units of UCUM to the values, if there are such. */
void query_read_units(struct query_reader *reader, struct query_param *param);

/* Adds what query_options.compartment wants. */
bool query_add_compartment(struct query_reader *reader);

/* Reads the search once for each of several types. */
const struct query *query_parse_types(struct arena *arena, struct text text,
                                      const struct query_options *options, struct issues *issues,
                                      struct err *err);
const struct query *query_parse_type(struct arena *arena, const char *type, bool several,
                                     struct text text, const struct query_options *options,
                                     struct issues *issues, struct err *err);

/* What a result parameter (_sort, _count, ...) came to. */
enum query_taken { QUERY_NOT_MINE, QUERY_TAKEN, QUERY_PASSED_OVER, QUERY_REFUSED };

enum query_taken query_read_result_param(struct query_reader *reader, struct text name,
                                         struct text *value);

/* Decides about _summary and _elements when all has been read. */
bool query_settle_projection(struct query_reader *reader);

/* Decides about _contained and _containedType likewise. */
bool query_settle_contained(struct query_reader *reader);

/* The subject a parameter is about. */
enum query_subject query_subject_of(const struct search_param *param);

/* Whether a reference parameter may refer to resources of this type. */
bool query_can_refer_to(const struct search_param *param, const char *type);
