/* plugins.c -- heft plugins: what there is, what a plugin's own tables say, whether a file loads */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "config/options.h"
#include "plugin/registry.h"

static const char usage[] = "heft plugins [NAME | check FILE.so ...] [--dir DIR] [--json]";

/* One file of the search: opened, refused, or shadowed by an earlier one of its name. */
typedef struct entry {
    const plugin_file *file;
    heft_kind          kind;         /* 0: unknown, as it lies in no kind's folder and was refused */
    const plugin      *plugin;
    problems           why;
    const char        *shadowed_by;
} entry;

/* ---- JSON ----------------------------------------------------------------- */

static void json_string(const char *s)
{
    putchar('"');
    for (; *s; s++) {
        const unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') printf("\\%c", c);
        else if (c < 0x20) printf("\\u%04x", c);
        else putchar(c);
    }
    putchar('"');
}

static void json_pair(const char *before, const char *key, const char *value)
{
    printf("%s", before);
    json_string(key);
    printf(": ");
    json_string(value);
}

static void json_options(const heft_option *o)
{
    printf(", \"options\": [");
    for (int i = 0; o && o[i].type != HEFT_END; i++) {
        text type = { 0 }, def = { 0 };
        options_type_text(&o[i], &type);
        options_default_text(&o[i], &def);
        json_pair(i ? ", {" : "{", "name", o[i].name);
        json_pair(", ", "type", type.s ? type.s : "");
        json_pair(", ", "default", def.s ? def.s : "");
        json_pair(", ", "doc", o[i].doc);
        putchar('}');
        text_free(&type);
        text_free(&def);
    }
    putchar(']');
}

static void json_plugin(const plugin *p)
{
    json_pair("{", "kind", kind_name(p->kind));
    json_pair(", ", "name", p->name);
    json_pair(", ", "doc", p->head.doc);
    if (p->kind == HEFT_LAYER)
        printf(", \"min_inputs\": %d, \"max_inputs\": %d, \"differentiable\": %s", p->layer.min_in, p->layer.max_in,
               p->layer.backward ? "true" : "false");
    if (p->kind == HEFT_OPTIMIZER) {
        char lr[32];
        text_double(p->optimizer.default_lr, lr);
        printf(", \"default_lr\": %s, \"evaluates\": %s", lr, p->optimizer.iterate ? "true" : "false");
    }
    json_options(p->head.options);
    json_pair(", ", "path", p->path);
    json_pair(", ", "sha256", p->digest);
    puts("}");
}

static void json_entry(const entry *e)
{
    if (e->plugin && !e->shadowed_by) {
        json_plugin(e->plugin);
        return;
    }
    json_pair("{", "kind", e->kind ? kind_name(e->kind) : "unknown");
    json_pair(", ", "name", e->file->name);
    json_pair(", ", "path", e->file->path);
    if (e->shadowed_by) json_pair(", ", "shadowed_by", e->shadowed_by);
    else json_pair(", ", "error", e->why.n ? e->why.item[0].text : "refused");
    puts("}");
}

/* ---- the manual ----------------------------------------------------------- */

static void print_options(const heft_option *o)
{
    puts("  options");
    int name = 0;
    size_t type = 0, def = 0;
    text t = { 0 };
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; o[i].type != HEFT_END; i++) {
            t.n = 0;
            options_type_text(&o[i], &t);
            const size_t n_type = t.n;
            text_add_n(&t, "\0", 1);
            options_default_text(&o[i], &t);
            const size_t n_def = t.n - n_type - 1;
            if (pass)
                printf("    %-*s  %-*s  %-*s  %s\n", name, o[i].name, (int)type, t.s, (int)def, t.s + n_type + 1, o[i].doc);
            else {
                if ((int)strlen(o[i].name) > name) name = (int)strlen(o[i].name);
                if (n_type > type) type = n_type;
                if (n_def > def) def = n_def;
            }
        }
    text_free(&t);
}

static void print_manual(const plugin *p)
{
    printf("%s (%s): %s\n", p->name, kind_name(p->kind), p->head.doc);
    if (p->kind == HEFT_LAYER) {
        const int least = p->layer.min_in, most = p->layer.max_in;
        if (least == most) printf("  inputs        %d\n", least);
        else printf("  inputs        %d to %d\n", least, most);
        printf("  gradients     %s\n", p->layer.backward ? "yes" : "no: for metrics only");
    }
    if (p->kind == HEFT_OPTIMIZER) {
        char lr[32];
        text_double(p->optimizer.default_lr, lr);
        printf("  lr            %s unless given (a number or a schedule)\n", lr);
        printf("  uses          %s\n", p->optimizer.step ? "the gradient of each minibatch" : "its own evaluations of the loss");
    }
    if (p->head.options && p->head.options->type != HEFT_END) print_options(p->head.options);
    else puts("  options       none");
    printf("  path          %s\n  sha256        %s\n", p->path, p->digest);
}

/* ---- the list ------------------------------------------------------------- */

/* Does the earlier file hide one of that name and kind? */
static bool hides(const plugin_file *earlier, const char *name, heft_kind kind)
{
    return !strcmp(earlier->name, name) && (!earlier->kind || earlier->kind == kind);
}

static void examine(registry *r, const plugin_file *file, size_t i, entry *e)
{
    *e = (entry){ .file = &file[i], .kind = file[i].kind };
    if (!e->kind) {
        e->plugin = registry_open(r, 0, file[i].path, &e->why);
        if (e->plugin) e->kind = e->plugin->kind;
    }
    for (size_t j = 0; j < i && !e->shadowed_by; j++)
        if (hides(&file[j], file[i].name, e->kind)) e->shadowed_by = file[j].path;
    if (file[i].kind && !e->shadowed_by) e->plugin = registry_open(r, e->kind, file[i].path, &e->why);
}

static void print_table(const entry *list, size_t n)
{
    int name = 4;
    for (size_t i = 0; i < n; i++)
        if ((int)strlen(list[i].file->name) > name) name = (int)strlen(list[i].file->name);
    static const heft_kind order[] = { HEFT_LAYER, HEFT_OPTIMIZER, HEFT_INITIALIZER, 0 };
    for (int k = 0; k < 4; k++)
        for (size_t i = 0; i < n; i++) {
            const entry *e = &list[i];
            if (e->kind != order[k]) continue;
            printf("%-11s  %-*s  ", e->kind ? kind_name(e->kind) : "?", name, e->file->name);
            if (e->shadowed_by) printf("not used: %s hides %s\n", e->shadowed_by, e->file->path);
            else if (!e->plugin) printf("BROKEN: %s: %s\n", e->file->path, e->why.n ? e->why.item[0].text : "refused");
            else if (e->file->user) printf("%s  [%s]\n", e->plugin->head.doc, e->file->path);
            else puts(e->plugin->head.doc);
        }
}

static int list_all(registry *r, bool json)
{
    const plugin_file *file;
    const size_t n = registry_files(r, &file);
    arena *a = arena_new();
    entry *list = arena_alloc(a, n, sizeof *list);
    int code = EXIT_DONE;
    for (size_t i = 0; i < n; i++) {
        examine(r, file, i, &list[i]);
        if (!list[i].plugin && !list[i].shadowed_by) code = EXIT_WORK_FAILED;
        if (json) json_entry(&list[i]);
    }
    if (!json) print_table(list, n);
    if (!n) {
        fputs("heft: error: no plugins found; HEFT_PLUGIN_PATH or --dir can name their directory\n", stderr);
        code = EXIT_WORK_FAILED;
    }
    for (size_t i = 0; i < n; i++) problems_free(&list[i].why);
    arena_free(a);
    return code;
}

static void suggest(registry *r, const char *name)
{
    const plugin_file *file;
    const size_t n = registry_files(r, &file);
    arena *a = arena_new();
    const char **names = arena_alloc(a, n + 1, sizeof *names);
    for (size_t i = 0; i < n; i++) names[i] = file[i].name;
    const char *nearest = text_nearest(name, names);
    fprintf(stderr, "heft: error: there is no plugin '%s'; ", name);
    if (nearest) fprintf(stderr, "did you mean '%s'? ", nearest);
    fputs("`heft plugins` lists them all\n", stderr);
    arena_free(a);
}

static int print_one(registry *r, const char *name, bool json)
{
    const plugin_file *file;
    const size_t n = registry_files(r, &file);
    problems pr = { 0 };
    int found = 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(file[i].name, name)) continue;
        entry e;
        examine(r, file, i, &e);
        if (e.plugin && !e.shadowed_by) {
            if (json) json_plugin(e.plugin);
            else {
                if (found) putchar('\n');
                print_manual(e.plugin);
            }
        }
        for (size_t j = 0; j < e.why.n && !e.shadowed_by; j++) problems_add(&pr, e.why.item[j].at, "%s", e.why.item[j].text);
        problems_free(&e.why);
        found++;
    }
    if (!found) {
        suggest(r, name);
        return EXIT_USAGE;
    }
    const int code = pr.n ? cli_fail(&pr, EXIT_WORK_FAILED) : EXIT_DONE;
    problems_free(&pr);
    return code;
}

static int check_files(registry *r, int n, char **path, bool json)
{
    problems pr = { 0 };
    for (int i = 0; i < n; i++) {
        const plugin *p = registry_open(r, 0, path[i], &pr);
        if (!p) continue;
        if (json) json_plugin(p);
        else printf("%s: loads: %s '%s', %s\n", path[i], kind_name(p->kind), p->name, p->head.doc);
    }
    const int code = pr.n ? cli_fail(&pr, EXIT_WORK_FAILED) : EXIT_DONE;
    problems_free(&pr);
    return code;
}

int verb_plugins(int argc, char **argv)
{
    const char *dir = NULL;
    bool json = false;
    const cli_option table[] = {
        { "--dir", &dir, NULL, "DIR  search this directory first, as `plugins: [DIR]` does" },
        { "--json", NULL, &json, "one JSON object a line" },
        { 0 }
    };
    cli_args args;
    if (cli_read(argc, argv, table, 0, -1, usage, &args) < 0) return EXIT_USAGE;
    const bool check = args.n && !strcmp(args.arg[0], "check");
    if ((check && args.n < 2) || (!check && args.n > 1)) {
        fprintf(stderr, "heft: error: %s\nusage: %s\n",
                check ? "check needs at least one file" : "only one name is accepted", usage);
        return EXIT_USAGE;
    }
    if (dir && !file_is_dir(dir)) {
        fprintf(stderr, "heft: error: --dir %s: there is no such directory\n", dir);
        return EXIT_USAGE;
    }
    registry *r = registry_new(dir ? 1 : 0, &dir);
    const int code = check ? check_files(r, args.n - 1, args.arg + 1, json)
                   : args.n ? print_one(r, args.arg[0], json) : list_all(r, json);
    registry_free(r);
    return code;
}
