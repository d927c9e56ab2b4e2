/* run.c -- a run's directory: made, opened, locked, logged */
#include "run/run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "run/inside.h"

/* ---- the lock ---- */

/* Who has it ("" if that cannot be read), and is that a process of this machine that has ended? */
static bool owner_is_dead(int fd, char owner[256])
{
    char host[200] = "?", of[200] = "";
    long pid = 0;
    const ssize_t n = pread(fd, owner, 255, 0);
    owner[n > 0 ? n : 0] = 0;
    owner[strcspn(owner, "\n")] = 0;
    gethostname(host, sizeof host - 1);
    return sscanf(owner, "process %ld on %199s", &pid, of) == 2 && !strcmp(host, of) && pid > 0
        && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

/* A killed process leaves the lock to a child that it had just made to try a plugin, until that has closed its files:
 * a run that is resumed at once waits for it.  On failure owner says who has it. */
static int lock_patiently(int fd, char owner[256])
{
    enum { STEP_MS = 10, ALIVE_MS = 300, DEAD_MS = 5000 };
    for (int waited = 0;; waited += STEP_MS) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) return 0;
        if (errno != EWOULDBLOCK) return -1;
        if (waited >= (owner_is_dead(fd, owner) ? DEAD_MS : ALIVE_MS)) {
            errno = EWOULDBLOCK;
            return -1;
        }
        usleep(1000 * STEP_MS);
    }
}

/* Held until the file is closed, so the kernel gives it up for a killed process. */
static int take_lock(const char *dir, problems *pr)
{
    arena *a = arena_new();
    const char *path = path_join(a, dir, "lock");
    char owner[256] = "";
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) problems_system(pr, path, "cannot be opened", errno);
    else if (lock_patiently(fd, owner) < 0) {
        const int error = errno;
        if (error == EWOULDBLOCK)
            problems_add(pr, (place){ dir, 0, 0 }, "the run is in use by %s", *owner ? owner : "another process");
        else problems_system(pr, path, "cannot be locked", error);
        close(fd);
        fd = -1;
    } else {
        char host[200] = "?";
        gethostname(host, sizeof host - 1);
        const int n = snprintf(owner, sizeof owner, "process %ld on %s\n", (long)getpid(), host);
        if (ftruncate(fd, 0) < 0 || pwrite(fd, owner, (size_t)n, 0) != n) {
            problems_system(pr, path, "cannot be written", errno);
            close(fd);
            fd = -1;
        }
    }
    arena_free(a);
    return fd;
}

/* ---- what is in a directory ---- */

/* "x.tmp123": written aside by file_publish. */
static bool is_aside(const char *name)
{
    const char *tmp = strstr(name, ".tmp");
    return tmp && tmp[4] && strspn(tmp + 4, "0123456789") == strlen(tmp + 4);
}

/* Only who holds the lock writes here, so what lies aside is of a dead process. */
static void remove_aside(const char *dir)
{
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));)
        if (is_aside(e->d_name)) unlinkat(dirfd(d), e->d_name, 0);
    if (d) closedir(d);
}

/* Nothing but what a process leaves that is killed while it makes a run. */
static bool is_free(const char *dir, problems *pr)
{
    static const char *const begun[] = { ".", "..", "lock", "checkpoints", "provenance.json" };
    DIR *d = opendir(dir);
    if (!d) {
        problems_system(pr, dir, "cannot be read", errno);
        return false;
    }
    bool is_run = false;
    char other[256] = "";
    for (struct dirent *e; (e = readdir(d));) {
        bool ours = is_aside(e->d_name);
        for (size_t i = 0; i < sizeof begun / sizeof *begun; i++) ours |= !strcmp(e->d_name, begun[i]);
        if (!ours) snprintf(other, sizeof other, "%s", e->d_name);
        is_run |= !strcmp(e->d_name, "experiment.yaml");
    }
    closedir(d);
    if (is_run) problems_add(pr, (place){ dir, 0, 0 }, "holds a run already; 'heft resume %s' goes on with it", dir);
    else if (*other)
        problems_add(pr, (place){ dir, 0, 0 }, "a new run wants an empty directory, and this one holds '%s'",
                     other);
    return !is_run && !*other;
}

/* ---- making ---- */

/* runs/NAME-NNNN, one beyond the highest number there. mkdir decides between processes that look at the same time.
 */
static char *make_numbered(const char *name, arena *a, problems *pr)
{
    if (file_mkdirs("runs", pr) < 0) return NULL;
    char *stem = arena_printf(a, "%s-", name);
    for (char *p = stem; *p; p++)
        if (*p == '/' || (p == stem && *p == '.')) *p = '_';
    int64_t highest = 0, k;
    DIR *d = opendir("runs");
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strncmp(e->d_name, stem, strlen(stem))) continue;
        const char *digits = e->d_name + strlen(stem);
        digits += strspn(digits, "0");
        if (text_int(digits, &k) && k > highest && k < 1000000000) highest = k;
    }
    if (d) closedir(d);
    for (;;) {
        char *dir = arena_printf(a, "runs/%s%04lld", stem, (long long)++highest);
        if (file_mkdir(dir) == 0) return dir;
        if (errno == EEXIST) continue;
        problems_system(pr, dir, "cannot be made a directory", errno);
        return NULL;
    }
}

static run *run_new(const char *dir)
{
    arena *a = arena_new();
    run *r = arena_alloc(a, 1, sizeof *r);
    *r = (run){ .memory = a, .lock_fd = -1, .dir = dir ? arena_strdup(a, dir) : NULL };
    return r;
}

static int open_log(run *r, problems *pr)
{
    const char *path = path_join(r->memory, r->dir, "log.txt");
    if (!(r->log = fopen(path, "ae"))) {
        problems_system(pr, path, "cannot be opened", errno);
        return -1;
    }
    setvbuf(r->log, NULL, _IOLBF, BUFSIZ);
    return 0;
}

static int make_checkpoints(run *r, problems *pr)
{
    const char *path = path_join(r->memory, r->dir, "checkpoints");
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && file_is_dir(path))) return 0;
    problems_system(pr, path, "cannot be made a directory", errno);
    return -1;
}

/* e NULL: an existing run. */
static int write_start(run *r, const experiment *e, problems *pr)
{
    file_part part[2];
    int n = 0;
    text yaml = { 0 };
    r->provenance = provenance_begin(r->memory, r->dir, &part[n++]);
    if (e) {
        experiment_write(e, &yaml);
        part[n++] = (file_part){ path_join(r->memory, r->dir, "experiment.yaml"), yaml.s, yaml.n };
    }
    const int rc = file_publish_all(n, n, part, pr);
    text_free(&yaml);
    return rc;
}

run *run_create(const char *dir, const experiment *e, problems *pr)
{
    run *r = run_new(dir);
    bool ok = true;
    if (!dir) ok = (r->dir = make_numbered(e->name, r->memory, pr)) != NULL;
    else if (file_exists(dir) && !file_is_dir(dir)) {
        problems_add(pr, (place){ dir, 0, 0 }, "a file, where the directory of a new run was expected");
        ok = false;
    } else ok = file_mkdirs(dir, pr) == 0 && is_free(dir, pr);          /* a full one gets no lock file */
    ok = ok && (r->lock_fd = take_lock(r->dir, pr)) >= 0 && is_free(r->dir, pr);
    if (ok) {
        remove_aside(r->dir);
        ok = make_checkpoints(r, pr) == 0 && write_start(r, e, pr) == 0 && open_log(r, pr) == 0;
    }
    if (ok) return r;
    run_close(r);
    return NULL;
}

run *run_open(const char *dir, problems *pr)
{
    run *r = run_new(dir);
    bool ok = file_is_dir(dir);
    if (!ok)
        problems_add(pr, (place){ dir, 0, 0 },
                     file_exists(dir) ? "a file, where the directory of a run was expected"
                                      : "there is no such directory");
    else if (!(ok = file_exists(path_join(r->memory, dir, "experiment.yaml"))))
        problems_add(pr, (place){ dir, 0, 0 }, "not a run: there is no experiment.yaml in it");
    ok = ok && (r->lock_fd = take_lock(dir, pr)) >= 0;
    if (ok) {
        remove_aside(dir);
        remove_aside(path_join(r->memory, dir, "checkpoints"));
        ok = make_checkpoints(r, pr) == 0 && run_repair(r, pr) == 0 && write_start(r, NULL, pr) == 0 && open_log(r, pr) == 0;
    }
    if (ok) return r;
    run_close(r);
    return NULL;
}

void run_close(run *r)
{
    if (!r) return;
    problems pr = { 0 };
    int64_t step;
    if (run_save_end(r, true, &step, &pr)) problems_print(&pr, stderr);
    problems_free(&pr);
    if (r->log) provenance_end(r->provenance, &pr);
    if (pr.n) run_log(r, "provenance.json is not complete: %s", pr.item[0].text);
    problems_free(&pr);
    if (r->log) fclose(r->log);
    if (r->lock_fd >= 0) close(r->lock_fd);
    arena_free(r->memory);
}

/* ---- the log ---- */

void run_log(run *r, const char *fmt, ...)
{
    text t = { 0 };
    va_list ap;
    va_start(ap, fmt);
    text_vprintf(&t, fmt, ap);
    va_end(ap);
    text_add(&t, "\n");
    fputs(t.s, stderr);
    if (r && r->log) fputs(t.s, r->log);         /* a full disk costs lines of the log, never the run */
    text_free(&t);
}
