/* Any bytes as a search: no crash, no unbounded work, and what is accepted
 * is accepted again, and means the same, when written back. */

#include "base/arena.h"
#include "base/buf.h"
#include "base/count.h"
#include "fhir/issue.h"
#include "fhir/query.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const types[] = {"Patient", "Observation", "ValueSet", "MolecularSequence"};

static const struct query *parse(struct arena *arena, const char *type, struct text text)
{
    struct query_options options = query_options_default();
    struct issues issues;
    struct err err = {0};

    options.base = TEXT("https://here.example/fhir");
    options.lenient = text.size % 2;
    issues_init(&issues, arena, 20);
    const struct query *query = query_parse(arena, type, text, &options, &issues, &err);
    assert(query ? err.kind == ERR_NONE && issues.errors == 0 : err.kind != ERR_NONE);
    return query;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;

    struct arena *arena = arena_new();
    const char *type = types[data[0] % (COUNT(types))];
    const struct query *query = parse(arena, type, (struct text){(const char *)data + 1, size - 1});

    if (query) {
        struct buf self = buf_in(arena), again = buf_in(arena);

        query_write_self(query, &self);
        const struct query *second = parse(arena, type, (struct text){buf_text(&self), self.size});
        assert(second && second->param_count == query->param_count);
        query_write_self(second, &again);
        assert(text_equals((struct text){self.data, self.size},
                           (struct text){again.data, again.size}));
    }
    arena_free(arena);
    return 0;
}
