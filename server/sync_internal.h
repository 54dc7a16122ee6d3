#pragma once

/* What the files of `isthmus sync` share. */

#include "server/with_store.h"
#include "storage/store.h"

struct arena;
struct landing_partner;

struct sync_job {
    const char *const *words; /* behind the subcommand, NULL-ended */
    struct arena *arena;
    const char *partner; /* --partner; NULL: all */
    const char *class, *reason, *decider, *second, *number, *since, *until, *window, *metrics;
    bool once, json, dry_run, all;
    bool unbalanced; /* an account did not come out */
};

/* The tenant that serve() serves. */
extern const struct access sync_access;

/* Waits. ERR_NOT_FOUND names the partner that is not there. */
struct landing_partner *sync_partner(const struct store_site *site, const char *name,
                                     struct arena *arena, struct err *err);

store_work_fn sync_run;          /* sync_run.c */
store_work_fn sync_status;       /* sync_status.c */
store_work_fn sync_account;      /* sync_account.c */
store_work_fn sync_dead_list;    /* sync_dead.c */
store_work_fn sync_dead_help;    /* sync_dead_help.c */
store_work_fn sync_dead_show;    /* sync_dead.c */
store_work_fn sync_dead_replay;  /* sync_dead.c */
store_work_fn sync_dead_discard; /* sync_dead.c */
store_work_fn sync_push_list;    /* sync_push.c */
store_work_fn sync_push_retry;   /* sync_push.c */
