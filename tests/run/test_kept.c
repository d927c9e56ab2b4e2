/* What runs keep beside weights and slots: averages, matrices of metrics, sums over weighted samples, digests of initial weights.  R2 for each,
 * and what a reader of the files finds. */
#include "run/scratch.h"

#define NET                                                                                                      \
    "model:\n  - dense: {units: 8, name: hidden, init: {weight: {file: {path: first.h5, tensor: /w}}}}\n"          \
    "  - batch_norm: {activation: relu, name: norm}\n  - dense: {units: 2, name: out, init: {weight: lsuv}}\n"       \
    "loss: softmax_cross_entropy\nmetrics: [accuracy, {confusion_matrix: {name: taken}}]\noptimizer: {adam: {lr: 1e-2}}\n"
#define DATA "data: {format: csv, train: t.csv, target: kind, weight: w, validation: 0.25, test: 0.25}\n"
#define TRAIN "checkpoint: {best: val_accuracy}\ntrain: {epochs: 4, batch: 12, log_every: 1"

static const struct { const char *name, *average; } kinds[] = {
    { "none", "" }, { "ema", ", average: {ema: {decay: 0.8, start: 5}}" }, { "swa", ", average: {swa: {start: 1}}" },
    { "swa by steps", ", average: {swa: {unit: step, every: 3}}" },
};

static void make_files(void)
{
    text t = { 0 };
    text_add(&t, "a,b,c,kind,w\n");
    for (int i = 0; i < 120; i++)
        text_printf(&t, "%d,%d,%d,%s,%g\n", i * 7 % 13, i * 5 % 11, i % 3, i * 7 % 13 > i * 5 % 11 ? "more" : "less", i % 4 / 2.0);
    spit("t.csv", t.s, t.n);
    text_free(&t);
    float w[24];
    problems pr = { 0 };
    for (int i = 0; i < 24; i++) w[i] = (float)(i * 5 % 17) / 17 - 0.5f;
    hdf_file *f = hdf_create(&pr);
    hdf_write(f, "/w", HDF_F32, 2, (int64_t[]){ 3, 8 }, w, &pr);
    assert_int_equal(hdf_publish(f, "heft-test 1", "first.h5", &pr), 0);
    expect_none(&pr);
}

static void make_from(setup *s, const char *yaml, const char *dir, bool fresh)
{
    static const char *const dirs[] = { PLUGIN_DIR };
    memset(s, 0, sizeof *s);
    s->experiment = experiment_parse("test.yaml", dir, yaml, strlen(yaml), 0, NULL, &s->pr);
    expect_none(&s->pr);
    s->registry = registry_new(1, dirs);
    s->data = data_open(s->experiment->data, s->experiment->dir, 0, &s->pr);
    expect_none(&s->pr);
    s->trainer = (fresh ? trainer_new : trainer_new_empty)(s->experiment, s->registry, s->data, &s->pr);
    expect_none(&s->pr);
}

static void make(setup *s, const char *averaged, bool fresh)
{
    char yaml[2000];
    snprintf(yaml, sizeof yaml, DATA NET TRAIN "%s}\n", averaged);
    make_from(s, yaml, scratch, fresh);
}

static void goes_on(void **state)
{
    (void)state;
    make_files();
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (int64_t step = 2; step < 20; step += 3) {      /* 5 steps an epoch */
            setup a, b;
            problems pr = { 0 };
            saver sa = { .step = step, .at = "middle.h5" }, sb = { 0 };
            make(&a, kinds[k].average, true);
            train_to_end(&a, &sa);
            assert_int_equal(checkpoint_save(a.trainer, "end.h5", &pr), 0);
            checkpoint *c = checkpoint_open("middle.h5", &pr);
            expect_none(&pr);
            size_t n;
            assert_int_equal(rename("first.h5", "gone.h5"), 0);         /* a run that goes on needs it no more */
            make_from(&b, checkpoint_experiment(c, &n), "/", false);
            assert_int_equal(rename("gone.h5", "first.h5"), 0);
            checkpoint_restore(c, b.trainer, &pr);
            expect_none(&pr);
            checkpoint_close(c);
            expect_goes_on(&b, &sb);
            expect_none(&pr);
            setup_end(&a);
            setup_end(&b);
        }
}

static void read_floats(hdf_file *f, const char *path, int rank, const int64_t *dim, float *to)
{
    problems pr = { 0 };
    hdf_read(f, path, HDF_F32, rank, dim, to, &pr);
    expect_none(&pr);
}

/* /layers is what is judged, so whoever reads weights gets the average; a model loaded from it gives the figures of the table. */
static void holds_the_average(void **state)
{
    (void)state;
    make_files();
    setup s;
    saver none = { 0 };
    problems pr = { 0 };
    make(&s, kinds[1].average, true);
    train_to_end(&s, &none);
    assert_int_equal(checkpoint_save(s.trainer, "end.h5", &pr), 0);
    const double judged = last(&s, "val_loss");
    model *m = s.trainer->model;
    const model *shown = trainer_shown(s.trainer);
    float layers[16], trained[16];
    const int64_t shape[] = { 8, 2 };
    checkpoint *c = checkpoint_open("end.h5", &pr);
    read_floats(checkpoint_file(c), "/layers/out/weight", 2, shape, layers);
    read_floats(checkpoint_file(c), "/trainer/weights/out/weight", 2, shape, trained);
    assert_memory_equal(layers, model_weight(shown, &m->layer[3], 0), sizeof layers);
    assert_memory_equal(trained, model_weight(m, &m->layer[3], 0), sizeof trained);
    assert_memory_not_equal(layers, trained, sizeof layers);

    assert_int_equal(checkpoint_load_model(c, m, &pr), 0);
    pass *p = pass_new(m, false, &pr);
    meter *sums = meter_new(m);
    double value[3];
    assert_int_equal(evaluate_run(m, p, s.data, s.data->validation, sums, &pr), 0);
    meter_read(sums, m, value);
    assert_true(value[0] == judged);
    meter_free(sums);
    pass_free(p);
    checkpoint_close(c);
    setup_end(&s);
    expect_none(&pr);
}

/* An average that is dropped, or is new, on the way. */
static void comes_and_goes(void **state)
{
    (void)state;
    make_files();
    setup a, b;
    saver sa = { .step = 12, .at = "middle.h5" };
    problems pr = { 0 };
    make(&a, kinds[1].average, true);
    train_to_end(&a, &sa);
    make(&b, "", false);
    checkpoint *c = checkpoint_open("middle.h5", &pr);
    assert_int_equal(checkpoint_restore(c, b.trainer, &pr), 0);
    checkpoint_close(c);
    saver none = { 0 };
    train_to_end(&b, &none);
    assert_memory_equal(a.trainer->model->x, b.trainer->model->x, a.trainer->model->n_weights * sizeof(float));
    assert_int_equal(checkpoint_save(b.trainer, "plain.h5", &pr), 0);
    setup_end(&b);
    make(&b, kinds[2].average, false);
    c = checkpoint_open("plain.h5", &pr);
    assert_int_equal(checkpoint_restore(c, b.trainer, &pr), 0);
    assert_int_equal(b.trainer->average->n, 0);
    checkpoint_close(c);
    setup_end(&a);
    setup_end(&b);
    expect_none(&pr);
}

/* In metrics.h5 too, and as run_repair writes it anew. */
static void matrices_of_a_run(void **state)
{
    (void)state;
    make_files();
    setup s;
    problems pr = { 0 };
    make(&s, "", true);
    run *r = run_create("run", s.experiment, &pr);
    expect_none(&pr);
    saver w = { .run = r };
    train_to_end(&s, &w);
    run_close(r);
    for (int again = 0; again < 2; again++) {
        hdf_file *f = hdf_open_published("run/metrics.h5", "heft-metrics 1", &pr);
        expect_none(&pr);
        matrices *m = matrices_read(f, "/matrices", &pr);
        expect_none(&pr);
        const matrix *x = matrices_find(m, "taken/test");
        assert_non_null(matrices_find(m, "taken/validation"));
        assert_non_null(x);
        double sum = 0, weight = 0;
        for (int64_t i = 0; i < dataset_count(s.data->test); i++) {
            float one;
            dataset_weights(s.data->test, &i, 1, &one);
            weight += (double)one;
        }
        for (int i = 0; i < 4; i++) sum += (double)x->value[i];
        assert_true(sum == weight && weight != 30);
        assert_true(fabs((double)(x->value[0] + x->value[3]) / weight - last(&s, "test_taken")) < 1e-6);
        assert_int_equal(x->epoch, 4);
        assert_int_equal(m->n_names, 2);
        assert_string_equal(m->class_name[0], "less");
        matrices_free(m);
        hdf_close(f);
        remove("run/metrics.h5");
        remove("run/checkpoints/latest");
        r = run_open("run", &pr);
        expect_none(&pr);
        run_close(r);
    }
    setup_end(&s);
}

static hdf_file *write_one(const char *name, int rank, const int64_t *dim, const float *v, int64_t epoch)
{
    problems pr = { 0 };
    hdf_file *f = hdf_create(&pr);
    hdf_write(f, name, HDF_F32, rank, dim, v, &pr);
    if (epoch) hdf_attr_int(f, name, "epoch", epoch, &pr);
    hdf_publish(f, "heft-test 1", "m.h5", &pr);
    f = hdf_open_published("m.h5", "heft-test 1", &pr);
    expect_none(&pr);
    return f;
}

static void damaged_matrices(void **state)
{
    (void)state;
    static const float v[8] = { 0 };
    static const struct { const char *name; int rank; int64_t dim[3], epoch; const char *words; } cases[] = {
        { "/m/a/test", 1, { 4 }, 1, "m.h5:/m/a/test: not a matrix of an epoch: 1 axes" }, { "/m/a/test", 2, { 2, 2 }, -1, "epoch -1" },
        { "/m/a/test", 2, { 2, 2 }, 0, "epoch" }, { "/m/a", 2, { 2, 2 }, 1, "/m/a" }, { "/m/class_name", 2, { 2, 2 }, 1, "class_name" },
        { "/m/a/test", 3, { 2, 2, 2 }, 1, "3 axes" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        problems pr = { 0 };
        hdf_file *f = write_one(cases[i].name, cases[i].rank, cases[i].dim, v, cases[i].epoch);
        assert_null(matrices_read(f, "/m", &pr));
        expect_problem(&pr, cases[i].words);
        hdf_close(f);
    }
}

/* What weighs by itself goes with weights of samples. */
static void two_weights(void **state)
{
    (void)state;
    make_files();
    problems pr = { 0 };
    static const char *const dirs[] = { PLUGIN_DIR };
    static const struct { const char *loss, *metrics; } cases[] = {
        { "{softmax_cross_entropy: {class_weights: [1, 2]}}", "[]" }, { "softmax_cross_entropy", "[]" },
        { "softmax_cross_entropy", "[{softmax_cross_entropy: {class_weights: [1, 2]}}, {accuracy: {ignore_index: 1}}]" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char yaml[1000];
        snprintf(yaml, sizeof yaml, DATA "model: [{dense: {units: 2}}]\noptimizer: sgd\nloss: %s\nmetrics: %s\n", cases[i].loss, cases[i].metrics);
        experiment *e = experiment_parse("test.yaml", scratch, yaml, strlen(yaml), 0, NULL, &pr);
        registry *r = registry_new(1, dirs);
        data *d = data_open(e->data, e->dir, 0, &pr);
        expect_none(&pr);
        trainer *t = trainer_new(e, r, d, &pr);
        expect_none(&pr);
        assert_non_null(t);
        trainer_free(t);
        data_free(d);
        registry_free(r);
        experiment_free(e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(goes_on, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(holds_the_average, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(comes_and_goes, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(matrices_of_a_run, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(damaged_matrices, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(two_weights, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests_name("what runs keep", tests, NULL, NULL);
}
