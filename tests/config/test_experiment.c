#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "config/check.h"
#include "config/experiment.h"

/* A directory to stand in, so that messages name files as a user would. */
static int enter(void **state)
{
    static char dir[] = "/tmp/heft-experiment-XXXXXX";
    *state = dir;
    unsetenv("HEFT_DATA");
    return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf '%s'", (const char *)*state);
    return chdir("/") || system(command);
}

static void put(const char *path, const char *content)
{
    problems pr = { 0 };
    arena *a = arena_new();
    file_mkdirs(path_dir(a, path), &pr);
    file_publish(path, content, strlen(content), &pr);
    expect_problems(&pr, "", path);
    arena_free(a);
}

#define REST "model: [a]\nloss: l\noptimizer: adam\n"
#define LEAST "data: {format: idx}\n" REST

/* The resolved experiment of the file e.yaml, or what is said of it. */
static void expect(const char *content, int n, char *const *overrides, const char *written, const char *said)
{
    problems pr = { 0 };
    put("e.yaml", content);
    experiment *e = experiment_load("e.yaml", n, overrides, &pr);
    assert_int_equal(!e, pr.n > 0);
    expect_problems(&pr, said, content);
    if (!e) return;
    text t = { 0 }, again = { 0 };
    experiment_write(e, &t);
    if (written) assert_string_equal(t.s, written);
    experiment *back = experiment_parse("run/experiment.yaml", "run", t.s, t.n, 0, NULL, &pr);
    expect_problems(&pr, "", t.s);
    experiment_write(back, &again);
    assert_string_equal(again.s, t.s);           /* from any place, the same experiment */
    text_free(&t);
    text_free(&again);
    experiment_free(back);
    experiment_free(e);
}

static void sections(void **state)
{
    (void)state;
    problems pr = { 0 };
    put("dir/my exp.yaml", "data: {format: idx}\nmodel:\n  - dense: {units: 3}\nloss: {mse: {}}\noptimizer: {adam: {lr: 1}}\nmetrics: accuracy\n"
        "train:\ncheckpoint: {every: 1}\nplugins: here\nseed: 9223372036854775807\n");
    experiment *e = experiment_load("dir/my exp.yaml", 0, NULL, &pr);
    expect_problems(&pr, "", "sections");
    assert_string_equal(e->path, "dir/my exp.yaml");
    arena *a = arena_new();
    assert_string_equal(e->dir, path_absolute(a, "dir"));
    assert_string_equal(e->name, "my_exp");
    assert_true(e->seed == INT64_MAX);
    expect_tree(e->data, "{format: idx}", "data");
    expect_tree(e->model, "[{dense: {units: 3}}]", "model");
    expect_tree(e->loss, "{mse: {}}", "loss");
    expect_tree(e->optimizer, "{adam: {lr: 1}}", "optimizer");
    expect_tree(e->metrics, "[accuracy]", "metrics");           /* a lone one is a list of one */
    expect_tree(e->checkpoint, "{every: 1}", "checkpoint");
    assert_null(e->train);
    assert_null(e->sweep);
    assert_int_equal(e->n_plugin_dirs, 1);
    assert_string_equal(e->plugin_dirs[0], path_absolute(a, "dir/here"));
    arena_free(a);
    experiment_free(e);
    experiment_free(NULL);
}

static void names(void **state)
{
    (void)state;
    static const struct { const char *file, *name; } cases[] = {
        { "mnist.yaml", "mnist" }, { "a.b.yaml", "a.b" }, { "x", "x" }, { ".yaml", "_yaml" }, { "-x.yaml", "_x" }, { "\xc3\xa9.yaml", "__" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        problems pr = { 0 };
        put(cases[i].file, LEAST);
        experiment *e = experiment_load(cases[i].file, 0, NULL, &pr);
        expect_problems(&pr, "", cases[i].file);
        assert_string_equal(e->name, cases[i].name);
        experiment_free(e);
        unlink(cases[i].file);
    }
}

static void refused(void **state)
{
    (void)state;
    static const char rule[] = " cannot name a directory; it is 1 to 100 letters, digits, '.', '_' and '-', and does not begin with '.' or '-'";
    static const struct { const char *yaml, *problems; bool rule; } cases[] = {
        { "", "e.yaml: the file is empty" },
        { "3\n", "e.yaml:1:1: an experiment is a mapping with the keys data, model, loss and optimizer at least; found '3'" },
        { "- a\n", "e.yaml:1:1: an experiment is a mapping with the keys data, model, loss and optimizer at least; found a list" },
        { "{}", "e.yaml: the section 'data' is missing\ne.yaml: the section 'model' is missing\ne.yaml: the section 'loss' is missing\n"
                "e.yaml: the section 'optimizer' is missing" },
        { "data:\n" REST, "e.yaml:1:6: the section 'data' is empty" },
        { "data: {}\n" REST, "e.yaml:1:7: the section 'data' is empty" },
        { "data: [1]\n" REST, "e.yaml:1:7: data: expected a mapping, {key: value}, found a list" },
        { LEAST "optimiser: sgd\n", "e.yaml:5:1: unknown key 'optimiser' (did you mean 'optimizer'?)" },
        { LEAST "something_else: 3\n", "e.yaml:5:1: unknown key 'something_else' (known: name, seed, data, model, loss, metrics, "
                                       "optimizer, train, checkpoint, sweep, plugins)" },
        { "data: {format: idx}\nmodel: {a: 1}\nloss: [x]\noptimizer: [x]\nmetrics: {a: {}}\ntrain: 3\ncheckpoint: []\nsweep: x\n",
          "e.yaml:2:8: model: expected a list of layers, found a mapping\n"
          "e.yaml:3:7: loss: expected a type, or one type with its options, {type: {key: value}}, found a list\n"
          "e.yaml:4:12: optimizer: expected a type, or one type with its options, {type: {key: value}}, found a list\n"
          "e.yaml:6:8: train: expected a mapping, {key: value}, found '3'\n"
          "e.yaml:7:13: checkpoint: expected a mapping, {key: value}, found a list\n"
          "e.yaml:8:8: sweep: expected a mapping, {key: value}, found 'x'" },
        { "data: {format: idx}\nmodel: []\nloss: l\noptimizer: o\n", "e.yaml:2:8: the section 'model' is empty" },
        { "seed: -1\n" LEAST, "e.yaml:1:7: seed: -1 is below 0" },
        { "seed: 9223372036854775808\n" LEAST, "e.yaml:1:7: seed: 9223372036854775808 is above 9223372036854775807" },
        { "seed: x\n" LEAST, "e.yaml:1:7: seed: expected an integer of at least 0, found 'x'" },
        { "name: a/b\n" LEAST, "e.yaml:1:7: name: 'a/b'", true },
        { "name: ..\n" LEAST, "e.yaml:1:7: name: '..'", true },
        { "name: -x\n" LEAST, "e.yaml:1:7: name: '-x'", true },
        { "name: a b\n" LEAST, "e.yaml:1:7: name: 'a b'", true },
        { "name: \"\"\n" LEAST, "e.yaml:1:7: name: \"\"", true },
        { "name: \"\xc3\xa9\"\n" LEAST, "e.yaml:1:7: name: \"\xc3\xa9\"", true },
        { "name: [a]\n" LEAST, "e.yaml:1:7: name: expected text, found a list" },
        { "plugins: {a: 1}\n" LEAST, "e.yaml:1:10: plugins: expected a name or a list of them, found a mapping" },
        { "plugins: [a, [b], '']\n" LEAST, "e.yaml:1:14: plugins: expected text, found a list\n"
                                           "e.yaml:1:19: plugins: expected a directory, found \"\"" },
        { "metrics: 3\nbase: none.yaml\n" LEAST, "e.yaml:2:7: base: there is no file 'none.yaml'" },
        { "base: [none.yaml, also.yaml]\n" LEAST, "e.yaml:1:8: base: there is no file 'none.yaml'\ne.yaml:1:19: base: there is no file "
                                                  "'also.yaml'" },
        { "base: {a: 1}\n" LEAST, "e.yaml:1:7: base: expected the name of a file, or a list of them, found a mapping" },
        { "base: ''\n" LEAST, "e.yaml:1:7: base: expected the name of a file, or a list of them, found \"\"" },
        { "base: ${x}\n" LEAST, "e.yaml:1:7: base: '${x}' cannot have references, since bases are read before these are resolved" },
        { "base: e.yaml\n" LEAST, "e.yaml:1:7: base: files go round in a circle: e.yaml -> e.yaml" },
        { "seed: ${sed}\nnam: x\n" LEAST, "e.yaml:1:7: ${sed}: there is no 'sed' (did you mean 'seed'?)\n"
                                          "e.yaml:2:1: unknown key 'nam' (did you mean 'name'?)\n"
                                          "e.yaml:1:7: seed: expected an integer of at least 0, found '${sed}'" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char said[2048];
        snprintf(said, sizeof said, "%s%s", cases[i].problems, cases[i].rule ? rule : "");
        expect(cases[i].yaml, 0, NULL, NULL, said);
    }
    problems pr = { 0 };
    assert_null(experiment_load("none.yaml", 0, NULL, &pr));
    expect_problems(&pr, "none.yaml: cannot be opened: No such file or directory", "none.yaml");
}

static void bases(void **state)
{
    (void)state;
    put("bases/common.yaml", "base: deeper/all.yaml\ntrain: {epochs: 10, batch: 32}\noptimizer: {adam: {lr: 1, beta1: 0.8}}\nmodel: [a, b]\n");
    put("bases/deeper/all.yaml", "loss: l\ntrain: {epochs: 1, threads: 2}\nseed: 5\n");
    put("more.yaml", "seed: 6\nmetrics: [m]\n");
    expect("base: [bases/common.yaml, more.yaml]\nname: x\ndata: {format: idx}\ntrain: {batch: 64}\nmodel: [c]\n", 0, NULL,
           "name: 'x'\nseed: 6\nloss: l\noptimizer:\n  adam:\n    lr: 1\n    beta1: 0.8\nmetrics: [m]\ndata:\n  format: idx\n"
           "train:\n  threads: 2\n  epochs: 10\n  batch: 64\nmodel: [c]\n", "");
    expect("base: bases/common.yaml\nname: x\ndata: {format: idx}\noptimizer: {sgd: {lr: 2}}\n", 0, NULL,
           "name: 'x'\nseed: 5\nloss: l\ntrain:\n  threads: 2\n  epochs: 10\n  batch: 32\nmodel: [a, b]\ndata:\n  format: idx\n"
           "optimizer:\n  sgd:\n    lr: 2\n", "");
    put("bases/wrong.yaml", "loss: l\nloss: m\n");
    expect("base: bases/wrong.yaml\n" LEAST, 0, NULL, NULL, "bases/wrong.yaml:2:1: the key 'loss' is given twice; the first is at 1:1");
    put("bases/list.yaml", "- a\n");
    expect("base: bases/list.yaml\n" LEAST, 0, NULL, NULL,
           "bases/list.yaml:1:1: an experiment is a mapping with the keys data, model, loss and optimizer at least; found a list");
    put("bases/typo.yaml", "trian: {}\n");       /* a mistake in a base is reported there */
    expect("base: bases/typo.yaml\n" LEAST, 0, NULL, NULL, "bases/typo.yaml:1:1: unknown key 'trian' (did you mean 'train'?)");
    put("bases/a.yaml", "base: ./b.yaml\n");
    put("bases/b.yaml", "base: ../bases/a.yaml\n");
    expect("base: bases/a.yaml\n" LEAST, 0, NULL, NULL,
           "bases/b.yaml:1:7: base: files go round in a circle: e.yaml -> bases/a.yaml -> bases/b.yaml -> bases/../bases/a.yaml");
    for (int i = 0; i < 20; i++) {
        char name[32], content[32];
        snprintf(name, sizeof name, "c%d.yaml", i);
        snprintf(content, sizeof content, "base: c%d.yaml\n", i + 1);
        put(name, content);
    }
    expect("base: c0.yaml\n" LEAST, 0, NULL, NULL, "c14.yaml:1:7: base: more than 16 files lead from one to the next");
    text many = { 0 };
    text_add(&many, "base: [more.yaml");
    for (int i = 0; i < 70; i++) text_add(&many, ", more.yaml");
    text_add(&many, "]\n" LEAST);
    problems pr = { 0 };
    put("e.yaml", many.s);
    assert_null(experiment_load("e.yaml", 0, NULL, &pr));
    assert_string_equal(pr.item[0].text, "base: more than 64 files in all");
    problems_free(&pr);
    text_free(&many);
}

static void overrides_and_references(void **state)
{
    (void)state;
    expect("name: x\nwidth: 3\n" LEAST, 0, NULL, NULL, "e.yaml:2:1: unknown key 'width' (known: name, seed, data, model, loss, metrics, "
           "optimizer, train, checkpoint, sweep, plugins)");
    expect("name: x-${seed}\nseed: 4\ndata: {format: idx, note: 'no', at: \"$${x}-${name}\"}\n" REST, 2,
           (char *[]){ "seed=5", "train.note=${data.format}" },
           "name: 'x-5'\nseed: 5\ndata:\n  format: idx\n  note: 'no'\n  at: '$${x}-x-5'\nmodel: [a]\nloss: l\noptimizer: adam\n"
           "train:\n  note: idx\n", "");
    expect(LEAST, 6, (char *[]){ "sede=3", "x", "base=y.yaml", "model.1=c", "seed=-1", "optimizer=" }, NULL,
           "command line: argument 2, 'x': expected path=value, such as train.epochs=10\n"
           "command line: model.1=c: model has 1 element, 0 to 0\n"
           "command line: base=y.yaml: base can only be given in a file\n"
           "command line: sede=3: unknown key 'sede' (did you mean 'seed'?)\n"
           "command line: seed=-1: seed: -1 is below 0\n"
           "command line: optimizer=: the section 'optimizer' is empty");

    /* By the last step alone, in heft's words or in others'. */
    static const char deep[] = "data: {format: idx}\nmodel: [{dense: {units: 3}}, {dense: {bias: 1, name: out}}]\nloss: l\n"
                               "optimizer: {adam: {lr: 1}}\ntrain: {batch: 2}\nsweep: {parameters: {patience: {min: 1}}}\n";
    static const struct { const char *override, *hint; } last[] = {
        { "lr=3", "(did you mean 'optimizer.adam.lr'?)" }, { "batch_size=3", "(did you mean 'train.batch'?)" },
        { "units=3", "(did you mean 'model.0.dense.units'?)" }, { "use_bias=3", "(did you mean 'model.1.dense.bias'?)" },
        { "traim=3", "(did you mean 'train'?)" }, { "dense=3", "(did you mean 'model.0.dense'?)" },
    };
    for (size_t i = 0; i < sizeof last / sizeof *last; i++) {
        char key[32], said[256];
        snprintf(key, sizeof key, "%.*s", (int)strcspn(last[i].override, "="), last[i].override);
        snprintf(said, sizeof said, "command line: %s: unknown key '%s' %s", last[i].override, key, last[i].hint);
        expect(deep, 1, (char *[]){ (char *)last[i].override }, NULL, said);
    }
    expect(deep, 1, (char *[]){ "patience=3" }, NULL, "command line: patience=3: unknown key 'patience' (known: name, seed, data, model, loss, "
           "metrics, optimizer, train, checkpoint, sweep, plugins)");
}

static void roots_and_plugins(void **state)
{
    static const struct { const char *env, *data, *root; } cases[] = {
        { NULL, "format: idx, root: d/x", "root: '%s/d/x'\n" }, { NULL, "format: idx, root: /d", "root: '/d'\n" },
        { NULL, "format: idx, root: ../x", "root: '/tmp/x'\n" },
        { "/data", "format: idx, root: d", "root: d\n" }, { "/data", "format: idx, root: /d", "root: /d\n" },
        { "", "format: idx, root: d", "root: '%s/d'\n" },
        { NULL, "format: csv, train: a.csv", "root: '%s'\n" }, { NULL, "format: idx, train: {inputs: a}", "root: '%s'\n" },
        { "/data", "format: csv, train: a.csv", "" }, { NULL, "format: digits, train: 5000", "" }, { NULL, "format: digits", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].env) setenv("HEFT_DATA", cases[i].env, 1);
        else unsetenv("HEFT_DATA");
        problems pr = { 0 };
        char content[256], root[256];
        snprintf(content, sizeof content, "data: {%s}\nplugins: [p, /q]\n" REST, cases[i].data);
        put("e.yaml", content);
        experiment *e = experiment_load("e.yaml", 0, NULL, &pr);
        expect_problems(&pr, "", content);
        text t = { 0 };
        experiment_write(e, &t);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(root, sizeof root, cases[i].root, (const char *)*state);
#pragma GCC diagnostic pop
        const char *found = strstr(t.s, "root: ");
        if (!*cases[i].root ? found != NULL : !found || strncmp(found, root, strlen(root))) fail_msg("%s: %s", cases[i].data, t.s);
        char plugins[128];
        snprintf(plugins, sizeof plugins, "plugins:\n- '%s/p'\n- '/q'\n", (const char *)*state);
        assert_non_null(strstr(t.s, plugins));
        text_free(&t);
        experiment_free(e);
    }
    unsetenv("HEFT_DATA");
}

/* What references make must be readable when it is written. */
static void the_resolved_one_is_bounded(void **state)
{
    (void)state;
    text t = { 0 };
    text_add(&t, LEAST "sweep:\n  a: ");
    for (int i = 0; i < 1000; i++) text_add(&t, "0123456789");
    text_add(&t, "\n  b:\n");
    for (int i = 0; i < 200; i++) text_add(&t, "  - ${sweep.a}\n");
    problems pr = { 0 };
    put("e.yaml", t.s);
    assert_null(experiment_load("e.yaml", 0, NULL, &pr));
    assert_int_equal(pr.n, 1);
    assert_non_null(strstr(pr.item[0].text, "with its references resolved, the experiment is 20"));
    problems_free(&pr);
    text_free(&t);
    text_add(&t, LEAST "sweep:\n  a: ");
    for (int i = 0; i < 40; i++) text_add(&t, "[");
    for (int i = 0; i < 40; i++) text_add(&t, "]");
    text_add(&t, "\n  b: ");
    for (int i = 0; i < 40; i++) text_add(&t, "[");
    text_add(&t, "\"${sweep.a}\"");
    for (int i = 0; i < 40; i++) text_add(&t, "]");
    put("e.yaml", t.s);
    assert_null(experiment_load("e.yaml", 0, NULL, &pr));
    expect_problems(&pr, "e.yaml: with its references resolved, the experiment is nested more than 64 levels deep", "depth");
    text_free(&t);
    text_add(&t, LEAST "sweep:\n  a: [");
    for (int i = 0; i < 14999; i++) text_add(&t, "0, ");
    text_add(&t, "0]\n  b: ${sweep.a}\n  c: ${sweep.a}\n");
    put("e.yaml", t.s);
    assert_null(experiment_load("e.yaml", 0, NULL, &pr));
    assert_int_equal(pr.n, 1);
    assert_non_null(strstr(pr.item[0].text, "with its references resolved, the experiment is 450"));
    assert_non_null(strstr(pr.item[0].text, " keys and values; at most 32768 are read"));
    problems_free(&pr);
    text_free(&t);
}

static void from_text(void **state)
{
    (void)state;
    problems pr = { 0 };
    static const char yaml[] = "name: \"x\"\nseed: 3\ndata: {root: \"d\"}\n" REST;
    experiment *e = experiment_parse("run.h5:/experiment", "/some/where", yaml, sizeof yaml - 1, 1, (char *[]){ "train.epochs=20" }, &pr);
    expect_problems(&pr, "", yaml);
    assert_string_equal(e->dir, "/some/where");
    expect_tree(e->train, "{epochs: 20}", "train");
    text t = { 0 };
    experiment_write(e, &t);
    assert_non_null(strstr(t.s, "root: '/some/where/d'\n"));
    text_free(&t);
    experiment_free(e);
    assert_null(experiment_parse("run.h5:/experiment", "/", "a: [", 4, 0, NULL, &pr));
    assert_int_equal(pr.n, 1);
    assert_string_equal(pr.item[0].at.file, "run.h5:/experiment");
    problems_free(&pr);
}

/* Files of initializers are absolute from the beginning, so that a run and what goes on from its checkpoint say the same of a layer. */
static void initial_weights(void **state)
{
    (void)state;
    problems pr = { 0 };
    static const char yaml[] = "data: {format: digits}\nloss: l\noptimizer: o\nmodel: [a, {b: {init: {w: {file: {path: ../x.h5}}, v: {file: {path: /y.h5, tensor: /t}}, "
                               "u: zeros, t: {file: {}}}}}, {c: {init: auto}}]\n";
    experiment *e = experiment_parse("test.yaml", "/some/where", yaml, sizeof yaml - 1, 0, NULL, &pr);
    expect_problems(&pr, "", yaml);
    expect_tree(e->model, "[a, {b: {init: {w: {file: {path: \"/some/x.h5\"}}, v: {file: {path: \"/y.h5\", tensor: /t}}, u: zeros, t: {file: {}}}}}, "
                "{c: {init: auto}}]", "model");
    text t = { 0 }, again = { 0 };
    experiment_write(e, &t);
    experiment *copy = experiment_parse("run.h5:/experiment", "/elsewhere", t.s, t.n, 0, NULL, &pr);
    expect_problems(&pr, "", t.s);
    experiment_write(copy, &again);
    assert_string_equal(again.s, t.s);
    text_free(&t);
    text_free(&again);
    experiment_free(copy);
    experiment_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections), cmocka_unit_test(names), cmocka_unit_test(refused), cmocka_unit_test(bases),
        cmocka_unit_test(overrides_and_references), cmocka_unit_test(roots_and_plugins), cmocka_unit_test(the_resolved_one_is_bounded),
        cmocka_unit_test(from_text), cmocka_unit_test(initial_weights),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
