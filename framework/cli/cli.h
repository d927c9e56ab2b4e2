/* cli.h -- the command line: one file per verb, one table of verbs in main.c
 *
 * A verb is `int verb_NAME(int argc, char **argv)`: argv[0] is the verb; the result is the exit code.
 * stdout is for results, stderr for progress and messages.
 */
#ifndef HEFT_CLI_CLI_H
#define HEFT_CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/problems.h"

enum { EXIT_DONE = 0, EXIT_WORK_FAILED = 1, EXIT_USAGE = 2, EXIT_STOPPED = 75 };

/* Options of a verb, read by cli_read: --name VALUE, --name=VALUE, or a flag; a short one also -jVALUE. */
typedef struct cli_option {
    const char  *name;               /* "--run"; or "-j" */
    const char **value;              /* where the value goes; NULL: a flag */
    bool        *flag;
    const char  *doc;                /* for help: "DIR  directory of the run" */
} cli_option;

/* Splits argv into options (by the table, which ends with {0} or is NULL), overrides (path=value) and the rest,
 * each in order; argv is reordered, and out->arg and out->override point into it.  min and max count the rest;
 * max -1: any number.
 *
 * usage: one line, "heft train FILE [path=value ...] [--run DIR]".  Overrides are looked for only if it says
 * path=value; without that, and with a slash in front of the '=', such an argument is one of the rest.  `--` ends
 * the options.
 *
 * -1 after printing everything that is wrong with the nearest known option, and the usage; or, if there is --help
 * (or -h), after printing usage and options to stdout.  A verb returns EXIT_USAGE in both cases; main makes it
 * EXIT_DONE for --help. */
typedef struct cli_args { int n, n_overrides; char **arg, **override; } cli_args;
int  cli_read(int argc, char **argv, const cli_option *table, int min, int max, const char *usage, cli_args *out);

/* The value of an option: a whole number from min to max; word NULL: *out as it is.  false after saying what is wrong. */
bool cli_whole(const char *option, const char *word, int64_t min, int64_t max, int64_t *out);

/* Print the problems to stderr and give the exit code back. */
int  cli_fail(const problems *pr, int code);

const char *cli_version(void);

int verb_train(int argc, char **argv);
int verb_resume(int argc, char **argv);
int verb_eval(int argc, char **argv);
int verb_predict(int argc, char **argv);
int verb_check(int argc, char **argv);
int verb_show(int argc, char **argv);
int verb_export(int argc, char **argv);
int verb_plugins(int argc, char **argv);
int verb_completion(int argc, char **argv);
int verb_schema(int argc, char **argv);
int verb_gradcheck(int argc, char **argv);
int verb_sweep(int argc, char **argv);
int verb_runs(int argc, char **argv);
int verb_report(int argc, char **argv);
int verb_bench(int argc, char **argv);

#endif
