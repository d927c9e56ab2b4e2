/* share.c -- a trial that another sweep has trained is taken, not trained again
 *
 * What counts is the run's newest checkpoint.  Everything that its bits depend on must be as it would be here: the experiment (by trial ID,
 * computed anew from what the checkpoint holds), the plugins' files, the data's fingerprint, no initial weights from other
 * files, and in every process that worked on it the program, its libraries and the processor's instructions
 * (provenance_agrees).  Anything else, and anything that cannot be read, is passed over without a word: the trial is trained.
 *
 * Its files are linked, since no file of a run is changed in place, all but the log, which grows; so either sweep may be removed.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "plugin/registry.h"
#include "run/run.h"
#include "sweep/inside.h"

enum { MOST_COPIED = 1 << 30, MOST_ORIGIN = 8192 };

/* ---- where to look ---- */

static bool same_place(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static void add_source(sweep *w, const char *dir)
{
    if (!sweep_is(dir) || same_place(dir, w->dir)) return;
    for (int64_t i = 0; i < w->n_sources; i++)
        if (same_place(dir, w->source[i])) return;
    w->source = arena_grow(w->memory, w->source, (size_t)w->n_sources, (size_t)w->n_sources + 1, sizeof *w->source);
    w->source[w->n_sources++] = path_absolute(w->memory, dir);
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static void add_folder(sweep *w, const char *dir)
{
    struct dirent **list;
    const int n = scandir(dir, &list, NULL, by_name);
    for (int i = 0; i < n; i++) {
        if (list[i]->d_name[0] != '.') add_source(w, path_join(w->memory, dir, list[i]->d_name));
        free(list[i]);
    }
    if (n >= 0) free(list);
}

void share_find(sweep *w, const char *with)
{
    if (with && !strcmp(with, "none")) return;
    if (with) add_source(w, with), add_folder(w, with);
    add_folder(w, path_dir(w->memory, path_absolute(w->memory, w->dir)));
}

/* ---- may it be taken? ---- */

/* Does the present data have this fingerprint?  It is read once for each section and seed. */
static bool same_data(sweep *w, const experiment *e, const char *fingerprint)
{
    text t = { 0 };
    char key[DIGEST_HEX];
    node_write(e->data, &t);
    text_printf(&t, "%s\n%llu\n", e->dir, (unsigned long long)e->seed);
    digest_bytes(t.s, t.n, key);
    text_free(&t);
    for (int64_t i = 0; i < w->n_prints; i++)
        if (!strcmp(w->print[i].key, key)) return !strcmp(w->print[i].fingerprint, fingerprint);
    problems none = { 0 };
    data *d = data_open(e->data, e->dir, e->seed, &none);
    w->print = arena_grow(w->memory, w->print, (size_t)w->n_prints, (size_t)w->n_prints + 1, sizeof *w->print);
    data_print *p = &w->print[w->n_prints++];
    memcpy(p->key, key, sizeof key);
    snprintf(p->fingerprint, sizeof p->fingerprint, "%s", d ? d->fingerprint : "");
    data_free(d);
    problems_free(&none);
    return !strcmp(p->fingerprint, fingerprint);
}

static bool same_plugins(const experiment *e, hdf_file *f, arena *a, problems *pr)
{
    int64_t n = 0, n_kind = 0, n_sum = 0;
    char **name, **kind, **sum;
    if (hdf_read_texts(f, "/plugins/name", a, &n, &name, pr) < 0 || hdf_read_texts(f, "/plugins/kind", a, &n_kind, &kind, pr) < 0 ||
        hdf_read_texts(f, "/plugins/sha256", a, &n_sum, &sum, pr) < 0 || n != n_kind || n != n_sum) return false;
    registry *r = registry_new(e->n_plugin_dirs, e->plugin_dirs);
    bool same = n > 0;
    for (int64_t i = 0; i < n && same; i++) {
        char hex[DIGEST_HEX] = "";
        const char *path = NULL;
        for (heft_kind k = HEFT_LAYER; k <= HEFT_INITIALIZER && !path; k++)
            if (!strcmp(kind_name(k), kind[i])) path = registry_path(r, k, name[i]);
        same = path && digest_file(path, hex, pr) == 0 && !strcmp(hex, sum[i]);
    }
    registry_free(r);
    return same;
}

static bool same_experiment(const trial *t, const checkpoint *c)
{
    problems none = { 0 };
    size_t n;
    char id[TRIAL_ID] = "";
    const char *yaml = checkpoint_experiment(c, &n);
    experiment *e = experiment_parse("checkpoint", "/", yaml, n, 0, NULL, &none);
    if (e) experiment_id(e, id);
    experiment_free(e);
    problems_free(&none);
    return !strcmp(id, t->id);
}

/* Epochs that can be taken; 0: it is no run, or not the same.  *finished: it has come to its end. */
static int64_t usable(sweep *w, const trial *t, const experiment *e, const char *other, int64_t *finished)
{
    problems none = { 0 };
    arena *a = arena_new();
    int64_t epoch = 0;
    const char *newest = run_latest(other, a, &none, &none);
    checkpoint *c = newest && !none.n ? checkpoint_open(newest, &none) : NULL;
    hdf_file *f = c ? checkpoint_file(c) : NULL;
    const bool same = c && provenance_agrees(other) && same_experiment(t, c) && !hdf_exists(f, "/initial") && same_plugins(e, f, a, &none) &&
                      same_data(w, e, checkpoint_fingerprint(c));
    if (!same || hdf_get_int(f, "/trainer", "epoch", &epoch, &none) < 0 || hdf_get_int(f, "/trainer", "finished", finished, &none) < 0) epoch = 0;
    checkpoint_close(c);
    arena_free(a);
    problems_free(&none);
    return epoch;
}

/* ---- taking ---- */

static int copy(const char *from, const char *to, problems *pr)
{
    size_t n;
    char *bytes = file_read(from, MOST_COPIED, &n, pr);
    const int rc = bytes ? file_publish(to, bytes, n, pr) : -1;
    block_free(bytes);
    return rc;
}

/* All files of a folder, and of folders in it. */
static int take_folder(const char *from, const char *to, problems *pr)
{
    arena *a = arena_new();
    DIR *d = opendir(from);
    int rc = d && file_mkdir(to) == 0 ? 0 : -1;
    for (struct dirent *e; rc == 0 && (e = readdir(d));) {
        const char *x = path_join(a, from, e->d_name), *y = path_join(a, to, e->d_name);
        if (e->d_name[0] == '.' || strstr(e->d_name, ".tmp") || !strcmp(e->d_name, "lock") || !strcmp(e->d_name, "origin")) continue;
        if (file_is_dir(x)) rc = take_folder(x, y, pr);
        else if (!strcmp(e->d_name, "log.txt") || link(x, y) < 0) rc = copy(x, y, pr);
    }
    if (d) closedir(d);
    if (rc == 0) rc = file_sync_dir(to, pr);
    arena_free(a);
    return rc;
}

static void remove_folder(const char *dir)
{
    arena *a = arena_new();
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        const char *path = path_join(a, dir, e->d_name);
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        if (unlink(path) < 0) remove_folder(path);
    }
    if (d) closedir(d);
    rmdir(dir);
    arena_free(a);
}

/* Aside, and renamed when it is whole (R7). */
static bool take(const trial *t, const char *other)
{
    problems none = { 0 };
    arena *a = arena_new();
    const char *aside = arena_printf(a, "%s.tmp", t->dir), *line = arena_printf(a, "%s\n", other);
    remove_folder(aside);
    const bool taken = take_folder(other, aside, &none) == 0 && file_publish(path_join(a, aside, "origin"), line, strlen(line), &none) == 0 &&
                       rename(aside, t->dir) == 0 && file_sync_dir(path_dir(a, t->dir), &none) == 0;
    if (!taken) remove_folder(aside);
    arena_free(a);
    problems_free(&none);
    return taken;
}

void share_take(sweep *w, trial *t, const experiment *e)
{
    const char *best = NULL;
    int64_t most = 0, finished = 0, all = 0;
    int held = -1;
    for (int64_t i = 0; i < w->n_sources; i++) {
        const char *other = arena_printf(w->memory, "%s/trials/%s", w->source[i], t->id);
        int lock = file_is_dir(other) ? hold_run(other) : -1;            /* nobody changes it from here on */
        if (lock < 0) continue;
        const int64_t epochs = usable(w, t, e, other, &all);
        if (epochs > most) {
            const int worse = held;
            best = other, most = epochs, finished = all, held = lock, lock = worse;
        }
        if (lock >= 0) close(lock);
    }
    if (held < 0) return;
    t->taken = take(t, best);
    if (t->taken && finished) t->state = TRIAL_FINISHED;
    close(held);
}

const char *share_origin(const trial *t, arena *a)
{
    problems none = { 0 };
    size_t n;
    const char *path = path_join(a, t->dir, "origin");
    char *line = file_exists(path) ? file_read(path, MOST_ORIGIN, &n, &none) : NULL, *out = "";
    if (line) out = arena_strndup(a, line, strcspn(line, "\n"));
    block_free(line);
    problems_free(&none);
    return out;
}
