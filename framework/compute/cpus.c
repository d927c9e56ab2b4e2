#include "compute/internal.h"

#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"

static int affinity_count(void)
{
    for (int room = 1024; room <= 1 << 20; room *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)room);
        if (!set) break;
        const size_t bytes = CPU_ALLOC_SIZE((size_t)room);
        const int n = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (n > 0) return n;                     /* else the kernel's mask is longer */
    }
    return 1;
}

/* What a cgroup's folder limits a resource to; 0: not at all. */
typedef int64_t limit_reader(const char *folder, bool v2);

/* One quota file.  cpu.max holds "QUOTA PERIOD" or "max PERIOD"; version 1 has a file for each, quota -1 for
 * none. */
static int64_t read_quota(const char *folder, bool v2)
{
    char path[PATH_MAX];
    long long quota = 0, period = 0;
    const char *name = v2 ? "cpu.max" : "cpu.cfs_quota_us";
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) return 0;
    FILE *f = fopen(path, "re");
    if (!f) return 0;
    const int got = fscanf(f, v2 ? "%lld %lld" : "%lld", &quota, &period);
    fclose(f);
    if (got < 1 || quota <= 0) return 0;
    if (!v2) {
        if (snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder) >= (int)sizeof path) return 0;
        f = fopen(path, "re");
        if (!f) return 0;
        if (fscanf(f, "%lld", &period) != 1) period = 0;
        fclose(f);
    }
    if (period <= 0) return 0;
    const long long n = quota / period;
    return n < 1 ? 1 : n > INT_MAX ? INT_MAX : n;
}

/* memory.max holds bytes or "max"; version 1 says an absurd number for none. */
static int64_t read_memory(const char *folder, bool v2)
{
    char path[PATH_MAX];
    long long bytes = 0;
    if (snprintf(path, sizeof path, "%s/%s", folder, v2 ? "memory.max" : "memory.limit_in_bytes") >= (int)sizeof path) return 0;
    FILE *f = fopen(path, "re");
    if (!f) return 0;
    if (fscanf(f, "%lld", &bytes) != 1) bytes = 0;
    fclose(f);
    return bytes > 0 ? bytes : 0;
}

/* A container often sees its own cgroup as the root while /proc names the host's path: parents that are not
 * there are passed over. */
static int64_t walk_up(const char *root, const char *group, bool v2, limit_reader *read)
{
    char folder[PATH_MAX];
    int64_t least = 0;
    const int length = snprintf(folder, sizeof folder, "%s%s", root, group);
    if (length < 0 || length >= (int)sizeof folder) return 0;
    for (;;) {
        const int64_t n = read(folder, v2);
        if (n && (!least || n < least)) least = n;
        char *slash = strrchr(folder, '/');
        if (!slash || slash < folder + strlen(root)) return least;
        *slash = 0;
    }
}

/* Is the name among the comma-separated controllers? */
static bool is_among(const char *name, const char *list)
{
    for (size_t n; *list; list += n + (list[n] == ',')) {
        n = strcspn(list, ",");
        if (n == strlen(name) && memcmp(list, name, n) == 0) return true;
    }
    return false;
}

static int64_t cgroup_limit(const char *self, const char *root, const char *resource, limit_reader *read)
{
    FILE *f = fopen(self, "re");
    if (!f) return 0;
    int64_t least = 0;
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, f) > 0) {       /* hierarchy:controllers:path */
        line[strcspn(line, "\n")] = 0;
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group) continue;
        *group++ = 0;
        controllers++;
        const bool v2 = *controllers == 0;
        if (!v2 && !is_among(resource, controllers)) continue;
        char base[PATH_MAX];
        if (snprintf(base, sizeof base, "%s%s%s", root, v2 ? "" : "/", v2 ? "" : resource) >= (int)sizeof base) continue;
        const int64_t n = walk_up(base, group, v2, read);
        if (n && (!least || n < least)) least = n;
    }
    free(line);
    fclose(f);
    return least;
}

int cgroup_cpus(const char *self, const char *root) { return (int)cgroup_limit(self, root, "cpu", read_quota); }
int64_t cgroup_memory(const char *self, const char *root) { return cgroup_limit(self, root, "memory", read_memory); }

size_t compute_memory(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    size_t n = SIZE_MAX;
    if (pages <= 0 || bytes <= 0 || !size_mul((size_t)pages, (size_t)bytes, &n)) n = SIZE_MAX;
    const int64_t limit = cgroup_memory("/proc/self/cgroup", "/sys/fs/cgroup");
    return limit && (size_t)limit < n ? (size_t)limit : n;
}

int cpus_allowed(void)
{
    const int n = affinity_count(), limit = cgroup_cpus("/proc/self/cgroup", "/sys/fs/cgroup");
    return limit && limit < n ? limit : n;
}
