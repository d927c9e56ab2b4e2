#include "plugin/check.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "compute/compute.h"
#include "plugin/check_inside.h"

enum { LIMIT_MS = 60000, THREADS = 4 };

/* What a dying child leaves behind, in memory that it shares with its parent. */
typedef struct last_words { rig_place at; bool faulted; uintptr_t address; } last_words;

/* The handler of a fatal signal has no other way to its data; set in the child, before the handler is. */
static last_words *dying;

static const check_row *rows_of(heft_kind kind)
{
    static const check_row none[] = { { NULL, NULL, NULL, NULL } };
    switch (kind) {
    case HEFT_LAYER: return layer_checks;
    case HEFT_OPTIMIZER: return optimizer_checks;
    case HEFT_INITIALIZER: return initializer_checks;
    }
    return none;
}

/* ---- findings, in the child ---------------------------------------------------- */

static finding *find_subject(check *c, const char *subject)
{
    for (size_t i = 0; i < c->n_findings; i++)
        if (!strcmp(c->finding[i].verdict.subject, subject)) return &c->finding[i];
    if (!(c->n_findings & (c->n_findings - 1)))
        c->finding = arena_grow(c->memory, c->finding, c->n_findings, c->n_findings ? 2 * c->n_findings : 1, sizeof *c->finding);
    finding *f = &c->finding[c->n_findings++];
    *f = (finding){ .verdict = { VERDICT_OK, c->name, arena_strdup(c->memory, subject), 0, "", "", "", "", "" } };
    return f;
}

static char *print_text(check *c, const char *fmt, va_list ap)
{
    text t = { 0 };
    text_add(&t, "");
    text_vprintf(&t, fmt, ap);
    char *s = arena_strdup(c->memory, t.s);
    text_free(&t);
    return s;
}

char *check_text(check *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *s = print_text(c, fmt, ap);
    va_end(ap);
    return s;
}

void check_at(check *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    c->where = print_text(c, fmt, ap);
    va_end(ap);
    snprintf(c->at->label, sizeof c->at->label, "%s", c->where);
}

bool check_that(check *c, bool good, const char *subject, const char *expected, const char *look, const char *seen, ...)
{
    finding *f = find_subject(c, subject);
    f->verdict.cases++;
    if (good || f->failures++) return good;
    f->verdict.result = VERDICT_FAIL;
    f->verdict.where = arena_strdup(c->memory, c->where ? c->where : "");
    f->verdict.expected = arena_strdup(c->memory, expected);
    f->verdict.look = arena_strdup(c->memory, look);
    va_list ap;
    va_start(ap, seen);
    f->verdict.seen = print_text(c, seen, ap);
    va_end(ap);
    return false;
}

void check_note(check *c, const char *subject, const char *seen, ...)
{
    finding *f = find_subject(c, subject);
    va_list ap;
    va_start(ap, seen);
    f->verdict.seen = print_text(c, seen, ap);
    va_end(ap);
    f->verdict.result = VERDICT_NOTE;
}

static void pack(text *t, const char *s) { text_add_n(t, s, strlen(s) + 1); }

static void write_findings(const check *c, int fd)
{
    text t = { 0 };
    for (size_t i = 0; i < c->n_findings; i++) {
        const verdict *v = &c->finding[i].verdict;
        text_printf(&t, "%c%d/%d", "oFn"[v->result], v->cases, c->finding[i].failures);
        text_add_n(&t, "", 1);
        pack(&t, v->subject), pack(&t, v->where), pack(&t, v->expected), pack(&t, v->seen), pack(&t, v->look);
    }
    text_add(&t, "!");                           /* whole */
    for (size_t done = 0; done < t.n;) {
        const ssize_t n = write(fd, t.s + done, t.n - done);
        if (n < 0 && errno != EINTR) _exit(1);
        if (n > 0) done += (size_t)n;
    }
}

/* ---- verdicts, in the parent --------------------------------------------------- */

typedef struct outlet {
    verdict_sink *sink;
    void         *context;
    const char   *follows;                       /* of the check that runs */
    size_t        n_failed;                      /* checks */
    const char  **failed;
    size_t        n_told;                        /* verdicts of the check that runs */
    const char   *crashed;                       /* the first check that did, or NULL; ... */
    int           status;                        /* ... how, ... */
    char          pass[sizeof ((rig_place *)NULL)->pass];    /* ... and where */
} outlet;

static void tell(outlet *out, verdict v)
{
    v.follows = v.result == VERDICT_FAIL && out->follows ? out->follows : "";
    out->n_told++;
    out->sink(out->context, &v);
}

/* The first word of `after` that has failed, or NULL. */
static const char *cause(const outlet *out, const char *after)
{
    for (const char *p = after; p && *p; p += strcspn(p, " "), p += *p == ' ')
        for (size_t i = 0; i < out->n_failed; i++)
            if (strlen(out->failed[i]) == strcspn(p, " ") && !strncmp(out->failed[i], p, strcspn(p, " "))) return out->failed[i];
    return NULL;
}

/* ---- one check ----------------------------------------------------------------- */

typedef struct errand { check *c; const check_row *row; last_words *words; } errand;

static void note_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    dying->address = (uintptr_t)info->si_addr;
    dying->faulted = true;
    raise(signal);                               /* SA_RESETHAND: this time it kills */
}

static void run_errand(void *context, int fd)
{
    errand *e = context;
    dying = e->words;
#ifndef __SANITIZE_ADDRESS__                     /* which has a handler of its own, and says more */
    struct sigaction act = { .sa_sigaction = note_fault, .sa_flags = (int)(SA_SIGINFO | SA_RESETHAND) };
    sigaction(SIGSEGV, &act, NULL);
    sigaction(SIGBUS, &act, NULL);
#else
    (void)note_fault;
#endif
    compute_init(THREADS, COMPUTE_F32);
    e->row->run(e->c);
    write_findings(e->c, fd);
}

static const char *const pass_hints[][2] = {
    { "plan", "plan: whatever the options and inputs are, it sets p->out and p->tensor or returns heft_fail(...)" },
    { "forward", "forward: saved is NULL unless train, total is NULL unless survey ran; sizes are those of n samples, not lane_max" },
    { "backward", "backward: NULL may be din[i], dweight[i] where `gradient` computes it, in[i] and out where .unread says so; "
      "sizes are those of n samples" },
    { "survey_back", "survey_back: in[i] and out are NULL where .unread says so; sizes are those of n samples" },
    { "gradient", "gradient: rows [begin, end) of the weight, n samples of the whole minibatch" },
    { "step", "step: x[i], g[i] and slot[k][row * n + i], i from begin to end - 1" },
    { "fill", "fill: heft_count(&f->shape) floats; a scalar has rank 0 and one float" },
};

static const char *hint_of(const char *pass)
{
    if (!*pass) return "no pass was running: one before may have written far outside of its buffers";
    for (size_t i = 0; i < sizeof pass_hints / sizeof *pass_hints; i++)
        if (!strcmp(pass_hints[i][0], pass)) return pass_hints[i][1];
    return "what this pass reads and writes";
}

/* Has a check before ended in the same way?  The first crash is what the others are held against. */
static bool crashed_before(const child_end *end, const char *pass, const char *name, outlet *out)
{
    if (!end->in_time) return false;
    if (out->crashed) return end->status == out->status && !strcmp(pass, out->pass);
    out->crashed = name;
    out->status = end->status;
    snprintf(out->pass, sizeof out->pass, "%s", pass);
    return false;
}

/* What ended the child in place of an answer: in full, or, if it has been told, as what it is. */
static void report_end(const child_end *end, const last_words *words, const check_row *row, int limit_ms, outlet *out)
{
    text seen = { 0 };
    const char *pass = words->at.pass;
    verdict v = { VERDICT_FAIL, row->name, row->doc, 1, words->at.label, "every call returns", "", hint_of(pass), "" };
    if (end->said.n && end->said.s[0] == '-') text_printf(&seen, "%.*s; it", (int)strcspn(end->said.s + 1, "\n"), end->said.s + 1);
    if (!end->in_time) text_printf(&seen, "no end within %g s", limit_ms / 1e3);
    else if (WIFSIGNALED(end->status)) {
        text_add(&seen, "crashed by ");
        signal_text(WTERMSIG(end->status), &seen);
    } else text_printf(&seen, "%sended the process with status %d", seen.n ? " " : "", WEXITSTATUS(end->status));
    if (*pass) text_printf(&seen, " in %s", pass);
    if (crashed_before(end, pass, row->name, out)) {
        text_printf(&seen, ", as in '%s'", out->crashed);
        v.where = v.expected = v.look = "";
        if (!out->follows) out->follows = out->crashed;
    } else if (words->faulted && words->address < 4096) text_add(&seen, ", which used a NULL pointer");
    else if (words->faulted) text_printf(&seen, ", at address 0x%llx", (unsigned long long)words->address);
    v.seen = seen.s;
    tell(out, v);
    text_free(&seen);
}

static const char *unpack(const char **at, const char *end)
{
    const char *s = *at, *stop = memchr(s, 0, (size_t)(end - s));
    if (!stop) return NULL;
    *at = stop + 1;
    return s;
}

/* Hands on what the child found; the number of failures, or -1 if it was cut short. */
static int relay(const check_row *row, const text *said, outlet *out)
{
    if (!said->n || said->s[said->n - 1] != '!') return -1;
    const char *at = said->s, *end = said->s + said->n - 1;
    int failures = 0;
    while (at < end) {
        const char *head = unpack(&at, end);
        verdict v = { .check = row->name };
        int failed = 0;
        if (!head || sscanf(head + 1, "%d/%d", &v.cases, &failed) != 2 || !(v.subject = unpack(&at, end))
            || !(v.where = unpack(&at, end)) || !(v.expected = unpack(&at, end)) || !(v.seen = unpack(&at, end))
            || !(v.look = unpack(&at, end)))
            return -1;
        v.result = *head == 'F' ? VERDICT_FAIL : *head == 'n' ? VERDICT_NOTE : VERDICT_OK;
        failures += v.result == VERDICT_FAIL;
        tell(out, v);
    }
    return failures;
}

/* The failures of one check; *late: it had to be killed. */
static int run_check(check *c, const check_row *row, int limit_ms, last_words *words, outlet *out, bool *late, problems *pr)
{
    memset(words, 0, sizeof *words);
    c->name = row->name;
    c->title = row->doc;
    child_end end;
    if (child_run(run_errand, &(errand){ c, row, words }, child_patience(limit_ms), c->p->path, &end, pr) < 0) return -1;
    *late = !end.in_time;
    int failures = end.in_time && WIFEXITED(end.status) && WEXITSTATUS(end.status) == 0 ? relay(row, &end.said, out) : -1;
    if (failures < 0) {
        report_end(&end, words, row, limit_ms, out);
        failures = 1;
    }
    text_free(&end.said);
    return failures;
}

/* ---- all of them --------------------------------------------------------------- */

static const plugin *load(registry *r, const char *path, outlet *out)
{
    problems why = { 0 };
    const plugin *p = registry_open(r, 0, path, &why);
    verdict v = { p ? VERDICT_OK : VERDICT_FAIL, "loads", "loads", 1, "", "", "", "", "" };
    if (!p) {
        v.expected = "a shared object with one constant, heft_plugin, that the loader accepts";
        v.seen = why.n ? why.item[0].text : "refused";
        v.look = "the descriptor at the end of the file, and the command that built it";
    }
    tell(out, v);
    problems_free(&why);
    return p;
}

/* A layer whose shapes could not even be tried has nothing for the others to run on. */
static bool goes_on(const check_row *row, int failures, bool late, const plugin *p, outlet *out)
{
    const bool first = p->kind == HEFT_LAYER && !strcmp(row->name, "shapes") && failures;
    if (!late && !first) return true;
    const verdict v = { VERDICT_NOTE, row->name, "the checks that follow", 0, "", "",
                        late ? "not run, since this one did not end" : "not run, since they need inputs that are accepted", "", "" };
    if (row[1].name) tell(out, v);
    return false;
}

static int check_words(const char *only, heft_kind kind, problems *pr)
{
    if (!only || !strcmp(only, "loads") || check_doc(kind, only)) return 0;
    arena *a = arena_new();
    const char *const *names = check_names(a, kind);
    text all = { 0 };
    text_names(&all, names);
    problems_add(pr, (place){ 0 }, "there is no check '%s' of %ss%s; there are loads, %s", only, kind_name(kind), text_hint(only, names).s, all.s);
    text_free(&all);
    arena_free(a);
    return -1;
}

int check_plugin(registry *r, const char *path, const check_options *o, verdict_sink *sink, void *context, problems *pr)
{
    static const check_options usual;
    if (!o) o = &usual;
    outlet out = { .sink = sink, .context = context };
    const plugin *p = load(r, path, &out);
    if (!p) return 1;
    if (check_words(o->only, p->kind, pr) < 0) return -1;
    last_words *words = mmap(NULL, sizeof *words, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (words == MAP_FAILED) {
        problems_system(pr, path, "no memory to share with the process that tries it", errno);
        return -1;
    }
    arena *a = arena_new();
    int failures = 0, rows = 0;
    while (rows_of(p->kind)[rows].name) rows++;
    out.failed = arena_alloc(a, (size_t)rows, sizeof *out.failed);
    for (const check_row *row = rows_of(p->kind); row->name; row++) {
        if (o->only && strcmp(o->only, row->name)) continue;
        check c = { .p = p, .plugins = r, .asked = o, .memory = a, .at = &words->at };
        bool late = false;
        out.follows = cause(&out, row->after);
        out.n_told = 0;
        const int n = run_check(&c, row, o->limit_ms ? o->limit_ms : LIMIT_MS, words, &out, &late, pr);
        if (n < 0) {
            failures = -1;
            break;
        }
        failures += n;
        if (o->only && !out.n_told)
            tell(&out, (verdict){ VERDICT_NOTE, row->name, row->name, 0, "", "", "does not apply: the plugin has nothing that it looks at",
                                  "", "" });
        if (n) out.failed[out.n_failed++] = row->name;
        if (!goes_on(row, n, late, p, &out)) break;
    }
    arena_free(a);
    munmap(words, sizeof *words);
    return failures;
}

const char *const *check_names(arena *a, heft_kind kind)
{
    const check_row *row = rows_of(kind);
    int n = 0;
    while (row[n].name) n++;
    const char **names = arena_alloc(a, (size_t)n + 1, sizeof *names);
    for (int i = 0; i < n; i++) names[i] = row[i].name;
    return names;
}

const char *check_doc(heft_kind kind, const char *name)
{
    for (const check_row *row = rows_of(kind); row->name; row++)
        if (!strcmp(row->name, name)) return row->doc;
    return NULL;
}
