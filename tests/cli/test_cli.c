/* What cli_read makes of command lines, and what it says of wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "cli/cli.h"

#define USAGE "heft train FILE [path=value ...] [--run DIR] [--resume] [-j N]"

typedef struct line {
    cli_args    args;
    const char *run, *jobs;
    bool        resume;
    int         rc;
    char        out[2048], err[2048];
    char        copy[16][64];
    char       *argv[17];
} line;

static void capture(int fd, FILE *aside, int saved, char *to, size_t room)
{
    fflush(fd == 1 ? stdout : stderr);
    dup2(saved, fd);
    close(saved);
    rewind(aside);
    to[fread(to, 1, room - 1, aside)] = 0;
    fclose(aside);
}

/* words are separated by single spaces. */
static void read_line(line *l, const char *usage, int min, int max, const char *words)
{
    *l = (line){ 0 };
    const cli_option table[] = {
        { "--run", &l->run, NULL, "DIR  directory of the run" },
        { "--resume", NULL, &l->resume, "go on if the run exists" },
        { "-j", &l->jobs, NULL, "N  trials at a time" },
        { 0 },
    };
    int argc = 0;
    while (*words && argc < 16) {
        const size_t n = strcspn(words, " ");
        memcpy(l->copy[argc], words, n);
        l->argv[argc] = l->copy[argc];
        argc++;
        words += n + (words[n] == ' ');
    }
    FILE *out = tmpfile(), *err = tmpfile();
    assert_true(out && err);
    fflush(stdout);
    const int old_out = dup(1), old_err = dup(2);
    dup2(fileno(out), 1);
    dup2(fileno(err), 2);
    l->rc = cli_read(argc, l->argv, table, min, max, usage, &l->args);
    capture(1, out, old_out, l->out, sizeof l->out);
    capture(2, err, old_err, l->err, sizeof l->err);
}

static void read_right(void **state)
{
    (void)state;
    static const struct {
        const char *words, *run, *jobs;
        bool resume;
        int n, n_overrides;
        const char *first, *override;
    } cases[] = {
        { "train a.yaml", NULL, NULL, false, 1, 0, "a.yaml", NULL },
        { "train --run r a.yaml", "r", NULL, false, 1, 0, "a.yaml", NULL },
        { "train a.yaml --run=r=s", "r=s", NULL, false, 1, 0, "a.yaml", NULL },
        { "train --run= a.yaml", "", NULL, false, 1, 0, "a.yaml", NULL },
        { "train --run -1 a.yaml", "-1", NULL, false, 1, 0, "a.yaml", NULL },
        { "train --run=--resume a.yaml", "--resume", NULL, false, 1, 0, "a.yaml", NULL },
        { "train a.yaml --resume", NULL, NULL, true, 1, 0, "a.yaml", NULL },
        { "train -j 4 a.yaml", NULL, "4", false, 1, 0, "a.yaml", NULL },
        { "train -j4 a.yaml", NULL, "4", false, 1, 0, "a.yaml", NULL },
        { "train -j=4 a.yaml", NULL, "4", false, 1, 0, "a.yaml", NULL },
        { "train optimizer.adam.lr=3e-4 a.yaml model.0.dense.units=5", NULL, NULL, false, 1, 2, "a.yaml",
          "optimizer.adam.lr=3e-4" },
        { "train x=1 y=2 a.yaml b.yaml z=3", NULL, NULL, false, 2, 3, "a.yaml", "x=1" },
        { "train model.my-layer.units=3 a.yaml", NULL, NULL, false, 1, 1, "a.yaml", "model.my-layer.units=3" },
        { "train runs/lr=0.1/a.yaml", NULL, NULL, false, 1, 0, "runs/lr=0.1/a.yaml", NULL },
        { "train ./a=b.yaml seed=1", NULL, NULL, false, 1, 1, "./a=b.yaml", "seed=1" },
        { "train -- --run seed=1", NULL, NULL, false, 1, 1, "--run", "seed=1" },
        { "train -", NULL, NULL, false, 1, 0, "-", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        line l;
        read_line(&l, USAGE, 1, -1, cases[i].words);
        if (l.rc) fail_msg("'%s' is refused: %s", cases[i].words, l.err);
        const bool same = l.resume == cases[i].resume && l.args.n == cases[i].n
                       && l.args.n_overrides == cases[i].n_overrides
                       && !l.run == !cases[i].run && (!l.run || !strcmp(l.run, cases[i].run))
                       && !l.jobs == !cases[i].jobs && (!l.jobs || !strcmp(l.jobs, cases[i].jobs))
                       && !strcmp(l.args.arg[0], cases[i].first)
                       && (!cases[i].override || !strcmp(l.args.override[0], cases[i].override));
        if (!same) fail_msg("'%s' is read wrong", cases[i].words);
        if (l.out[0] || l.err[0]) fail_msg("'%s' prints: %s%s", cases[i].words, l.out, l.err);
    }
}

static void keeps_order(void **state)
{
    (void)state;
    line l;
    read_line(&l, USAGE, 1, -1, "train a=1 p b=2 --resume q c=3 r --run d s");
    assert_int_equal(l.rc, 0);
    assert_int_equal(l.args.n, 4);
    assert_int_equal(l.args.n_overrides, 3);
    for (int i = 0; i < 4; i++) assert_int_equal(l.args.arg[i][0], "pqrs"[i]);
    for (int i = 0; i < 3; i++) assert_int_equal(l.args.override[i][0], "abc"[i]);
}

static void read_wrong(void **state)
{
    (void)state;
    static const struct { const char *words, *says; } cases[] = {
        { "train", "at least 1 argument expected, found 0" },
        { "train a b c", "at most 2 arguments expected, found 3; the first too many is 'c'" },
        { "train a --rum d", "unknown option '--rum' (did you mean '--run'?)" },
        { "train a --resum=3", "unknown option '--resum' (did you mean '--resume'?)" },
        { "train a --zzzzzzzz", "options are --run, --resume, -j, --help" },
        { "train a --run", "'--run' wants a value (DIR); found the end of the command" },
        { "train a --run --resume", "'--run' wants a value (DIR); found '--resume'" },
        { "train a --run -j4", "'--run' wants a value (DIR); found '-j4'" },
        { "train a --resume=yes", "'--resume' is a flag and takes no value; found 'yes'" },
        { "train a --run d --run e", "'--run' is given twice" },
        { "train a -k", "unknown option '-k' (did you mean '-j'?)" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        line l;
        read_line(&l, USAGE, 1, 2, cases[i].words);
        if (l.rc != -1 || !strstr(l.err, cases[i].says))
            fail_msg("'%s': '%s' is not in: %s", cases[i].words, cases[i].says, l.err);
        if (!strstr(l.err, "usage: " USAGE)) fail_msg("'%s': no usage in: %s", cases[i].words, l.err);
        if (l.out[0]) fail_msg("'%s': on stdout: %s", cases[i].words, l.out);
    }
}

static void all_mistakes_at_once(void **state)
{
    (void)state;
    line l;
    read_line(&l, USAGE, 1, 1, "train --foo --resume=1 a b");
    assert_int_equal(l.rc, -1);
    assert_non_null(strstr(l.err, "--foo"));
    assert_non_null(strstr(l.err, "takes no value"));
    assert_non_null(strstr(l.err, "at most 1 argument expected"));
}

static void overrides_only_where_the_usage_has_them(void **state)
{
    (void)state;
    line l;
    read_line(&l, "heft show RUN", 1, 1, "show a=b.h5");
    assert_int_equal(l.rc, 0);
    assert_string_equal(l.args.arg[0], "a=b.h5");
    read_line(&l, "heft show RUN", 1, 1, "show r.h5 seed=1");
    assert_int_equal(l.rc, -1);
}

static void help(void **state)
{
    (void)state;
    static const char *const cases[] = { "train --help", "train a b c -h" };
    for (size_t i = 0; i < 2; i++) {
        line l;
        read_line(&l, USAGE, 1, 1, cases[i]);
        assert_int_equal(l.rc, -1);
        assert_string_equal(l.err, "");
        assert_non_null(strstr(l.out, "usage: " USAGE "\n"));
        assert_non_null(strstr(l.out, "  --run DIR  directory of the run\n"));
        assert_non_null(strstr(l.out, "  --resume   go on if the run exists\n"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_right), cmocka_unit_test(keeps_order), cmocka_unit_test(read_wrong),
        cmocka_unit_test(all_mistakes_at_once), cmocka_unit_test(overrides_only_where_the_usage_has_them),
        cmocka_unit_test(help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
