/*
 * Refusals - what to say of a write that wrote nothing.
 */

#include "base/err.h"
#include "storage/store.h"

static const struct {
    enum err_kind kind;
    const char *text;
} refusals[] = {
    [STORE_MANY_MATCHES] = {ERR_PRECONDITION, "Several resources match the criteria; make them "
                                              "select at most one."},
    [STORE_OTHER_ID] = {ERR_INVALID, "The criteria select a resource with another id than this one "
                                     "has. Leave out the id, or send it to its own URL."},
    [STORE_ID_TAKEN] = {ERR_CONFLICT, "Nothing matches the criteria, but there is a resource with "
                                      "this id. Leave out the id, or send it to its own URL."},
    [STORE_NOT_FOUND] = {ERR_NOT_FOUND, "There is no such resource."},
};

static bool refuse_version(const struct store_write *write, const char *where, struct err *err)
{
    long long number = (long long)write->version.number;

    if (write->if_match == STORE_NO_VERSION)
        return err_set(err, ERR_PRECONDITION, where,
                       "This resource exists already. Read it, and update it if it shall change.");
    if (number == 0)
        return err_set(err, ERR_PRECONDITION, where,
                       "There is no version to match: this resource does not exist.");
    return err_set(err, ERR_PRECONDITION, where,
                   "The current version is %lld; read it, apply your change to it, and try again.",
                   number);
}

bool store_refuse(const struct store_write *write, const char *where, struct err *err)
{
    if (write->outcome == STORE_VERSION_MISMATCH)
        return refuse_version(write, where, err);
    if (write->outcome == STORE_NOT_FOUND && write->version.number)
        return err_set(err, ERR_GONE, where,
                       "The resource was deleted; its history is still there.");
    return err_set(err, refusals[write->outcome].kind, where, "%s", refusals[write->outcome].text);
}
