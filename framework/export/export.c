#include "export/export.h"

#include <string.h>

#include <zlib.h>

#include "report/json.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are written as they lie in memory");

/* ---- reading ---- */

static int read_tensor(hdf_file *f, const char *path, export_tensor *t, arena *a, problems *pr)
{
    hdf_type type;
    if (hdf_shape(f, path, &type, &t->rank, t->dim, pr) < 0) return -1;
    size_t count = 1;
    for (int i = 0; i < t->rank; i++) count *= (size_t)t->dim[i];        /* fits: hdf_shape */
    t->bytes = count * sizeof *t->value;
    t->value = block_alloc(count, sizeof *t->value);
    if (t->value) return hdf_read(f, path, HDF_F32, t->rank, t->dim, t->value, pr);
    problems_add(pr, hdf_place(f, path, a), "no memory for %zu numbers", count);
    return -1;
}

int export_read(checkpoint *c, export_set *out, problems *pr)
{
    hdf_file *f = checkpoint_file(c);
    int64_t layers, tensors;
    char **layer, **tensor;
    *out = (export_set){ .memory = arena_new() };
    arena *a = out->memory;
    if (hdf_members(f, "/layers", a, &layers, &layer, pr) < 0) return -1;
    for (int64_t i = 0; i < layers; i++) {
        if (hdf_members(f, arena_printf(a, "/layers/%s", layer[i]), a, &tensors, &tensor, pr) < 0) return -1;
        out->tensor = arena_grow(a, out->tensor, (size_t)out->n, (size_t)(out->n + tensors), sizeof *out->tensor);
        for (int64_t k = 0; k < tensors; k++) {
            export_tensor *t = &out->tensor[out->n++];
            t->name = arena_printf(a, "%s/%s", layer[i], tensor[k]);
            if (read_tensor(f, arena_printf(a, "/layers/%s", t->name), t, a, pr) < 0) return -1;
        }
    }
    return 0;
}

void export_free(export_set *s)
{
    for (int64_t i = 0; i < s->n; i++) block_free(s->tensor[i].value);
    if (s->memory) arena_free(s->memory);
    *s = (export_set){ 0 };
}

static void put(text *t, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) text_add_n(t, (const char[]){ (char)(v >> 8 * i & 255) }, 1);
}

/* ---- safetensors: https://github.com/huggingface/safetensors, "Format" ---- */

static int pack_safetensors(const export_set *s, text *out, problems *pr)
{
    (void)pr;
    text head = { 0 };
    size_t at = 0;
    json_open(&head, NULL, '{');
    json_open(&head, "__metadata__", '{');
    json_string(&head, "format", "heft");
    json_close(&head, '}');
    for (int64_t i = 0; i < s->n; i++) {
        const export_tensor *t = &s->tensor[i];
        json_open(&head, t->name, '{');
        json_string(&head, "dtype", "F32");
        json_open(&head, "shape", '[');
        for (int k = 0; k < t->rank; k++) json_int(&head, NULL, t->dim[k]);
        json_close(&head, ']');
        json_open(&head, "data_offsets", '[');
        json_int(&head, NULL, (int64_t)at);
        json_int(&head, NULL, (int64_t)(at += t->bytes));
        json_close(&head, ']');
        json_close(&head, '}');
    }
    json_close(&head, '}');
    while (head.n % 8) text_add(&head, " ");
    put(out, head.n, 8);
    text_add_n(out, head.s, head.n);
    for (int64_t i = 0; i < s->n; i++) text_add_n(out, (const char *)s->tensor[i].value, s->tensor[i].bytes);
    text_free(&head);
    return 0;
}

/* ---- npz: PKWARE's APPNOTE.TXT, 4.3, method 0; numpy.lib.format, version 1.0 ---- */

enum { NPY_ALIGNMENT = 64, ZIP_VERSION = 20, ZIP_UTF8 = 1 << 11, ZIP_DATE = 1 << 5 | 1 };       /* 1980-01-01: equal weights make equal bytes */

static void npy_head(const export_tensor *t, text *out)
{
    text words = { 0 };
    text_add(&words, "{'descr': '<f4', 'fortran_order': False, 'shape': (");
    for (int i = 0; i < t->rank; i++) text_printf(&words, "%lld,%s", (long long)t->dim[i], i + 1 < t->rank ? " " : "");
    text_add(&words, "), }");
    while ((10 + words.n + 1) % NPY_ALIGNMENT) text_add(&words, " ");
    text_add(&words, "\n");
    text_add_n(out, "\x93NUMPY\1\0", 8);
    put(out, words.n, 2);
    text_add_n(out, words.s, words.n);
    text_free(&words);
}

typedef struct zip_entry { text head; uint32_t crc; size_t at; } zip_entry;

/* What the header in front of a file and its line in the directory have in common. */
static void zip_fields(const export_tensor *t, const zip_entry *e, text *out)
{
    const size_t n = e->head.n + t->bytes;
    put(out, ZIP_VERSION, 2);
    put(out, ZIP_UTF8, 2);
    put(out, 0, 2);                              /* stored */
    put(out, (uint64_t)ZIP_DATE << 16, 4);
    put(out, e->crc, 4);
    put(out, n, 4);
    put(out, n, 4);
    put(out, strlen(t->name) + strlen(".npy"), 2);
    put(out, 0, 2);
}

static int pack_npz(const export_set *s, text *out, problems *pr)
{
    size_t all = 0;
    bool fits = s->n <= UINT16_MAX;
    for (int64_t i = 0; i < s->n; i++) {
        const size_t name = strlen(s->tensor[i].name);
        fits = fits && name < UINT16_MAX / 2 && !__builtin_add_overflow(all, s->tensor[i].bytes + 2 * name + 1024, &all);
    }
    if (!fits || all > UINT32_MAX) {
        problems_add(pr, (place){ 0 }, "%lld tensors of %zu bytes; npz takes 65535 of 4 GiB together, safetensors more", (long long)s->n, all);
        return -1;
    }
    arena *a = arena_new();
    zip_entry *entry = arena_alloc(a, (size_t)s->n, sizeof *entry);
    for (int64_t i = 0; i < s->n; i++) {
        const export_tensor *t = &s->tensor[i];
        zip_entry *e = &entry[i];
        npy_head(t, &e->head);
        e->crc = (uint32_t)crc32_z(crc32_z(0, (const Bytef *)e->head.s, e->head.n), (const Bytef *)t->value, t->bytes);
        e->at = out->n;
        put(out, 0x04034b50, 4);
        zip_fields(t, e, out);
        text_printf(out, "%s.npy", t->name);
        text_add_n(out, e->head.s, e->head.n);
        text_add_n(out, (const char *)t->value, t->bytes);
    }
    const size_t directory = out->n;
    for (int64_t i = 0; i < s->n; i++) {
        put(out, 0x02014b50, 4);
        put(out, ZIP_VERSION, 2);
        zip_fields(&s->tensor[i], &entry[i], out);
        put(out, 0, 6);                          /* no comment, disk 0, no attributes */
        put(out, 0, 4);
        put(out, entry[i].at, 4);
        text_printf(out, "%s.npy", s->tensor[i].name);
        text_free(&entry[i].head);
    }
    const size_t length = out->n - directory;
    put(out, 0x06054b50, 4);
    put(out, 0, 4);
    put(out, (uint64_t)s->n, 2);
    put(out, (uint64_t)s->n, 2);
    put(out, length, 4);
    put(out, directory, 4);
    put(out, 0, 2);
    arena_free(a);
    return 0;
}

static const export_format formats[] = { { "npz", pack_npz }, { "safetensors", pack_safetensors } };

const export_format *export_formats(int i) { return i >= 0 && i < (int)(sizeof formats / sizeof *formats) ? &formats[i] : NULL; }
