#include "server/metrics.h"

#include "base/buf.h"
#include "base/err.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define THREADS 4
#define COUNTS  10000

static struct buf page;

/* Whether the page has this line. */
static bool has_line(const char *line)
{
    size_t size = strlen(line);

    buf_clear(&page);
    metrics_write(&page);
    for (const char *at = buf_text(&page); (at = strstr(at, line)); at++)
        if ((at == page.data || at[-1] == '\n') && at[size] == '\n')
            return true;
    return false;
}

static void *count_many(void *context)
{
    for (int i = 0; i < COUNTS; i++)
        metrics_count(METRIC_ANSWER_BYTES, 2, context, NULL, NULL);
    return NULL;
}

static void threads_are_added_up(void **state)
{
    static char words[THREADS][8];
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        snprintf(words[i], sizeof(words[i]), "create"); /* at an address of its own */
        assert_int_equal(pthread_create(&threads[i], NULL, count_many, words[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_true(has_line("isthmus_http_answer_bytes_total{interaction=\"create\"} 80000"));
}

static void counters_are_told_apart_by_labels(void **state)
{
    (void)state;
    metrics_count(METRIC_REQUESTS, 1, "GET", "read", metrics_status(200));
    metrics_count(METRIC_REQUESTS, 1, "GET", "read", metrics_status(200));
    metrics_count(METRIC_REQUESTS, 1, "GET", "read", metrics_status(404));
    assert_true(has_line("# TYPE isthmus_http_requests_total counter"));
    assert_true(has_line(
        "isthmus_http_requests_total{method=\"GET\",interaction=\"read\",status=\"200\"} 2"));
    assert_true(has_line(
        "isthmus_http_requests_total{method=\"GET\",interaction=\"read\",status=\"404\"} 1"));
}

static void histograms_are_cumulative(void **state)
{
    (void)state;
    metrics_observe(METRIC_REQUEST_SECONDS, 250, "vread");
    metrics_observe(METRIC_REQUEST_SECONDS, 251, "vread");
    metrics_observe(METRIC_REQUEST_SECONDS, 99000000, "vread");
    metrics_observe(METRIC_REQUEST_SECONDS, -5, "vread");
    assert_true(has_line("# TYPE isthmus_http_request_seconds histogram"));
    assert_true(
        has_line("isthmus_http_request_seconds_bucket{interaction=\"vread\",le=\"0.00025\"} 2"));
    assert_true(
        has_line("isthmus_http_request_seconds_bucket{interaction=\"vread\",le=\"0.0005\"} 3"));
    assert_true(has_line("isthmus_http_request_seconds_bucket{interaction=\"vread\",le=\"10\"} 3"));
    assert_true(
        has_line("isthmus_http_request_seconds_bucket{interaction=\"vread\",le=\"+Inf\"} 4"));
    assert_true(has_line("isthmus_http_request_seconds_sum{interaction=\"vread\"} 99.000501"));
    assert_true(has_line("isthmus_http_request_seconds_count{interaction=\"vread\"} 4"));
}

static double read_number(void *context)
{
    return *(double *)context;
}

static void gauges_are_asked_and_added_up(void **state)
{
    double one = 1, other = 2.5, third = 7;

    (void)state;
    metrics_gauge("isthmus_things", "Things.", NULL, read_number, &one);
    metrics_gauge("isthmus_lanes", "Lanes.", "kind=\"read\"", read_number, &third);
    metrics_gauge("isthmus_things", "Things.", NULL, read_number, &other);
    assert_true(has_line("# TYPE isthmus_things gauge"));
    assert_true(has_line("isthmus_things 3.5"));
    assert_true(has_line("isthmus_lanes{kind=\"read\"} 7"));

    metrics_remove_gauges(&other);
    assert_true(has_line("isthmus_things 1"));
    metrics_remove_gauges(&one);
    metrics_remove_gauges(&third);
    assert_null(strstr(page.data, "isthmus_lanes 7"));
}

static void the_process_is_described(void **state)
{
    (void)state;
    metrics_gauge_process("1.2.3");
    assert_true(has_line("isthmus_build_info{version=\"1.2.3\"} 1"));
    assert_non_null(strstr(page.data, "\nprocess_resident_memory_bytes "));
    assert_null(strstr(page.data, "\nprocess_resident_memory_bytes 0\n"));
    assert_null(strstr(page.data, "\nprocess_open_fds 0\n"));
}

static void every_status_has_a_text(void **state)
{
    (void)state;
    assert_string_equal(metrics_status(100), "100");
    assert_string_equal(metrics_status(599), "599");
    assert_string_equal(metrics_status(99), "000");
    assert_string_equal(metrics_status(600), "000");
    assert_ptr_equal(metrics_status(404), metrics_status(404));
}

static void too_many_series_are_dropped(void **state)
{
    static char words[3000][16];

    (void)state;
    for (int i = 0; i < 3000; i++) {
        snprintf(words[i], sizeof(words[i]), "w%d", i);
        metrics_count(METRIC_REFUSALS, 1, words[i], NULL, NULL);
    }
    assert_true(has_line("isthmus_http_refusals_total{status=\"w0\"} 1"));
    assert_false(has_line("isthmus_http_refusals_total{status=\"w2999\"} 1"));
}

static int release_page(void **state)
{
    (void)state;
    buf_release(&page);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_are_added_up),
        cmocka_unit_test(counters_are_told_apart_by_labels),
        cmocka_unit_test(histograms_are_cumulative),
        cmocka_unit_test(gauges_are_asked_and_added_up),
        cmocka_unit_test(the_process_is_described),
        cmocka_unit_test(every_status_has_a_text),
        cmocka_unit_test(too_many_series_are_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, release_page);
}
