#pragma once

/*
 * Commands - what `isthmus COMMAND` runs. Each takes the words behind its
 * name and returns the exit status: 0 done, 1 refused or failed (a sentence on standard
 * error says why), 2 called wrongly.
 */

typedef int command_fn(int argc, char **argv);

command_fn command_backup;   /* backup.c */
command_fn command_config;   /* config_command.c */
command_fn command_fhirpath; /* fhirpath.c */
command_fn command_load;     /* load.c */
command_fn command_package;  /* package.c */
command_fn command_index;    /* index.c */
command_fn command_parse;    /* parse.c */
command_fn command_post;     /* post.c */
command_fn command_purge;    /* purge.c */
command_fn command_partner;  /* partner.c */
command_fn command_reindex;  /* reindex.c */
command_fn command_restore;  /* backup.c */
command_fn command_sample;   /* sample.c */
command_fn command_serve;    /* serve.c */
command_fn command_sync;     /* sync.c */
command_fn command_upgrade;  /* upgrade.c */
command_fn command_validate; /* validate_command.c */
