/*
 * Addresses - see address.h.
 */

#include "sync/address.h"

#include "base/err.h"
#include "fhir/type.h"

static struct text without_version(struct text link);
static bool take_last(struct text *rest, struct text *last);
static bool is_http(struct text text);

bool address_split(struct text link, struct address *address)
{
    struct text rest = without_version(link);

    if (!link.data || !take_last(&rest, &address->id) || !take_last(&rest, &address->type) ||
        address->id.size == 0 || address->id.size > LANDING_SOURCE_ID_MAX ||
        memchr(address->id.data, '?', address->id.size) ||
        memchr(address->id.data, '|', address->id.size) || !resource_type_find(address->type))
        return false;
    address->base = rest;
    address->name = (struct text){
        address->type.data, (size_t)(address->id.data + address->id.size - address->type.data)};
    return rest.size == 0 ? address->type.data == link.data : is_http(rest);
}

/* Without a fragment, and a version. */
static struct text without_version(struct text link)
{
    static const char history[] = "/_history/";
    const char *found = link.data ? memchr(link.data, '#', link.size) : NULL;

    if (found)
        link.size = (size_t)(found - link.data);
    found = link.data ? memmem(link.data, link.size, history, sizeof(history) - 1) : NULL;
    if (found)
        link.size = (size_t)(found - link.data);
    return link;
}

/* What stands behind the last slash; all of it when there is none. */
static bool take_last(struct text *rest, struct text *last)
{
    const char *slash = rest->size > 0 ? memrchr(rest->data, '/', rest->size) : NULL;

    if (rest->size == 0)
        return false;
    *last = *rest;
    rest->size = 0;
    if (slash) {
        size_t before = (size_t)(slash - last->data);

        rest->size = before;
        *last = (struct text){slash + 1, last->size - before - 1};
    }
    return true;
}

static bool is_http(struct text text)
{
    return text_starts_with(text, TEXT("http://")) || text_starts_with(text, TEXT("https://"));
}

bool address_is_partner(const struct apply_partner *partner, struct text base)
{
    if (base.size == 0)
        return false;
    for (size_t i = 0; i < partner->alias_count; i++)
        if (text_equals(partner->aliases[i], base))
            return true;
    return text_equals(partner->base, base);
}

bool address_is_own(const struct apply_config *config, struct text base)
{
    for (size_t i = 0; i < config->own_base_count; i++)
        if (base.size > 0 && text_equals(config->own_bases[i], base))
            return true;
    return false;
}

int32_t address_partner(const struct apply_config *config, struct text base)
{
    for (size_t i = 0; i < config->other_count; i++)
        if (address_is_partner(&config->others[i], base))
            return config->others[i].number;
    return 0;
}
