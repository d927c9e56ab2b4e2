/* replay.c -- power loss: what the shim recorded of a run, replayed to every instant, with what no fsync had made safe by then
 * lost, kept or torn at random
 *
 *   replay HEFT SHIM [trials=20] [stride=1] [resume=50] [seed=1]
 *
 * A file's data are safe behind an fsync of that file; a name made, moved or removed is safe behind an fsync of its directory, and not
 * before.  Whatever is not safe is dropped with p = 1/2, writes by blocks of 4096 bytes.  At every instant: no file with a final name may
 * be damaged; once a checkpoint was reported as saved, it or a later one must load; where `latest` names the newest, which nobody then
 * repairs, metrics.h5 must not be behind it, and the best checkpoint that it knows must be found; and (every resume-th state) the run must go on to the bytes of one that met no loss.  Prints one line of figures; findings to stderr and exit status 1.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "fault/record.h"
#include "hdf/table.h"
#include "run/checkpoint.h"
#include "run/inside.h"
#include "run/run.h"

enum { BLOCK = 4096, MOST = 4096 };

static const char experiment_text[] =
    "name: small\nseed: 3\ndata: {format: houses, samples: 96, validation: 16, test: 16}\nmodel:\n  - dense: {units: 4, activation: relu}\n"
    "  - dense: {units: 1}\nloss: mean_squared_error\noptimizer: {adam: {lr: 1e-2}}\ntrain: {epochs: 3, batch: 32, threads: 1}\n"
    "checkpoint: {every: 1, keep: 2, best: val_loss}\n";

/* inode: of the file the operation acts on; dir: of its name.  -1: none. */
typedef struct op { record_kind kind; const char *path, *path2; uint64_t offset, n; const char *data; int inode, dir; } op;

typedef struct file { const char *name; int inode; } file;       /* names as they are without a loss */

typedef struct content { char *bytes; size_t n; } content;

static op ops[MOST];
static int n_ops, n_inodes, n_dirs;
static const char *dirs[MOST];
static char work[512], root[600];
static long findings, states, resumed;
static unsigned seed = 1;

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "replay: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void shell(const char *line)
{
    if (system(line) != 0) give_up(line);
}

static bool coin(void) { return rand_r(&seed) & 0x100; }

/* ---- the record ---- */

static int dir_of(const char *path, bool parent)
{
    char name[1024];
    snprintf(name, sizeof name, "%s", path);
    char *slash = strrchr(name, '/');
    if (parent && slash) *slash = 0;
    for (int i = 0; i < n_dirs; i++)
        if (!strcmp(dirs[i], name)) return i;
    return -1;
}

static int find_name(const file *names, int n, const char *path)
{
    for (int i = 0; i < n; i++)
        if (names[i].inode >= 0 && !strcmp(names[i].name, path)) return i;
    return -1;
}

/* Which file each operation acts on, by the names as they were at that time. */
static void resolve(void)
{
    static file names[MOST];
    int n = 0;
    dirs[n_dirs++] = strdup(work);
    for (int i = 0; i < n_ops; i++) {
        op *o = &ops[i];
        o->inode = -1;
        o->dir = dir_of(o->path, true);
        if (o->kind == RECORD_MKDIR) dirs[n_dirs++] = o->path;
        if (o->kind == RECORD_CREATE) names[n++] = (file){ o->path, o->inode = n_inodes++ };
        const int at = find_name(names, n, o->path);
        if (at < 0) continue;
        o->inode = names[at].inode;
        if (o->kind == RECORD_UNLINK) names[at].inode = -1;
        if (o->kind != RECORD_RENAME) continue;
        const int over = find_name(names, n, o->path2);
        if (over >= 0) names[over].inode = -1;
        names[at].name = o->path2;
    }
}

static void read_record(const char *path)
{
    problems pr = { 0 };
    size_t n;
    char *s = file_read(path, 1 << 30, &n, &pr);
    if (!s) give_up(path);
    for (size_t at = 0; at + sizeof(record_head) <= n;) {
        record_head h;
        memcpy(&h, s + at, sizeof h);
        if (h.magic != RECORD_MAGIC || n_ops == MOST) give_up("the record is no record");
        at += sizeof h;
        ops[n_ops++] = (op){ .kind = h.kind, .path = strndup(s + at, h.n_path), .path2 = strndup(s + at + h.n_path, h.n_path2),
                             .offset = h.offset, .n = h.n_data, .data = s + at + h.n_path + h.n_path2 };
        at += h.n_path + h.n_path2 + h.n_data;
    }
    resolve();
}

/* ---- a state after a loss ---- */

/* Is operation i safe when the power fails in front of operation `end`? */
static bool is_safe(int i, int end)
{
    const op *o = &ops[i];
    const bool of_data = o->kind == RECORD_WRITE || o->kind == RECORD_TRUNCATE;
    for (int j = i + 1; j < end; j++) {
        if (ops[j].kind != RECORD_FSYNC) continue;
        if (of_data ? ops[j].inode >= 0 && ops[j].inode == o->inode : ops[j].inode < 0 && dir_of(ops[j].path, false) == o->dir) return true;
    }
    return false;
}

static void apply_data(const op *o, bool safe, content *c)
{
    if (o->kind == RECORD_TRUNCATE) {
        if (safe || coin()) c->n = o->offset < c->n ? o->offset : c->n;
        return;
    }
    for (uint64_t from = 0; from < o->n; from += BLOCK) {
        const size_t k = o->n - from < BLOCK ? o->n - from : BLOCK, at = o->offset + from;
        if (!safe && coin()) continue;
        if (at + k > c->n) {
            c->bytes = realloc(c->bytes, at + k);
            memset(c->bytes + c->n, 0, at + k - c->n);
            c->n = at + k;
        }
        memcpy(c->bytes + at, o->data + from, k);
    }
}

static void lay_file(const char *path, const content *c)
{
    char to[2048];
    snprintf(to, sizeof to, "%s%s", root, path + strlen(work));
    FILE *f = fopen(to, "wb");
    if (!f && errno == ENOENT) return;           /* its directory is lost */
    if (!f || (c->n && fwrite(c->bytes, 1, c->n, f) != c->n) || fclose(f)) give_up(to);
}

static void lay_state(int end)
{
    static file names[MOST];
    int n = 0;
    content *c = calloc((size_t)n_inodes + 1, sizeof *c);
    char line[1400];
    snprintf(line, sizeof line, "rm -rf '%s' && mkdir '%s'", root, root);
    shell(line);
    for (int i = 0; i < end; i++) {
        const op *o = &ops[i];
        const bool safe = is_safe(i, end);
        if (o->kind == RECORD_FSYNC) continue;
        if (o->kind == RECORD_WRITE || o->kind == RECORD_TRUNCATE) {
            if (o->inode >= 0) apply_data(o, safe, &c[o->inode]);
            continue;
        }
        if (!safe && coin()) continue;
        if (o->kind == RECORD_MKDIR) {
            char to[2048];
            snprintf(to, sizeof to, "%s%s", root, o->path + strlen(work));
            if (mkdir(to, 0777) < 0 && errno != ENOENT) give_up(to);
            continue;
        }
        const int at = find_name(names, n, o->path);
        if (at >= 0) names[at].inode = -1;
        if (o->kind == RECORD_UNLINK) continue;
        const char *name = o->kind == RECORD_RENAME ? o->path2 : o->path;
        const int over = find_name(names, n, name);
        if (over >= 0) names[over].inode = -1;
        names[n++] = (file){ name, o->inode };
    }
    for (int i = 0; i < n; i++)
        if (names[i].inode >= 0) lay_file(names[i].name, &c[names[i].inode]);
    for (int i = 0; i < n_inodes; i++) free(c[i].bytes);
    free(c);
}

/* ---- judgement ---- */

static int64_t step_in(const char *path)
{
    const char *s = strstr(path, "/step-");
    return s && strlen(s) == strlen("/step-000000000.h5") ? strtoll(s + 6, NULL, 10) : -1;
}

/* The newest step reported as saved before operation `end`: its file has its name, and the process went on to make the next file. */
static int64_t reported(int end)
{
    int64_t done = -1, pending = -1;
    for (int i = 0; i < end; i++) {
        if (ops[i].kind == RECORD_RENAME && step_in(ops[i].path2) >= 0) pending = step_in(ops[i].path2);
        if (ops[i].kind == RECORD_CREATE) done = pending > done ? pending : done;
    }
    return end == n_ops ? pending : done;
}

static void finding(int end, const char *what, const char *more)
{
    if (findings++ < 20)
        fprintf(stderr, "FINDING in front of operation %d (%d %s): %s %s\n", end, end < n_ops ? (int)ops[end].kind : 0,
                end < n_ops ? ops[end].path : "the end", what, more);
}

static void judge_followers(int end, const char *dir, const char *newest, arena *a)
{
    problems pr = { 0 };
    const char *latest = run_named(dir, "latest", a, &pr), *best = run_resolve(dir, a, &pr);
    if (latest && !strcmp(latest, newest)) {
        int64_t step = -1;
        checkpoint *c = checkpoint_open(newest, &pr);
        hdf_file *f = hdf_open_published(path_join(a, dir, "metrics.h5"), "heft-metrics 1", &pr);
        table *there = f ? table_read(f, "/epochs", &pr) : NULL, *wanted = c ? table_read(checkpoint_file(c), "/metrics/epochs", &pr) : NULL;
        if (!there || !wanted || there->n_rows < wanted->n_rows) finding(end, "metrics.h5 is behind", newest);
        if (c && hdf_get_int(checkpoint_file(c), "/trainer", "best_step", &step, &pr) == 0 && (!best || step_in(best) < step))
            finding(end, "the best checkpoint is not found", newest);
        if (there) table_free(there);
        if (wanted) table_free(wanted);
        hdf_close(f);
        checkpoint_close(c);
    }
    problems_free(&pr);
}

static void judge(int end)
{
    const int64_t step = reported(end);
    problems damaged = { 0 }, pr = { 0 };
    arena *a = arena_new();
    const char *dir = path_join(a, root, "run");
    states++;
    if (!file_is_dir(dir)) {
        if (step >= 0) finding(end, "the whole run is lost", "");
    } else {
        const char *latest = run_latest(dir, a, &damaged, &pr);
        if (damaged.n) finding(end, "a checkpoint is damaged:", damaged.item[0].text);
        if (pr.n) finding(end, "nothing can be loaded:", pr.item[0].text);
        if (step >= 0 && (!latest || step_in(latest) < step)) finding(end, "a saved checkpoint is lost; the newest is", latest ? latest : "none");
        if (step >= 0 && !file_exists(path_join(a, dir, "experiment.yaml"))) finding(end, "experiment.yaml is lost", "");
        const char *metrics = path_join(a, dir, "metrics.h5");
        hdf_file *f = file_exists(metrics) ? hdf_open_published(metrics, "heft-metrics 1", &pr) : NULL;
        if (file_exists(metrics) && !f) finding(end, "metrics.h5 is damaged", pr.item[0].text);
        hdf_close(f);
        if (latest) judge_followers(end, dir, latest, a);
    }
    problems_free(&damaged);
    problems_free(&pr);
    arena_free(a);
}

static void judge_resume(int end, const char *heft)
{
    char line[4096];
    snprintf(line, sizeof line, "cd '%s' && '%s' train ../small.yaml --run run --resume >../out 2>&1 && cmp run/checkpoints/$(cat run/checkpoints/latest) "
             "'%s/run/checkpoints/'$(cat '%s/run/checkpoints/latest')", root, heft, work, work);
    resumed++;
    if (system(line) != 0) finding(end, "the run does not go on to the same bytes", "");
}

/* ---- */

static long number(int argc, char **argv, const char *name, long otherwise)
{
    for (int i = 3; i < argc; i++)
        if (!strncmp(argv[i], name, strlen(name))) return atol(argv[i] + strlen(name));
    return otherwise;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: replay HEFT SHIM [trials=N] [stride=N] [resume=N] [seed=N]\n", stderr);
        return 2;
    }
    char line[8192], *heft = realpath(argv[1], NULL), *shim = realpath(argv[2], NULL);
    const long trials = number(argc, argv, "trials=", 20), stride = number(argc, argv, "stride=", 1), every = number(argc, argv, "resume=", 50);
    seed = (unsigned)number(argc, argv, "seed=", 1);
    const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(work, sizeof work, "%s/replay-XXXXXX", tmp);
    if (!heft || !shim || !mkdtemp(work)) give_up(work);
    snprintf(root, sizeof root, "%s/after", work);
    setenv("OMP_WAIT_POLICY", "passive", 1);
    snprintf(line, sizeof line, "cd '%s' && cat >small.yaml <<'E'\n%sE\nFAULT_UNDER='%s' FAULT_RECORD='%s/record' LD_PRELOAD='%s' '%s' train "
             "'%s/small.yaml' --run '%s/run' >out 2>&1", work, experiment_text, work, work, shim, heft, work, work);
    shell(line);
    snprintf(line, sizeof line, "%s/record", work);
    read_record(line);
    int saves = 0;
    for (int i = 0; i < n_ops; i++) saves += ops[i].kind == RECORD_RENAME && step_in(ops[i].path2) >= 0;
    long count = 0;
    for (int end = 0; end <= n_ops; end += end < n_ops && end + stride > n_ops ? n_ops - end : (int)stride)
        for (long k = 0; k < trials; k++) {
            lay_state(end);
            judge(end);
            if (++count % every == 0) judge_resume(end, heft);
        }
    snprintf(line, sizeof line, "rm -rf '%s'", work);
    shell(line);
    printf("power loss: %d operations, %d checkpoints, %ld states, %ld resumed, %ld findings\n", n_ops, saves, states, resumed, findings);
    return findings || saves < 3;
}
