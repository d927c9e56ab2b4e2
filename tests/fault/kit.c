#include "fault/kit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

const char *heft, *shim;
char work[PATHS / 4];

void set_up(const char *program, const char *library)
{
    const char *tmp = getenv("TMPDIR");
    if (!(heft = realpath(program, NULL))) give_up(program);
    if (!(shim = realpath(library, NULL))) give_up(library);
    setenv("OMP_WAIT_POLICY", "passive", 1);
    unsetenv("HEFT_DATA");
    unsetenv("HEFT_PLUGIN_PATH");
    snprintf(work, sizeof work, "%s/fault-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(work)) give_up(work);
}

_Noreturn void give_up(const char *what)
{
    fprintf(stderr, "drive: %s: %s\n", what, strerror(errno));
    exit(2);
}

const char *path_of(const char *fmt, ...)
{
    static char ring[8][PATHS];
    static int next;
    char *out = ring[next++ % 8];
    va_list ap;
    va_start(ap, fmt);
    int n = snprintf(out, PATHS, "%s/", work);
    vsnprintf(out + n, (size_t)(PATHS - n), fmt, ap);
    va_end(ap);
    return out;
}

char *slurp(const char *path, size_t *n)
{
    problems none = { 0 };
    size_t m = 0;
    char *s = file_read(path, 1 << 28, &m, &none);
    problems_free(&none);
    if (n) *n = m;
    return s;
}

void spill(const char *path, const char *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f)) give_up(path);
}

bool same_files(const char *a, const char *b)
{
    size_t n, m;
    char *x = slurp(a, &n), *y = slurp(b, &m);
    const bool same = x && y && n == m && !memcmp(x, y, n);
    block_free(x);
    block_free(y);
    return same;
}

void shell(const char *fmt, ...)
{
    char line[2 * PATHS];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (system(line) != 0) give_up(line);
}

/* ---- one run ---- */

int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

pid_t start(char *const *argv, char *const *env, const char *out, const char *err)
{
    const pid_t pid = fork();
    if (pid < 0) give_up("fork");
    if (pid) return pid;
    const int o = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0666), e = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0666),
              i = open("/dev/null", O_RDONLY);
    if (o < 0 || e < 0 || i < 0 || dup2(i, 0) < 0 || dup2(o, 1) < 0 || dup2(e, 2) < 0) _exit(126);
    closefrom(3);
    signal(SIGHUP, SIG_DFL), signal(SIGINT, SIG_DFL), signal(SIGQUIT, SIG_DFL);      /* nohup and shells' & ignore them */
    if (chdir(work) < 0) _exit(126);
    for (; *env; env++) putenv(*env);
    execv(argv[0], argv);
    _exit(127);
}

/* Time in which this process was stopped itself, with all others, does not count. */
ended wait_for(pid_t pid)
{
    enum { LOOK_MS = 100 };
    ended e = { 0 };
    int64_t waited = 0, last = now_ms();
    for (useconds_t nap = 200; waitpid(pid, &e.status, WNOHANG) == 0; usleep(nap), nap += nap < 5000 ? nap / 4 : 0) {
        const int64_t now = now_ms();
        waited += now - last < LOOK_MS ? now - last : LOOK_MS;
        last = now;
        if (waited > HANG_MS && !e.hung) {
            e.hung = true;
            kill(pid, SIGKILL);
        }
    }
    return e;
}

/* NULL-terminated words after heft's name. */
ended run_heft(char *const *env, const char *const *word)
{
    char *argv[16] = { (char *)heft };
    for (int i = 0; word[i]; i++) argv[i + 1] = (char *)word[i];
    return wait_for(start(argv, env, path_of("out"), path_of("err")));
}

bool is_clean(ended e) { return !e.hung && WIFEXITED(e.status) && WEXITSTATUS(e.status) == 0; }
