#include "plugin/registry.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "plugin/load.h"

#ifndef HEFT_INSTALLED_PLUGINS
#define HEFT_INSTALLED_PLUGINS "../lib/heft/plugins"     /* from the directory of the executable */
#endif

#ifndef HEFT_SOURCE_INCLUDE
#define HEFT_SOURCE_INCLUDE "../framework/include"
#endif

static const heft_kind kinds[] = { HEFT_LAYER, HEFT_OPTIMIZER, HEFT_INITIALIZER };
enum { N_KINDS = 3 };

typedef struct directory { const char *path; bool user; } directory;

/* A file that was tried for a kind. */
typedef struct attempt {
    heft_kind     kind;
    const char   *path;
    const plugin *plugin;            /* NULL: refused */
    problems      why;
} attempt;

struct registry {
    arena         *memory;
    size_t         n_dirs, n_attempts, n_used, n_files;
    directory     *dir;
    attempt       *attempt;
    const plugin **used;
    plugin_file   *file;
    bool           listed;           /* n_files and file are there */
};

/* Room for one more element in an array that doubles. */
static void *one_more(arena *a, void *old, size_t n, size_t size)
{
    return n & (n - 1) ? old : arena_grow(a, old, n, n ? 2 * n : 1, size);
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    if (stat(a, &x) == 0 && stat(b, &y) == 0) return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
    return !strcmp(a, b);
}

static void add_directory(registry *r, const char *path, bool user)
{
    path = path_absolute(r->memory, path);
    for (size_t i = 0; i < r->n_dirs; i++)
        if (same_file(r->dir[i].path, path)) return;
    r->dir = one_more(r->memory, r->dir, r->n_dirs, sizeof *r->dir);
    r->dir[r->n_dirs++] = (directory){ path, user };
}

static void add_environment(registry *r)
{
    const char *p = getenv("HEFT_PLUGIN_PATH");
    while (p && *p) {
        const size_t n = strcspn(p, ":");
        if (n) add_directory(r, arena_strndup(r->memory, p, n), true);
        p += n + (p[n] == ':');
    }
}

/* NULL without /proc: the user names directories. */
static const char *executable_dir(arena *a)
{
    char self[4096];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self);
    return n <= 0 || n == (ssize_t)sizeof self ? NULL : path_dir(a, arena_strndup(a, self, (size_t)n));
}

/* Of the shared library that this code is in; NULL if it is part of the executable. */
static const char *library_dir(arena *a)
{
    Dl_info here;
    if (!dladdr(kinds, &here) || !here.dli_fname || !strchr(here.dli_fname, '/')) return NULL;
    return same_file(here.dli_fname, "/proc/self/exe") ? NULL : path_dir(a, here.dli_fname);
}

static void add_beside_code(registry *r)
{
    const char *dir = library_dir(r->memory);
    if (dir) {
        add_directory(r, path_join(r->memory, dir, "plugins"), false);
        add_directory(r, path_join(r->memory, dir, "heft/plugins"), false);
        return;
    }
    dir = executable_dir(r->memory);
    if (!dir) return;
    add_directory(r, path_join(r->memory, dir, "plugins"), false);
    add_directory(r, path_join(r->memory, dir, HEFT_INSTALLED_PLUGINS), false);
}

registry *registry_new(size_t n_dirs, const char *const *dirs)
{
    arena *a = arena_new();
    registry *r = arena_alloc(a, 1, sizeof *r);
    r->memory = a;
    for (size_t i = 0; i < n_dirs; i++) add_directory(r, dirs[i], true);
    add_environment(r);
    add_beside_code(r);
    return r;
}

/* A build tree has the sources above it; installed, includes and libraries lie beside bin. */
plugin_sdk registry_sdk(arena *a)
{
    plugin_sdk sdk = { NULL, NULL };
    const char *dir = executable_dir(a);
    const char *include[] = { "../include", HEFT_SOURCE_INCLUDE }, *cmake[] = { "cmake", HEFT_INSTALLED_PLUGINS "/../../cmake/heft" };
    for (int i = 0; dir && i < 2; i++) {
        const char *header = path_absolute(a, path_join(a, dir, include[i])), *package = path_absolute(a, path_join(a, dir, cmake[i]));
        if (!sdk.include && file_exists(path_join(a, header, "heft/plugin.h"))) sdk.include = header;
        if (!sdk.cmake && file_exists(path_join(a, package, "heftConfig.cmake"))) sdk.cmake = package;
    }
    return sdk;
}

void registry_free(registry *r)
{
    if (!r) return;
    for (size_t i = 0; i < r->n_attempts; i++) problems_free(&r->attempt[i].why);
    arena_free(r->memory);
}

/* ---- files ---------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const plugin_file *)a)->name, ((const plugin_file *)b)->name);
}

static void list_folder(registry *r, heft_kind kind, const directory *d)
{
    arena *a = r->memory;
    const char *path = kind ? path_join(a, d->path, arena_printf(a, "%ss", kind_name(kind))) : d->path;
    DIR *folder = opendir(path);
    if (!folder) return;
    const size_t first = r->n_files;
    for (const struct dirent *e; (e = readdir(folder));) {
        const size_t n = strlen(e->d_name);
        if (n <= 3 || e->d_name[0] == '.' || strcmp(e->d_name + n - 3, ".so")) continue;
        r->file = one_more(a, r->file, r->n_files, sizeof *r->file);
        r->file[r->n_files++] = (plugin_file){ .kind = kind, .name = arena_strndup(a, e->d_name, n - 3),
                                               .path = path_join(a, path, e->d_name), .user = d->user };
    }
    closedir(folder);
    if (r->n_files > first) qsort(r->file + first, r->n_files - first, sizeof *r->file, by_name);
}

size_t registry_files(registry *r, const plugin_file **list)
{
    if (!r->listed) {
        for (size_t i = 0; i < r->n_dirs; i++) {
            for (int k = 0; k < N_KINDS; k++) list_folder(r, kinds[k], &r->dir[i]);
            list_folder(r, 0, &r->dir[i]);
        }
        r->listed = true;
    }
    *list = r->file;
    return r->n_files;
}

static int by_string(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *const *registry_names(registry *r, heft_kind kind)
{
    const plugin_file *file;
    const size_t n = registry_files(r, &file);
    const char **names = arena_alloc(r->memory, n + 1, sizeof *names);
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (!file[i].kind || file[i].kind == kind) names[m++] = file[i].name;
    if (m) qsort(names, m, sizeof *names, by_string);
    size_t kept = 0;
    for (size_t i = 0; i < m; i++)
        if (!kept || strcmp(names[kept - 1], names[i])) names[kept++] = names[i];
    names[kept] = NULL;
    return names;
}

const char *registry_path(registry *r, heft_kind kind, const char *name)
{
    if (!*name || *name == '.' || strchr(name, '/')) return NULL;
    arena *a = arena_new();
    const char *found = NULL;
    for (size_t i = 0; i < r->n_dirs && !found; i++) {
        const char *in_kind = arena_printf(a, "%s/%ss/%s.so", r->dir[i].path, kind_name(kind), name);
        const char *flat = arena_printf(a, "%s/%s.so", r->dir[i].path, name);
        if (file_exists(in_kind)) found = arena_strdup(r->memory, in_kind);
        else if (file_exists(flat)) found = arena_strdup(r->memory, flat);
    }
    arena_free(a);
    return found;
}

/* ---- opening -------------------------------------------------------------- */

static attempt *try_file(registry *r, heft_kind kind, const char *path)
{
    for (size_t i = 0; i < r->n_attempts; i++) {
        attempt *t = &r->attempt[i];
        if (!strcmp(t->path, path) && (t->kind == kind || (t->plugin && (!kind || t->plugin->kind == kind))))
            return t;
    }
    attempt t = { .kind = kind, .path = path };
    t.plugin = plugin_load(r->memory, kind, path, PROBE_LIMIT_MS, &t.why);
    if (t.plugin) {
        r->used = one_more(r->memory, r->used, r->n_used, sizeof *r->used);
        r->used[r->n_used++] = t.plugin;
    }
    r->attempt = one_more(r->memory, r->attempt, r->n_attempts, sizeof *r->attempt);
    r->attempt[r->n_attempts] = t;
    return &r->attempt[r->n_attempts++];
}

static void not_found(registry *r, heft_kind kind, const char *name, place at, problems *pr)
{
    enum { LISTED = 20 };
    const char *const *names = registry_names(r, kind);
    const suggestion near = text_hint(name, names);
    size_t n = 0;
    while (names[n]) n++;
    text t = { 0 };
    text_printf(&t, "there is no %s '%s'%s", kind_name(kind), name, near.s);
    for (int k = 0; k < N_KINDS; k++)
        if (kinds[k] != kind && registry_path(r, kinds[k], name))
            text_printf(&t, " (there is %s %s of that name)", kinds[k] == HEFT_LAYER ? "a" : "an",
                        kind_name(kinds[k]));
    text_add(&t, "; searched: ");
    for (size_t i = 0; i < r->n_dirs; i++)
        text_printf(&t, "%s%s%s", i ? ", " : "", r->dir[i].path, file_is_dir(r->dir[i].path) ? "" : " (not there)");
    if (n > LISTED && !*near.s) text_printf(&t, "; `heft plugins` lists the %ss", kind_name(kind));
    else if (!*near.s) {
        text_printf(&t, "; %ss: ", kind_name(kind));
        text_names(&t, names);
        if (!n) text_add(&t, "none");
    }
    problems_add(pr, at, "%s", t.s);
    text_free(&t);
}

const plugin *registry_find(registry *r, heft_kind kind, const char *name, place at, problems *pr)
{
    const char *path = registry_path(r, kind, name);
    if (!path) {
        not_found(r, kind, name, at, pr);
        return NULL;
    }
    const attempt *t = try_file(r, kind, path);
    for (size_t i = 0; i < t->why.n; i++)
        problems_add(pr, at, "%s '%s' (%s): %s", kind_name(kind), name, path, t->why.item[i].text);
    return t->plugin;
}

const plugin *registry_open(registry *r, heft_kind kind, const char *path, problems *pr)
{
    const attempt *t = try_file(r, kind, path_absolute(r->memory, path));
    for (size_t i = 0; i < t->why.n; i++) problems_add(pr, (place){ path, 0, 0 }, "%s", t->why.item[i].text);
    return t->plugin;
}

size_t registry_used(const registry *r, const plugin *const **list)
{
    *list = r->used;
    return r->n_used;
}
