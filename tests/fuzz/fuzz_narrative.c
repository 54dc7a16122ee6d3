/*
 * Any bytes as a narrative: no read beyond the end, and either it is fine or
 * there is a sentence that says why not.
 */

#include "base/err.h"
#include "fhir/narrative.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size ? size : 1); /* of its own, so that a sanitizer sees its end */
    struct narrative_finding finding;

    assert(copy);
    memcpy(copy, data, size);
    narrative_check((struct text){copy, size}, &finding);
    assert(finding.fine == !finding.problem);
    assert(!(finding.fine && finding.empty));
    free(copy);
    return 0;
}
