/* shim.c -- loaded in front of libc (LD_PRELOAD): lets one call fail, or all from then on, or be short, slow, the last, or recorded
 *
 *   FAULT_OPS=open,write    which calls count: open write read fsync close rename unlink mkdir ftruncate alloc; io: all but alloc
 *   FAULT_AT=3              the third of them (0: none, only counting)
 *   FAULT_HOW=fail          fail; short (a write of a part, once); delay (0.2 s); signal (FAULT_SIGNAL, to the process itself)
 *   FAULT_ON=1              from that call on; else that call alone
 *   FAULT_ERRNO=28          of a failure; default 5 (EIO), for alloc always 12
 *   FAULT_UNDER=DIR         only files whose path begins so (open, rename, unlink, mkdir; others by the file they act on)
 *   FAULT_IN=sweep          only in a process of heft sweep itself; trial: in all others, those that it forks included
 *   FAULT_ONCE=FILE         only in the first process that comes to the call; it makes FILE
 *   FAULT_WHO=ours          alloc: asked for by the program and its plugins (also by way of libc); theirs: by other libraries
 *   FAULT_DISTINCT=8        alloc: count only the first call of each way through the program, eight callers deep
 *   FAULT_REPORT=FILE       a line for each call that was hit: "open 3 heft path"; at the end "calls N"
 *   FAULT_TRACE=1           alloc: the way there as well
 *   FAULT_RECORD=FILE       every call under FAULT_UNDER that changes a file, in binary (record.h)
 *
 * Calls that libc makes inside itself (stdio's writes) do not come through here.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <execinfo.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault/record.h"

#define PUBLIC __attribute__((visibility("default")))

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t align, size_t n);

enum { OPEN = 1, WRITE = 2, READ = 4, FSYNC = 8, CLOSE = 16, RENAME = 32, UNLINK = 64, MKDIR = 128, FTRUNCATE = 256, ALLOC = 512 };
enum { FILES = 1024, PATH = 512, SEEN = 1 << 16 };
static const struct { const char *name; unsigned op; } names[] = {
    { "open", OPEN }, { "write", WRITE }, { "read", READ }, { "fsync", FSYNC }, { "close", CLOSE }, { "rename", RENAME },
    { "unlink", UNLINK }, { "mkdir", MKDIR }, { "ftruncate", FTRUNCATE }, { "alloc", ALLOC },
    { "io", OPEN | WRITE | READ | FSYNC | CLOSE | RENAME | UNLINK | MKDIR | FTRUNCATE },
};
enum how { FAIL, SHORT, DELAY, SIGNAL };

static struct {
    bool ready, from_then_on;
    unsigned ops;
    long at;
    enum how how;
    int error, signal, who;              /* who: 0 all, 1 ours, 2 theirs */
    const char *under, *once;
    int in;                              /* 0 all, 1 sweep, 2 trial */
    bool is_sweep;
    pid_t pid;
    int report, record, distinct, trace;
} set;
static atomic_long calls;
static _Atomic uint64_t seen[SEEN];
static bool chosen;                      /* this process came first to the call */
static _Thread_local bool inside;        /* calls made by the shim itself do not count */
static char path_of[FILES][PATH];        /* of open files */
static pthread_mutex_t record_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- whose code called ---- */

static bool is_foreign(const char *base)
{
    static const char *const foreign[] = { "libhdf5", "libdnnl", "libgomp", "libyaml", "libcrypto", "libz.", "libsz", "libaec", "libtbb",
                                           "libstdc++", "ld-linux", "libopencl", "libOpenCL", "libcurl", "libssl" };
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (!strncmp(base, foreign[i], strlen(foreign[i]))) return true;
    return false;
}

static const char *module_of(const void *at)
{
    struct dl_find_object found;
    if (_dl_find_object((void *)at, &found) < 0) return "?";
    const char *name = found.dlfo_link_map->l_name, *base = strrchr(name, '/');
    return *name ? base ? base + 1 : name : "program";
}

static bool is_libc(const char *base) { return !strncmp(base, "libc.so", 7) || !strncmp(base, "shim.so", 7); }

/* For whom libc asks, if it does. */
static const void *behind_libc(const void *caller)
{
    void *frame[24];
    if (!is_libc(module_of(caller))) return caller;
    const int n = backtrace(frame, 24);
    for (int i = 0; i < n; i++)
        if (!is_libc(module_of(frame[i]))) return frame[i];
    return caller;
}

/* Program, plugins: everything that is not one of the libraries of others. */
static bool is_ours(const void *at) { return !is_foreign(module_of(at)); }

/* The first call by this way, as far as `distinct` callers tell it apart? */
static bool is_new(void)
{
    void *frame[32];
    uint64_t hash = 1469598103934665603u;
    const int n = backtrace(frame, set.distinct + 3 < 32 ? set.distinct + 3 : 32);
    for (int i = 0; i < n; i++) hash = (hash ^ (uintptr_t)frame[i]) * 1099511628211u;
    hash |= 1;
    for (size_t i = hash % SEEN;; i = (i + 1) % SEEN) {
        uint64_t free_place = 0;
        if (atomic_compare_exchange_strong(&seen[i], &free_place, hash)) return true;
        if (free_place == hash) return false;
    }
}

/* ---- set up ---- */

static unsigned ops_from(const char *s)
{
    unsigned ops = 0;
    for (; s && *s; s += strcspn(s, ","), s += *s == ',') {
        const size_t n = strcspn(s, ",");
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (strlen(names[i].name) == n && !strncmp(s, names[i].name, n)) ops |= names[i].op;
    }
    return ops;
}

static long number(const char *name, long otherwise)
{
    const char *s = getenv(name);
    return s && *s ? atol(s) : otherwise;
}

static int raw_open(const char *path, int flags) { return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0666); }

/* Above what programs open, so that closefrom(4) of a child closes them and nothing else meets them. */
static int high(int fd)
{
    if (fd < 0) return fd;
    const int up = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900);
    syscall(SYS_close, fd);
    return up;
}

/* The word behind the program's name. */
static bool is_verb(const char *verb)
{
    char words[512] = "";
    const int fd = raw_open("/proc/self/cmdline", O_RDONLY);
    const long n = fd < 0 ? 0 : syscall(SYS_read, fd, words, sizeof words - 1);
    if (fd >= 0) syscall(SYS_close, fd);
    const size_t name = strlen(words) + 1;
    return n > (long)name && !strcmp(words + name, verb);
}

__attribute__((constructor)) static void begin(void)
{
    const char *in = getenv("FAULT_IN");
    set.in = !in ? 0 : !strcmp(in, "sweep") ? 1 : 2;
    set.is_sweep = in && is_verb("sweep");
    set.pid = getpid();
    const char *how = getenv("FAULT_HOW"), *who = getenv("FAULT_WHO"), *report = getenv("FAULT_REPORT"), *record = getenv("FAULT_RECORD");
    set.ops = ops_from(getenv("FAULT_OPS"));
    set.at = number("FAULT_AT", 0);
    set.from_then_on = number("FAULT_ON", 0);
    set.error = (int)number("FAULT_ERRNO", EIO);
    set.signal = (int)number("FAULT_SIGNAL", SIGKILL);
    set.how = how && !strcmp(how, "short") ? SHORT : how && !strcmp(how, "delay") ? DELAY : how && !strcmp(how, "signal") ? SIGNAL : FAIL;
    set.who = who && !strcmp(who, "ours") ? 1 : who && !strcmp(who, "theirs") ? 2 : 0;
    set.under = getenv("FAULT_UNDER");
    set.once = getenv("FAULT_ONCE");
    set.distinct = (int)number("FAULT_DISTINCT", 0);
    set.trace = (int)number("FAULT_TRACE", 0);
    if (set.ops & ALLOC) {
        void *frame[4];                  /* its first call allocates */
        backtrace(frame, 4);
    }
    set.report = report ? high(raw_open(report, O_WRONLY | O_CREAT | O_APPEND)) : -1;
    set.record = record ? high(raw_open(record, O_WRONLY | O_CREAT | O_APPEND)) : -1;
    set.ready = true;
}

__attribute__((destructor)) static void end(void)
{
    char line[64];
    inside = true;
    const int n = snprintf(line, sizeof line, "calls %ld\n", atomic_load(&calls));
    if (set.report >= 0) syscall(SYS_write, set.report, line, (size_t)n);
}

/* ---- the decision ---- */

static const char *op_name(unsigned op)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].op == op) return names[i].name;
    return "?";
}

static bool is_under(const char *path)
{
    return !set.under || (path && !strncmp(path, set.under, strlen(set.under)));
}

static const char *file_path(int fd) { return fd >= 0 && fd < FILES ? path_of[fd] : ""; }

static void report(unsigned op, long k, const char *path, const void *caller)
{
    char line[PATH + 128];
    const int n = snprintf(line, sizeof line, "%s %ld %s %.500s\n", op_name(op), k, module_of(caller), path ? path : "");
    if (set.report >= 0) syscall(SYS_write, set.report, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
    void *frame[24];
    if (op == ALLOC && set.report >= 0 && set.trace) backtrace_symbols_fd(frame, backtrace(frame, 24), set.report);
}

static bool is_first(void)
{
    const long fd = set.once ? syscall(SYS_openat, AT_FDCWD, set.once, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
    if (fd >= 0) syscall(SYS_close, fd);
    return chosen = !set.once || fd >= 0;
}

/* Is this call hit, and to be failed or cut? */
static bool hit(unsigned op, const char *path, const void *caller)
{
    if (!set.ready || inside || !(set.ops & op)) return false;
    if (set.in && (set.is_sweep && getpid() == set.pid) != (set.in == 1)) return false;
    if (op != ALLOC && (!path || !*path || !is_under(path))) return false;      /* pipes and terminals do not fail so */
    inside = true;
    bool now = false;
    if (op == ALLOC) caller = behind_libc(caller);
    if (op != ALLOC || ((!set.who || is_ours(caller) == (set.who == 1)) && (!set.distinct || is_new()))) {
        const long k = atomic_fetch_add(&calls, 1) + 1;
        now = set.at && (k == set.at ? is_first() : set.from_then_on && k > set.at && chosen);
        if (now && (k - set.at < 4 || set.how == SIGNAL)) report(op, k, path, caller);
    }
    if (now && set.how == DELAY) usleep(200000);
    if (now && set.how == SIGNAL) raise(set.signal);
    inside = false;
    return now && (set.how == FAIL || (set.how == SHORT && op == WRITE));
}

#define CALLER __builtin_return_address(0)
#define FAIL_WITH(value) do { errno = set.error; return value; } while (0)

/* ---- memory ---- */

PUBLIC void *malloc(size_t n)
{
    if (hit(ALLOC, NULL, CALLER)) { errno = ENOMEM; return NULL; }
    return __libc_malloc(n);
}

PUBLIC void *calloc(size_t count, size_t size)
{
    if (hit(ALLOC, NULL, CALLER)) { errno = ENOMEM; return NULL; }
    return __libc_calloc(count, size);
}

PUBLIC void *realloc(void *p, size_t n)
{
    if (hit(ALLOC, NULL, CALLER)) { errno = ENOMEM; return NULL; }
    return __libc_realloc(p, n);
}

PUBLIC void *aligned_alloc(size_t align, size_t n)
{
    if (hit(ALLOC, NULL, CALLER)) { errno = ENOMEM; return NULL; }
    return __libc_memalign(align, n);
}

PUBLIC void *memalign(size_t align, size_t n)
{
    if (hit(ALLOC, NULL, CALLER)) { errno = ENOMEM; return NULL; }
    return __libc_memalign(align, n);
}

PUBLIC int posix_memalign(void **out, size_t align, size_t n)
{
    if (hit(ALLOC, NULL, CALLER)) return ENOMEM;
    void *p = __libc_memalign(align, n);
    if (!p) return ENOMEM;
    *out = p;
    return 0;
}

/* ---- the record ---- */

static void put_record(const record_head *h, const char *path, const char *path2, const void *data)
{
    if (set.record < 0 || inside) return;
    pthread_mutex_lock(&record_lock);
    syscall(SYS_write, set.record, h, sizeof *h);
    syscall(SYS_write, set.record, path, h->n_path);
    syscall(SYS_write, set.record, path2, h->n_path2);
    for (size_t done = 0; done < h->n_data;) {
        const long k = syscall(SYS_write, set.record, (const char *)data + done, h->n_data - done);
        if (k <= 0) abort();
        done += (size_t)k;
    }
    pthread_mutex_unlock(&record_lock);
}

static void record(record_kind kind, const char *path, const char *path2, uint64_t offset, const void *data, size_t n)
{
    if (set.record < 0 || !is_under(path)) return;
    const record_head h = { RECORD_MAGIC, kind, (uint32_t)strlen(path), (uint32_t)strlen(path2), offset, n };
    put_record(&h, path, path2, data);
}

/* ---- files ---- */

static int open_file(int dir, const char *path, int flags, mode_t mode, const void *caller)
{
    if (hit(OPEN, path, caller)) FAIL_WITH(-1);
    struct stat st;
    const bool new = set.record >= 0 && (flags & O_CREAT) && syscall(SYS_newfstatat, dir, path, &st, 0) < 0;
    const int fd = (int)syscall(SYS_openat, dir, path, flags, mode);
    if (fd >= 0 && fd < FILES && dir == AT_FDCWD) snprintf(path_of[fd], PATH, "%s", path);
    if (fd >= 0 && new) record(RECORD_CREATE, path, "", 0, NULL, 0);
    if (fd >= 0 && !new && (flags & O_TRUNC)) record(RECORD_TRUNCATE, path, "", 0, NULL, 0);
    return fd;
}

static mode_t mode_from(int flags, va_list ap) { return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(ap, int) : 0; }

#define OPEN_AS(name) \
    PUBLIC int name(const char *path, int flags, ...) \
    { \
        va_list ap; \
        va_start(ap, flags); \
        const mode_t mode = mode_from(flags, ap); \
        va_end(ap); \
        return open_file(AT_FDCWD, path, flags, mode, CALLER); \
    }
OPEN_AS(open)
OPEN_AS(open64)

#define OPENAT_AS(name) \
    PUBLIC int name(int dir, const char *path, int flags, ...) \
    { \
        va_list ap; \
        va_start(ap, flags); \
        const mode_t mode = mode_from(flags, ap); \
        va_end(ap); \
        return open_file(dir, path, flags, mode, CALLER); \
    }
OPENAT_AS(openat)
OPENAT_AS(openat64)

typedef FILE *fopen_function(const char *, const char *);

#define FOPEN_AS(name) \
    PUBLIC FILE *name(const char *path, const char *mode) \
    { \
        static fopen_function *real; \
        if (hit(OPEN, path, CALLER)) FAIL_WITH(NULL); \
        if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name); \
        return real(path, mode); \
    }
FOPEN_AS(fopen)
FOPEN_AS(fopen64)

static long write_file(long call, int fd, const void *bytes, size_t n, off_t at, const void *caller)
{
    if (hit(WRITE, file_path(fd), caller)) {
        if (set.how == FAIL || n < 2) FAIL_WITH(-1);
        n /= 2;
    }
    const off_t from = set.record < 0 ? 0 : call == SYS_pwrite64 ? at : (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
    const long k = call == SYS_pwrite64 ? syscall(call, fd, bytes, n, at) : syscall(call, fd, bytes, n);
    if (k > 0 && from >= 0) record(RECORD_WRITE, file_path(fd), "", (uint64_t)from, bytes, (size_t)k);
    return k;
}

PUBLIC ssize_t write(int fd, const void *b, size_t n) { return write_file(SYS_write, fd, b, n, 0, CALLER); }
PUBLIC ssize_t pwrite(int fd, const void *b, size_t n, off_t at) { return write_file(SYS_pwrite64, fd, b, n, at, CALLER); }
PUBLIC ssize_t pwrite64(int fd, const void *b, size_t n, off_t at) { return write_file(SYS_pwrite64, fd, b, n, at, CALLER); }

PUBLIC ssize_t read(int fd, void *b, size_t n)
{
    if (hit(READ, file_path(fd), CALLER)) FAIL_WITH(-1);
    return syscall(SYS_read, fd, b, n);
}

PUBLIC ssize_t pread(int fd, void *b, size_t n, off_t at)
{
    if (hit(READ, file_path(fd), CALLER)) FAIL_WITH(-1);
    return syscall(SYS_pread64, fd, b, n, at);
}
PUBLIC ssize_t pread64(int fd, void *b, size_t n, off_t at) { return pread(fd, b, n, at); }

PUBLIC int fsync(int fd)
{
    if (hit(FSYNC, file_path(fd), CALLER)) FAIL_WITH(-1);
    const int rc = (int)syscall(SYS_fsync, fd);
    if (rc == 0) record(RECORD_FSYNC, file_path(fd), "", 0, NULL, 0);
    return rc;
}
PUBLIC int fdatasync(int fd) { return fsync(fd); }

PUBLIC int ftruncate(int fd, off_t n)
{
    if (hit(FTRUNCATE, file_path(fd), CALLER)) FAIL_WITH(-1);
    const int rc = (int)syscall(SYS_ftruncate, fd, n);
    if (rc == 0) record(RECORD_TRUNCATE, file_path(fd), "", (uint64_t)n, NULL, 0);
    return rc;
}
PUBLIC int ftruncate64(int fd, off_t n) { return ftruncate(fd, n); }

/* A close that reports failure has closed. */
PUBLIC int close(int fd)
{
    const bool fails = hit(CLOSE, file_path(fd), CALLER);
    const int rc = (int)syscall(SYS_close, fd);
    if (fd >= 0 && fd < FILES) path_of[fd][0] = 0;
    if (fails) FAIL_WITH(-1);
    return rc;
}

static int dup_file(int from, int to, int flags)
{
    const int rc = (int)syscall(SYS_dup3, from, to, flags);
    if (rc >= 0 && rc < FILES) snprintf(path_of[rc], PATH, "%s", file_path(from));
    return rc;
}
PUBLIC int dup2(int from, int to) { return from == to ? to : dup_file(from, to, 0); }
PUBLIC int dup3(int from, int to, int flags) { return dup_file(from, to, flags); }

PUBLIC int rename(const char *from, const char *to)
{
    if (hit(RENAME, to, CALLER)) FAIL_WITH(-1);
    const int rc = (int)syscall(SYS_rename, from, to);
    if (rc == 0) record(RECORD_RENAME, from, to, 0, NULL, 0);
    return rc;
}

PUBLIC int unlink(const char *path)
{
    if (hit(UNLINK, path, CALLER)) FAIL_WITH(-1);
    const int rc = (int)syscall(SYS_unlink, path);
    if (rc == 0) record(RECORD_UNLINK, path, "", 0, NULL, 0);
    return rc;
}

PUBLIC int mkdir(const char *path, mode_t mode)
{
    if (hit(MKDIR, path, CALLER)) FAIL_WITH(-1);
    const int rc = (int)syscall(SYS_mkdir, path, mode);
    if (rc == 0) record(RECORD_MKDIR, path, "", 0, NULL, 0);
    return rc;
}
