/* kit.c -- heft plugins check: verdicts */
#include "cli/kit.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "report/json.h"

typedef struct printer { const char *path; bool json; int ok, notes, failed, following; } printer;

static void print_json(const printer *p, const verdict *v)
{
    static const char *const words[] = { [VERDICT_OK] = "ok", [VERDICT_FAIL] = "fail", [VERDICT_NOTE] = "note" };
    text t = { 0 };
    json_open(&t, NULL, '{');
    json_string(&t, "file", p->path);
    json_string(&t, "verdict", words[v->result]);
    json_string(&t, "check", v->check);
    json_string(&t, "subject", v->subject);
    json_int(&t, "cases", v->cases);
    if (v->result != VERDICT_OK) {
        json_string(&t, "where", v->where);
        json_string(&t, "expected", v->expected);
        json_string(&t, "seen", v->seen);
        json_string(&t, "look", v->look);
        if (v->result == VERDICT_FAIL) json_string(&t, "follows", *v->follows ? v->follows : NULL);
    }
    json_close(&t, '}');
    json_end(&t, stdout);
}

static void print_text(const verdict *v)
{
    if (v->result == VERDICT_NOTE) {
        printf("note  %s: %s\n", v->subject, v->seen);
        return;
    }
    printf("%-4s  %s\n", v->result == VERDICT_OK ? "ok" : "FAIL", v->subject);
    if (v->result == VERDICT_OK) return;
    const struct { const char *name, *what; } lines[] = {
        { "check", v->check }, { "case", v->where }, { "expected", v->expected }, { "seen", v->seen }, { "look", v->look } };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (*lines[i].what) printf("        %-8s  %s\n", lines[i].name, lines[i].what);
    if (*v->follows) printf("        follows   perhaps, from the failure of '%s': repair that first\n", v->follows);
}

static void print_verdict(void *context, const verdict *v)
{
    printer *p = context;
    p->ok += v->result == VERDICT_OK;
    p->notes += v->result == VERDICT_NOTE;
    p->failed += v->result == VERDICT_FAIL;
    p->following += v->result == VERDICT_FAIL && *v->follows;
    if (p->json) print_json(p, v);
    else print_text(v);
    fflush(stdout);
}

int kit_check(registry *r, int n, char **path, const check_options *o, bool json)
{
    problems pr = { 0 };
    bool failed = false;
    for (int i = 0; i < n; i++) {
        printer p = { .path = path[i], .json = json };
        if (!json && n > 1) printf("%s%s\n", i ? "\n" : "", path[i]);
        const int failures = check_plugin(r, path[i], o, print_verdict, &p, &pr);
        failed = failed || failures > 0;
        if (json || failures < 0) continue;
        printf("%s: %d ok, %d note%s, %d failed", path[i], p.ok, p.notes, p.notes == 1 ? "" : "s", p.failed);
        if (p.following) printf(" (%d of them perhaps as others did)", p.following);
        putchar('\n');
    }
    const int code = pr.n ? cli_fail(&pr, EXIT_USAGE) : failed ? EXIT_WORK_FAILED : EXIT_DONE;
    problems_free(&pr);
    return code;
}
