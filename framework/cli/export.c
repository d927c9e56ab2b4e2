/* export.c -- heft export: the weights for NumPy, PyTorch and others */
#include <string.h>

#include "base/file.h"
#include "cli/cli.h"
#include "export/export.h"

/* `--format`, or what the output's name ends with. */
static const export_format *find_format(const char *format, const char *output)
{
    const char *names[8] = { 0 }, *dot = output ? strrchr(path_base(output), '.') : NULL, *word = format ? format : dot ? dot + 1 : NULL;
    for (int i = 0; export_formats(i); i++) {
        names[i] = export_formats(i)->name;
        if (word && !strcmp(word, names[i])) return export_formats(i);
    }
    text all = { 0 };
    text_names(&all, names);
    if (format) fprintf(stderr, "heft: error: --format %s%s: formats are %s\n", format, text_hint(format, names).s, all.s);
    else fprintf(stderr, "heft: error: export needs --format, or --output with a name that ends in a format: %s\n", all.s);
    text_free(&all);
    return NULL;
}

/* runs/cnn-0001 as cnn-0001.npz, step-000000500.h5 as step-000000500.npz, where heft was started. */
static const char *default_output(arena *a, const char *source, const char *format)
{
    const char *name = path_base(path_absolute(a, source)), *dot = strrchr(name, '.');
    const size_t n = dot && dot > name && !file_is_dir(source) ? (size_t)(dot - name) : strlen(name);
    return arena_printf(a, "%.*s.%s", (int)n, name, format);
}

static int export_to(checkpoint *c, const export_format *format, const char *output, problems *pr)
{
    export_set set;
    text bytes = { 0 };
    int rc = export_read(c, &set, pr);
    if (rc == 0) rc = format->pack(&set, &bytes, pr);
    export_free(&set);
    if (rc == 0) rc = file_publish(output, bytes.s, bytes.n, pr);
    text_free(&bytes);
    return rc;
}

int verb_export(int argc, char **argv)
{
    const char *format = NULL, *output = NULL;
    const cli_option options[] = {
        { "--format", &format, NULL, "npz|safetensors  NumPy's or Hugging Face's (default: as FILE ends)" },
        { "--output", &output, NULL, "FILE  (default: the name of the run or checkpoint, in this folder)" },
        { 0 }
    };
    cli_args args;
    if (cli_read(argc, argv, options, 1, 1, "heft export CHECKPOINT|RUN --format npz|safetensors [--output FILE]", &args) < 0) return EXIT_USAGE;
    const export_format *f = find_format(format, output);
    if (!f) return EXIT_USAGE;
    problems pr = { 0 };
    arena *a = arena_new();
    const char *path = run_resolve(args.arg[0], a, &pr);
    checkpoint *c = path ? checkpoint_open(path, &pr) : NULL;
    if (!output) output = default_output(a, args.arg[0], f->name);
    int code = EXIT_DONE;
    if (!c || export_to(c, f, output, &pr) < 0) code = cli_fail(&pr, EXIT_WORK_FAILED);
    else puts(output);
    checkpoint_close(c);
    arena_free(a);
    problems_free(&pr);
    return code;
}
