#pragma once

/*
 * Output of sample data - one transaction Bundle a patient, or one NDJSON
 * file a type.
 *
 * Bundles come in two styles. "put" gives every resource its id and refers to
 * it by that: loading twice changes nothing. "post" leaves the ids to the server,
 * refers by urn:uuid within the Bundle and by identifier to what is shared
 * (R4 http.html#trules), as many exporters do: loading twice
 * doubles the patients.
 */

#include "server/sample_emit.h"
#include "server/sample_random.h"

#include "base/err.h"

enum sample_type {
    TYPE_ORGANIZATION,
    TYPE_PRACTITIONER,
    TYPE_LOCATION,
    TYPE_PATIENT,
    TYPE_ENCOUNTER,
    TYPE_CONDITION,
    TYPE_OBSERVATION,
    TYPE_DIAGNOSTIC_REPORT,
    TYPE_MEDICATION_REQUEST,
    TYPE_ALLERGY_INTOLERANCE,
    TYPE_IMMUNIZATION,
    TYPE_PROCEDURE,
    TYPE_COUNT
};

extern const char *const sample_type_names[];

enum sample_format { FORMAT_BUNDLES, FORMAT_NDJSON };
enum sample_style { STYLE_PUT, STYLE_POST };

struct output {
    const char *folder; /* borrowed */
    enum sample_format format;
    enum sample_style style;
    struct emit emit;
    struct {
        enum sample_type type;
        char id[UUID_SIZE];
        const char *identifier; /* borrowed */
    } current;                  /* the resource between begin and end */
    FILE *files[TYPE_COUNT];
    uint64_t counts[TYPE_COUNT];
    uint64_t bytes;
};

/* Makes the folder if need be. One that holds anything is refused, unless
 * `force`; then files of an earlier run are removed, and nothing else. */
bool output_open(struct output *output, const char *folder, bool force, struct err *err);

/* False when something could not be written. Releases everything either way. */
bool output_close(struct output *output, struct err *err);

/* The resources from here to output_end_bundle() belong together. */
void output_begin_bundle(struct output *output);
bool output_end_bundle(struct output *output, const char *name, struct err *err);

/* Starts a resource, its id written where it belongs, and returns where its members go.
 * `identifier`, "system|value" or NULL, makes a POST conditional. It is borrowed until
 * output_end(). */
struct emit *output_begin(struct output *output, enum sample_type type, const char *id,
                          const char *identifier);
bool output_end(struct output *output, struct err *err);

/* "key": {"reference": ..} to a resource of the same patient. */
void output_refer(struct output *output, const char *key, enum sample_type type, const char *id);

/* ... and to one that patients share, with its name. */
void output_refer_shared(struct output *output, const char *key, enum sample_type type,
                         const char *id, const char *identifier, const char *display);
