#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "data/source.h"

#define FORMATS "idx|cifar|csv|hdf5|text|digits|houses|noise"

static const heft_option common_options[] = {
    HEFT_OPT_ENUM(data_options, format, HEFT_REQUIRED, FORMATS,
                  "what the files hold, or built-in data (digits, houses, noise)"),
    HEFT_OPT_STRING(data_options, root, "",
                    "where files are; relative to $HEFT_DATA if set, else to the experiment"),
    HEFT_OPT_REAL(data_options, scale, 1, -1e30, 1e30, "a factor on every input"),
    HEFT_OPT_ENUM(data_options, normalize, 0, "none|standard|minmax",
                  "inputs to mean 0 and deviation 1, or to 0..1, per column or channel; fitted on the training split"),
    HEFT_OPT_REAL(data_options, scale_target, 1, 1e-30, 1e30, "a factor on every target of a regression"),
    HEFT_OPT_ENUM(data_options, normalize_target, 0, "none|standard|minmax", "the same for regression targets"),
    HEFT_OPT_INT(data_options, limit, 0, 0, 1e15,
                 "train on the first so many training samples only (0: all); fitting sees them all"),
    HEFT_OPT_END
};

static const char *const split_names[] = { "train", "validation", "test" };
const char *split_name(split which) { return split_names[which]; }

static const format *const formats[] = { &idx_format, &cifar_format, &csv_format, &hdf5_format, &text_format,
                                         &digits_format, &houses_format, &noise_format, NULL };

const format *format_by_name(const char *name)
{
    for (int i = 0; formats[i]; i++)
        if (!strcmp(formats[i]->name, name)) return formats[i];
    return NULL;
}

static size_t table_length(const heft_option *table)
{
    size_t n = 0;
    while (table && table[n].type != HEFT_END) n++;
    return n;
}

enum { OWN_AT = (sizeof(data_options) + 63) / 64 * 64 };

/* Common rows and the format's own as one table, for an instance that holds the one behind the other. */
static heft_option *join_tables(const format *f, arena *a)
{
    const size_t common = table_length(common_options), own = table_length(f->options);
    heft_option *table = arena_alloc(a, common + own + 1, sizeof *table);
    memcpy(table, common_options, common * sizeof *table);
    if (own) memcpy(table + common, f->options, own * sizeof *table);
    for (size_t i = common; i < common + own; i++) table[i].offset += OWN_AT;
    table[common + own] = (heft_option)HEFT_OPT_END;
    return table;
}

const void *format_defaults(const format *f, arena *a, problems *pr)
{
    void *own = arena_alloc(a, 1, f->options_size);
    if (f->options && options_read(f->options, NULL, (place){ 0 }, f->name, NULL, own, a, pr) < 0) return NULL;
    return own;
}

int section_read(opening *o, const node *section, const char *dir, problems *pr)
{
    o->section = section;
    o->at = section->at;
    if (section->kind != NODE_MAP) {
        problems_add(pr, section->at, "data: %s; a mapping with a format is needed", node_kind_name(section));
        return -1;
    }
    const node *name = node_get(section, "format");
    if (!name) {
        problems_add(pr, section->at, "data: format is missing; one of " FORMATS);
        return -1;
    }
    struct { data_options common; } only;
    if (options_read_value(&common_options[0], name, "data", &only, o->a, pr) < 0) return -1;
    o->format = format_by_name(name->text);

    const char *others[32] = { "train", "validation", "test" };
    size_t n = 3;
    if (o->format->make) others[0] = "validation", n = 1, others[n++] = "test";
    for (size_t i = 0; o->format->others && o->format->others[i]; i++) others[n++] = o->format->others[i];
    others[n] = NULL;
    char *instance = arena_alloc(o->a, 1, OWN_AT + o->format->options_size);
    o->common = (const data_options *)instance;
    o->own = instance + OWN_AT;
    if (options_read(join_tables(o->format, o->a), section, section->at, "data", others, instance, o->a, pr) < 0)
        return -1;

    if (o->common->scale != 1 && o->common->normalize) {
        problems_add(pr, node_get(section, "scale")->at,
                     "data: scale and normalize are both given; leave out one");
        return -1;
    }
    if (o->common->scale_target != 1 && o->common->normalize_target) {
        problems_add(pr, node_get(section, "scale_target")->at,
                     "data: scale_target and normalize_target are both given; leave out one");
        return -1;
    }
    if (o->format->tokens && (o->common->scale != 1 || o->common->normalize || targets_scaled(o->common))) {
        problems_add(pr, section->at, "data: %s has tokens, not quantities; leave out scale and normalize",
                     o->format->name);
        return -1;
    }
    const char *base = getenv("HEFT_DATA");
    o->root_from_env = base && *base && o->common->root[0] != '/';
    o->root = path_join(o->a, base && *base ? base : dir, o->common->root);
    return 0;
}

int strings_read(const node *n, const char *what, arena *a, int64_t *count, const char ***out, problems *pr)
{
    *count = 0;
    *out = NULL;
    if (!n) return 0;
    if (n->kind == NODE_MAP) {
        problems_add(pr, n->at, "%s: %s; a name or a list of names is needed", what, node_kind_name(n));
        return -1;
    }
    const size_t many = n->kind == NODE_LIST ? n->n : 1;
    *out = arena_alloc(a, many, sizeof **out);
    int rc = 0;
    for (size_t i = 0; i < many; i++) {
        const node *item = n->kind == NODE_LIST ? n->item[i] : n;
        if (item->kind == NODE_SCALAR) (*out)[(*count)++] = arena_strdup(a, item->text);
        else {
            problems_add(pr, item->at, "%s: %s; a name is needed", what, node_kind_name(item));
            rc = -1;
        }
    }
    return rc;
}

/* Of the files in the path's folder. */
static suggestion file_hint(arena *a, const char *path)
{
    DIR *dir = opendir(path_dir(a, path));
    if (!dir) return (suggestion){ "" };
    size_t n = 0, room = 0;
    const char **names = NULL;
    for (struct dirent *e; (e = readdir(dir)) && n < 10000;) {
        if (n + 1 >= room) {
            names = arena_grow(a, names, n, room ? 2 * room : 64, sizeof *names);
            room = room ? 2 * room : 64;
        }
        names[n++] = arena_strdup(a, e->d_name);
    }
    closedir(dir);
    if (!n) return (suggestion){ "" };
    names[n] = NULL;
    return text_hint(path_base(path), names);
}

int check_file(place at, const char *what, const char *path, const char *advice, problems *pr)
{
    struct stat st;
    if (!*path || stat(path, &st) < 0) {
        const int error = *path ? errno : ENOENT;
        arena *a = arena_new();
        if (error == ENOENT) problems_add(pr, at, "%s: there is no file %s%s%s", what, *path ? path : "''", file_hint(a, path).s, advice);
        else problems_add(pr, at, "%s: %s cannot be examined: %s", what, path, strerror(error));
        arena_free(a);
        return -1;
    }
    if (!S_ISREG(st.st_mode)) {
        problems_add(pr, at, "%s: %s is %s; a file is needed", what, path,
                     S_ISDIR(st.st_mode) ? "a directory" : "no regular file");
        return -1;
    }
    if (access(path, R_OK) < 0) {
        problems_add(pr, at, "%s: %s may not be read: %s", what, path, strerror(errno));
        return -1;
    }
    return 0;
}

const char *section_path(opening *o, const node *n, const char *what, problems *pr)
{
    const char *name;
    if (node_read_string(n, what, &name, pr) < 0) return NULL;
    const char *path = path_join(o->a, o->root, name);
    const char *advice = "";
    if (name[0] != '/' && o->common->root[0] != '/')
        advice = o->root_from_env ? " (root is relative to $HEFT_DATA)"
                                : " (root is relative to the experiment's folder; $HEFT_DATA is not set)";
    return check_file(n->at, what, path, advice, pr) < 0 ? NULL : path;
}

const char *section_single_file(opening *o, const node *files, split which, problems *pr)
{
    static const char *const known[] = { "file", NULL };
    const char *what = arena_printf(o->a, "data: %s", split_name(which));
    const node *name = files;
    if (files->kind == NODE_MAP) {
        if (node_check_keys(files, what, known, pr) < 0) return NULL;
        if (!(name = node_get(files, "file"))) {
            problems_add(pr, files->at, "%s: file is missing; write %s: NAME or {file: NAME}", what,
                         split_name(which));
            return NULL;
        }
    }
    return section_path(o, name, what, pr);
}

static int classes_set(opening *o, place at, int64_t n, const char **name, problems *pr)
{
    if (n < 1) {
        problems_add(pr, at, "classes: no name; a list of names is needed, or a file with one in a line");
        return -1;
    }
    o->fit->class_name = name;
    o->fit->n_classes = n;
    for (int64_t i = 0; i < n; i++) digest_add(o->print, name[i], strlen(name[i]) + 1);
    return 0;
}

int classes_from_file(opening *o, const char *path, problems *pr)
{
    size_t n;
    char *bytes = file_read(path, 1 << 20, &n, pr);
    if (!bytes) return -1;
    const char **name = NULL;
    size_t count = 0, room = 0;
    int rc = memchr(bytes, 0, n) ? -1 : 0;
    if (rc) problems_add(pr, (place){ path, 0, 0 },
                         "has NUL bytes; a text with a class name in each line is needed");
    for (char *line = bytes; rc == 0 && *line;) {
        const size_t length = strcspn(line, "\r\n");
        if (count == room) {
            name = arena_grow(o->a, name, count, room ? 2 * room : 16, sizeof *name);
            room = room ? 2 * room : 16;
        }
        if (length) name[count++] = arena_strndup(o->a, line, length);
        line += length;
        line += strspn(line, "\r\n");
    }
    block_free(bytes);
    return rc < 0 ? -1 : classes_set(o, (place){ path, 0, 0 }, (int64_t)count, name, pr);
}

int classes_read(opening *o, const node *n, problems *pr)
{
    if (!n) return 0;
    if (n->kind == NODE_SCALAR) {
        const char *path = section_path(o, n, "data: classes", pr);
        return path ? classes_from_file(o, path, pr) : -1;
    }
    int64_t count;
    const char **name;
    return strings_read(n, "data: classes", o->a, &count, &name, pr) < 0 ? -1
        : classes_set(o, n->at, count, name, pr);
}

/* ---- fingerprint ---- */

int print_file(opening *o, const char *role, const char *path, problems *pr)
{
    char hex[DIGEST_HEX];
    if (digest_file(path, hex, pr) < 0) return -1;
    digest_add(o->print, role, strlen(role) + 1);
    digest_add(o->print, hex, DIGEST_HEX);
    return 0;
}

/* Where files are and how much of them is kept in memory decides nothing. */
static bool decides(const heft_option *row) { return strcmp(row->name, "root") && strcmp(row->name, "cache"); }

static void print_node(digest *d, const char *key, const node *n)
{
    text t = { 0 };
    text_printf(&t, "%s\n", key);
    node_write(n, &t);
    digest_add(d, t.s, t.n + 1);
    text_free(&t);
}

static void print_option(digest *d, const heft_option *row, const void *instance)
{
    const void *at = (const char *)instance + row->offset;
    char number[32] = "";
    digest_add(d, row->name, strlen(row->name) + 1);
    switch (row->type) {
    case HEFT_BOOL: digest_add(d, *(const bool *)at ? "1" : "0", 1); break;
    case HEFT_INT:  snprintf(number, sizeof number, "%lld", (long long)*(const int64_t *)at); break;
    case HEFT_ENUM: snprintf(number, sizeof number, "%d", *(const int *)at); break;
    case HEFT_REAL: text_double(*(const double *)at, number); break;
    case HEFT_STRING: digest_add(d, *(const char *const *)at, strlen(*(const char *const *)at) + 1); break;
    default: break;                              /* lists are printed as they are written */
    }
    digest_add(d, number, strlen(number) + 1);
}

void print_settings(opening *o)
{
    for (const heft_option *row = common_options; row->type != HEFT_END; row++)
        if (decides(row)) print_option(o->print, row, o->common);
    for (const heft_option *row = o->format->options; row && row->type != HEFT_END; row++) {
        const node *list = row->type == HEFT_INTS ? node_get(o->section, row->name) : NULL;
        if (list) print_node(o->print, row->name, list);
        else if (decides(row)) print_option(o->print, row, o->own);
    }
    for (size_t i = 0; o->format->others && o->format->others[i]; i++) {
        const node *n = node_get(o->section, o->format->others[i]);
        if (!n || !strcmp(o->format->others[i], "classes")) continue;    /* the names themselves are in */
        print_node(o->print, o->format->others[i], n);
    }
}

bool data_keys_of(int i, data_keys *out)
{
    if (i < 0 || i >= (int)(sizeof formats / sizeof *formats) - 1) return false;
    const format *f = formats[i];
    *out = (data_keys){ f->name, common_options, f->options, f->others, f->make };
    return true;
}
