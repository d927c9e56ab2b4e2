#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static void allocations_are_aligned_and_zero(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 63, 64, 65, 4096, 65535, 65536, 65537, 1 << 20, 3 };
    arena *a = arena_new();
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            unsigned char *p = arena_alloc(a, sizes[i], 1);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % 64, 0);
            for (size_t k = 0; k < sizes[i]; k++)
                if (p[k]) fail_msg("byte %zu of %zu is %d", k, sizes[i], p[k]);
            memset(p, 0xff, sizes[i]);
        }
    arena_free(a);
    arena_free(NULL);
}

static void strings_are_copies(void **state)
{
    (void)state;
    arena *a = arena_new();
    char word[] = "heft";
    char *all = arena_strdup(a, word), *part = arena_strndup(a, word, 2), *made = arena_printf(a, "%s-%d", word, 12);
    word[0] = 'l';
    assert_string_equal(all, "heft");
    assert_string_equal(part, "he");
    assert_string_equal(made, "heft-12");
    char *empty = arena_printf(a, "%s", "");
    assert_string_equal(empty, "");
    arena_free(a);
}

static void growing_keeps_what_was_there(void **state)
{
    (void)state;
    arena *a = arena_new();
    int *v = NULL;
    size_t room = 0;
    for (size_t n = 0; n < 1000; n++) {
        if (n == room) v = arena_grow(a, v, n, room = room ? 2 * room : 1, sizeof *v);
        assert_int_equal(v[n], 0);
        v[n] = (int)n;
    }
    for (int i = 0; i < 1000; i++) assert_int_equal(v[i], i);
    arena_free(a);
}

static void blocks(void **state)
{
    (void)state;
    char *p = block_alloc(1000, 3);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 64, 0);
    for (int i = 0; i < 3000; i++) assert_int_equal(p[i], 0);
    block_free(p);
    block_free(NULL);
    p = block_alloc(0, 8);
    assert_non_null(p);
    block_free(p);
    assert_null(block_alloc(SIZE_MAX / 2, 3));
    assert_null(block_alloc(SIZE_MAX, 1));
    assert_null(block_alloc((size_t)1 << 32, (size_t)1 << 32));
}

static void products(void **state)
{
    (void)state;
    const size_t big = SIZE_MAX;
    const struct { size_t a, b; bool fits; size_t product; } cases[] = {
        { 0, big, true, 0 }, { big, 0, true, 0 }, { 1, big, true, big }, { 3, 5, true, 15 },
        { big / 2, 2, true, big - 1 }, { big / 2 + 1, 2, false, 0 }, { big, big, false, 0 },
        { (size_t)1 << 32, (size_t)1 << 31, true, (size_t)1 << 63 }, { (size_t)1 << 32, (size_t)1 << 32, false, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t out = 0;
        assert_int_equal(size_mul(cases[i].a, cases[i].b, &out), cases[i].fits);
        if (cases[i].fits) assert_true(out == cases[i].product);
    }
}

static jmp_buf back;
static size_t asked;
static void catch(size_t bytes)
{
    asked = bytes;
    longjmp(back, 1);
}

static void exhaustion_reaches_the_handler(void **state)
{
    (void)state;
    arena *a = arena_new();
    memory_handler = catch;
    asked = 0;
    static const struct { size_t count, size; } impossible[] = { { SIZE_MAX / 2, 4 }, { SIZE_MAX - 10, 1 }, { 1, SIZE_MAX } };
    static volatile size_t i;
    for (i = 0; i < 3; i++) {
        if (!setjmp(back)) {
            arena_alloc(a, impossible[i].count, impossible[i].size);
            fail_msg("impossible allocation %zu came back", i);
        }
        assert_true(asked == SIZE_MAX);
    }
    memory_handler = NULL;
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_aligned_and_zero), cmocka_unit_test(strings_are_copies),
        cmocka_unit_test(growing_keeps_what_was_there), cmocka_unit_test(blocks),
        cmocka_unit_test(products), cmocka_unit_test(exhaustion_reaches_the_handler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
