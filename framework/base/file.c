#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *file_read(const char *path, size_t most, size_t *n, problems *pr)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);     /* a fifo is refused below, not waited for */
    if (fd < 0) {
        problems_system(pr, path, "cannot be opened", errno);
        return NULL;
    }
    char *bytes = NULL;
    struct stat st;
    if (fstat(fd, &st) < 0) problems_system(pr, path, "cannot be examined", errno);
    else if (!S_ISREG(st.st_mode)) problems_add(pr, (place){ path, 0, 0 }, "not a regular file");
    else if ((uint64_t)st.st_size > most)
        problems_add(pr, (place){ path, 0, 0 }, "%lld bytes; at most %zu are read", (long long)st.st_size, most);
    else if (!(bytes = block_alloc((size_t)st.st_size + 1, 1)))
        problems_add(pr, (place){ path, 0, 0 }, "no memory for %lld bytes", (long long)st.st_size);
    size_t got = 0;
    while (bytes && got < (size_t)st.st_size) {
        const ssize_t k = read(fd, bytes + got, (size_t)st.st_size - got);
        if (k > 0) got += (size_t)k;
        else if (k == 0) break;                  /* shortened while being read: what is there is what it holds */
        else if (errno != EINTR) {
            problems_system(pr, path, "cannot be read", errno);
            block_free(bytes);
            bytes = NULL;
        }
    }
    close(fd);
    *n = got;
    if (bytes) bytes[got] = 0;
    return bytes;
}

static int write_all(int fd, const char *bytes, size_t n)
{
    while (n) {
        const ssize_t k = write(fd, bytes, n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return -1;
        if (k == 0) {
            errno = ENOSPC;
            return -1;
        }
        bytes += k;
        n -= (size_t)k;
    }
    return 0;
}

static int sync_dir(const char *dir)
{
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -1;
    const int rc = fsync(fd), error = errno;
    close(fd);
    errno = error;
    return rc;
}

int file_sync_dir(const char *path, problems *pr)
{
    if (sync_dir(path) == 0) return 0;
    problems_system(pr, path, "cannot be flushed to the disk", errno);
    return -1;
}

typedef struct aside { const char *path; int fd; } aside;

static int give_up(const char *path, const char *failed, problems *pr)
{
    problems_system(pr, path, failed, errno);
    return -1;
}

/* sync_file_range has the writing begun, no more: what the first fsync then commits has the blocks of all parts, so that the other fsyncs find
 * little to do.  Where it is not supported, they take longer. */
static int write_aside(aside *s, const file_part *p, problems *pr)
{
    s->fd = open(s->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (s->fd < 0) return give_up(p->path, "cannot be created", pr);
    if (write_all(s->fd, p->bytes, p->n) < 0) return give_up(p->path, "cannot be written", pr);
    sync_file_range(s->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    return 0;
}

static int flush_aside(aside *s, const file_part *p, problems *pr)
{
    if (fsync(s->fd) < 0) return give_up(p->path, "cannot be flushed to the disk", pr);
    const int fd = s->fd;
    s->fd = -1;
    return close(fd) < 0 ? give_up(p->path, "cannot be closed", pr) : 0;
}

static int take_place(const aside *s, const file_part *p, problems *pr)
{
    return rename(s->path, p->path) < 0 ? give_up(p->path, "cannot be renamed into place", pr) : 0;
}

static int flush_names(int n, const file_part *part, arena *a, problems *pr)
{
    const char **dir = arena_alloc(a, (size_t)n, sizeof *dir);
    for (int i = 0; i < n; i++) {
        int first = 0;
        dir[i] = path_dir(a, part[i].path);
        while (strcmp(dir[first], dir[i])) first++;
        if (first == i && sync_dir(dir[i]) < 0) return give_up(part[i].path, "its directory cannot be flushed to the disk", pr);
    }
    return 0;
}

int file_publish_all(int n, int safe, const file_part *part, problems *pr)
{
    arena *a = arena_new();
    aside *s = arena_alloc(a, (size_t)n, sizeof *s);
    int begun = 0, placed = 0;
    bool good = true;
    for (; good && begun < n; begun++) {
        s[begun] = (aside){ arena_printf(a, "%s.tmp%ld", part[begun].path, (long)getpid()), -1 };
        good = write_aside(&s[begun], &part[begun], pr) == 0;
    }
    for (int i = 0; good && i < n; i++) good = flush_aside(&s[i], &part[i], pr) == 0;
    while (good && placed < n) {
        good = take_place(&s[placed], &part[placed], pr) == 0;
        placed += good;
        if (good && placed == safe) good = flush_names(safe, part, a, pr) == 0;
    }
    for (int i = placed; i < begun; i++) {       /* best effort: they do not have a published name */
        if (s[i].fd >= 0) close(s[i].fd);
        unlink(s[i].path);
    }
    arena_free(a);
    return good ? 0 : -1;
}

int file_publish(const char *path, const void *bytes, size_t n, problems *pr)
{
    return file_publish_all(1, 1, &(file_part){ path, bytes, n }, pr);
}

int file_replace(const char *path, const void *bytes, size_t n, problems *pr)
{
    return file_publish_all(1, 0, &(file_part){ path, bytes, n }, pr);
}

/* The name of a directory is safe once the one that holds it is flushed, which an fsync of what is in it does not do. */
int file_mkdir(const char *path)
{
    if (mkdir(path, 0777) < 0) return -1;
    arena *a = arena_new();
    const int rc = sync_dir(path_dir(a, path));
    const int error = errno;
    arena_free(a);
    errno = error;
    return rc;
}

int file_mkdirs(const char *path, problems *pr)
{
    char *copy = strdup(path);
    if (!copy) memory_exhausted(strlen(path));
    int rc = 0;
    for (char *p = copy + 1; rc == 0; p++) {
        if (*p && *p != '/') continue;
        const char end = *p;
        *p = 0;
        if (file_mkdir(copy) < 0 && errno != EEXIST) {
            problems_system(pr, copy, "cannot be made a directory", errno);
            rc = -1;
        }
        *p = end;
        if (!end) break;
    }
    if (rc == 0 && !file_is_dir(copy)) {
        problems_add(pr, (place){ copy, 0, 0 }, "not a directory");
        rc = -1;
    }
    free(copy);
    return rc;
}

bool file_exists(const char *path) { return access(path, F_OK) == 0; }

bool file_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *path_join(arena *a, const char *dir, const char *name)
{
    if (name[0] == '/' || !dir || !*dir) return arena_strdup(a, name);
    const size_t n = strlen(dir);
    return arena_printf(a, "%s%s%s", dir, dir[n - 1] == '/' ? "" : "/", name);
}

char *path_dir(arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return arena_strdup(a, ".");
    return slash == path ? arena_strdup(a, "/") : arena_strndup(a, path, (size_t)(slash - path));
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *path_absolute(arena *a, const char *path)
{
    char *whole = arena_strdup(a, path);
    if (path[0] != '/') {
        char *cwd = getcwd(NULL, 0);
        if (cwd) whole = path_join(a, cwd, path);
        free(cwd);
    }
    char *out = arena_alloc(a, strlen(whole) + 2, 1), *to = out;
    for (const char *p = whole; *p;) {
        while (*p == '/') p++;
        const size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.') {
            while (to > out && *--to != '/') {}
        } else if (n && !(n == 1 && p[0] == '.')) {
            *to++ = '/';
            memcpy(to, p, n);
            to += n;
        }
        p += n;
    }
    if (to == out) *to++ = '/';
    *to = 0;
    return out;
}
