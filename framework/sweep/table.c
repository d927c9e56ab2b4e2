/* table.c -- sweep.h5
 *
 *   /trials              one row a trial: trial, point, seed, epochs, value (the sweep's metric), the parameters that are
 *                        numbers by their paths, the metrics of the last epoch by their names.  A failed trial has no
 *                        epochs and no metrics here, since how far it came depends on when it was saved.
 *   /run, /state, /reason     texts, by row
 *   /parameters/PATH     parameters that are no numbers, as YAML; "" where one is no part of the point
 *   /timing              by row: seconds, attempts, failures.  Attributes at_once, threads: how the newest process divided the machine
 *   /divisions           if that was measured, a row for each way that was tried.  All but these two has the same bits for the same sweep.
 *   /experiment          sweep.yaml
 *
 * The attributes metric, goal and of (last, best) of /trials say what `value` is.
 */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "sweep/inside.h"

typedef struct recalled { char id[TRIAL_ID]; trial_state state; const char *reason; double seconds; int64_t attempts, failures; } recalled;

static const char *const state_names[] = { "waiting", "running", "paused", "stopped", "finished", "failed", NULL };

const char *trial_state_name(trial_state s) { return state_names[s]; }

bool trial_state_read(const char *name, trial_state *out)
{
    for (int i = 0; state_names[i]; i++)
        if (!strcmp(name, state_names[i])) {
            *out = (trial_state)i;
            return true;
        }
    return false;
}

bool parameter_numeric(const parameter *p)
{
    double v;
    for (size_t i = 0; i < p->n; i++)
        if (!text_real(p->value[i], &v)) return false;
    return true;
}

static bool is_metric(const table_column *c)
{
    return !c->whole && !*c->unit && strcmp(c->name, "lr");
}

typedef struct layout { table *t; int first_parameter, first_metric; } layout;

static bool have(const table_column *c, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(c[i].name, name)) return true;
    return false;
}

static table *make_columns(const sweep *w, arena *a)
{
    const space *s = w->space;
    enum { MOST = 900 };
    table_column *c = arena_alloc(a, MOST, sizeof *c);
    int n = 0;
    static const char *const whole[] = { "trial", "point", "seed", "epochs" };
    for (int i = 0; i < 4; i++) c[n++] = (table_column){ whole[i], "", true };
    c[n++] = (table_column){ "value", "", false };
    for (int i = 0; i < s->n; i++)
        if (parameter_numeric(&s->parameter[i]) && !have(c, n, s->parameter[i].path)) c[n++] = (table_column){ s->parameter[i].path, "", false };
    for (int64_t i = 0; i < w->n_trials; i++) {
        const table *e = trial_real(w->trial[i])->epochs;
        if (trial_real(w->trial[i])->state == TRIAL_FAILED) continue;
        for (int k = 0; e && k < e->n_columns && n < MOST; k++)
            if (is_metric(&e->column[k]) && !have(c, n, e->column[k].name)) c[n++] = (table_column){ e->column[k].name, "", false };
    }
    return table_new(n, c);
}

static void fill_row(const sweep *w, trial *t, table *out)
{
    const space *s = w->space;
    const trial *real = trial_real(t);
    double *row = table_add_row(out);
    int64_t at = 0;
    row[0] = (double)t->number;
    row[1] = (double)t->point_number;
    row[2] = (double)t->seed;
    row[3] = 0;
    for (int i = 0; i < s->n; i++) {
        const int c = table_find(out, s->parameter[i].path);
        if (c > 4) row[c] = t->point->number[i];
    }
    const table *e = real->epochs;
    if (real->state == TRIAL_FAILED || !e || !e->n_rows) return;
    row[4] = trial_value(w, real, 0, &at);
    row[3] = (double)at;
    const double *last = table_row(e, e->n_rows - 1);
    for (int k = 0; k < e->n_columns; k++) {
        const int c = is_metric(&e->column[k]) ? table_find(out, e->column[k].name) : -1;
        if (c >= 0) row[c] = last[k];
    }
}

static int write_texts(const sweep *w, hdf_file *f, arena *a, problems *pr)
{
    const size_t n = (size_t)w->n_trials;
    const char **column[3];
    for (int k = 0; k < 3; k++) column[k] = arena_alloc(a, n + 1, sizeof *column[k]);
    for (size_t i = 0; i < n; i++) {
        const trial *real = trial_real(w->trial[i]);
        column[0][i] = w->trial[i]->id;
        column[1][i] = state_names[real->state];
        column[2][i] = real->reason;
    }
    static const char *const path[] = { "/run", "/state", "/reason" };
    for (int k = 0; k < 3; k++)
        if (hdf_write_texts(f, path[k], w->n_trials, column[k], pr) < 0) return -1;
    for (int i = 0; i < w->space->n; i++) {
        const parameter *p = &w->space->parameter[i];
        if (parameter_numeric(p)) continue;
        char *name = arena_printf(a, "/parameters/%s", p->path);
        for (char *c = name + sizeof "/parameters/" - 1; *c; c++)
            if (*c == '/') *c = '_';
        for (size_t k = 0; k < n; k++) column[0][k] = w->trial[k]->point->value[i] ? w->trial[k]->point->value[i] : "";
        if (hdf_write_texts(f, name, w->n_trials, column[0], pr) < 0) return -1;
    }
    return 0;
}

static int write_timing(const sweep *w, hdf_file *f, problems *pr)
{
    const table_column c[] = { { "seconds", "s", false }, { "attempts", "", true }, { "failures", "", true } };
    table *t = table_new(3, c);
    for (int64_t i = 0; i < w->n_trials; i++) {
        const trial *real = trial_real(w->trial[i]);
        double *row = table_add_row(t);
        row[0] = real->seconds;
        row[1] = (double)real->attempts;
        row[2] = (double)real->failures;
    }
    int rc = table_write(t, f, "/timing", pr);
    if (rc == 0 && w->division.threads) rc = hdf_attr_int(f, "/timing", "at_once", w->division.at_once, pr);
    if (rc == 0 && w->division.threads) rc = hdf_attr_int(f, "/timing", "threads", w->division.threads, pr);
    table_free(t);
    return rc;
}

static int write_divisions(const sweep *w, hdf_file *f, problems *pr)
{
    const table_column c[] = { { "threads", "", true }, { "at_once", "", true }, { "samples_per_s", "1/s", false }, { "seconds", "s", false } };
    if (!w->n_tried) return 0;
    table *t = table_new(4, c);
    for (int i = 0; i < w->n_tried; i++) {
        const division *d = &w->tried[i];
        memcpy(table_add_row(t), (double[]){ d->threads, d->at_once, d->rate, d->seconds }, 4 * sizeof(double));
    }
    const int rc = table_write(t, f, "/divisions", pr);
    table_free(t);
    return rc;
}

int sweep_publish(sweep *w, problems *pr)
{
    arena *a = arena_new();
    hdf_file *f = hdf_create(pr);
    table *t = make_columns(w, a);
    for (int64_t i = 0; i < w->n_trials; i++) fill_row(w, w->trial[i], t);
    text yaml = { 0 };
    experiment_write(w->experiment, &yaml);
    int rc = f ? table_write(t, f, "/trials", pr) : -1;
    if (rc == 0) rc = hdf_attr_text(f, "/trials", "metric", w->space->metric, pr);
    if (rc == 0) rc = hdf_attr_text(f, "/trials", "goal", w->space->goal == GOAL_MAXIMIZE ? "maximize" : "minimize", pr);
    if (rc == 0) rc = hdf_attr_text(f, "/trials", "of", w->space->of_best ? "best" : "last", pr);
    if (rc == 0) rc = write_texts(w, f, a, pr);
    if (rc == 0) rc = write_timing(w, f, pr);
    if (rc == 0) rc = write_divisions(w, f, pr);
    if (rc == 0) rc = hdf_write_text(f, "/experiment", yaml.s, pr);
    if (rc == 0) rc = hdf_publish(f, SWEEP_FORMAT, path_join(a, w->dir, "sweep.h5"), pr);
    else hdf_discard(f);
    text_free(&yaml);
    table_free(t);
    arena_free(a);
    return rc;
}

/* ---- what an earlier process knew ---- */

int table_recall(sweep *w, problems *pr)
{
    const char *path = path_join(w->memory, w->dir, "sweep.h5");
    if (!file_exists(path)) return 0;
    hdf_file *f = hdf_open_published(path, SWEEP_FORMAT, pr);
    int64_t n = 0, n_state = 0, n_reason = 0;
    char **id, **state, **reason;
    table *timing = NULL;
    if (f && hdf_read_texts(f, "/run", w->memory, &n, &id, pr) == 0 && hdf_read_texts(f, "/state", w->memory, &n_state, &state, pr) == 0 &&
        hdf_read_texts(f, "/reason", w->memory, &n_reason, &reason, pr) == 0 && (timing = table_read(f, "/timing", pr)) &&
        n == n_state && n == n_reason && n == timing->n_rows && timing->n_columns == 3) {
        w->recalled = arena_alloc(w->memory, (size_t)n, sizeof *w->recalled);
        for (int64_t i = 0; i < n; i++) {
            const double *row = table_row(timing, i);
            recalled *r = &w->recalled[w->n_recalled++];
            *r = (recalled){ .reason = reason[i], .seconds = row[0], .attempts = (int64_t)row[1],
                             .failures = (int64_t)row[2] };
            if (!trial_state_read(state[i], &r->state)) r->state = TRIAL_WAITING;
            snprintf(r->id, sizeof r->id, "%s", id[i]);
        }
    }
    table_free(timing);
    hdf_close(f);
    return w->recalled || !n ? 0 : -1;
}

void trial_recall(const sweep *w, trial *t)
{
    for (int64_t i = 0; i < w->n_recalled; i++) {
        const recalled *r = &w->recalled[i];
        if (strcmp(r->id, t->id)) continue;
        t->seconds = r->seconds;
        t->attempts = r->attempts;
        t->failures = r->failures;
        t->state = r->state;
        t->reason = r->reason;
        t->was_running = r->state == TRIAL_RUNNING;
        if (r->state != TRIAL_FINISHED && r->state != TRIAL_FAILED) t->state = TRIAL_WAITING;
        return;
    }
}
