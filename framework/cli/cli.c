#include "cli/cli.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { MOST_OPTIONS = 32 };

/* What the reading of one command line knows. */
typedef struct reading {
    const char       *verb, *usage;
    const cli_option *table;
    int               n_options;
    bool              seen[MOST_OPTIONS];
    int               mistakes;
} reading;

__attribute__((format(printf, 2, 3)))
static void complain(reading *r, const char *fmt, ...)
{
    text t = { 0 };
    va_list ap;
    va_start(ap, fmt);
    text_vprintf(&t, fmt, ap);
    va_end(ap);
    fprintf(stderr, "heft %s: error: %s\n", r->verb, t.s);
    text_free(&t);
    r->mistakes++;
}

/* The part of doc before two spaces names the value: "DIR" of "DIR  directory of the run". */
static int value_name(const cli_option *o)
{
    const char *gap = o->value ? strstr(o->doc, "  ") : NULL;
    return gap ? (int)(gap - o->doc) : 0;
}

static void usage_line(const reading *r, FILE *to)
{
    fprintf(to, "%s%s\n", strncmp(r->usage, "usage:", 6) ? "usage: " : "", r->usage);
}

static void print_help(const reading *r, FILE *to)
{
    usage_line(r, to);
    int width = 6;                               /* of "--help" */
    for (int i = 0; i < r->n_options; i++) {
        const cli_option *o = &r->table[i];
        const int n = (int)strlen(o->name) + (value_name(o) ? 1 + value_name(o) : 0);
        if (n > width) width = n;
    }
    fputs("\noptions:\n", to);
    for (int i = 0; i < r->n_options; i++) {
        const cli_option *o = &r->table[i];
        const int n = value_name(o);
        const char *doc = o->doc + n;
        doc += strspn(doc, " ");
        const int used = fprintf(to, "  %s%s%.*s", o->name, n ? " " : "", n, o->doc) - 2;
        fprintf(to, "%*s  %s\n", width - used, "", doc);
    }
    fprintf(to, "  %-*s  print this\n", width, "--help");
}

/* The row of an argument that starts with '-', and where its attached value starts (NULL: there is none):
 * --name, --name=VALUE, -j, -j=VALUE, -jVALUE. */
static int find_option(const reading *r, char *arg, char **attached)
{
    const size_t n = strcspn(arg, "=");
    *attached = arg[n] ? arg + n + 1 : NULL;
    for (int i = 0; i < r->n_options; i++)
        if (strlen(r->table[i].name) == n && !strncmp(r->table[i].name, arg, n)) return i;
    for (int i = 0; i < r->n_options; i++) {
        const char *name = r->table[i].name;
        if (strlen(name) == 2 && name[1] != '-' && r->table[i].value && !strncmp(name, arg, 2)) {
            *attached = arg + 2;
            return i;
        }
    }
    return -1;
}

static void unknown_option(reading *r, const char *arg)
{
    const char *names[MOST_OPTIONS + 2];
    for (int i = 0; i < r->n_options; i++) names[i] = r->table[i].name;
    names[r->n_options] = "--help";
    names[r->n_options + 1] = NULL;
    text word = { 0 }, known = { 0 };
    text_add_n(&word, arg, strcspn(arg, "="));
    text_names(&known, names);
    complain(r, "unknown option '%s'%s; options are %s", word.s, text_hint(word.s, names).s, known.s);
    text_free(&word);
    text_free(&known);
}

/* Option i, given as arg; `next` is the argument behind it.  How many further arguments it took. */
static int take_option(reading *r, int i, char *attached, char *next)
{
    const cli_option *o = &r->table[i];
    if (r->seen[i]) complain(r, "option '%s' is given twice", o->name);
    r->seen[i] = true;
    if (!o->value) {
        if (attached) complain(r, "option '%s' is a flag and takes no value; found '%s'", o->name, attached);
        else *o->flag = true;
        return 0;
    }
    if (attached) {
        *o->value = attached;
        return 0;
    }
    char *unused;
    const int n = value_name(o);
    const char *name = n ? o->doc : "VALUE";
    const int width = n ? n : 5;
    if (!next)
        complain(r, "option '%s' wants a value (%.*s); found the end of the command", o->name, width, name);
    else if (!strncmp(next, "--", 2) || (next[0] == '-' && find_option(r, next, &unused) >= 0))
        complain(r, "option '%s' wants a value (%.*s); found '%s' (write %s=%s if that is the value)",
                 o->name, width, name, next, o->name, next);
    else {
        *o->value = next;
        return 1;
    }
    return 0;
}

/* A path of keys, indices and names in front of '='.  A slash makes it a file. */
static bool is_override(const char *arg)
{
    size_t n = 0;
    while (isalnum((unsigned char)arg[n]) || (arg[n] && strchr("_.-", arg[n]))) n++;
    return n && arg[n] == '=' && arg[0] != '.' && arg[0] != '-';
}

static void check_count(reading *r, int n, int min, int max, char *const *arg)
{
    const char *many = min == 1 ? "" : "s";
    if (n < min && min == max) complain(r, "%d argument%s expected, found %d", min, many, n);
    else if (n < min) complain(r, "at least %d argument%s expected, found %d", min, many, n);
    else if (max >= 0 && n > max)
        complain(r, "at most %d argument%s expected, found %d; the first too many is '%s'",
                 max, max == 1 ? "" : "s", n, arg[max]);
}

int cli_read(int argc, char **argv, const cli_option *table, int min, int max, const char *usage, cli_args *out)
{
    reading r = { .verb = argv[0], .usage = usage, .table = table };
    while (table && table[r.n_options].name && r.n_options < MOST_OPTIONS) r.n_options++;
    const bool overrides = strstr(usage, "path=value");
    bool options = true;
    int kept = 1, n_args = 0;                    /* argv[1 .. n_args]: arguments, behind them overrides up to kept */
    for (int i = 1; i < argc; i++) {
        char *arg = argv[i], *attached;
        if (options && !strcmp(arg, "--")) options = false;
        else if (options && (!strcmp(arg, "--help") || !strcmp(arg, "-h"))) {
            print_help(&r, stdout);
            return -1;
        } else if (options && arg[0] == '-' && arg[1]) {
            const int row = find_option(&r, arg, &attached);
            if (row < 0) unknown_option(&r, arg);
            else i += take_option(&r, row, attached, i + 1 < argc ? argv[i + 1] : NULL);
        } else if (overrides && is_override(arg)) argv[kept++] = arg;
        else {
            n_args++;
            memmove(argv + n_args + 1, argv + n_args, (size_t)(kept - n_args) * sizeof *argv);
            argv[n_args] = arg;
            kept++;
        }
    }
    check_count(&r, n_args, min, max, argv + 1);
    *out = (cli_args){ n_args, kept - 1 - n_args, argv + 1, argv + 1 + n_args };
    if (!r.mistakes) return 0;
    usage_line(&r, stderr);
    return -1;
}

bool cli_whole(const char *option, const char *word, int64_t min, int64_t max, int64_t *out)
{
    if (!word || (text_int(word, out) && *out >= min && *out <= max)) return true;
    fprintf(stderr, "heft: error: %s %s: a whole number from %lld to %lld is needed\n", option, word, (long long)min, (long long)max);
    return false;
}

int cli_fail(const problems *pr, int code)
{
    problems_print(pr, stderr);
    return code;
}

const char *cli_version(void) { return HEFT_VERSION; }
