/* show_diff.c -- where two checkpoints differ: the experiment by keys, numbers by groups, metrics by columns */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "cli/cli.h"
#include "cli/show.h"
#include "report/columns.h"
#include "report/json.h"
#include "report/settings.h"

/* Of one group: how far b's numbers lie from a's.  Texts count as numbers without a distance. */
typedef struct distance {
    int64_t     n, differ;
    double      squares, base, most;         /* sums of (a - b)^2 and a^2; max |a - b| */
    const char *first;                       /* NULL: none */
} distance;

/* One way of the two is in use: tables for people, or an object for programs. */
typedef struct list { columns *table; size_t n; } list;

typedef struct diff {
    arena *memory;
    shown  a, b;
    bool   as_json;
    text   json;
    list   experiment, content, training;
} diff;

/* ---- what is said ---- */

/* A change of `what`; in a table, of a column of it, first where its key has this value and in so many rows. */
typedef struct change { const char *what, *column, *key; double at; int64_t rows; const char *a, *b; } change;

static void add_change(diff *d, list *l, const change *c)
{
    l->n++;
    if (!d->as_json) {
        const char *what = c->column ? arena_printf(d->memory, "%s: %s", c->what, c->column) : c->what;
        if (c->key) what = arena_printf(d->memory, "%s, %s %g, the first of %" PRId64, what, c->key, c->at, c->rows);
        columns_add(l->table, (const char *const[]){ what, c->a ? c->a : "-", c->b ? c->b : "-" });
        return;
    }
    json_open(&d->json, NULL, '{');
    json_string(&d->json, "what", c->what);
    if (c->column) json_string(&d->json, "column", c->column);
    if (c->key) {
        json_real(&d->json, c->key, c->at);
        json_int(&d->json, "rows", c->rows);
    }
    json_string(&d->json, "a", c->a);
    json_string(&d->json, "b", c->b);
    json_close(&d->json, '}');
}

static void add_distance(diff *d, const char *path, const distance *far)
{
    const double none = NAN, l2 = far->most > 0 ? sqrt(far->squares) : none, most = far->most > 0 ? far->most : none,
                 relative = far->most > 0 && far->base > 0 ? sqrt(far->squares / far->base) : none;
    d->content.n++;
    if (d->as_json) {
        json_open(&d->json, NULL, '{');
        json_string(&d->json, "path", path);
        json_int(&d->json, "values", far->n);
        json_int(&d->json, "differ", far->differ);
        json_real(&d->json, "l2", l2);
        json_real(&d->json, "max", most);
        json_real(&d->json, "relative", relative);
        json_string(&d->json, "first", far->first);
        json_close(&d->json, '}');
        return;
    }
    char n[32], differ[32];
    const double number[] = { l2, most, relative };
    const char *cell[3];
    text_count(far->n, n);
    text_count(far->differ, differ);
    for (int i = 0; i < 3; i++) cell[i] = isnan(number[i]) ? "-" : arena_printf(d->memory, "%.3g", number[i]);
    columns_add(d->content.table, (const char *const[]){ path, n, differ, cell[0], cell[1], cell[2], far->first });
}

/* ---- data sets ---- */

static const size_t size_of[] = { [HDF_F32] = 4, [HDF_F64] = 8, [HDF_I32] = 4, [HDF_I64] = 8, [HDF_U8] = 1, [HDF_U64] = 8 };

static double number_at(hdf_type type, const void *values, int64_t i)
{
    switch (type) {
    case HDF_F32: return (double)((const float *)values)[i];
    case HDF_F64: return ((const double *)values)[i];
    case HDF_I32: return ((const int32_t *)values)[i];
    case HDF_I64: return (double)((const int64_t *)values)[i];
    case HDF_U64: return (double)((const uint64_t *)values)[i];
    case HDF_U8:  break;
    }
    return ((const uint8_t *)values)[i];
}

/* Reads back as the same number. */
static const char *text_at(arena *a, hdf_type type, const void *values, int64_t i)
{
    char s[32];
    if (type == HDF_I64) return arena_printf(a, "%" PRId64, ((const int64_t *)values)[i]);
    if (type == HDF_U64) return arena_printf(a, "%" PRIu64, ((const uint64_t *)values)[i]);
    if (type == HDF_F32) text_float(((const float *)values)[i], s);
    else text_double(number_at(type, values, i), s);
    return arena_strdup(a, s);
}

static const char *indices(arena *a, int64_t i, int rank, const int64_t *dim)
{
    const char *s = rank ? "]" : "";
    for (int k = rank - 1; k >= 0; k--) {
        s = arena_printf(a, "%s%" PRId64 "%s", k ? ", " : "[", i % dim[k], s);
        i /= dim[k];
    }
    return s;
}

__attribute__((format(printf, 3, 4)))
static void differs(diff *d, distance *to, const char *fmt, ...)
{
    text t = { 0 };
    va_list ap;
    va_start(ap, fmt);
    text_vprintf(&t, fmt, ap);
    va_end(ap);
    to->differ++;
    if (!to->first) to->first = arena_strndup(d->memory, t.s, t.n);
    text_free(&t);
}

/* name: of the data set in its group. */
static void add_numbers(diff *d, const char *name, hdf_type type, int rank, const int64_t *dim, int64_t n, const void *x, const void *y,
                        distance *to)
{
    to->n += n;
    for (int64_t i = 0; i < n; i++) {
        const size_t at = (size_t)i * size_of[type];
        const double u = number_at(type, x, i), far = fabs(u - number_at(type, y, i));
        to->base += u * u;
        if (!memcmp((const char *)x + at, (const char *)y + at, size_of[type])) continue;
        to->squares += isnan(far) ? INFINITY : far * far;
        to->most = isnan(far) ? INFINITY : fmax(to->most, far);
        if (to->first) to->differ++;
        else
            differs(d, to, "%s%s: %s and %s", name, indices(d->memory, i, rank, dim), text_at(d->memory, type, x, i),
                    text_at(d->memory, type, y, i));
    }
}

static void compare_numbers(diff *d, const char *path, const char *name, distance *to, problems *pr)
{
    hdf_type type[2];
    int rank[2];
    int64_t dim[2][HDF_MAX_RANK], n = 1;
    if (hdf_shape(d->a.file, path, &type[0], &rank[0], dim[0], pr) < 0) return;
    if (hdf_shape(d->b.file, path, &type[1], &rank[1], dim[1], pr) < 0) return;
    if (type[0] != type[1] || rank[0] != rank[1] || memcmp(dim[0], dim[1], (size_t)rank[0] * sizeof **dim) != 0) {
        text s = { 0 };
        text_dims(&s, rank[0], dim[0]);
        text_add(&s, " and ");
        text_dims(&s, rank[1], dim[1]);
        differs(d, to, "%s: %s%s", name, s.s, type[0] == type[1] ? "" : ", of other types");
        text_free(&s);
        return;
    }
    for (int k = 0; k < rank[0]; k++) n *= dim[0][k];
    void *x = block_alloc((size_t)n, size_of[type[0]]), *y = block_alloc((size_t)n, size_of[type[0]]);
    if (!x || !y) problems_add(pr, hdf_place(d->a.file, path, d->memory), "no memory for %" PRId64 " numbers", n);
    else if (hdf_read(d->a.file, path, type[0], rank[0], dim[0], x, pr) == 0 && hdf_read(d->b.file, path, type[0], rank[0], dim[0], y, pr) == 0)
        add_numbers(d, name, type[0], rank[0], dim[0], n, x, y, to);
    block_free(x);
    block_free(y);
}

static void compare_texts(diff *d, const char *name, int64_t n, char *const *x, int64_t m, char *const *y, distance *to)
{
    to->n += n;
    if (n != m) differs(d, to, "%s: %" PRId64 " and %" PRId64 " texts", name, n, m);
    for (int64_t i = 0; i < n && i < m; i++)
        if (strcmp(x[i], y[i])) differs(d, to, "%s%s: '%s' and '%s'", name, n == 1 ? "" : indices(d->memory, i, 1, &n), x[i], y[i]);
}

/* ---- groups ---- */

/* Members of both, a's order first. */
static size_t members(diff *d, const char *path, const char ***out, problems *pr)
{
    int64_t n[2] = { 0, 0 };
    char **name[2] = { NULL, NULL };
    size_t k = 0;
    if (hdf_is_group(d->a.file, path)) hdf_members(d->a.file, path, d->memory, &n[0], &name[0], pr);
    if (hdf_is_group(d->b.file, path)) hdf_members(d->b.file, path, d->memory, &n[1], &name[1], pr);
    *out = arena_alloc(d->memory, (size_t)(n[0] + n[1]) + 1, sizeof **out);
    for (int side = 0; side < 2; side++)
        for (int64_t i = 0; i < n[side]; i++) {
            bool known = false;
            for (int64_t j = 0; side && j < n[0] && !known; j++) known = !strcmp(name[0][j], name[1][i]);
            if (!known) (*out)[k++] = name[side][i];
        }
    return k;
}

static void compare_below(diff *d, const char *path, const char *name, distance *to, problems *pr)
{
    const bool in_a = hdf_exists(d->a.file, path), in_b = hdf_exists(d->b.file, path);
    if (in_a != in_b) differs(d, to, "%s%sonly in %s", name, *name ? ": " : "", in_a ? d->a.path : d->b.path);
    if (!in_a || !in_b) return;
    if (!hdf_is_group(d->a.file, path)) {
        problems none = { 0 };
        int64_t n, m;
        char **x, **y;
        if (hdf_read_texts(d->a.file, path, d->memory, &n, &x, &none) == 0 && hdf_read_texts(d->b.file, path, d->memory, &m, &y, &none) == 0)
            compare_texts(d, name, n, x, m, y, to);
        else compare_numbers(d, path, name, to, pr);
        problems_free(&none);
        return;
    }
    const char **member;
    const size_t n = members(d, path, &member, pr);
    for (size_t i = 0; i < n; i++)
        compare_below(d, arena_printf(d->memory, "%s/%s", path, member[i]), *name ? arena_printf(d->memory, "%s/%s", name, member[i]) : member[i],
                      to, pr);
}

static void compare_group(diff *d, const char *path, problems *pr)
{
    distance far = { 0 };
    compare_below(d, path, "", &far, pr);
    if (far.differ) add_distance(d, path, &far);
}

static void compare_groups(diff *d, const char *path, problems *pr)
{
    const char **member;
    const size_t n = members(d, path, &member, pr);
    for (size_t i = 0; i < n; i++) compare_group(d, arena_printf(d->memory, "%s/%s", path, member[i]), pr);
}

/* ---- the rest ---- */

static void compare_values(diff *d, const char *what, const char *x, const char *y)
{
    if (strcmp(x, y)) add_change(d, &d->training, &(change){ .what = what, .a = x, .b = y });
}

static void compare_training(diff *d)
{
    compare_values(d, "optimizer", d->a.optimizer, d->b.optimizer);
    for (const trainer_field *f = trainer_fields; f->name; f++) {
        const hdf_type type = f->real ? HDF_F64 : HDF_I64;
        const void *u = (const char *)&d->a.state + f->offset, *v = (const char *)&d->b.state + f->offset;
        if (memcmp(u, v, size_of[type]) != 0) compare_values(d, f->name, text_at(d->memory, type, u, 0), text_at(d->memory, type, v, 0));
    }
    compare_values(d, "data fingerprint", d->a.fingerprint, d->b.fingerprint);
    for (int64_t i = 0; i < d->a.n_layers; i++) {
        const layer *x = &d->a.layer[i], *y = show_layer(&d->b, x->name);
        if (y) compare_values(d, arena_printf(d->memory, "type of %s", x->name), x->type, y->type);
    }
}

/* Row by row; the key is the table's first column (epoch, or step). */
static void compare_tables(diff *d, const char *path, problems *pr)
{
    table *x = table_read(d->a.file, path, pr), *y = table_read(d->b.file, path, pr);
    if (x && y) {
        const int64_t n = x->n_rows < y->n_rows ? x->n_rows : y->n_rows;
        if (x->n_rows != y->n_rows)
            compare_values(d, arena_printf(d->memory, "rows of %s", path), arena_printf(d->memory, "%" PRId64, x->n_rows),
                           arena_printf(d->memory, "%" PRId64, y->n_rows));
        for (int i = 0; i < x->n_columns; i++) {
            const char *name = x->column[i].name;
            const int k = table_find(y, name);
            int64_t differ = 0, first = 0;
            for (int64_t r = n - 1; k >= 0 && r >= 0; r--)
                if (memcmp(&table_row(x, r)[i], &table_row(y, r)[k], sizeof(double)) != 0) differ++, first = r;
            if (k < 0) add_change(d, &d->training, &(change){ .what = path, .column = name, .a = "a column" });
            if (!differ) continue;
            add_change(d, &d->training, &(change){ path, name, x->column[0].name, table_row(x, first)[0], differ,
                                                   text_at(d->memory, HDF_F64, table_row(x, first), i),
                                                   text_at(d->memory, HDF_F64, table_row(y, first), k) });
        }
        for (int k = 0; k < y->n_columns; k++)
            if (table_find(x, y->column[k].name) < 0)
                add_change(d, &d->training, &(change){ .what = path, .column = y->column[k].name, .b = "a column" });
    }
    table_free(x);
    table_free(y);
}

static void compare_experiments(diff *d, problems *pr)
{
    settings s[2] = { { 0 }, { 0 } };
    for (int side = 0; side < 2; side++) {
        const shown *w = side ? &d->b : &d->a;
        size_t length;
        const char *yaml = checkpoint_experiment(w->checkpoint, &length);
        const node *root = node_parse(d->memory, arena_printf(d->memory, "%s:/experiment", w->path), yaml, length, pr);
        if (root) s[side] = settings_of(root, d->memory);
    }
    setting_change *k;
    const size_t n = settings_changes(&s[0], &s[1], d->memory, &k);
    for (size_t i = 0; i < n; i++) add_change(d, &d->experiment, &(change){ .what = k[i].path, .a = k[i].was, .b = k[i].is });
}

/* In the order in which they stand in the object. */
static void compare_all(diff *d, problems *pr)
{
    static const char *const whole[] = { "/trainer/weights", "/trainer/meter", "/metrics/matrices", "/initial", "/data", "/plugins" };
    text *o = &d->json;
    json_open(o, NULL, '{');
    json_string(o, "a", d->a.path);
    json_string(o, "b", d->b.path);
    json_open(o, "experiment", '[');
    compare_experiments(d, pr);
    json_close(o, ']');
    json_open(o, "content", '[');
    compare_groups(d, "/layers", pr);
    compare_groups(d, "/optimizer", pr);
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) compare_group(d, whole[i], pr);
    json_close(o, ']');
    json_open(o, "training", '[');
    compare_training(d);
    compare_tables(d, "/metrics/epochs", pr);
    compare_tables(d, "/metrics/steps", pr);
    json_close(o, ']');
}

static void print(list *l, const char *title)
{
    if (!l->n) return;
    printf("\n%s\n", title);
    columns_print(l->table);
    l->table = NULL;
}

static void print_all(diff *d, bool equal, bool same_bytes)
{
    if (d->as_json) {
        json_bool(&d->json, "equal", equal);
        json_bool(&d->json, "same_bytes", same_bytes);
        json_close(&d->json, '}');
        json_end(&d->json, stdout);
        return;
    }
    printf("A  %s\nB  %s\n", d->a.path, d->b.path);
    if (equal) puts(same_bytes ? "equal, byte for byte" : "equal, in other bytes");
    print(&d->experiment, "Experiment");
    print(&d->content, "Content (L2 and max of A - B; relative: to the L2 of A)");
    print(&d->training, "Training");
}

static int compare(diff *d, problems *pr)
{
    char hex[2][DIGEST_HEX];
    if (digest_file(d->a.path, hex[0], pr) < 0 || digest_file(d->b.path, hex[1], pr) < 0) return EXIT_USAGE;
    const char *const names[] = { "", "A", "B" };
    d->experiment.table = columns_new(3, names, "lll");
    d->content.table = columns_new(7, (const char *const[]){ "", "values", "differ", "L2", "max", "relative", "first difference (A and B)" }, "lrrrrrl");
    d->training.table = columns_new(3, names, "lrr");
    compare_all(d, pr);
    const bool equal = !d->experiment.n && !d->content.n && !d->training.n;
    if (!pr->n) print_all(d, equal, !strcmp(hex[0], hex[1]));
    return pr->n ? EXIT_USAGE : equal ? EXIT_DONE : EXIT_WORK_FAILED;
}

int show_diff(const char *a, const char *b, bool as_json, problems *pr)
{
    diff d = { .memory = arena_new(), .as_json = as_json };
    const bool good_a = show_read(&d.a, a, pr) == 0, good_b = show_read(&d.b, b, pr) == 0;
    const int code = good_a && good_b ? compare(&d, pr) : EXIT_USAGE;
    columns_free(d.experiment.table);
    columns_free(d.content.table);
    columns_free(d.training.table);
    text_free(&d.json);
    show_close(&d.a);
    show_close(&d.b);
    arena_free(d.memory);
    return code;
}
