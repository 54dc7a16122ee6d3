/*
 * Output of sample data.
 */

#include "server/sample_output.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define BASE_URL  "https://isthmus.example/fhir/"
#define FILE_ROOM (1 << 20)

const char *const sample_type_names[] = {
    [TYPE_ORGANIZATION] = "Organization",
    [TYPE_PRACTITIONER] = "Practitioner",
    [TYPE_LOCATION] = "Location",
    [TYPE_PATIENT] = "Patient",
    [TYPE_ENCOUNTER] = "Encounter",
    [TYPE_CONDITION] = "Condition",
    [TYPE_OBSERVATION] = "Observation",
    [TYPE_DIAGNOSTIC_REPORT] = "DiagnosticReport",
    [TYPE_MEDICATION_REQUEST] = "MedicationRequest",
    [TYPE_ALLERGY_INTOLERANCE] = "AllergyIntolerance",
    [TYPE_IMMUNIZATION] = "Immunization",
    [TYPE_PROCEDURE] = "Procedure",
};

static bool empty_folder(const char *folder, bool force, struct err *err);
static bool is_ours(const char *name);
static bool open_files(struct output *output, struct err *err);
static FILE *open_file(const char *folder, const char *name, struct err *err);
static bool write_out(struct output *output, FILE *file, struct err *err);
static bool close_file(FILE *file, struct err *err);
static void begin_entry(struct output *output, enum sample_type type, const char *id);
static void end_entry(struct output *output);
static void add_request(struct emit *emit, const char *method, const char *type, const char *id,
                        const char *identifier);

bool output_open(struct output *output, const char *folder, bool force, struct err *err)
{
    output->folder = folder;
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return err_set(err, ERR_INVALID, NULL, "%s cannot be made: %s.", folder, strerror(errno));
    if (!empty_folder(folder, force, err))
        return false;
    return output->format == FORMAT_BUNDLES || open_files(output, err);
}

static bool empty_folder(const char *folder, bool force, struct err *err)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;

    if (!dir)
        return err_set(err, ERR_INVALID, NULL, "%s cannot be read: %s.", folder, strerror(errno));
    while ((entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (!force) {
            closedir(dir);
            return err_set(err, ERR_INVALID, NULL,
                           "%s is not empty; --force replaces the sample data in it.", folder);
        }
        if (is_ours(entry->d_name))
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
    return true;
}

static bool is_ours(const char *name)
{
    if (strncmp(name, "patient-", 8) == 0 || strncmp(name, "00-organizations", 16) == 0)
        return text_ends_with(text_of(name), TEXT(".json"));
    for (int i = 0; i < TYPE_COUNT; i++) {
        size_t size = strlen(sample_type_names[i]);
        if (strncmp(name, sample_type_names[i], size) == 0 && strcmp(name + size, ".ndjson") == 0)
            return true;
    }
    return false;
}

static bool open_files(struct output *output, struct err *err)
{
    char name[64];

    for (int i = 0; i < TYPE_COUNT; i++) {
        snprintf(name, sizeof(name), "%s.ndjson", sample_type_names[i]);
        output->files[i] = open_file(output->folder, name, err);
        if (!output->files[i])
            return false;
        setvbuf(output->files[i], NULL, _IOFBF, FILE_ROOM);
    }
    return true;
}

static FILE *open_file(const char *folder, const char *name, struct err *err)
{
    char path[4096];
    FILE *file;

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path)) {
        err_set(err, ERR_INVALID, NULL, "The path of the output folder is too long.");
        return NULL;
    }
    file = fopen(path, "we");
    if (!file)
        err_set(err, ERR_INVALID, NULL, "%s cannot be written: %s.", path, strerror(errno));
    return file;
}

bool output_close(struct output *output, struct err *err)
{
    bool ok = true;

    for (int i = 0; i < TYPE_COUNT; i++) {
        if (output->files[i] && !close_file(output->files[i], err))
            ok = false;
    }
    buf_release(&output->emit.out);
    return ok;
}

void output_begin_bundle(struct output *output)
{
    struct emit *emit = &output->emit;

    if (output->format != FORMAT_BUNDLES)
        return;
    buf_clear(&emit->out);
    emit->comma = false;
    emit_open(emit, '{');
    emit_member(emit, "resourceType", "Bundle");
    emit_member(emit, "type", "transaction");
    emit_begin(emit, "entry", '[');
}

bool output_end_bundle(struct output *output, const char *name, struct err *err)
{
    struct emit *emit = &output->emit;
    FILE *file;

    if (output->format != FORMAT_BUNDLES)
        return true;
    emit_close(emit, ']');
    emit_close(emit, '}');
    buf_add_char(&emit->out, '\n');
    file = open_file(output->folder, name, err);
    if (!file)
        return false;
    setvbuf(file, NULL, _IONBF, 0);
    if (!write_out(output, file, err)) {
        fclose(file);
        return false;
    }
    return close_file(file, err);
}

static bool write_out(struct output *output, FILE *file, struct err *err)
{
    struct buf *out = &output->emit.out;

    output->bytes += out->size;
    if (fwrite(out->data, 1, out->size, file) != out->size)
        return err_set(err, ERR_INTERNAL, NULL, "Writing failed: %s.", strerror(errno));
    return true;
}

static bool close_file(FILE *file, struct err *err)
{
    if (fclose(file) != 0)
        return err_set(err, ERR_INTERNAL, NULL, "Writing failed: %s.", strerror(errno));
    return true;
}

struct emit *output_begin(struct output *output, enum sample_type type, const char *id,
                          const char *identifier)
{
    struct emit *emit = &output->emit;

    output->current.type = type;
    memcpy(output->current.id, id, UUID_SIZE);
    output->current.identifier = identifier;
    output->counts[type]++;
    if (output->format == FORMAT_BUNDLES) {
        begin_entry(output, type, id);
    } else {
        buf_clear(&emit->out);
        emit->comma = false;
        emit_open(emit, '{');
    }
    emit_member(emit, "resourceType", sample_type_names[type]);
    if (output->format == FORMAT_NDJSON || output->style == STYLE_PUT)
        emit_member(emit, "id", id);
    return emit;
}

static void begin_entry(struct output *output, enum sample_type type, const char *id)
{
    struct emit *emit = &output->emit;

    emit_open(emit, '{');
    emit_key(emit, "fullUrl");
    if (output->style == STYLE_PUT)
        emit_joined(emit, BASE_URL, sample_type_names[type], "/", id);
    else
        emit_joined(emit, "urn:uuid:", id, NULL, NULL);
    emit_begin(emit, "resource", '{');
}

bool output_end(struct output *output, struct err *err)
{
    struct emit *emit = &output->emit;

    emit_close(emit, '}');
    if (output->format == FORMAT_BUNDLES) {
        end_entry(output);
        return true;
    }
    buf_add_char(&emit->out, '\n');
    return write_out(output, output->files[output->current.type], err);
}

static void end_entry(struct output *output)
{
    struct emit *emit = &output->emit;
    const char *type = sample_type_names[output->current.type];

    if (output->style == STYLE_PUT)
        add_request(emit, "PUT", type, output->current.id, NULL);
    else
        add_request(emit, "POST", type, NULL, output->current.identifier);
    emit_close(emit, '}');
}

static void add_request(struct emit *emit, const char *method, const char *type, const char *id,
                        const char *identifier)
{
    emit_begin(emit, "request", '{');
    emit_member(emit, "method", method);
    emit_key(emit, "url");
    emit_joined(emit, type, id ? "/" : NULL, id, NULL);
    if (identifier) {
        emit_key(emit, "ifNoneExist");
        emit_joined(emit, "identifier=", identifier, NULL, NULL);
    }
    emit_close(emit, '}');
}

void output_refer(struct output *output, const char *key, enum sample_type type, const char *id)
{
    struct emit *emit = &output->emit;
    bool by_uuid = output->format == FORMAT_BUNDLES && output->style == STYLE_POST;

    emit_begin(emit, key, '{');
    emit_key(emit, "reference");
    if (by_uuid)
        emit_joined(emit, "urn:uuid:", id, NULL, NULL);
    else
        emit_joined(emit, sample_type_names[type], "/", id, NULL);
    emit_close(emit, '}');
}

void output_refer_shared(struct output *output, const char *key, enum sample_type type,
                         const char *id, const char *identifier, const char *display)
{
    struct emit *emit = &output->emit;
    bool by_identifier = output->format == FORMAT_BUNDLES && output->style == STYLE_POST;

    emit_begin(emit, key, '{');
    emit_key(emit, "reference");
    if (by_identifier)
        emit_joined(emit, sample_type_names[type], "?identifier=", identifier, NULL);
    else
        emit_joined(emit, sample_type_names[type], "/", id, NULL);
    emit_member(emit, "display", display);
    emit_close(emit, '}');
}
