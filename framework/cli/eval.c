/* eval.c -- heft eval: loss and metrics of trained weights */
#include <math.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/session.h"
#include "report/json.h"

static dataset *pick(const data *d, const char *split, const char **name, problems *pr)
{
    static const char *const names[] = { "test", "validation", "train", NULL };
    dataset *const sets[] = { d->test, d->validation, d->train };
    for (int i = 0; i < 3; i++) {
        if (split ? strcmp(split, names[i]) : !sets[i]) continue;
        *name = names[i];
        if (sets[i]) return sets[i];
        problems_add(pr, (place){ 0 }, "the experiment has no %s data", split);
        return NULL;
    }
    problems_add(pr, (place){ 0 }, "--split %s: train, validation or test", split ? split : "");
    return NULL;
}

static void print(const session *s, const char *split, int64_t n, const double *value, bool as_json)
{
    const model *m = s->model;
    if (as_json) {
        text t = { 0 };
        json_open(&t, NULL, '{');
        json_string(&t, "split", split);
        json_int(&t, "samples", n);
        for (int i = 0; i <= m->n_metrics; i++) json_real(&t, model_metric_name(m, i), value[i]);
        json_close(&t, '}');
        json_end(&t, stdout);
        return;
    }
    printf("%s: %lld samples\n", split, (long long)n);
    for (int i = 0; i <= m->n_metrics; i++) printf("  %-20s %.6g\n", model_metric_name(m, i), value[i]);
}

int verb_eval(int argc, char **argv)
{
    const char *file = NULL, *split = NULL;
    bool as_json = false, has_targets = true;
    const cli_option options[] = {
        { "--data", &file, NULL, "FILE  other data with targets, behind the same transform" },
        { "--split", &split, NULL, "NAME  train, validation or test (default: test, or validation where there is none)" },
        { "--json", NULL, &as_json, "one JSON object" },
        { 0 }
    };
    cli_args args;
    if (cli_read(argc, argv, options, 1, 1, "heft eval CHECKPOINT|RUN [--data FILE] [path=value ...]", &args) < 0) return EXIT_USAGE;
    problems pr = { 0 };
    session s = { 0 };
    int code = EXIT_USAGE;
    if (session_load(&s, args.arg[0], args.n_overrides, args.override, file, &has_targets, &pr) == 0) {
        if (!has_targets) problems_add(&pr, (place){ file, 0, 0 }, "no targets in it to judge by; `heft predict` needs none");
        dataset *d = pr.n ? NULL : pick(s.data, split, &split, &pr);
        double *value = arena_alloc(s.memory, (size_t)s.model->n_metrics + 1, sizeof *value);
        if (d) {
            code = EXIT_WORK_FAILED;
            meter *sums = meter_new(s.model);
            if (evaluate_run(s.model, s.pass, s.data, d, sums, &pr) == 0) {
                meter_read(sums, s.model, value);
                print(&s, file ? file : split, dataset_count(d), value, as_json);
                code = EXIT_DONE;
            }
            meter_free(sums);
        }
    }
    if (code) cli_fail(&pr, code);
    session_close(&s);
    problems_free(&pr);
    return code;
}
