#include "train/trainer.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "compute/compute.h"
#include "train/build.h"
#include "train/finite.h"
#include "train/lsuv.h"
#include "train/signals.h"

#define INT(f)  { #f, false, offsetof(trainer_state, f) }
#define REAL(f) { #f, true, offsetof(trainer_state, f) }
const trainer_field trainer_fields[] = {
    INT(epoch), INT(step), INT(position), INT(finished), INT(stopped_early),
    { "schedule_scale", true, offsetof(trainer_state, schedule.scale) },
    { "schedule_best", true, offsetof(trainer_state, schedule.best) },
    { "schedule_bad", false, offsetof(trainer_state, schedule.bad) },
    { "schedule_cooldown", false, offsetof(trainer_state, schedule.cooldown) },
    REAL(stop_best), INT(stop_wait), REAL(best_value), INT(best_step),
    { NULL, false, 0 }
};
_Static_assert(sizeof(trainer_state) == 13 * 8, "all fields of trainer_state are listed above");

/* ---- tables ---- */

static void make_tables(trainer *t)
{
    const model *m = t->model;
    const int n = m->n_metrics + 1;
    table_column *c = arena_alloc(t->memory, 3 + 3 * (size_t)n, sizeof *c);
    int k = 0;
    c[k++] = (table_column){ "epoch", "", true };
    c[k++] = (table_column){ "step", "", true };
    c[k++] = (table_column){ "lr", "", false };
    static const char *const prefix[] = { "", "val_", "test_" };
    const bool there[] = { true, t->data->validation != NULL, t->data->test != NULL };
    for (int s = 0; s < 3; s++)
        for (int i = 0; there[s] && i < n; i++)
            c[k++] = (table_column){ arena_printf(t->memory, "%s%s", prefix[s], model_metric_name(m, i)), "", false };
    t->epochs = table_new(k, c);
    const table_column steps[] = { { "step", "", true }, { "epoch", "", true }, { "lr", "", false }, { "loss", "", false },
                                   { "gradient_norm", "", false } };
    t->steps = table_new(t->optimizer->clip == CLIP_NORM ? 5 : 4, steps);
    const table_column timing[] = { { "epoch", "", true }, { "seconds", "s", false }, { "samples_per_s", "1/s", false } };
    t->timing = table_new(3, timing);
}

/* ---- life ---- */

/* Before memory is taken: the kernel grants more than there is, and kills who uses it. */
static void check_memory(const trainer *t, problems *pr)
{
    const size_t wanted = trainer_bytes(t), most = compute_memory();
    if (wanted <= most) return;
    char wants[32], has[32];
    text_bytes((double)wanted, wants);
    text_bytes((double)most, has);
    problems_add(pr, (place){ t->experiment->path, 0, 0 }, "training wants %s of memory, and this process may have %s; a smaller train.batch than "
                 "%lld takes less", wants, has, (long long)t->model->batch);
}

static trainer *make(const experiment *e, registry *r, data *d, bool empty, problems *pr)
{
    const size_t before = pr->n;
    arena *a = arena_new();
    trainer *t = arena_alloc(a, 1, sizeof *t);
    *t = (trainer){ .memory = a, .experiment = e, .registry = r, .data = d };
    t->state = (trainer_state){ .stop_best = NAN, .best_value = NAN };
    train_options_read(e, &t->options, a, pr);
    if (pr->n == before) compute_init((int)t->options.threads, (compute_precision)t->options.precision);
    t->model = model_build(e->model, e->loss, e->metrics, r, &d->input, &d->target, t->options.batch ? t->options.batch : 1, pr);
    t->optimizer = optimizer_new(e->optimizer, r, t->model, pr);
    t->average = average_new(e->train, t->model, a, pr);
    if (t->model && t->optimizer) {
        const dataset *const sets[] = { d->train, d->validation, d->test };
        for (int i = 0; i < 3; i++)
            if (evaluate_suits(t->model, sets[i], pr) < 0) break;
        make_tables(t);
        t->matrices = evaluate_matrices(t->model, d);
        read_stop(e->train, t, pr);
        read_checkpoint_options(e->checkpoint, t, pr);
        const char *watched = schedule_monitor(t->optimizer->schedule);
        if (watched) monitor_find(t, watched, 0, e->optimizer->at, "plateau.monitor", &t->schedule_monitor, pr);
        if (pr->n == before) check_memory(t, pr);
    }
    if (pr->n == before) {
        schedule_begin(&t->state.schedule);
        t->meter = meter_new(t->model);
        if (!empty) model_init(t->model, e->seed, pr);
        t->train_pass = pass_new(t->model, true, pr);
        t->eval_pass = pass_new(t->average ? &t->average->view : t->model, false, pr);
        t->loader = loader_open(d->train, d, t->options.batch, t->options.shuffle, t->options.drop_last, e->seed, pr);
    }
    if (pr->n == before && !empty) lsuv_apply(t, pr);
    if (pr->n == before) return t;
    trainer_free(t);
    return NULL;
}

trainer *trainer_new(const experiment *e, registry *r, data *d, problems *pr) { return make(e, r, d, false, pr); }
trainer *trainer_new_empty(const experiment *e, registry *r, data *d, problems *pr) { return make(e, r, d, true, pr); }

const model *trainer_shown(const trainer *t) { return t->average && t->average->n ? &t->average->view : t->model; }

void trainer_free(trainer *t)
{
    if (!t) return;
    if (t->loader) loader_close(t->loader);
    pass_free(t->train_pass);
    pass_free(t->eval_pass);
    optimizer_free(t->optimizer);
    meter_free(t->meter);
    average_free(t->average);
    matrices_free(t->matrices);
    table_free(t->epochs);
    table_free(t->steps);
    table_free(t->timing);
    model_free(t->model);
    arena_free(t->memory);
}

size_t trainer_bytes(const trainer *t)
{
    const model *m = t->model;
    const size_t sample = (size_t)(heft_count(&m->input) + heft_count(&m->target)) * sizeof(float);
    enum { BATCHES = 3 };                         /* the one in use and those prepared ahead */
    const size_t kept = (m->n_weights + m->n_state) * sizeof(float), slots = optimizer_bytes(t->optimizer), averaged = average_bytes(t->average);
    /* Twice: where they are used, and in a checkpoint that is being written. */
    const size_t part[] = { kept, slots, averaged, kept, slots, averaged, pass_bytes(m, true), pass_bytes(m, false),
                            BATCHES * (size_t)m->batch * sample };
    size_t sum = 0;
    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        if (__builtin_add_overflow(sum, part[i], &sum)) return SIZE_MAX;
    return sum;
}

/* ---- the loop ---- */

static bool better(const monitor *m, double value, double than, double delta)
{
    if (isnan(value)) return false;
    if (isnan(than)) return true;
    return m->maximize ? value > than + delta : value < than - delta;
}

static double column(const trainer *t, const double *row, const char *name) { return row[table_find(t->epochs, name)]; }

static void add_step(trainer *t, double lr, double loss)
{
    if (!t->options.log_every || t->state.step % t->options.log_every) return;
    double *row = table_add_row(t->steps);
    row[0] = (double)t->state.step;
    row[1] = (double)t->state.epoch;
    row[2] = lr;
    row[3] = loss;
    if (t->steps->n_columns > 4) row[4] = t->optimizer->norm;
}

/* What the sums of an epoch come to, into the columns with this prefix. */
static void fill(const trainer *t, double *row, const char *prefix, const meter *sums)
{
    const model *m = t->model;
    double *value = arena_alloc(t->memory, (size_t)m->n_metrics + 1, sizeof *value);
    meter_read(sums, m, value);
    for (int i = 0; i <= m->n_metrics; i++) {
        char name[256];
        snprintf(name, sizeof name, "%s%s", prefix, model_metric_name(m, i));
        row[table_find(t->epochs, name)] = value[i];
    }
}

static int judge(trainer *t, double *row, const char *prefix, dataset *s, const char *split, problems *pr)
{
    const model *m = t->average ? average_model(t->average) : t->model;
    meter *sums = meter_new(m);
    const int rc = evaluate_run(m, t->eval_pass, t->data, s, sums, pr);
    if (rc == 0) {
        fill(t, row, prefix, sums);
        evaluate_fill(t->matrices, m, sums, split, t->state.epoch);
    }
    meter_free(sums);
    return rc;
}

static bool is_finished(const trainer *t)
{
    return t->state.epoch >= t->options.epochs || t->state.stopped_early;
}

/* No checkpoint of weights that nothing can come of: it would push out those that are good. */
static int save(trainer *t, bool best, const trainer_events *ev, problems *pr)
{
    if (finite_weights(t, pr) < 0) return -1;
    ev->checkpoint(ev->context, t, best);
    t->saved_at = clock_seconds();
    return 0;
}

/* By steps or by time; when that is changes no bit of what is trained. */
static bool is_due(const trainer *t)
{
    const checkpoint_options *c = &t->checkpoint;
    if (c->every_seconds) return clock_seconds() - t->saved_at >= (double)c->every_seconds;
    return c->every_steps && t->state.step % c->every_steps == 0;
}

/* The end of an epoch: everything that is decided once an epoch, in this order, then the checkpoint. */
static int end_epoch(trainer *t, double lr, double seconds, int64_t samples, const trainer_events *ev, problems *pr)
{
    trainer_state *s = &t->state;
    s->epoch++;
    s->position = 0;
    average_count(t->average, true, s->epoch);
    double *row = table_add_row(t->epochs);
    row[0] = (double)s->epoch;
    row[1] = (double)s->step;
    row[2] = lr;
    fill(t, row, "", t->meter);
    meter_reset(t->meter);
    if (t->data->validation && judge(t, row, "val_", t->data->validation, "validation", pr) < 0) return -1;

    if (t->schedule_monitor.column)
        schedule_epoch(t->optimizer->schedule, &s->schedule, column(t, row, t->schedule_monitor.column), t->schedule_monitor.maximize);
    if (t->stop.column && s->epoch > t->stop.start_epoch) {
        const double value = column(t, row, t->stop.column);
        if (better(&t->stop, value, s->stop_best, t->stop.min_delta)) s->stop_best = value, s->stop_wait = 0;
        else s->stop_wait++;
        s->stopped_early = s->stop_wait >= t->stop.patience;
    }
    bool best = false;
    if (t->checkpoint.best.column) {
        const double value = column(t, row, t->checkpoint.best.column);
        best = better(&t->checkpoint.best, value, s->best_value, 0);
        if (best) s->best_value = value, s->best_step = s->step;
    }
    s->finished = is_finished(t);
    if (s->finished && t->data->test && judge(t, row, "test_", t->data->test, "test", pr) < 0) return -1;
    double *time = table_add_row(t->timing);
    time[0] = (double)s->epoch;
    time[1] = seconds;
    time[2] = seconds > 0 ? (double)samples / seconds : NAN;
    if (ev->epoch) ev->epoch(ev->context, t, row);
    const checkpoint_options *c = &t->checkpoint;
    const bool due = c->every_epochs ? s->epoch % c->every_epochs == 0 : is_due(t);
    return due || best || s->finished || s->epoch == t->until ? save(t, best, ev, pr) : 0;
}

/* One minibatch. */
static int train_batch(trainer *t, const batch *b, double *lr, const trainer_events *ev, problems *pr)
{
    trainer_state *s = &t->state;
    const int64_t per_epoch = loader_batches(t->loader);
    *lr = schedule_lr(t->optimizer->schedule, &s->schedule, s->step, per_epoch, per_epoch * t->options.epochs);
    const pass_input in = { .n = b->n, .inputs = b->inputs, .targets = b->targets, .weights = b->weights, .seed = t->experiment->seed,
                            .step = (uint64_t)s->step, .metrics = true };
    const double loss = optimizer_step(t->optimizer, t->model, t->train_pass, &in, (uint64_t)s->step + 1, *lr);
    if (!isfinite(loss)) {
        finite_explain(t, b, &in, loss, pr);
        return -1;
    }
    s->step++;
    average_count(t->average, false, s->step);
    s->position = b->first + b->n;
    meter_add(t->meter, t->model, t->train_pass);
    add_step(t, *lr, loss);
    if (ev->step) ev->step(ev->context, t, loss);
    return 0;
}

trainer_end trainer_run(trainer *t, const trainer_events *ev, problems *pr)
{
    trainer_state *s = &t->state;
    s->stopped_early = t->stop.column && s->stop_wait >= t->stop.patience;
    s->finished = is_finished(t);
    t->saved_at = clock_seconds();
    double lr = NAN;
    while (!s->finished) {
        if (t->until && s->epoch >= t->until) return TRAINER_INTERRUPTED;
        const double from = clock_seconds();
        const int64_t first = s->position;
        const size_t before = pr->n;
        loader_start(t->loader, s->epoch, s->position);
        for (const batch *b; (b = loader_next(t->loader, pr));) {
            if (train_batch(t, b, &lr, ev, pr) < 0) return TRAINER_FAILED;
            const bool stop = signals_stop(), last = b->first / t->options.batch + 1 == loader_batches(t->loader);
            /* A step has one checkpoint: that of an epoch's last step holds the epoch's figures too, so end_epoch makes it. */
            if ((stop || (!last && is_due(t))) && save(t, false, ev, pr) < 0) return TRAINER_FAILED;
            if (stop) return TRAINER_INTERRUPTED;
        }
        if (pr->n > before) return TRAINER_FAILED;
        const int64_t per_epoch = loader_batches(t->loader);
        lr = schedule_lr(t->optimizer->schedule, &s->schedule, s->step - 1, per_epoch, per_epoch * t->options.epochs);
        if (end_epoch(t, lr, clock_seconds() - from, dataset_count(t->data->train) - first, ev, pr) < 0) return TRAINER_FAILED;
    }
    return TRAINER_DONE;
}
