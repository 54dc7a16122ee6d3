#pragma once

/*
 * Query reader - what the parts of the search parser share. Internal to
 * query*.c.
 */

#include "fhir/query.h"

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
};

/* Records an error about the parameter `name` and returns false. `code` is
 * from R4 valueset-issue-type. The text must not quote values. */
bool query_refuse(struct query_reader *reader, struct text name, const char *code, const char *fmt,
                  ...) __attribute__((format(printf, 4, 5)));

/* At most this much of a name is quoted in a text: use with "%.*s". */
#define NAME_ARGS(name) (int)((name).size < 64 ? (name).size : 64), (name).data

/* Reads one value of `param`, which is of the given type (a component's type
 * when it is part of a composite). Reports and returns false when malformed. */
bool query_read_value(struct query_reader *reader, struct text name,
                      const struct search_param *param, enum search_type type, struct text text,
                      struct query_value *value);

/* Reads what follows :of-type: system|code|value. */
bool query_read_of_type(struct query_reader *reader, struct text name, struct text text,
                        struct query_value *value);

/* What a result parameter (_sort, _count, ...) came to. */
enum query_taken { QUERY_NOT_MINE, QUERY_TAKEN, QUERY_PASSED_OVER, QUERY_REFUSED };

enum query_taken query_read_result_param(struct query_reader *reader, struct text name,
                                         struct text *value);

/* The subject a parameter is about. */
enum query_subject query_subject_of(const struct search_param *param);

/* Whether a reference parameter may refer to resources of this type. */
bool query_can_refer_to(const struct search_param *param, const char *type);
