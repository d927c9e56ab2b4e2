/* writer.c -- saving while training goes on
 *
 * The thread that trains makes the images of the files, so that it alone calls HDF5 for them.  A thread of the save's
 * own takes their digests, writes them and does what follows from a checkpoint.  One save is under way at most, so
 * one checkpoint at most is in memory. */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "run/inside.h"

/* What is handed over. */
typedef struct save {
    arena      *memory;
    const char *run_dir, *path, *best;           /* best NULL: as it was */
    int64_t     step, keep;
    hdf_image   checkpoint, metrics;
    problems    problems;
    pthread_t   thread;
    bool        threaded;
    atomic_bool over;
} save;

/* Those of later steps are damaged ones that a resumed run has not come to again; they count for nothing. */
static int prune(const save *s, problems *pr)
{
    int64_t n;
    char **path;
    arena *a = s->memory;
    const size_t before = pr->n;
    const char *best = run_named(s->run_dir, "best", a, pr);
    if (pr->n > before || run_checkpoints(s->run_dir, a, &n, &path, pr) < 0) return -1;
    while (n > 0 && checkpoint_step(path_base(path[n - 1])) > s->step) n--;
    int rc = 0;
    for (int64_t i = 0; i < n - s->keep; i++) {
        if ((best && !strcmp(path[i], best)) || unlink(path[i]) == 0) continue;
        problems_system(pr, path[i], "cannot be removed", errno);
        rc = -1;
    }
    return rc;
}

/* `latest` comes behind all that follows from its checkpoint: where it names the newest, that is done (run_repair).  A loss of power may take
 * it back, and what is done then is done again. */
static void *write_files(void *context)
{
    save *s = context;
    problems *pr = &s->problems;
    arena *a = s->memory;
    file_part part[4];
    int n = 0;
    hdf_image_seal(&s->checkpoint, CHECKPOINT_FORMAT);
    hdf_image_seal(&s->metrics, METRICS_FORMAT);
    part[n++] = (file_part){ s->path, s->checkpoint.bytes, s->checkpoint.n };
    if (s->best && (s->best == s->path || file_exists(s->best))) n += run_pointer(a, s->run_dir, "best", s->best, &part[n]);
    part[n++] = (file_part){ metrics_path(a, s->run_dir), s->metrics.bytes, s->metrics.n };
    const int safe = n;
    n += run_pointer(a, s->run_dir, "latest", s->path, &part[n]);
    if (file_publish_all(n, safe, part, pr) == 0) prune(s, pr);
    atomic_store(&s->over, true);
    return NULL;
}

static int make_images(save *s, const run *r, const trainer *t)
{
    text yaml = { 0 };
    experiment_write(t->experiment, &yaml);
    const bool made = checkpoint_image(t, s->path, &s->checkpoint, &s->problems) == 0
        && metrics_image(r->dir, t->epochs, t->timing, t->steps, t->matrices, yaml.s ? yaml.s : "", &s->metrics, &s->problems) == 0;
    text_free(&yaml);
    return made ? 0 : -1;
}

void run_save_begin(run *r, const trainer *t, bool best)
{
    const trainer_state *now = &t->state;
    arena *a = arena_new();
    save *s = r->save = arena_alloc(a, 1, sizeof *s);
    *s = (save){ .memory = a, .run_dir = r->dir, .step = now->step, .keep = t->checkpoint.keep };
    s->path = checkpoint_path(a, r->dir, now->step);
    if (best) s->best = s->path;
    else if (t->checkpoint.best.column && !isnan(now->best_value)) s->best = checkpoint_path(a, r->dir, now->best_step);
    if (make_images(s, r, t) < 0) {
        s->over = true;
        return;
    }
    s->threaded = pthread_create(&s->thread, NULL, write_files, s) == 0;
    if (!s->threaded) write_files(s);            /* training waits for it, which costs time and nothing else */
}

bool run_save_end(run *r, bool wait, int64_t *step, problems *pr)
{
    save *s = r->save;
    if (!s || (!wait && !atomic_load(&s->over))) return false;
    if (s->threaded) pthread_join(s->thread, NULL);
    *step = s->step;
    problems_append(pr, &s->problems);
    problems_free(&s->problems);
    hdf_image_free(&s->checkpoint);
    hdf_image_free(&s->metrics);
    r->save = NULL;
    arena_free(s->memory);
    return true;
}

int run_save(run *r, const trainer *t, bool best, problems *pr)
{
    int64_t step;
    const size_t before = pr->n;
    run_save_begin(r, t, best);
    run_save_end(r, true, &step, pr);
    return pr->n == before ? 0 : -1;
}
