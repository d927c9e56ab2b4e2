/* show.c -- heft show: what is in a checkpoint; where two differ; whether files are good */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/show.h"

static int show(const char *path, bool as_json)
{
    problems pr = { 0 };
    shown w = { 0 };
    const bool good = show_read(&w, path, &pr) == 0;
    if (good && as_json) show_json(&w);
    else if (good) show_text(&w);
    const int code = good ? EXIT_DONE : cli_fail(&pr, EXIT_WORK_FAILED);
    show_close(&w);
    problems_free(&pr);
    return code;
}

static int diff(const char *a, const char *b, bool as_json)
{
    problems pr = { 0 };
    const int code = show_diff(a, b, as_json, &pr);
    cli_fail(&pr, code);
    problems_free(&pr);
    return code;
}

int verb_show(int argc, char **argv)
{
    static const char usage[] = "usage: heft show CHECKPOINT|RUN [--json]\n"
                                "       heft show --diff CHECKPOINT|RUN CHECKPOINT|RUN [--json]\n"
                                "       heft show --verify CHECKPOINT|RUN|SWEEP|FILE.h5 ... [--json]";
    bool as_json = false, two = false, verify = false;
    const cli_option options[] = {
        { "--json", NULL, &as_json, "one JSON object; of --verify one for each file" },
        { "--diff", NULL, &two, "where two differ; exit code 0: nowhere, 1: somewhere, 2: it cannot be said" },
        { "--verify", NULL, &verify, "whether files are whole and fit their experiment, a line each; exit code 1: one is not" },
        { 0 }
    };
    cli_args args;
    if (cli_read(argc, argv, options, 1, -1, usage, &args) < 0) return EXIT_USAGE;
    const char *wrong = two && verify                        ? "--diff and --verify exclude each other"
                        : two && args.n != 2                 ? "--diff wants two checkpoints or runs"
                        : !two && !verify && args.n != 1     ? "one checkpoint or run was expected; --diff takes two, --verify any number"
                                                             : NULL;
    if (wrong) {
        fprintf(stderr, "heft show: error: %s; found %d argument%s\n%s\n", wrong, args.n, args.n == 1 ? "" : "s", usage);
        return EXIT_USAGE;
    }
    if (two) return diff(args.arg[0], args.arg[1], as_json);
    if (!verify) return show(args.arg[0], as_json);
    int bad = 0;
    for (int i = 0; i < args.n; i++) bad += show_verify(args.arg[i], as_json);
    return bad ? EXIT_WORK_FAILED : EXIT_DONE;
}
