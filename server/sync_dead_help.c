/*
 * Dead letters - see sync_dead_help.h.
 */

#include "server/sync_dead_help.h"

#include "base/count.h"
#include "server/sync_internal.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define NOT_HERE "This version of the record is not here; an earlier one may be, and looks current."

static const struct dead_help helps[] = {
    {"parse", "What came is no JSON.", NOT_HERE,
     "Send the bytes (`dead show`) to the partner; when it is mended there, it comes by itself, "
     "and "
     "this one is discarded."},
    {"utf8", "Its text has bytes that are no UTF-8, mostly Latin-1.",
     NOT_HERE " Names are not guessed.", "Ask the partner to send UTF-8; then as for parse."},
    {"too_large", "It is larger, deeper or has more elements than is accepted.", NOT_HERE,
     "Look at it (`dead show`; of what is larger than an answer may be it shows the beginning): "
     "mostly "
     "a scan. The partner has to split it; or raise limits.pageBytes, and it comes when it changes "
     "or "
     "with the next snapshot."},
    {"attachment", "Its size or hash is another than the document says that shows it.",
     "What the document shows may be damaged, or another document than was meant.",
     "Ask the partner which is right. `dead replay` accepts it as it came; else discard it."},
    {"not_fhir", "It is JSON, but its resourceType is none of R4.", NOT_HERE,
     "Ask the partner which version of FHIR it speaks (`partner probe`). Discard it when it is "
     "none of "
     "interest."},
    {"wrong_type", "An OperationOutcome stands in place of a resource.",
     "Something that exists there was withheld: its record here may be incomplete.",
     "`dead show` says why it was withheld; mostly a right that is lacking there."},
    {"no_id",
     "It has no id, or one above 1,024 bytes, so that later versions could not be matched.",
     NOT_HERE, "Ask the partner; discard this one when it has come with an id."},
    {"subsetted", "It is a part of a resource (SUBSETTED); written, it would erase the rest.",
     "The complete record here stays as it was and may be older.",
     "Take out of the query what narrows it (_elements, _summary); then discard this one."},
    {"structural", "It is against the structure of its type: what stands where is said behind it.",
     NOT_HERE,
     "`dead replay --dry-run` after the partner mended it; or set its validation to \"off\", add "
     "it "
     "again, replay, and set it back."},
    {"identity_conflict",
     "The patient's birth date and family name are both others than before: the id may have been "
     "given to somebody else.",
     "Applied wrongly, two people's records would be one. Results that name this patient are still "
     "applied.",
     "Ask the partner who it is. The same person: `dead replay`. Somebody else: pause the partner "
     "and have the id corrected there, then discard."},
    {"version_regression",
     "Its version is lower than that of what came before, though it is newer by its time.",
     "The partner may have restored a backup: what it serves now may lack what it served before.",
     "Ask the partner. A backup was restored: `dead replay` accepts what it serves now. Else "
     "discard."},
    {"storage", "PostgreSQL refused it.", NOT_HERE,
     "Look at the rule behind it; try `dead replay` once. When it dies again, report it to us with "
     "the rule, not with the bytes."},

    /* Of pushes. */
    {"remote_412", "The partner has several copies of it, and none was chosen.",
     "They may see two records of one person, and this change is in none of them.",
     "Ask the partner to leave one copy; then `isthmus sync push retry`."},
    {"remote_4xx", "The partner refuses it, or its copy has vanished there.",
     "They do not have this version: what they see may be out of date.",
     "`isthmus sync push list` has the status; ask the partner what it wants, then `push retry`."},
    {"purged", "It was erased here before it was sent.",
     "Nothing, if it was meant never to be there; a copy of an earlier version may still be there.",
     "Ask the partner to erase its copy, if there is one."},
    {"unknown_outcome", "It was sent, and what became of it is not known.",
     "The partner may have it or not.", "Nothing: it is asked about before it is sent again."},
};

static const struct dead_help unknown = {"", "A class of another version of this program.",
                                         "It is not known.",
                                         "Use the version that the worker is of."};

const struct dead_help *dead_help(const char *class)
{
    for (size_t i = 0; i < COUNT(helps); i++)
        if (strcmp(helps[i].class, class) == 0)
            return &helps[i];
    return &unknown;
}

bool sync_dead_help(const struct store_site *site, void *context, struct err *err)
{
    (void)site, (void)context, (void)err;
    for (size_t i = 0; i < COUNT(helps); i++)
        printf("%s: %s\n  Why it matters: %s\n  What to do: %s\n\n", helps[i].class, helps[i].what,
               helps[i].matters, helps[i].remedy);
    return true;
}
