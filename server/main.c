/*
 * isthmus - one program, several commands; one file each.
 */

#include "server/commands.h"
#include "server/version.h"

#include "base/err.h"

#include <signal.h>

struct command {
    const char *name;
    command_fn *run;
    const char *help;
};

static const struct command commands[] = {
    {"serve", command_serve, "serve FHIR over HTTP, with an embedded or a given PostgreSQL"},
    {"load", command_load, "send Bundles or NDJSON to a FHIR server"},
    {"sample", command_sample, "make realistic, synthetic patients"},
    {"parse", command_parse, "check the structure of resources, print findings or canonical JSON"},
    {"validate", command_validate, "validate resources against R4, profiles and packages"},
    {"fhirpath", command_fhirpath, "evaluate FHIRPath expressions on a resource"},
    {"package", command_package, "install profiles, value sets and code systems, list, remove"},
    {"partner", command_partner, "other servers to synchronize with: add, probe, list, pause"},
    {"sync", command_sync, "pull from partners, push to them; status, accounts, dead letters"},
    {"reindex", command_reindex, "index anew what is stored, for search parameters that came"},
    {"index", command_index, "choose what else resources are indexed by, and see how far it is"},
    {"backup", command_backup, "write everything in the database to a file"},
    {"restore", command_restore, "make a database from such a file"},
    {"upgrade", command_upgrade, "move the embedded database to a newer PostgreSQL"},
    {"post", command_post, "send results to a FHIR server, each once, however often it takes"},
    {"purge", command_purge, "erase a resource with all its versions, for an administrator"},
    {"config", command_config, "print the configuration in force and where it comes from"},
    {0},
};

static int print_usage(FILE *out, int status);

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2)
        return print_usage(stderr, 2);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
        return print_usage(stdout, 0);
    if (strcmp(argv[1], "--version") == 0) {
        printf("isthmus %s\n", ISTHMUS_VERSION);
        return 0;
    }
    for (const struct command *command = commands; command->name; command++)
        if (strcmp(command->name, argv[1]) == 0)
            return command->run(argc - 2, argv + 2);
    fprintf(stderr, "isthmus: there is no command %s.\n", argv[1]);
    return print_usage(stderr, 2);
}

static int print_usage(FILE *out, int status)
{
    fputs(
        "isthmus - an EHR exchange server speaking FHIR R4\n\nusage: isthmus COMMAND [OPTIONS]\n\n",
        out);
    for (const struct command *command = commands; command->name; command++)
        fprintf(out, "  %-10s %s\n", command->name, command->help);
    fputs("\nEach command has a --help of its own. isthmus --version prints the version.\n", out);
    return status;
}
