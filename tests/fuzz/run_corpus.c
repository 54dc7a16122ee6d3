/*
 * Run corpus - gives every file of a folder to a fuzz target once, as a test.
 *
 *     corpus_NAME FOLDER
 */

#include "base/err.h"

#include <dirent.h>
#include <stdint.h>

#define FILE_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool run_file(const char *folder, const char *name);

int main(int argc, char **argv)
{
    unsigned count = 0;
    struct dirent *entry;
    DIR *folder;

    if (argc != 2)
        return fprintf(stderr, "usage: %s FOLDER\n", argv[0]), 2;
    folder = opendir(argv[1]);
    if (!folder)
        return perror(argv[1]), 1;
    while ((entry = readdir(folder))) {
        if (entry->d_name[0] == '.')
            continue;
        if (!run_file(argv[1], entry->d_name))
            break;
        count++;
    }
    closedir(folder);
    printf("%u files\n", count);
    return count > 0 && !entry ? 0 : 1;
}

/* The bytes stand in memory of exactly their size, so that ASan sees overruns. */
static bool run_file(const char *folder, const char *name)
{
    char path[4096];
    uint8_t *all, *exact;
    size_t size;
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (!file)
        return perror(path), false;
    all = malloc(FILE_MAX);
    if (!all)
        abort();
    size = fread(all, 1, FILE_MAX, file);
    fclose(file);
    exact = malloc(size ? size : 1);
    if (!exact)
        abort();
    memcpy(exact, all, size);
    free(all);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return true;
}
