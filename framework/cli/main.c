#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"

typedef struct verb {
    const char *name;
    int       (*run)(int argc, char **argv);
    const char *doc;
} verb;

static int verb_help(int argc, char **argv);

static const verb verbs[] = {
    { "train",     verb_train,     "train an experiment; makes a run directory" },
    { "resume",    verb_resume,    "go on with a run that was stopped or killed, or add epochs to it" },
    { "eval",      verb_eval,      "loss and metrics of trained weights on a data set" },
    { "predict",   verb_predict,   "outputs of trained weights for new data, to CSV or HDF5" },
    { "sweep",     verb_sweep,     "train many variants of an experiment, each in a process of its own" },
    { "runs",      verb_runs,      "rank and compare the runs of a sweep or a folder" },
    { "report",    verb_report,    "a page for a browser: curves, trials, weights of a run, a sweep or a folder" },
    { "check",     verb_check,     "all that is wrong with an experiment, or its layers, memory and cost" },
    { "show",      verb_show,      "layers and weights of a run or checkpoint; where two differ; whether files are good" },
    { "export",    verb_export,    "the weights as a file of NumPy (npz) or Hugging Face (safetensors)" },
    { "plugins",   verb_plugins,   "list plugins, print one's manual, write a new one, check one" },
    { "schema",    verb_schema,    "a JSON Schema of experiments and all plugins, for editors" },
    { "gradcheck", verb_gradcheck, "hold the gradients of an experiment against finite differences" },
    { "bench",     verb_bench,     "time the training step: samples per second, milliseconds and GFLOP/s by layer" },
    { "completion", verb_completion, "completion of verbs, options and names, for bash or zsh" },
    { "help",      verb_help,      "this list, or the options of a verb" },
};

enum { N_VERBS = sizeof verbs / sizeof *verbs };

static void print_verbs(FILE *to)
{
    fputs("usage: heft VERB ...\n\n", to);
    for (int i = 0; i < N_VERBS; i++) fprintf(to, "  %-10s  %s\n", verbs[i].name, verbs[i].doc);
    fputs("\n`heft help VERB` prints the options of a verb; `heft plugins NAME` the manual of a plugin.\n"
          "Exit codes: 0 done, 1 the work failed, 2 the command or the experiment is wrong,\n"
          "75 stopped by a signal after saving a checkpoint (`heft resume` goes on).\n", to);
}

static const verb *find_verb(const char *name)
{
    const char *names[N_VERBS + 1] = { 0 };
    for (int i = 0; i < N_VERBS; i++) {
        if (!strcmp(verbs[i].name, name)) return &verbs[i];
        names[i] = verbs[i].name;
    }
    text all = { 0 };
    text_names(&all, names);
    fprintf(stderr, "heft: error: unknown verb '%s'%s; verbs are %s\n", name, text_hint(name, names).s, all.s);
    text_free(&all);
    return NULL;
}

static int help_of(const verb *v)
{
    char ask[] = "--help", *argv[] = { (char *)v->name, ask, NULL };
    v->run(2, argv);
    return EXIT_DONE;
}

static int verb_help(int argc, char **argv)
{
    cli_args args;
    if (cli_read(argc, argv, NULL, 0, 1, "heft help [VERB]", &args) < 0) return EXIT_USAGE;
    if (!args.n) {
        print_verbs(stdout);
        return EXIT_DONE;
    }
    const verb *v = find_verb(args.arg[0]);
    return v ? help_of(v) : EXIT_USAGE;
}

static bool asks_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) return true;
    return false;
}

/* A result that did not reach its reader is a failure: `heft show RUN >full-disk` must not exit 0. */
static int flushed(int code)
{
    if (!fflush(stdout) && !ferror(stdout)) return code;
    if (code == EXIT_DONE) {
        fputs("heft: error: standard output: cannot be written\n", stderr);
        code = EXIT_WORK_FAILED;
    }
    return code;
}

/* No setlocale: numbers are read and written in the C locale. */
int main(int argc, char **argv)
{
    if (argc < 2) {
        print_verbs(stderr);
        return EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("heft %s\n", cli_version());
        return flushed(EXIT_DONE);
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        print_verbs(stdout);
        return flushed(EXIT_DONE);
    }
    const verb *v = find_verb(argv[1]);
    if (!v) {
        fputs("usage: heft VERB ...; `heft help` lists the verbs\n", stderr);
        return EXIT_USAGE;
    }
    return flushed(asks_help(argc - 1, argv + 1) ? help_of(v) : v->run(argc - 1, argv + 1));
}
