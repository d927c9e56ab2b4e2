#include "compute/reference.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 1000 };

static void count(void *context, int64_t i)
{
    _Atomic int *seen = context;
    atomic_fetch_add(&seen[i], 1);
}

static void test_each_once(void **state)
{
    (void)state;
    static const int threads[] = { 1, 2, 3, 5, 16 };
    static _Atomic int seen[MOST + 1];
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        compute_init(threads[t], COMPUTE_F32);
        assert_int_equal(compute_threads(), threads[t]);
        for (int64_t n = 0; n <= MOST; n += n < 40 ? 1 : 37) {
            for (int i = 0; i <= MOST; i++) seen[i] = 0;
            compute_parallel(n, count, seen);
            for (int64_t i = 0; i <= MOST; i++)
                if (seen[i] != (i < n))
                    fail_msg("%d threads, n %d: task %d ran %d times", threads[t], (int)n, (int)i, seen[i]);
        }
    }
}

/* Two tasks that wait for each other end only if two threads run them. */
static void meet(void *context, int64_t i)
{
    _Atomic int *arrived = context;
    (void)i;
    atomic_fetch_add(arrived, 1);
    while (atomic_load(arrived) < 2) sched_yield();
}

static void test_concurrent(void **state)
{
    (void)state;
    alarm(60);
    for (int threads = 2; threads <= 4; threads++) {
        compute_init(threads, COMPUTE_F32);
        _Atomic int arrived = 0;
        compute_parallel(2, meet, &arrived);
        assert_int_equal(arrived, 2);
    }
    alarm(0);
}

static void test_small_regions(void **state)
{
    (void)state;
    static _Atomic int seen[4];
    alarm(60);
    for (int threads = 2; threads <= 4; threads += 2) {
        compute_init(threads, COMPUTE_F32);
        for (int i = 0; i < 4; i++) seen[i] = 0;
        for (int i = 0; i < 2000; i++) compute_parallel(1 + i % 4, count, seen);
        assert_int_equal(seen[0], 2000);
        assert_int_equal(seen[3], 500);
    }
    alarm(0);
}

/* A region within a task, and regions of several threads at once, are done all the same. */
static void nested(void *context, int64_t i)
{
    (void)i;
    compute_parallel(3, count, context);
}

static void *call(void *seen)
{
    for (int i = 0; i < 500; i++) compute_parallel(2, nested, seen);
    return NULL;
}

static void test_many_callers(void **state)
{
    (void)state;
    static _Atomic int seen[3];
    pthread_t t[3];
    alarm(60);
    compute_init(2, COMPUTE_F32);
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&t[i], NULL, call, seen), 0);
    for (int i = 0; i < 3; i++) pthread_join(t[i], NULL);
    for (int i = 0; i < 3; i++) assert_int_equal(seen[i], 3000);
    alarm(0);
}

static void test_fork(void **state)
{
    (void)state;
    static _Atomic int seen[4];
    int status;
    compute_init(3, COMPUTE_F32);
    compute_parallel(4, count, seen);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(20);
        compute_parallel(4, count, seen);
        _exit(seen[0] == 2 && seen[3] == 2 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_automatic(void **state)
{
    (void)state;
    cpu_set_t before, one;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    compute_init(0, COMPUTE_F32);
    assert_in_range(compute_threads(), 1, CPU_COUNT(&before));
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &before)) CPU_SET(i, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    compute_init(0, COMPUTE_F32);
    assert_int_equal(compute_threads(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

static void put(const char *root, const char *path, const char *text)
{
    char full[512];
    snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(full, 0755);
        *slash = '/';
    }
    FILE *f = fopen(full, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_quota(void **state)
{
    (void)state;
    char root[] = "/tmp/heft-compute-XXXXXX", self[64], command[64];
    assert_non_null(mkdtemp(root));
    snprintf(self, sizeof self, "%s/self", root);
    put(root, "two/cpu.max", "250000 100000\n");
    put(root, "two/deep/cpu.max", "max 100000\n");
    put(root, "two/deep/least/cpu.max", "1000 100000\n");
    put(root, "free/cpu.max", "max 100000\n");
    put(root, "odd/cpu.max", "not a number\n");
    put(root, "cpu/old/cpu.cfs_quota_us", "400000\n");
    put(root, "cpu/old/cpu.cfs_period_us", "100000\n");
    put(root, "cpu/none/cpu.cfs_quota_us", "-1\n");
    put(root, "cpu/none/cpu.cfs_period_us", "100000\n");
    static const struct { const char *text; int want;
    } cases[] = {
        { "0::/two\n", 2 },
        { "0::/two/deep\n", 2 },
        { "0::/two/deep/least\n", 1 },
        { "0::/free\n", 0 },
        { "0::/odd\n", 0 },
        { "0::/\n", 0 },
        { "0::/two/not/here\n", 2 },
        { "0::/../two\n", 0 },
        { "", 0 },
        { "nonsense\n\n:\n", 0 },
        { "5:cpuset:/x\n4:cpuacct,cpu:/old\n0::/\n", 4 },
        { "4:cpuset,cpuacct:/old\n", 0 },
        { "4:cpu:/none\n", 0 },
        { "4:cpu:/old/x/y\n", 4 },
        { "4:cpu:/old\n0::/two\n", 2 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put(root, "self", cases[i].text);
        const int got = cgroup_cpus(self, root);
        if (got != cases[i].want) fail_msg("'%s': %d, not %d", cases[i].text, got, cases[i].want);
    }
    assert_int_equal(cgroup_cpus("/nowhere", root), 0);
    put(root, "two/memory.max", "max\n");
    put(root, "two/deep/memory.max", "1048576\n");
    put(root, "memory/old/memory.limit_in_bytes", "4096\n");
    put(root, "self", "0::/two\n");
    assert_int_equal(cgroup_memory(self, root), 0);
    put(root, "self", "0::/two/deep/least\n");
    assert_int_equal(cgroup_memory(self, root), 1048576);
    put(root, "self", "3:memory:/old\n0::/two/deep\n");
    assert_int_equal(cgroup_memory(self, root), 4096);
    assert_true(compute_memory() > 1 << 20);
    put(root, "cpu.max", "300000 100000\n");                         /* a container's own root */
    put(root, "self", "0::/hosts/name/of/it\n");
    assert_int_equal(cgroup_cpus(self, root), 3);
    snprintf(command, sizeof command, "rm -r %s", root);
    assert_int_equal(system(command), 0);
}

/* A thread's memory outlives it and goes to the next thread. */
static void *remember(void *out)
{
    local *l = local_get();
    memset(local_buffer(l, LOCAL_A, 100000), 1, 100000);
    assert_ptr_equal(local_get(), l);
    *(local **)out = l;
    return NULL;
}

static void test_local(void **state)
{
    (void)state;
    local *mine = local_get(), *first = NULL, *second = NULL;
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, remember, &first), 0);
    pthread_join(t, NULL);
    assert_int_equal(pthread_create(&t, NULL, remember, &second), 0);
    pthread_join(t, NULL);
    assert_ptr_equal(first, second);
    assert_ptr_not_equal(first, mine);
    assert_true((uintptr_t)local_buffer(mine, LOCAL_WORK, 0) % 64 == 0);
    assert_true((uintptr_t)local_buffer(mine, LOCAL_WORK, 12345) % 64 == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_once), cmocka_unit_test(test_concurrent), cmocka_unit_test(test_small_regions),
        cmocka_unit_test(test_many_callers),
        cmocka_unit_test(test_fork), cmocka_unit_test(test_automatic), cmocka_unit_test(test_quota), cmocka_unit_test(test_local),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
