/*
 * isthmus post - sends resources so that each has its effect once, however
 * often it has to be sent: for labs, whose lines break.
 *
 * Only what can be sent again without harm is sent at all. An answer that says
 * no ends the run; no answer, or one that says "later", is followed by another attempt.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/count.h"
#include "base/fiber.h"
#include "base/hash.h"
#include "base/loop.h"
#include "base/random.h"
#include "fhir/bundle.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "server/arguments.h"
#include "server/commands.h"
#include "server/file.h"
#include "server/load_journal.h"
#include "sync/fetch.h"

#include <errno.h>
#include <inttypes.h>

#define FILE_MAX     (256U << 20)
#define ANSWER_MAX   (256U << 20)
#define HEADERS_MAX  20
#define FILES_MAX    10000
#define TIMEOUT_MS   120000
#define PAUSE_MS     500 /* before the second attempt; doubled for each further one */
#define PAUSE_MAX_MS 60000

/* Exit statuses, also in the usage. */
enum { SENT = 0, REFUSED = 1, CALLED_WRONGLY = 2, NOT_SAFE = 3, UNKNOWN = 4 };

static const char usage[] =
    "usage: isthmus post URL FILE... [OPTIONS]\n"
    "       isthmus post URL --bundle FILE [OPTIONS]\n\n"
    "Sends FHIR JSON files to a server, in their order, each again until it is answered. URL is\n"
    "the base; a Bundle of type transaction goes there, any other resource to its type: with an\n"
    "id by PUT, without one by POST, for which --if-none-exist is needed. Entries of a "
    "transaction\n"
    "that create need ifNoneExist. What cannot be sent twice without harm is not sent.\n\n"
    "  --bundle FILE             the same as FILE\n"
    "  --if-none-exist CRITERIA  create only when nothing matches, such as "
    "identifier=SYSTEM|VALUE\n"
    "  --header 'NAME: VALUE'    with every request, such as Authorization; can be repeated\n"
    "  --retry-for TIME          how long to go on trying a file: 30s, 10min, 2h (default 10min)\n"
    "  --journal FILE            remembers what was accepted: a run that was cut goes on there\n"
    "  --once                    send also what is not safe to send again, and then only once\n\n"
    "Exit status: 0 everything was accepted; 1 a file was refused (the OperationOutcome is\n"
    "printed), those behind it were not sent; 2 called wrongly; 3 a file is not safe to send\n"
    "again; 4 no answer in the time given: what became of the file is not known, send it again.\n";

enum { OWN_BUNDLE, OWN_CONDITION, OWN_HEADER, OWN_RETRY, OWN_JOURNAL, OWN_ONCE, OWN_HELP };

struct post {
    const char *base;
    const char **files; /* NULL-ended */
    const char *condition;
    const char *headers[HEADERS_MAX + 6];
    size_t header_count;
    int64_t retry_ms;
    bool once;
    struct load_journal *journal;
    struct loop *loop;
    struct fetcher *fetcher;
    struct arena *arena; /* of the file being sent */
    int status;
};

/* One file, as it will be sent. */
struct message {
    const char *file;
    struct text body;
    const char *method;
    const char *url;
    const char *const *headers;
};

static bool parse(struct post *post, struct argument *own, int argc, char **argv,
                  struct arena *arena, struct err *err);
static void run(void *context);
static int send_file(struct post *post, const char *file);
static int prepare(struct post *post, struct message *message);
static const char *unsafe(const struct post *post, const struct node *resource,
                          const struct bundle *bundle, struct arena *arena);
static int deliver(struct post *post, const struct message *message);

int command_post(int argc, char **argv)
{
    struct argument own[] = {
        [OWN_BUNDLE] = {.name = "bundle", .takes_value = true},
        [OWN_CONDITION] = {.name = "if-none-exist", .takes_value = true},
        [OWN_HEADER] = {.name = "header", .takes_value = true},
        [OWN_RETRY] = {.name = "retry-for", .takes_value = true},
        [OWN_JOURNAL] = {.name = "journal", .takes_value = true},
        [OWN_ONCE] = {.name = "once"},
        [OWN_HELP] = {.name = "help"},
        {0},
    };
    struct arena *arena = arena_new();
    struct post post = {.retry_ms = 600000};
    struct err err = {0};

    bool good = arguments_take(own, &argc, argv, arena, &err);
    if (good && own[OWN_HELP].count) {
        fputs(usage, stdout);
        arena_free(arena);
        return SENT;
    }
    if (!good || !parse(&post, own, argc, argv, arena, &err)) {
        fprintf(stderr, "isthmus post: %s\n%s", err.text, usage);
        arena_free(arena);
        return CALLED_WRONGLY;
    }
    post.loop = loop_new();
    post.fetcher = fetcher_new(post.loop, 1);
    fiber_spawn(post.loop, run, &post);
    loop_run(post.loop);
    fetcher_free(post.fetcher);
    loop_free(post.loop);
    load_journal_close(post.journal);
    arena_free(arena);
    return fflush(stdout) == 0 ? post.status : REFUSED;
}

static bool parse_time(const char *text, int64_t *ms)
{
    static const struct {
        const char *suffix;
        int64_t factor;
    } units[] = {{"ms", 1}, {"min", 60000}, {"s", 1000}, {"h", 3600000}};
    struct text value = text_of(text);

    for (size_t i = 0; i < COUNT(units); i++) {
        struct text suffix = text_of(units[i].suffix);
        if (!text_ends_with(value, suffix))
            continue;
        value.size -= suffix.size;
        if (!text_to_int64(value, 0, 1000000, ms))
            return false;
        *ms *= units[i].factor;
        return true;
    }
    return false;
}

static bool parse(struct post *post, struct argument *own, int argc, char **argv,
                  struct arena *arena, struct err *err)
{
    size_t count = 0, room = (size_t)argc + own[OWN_BUNDLE].count + 1;

    post->files = arena_many(arena, const char *, room);
    for (unsigned i = 0; i < own[OWN_BUNDLE].count; i++)
        post->files[count++] = own[OWN_BUNDLE].values[i];
    for (int i = 0; i < argc; i++) {
        if (argv[i][0] == '-' && argv[i][1])
            return err_set(err, ERR_INVALID, NULL, "There is no option %s.", argv[i]);
        if (!post->base)
            post->base = argv[i];
        else
            post->files[count++] = argv[i];
    }
    if (!post->base || strncmp(post->base, "http", 4) != 0 || count == 0 || count > FILES_MAX)
        return err_set(err, ERR_INVALID, NULL, "Name the server's base URL and the files.");
    if (own[OWN_RETRY].count && !parse_time(own[OWN_RETRY].values[0], &post->retry_ms))
        return err_set(err, ERR_INVALID, NULL, "--retry-for takes a time such as 10min.");
    if (own[OWN_HEADER].count > HEADERS_MAX)
        return err_set(err, ERR_INVALID, NULL, "More than %d headers.", HEADERS_MAX);
    for (unsigned i = 0; i < own[OWN_HEADER].count; i++)
        post->headers[post->header_count++] = own[OWN_HEADER].values[i];
    post->condition = own[OWN_CONDITION].count ? own[OWN_CONDITION].values[0] : NULL;
    post->once = own[OWN_ONCE].count > 0;
    post->journal = load_journal_open(own[OWN_JOURNAL].count ? own[OWN_JOURNAL].values[0] : "",
                                      post->base, false, err);
    return post->journal != NULL;
}

static void run(void *context)
{
    struct post *post = context;

    for (const char **file = post->files; *file && post->status == SENT; file++) {
        post->arena = arena_new();
        post->status = send_file(post, *file);
        arena_free(post->arena);
        fflush(stdout);
    }
    loop_stop(post->loop);
}

/* In the journal a file is its name and its content: one that was changed is sent again. */
static const char *journal_name(const struct post *post, const struct message *message)
{
    static const struct hash_key key = {UINT64_C(0x706f7374), UINT64_C(0x6a6f75726e616c)};

    return arena_printf(post->arena, "%s %016" PRIx64, message->file,
                        hash_bytes(&key, message->body.data, message->body.size));
}

static int send_new(struct post *post, struct message *message)
{
    const char *name = journal_name(post, message);

    if (load_journal_has(post->journal, name, 0)) {
        printf("%s: accepted before\n", message->file);
        return SENT;
    }
    int status = prepare(post, message);
    if (status == SENT)
        status = deliver(post, message);
    if (status == SENT)
        load_journal_add(post->journal, name, 0);
    return status;
}

static int send_file(struct post *post, const char *file)
{
    struct message message = {.file = file};
    struct buf content = {0};
    int status = REFUSED;

    if (!file_read(file, FILE_MAX, &content)) {
        fprintf(stderr, "isthmus post: %s: %s\n", file, strerror(errno));
    } else {
        message.body = (struct text){buf_text(&content), content.size};
        status = send_new(post, &message);
    }
    buf_release(&content);
    return status;
}

/* Says method and URL, or why the file is not to be sent. */
static int prepare(struct post *post, struct message *message)
{
    struct arena *arena = post->arena;
    const struct json_limits limits = {.size = FILE_MAX, .depth = 64, .nodes = 10000000};
    struct bundle bundle = {0};
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, 1);
    const struct node *resource =
        json_read(arena, message->body.data, message->body.size, &limits, &issues, &err);
    if (!resource) {
        fprintf(stderr, "isthmus post: %s: %s\n", message->file, err.text);
        return REFUSED;
    }
    bool posted = strcmp(resource->type->name, "Bundle") == 0 &&
                  bundle_read(arena, resource, &bundle, &err) &&
                  (text_is(bundle.type, "transaction") || text_is(bundle.type, "batch"));
    const char *why = unsafe(post, resource, posted ? &bundle : NULL, arena);
    if (why && !post->once) {
        fprintf(stderr, "isthmus post: %s: %s\nIf it may take effect twice, say --once.\n",
                message->file, why);
        return NOT_SAFE;
    }
    struct text id = node_value(resource, "id");
    bool put = !posted && id.size && !post->condition;
    message->method = put ? "PUT" : "POST";
    if (posted)
        message->url = post->base;
    else if (put)
        message->url =
            arena_printf(arena, "%s/%s/%.*s", post->base, resource->type->name, TEXT_ARGS(id));
    else
        message->url = arena_printf(arena, "%s/%s", post->base, resource->type->name);

    size_t count = post->header_count;
    const char **headers = arena_many(arena, const char *, count + 5);
    memcpy(headers, post->headers, count * sizeof(headers[0]));
    headers[count++] = "Content-Type: application/fhir+json";
    headers[count++] = "Accept: application/fhir+json";
    headers[count++] = "Prefer: return=minimal";
    if (post->condition && !posted)
        headers[count++] = arena_printf(arena, "If-None-Exist: %s", post->condition);
    message->headers = headers;
    return SENT;
}

/* Why a second sending could have a second effect; NULL when it cannot. */
static const char *unsafe(const struct post *post, const struct node *resource,
                          const struct bundle *bundle, struct arena *arena)
{
    for (size_t i = 0; bundle && i < bundle->count; i++) {
        const struct bundle_entry *entry = &bundle->entries[i];

        if (text_is(entry->method, "POST") && !entry->if_none_exist.size &&
            !memmem(entry->url.data, entry->url.size, "_search", 7))
            return arena_printf(arena,
                                "entry %zu creates without a condition, so a second sending would "
                                "make a second resource. Give it request.ifNoneExist (such as "
                                "identifier=SYSTEM|VALUE), or make it a PUT to Type?identifier=...",
                                i);
        if (text_is(entry->method, "PATCH") && !entry->if_match.size)
            return arena_printf(arena,
                                "entry %zu patches without request.ifMatch, so a second sending "
                                "would patch twice.",
                                i);
    }
    if (bundle || node_value(resource, "id").size || post->condition)
        return NULL;
    return "it has no id and would be created anew with each sending. Say --if-none-exist "
           "identifier=SYSTEM|VALUE.";
}

/* Answers after which another attempt makes sense: busy, not available, a gateway without a
 * server behind it, a conflict with others. */
static bool says_later(int status)
{
    return status == 408 || status == 409 || status == 425 || status == 429 ||
           (status >= 500 && status != 501 && status != 505);
}

/* Exponential, with a random part so that many clients do not come back at once; never
 * earlier than the server asks for. */
static int64_t pause_before(unsigned attempt, int retry_after_s)
{
    int64_t longest = attempt > 7 ? PAUSE_MAX_MS : (int64_t)PAUSE_MS << attempt;

    if (longest > PAUSE_MAX_MS)
        longest = PAUSE_MAX_MS;
    int64_t pause = longest / 2 + (int64_t)(random_number() % (uint64_t)(longest / 2));
    return pause > (int64_t)retry_after_s * 1000 ? pause : (int64_t)retry_after_s * 1000;
}

static int refused(const struct message *message, const struct fetch_response *response)
{
    fprintf(stderr, "isthmus post: %s: refused with %d\n", message->file, response->status);
    if (response->body.size)
        printf("%.*s\n", TEXT_ARGS(response->body));
    return REFUSED;
}

static int deliver(struct post *post, const struct message *message)
{
    int64_t end = clock_monotonic() + post->retry_ms * 1000;

    for (unsigned attempt = 0;; attempt++) {
        const struct fetch_request request = {
            .method = message->method,
            .url = message->url,
            .headers = message->headers,
            .body = message->body,
            .timeout_ms = TIMEOUT_MS,
            .max_body = ANSWER_MAX,
        };
        struct arena *arena = arena_new();
        struct fetch_response response = {0};
        struct err err = {0};
        bool answered = fetch(post->fetcher, &request, arena, &response, &err);
        int status = -1;

        if (answered && response.status < 300) {
            printf("%s: accepted with %d\n", message->file, response.status);
            status = SENT;
        } else if (answered && !says_later(response.status)) {
            status = refused(message, &response);
        }
        int64_t pause = pause_before(attempt, response.retry_after);
        bool enough = post->once && (answered || err.kind != ERR_BUSY);
        enough = enough || clock_monotonic() + pause * 1000 > end;
        if (status < 0)
            fprintf(stderr, "isthmus post: %s: %s%s\n", message->file,
                    answered ? arena_printf(arena, "answered with %d", response.status) : err.text,
                    enough ? "; given up, what became of it is not known" : "; sent again soon");
        arena_free(arena);
        if (status >= 0)
            return status;
        if (enough)
            return UNKNOWN;
        fiber_sleep((int)pause);
    }
}
