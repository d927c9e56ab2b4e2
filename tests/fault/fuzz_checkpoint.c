/* fuzz_checkpoint.c -- a checkpoint of a stranger: what resume and show read of it
 *
 * The first byte chooses.  1: as it is, which the digest refuses.  0: with the head that fits.  2: a good file, as heft writes it, in
 * which the bytes that follow leave things out or put others in their place: a byte for each item says whether it is as it should be
 * (even), missing (1 of 4), or made of the next bytes. */
#include "fault/fuzz.h"

#include "base/digest.h"
#include "hdf/table.h"
#include "plugin/registry.h"
#include "run/checkpoint.h"

enum { HEAD = 512 };

static const char yaml[] =
    "data: {format: houses, samples: 24, noise: 0, validation: 8}\nmodel: [{dense: {units: 1, name: out}}]\nloss: mean_squared_error\n"
    "optimizer: {sgd: {lr: 1e-2, momentum: 0.9}}\ntrain: {epochs: 2, batch: 16, threads: 1}\n";

/* One trainer for all inputs: what a refused checkpoint leaves in it is overwritten or refused by the next. */
static trainer *the_trainer(void)
{
    static trainer *t;
    if (t) return t;
    static const char *const dirs[] = { PLUGIN_DIR };
    problems pr = { 0 };
    experiment *e = experiment_parse("fuzz.yaml", "/", yaml, strlen(yaml), 0, NULL, &pr);
    data *d = e ? data_open(e->data, e->dir, e->seed, &pr) : NULL;
    t = d ? trainer_new(e, registry_new(1, dirs), d, &pr) : NULL;
    if (!t) {
        problems_print(&pr, stderr);
        abort();
    }
    return t;
}

static void put_checkpoint(const uint8_t *bytes, size_t n)
{
    uint8_t *whole = calloc(1, HEAD + n);
    if (!whole) abort();
    char hex[DIGEST_HEX];
    memcpy(whole + HEAD, bytes, n);
    digest_bytes(bytes, n, hex);
    snprintf((char *)whole, HEAD, "%s %zu %s\n", CHECKPOINT_FORMAT, n, hex);
    fuzz_put("c.h5", whole, HEAD + n);
    free(whole);
}

/* ---- a file of heft's with other things in it ---- */

typedef enum item_kind { TEXT, TEXTS, NUMBERS, ATTR_TEXT, ATTR_INT, ATTR_REAL } item_kind;

typedef struct item { item_kind kind; const char *path, *name, *text; hdf_type type; int rank; int64_t dim[2]; } item;

static const item items[] = {
    { TEXT, "/experiment", NULL, yaml },
    { ATTR_TEXT, "/data", "fingerprint", "x" },
    { TEXTS, "/data/column_names", NULL, "a" }, { TEXTS, "/data/target_names", NULL, "price" },
    { NUMBERS, "/data/n_classes", .type = HDF_I64 }, { NUMBERS, "/data/seed", .type = HDF_U64 },
    { NUMBERS, "/data/input/dims", .type = HDF_I64, .rank = 1, .dim = { 1 } }, { NUMBERS, "/data/input/limit", .type = HDF_I64 },
    { NUMBERS, "/data/input/type", .type = HDF_I64 }, { NUMBERS, "/data/target/dims", .type = HDF_I64, .rank = 1, .dim = { 1 } },
    { NUMBERS, "/data/target/limit", .type = HDF_I64 }, { NUMBERS, "/data/target/type", .type = HDF_I64 },
    { TEXTS, "/data/fields/names", NULL, "a" }, { TEXTS, "/data/fields/categories", NULL, "red" },
    { NUMBERS, "/data/fields/fill", .type = HDF_F64, .rank = 1, .dim = { 1 } },
    { NUMBERS, "/data/fields/n_categories", .type = HDF_I64, .rank = 1, .dim = { 1 } },
    { NUMBERS, "/data/fields/policy", .type = HDF_I64, .rank = 1, .dim = { 1 } },
    { NUMBERS, "/data/mean", .type = HDF_F64, .rank = 1, .dim = { 1 } }, { NUMBERS, "/data/factor", .type = HDF_F64, .rank = 1, .dim = { 1 } },
    { NUMBERS, "/data/target_mean", .type = HDF_F64, .rank = 1, .dim = { 1 } }, { TEXTS, "/data/class_names", NULL, "a" },
    { NUMBERS, "/data/target_scale", .type = HDF_F64, .rank = 1, .dim = { 1 } }, { NUMBERS, "/data/vocabulary", .type = HDF_U8, .rank = 1, .dim = { 1 } },
    { ATTR_TEXT, "/layers/out", "type", "dense" }, { ATTR_TEXT, "/layers/out", "role", "layer" },
    { NUMBERS, "/layers/out/weight", .type = HDF_F32, .rank = 2, .dim = { 8, 1 } },
    { NUMBERS, "/layers/out/bias", .type = HDF_F32, .rank = 1, .dim = { 1 } },
    { ATTR_TEXT, "/layers/loss", "type", "mean_squared_error" }, { ATTR_TEXT, "/layers/loss", "role", "loss" },
    { ATTR_TEXT, "/optimizer", "type", "sgd" },
    { NUMBERS, "/optimizer/out/weight/momentum", .type = HDF_F32, .rank = 2, .dim = { 8, 1 } },
    { NUMBERS, "/optimizer/out/bias/momentum", .type = HDF_F32, .rank = 1, .dim = { 1 } },
    { ATTR_INT, "/trainer", "epoch" }, { ATTR_INT, "/trainer", "step" }, { ATTR_INT, "/trainer", "position" },
    { ATTR_INT, "/trainer", "finished" }, { ATTR_INT, "/trainer", "stopped_early" }, { ATTR_REAL, "/trainer", "schedule_scale" },
    { ATTR_REAL, "/trainer", "schedule_best" }, { ATTR_INT, "/trainer", "schedule_bad" }, { ATTR_INT, "/trainer", "schedule_cooldown" },
    { ATTR_REAL, "/trainer", "stop_best" }, { ATTR_INT, "/trainer", "stop_wait" }, { ATTR_REAL, "/trainer", "best_value" },
    { ATTR_INT, "/trainer", "best_step" }, { NUMBERS, "/trainer/meter/samples", .type = HDF_F64 },
    { NUMBERS, "/trainer/meter/sum", .type = HDF_F64, .rank = 1, .dim = { 1 } },
    { NUMBERS, "/trainer/meter/tally", .type = HDF_F64, .rank = 1, .dim = { 0 } },
    { NUMBERS, "/metrics/epochs", .type = HDF_F64, .rank = 1, .dim = { 1 } },
};

typedef struct stream { const uint8_t *p, *end; } stream;

static uint8_t next(stream *s) { return s->p < s->end ? *s->p++ : 0; }

static void take(stream *s, void *to, size_t n)
{
    for (size_t i = 0; i < n; i++) ((uint8_t *)to)[i] = next(s);
}

static void put_item(hdf_file *f, const item *i, stream *s, problems *pr)
{
    static double values[64];
    const uint8_t choice = next(s);
    item_kind kind = i->kind;
    if (choice & 1 && (choice >> 1) % 4 == 0) return;
    char text_of[64] = "";
    const char *word = i->text;
    int64_t dim[3] = { i->dim[0], i->dim[1], 1 }, whole = 0;
    int rank = i->rank;
    hdf_type type = i->type;
    double real = 0;
    memset(values, 0, sizeof values);
    if (choice & 1) {
        take(s, text_of, choice >> 3 & 31);
        word = text_of;
        take(s, &whole, 8);
        take(s, &real, 8);
        take(s, values, 8 * (size_t)(choice >> 5));
        if (choice & 4) {                        /* another kind, of the same sort */
            if (kind < ATTR_TEXT) kind = next(s) % 3;
            else kind = ATTR_TEXT + next(s) % 3;
        }
        type = next(s) % 6;
        rank = next(s) % 4;
        for (int k = 0; k < rank; k++) dim[k] = next(s) % 5;
        if (!i->name && next(s) % 8 == 7) kind = ATTR_TEXT;
    }
    const char *name = i->name ? i->name : "odd";
    const char *list[] = { word ? word : "", word ? word : "" };
    switch (kind) {
    case TEXT: hdf_write_text(f, i->path, word ? word : "", pr); break;
    case TEXTS: hdf_write_texts(f, i->path, 1 + (choice >> 7), list, pr); break;
    case NUMBERS: hdf_write(f, i->path, type, rank, dim, values, pr); break;
    default:
        hdf_group(f, i->path, pr);
        if (kind == ATTR_TEXT) hdf_attr_text(f, i->path, name, word ? word : "", pr);
        else if (kind == ATTR_INT) hdf_attr_int(f, i->path, name, whole, pr);
        else hdf_attr_real(f, i->path, name, real, pr);
    }
}

static bool make_checkpoint(const uint8_t *bytes, size_t n)
{
    problems pr = { 0 };
    stream s = { bytes, bytes + n };
    char path[128];
    snprintf(path, sizeof path, "%s/c.h5", fuzz_enter());
    hdf_file *f = hdf_create(&pr);
    hdf_attr_text(f, "/", "format", CHECKPOINT_FORMAT, &pr);
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) put_item(f, &items[i], &s, &pr);
    bool made = false;
    if (pr.n) hdf_discard(f);
    else made = hdf_publish(f, CHECKPOINT_FORMAT, path, &pr) == 0;
    problems_free(&pr);
    return made;
}

/* ---- */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n < 1) return 0;
    if (bytes[0] % 3 == 1) fuzz_put("c.h5", bytes + 1, n - 1);
    else if (bytes[0] % 3 == 0) put_checkpoint(bytes + 1, n - 1);
    else if (!make_checkpoint(bytes + 1, n - 1)) return 0;
    char path[128];
    snprintf(path, sizeof path, "%s/c.h5", fuzz_enter());
    problems pr = { 0 };
    arena *a = arena_new();
    checkpoint *c = checkpoint_open(path, &pr);
    if (!c != (pr.n > 0)) abort();
    if (c) {
        size_t k;
        const char *text_of = checkpoint_experiment(c, &k);
        experiment *e = experiment_parse("c.h5", "/", text_of, k, 0, NULL, &pr);
        if (e) experiment_free(e);
        struct data_fit *fit = checkpoint_data_fit(c, a, &pr);
        bool has_targets;
        if (fit) data_free(data_open_for_predict(the_trainer()->experiment->data, "/", "4", fit, &has_targets, &pr));
        const size_t before = pr.n;
        if ((checkpoint_restore(c, the_trainer(), &pr) < 0) != (pr.n > before)) abort();
        table_free(table_read(checkpoint_file(c), "/metrics/steps", &pr));
        checkpoint_close(c);
    }
    arena_free(a);
    fuzz_print(&pr);
    return 0;
}
