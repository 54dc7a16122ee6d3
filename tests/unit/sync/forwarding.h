#pragma once

/* What the tests of hubs share: an owner, two hubs that pass on his records, and how it stands. */

#include "applying.h"

#define H_BASE "https://hub.example/fhir"

#define PATIENT(id, version, source, family)                                                       \
    "{\"resourceType\":\"Patient\",\"id\":\"" id "\",\"meta\":{\"versionId\":\"" version           \
    "\"" source "},\"name\":[{\"family\":\"" family "\"}]}"
#define FROM(url)  ",\"source\":\"" url "\""
#define FROM_A(id) FROM(A_BASE "/Patient/" id)
#define OBSERVATION(id, version, source, subject)                                                  \
    "{\"resourceType\":\"Observation\",\"id\":\"" id "\",\"meta\":{\"versionId\":\"" version       \
    "\"" source "},\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":\""   \
    "Patient/" subject "\"}}"

struct network {
    struct arena *arena;
    struct store *store;
    struct apply_config a, h, k; /* the owner; a hub that passes on his records, and another one */
    struct apply_partner others[1];
};

static POSTGRES_UNUSED void open_network(struct network *network)
{
    network->arena = arena_new();
    network->store = open_store();
    network->a = config_of(network->store, "a", A_BASE);
    network->h = config_of(network->store, "h", H_BASE);
    network->k = config_of(network->store, "k", B_BASE);
    network->others[0] = network->a.partner;
    network->h.others = network->k.others = network->others;
    network->h.other_count = network->k.other_count = 1;
}

static POSTGRES_UNUSED void close_network(struct network *network)
{
    store_close(network->store);
    arena_free(network->arena);
}

/* There is one Patient, and this is her: A's 1, with that name and in that version. */
static POSTGRES_UNUSED void assert_one(struct network *network, const char *family, int version)
{
    assert_string_equal(postgres_sql("select count(*) from f_patient"), "1");
    assert_has(ours(network->store, &network->a, "Patient", "1", network->arena), family);
    assert_int_equal(version_of(network->store, &network->a, "Patient", "1", network->arena),
                     version);
}

/* Presence, and by way of whom, of what A has; and who is linked to it. */
static POSTGRES_UNUSED const char *standing(void)
{
    return postgres_sql(
        "select string_agg(p.name || i.id || i.presence::text || coalesce(v.name, '')"
        " || case when i.linked is null then '' else '=' || coalesce((select q.name || j.id"
        "  from f_identity j join f_partner q on q.number = j.partner"
        "  where encode(j.local, 'hex') = replace(i.linked, '-', '')), '?') end, ' '"
        " order by p.name, i.id) from f_identity i join f_partner p on p.number = i.partner"
        " left join f_identity w on w.local = i.via left join f_partner v on v.number = w.partner"
        " where i.rtype = (select rtype from f_identity"
        "  join f_partner on number = partner where name = 'h' order by i.linked limit 1)");
}

static POSTGRES_UNUSED void land_deletion(struct network *n, const struct apply_config *config,
                                          const char *id, const char *version)
{
    const struct landing_row row = {.type = TEXT("Patient"),
                                    .id = text_of(id),
                                    .version = text_of(version),
                                    .updated = INT64_MIN};

    land_rows(n->store, config->partner.number, false, &row, 1);
}
