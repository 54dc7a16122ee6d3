/*
 * Tables - the list of table.h as rows, and which type belongs to which.
 */

#include "storage/table.h"

#include "base/err.h"
#include "fhir/type.h"

#include <assert.h>
#include <pthread.h>

enum { TYPES_MAX = 256 };

static const struct table tables[] = {
#define TABLE_ROW(id, name, type, patient, code, d, vq)                                            \
    [id] = {id, name, name "_words", type, (type) == NULL, patient, code, d, vq},
    TABLES(TABLE_ROW)
#undef TABLE_ROW
};

static void fill(void);

static uint8_t by_type[TYPES_MAX]; /* 0 is TABLE_OTHER */
static pthread_once_t filled = PTHREAD_ONCE_INIT;

const struct table *table_of(const struct type *type)
{
    pthread_once(&filled, fill);
    assert(type->number < resource_type_count());
    return &tables[by_type[type->number]];
}

static void fill(void)
{
    assert(resource_type_count() <= TYPES_MAX);
    for (int id = 0; id < TABLE_COUNT; id++) {
        if (tables[id].shared)
            continue;
        const struct type *type = resource_type_find(text_of(tables[id].type));
        assert(type);
        by_type[type->number] = (uint8_t)id;
    }
}

const struct table *table_of_contained(void)
{
    static const struct table table = {
        .id = TABLE_CONTAINED, .name = "f_contained", .words = "f_contained_words", .shared = true};

    return &table;
}

const struct table *table_at(enum table_id id)
{
    return id == TABLE_CONTAINED ? table_of_contained() : &tables[id];
}

const char *table_type_name(int16_t rtype)
{
    return type_at((unsigned)rtype)->name;
}
