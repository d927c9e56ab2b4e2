/* options.c -- the sections `train` and `checkpoint` */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/options.h"
#include "train/build.h"

static const heft_option train_table[] = {
    HEFT_OPT_INT(train_options, epochs, 10, 1, 1e9, "passes over the training data"),
    HEFT_OPT_INT(train_options, batch, 32, 1, 1 << 24, "samples of a minibatch"),
    HEFT_OPT_INT_OR(train_options, threads, "auto", 0, 1, 4096, "threads; auto: all that the process may use"),
    HEFT_OPT_ENUM(train_options, precision, 0, "f32|bf16", "of the products; weights and sums are f32"),
    HEFT_OPT_BOOL(train_options, shuffle, true, "new order of the samples in each epoch"),
    HEFT_OPT_BOOL(train_options, drop_last, false, "leave out the last minibatch of an epoch if it is not full"),
    HEFT_OPT_INT(train_options, log_every, 10, 0, 1e9, "steps between rows of the table of steps; 0: none"),
    HEFT_OPT_END
};
static const char *const train_others[] = { "stop", "average", NULL };

typedef struct stop_keys { const char *monitor; int mode; int64_t patience, start_epoch; double min_delta; } stop_keys;

static const heft_option stop_table[] = {
    HEFT_OPT_STRING(stop_keys, monitor, "val_loss", "the column of the epochs' table to watch"),
    HEFT_OPT_ENUM(stop_keys, mode, 0, "auto|min|max", "which way is better; auto: the metric knows"),
    HEFT_OPT_INT(stop_keys, patience, 10, 1, 1e9, "epochs without improvement before training stops"),
    HEFT_OPT_INT(stop_keys, start_epoch, 0, 0, 1e9, "epochs that are not watched"),
    HEFT_OPT_REAL(stop_keys, min_delta, 0, 0, 1e30, "a smaller change is no improvement"),
    HEFT_OPT_END
};

typedef struct checkpoint_keys { const char *every, *best; int64_t keep; } checkpoint_keys;

static const heft_option checkpoint_table[] = {
    HEFT_OPT_STRING(checkpoint_keys, every, "1", "epochs between checkpoints, or steps, or time: 500 steps, 600 seconds"),
    HEFT_OPT_INT(checkpoint_keys, keep, 2, 1, 1e6, "newest checkpoints that are kept, beside the best"),
    HEFT_OPT_STRING(checkpoint_keys, best, "", "the column by which one checkpoint is kept as the best"),
    HEFT_OPT_END
};

static place where(const node *section, const char *key, place fallback)
{
    const node *n = section ? node_get(section, key) : NULL;
    return n ? n->at : section ? section->at : fallback;
}

/* "3", "3 epochs", "500 steps", "600 seconds". */
static void read_every(const char *s, place at, checkpoint_options *o, problems *pr)
{
    const struct { const char *one, *many; int64_t *to; } units[] = {
        { "epoch", "epochs", &o->every_epochs }, { "step", "steps", &o->every_steps }, { "second", "seconds", &o->every_seconds } };
    char *end;
    const long long n = strtoll(s, &end, 10);
    const bool number = end != s && n >= 1 && n <= 1000000000;
    const char *word = end + strspn(end, " "), *unit = *word ? word : "epochs";
    for (size_t i = 0; number && i < sizeof units / sizeof *units; i++)
        if (!strcmp(unit, units[i].one) || !strcmp(unit, units[i].many)) {
            *units[i].to = n;
            return;
        }
    problems_add(pr, at, "checkpoint.every: '%s' is not a number of epochs (2), of steps (500 steps) or of seconds (600 seconds)", s);
}

bool monitor_find(const trainer *t, const char *column, int mode, place at, const char *what, monitor *out, problems *pr)
{
    const model *m = t->model;
    const char *names[256] = { 0 };
    int n = 0, found = -1;
    for (int c = 0; c < t->epochs->n_columns && n < 255; c++) {
        const char *name = t->epochs->column[c].name;
        if (t->epochs->column[c].whole || !strcmp(name, "lr") || !strncmp(name, "test_", 5)) continue;
        if (!strcmp(name, column)) found = c;
        names[n++] = name;
    }
    if (found < 0) {
        text all = { 0 };
        text_names(&all, names);
        problems_add(pr, at, "%s: this run has no column '%s'%s; it has %s%s", what, column, text_hint(column, names).s, all.s,
                     !strncmp(column, "val_", 4) && !t->data->validation ? "; there are no validation data (key: data.validation)" : "");
        text_free(&all);
        return false;
    }
    const char *bare = strncmp(column, "val_", 4) ? column : column + 4;
    for (int i = 0; i <= m->n_metrics; i++)
        if (!strcmp(model_metric_name(m, i), bare)) out->maximize = model_metric_goal(m, i) == HEFT_MAXIMIZE;
    if (mode) out->maximize = mode == 2;
    out->column = t->epochs->column[found].name;
    return true;
}

int train_options_read(const experiment *e, train_options *out, arena *a, problems *pr)
{
    const place at = e->train ? e->train->at : (place){ e->path, 0, 0 };
    return options_read(train_table, e->train, at, "train", train_others, out, a, pr);
}

void read_stop(const node *section, trainer *t, problems *pr)
{
    const node *stop = section ? node_get(section, "stop") : NULL;
    if (!stop || node_is_null(stop)) return;
    stop_keys k = { 0 };
    if (options_read(stop_table, stop, stop->at, "train.stop", NULL, &k, t->memory, pr) < 0) return;
    if (!monitor_find(t, k.monitor, k.mode, where(stop, "monitor", stop->at), "train.stop.monitor", &t->stop, pr)) return;
    t->stop.patience = k.patience;
    t->stop.min_delta = k.min_delta;
    t->stop.start_epoch = k.start_epoch;
}

void read_checkpoint_options(const node *section, trainer *t, problems *pr)
{
    const place nowhere = { t->experiment->path, 0, 0 };
    checkpoint_keys k = { 0 };
    if (options_read(checkpoint_table, section, section ? section->at : nowhere, "checkpoint", NULL, &k, t->memory, pr) < 0) return;
    t->checkpoint.keep = k.keep;
    read_every(k.every, where(section, "every", nowhere), &t->checkpoint, pr);
    if (*k.best) monitor_find(t, k.best, 0, where(section, "best", nowhere), "checkpoint.best", &t->checkpoint.best, pr);
}

const heft_option *train_section_table(const char *section)
{
    return !strcmp(section, "train") ? train_table : !strcmp(section, "stop") ? stop_table
         : !strcmp(section, "checkpoint") ? checkpoint_table : NULL;
}
