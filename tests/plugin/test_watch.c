/* A field of an instance is seen to be read, or not, and faults of the plugin's own stay faults. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "plugin/watch.h"

typedef struct instance { double rate; bool on, off; int kind; int64_t size; char rest[5000]; double last; } instance;

static volatile double sink;

/* What "passes" do; each is called with the instance under watch. */
static void nothing(void *self) { (void)self; }
static void reads_rate(void *self) { sink = ((volatile instance *)self)->rate; }
static void reads_on(void *self) { sink = ((volatile instance *)self)->on; }
static void reads_size(void *self)
{
    for (int i = 0; i < 1000; i++) sink = (double)((volatile instance *)self)->size;
}
static void reads_last(void *self) { sink = ((volatile instance *)self)->last; }
static void writes_size(void *self) { ((volatile instance *)self)->size = 7; }
static void writes_then_reads(void *self)
{
    writes_size(self);
    reads_size(self);
}
static void reads_then_writes(void *self)
{
    reads_size(self);
    writes_size(self);
}
static void *(*volatile copy)(void *, const void *, size_t) = memcpy;
static void copies(void *self)
{
    char there[64];
    copy(there, (char *)self + 8, sizeof there);
}

#define FIELD(f) offsetof(instance, f), sizeof ((instance *)0)->f

static const struct { const char *name; size_t offset, size; void (*pass)(void *self); watched seen; } cases[] = {
    { "nothing",                      FIELD(rate), nothing,           WATCH_UNREAD },
    { "the field",                    FIELD(rate), reads_rate,        WATCH_READ },
    { "one behind it",                FIELD(rate), reads_size,        WATCH_UNREAD },
    { "one in front of it",           FIELD(size), reads_rate,        WATCH_UNREAD },
    { "many times",                   FIELD(size), reads_size,        WATCH_READ },
    { "written",                      FIELD(size), writes_size,       WATCH_UNREAD },
    { "written, then read",           FIELD(size), writes_then_reads, WATCH_UNREAD },
    { "read, then written",           FIELD(size), reads_then_writes, WATCH_READ },
    { "one byte",                     FIELD(on),   reads_on,          WATCH_READ },
    { "next to it, perhaps with it",  FIELD(off),  reads_on,          WATCH_UNKNOWN },
    { "far behind it",                FIELD(rate), reads_last,        WATCH_UNREAD },
    { "on the second page",           FIELD(last), reads_last,        WATCH_READ },
};

#if defined(__x86_64__) && defined(__linux__)

static void fields_are_seen(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(watch_open(sizeof(instance), cases[i].offset, cases[i].size));
        assert_null(watch_instance(sizeof(instance) + 1));
        instance *self = watch_instance(sizeof *self);
        assert_non_null(self);
        self->size = 3;                                            /* the host's, between passes */
        watch_pass(true);
        cases[i].pass(self);
        watch_pass(false);
        assert_true(self->size == 3 || self->size == 7);
        const watched seen = watch_close();
        if (seen != cases[i].seen) fail_msg("%s: %d, expected %d", cases[i].name, seen, cases[i].seen);
        assert_null(watch_instance(sizeof(instance)));
    }
}

/* Of a copy it cannot be said where it ends; never that it did not read the field. */
static void a_copy_is_not_unread(void **state)
{
    (void)state;
    assert_true(watch_open(sizeof(instance), FIELD(size)));
    void *self = watch_instance(sizeof(instance));
    watch_pass(true);
    copies(self);
    watch_pass(false);
    assert_int_not_equal(watch_close(), WATCH_UNREAD);
}

static void other_faults_still_kill(void **state)
{
    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        if (!watch_open(sizeof(instance), FIELD(rate))) _exit(1);
        watch_pass(true);
        volatile uintptr_t nowhere = 16;
        reads_rate((void *)nowhere);
        _exit(2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(fields_are_seen), cmocka_unit_test(a_copy_is_not_unread),
                                        cmocka_unit_test(other_faults_still_kill) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void nothing_is_claimed(void **state)
{
    (void)state, (void)cases, (void)copies;
    assert_false(watch_open(sizeof(instance), FIELD(rate)));
    assert_int_equal(watch_close(), WATCH_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_is_claimed) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
