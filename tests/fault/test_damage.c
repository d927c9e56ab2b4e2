/* test_damage.c -- every byte of a checkpoint changed, every length cut, every block zeroed: found before use, and the one before
 * it taken, with a message that names the damaged one */
#include <fcntl.h>
#include <unistd.h>

#include "run/scratch.h"

#define SMALL "data: {format: houses, samples: 64, validation: 16}\nmodel: [{dense: {units: 1}}]\nloss: mean_squared_error\n" \
              "optimizer: {sgd: {lr: 1e-2}}\ntrain: {epochs: 1, batch: 32}\n"

static const char good[] = "run/checkpoints/step-000000001.h5", bad[] = "run/checkpoints/step-000000002.h5";

static void put_run(size_t *n, char **bytes)
{
    setup s;
    saver none = { 0 };
    problems pr = { 0 };
    make_trainer(&s, SMALL);
    train_to_end(&s, &none);
    assert_int_equal(file_mkdirs("run/checkpoints", &pr), 0);
    assert_int_equal(checkpoint_save(s.trainer, good, &pr), 0);
    assert_int_equal(checkpoint_save(s.trainer, bad, &pr), 0);
    setup_end(&s);
    *bytes = file_read(bad, 1 << 24, n, &pr);
    expect_none(&pr);
}

static void expect_found(const char *what, size_t at)
{
    problems pr = { 0 };
    checkpoint *c = checkpoint_open(bad, &pr);
    if (c) fail_msg("%s at %zu: not found", what, at);
    if (pr.n != 1 || !pr.item[0].at.file || strcmp(pr.item[0].at.file, bad)) fail_msg("%s at %zu: not named", what, at);
    problems_free(&pr);
}

static void expect_fallback(const char *what, size_t at)
{
    problems damaged = { 0 }, pr = { 0 };
    arena *a = arena_new();
    const char *latest = run_latest("run", a, &damaged, &pr);
    if (!latest || strcmp(latest, good)) fail_msg("%s at %zu: %s is taken", what, at, latest ? latest : "nothing");
    if (damaged.n != 1 || strcmp(damaged.item[0].at.file, bad)) fail_msg("%s at %zu: the damaged one is not named", what, at);
    expect_none(&pr);
    problems_free(&damaged);
    arena_free(a);
}

static void put_at(int fd, const char *bytes, size_t n, size_t at)
{
    assert_int_equal(pwrite(fd, bytes, n, (off_t)at), n);
}

static void damaged(void **state)
{
    (void)state;
    enum { BLOCK = 512, SOMETIMES = 997 };
    size_t n;
    char *bytes;
    put_run(&n, &bytes);
    const int fd = open(bad, O_RDWR);
    assert_true(fd >= 0);
    for (size_t i = 0; i < n; i++) {
        const char flipped = (char)(bytes[i] ^ 1 << i % 8);
        put_at(fd, &flipped, 1, i);
        expect_found("a flipped bit", i);
        if (i % SOMETIMES == 0) expect_fallback("a flipped bit", i);
        put_at(fd, bytes + i, 1, i);
    }
    static const char zeros[BLOCK];
    for (size_t i = 0; i < n; i += BLOCK) {
        const size_t k = n - i < BLOCK ? n - i : BLOCK;
        if (!memcmp(bytes + i, zeros, k)) continue;          /* no change */
        put_at(fd, zeros, k, i);
        expect_found("a block of zeros", i);
        put_at(fd, bytes + i, k, i);
    }
    for (size_t i = n; i-- > 0;) {
        assert_int_equal(ftruncate(fd, (off_t)i), 0);
        expect_found("a cut", i);
        if (i % SOMETIMES == 0) expect_fallback("a cut", i);
    }
    close(fd);
    block_free(bytes);
}

/* Nothing but damage: a problem, and not a fresh start over what is there. */
static void all_damaged(void **state)
{
    (void)state;
    problems damaged_ones = { 0 }, pr = { 0 };
    arena *a = arena_new();
    assert_int_equal(truncate(good, 100), 0);
    assert_null(run_latest("run", a, &damaged_ones, &pr));
    assert_int_equal(damaged_ones.n, 2);
    assert_int_equal(pr.n, 1);
    problems_free(&damaged_ones);
    problems_free(&pr);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(damaged), cmocka_unit_test(all_damaged) };
    return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
