/* test_export.c -- the bytes of exported files, read back by their formats' rules */
#include <zlib.h>

#include "compute/compute.h"
#include "export/export.h"
#include "predict/saved.h"

#define MODEL "data: {format: digits, samples: 32, test: 8, size: 8}\nmodel:\n  - flatten\n  - dense: {units: 5, name: first}\n" \
              "  - batch_norm: {name: norm}\n  - prelu: {name: slope}\n  - dense: {units: 10, name: last}\n" \
              "loss: softmax_cross_entropy\noptimizer: sgd\n"

typedef struct known { const char *name; size_t count; } known;
static const known tensors[] = { { "first/weight", 320 }, { "first/bias", 5 }, { "norm/gamma", 5 }, { "norm/beta", 5 }, { "norm/mean", 5 },
                                 { "norm/var", 5 }, { "slope/slope", 1 }, { "last/weight", 50 }, { "last/bias", 10 } };
enum { TENSORS = sizeof tensors / sizeof *tensors };

static int begin(void **state)
{
    if (enter_scratch(state)) return -1;
    save_model(MODEL, "model.h5", false);
    return 0;
}

static export_set read_set(void)
{
    problems pr = { 0 };
    export_set s;
    checkpoint *c = checkpoint_open("model.h5", &pr);
    assert_non_null(c);
    assert_int_equal(export_read(c, &s, &pr), 0);
    checkpoint_close(c);
    expect_none(&pr);
    return s;
}

static const export_tensor *tensor_of(const export_set *s, const char *name)
{
    for (int64_t i = 0; i < s->n; i++)
        if (!strcmp(s->tensor[i].name, name)) return &s->tensor[i];
    fail_msg("no %s", name);
    return NULL;
}

static text pack(const export_set *s, const char *format)
{
    problems pr = { 0 };
    text out = { 0 };
    for (int i = 0; export_formats(i); i++)
        if (!strcmp(export_formats(i)->name, format)) assert_int_equal(export_formats(i)->pack(s, &out, &pr), 0);
    expect_none(&pr);
    assert_true(out.n > 0);
    return out;
}

static uint64_t get(const char *at, int bytes)
{
    uint64_t v = 0;
    for (int i = bytes; i--;) v = v << 8 | (unsigned char)at[i];
    return v;
}

static void whole_set(void **state)
{
    (void)state;
    export_set s = read_set();
    for (int i = 0; i < TENSORS; i++) assert_int_equal(tensor_of(&s, tensors[i].name)->bytes, 4 * tensors[i].count);
    assert_int_equal(s.n, TENSORS);
    const export_tensor *w = tensor_of(&s, "first/weight");
    assert_true(w->rank == 2 && w->dim[0] == 64 && w->dim[1] == 5 && w->value[0] != 0);
    export_free(&s);
}

/* Offsets without gaps, from 0 to the end, of the sizes that the shapes say. */
static void safetensors(void **state)
{
    (void)state;
    export_set s = read_set();
    text file = pack(&s, "safetensors");
    const size_t head = (size_t)get(file.s, 8);
    assert_int_equal(head % 8, 0);
    assert_true(file.s[8] == '{');
    char *json = strndup(file.s + 8, head);
    const char *at = strstr(json, "\"__metadata__\": {\"format\": \"heft\"}");
    assert_non_null(at);
    unsigned long long end = 0;
    for (int64_t i = 0; i < s.n; i++) {
        char name[100], dtype[8];
        unsigned long long from, to;
        snprintf(name, sizeof name, "\"%s\": {\"dtype\": \"", s.tensor[i].name);
        const char *entry = strstr(json, name), *offsets = entry ? strstr(entry, "\"data_offsets\": [") : NULL;
        assert_non_null(offsets);
        assert_int_equal(sscanf(entry + strlen(name), "%3[^\"]", dtype), 1);
        assert_string_equal(dtype, "F32");
        assert_int_equal(sscanf(offsets, "\"data_offsets\": [%llu, %llu]", &from, &to), 2);
        assert_true(from == end && to - from == s.tensor[i].bytes);
        assert_memory_equal(file.s + 8 + head + from, s.tensor[i].value, s.tensor[i].bytes);
        end = to;
    }
    assert_non_null(strstr(json, "\"shape\": [64, 5]"));
    assert_int_equal(8 + head + end, file.n);
    free(json);
    text_free(&file);
    export_free(&s);
}

/* From the end to the directory, from there to each file: names, lengths and checksums of both places agree. */
static void npz(void **state)
{
    (void)state;
    export_set s = read_set();
    text file = pack(&s, "npz");
    const char *end = file.s + file.n - 22;
    assert_int_equal(get(end, 4), 0x06054b50);
    assert_int_equal(get(end + 10, 2), s.n);
    const char *line = file.s + get(end + 16, 4);
    assert_ptr_equal(line + get(end + 12, 4), end);
    for (int64_t i = 0; i < s.n; i++) {
        const export_tensor *t = &s.tensor[i];
        assert_int_equal(get(line, 4), 0x02014b50);
        const size_t name = (size_t)get(line + 28, 2), size = (size_t)get(line + 24, 4);
        const char *head = file.s + get(line + 42, 4), *npy = head + 30 + name;
        assert_int_equal(get(head, 4), 0x04034b50);
        assert_memory_equal(head + 4, line + 6, 26);
        assert_memory_equal(head + 30, line + 46, name);
        assert_int_equal(name, strlen(t->name) + 4);
        assert_memory_equal(head + 30, t->name, strlen(t->name));
        assert_memory_equal(head + 30 + strlen(t->name), ".npy", 4);
        assert_true(get(line + 10, 2) == 0 && get(line + 20, 4) == size);
        assert_int_equal(crc32(0, (const Bytef *)npy, (uInt)size), get(line + 16, 4));
        assert_memory_equal(npy, "\x93NUMPY\1\0", 8);
        const size_t words = (size_t)get(npy + 8, 2);
        assert_int_equal((10 + words) % 64, 0);
        assert_true(npy[10 + words - 1] == '\n' && size == 10 + words + t->bytes);
        assert_memory_equal(npy + 10 + words, t->value, t->bytes);
        line += 46 + name;
    }
    assert_ptr_equal(line, end);
    assert_non_null(memmem(file.s, file.n, "{'descr': '<f4', 'fortran_order': False, 'shape': (64, 5,), }", 61));
    text_free(&file);
    export_free(&s);
}

/* A scalar, an empty tensor, no tensor at all; more than npz can hold. */
static void corners(void **state)
{
    (void)state;
    float one = 1;
    export_tensor odd[] = { { "a/scalar", 0, { 0 }, 4, &one }, { "a/empty", 2, { 0, 3 }, 0, &one } };
    export_set s = { NULL, 2, odd }, none = { 0 };
    text npz = pack(&s, "npz"), safe = pack(&s, "safetensors"), empty = pack(&none, "npz"), header = pack(&none, "safetensors");
    assert_non_null(memmem(npz.s, npz.n, "'shape': (), }", 14));
    assert_non_null(memmem(npz.s, npz.n, "'shape': (0, 3,), }", 19));
    assert_non_null(strstr(safe.s + 8, "\"shape\": [], \"data_offsets\": [0, 4]"));
    assert_non_null(strstr(safe.s + 8, "\"shape\": [0, 3], \"data_offsets\": [4, 4]"));
    assert_int_equal(empty.n, 22);
    assert_int_equal(get(header.s, 8) + 8, header.n);
    text *all[] = { &npz, &safe, &empty, &header };
    for (int i = 0; i < 4; i++) text_free(all[i]);

    odd[0].bytes = UINT32_MAX;
    problems pr = { 0 };
    assert_int_equal(export_formats(0)->pack(&s, &npz, &pr), -1);
    expect_problem(&pr, "npz takes 65535 of 4 GiB together, safetensors more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_set), cmocka_unit_test(safetensors), cmocka_unit_test(npz), cmocka_unit_test(corners),
    };
    compute_init(1, COMPUTE_F32);
    return cmocka_run_group_tests(tests, begin, leave_scratch);
}
