/* options.c -- with which other options a run may go on
 *
 * Refused is what would make its steps so far steps of another run: seed, data (by fingerprint), the layers' types and
 * shapes, loss, optimizer, and what decides which samples are in which step.  Where another column is watched,
 * watching begins anew.  Everything else may change: epochs, rates, clipping, penalties, dropout, precision, threads. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "run/inside.h"

typedef struct comparison { checkpoint *c; arena *memory; const experiment *old; trainer *t; problems *pr; } comparison;

static void refuse(const comparison *k, const char *what, const char *was, const char *is)
{
    problems_add(k->pr, hdf_place(checkpoint_file(k->c), "/experiment", k->memory),
                 "%s: the run was trained with %s and cannot go on with %s", what, was, is);
}

static void compare_numbers(const comparison *k, const char *what, int64_t was, int64_t is)
{
    if (was != is)
        refuse(k, what, arena_printf(k->memory, "%" PRId64, was), arena_printf(k->memory, "%" PRId64, is));
}

static void compare_words(const comparison *k, const char *what, bool was, bool is)
{
    if (was != is) refuse(k, what, was ? "true" : "false", is ? "true" : "false");
}

static void compare_train(const comparison *k)
{
    train_options was = { 0 };
    const train_options *is = &k->t->options;
    const int64_t done = k->t->state.epoch;
    if (train_options_read(k->old, &was, k->memory, k->pr) < 0) return;
    compare_numbers(k, "train.batch", was.batch, is->batch);
    compare_words(k, "train.shuffle", was.shuffle, is->shuffle);
    compare_words(k, "train.drop_last", was.drop_last, is->drop_last);
    if (is->epochs < done)
        problems_add(k->pr, hdf_place(checkpoint_file(k->c), "/trainer", k->memory),
                     "train.epochs: the run has done %" PRId64 " epochs and cannot go on to %" PRId64, done, is->epochs);
}

static void compare_loss(const comparison *k)
{
    const model *m = k->t->model;
    const char *group = arena_printf(k->memory, "/layers/%s", m->layer[m->loss].name), *is = m->layer[m->loss].type;
    const char *was = hdf_get_text(checkpoint_file(k->c), group, "type", k->memory, k->pr);
    if (was && strcmp(was, is)) refuse(k, "loss", was, is);
}

static const char *shape_text(const comparison *k, int64_t rank, const int64_t *dim)
{
    text t = { 0 };
    text_dims(&t, rank, dim);
    const char *s = arena_strndup(k->memory, t.s, t.n);
    text_free(&t);
    return s;
}

/* Shapes of weights are compared where they are read; a stride, say, shows in the output alone. */
static void compare_shapes(const comparison *k)
{
    const model *m = k->t->model;
    for (int i = 0; i < m->loss; i++) {
        const heft_shape *is = &m->layer[i].plan.out;
        const char *group = arena_printf(k->memory, "/layers/%s", m->layer[i].name);
        int64_t rank, dim[HDF_MAX_RANK];
        if (hdf_get_ints(checkpoint_file(k->c), group, "output_shape", HDF_MAX_RANK, &rank, dim, k->pr) < 0) continue;
        if (rank != is->rank || memcmp(dim, is->dim, (size_t)rank * sizeof *dim) != 0)
            refuse(k, arena_printf(k->memory, "output of layer '%s'", m->layer[i].name), shape_text(k, rank, dim),
                   shape_text(k, is->rank, is->dim));
    }
}

/* Is what stands at a path in both the same text?  In one alone: no. */
static bool is_same(const comparison *k, const char *path)
{
    const node *was = node_find(k->old->root, path), *is = node_find(k->t->experiment->root, path);
    return was && is && was->text && is->text ? !strcmp(was->text, is->text) : !was && !is;
}

static void watch_anew(const comparison *k)
{
    trainer_state *s = &k->t->state;
    const char *plateau = arena_printf(k->memory, "optimizer.%s.lr.plateau.monitor", k->t->optimizer->plugin->name);
    if (!is_same(k, "train.stop.monitor") || !is_same(k, "train.stop.mode")) s->stop_best = NAN, s->stop_wait = 0;
    if (!is_same(k, "checkpoint.best")) s->best_value = NAN, s->best_step = 0;
    if (!is_same(k, plateau)) s->schedule.best = NAN, s->schedule.bad = 0;
}

void checkpoint_compare(checkpoint *c, trainer *t, problems *pr)
{
    size_t n;
    const char *yaml = checkpoint_experiment(c, &n);
    experiment *old = experiment_parse("/experiment", t->experiment->dir, yaml, n, 0, NULL, pr);
    if (!old) return;
    const comparison k = { c, arena_new(), old, t, pr };
    if (old->seed != t->experiment->seed)
        refuse(&k, "seed", arena_printf(k.memory, "%" PRIu64, old->seed), arena_printf(k.memory, "%" PRIu64, t->experiment->seed));
    compare_train(&k);
    compare_loss(&k);
    compare_shapes(&k);
    watch_anew(&k);
    arena_free(k.memory);
    experiment_free(old);
}
