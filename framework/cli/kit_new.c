/* kit_new.c -- heft plugins new: a plugin that works, to be changed into another */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/kit.h"

enum { NAME_LENGTH = 64, FILES = 3 };

static const kit_template *find_template(const char *kind)
{
    const char *names[KIT_KINDS + 1] = { NULL };
    for (int i = 0; i < KIT_KINDS; i++) {
        names[i] = kit_templates[i].name;
        if (!strcmp(names[i], kind)) return &kit_templates[i];
    }
    fprintf(stderr, "heft: error: there is no kind of plugin '%s'%s; kinds are layer (losses too), metric, optimizer and initializer\n",
            kind, text_hint(kind, names).s);
    return NULL;
}

/* A name is a file's, a key of YAML, and a part of a target's in CMake. */
static bool name_is_good(const char *name)
{
    const size_t n = strlen(name);
    bool good = n && n <= NAME_LENGTH && (isalpha((unsigned char)*name) || *name == '_');
    for (size_t i = 0; i < n; i++) good = good && (isalnum((unsigned char)name[i]) || name[i] == '_');
    if (!good)
        fprintf(stderr, "heft: error: '%s' cannot name a plugin: a name is 1 to %d letters, digits and '_', and begins with no digit\n",
                name, NAME_LENGTH);
    const bool verb = good && (!strcmp(name, "check") || !strcmp(name, "new"));
    if (verb) fprintf(stderr, "heft: error: a plugin cannot be named '%s': `heft plugins %s` means something else\n", name, name);
    return good && !verb;
}

static bool name_is_free(heft_kind kind, const char *name)
{
    registry *r = registry_new(0, NULL);
    const char *path = registry_path(r, kind, name);
    if (path)
        fprintf(stderr, "heft: error: there is a%s %s '%s' already (%s); a second one would hide it, choose another name\n",
                kind == HEFT_LAYER ? "" : "n", kind_name(kind), name, path);
    registry_free(r);
    return !path;
}

/* The template with its @WORDS@ filled in. */
static void fill_in(const char *s, const char *const words[][2], text *out)
{
    while (*s) {
        bool met = false;
        for (int i = 0; words[i][0] && !met; i++) {
            const size_t n = strlen(words[i][0]);
            met = !strncmp(s, words[i][0], n);
            if (!met) continue;
            text_add(out, words[i][1]);
            s += n;
        }
        if (!met) text_add_n(out, s++, 1);
    }
}

typedef struct file { const char *path, *template; } file;

/* 0 if none of them is there. */
static int refuse_existing(const file *files)
{
    int found = 0;
    for (int i = 0; i < FILES; i++)
        if (file_exists(files[i].path)) {
            fprintf(stderr, "heft: error: %s: there is such a file already, and it is not overwritten; --dir names another folder\n", files[i].path);
            found = 1;
        }
    return found;
}

static void say_next(const char *dir, const char *name, const char *include)
{
    arena *a = arena_new();
    const char *stem = strcmp(dir, ".") ? path_join(a, dir, name) : name;
    printf("wrote %s.c, %s.yaml and %s\n\nnext:\n", stem, stem, path_join(a, strcmp(dir, ".") ? dir : "", "CMakeLists.txt"));
    printf("  cc -std=c17 -O3 -ffp-contract=off -fPIC -shared -fvisibility=hidden -I %s %s.c -o %s.so\n", include, stem, stem);
    printf("  heft plugins check %s.so\n  heft train %s.yaml\n\n", stem, stem);
    printf("In place of the first: cmake -S %s -B %s/build && cmake --build %s/build, which gives %s.so too\n", dir, dir, dir, stem);
    arena_free(a);
}

static int write_files(const kit_template *t, const char *dir, const char *name, problems *pr)
{
    arena *a = arena_new();
    const plugin_sdk sdk = registry_sdk(a);
    const char *const words[][2] = { { "@NAME@", name }, { "@KIND@", kind_name(t->kind) }, { "@CMAKE@", sdk.cmake ? sdk.cmake : "" }, { NULL, NULL } };
    const file files[FILES] = { { path_join(a, dir, arena_printf(a, "%s.c", name)), t->source },
                                { path_join(a, dir, arena_printf(a, "%s.yaml", name)), t->experiment },
                                { path_join(a, dir, "CMakeLists.txt"), kit_cmake } };
    int code = refuse_existing(files) ? EXIT_USAGE : EXIT_DONE;
    if (code == EXIT_DONE && file_mkdirs(dir, pr) < 0) code = EXIT_WORK_FAILED;
    for (int i = 0; i < FILES && code == EXIT_DONE; i++) {
        text filled = { 0 };
        fill_in(files[i].template, words, &filled);
        if (file_publish(files[i].path, filled.s, filled.n, pr) < 0) code = EXIT_WORK_FAILED;
        text_free(&filled);
    }
    if (code == EXIT_DONE) say_next(dir, name, sdk.include ? sdk.include : "FOLDER_OF_heft/plugin.h");
    arena_free(a);
    return code;
}

int kit_new(int n, char **arg, const char *dir)
{
    if (n != 2) {
        fputs("heft: error: new wants a kind and a name\nusage: heft plugins new layer|metric|optimizer|initializer NAME [--dir DIR]\n", stderr);
        return EXIT_USAGE;
    }
    const kit_template *t = find_template(arg[0]);
    const bool good = name_is_good(arg[1]);
    if (!t || !good || !name_is_free(t->kind, arg[1])) return EXIT_USAGE;
    problems pr = { 0 };
    const int code = write_files(t, dir ? dir : arg[1], arg[1], &pr);
    if (pr.n) cli_fail(&pr, code);
    problems_free(&pr);
    return code;
}
