/* report.c -- heft report: a page for a browser */
#include "base/file.h"
#include "cli/cli.h"
#include "report/page.h"

int verb_report(int argc, char **argv)
{
    const char *output = NULL, *metric = NULL;
    const cli_option options[] = {
        { "--output", &output, NULL, "FILE.html  (default: the name of the run, sweep or folder, in this folder)" },
        { "--metric", &metric, NULL, "NAME  judge by this column (default: the sweep's, or val_loss)" },
        { 0 }
    };
    cli_args args;
    if (cli_read(argc, argv, options, 1, 1, "heft report RUN|SWEEP|FOLDER [--output FILE.html] [--metric NAME]", &args) < 0) return EXIT_USAGE;
    problems pr = { 0 };
    text page = { 0 };
    int code = EXIT_DONE;
    board *b = board_read(args.arg[0], metric, &pr);
    if (!b || board_rank(b, NULL, &pr) < 0) code = cli_fail(&pr, EXIT_USAGE);
    else {
        const char *name = path_base(path_absolute(b->memory, args.arg[0]));
        if (!output) output = arena_printf(b->memory, "%s.html", name);
        page_write(b, name, &page);
        if (file_publish(output, page.s, page.n, &pr) < 0) code = cli_fail(&pr, EXIT_WORK_FAILED);
        else puts(output);
    }
    text_free(&page);
    board_free(b);
    problems_free(&pr);
    return code;
}
