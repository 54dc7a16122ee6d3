/*
 * Package report - see package_report.h.
 */

#include "server/package_report.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/count.h"
#include "base/err.h"
#include "base/text.h"
#include "fhir/issue.h"
#include "server/package_source.h"

#include <jansson.h>

static const struct {
    const char *words, *member;
} kinds[PACKAGE_KINDS] = {
    [PACKAGE_PROFILE] = {"profiles", "profiles"},
    [PACKAGE_EXTENSION] = {"extensions", "extensions"},
    [PACKAGE_VALUE_SET] = {"value sets", "valueSets"},
    [PACKAGE_CODE_SYSTEM] = {"code systems", "codeSystems"},
    [PACKAGE_SEARCH_PARAMETER] = {"search parameters", "searchParameters"},
};

/* Called for everything that is to be said of a package. */
typedef void remark_fn(const char *text, void *context);

static void each_remark(const struct package_report *report, const struct package_source *source,
                        struct arena *arena, remark_fn *remark, void *context);
static const char *missing_dependency(const struct package_report *report, const char *dependency,
                                      struct arena *arena);
static bool concerns(const struct issue *issue, const struct package_source *source);
static void print_counts(const struct package *package);
static json_t *describe(const struct package *package);
static void print_json(json_t *list);

static void print_remark(const char *text, void *context)
{
    (void)context;
    printf("  warning: %s\n", text);
}

static void add_remark(const char *text, void *context)
{
    json_array_append_new(context, json_string(text));
}

void package_report_print(const struct package_report *report, bool json, struct arena *arena)
{
    json_t *list = json_array();

    for (size_t i = 0; i < report->source_count; i++) {
        const struct package_source *source = &report->sources[i];

        if (json) {
            json_t *package = describe(&source->about), *warnings = json_array();

            each_remark(report, source, arena, add_remark, warnings);
            json_object_set_new(package, "warnings", warnings);
            json_array_append_new(list, package);
        } else {
            printf("%s: installed\n", source->label);
            print_counts(&source->about);
            each_remark(report, source, arena, print_remark, NULL);
        }
    }
    if (json)
        print_json(list);
    json_decref(list);
}

void package_list_print(const struct package *installed, size_t count, bool json,
                        struct arena *arena)
{
    json_t *list = json_array();
    char time[CLOCK_INSTANT_SIZE];

    (void)arena;
    for (size_t i = 0; i < count; i++) {
        clock_format_instant(installed[i].installed, time);
        if (json) {
            json_t *package = describe(&installed[i]);

            json_object_set_new(package, "installed", json_string(time));
            json_object_set_new(package, "digest", json_string(installed[i].digest));
            json_array_append_new(list, package);
        } else {
            printf("%s#%s: installed %s\n", installed[i].name, installed[i].version, time);
            print_counts(&installed[i]);
        }
    }
    if (json)
        print_json(list);
    else if (count == 0)
        printf("no packages are installed; R4 itself is built in\n");
    json_decref(list);
}

static void each_remark(const struct package_report *report, const struct package_source *source,
                        struct arena *arena, remark_fn *remark, void *context)
{
    const char *const *dependency = source->about.dependencies;

    for (; dependency && *dependency; dependency++) {
        const char *missing = missing_dependency(report, *dependency, arena);
        if (missing)
            remark(missing, context);
    }
    for (const struct issue *issue = source->problems.first; issue; issue = issue->next)
        remark(arena_printf(arena, "not used: %s", issue->text), context);
    for (const struct issue *issue = report->issues->first; issue; issue = issue->next)
        if (concerns(issue, source))
            remark(arena_printf(arena, "not used: %s", issue->text), context);
}

/* What cannot be decided without a package, as far as its name tells. */
static const char *missing_dependency(const struct package_report *report, const char *dependency,
                                      struct arena *arena)
{
    static const char *const built_in[] = {"hl7.fhir.core", "hl7.fhir.r4.core",
                                           "hl7.fhir.r4.expansions"};
    static const char *const terminologies[] = {"hl7.terminology", "us.nlm.vsac", "us.cdc.phinvads",
                                                "ihe.formatcode", "fhir.dicom"};
    struct text name = text_of(dependency), version;
    bool codes = false;

    text_split(name, '#', &name, &version);
    for (size_t i = 0; i < COUNT(built_in); i++)
        if (text_is(name, built_in[i]))
            return NULL;
    for (size_t i = 0; i < report->installed_count; i++)
        if (text_is(name, report->installed[i].name))
            return NULL;
    for (size_t i = 0; i < COUNT(terminologies); i++)
        codes = codes || text_starts_with(name, text_of(terminologies[i]));
    return arena_printf(arena, "it depends on %s, which is not installed: %s", dependency,
                        codes ? "codes from value sets and code systems that only it has cannot be "
                                "checked; findings will say so"
                              : "what refers to its definitions is not checked against them");
}

static bool names(const char *text, const char *what)
{
    return text && what && strstr(text, what);
}

/* The label stands in the text, or else the url of what it is about. */
static bool concerns(const struct issue *issue, const struct package_source *source)
{
    if (names(issue->text, source->label))
        return true;
    for (size_t i = 0; i < source->count; i++)
        if (names(issue->text, source->definitions[i].url))
            return !strstr(issue->text, "#") || names(issue->text, source->label);
    return false;
}

static void print_counts(const struct package *package)
{
    const char *separator = "  ";

    for (int kind = 0; kind < PACKAGE_KINDS; kind++) {
        printf("%s%s %d", separator, kinds[kind].words, package->counts[kind]);
        separator = ", ";
    }
    printf("\n");
}

static json_t *describe(const struct package *package)
{
    json_t *object = json_object(), *dependencies = json_array();

    json_object_set_new(object, "name", json_string(package->name));
    json_object_set_new(object, "version", json_string(package->version));
    if (package->canonical)
        json_object_set_new(object, "canonical", json_string(package->canonical));
    if (package->title)
        json_object_set_new(object, "title", json_string(package->title));
    for (int kind = 0; kind < PACKAGE_KINDS; kind++)
        json_object_set_new(object, kinds[kind].member, json_integer(package->counts[kind]));
    for (const char *const *dependency = package->dependencies; dependency && *dependency;
         dependency++)
        json_array_append_new(dependencies, json_string(*dependency));
    json_object_set_new(object, "dependencies", dependencies);
    return object;
}

static void print_json(json_t *list)
{
    json_t *object = json_pack("{s:O}", "packages", list);
    char *text = json_dumps(object, JSON_COMPACT);

    printf("%s\n", text);
    free(text);
    json_decref(object);
}
