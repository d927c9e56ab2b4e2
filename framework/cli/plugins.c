/* plugins.c -- heft plugins: what there is, and what a plugin's own tables say */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/kit.h"
#include "config/options.h"
#include "plugin/registry.h"
#include "report/columns.h"
#include "report/json.h"

static const char usage[] = "heft plugins [NAME | new KIND NAME | check FILE.so ...] [--dir DIR] [--json]";

/* One file of the search: opened, refused, or shadowed by an earlier one of its name. */
typedef struct entry {
    const plugin_file *file;
    heft_kind          kind;         /* 0: unknown, as it lies in no kind's folder and was refused */
    const plugin      *plugin;
    problems           why;
    const char        *shadowed_by;
} entry;

static const char *refusal(const entry *e) { return e->why.n ? e->why.item[0].text : "refused"; }

/* ---- JSON ----------------------------------------------------------------- */

static void json_options(text *t, const heft_option *o)
{
    json_open(t, "options", '[');
    for (; o && o->type != HEFT_END; o++) {
        text type = { 0 }, def = { 0 };
        options_type_text(o, &type);
        options_default_text(o, &def);
        json_open(t, NULL, '{');
        json_string(t, "name", o->name);
        json_string(t, "type", type.s);
        json_string(t, "default", def.s);
        json_string(t, "doc", o->doc);
        json_close(t, '}');
        text_free(&type);
        text_free(&def);
    }
    json_close(t, ']');
}

static void json_plugin(const plugin *p)
{
    text t = { 0 };
    json_open(&t, NULL, '{');
    json_string(&t, "kind", kind_name(p->kind));
    json_string(&t, "name", p->name);
    json_string(&t, "doc", p->head.doc);
    if (p->kind == HEFT_LAYER) {
        json_int(&t, "min_inputs", p->layer.min_in);
        json_int(&t, "max_inputs", p->layer.max_in);
        json_bool(&t, "differentiable", p->layer.backward);
    }
    if (p->kind == HEFT_OPTIMIZER) {
        json_real(&t, "default_lr", p->optimizer.default_lr);
        json_bool(&t, "evaluates", p->optimizer.iterate);
        json_bool(&t, "decay_rank1", !p->optimizer.decay_matrices);
    }
    json_options(&t, p->head.options);
    json_string(&t, "path", p->path);
    json_string(&t, "sha256", p->digest);
    json_close(&t, '}');
    json_end(&t, stdout);
}

static void json_entry(const entry *e)
{
    if (e->plugin && !e->shadowed_by) {
        json_plugin(e->plugin);
        return;
    }
    text t = { 0 };
    json_open(&t, NULL, '{');
    json_string(&t, "kind", e->kind ? kind_name(e->kind) : NULL);
    json_string(&t, "name", e->file->name);
    json_string(&t, "path", e->file->path);
    if (e->shadowed_by) json_string(&t, "shadowed_by", e->shadowed_by);
    else json_string(&t, "error", refusal(e));
    json_close(&t, '}');
    json_end(&t, stdout);
}

/* ---- the manual ----------------------------------------------------------- */

static void add_options(const heft_option *o, text *t)
{
    columns *c = columns_new(4, (const char *const[]){ "option", "accepts", "default", "" }, "llll");
    for (; o->type != HEFT_END; o++) {
        text type = { 0 }, def = { 0 };
        options_type_text(o, &type);
        options_default_text(o, &def);
        columns_add(c, (const char *const[]){ o->name, type.s, def.s, o->doc });
        text_free(&type);
        text_free(&def);
    }
    columns_write(c, t);
    columns_free(c);
}

static void print_manual(const plugin *p)
{
    text t = { 0 };
    text_printf(&t, "%s (%s): %s\n", p->name, kind_name(p->kind), p->head.doc);
    if (p->kind == HEFT_LAYER) {
        text_printf(&t, "  inputs     %d", p->layer.min_in);
        if (p->layer.max_in != p->layer.min_in) text_printf(&t, " to %d", p->layer.max_in);
        text_printf(&t, "\n  gradients  %s\n", p->layer.backward ? "yes" : "no: for metrics only");
    }
    if (p->kind == HEFT_OPTIMIZER) {
        char lr[32];
        text_double(p->optimizer.default_lr, lr);
        text_printf(&t, "  uses       %s\n  lr         %s if not given\n",
                    p->optimizer.step ? "the gradient of each minibatch" : "its own evaluations of the loss", lr);
        if (p->optimizer.decay_matrices) text_add(&t, "  decay      of tensors of two axes or more, unless decay_rank1 is true\n");
    }
    text_printf(&t, "  path       %s\n  sha256     %s\n\n", p->path, p->digest);
    if (p->head.options && p->head.options->type != HEFT_END) add_options(p->head.options, &t);
    else text_add(&t, "  no options\n");
    fputs(t.s, stdout);
    text_free(&t);
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
    static const heft_kind order[] = { HEFT_LAYER, HEFT_OPTIMIZER, HEFT_INITIALIZER, 0 };
    columns *c = columns_new(4, (const char *const[]){ "kind", "name", "", "from" }, "llll");
    for (size_t k = 0; k < sizeof order / sizeof *order; k++)
        for (size_t i = 0; i < n; i++) {
            const entry *e = &list[i];
            if (e->kind != order[k]) continue;
            text what = { 0 };
            if (e->shadowed_by) text_printf(&what, "not used: hidden by %s", e->shadowed_by);
            else if (!e->plugin) text_printf(&what, "BROKEN: %s", refusal(e));
            else text_add(&what, e->plugin->head.doc);
            const bool ours = !e->file->user && e->plugin && !e->shadowed_by;
            columns_add(c, (const char *const[]){ e->kind ? kind_name(e->kind) : "?", e->file->name, what.s,
                                                  ours ? "" : e->file->path });
            text_free(&what);
        }
    columns_print(c);
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
    if (!json && n) print_table(list, n);
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
    fprintf(stderr, "heft: error: there is no plugin '%s'%s; `heft plugins` lists them all, --dir DIR and HEFT_PLUGIN_PATH name further folders\n", name, text_hint(name, names).s);
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
        for (size_t j = 0; j < e.why.n && !e.shadowed_by; j++)
            problems_add(&pr, e.why.item[j].at, "%s", e.why.item[j].text);
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

int verb_plugins(int argc, char **argv)
{
    const char *dir = NULL, *options = NULL, *inputs = NULL, *only = NULL, *limit = NULL;
    bool json = false;
    const cli_option table[] = {
        { "--dir", &dir, NULL, "DIR  search this directory first, as `plugins: [DIR]` does; new: where to write" },
        { "--options", &options, NULL, "YAML  check: the plugin's options, '{units: 3}', instead of many of its table" },
        { "--inputs", &inputs, NULL, "SHAPES  check: a layer's inputs, '[8, 8, 3]; integers 10 [6]', instead of the usual ones" },
        { "--only", &only, NULL, "NAME  check: this check alone" },
        { "--limit", &limit, NULL, "SECONDS  check: processor time of one check, 60 if not given" },
        { "--json", NULL, &json, "one JSON object a line" },
        { 0 }
    };
    cli_args args;
    if (cli_read(argc, argv, table, 0, -1, usage, &args) < 0) return EXIT_USAGE;
    const bool check = args.n && !strcmp(args.arg[0], "check"), new = args.n && !strcmp(args.arg[0], "new");
    if (new) return kit_new(args.n - 1, args.arg + 1, dir);
    if ((check && args.n < 2) || (!check && args.n > 1)) {
        fprintf(stderr, "heft: error: %s\nusage: %s\n",
                check ? "check needs at least one file" : "only one name is accepted", usage);
        return EXIT_USAGE;
    }
    if (dir && !file_is_dir(dir)) {
        fprintf(stderr, "heft: error: --dir %s: there is no such directory\n", dir);
        return EXIT_USAGE;
    }
    double seconds = 0;
    if (limit && (!text_real(limit, &seconds) || seconds < 0.01 || seconds > 86400)) {
        fprintf(stderr, "heft: error: --limit %s: expected a number of seconds, 0.01 to 86400\n", limit);
        return EXIT_USAGE;
    }
    const check_options asked = { (int)(seconds * 1e3), only, options, inputs };
    registry *r = registry_new(dir ? 1 : 0, &dir);
    const int code = check ? kit_check(r, args.n - 1, args.arg + 1, &asked, json)
                   : args.n ? print_one(r, args.arg[0], json) : list_all(r, json);
    registry_free(r);
    return code;
}
