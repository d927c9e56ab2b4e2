/* fuzz_descriptor.c -- a plugin's descriptor.  Its pointers are made to point at parts of the input, or nowhere, as the bytes in
 * their place say: a plugin with wild pointers is a crash of its own, which the probe's child process takes. */
#include "fault/fuzz.h"

#include "config/options.h"
#include "plugin/load.h"

enum { ROWS = 4, TEXTS = 8 };

static char texts[TEXTS][24];

static const char *some_text(const void *field)
{
    const uint8_t k = *(const uint8_t *)field;
    return k % (TEXTS + 1) == TEXTS ? NULL : texts[k % (TEXTS + 1)];
}

static void take(const uint8_t **from, size_t *n, void *to, size_t want)
{
    memset(to, 0, want);
    const size_t k = *n < want ? *n : want;
    memcpy(to, *from, k);
    *from += k;
    *n -= k;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static heft_option table[ROWS + 1];
    static union { heft_head head; heft_layer layer; heft_optimizer optimizer; heft_initializer initializer; char room[1024]; } d;
    uint8_t mode;
    take(&bytes, &n, &mode, 1);
    for (int i = 0; i < TEXTS; i++) {
        take(&bytes, &n, texts[i], sizeof texts[i] - 1);
        texts[i][sizeof texts[i] - 1] = 0;
    }
    memset(table, 0, sizeof table);
    for (int i = 0; i < ROWS; i++) {
        take(&bytes, &n, &table[i], sizeof table[i]);
        table[i].name = some_text(&table[i].name), table[i].doc = some_text(&table[i].doc);
        table[i].text = some_text(&table[i].text), table[i].def_text = some_text(&table[i].def_text);
    }
    table[ROWS].type = HEFT_END;
    memset(&d, 0, sizeof d);
    take(&bytes, &n, &d, sizeof d);
    if (mode & 1) d.head.magic = HEFT_MAGIC, d.head.abi = HEFT_ABI;
    if (mode & 2) d.head.kind = 1 + d.head.kind % 3, d.head.size = (uint32_t)descriptor_size(d.head.kind);
    d.head.name = mode & 4 ? "stem" : some_text(&d.head.name);
    d.head.doc = some_text(&d.head.doc);
    d.head.options = d.head.options ? table : NULL;
    problems pr = { 0 };
    const size_t room = mode & 8 ? sizeof d : d.head.size < sizeof d ? d.head.size : sizeof d;
    if ((descriptor_check(&d.head, room, 0, "stem", (place){ "stem.so", 0, 0 }, &pr) < 0) != (pr.n > 0)) abort();
    if (!pr.n && d.head.options && d.head.instance_size) {
        /* A table that was accepted can be read into an instance, and listed. */
        arena *a = arena_new();
        options_read(table, NULL, (place){ "stem.so", 0, 0 }, "stem", NULL, arena_alloc(a, d.head.instance_size, 1), a, &pr);
        for (const heft_option *row = table; row->type != HEFT_END; row++) {
            text out = { 0 };
            options_type_text(row, &out);
            options_default_text(row, &out);
            text_free(&out);
        }
        arena_free(a);
    }
    fuzz_print(&pr);
    return 0;
}
