#include "compute/internal.h"

#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

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

/* One quota file.  cpu.max holds "QUOTA PERIOD" or "max PERIOD"; version 1 has a file for each, quota -1 for
 * none. */
static int read_quota(const char *folder, bool v2)
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
    return n < 1 ? 1 : n > INT_MAX ? INT_MAX : (int)n;
}

/* A container often sees its own cgroup as the root while /proc names the host's path: parents that are not
 * there are passed over. */
static int walk_up(const char *root, const char *group, bool v2)
{
    char folder[PATH_MAX];
    int least = 0;
    int length = snprintf(folder, sizeof folder, "%s%s", root, group);
    if (length < 0 || length >= (int)sizeof folder) return 0;
    for (;;) {
        const int n = read_quota(folder, v2);
        if (n && (!least || n < least)) least = n;
        char *slash = strrchr(folder, '/');
        if (!slash || slash < folder + strlen(root)) return least;
        *slash = 0;
    }
}

/* Is "cpu" among the comma-separated controllers? */
static bool names_cpu(const char *list)
{
    for (size_t n; *list; list += n + (list[n] == ',')) {
        n = strcspn(list, ",");
        if (n == 3 && memcmp(list, "cpu", 3) == 0) return true;
    }
    return false;
}

int cgroup_cpus(const char *self, const char *root)
{
    FILE *f = fopen(self, "re");
    if (!f) return 0;
    int least = 0;
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
        if (!v2 && !names_cpu(controllers)) continue;
        char base[PATH_MAX];
        if (snprintf(base, sizeof base, "%s%s", root, v2 ? "" : "/cpu") >= (int)sizeof base) continue;
        const int n = walk_up(base, group, v2);
        if (n && (!least || n < least)) least = n;
    }
    free(line);
    fclose(f);
    return least;
}

int cpus_allowed(void)
{
    const int n = affinity_count(), limit = cgroup_cpus("/proc/self/cgroup", "/sys/fs/cgroup");
    return limit && limit < n ? limit : n;
}
