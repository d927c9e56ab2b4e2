/* show_verify.c -- whether a file that heft wrote is whole, has what its format says, and fits its own experiment */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/session.h"
#include "cli/show.h"
#include "hdf/matrices.h"
#include "report/json.h"
#include "sweep/sweep.h"

typedef struct verifier { bool as_json; int bad; } verifier;

/* what: is said of a good file. */
static void verdict(verifier *v, const char *path, const problems *pr, const char *what)
{
    text o = { 0 };
    v->bad += pr->n != 0;
    if (v->as_json) {
        json_open(&o, NULL, '{');
        json_string(&o, "path", path);
        json_bool(&o, "good", !pr->n);
        json_string(&o, "what", pr->n ? NULL : what);
        json_open(&o, "problems", '[');
    } else if (pr->n) printf("BAD   %s\n", path);
    else printf("good  %s: %s\n", path, what);
    for (size_t i = 0; i < pr->n; i++) {
        const char *at = pr->item[i].at.file ? pr->item[i].at.file : path;
        if (!v->as_json) {
            printf("      %s: %s\n", at, pr->item[i].text);
            continue;
        }
        json_open(&o, NULL, '{');
        json_string(&o, "at", at);
        json_string(&o, "text", pr->item[i].text);
        json_close(&o, '}');
    }
    if (!v->as_json) return;
    json_close(&o, ']');
    json_close(&o, '}');
    json_end(&o, stdout);
}

/* ---- a checkpoint ---- */

static void check_numbers(const shown *w, problems *pr)
{
    for (int64_t i = 0; i < w->n_layers; i++)
        for (int64_t k = 0; k < w->layer[i].n_tensors; k++) {
            const tensor *t = &w->layer[i].tensor[k];
            const char *path = arena_printf(w->memory, "/layers/%s/%s", w->layer[i].name, t->name);
            if (t->s.non_finite)
                problems_add(pr, hdf_place(w->file, path, w->memory), "%" PRId64 " of %" PRId64 " numbers are not finite", t->s.non_finite, t->count);
        }
}

static void check_state(const shown *w, problems *pr)
{
    const trainer_state *s = &w->state;
    const place at = hdf_place(w->file, "/trainer", w->memory);
    const int64_t named = checkpoint_step(path_base(w->path));
    if (named >= 0 && named != s->step) problems_add(pr, at, "step %" PRId64 ", and the file's name says %" PRId64, s->step, named);
    if (s->step < 0 || s->epoch < 0 || s->position < 0)
        problems_add(pr, at, "step %" PRId64 ", epoch %" PRId64 ", position %" PRId64 ": none can be below 0", s->step, s->epoch, s->position);
    if (w->epochs->n_rows != s->epoch)
        problems_add(pr, hdf_place(w->file, "/metrics/epochs", w->memory), "%" PRId64 " rows, and %" PRId64 " epochs are done", w->epochs->n_rows, s->epoch);
}

static const tensor *find_weight(const layer *l, const char *name)
{
    for (int64_t i = 0; l && i < l->n_tensors; i++)
        if (!strcmp(l->tensor[i].name, name) && !strcmp(l->tensor[i].role, "weight")) return &l->tensor[i];
    return NULL;
}

/* A slot has the shape of its weight, perhaps with an axis of rows in front. */
static void check_slot(const shown *w, const char *path, const tensor *t, problems *pr)
{
    hdf_type type;
    int rank;
    int64_t dim[HDF_MAX_RANK];
    if (hdf_shape(w->file, path, &type, &rank, dim, pr) < 0) return;
    const int more = rank - t->rank;
    if (type == HDF_F32 && more >= 0 && more <= 1 && !memcmp(dim + more, t->dim, (size_t)t->rank * sizeof *dim)) return;
    text s = { 0 };
    text_dims(&s, rank, dim);
    text_add(&s, ", where its weight is ");
    text_dims(&s, t->rank, t->dim);
    problems_add(pr, hdf_place(w->file, path, w->memory), "%s%s", type == HDF_F32 ? "" : "not float32: ", s.s);
    text_free(&s);
}

static void check_slots(const shown *w, problems *pr)
{
    int64_t n, m, k;
    char **name, **inner, **slot;
    if (hdf_members(w->file, "/optimizer", w->memory, &n, &name, pr) < 0) return;
    for (int64_t i = 0; i < n; i++) {
        const char *group = arena_printf(w->memory, "/optimizer/%s", name[i]);
        if (!hdf_is_group(w->file, group) || hdf_members(w->file, group, w->memory, &m, &inner, pr) < 0) continue;     /* a slot of all weights */
        for (int64_t j = 0; j < m; j++) {
            const char *path = arena_printf(w->memory, "%s/%s", group, inner[j]);
            const tensor *t = find_weight(show_layer(w, name[i]), inner[j]);
            if (!t) problems_add(pr, hdf_place(w->file, path, w->memory), "there is no weight /layers/%s/%s", name[i], inner[j]);
            else if (hdf_members(w->file, path, w->memory, &k, &slot, pr) == 0)
                while (k--) check_slot(w, arena_printf(w->memory, "%s/%s", path, slot[k]), t, pr);
        }
    }
}

/* A model made by the experiment takes the weights, by names, types and shapes. */
static void check_model(const char *path, problems *pr)
{
    session s = { 0 };
    session_load_model(&s, path, 0, NULL, pr);
    session_close(&s);
}

static void verify_checkpoint(verifier *v, const char *path)
{
    shown w = { 0 };
    problems pr = { 0 };
    text what = { 0 };
    if (show_read(&w, path, &pr) == 0) {
        check_numbers(&w, &pr);
        check_state(&w, &pr);
        check_slots(&w, &pr);
        check_model(path, &pr);
        text_printf(&what, "checkpoint, epoch %" PRId64 ", step %" PRId64 ", %" PRId64 " parameters", w.state.epoch, w.state.step, w.parameters);
    }
    verdict(v, path, &pr, what.s);
    show_close(&w);
    text_free(&what);
    problems_free(&pr);
}

/* ---- tables ---- */

static void check_yaml(hdf_file *f, const char *path, arena *a, problems *pr)
{
    const char *yaml = hdf_read_text(f, "/experiment", a, pr);
    if (yaml) node_parse(a, arena_printf(a, "%s:/experiment", path), yaml, strlen(yaml), pr);
}

/* The first column (epoch, step) rises. */
static table *check_table(hdf_file *f, const char *path, arena *a, problems *pr)
{
    table *t = table_read(f, path, pr);
    for (int64_t r = 1; t && t->n_columns && r < t->n_rows; r++)
        if (!(table_row(t, r)[0] > table_row(t, r - 1)[0])) {
            problems_add(pr, hdf_place(f, path, a), "%s %g stands behind %g", t->column[0].name, table_row(t, r)[0], table_row(t, r - 1)[0]);
            break;
        }
    return t;
}

/* What a checkpoint knows of its epochs stands in metrics.h5 as well, unless an end came between the two. */
static void compare_rows(hdf_file *f, const table *t, const char *path, arena *a, problems *pr)
{
    checkpoint *c = checkpoint_open(path, pr);
    table *known = c ? table_read(checkpoint_file(c), "/metrics/epochs", pr) : NULL;
    for (int i = 0; known && i < known->n_columns; i++) {
        const int k = table_find(t, known->column[i].name);
        for (int64_t r = 0; k >= 0 && r < t->n_rows && r < known->n_rows; r++)
            if (memcmp(&table_row(t, r)[k], &table_row(known, r)[i], sizeof(double)) != 0) {
                problems_add(pr, hdf_place(f, "/epochs", a), "%s is %.9g in row %" PRId64 ", and %.9g in %s", known->column[i].name,
                             table_row(t, r)[k], r + 1, table_row(known, r)[i], path);
                break;
            }
    }
    table_free(known);
    checkpoint_close(c);
}

/* newest: the newest valid checkpoint beside it, or NULL. */
static void verify_metrics(verifier *v, const char *path, const char *newest)
{
    problems pr = { 0 };
    text what = { 0 };
    arena *a = arena_new();
    hdf_file *f = hdf_open_published(path, METRICS_FORMAT, &pr);
    if (f) {
        table *epochs = check_table(f, "/epochs", a, &pr), *steps = check_table(f, "/steps", a, &pr);
        if (epochs && newest) compare_rows(f, epochs, newest, a, &pr);
        matrices_free(matrices_read(f, "/matrices", &pr));
        check_yaml(f, path, a, &pr);
        text_printf(&what, "metrics, %" PRId64 " epochs, %" PRId64 " steps", epochs ? epochs->n_rows : 0, steps ? steps->n_rows : 0);
        table_free(epochs);
        table_free(steps);
    }
    verdict(v, path, &pr, what.s);
    hdf_close(f);
    arena_free(a);
    text_free(&what);
    problems_free(&pr);
}

/* Names of trials and their states into *id, *state, in a; *n of them. */
static void verify_table(verifier *v, const char *path, arena *a, int64_t *n, char ***id, char ***state)
{
    problems pr = { 0 };
    text what = { 0 };
    int64_t states = 0, reasons = 0;
    char **reason;
    *n = 0;
    hdf_file *f = hdf_open_published(path, SWEEP_FORMAT, &pr);
    if (f) {
        table *trials = check_table(f, "/trials", a, &pr), *timing = table_read(f, "/timing", &pr);
        const bool texts = hdf_read_texts(f, "/run", a, n, id, &pr) == 0 && hdf_read_texts(f, "/state", a, &states, state, &pr) == 0
            && hdf_read_texts(f, "/reason", a, &reasons, &reason, &pr) == 0;
        if (texts && trials && timing && (*n != states || *n != reasons || *n != trials->n_rows || *n != timing->n_rows))
            problems_add(&pr, (place){ path, 0, 0 }, "%" PRId64 " rows in /trials, %" PRId64 " in /run, %" PRId64 " in /state, %" PRId64 " in /reason, %" PRId64
                         " in /timing: one number of all was expected", trials->n_rows, *n, states, reasons, timing->n_rows);
        trial_state s;
        for (int64_t i = 0; texts && i < states; i++)
            if (!trial_state_read(state[0][i], &s)) problems_add(&pr, hdf_place(f, "/state", a), "row %" PRId64 ": '%s' is no state of a trial", i + 1, state[0][i]);
        check_yaml(f, path, a, &pr);
        text_printf(&what, "sweep, %" PRId64 " trials", *n);
        table_free(trials);
        table_free(timing);
    }
    verdict(v, path, &pr, what.s);
    if (pr.n) *n = 0;
    hdf_close(f);
    text_free(&what);
    problems_free(&pr);
}

/* ---- directories ---- */

static void verify_missing(verifier *v, const char *path, const char *fact)
{
    problems pr = { 0 };
    problems_add(&pr, (place){ path, 0, 0 }, "%s", fact);
    verdict(v, path, &pr, NULL);
    problems_free(&pr);
}

/* The text of a problem, if there was one, as a verdict on path. */
static void verify_problems(verifier *v, const char *path, problems *pr)
{
    if (pr->n) verdict(v, path, pr, NULL);
    problems_free(pr);
}

static void verify_run(verifier *v, const char *dir)
{
    static const char *const marks[] = { "latest", "best" };
    arena *a = arena_new();
    problems pr = { 0 }, damaged = { 0 }, none = { 0 };
    int64_t n;
    char **path;
    experiment *e = experiment_load(path_join(a, dir, "experiment.yaml"), 0, NULL, &pr);
    if (e) experiment_free(e);
    verify_problems(v, path_join(a, dir, "experiment.yaml"), &pr);
    if (run_checkpoints(dir, a, &n, &path, &pr) < 0) n = -1;
    for (int64_t i = 0; i < n; i++) verify_checkpoint(v, path[i]);
    for (int i = 0; i < 2; i++) {
        const char *file = arena_printf(a, "%s/checkpoints/%s", dir, marks[i]);
        if (file_exists(file) && !run_named(dir, marks[i], a, &pr) && !pr.n)
            problems_add(&pr, (place){ file, 0, 0 }, "names no checkpoint that is there");
    }
    verify_problems(v, dir, &pr);
    const char *newest = run_latest(dir, a, &damaged, &none), *metrics = path_join(a, dir, "metrics.h5");
    if (file_exists(metrics)) verify_metrics(v, metrics, newest);
    else if (newest) verify_missing(v, metrics, "there is none, and there are checkpoints");
    problems_free(&damaged);
    problems_free(&none);
    if (!n) verdict(v, dir, &none, "no checkpoint yet");
    arena_free(a);
}

static void verify_sweep(verifier *v, const char *dir)
{
    arena *a = arena_new();
    int64_t n;
    char **id = NULL, **state = NULL;
    verify_table(v, path_join(a, dir, "sweep.h5"), a, &n, &id, &state);
    for (int64_t i = 0; i < n; i++) {
        const char *of_trial = arena_printf(a, "%s/trials/%s", dir, id[i]);
        bool done = false;
        for (int64_t k = 0; k < i && !done; k++) done = !strcmp(id[i], id[k]);       /* two points may share a run */
        if (done) continue;
        if (file_exists(path_join(a, of_trial, "experiment.yaml"))) verify_run(v, of_trial);
        else if (!strcmp(state[i], trial_state_name(TRIAL_FINISHED))) verify_missing(v, of_trial, "not there, and its trial is finished");
    }
    arena_free(a);
}

int show_verify(const char *path, bool as_json)
{
    static const char unknown[] = "neither a checkpoint, metrics.h5 or sweep.h5, nor the directory of a run or a sweep";
    arena *a = arena_new();
    problems pr = { 0 };
    verifier v = { .as_json = as_json };
    if (file_is_dir(path)) {
        if (file_exists(path_join(a, path, "experiment.yaml"))) verify_run(&v, path);
        else if (file_exists(path_join(a, path, "sweep.h5"))) verify_sweep(&v, path);
        else verify_missing(&v, path, unknown);
    } else {
        const char *format = hdf_format(path, a, &pr);
        if (pr.n) verify_problems(&v, path, &pr);
        else if (!strcmp(format, "heft-checkpoint")) verify_checkpoint(&v, path);
        else if (!strcmp(format, "heft-metrics")) verify_metrics(&v, path, NULL);
        else if (!strcmp(format, "heft-sweep")) {
            int64_t n;
            char **id, **state;
            verify_table(&v, path, a, &n, &id, &state);
        } else verify_missing(&v, path, unknown);
    }
    arena_free(a);
    return v.bad;
}
