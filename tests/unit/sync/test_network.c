#include "sync/network.h"

#include "base/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool allowed(const char *address, const char *network)
{
    struct network named = {0};
    struct err err = {0};

    if (network)
        assert_true(network_parse(text_of(network), &named, &err));
    return network_allows_text(&named, network ? 1 : 0, address);
}

static void public_addresses_are_allowed(void **state)
{
    (void)state;
    assert_true(allowed("8.8.8.8", NULL));
    assert_true(allowed("172.32.0.1", NULL));
    assert_true(allowed("2606:4700::1111", NULL));
}

static void internal_addresses_are_not(void **state)
{
    static const char *const internal[] = {"127.0.0.1",
                                           "10.1.2.3",
                                           "172.31.255.255",
                                           "192.168.0.9",
                                           "169.254.169.254",
                                           "0.0.0.0",
                                           "::1",
                                           "fe80::1",
                                           "fd00:ec2::254",
                                           "::ffff:127.0.0.1",
                                           "::ffff:a9fe:a9fe",
                                           "224.0.0.1",
                                           "64:ff9b::7f00:1",
                                           "2002:7f00:1::",
                                           "100.64.0.1",
                                           "240.0.0.1",
                                           "255.255.255.255",
                                           "192.0.0.1",
                                           "192.0.2.1",
                                           "198.19.0.1",
                                           "198.51.100.1",
                                           "203.0.113.1",
                                           "::7f00:1",
                                           "64:ff9b:1::1",
                                           "100::1",
                                           "2001::1",
                                           "2001:db8::1",
                                           "fec0::1",
                                           "ff02::1"};

    (void)state;
    for (size_t i = 0; i < COUNT(internal); i++)
        assert_false(allowed(internal[i], NULL));
}

static void named_networks_are_allowed_and_no_others(void **state)
{
    (void)state;
    assert_true(allowed("10.1.2.3", "10.0.0.0/8"));
    assert_false(allowed("127.0.0.1", "10.0.0.0/8"));
    assert_true(allowed("10.1.2.3", "10.1.2.3"));
    assert_false(allowed("10.1.2.4", "10.1.2.3"));
    assert_true(allowed("10.1.2.127", "10.1.2.0/25"));
    assert_false(allowed("10.1.2.128", "10.1.2.0/25"));
    assert_true(allowed("fd12::1", "fd00::/8"));
}

static void what_is_no_network_is_refused(void **state)
{
    static const char *const bad[] = {"",     "10.0.0.0/33", "fd00::/129", "10.0.0/8",
                                      "host", "1.2.3.4/",    "1.2.3.4/-1"};
    struct network network;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct err err = {0};
        assert_false(network_parse(text_of(bad[i]), &network, &err));
        assert_int_equal(err.kind, ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_addresses_are_allowed),
        cmocka_unit_test(internal_addresses_are_not),
        cmocka_unit_test(named_networks_are_allowed_and_no_others),
        cmocka_unit_test(what_is_no_network_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
