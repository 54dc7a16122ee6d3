/*
 * Any bytes as an expression: no crash and no unbounded work; what fails says
 * why, and what succeeds can be written. The first byte chooses a resource.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "fhir/definitions.h"
#include "fhir/fhirpath.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/validate.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const resources[] = {
    "{\"resourceType\":\"Patient\",\"id\":\"p\",\"contained\":[{\"resourceType\":\"Organization\","
    "\"id\":\"o\",\"name\":\"Acme\"}],\"active\":true,\"name\":[{\"use\":\"official\",\"family\":"
    "\"Chalmers\",\"given\":[\"Peter\",null],\"_given\":[null,{\"extension\":[{\"url\":\"u\","
    "\"valueString\":\"x\"}]}]},{\"given\":[\"J\\u00e9r\\u00f4me\"]}],\"birthDate\":\"1974-12\","
    "\"generalPractitioner\":[{\"reference\":\"#o\"},{\"reference\":\"Practitioner/7\"}],"
    "\"telecom\":[{\"system\":\"phone\",\"rank\":1}],\"multipleBirthInteger\":2}",
    "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":"
    "\"http://loinc.org\",\"code\":\"1-8\"}]},\"effectiveDateTime\":\"2015-02-04T14:34:28.123"
    "+10:00\",\"valueQuantity\":{\"value\":185.50,\"unit\":\"lbs\",\"system\":"
    "\"http://"
    "unitsofmeasure.org\",\"code\":\"[lb_av]\"},\"component\":[{\"code\":{},\"valueString\":"
    "\"a\"},{\"code\":{},\"valueQuantity\":{\"value\":1e3,\"comparator\":\"<\"}}]}",
    "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{\"fullUrl\":\"urn:uuid:1\","
    "\"resource\":{\"resourceType\":\"Patient\",\"id\":\"p\"}},{\"resource\":{\"resourceType\":"
    "\"Encounter\",\"status\":\"planned\",\"class\":{},\"subject\":{\"reference\":\"urn:uuid:1\"}}}"
    "]}",
};

static const struct node *read_resource(struct arena *arena, unsigned number)
{
    const char *json = resources[number];
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, 1);
    return json_read(arena, json, strlen(json), &json_default_limits, &issues, &err);
}

static void write_all(struct arena *arena, const struct fhirpath_values *values)
{
    struct buf out = buf_in(arena);

    for (size_t i = 0; i < values->count; i++) {
        assert(fhirpath_type_name(&values->items[i]));
        buf_clear(&out);
        fhirpath_write(&values->items[i], &out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    static const struct definitions *definitions;
    struct validation validation = {0};
    struct fhirpath_context context = {.max_steps = 20000, .validation = &validation};
    struct fhirpath_values values;
    struct fhirpath *expression;
    struct err err = {0};

    if (!definitions)
        definitions = definitions_base();
    validation.definitions = definitions;
    if (size > 0) {
        context.search_rules = data[0] & 0x40;
        context.resource = read_resource(arena, data[0] % 3);
        context.root_resource = context.resource;
        data++;
        size--;
    }
    expression = fhirpath_compile(arena, (struct text){(const char *)data, size}, &err);
    assert((expression == NULL) == (err.kind != ERR_NONE));
    if (expression && context.resource) {
        struct err misfit = {0};
        bool fits = fhirpath_fits(expression, context.resource->type, &misfit);

        assert(fits == (misfit.kind == ERR_NONE));
    }
    if (expression) {
        bool done = fhirpath_evaluate(expression, &context, context.resource, arena, &values, &err);

        assert(done == (err.kind == ERR_NONE));
        if (done)
            write_all(arena, &values);
    }
    arena_free(arena);
    return 0;
}
