#include "data/support.h"

#include <sys/stat.h>

static const char houses[] =
    "rooms,place,age,price\n"
    "1,lake,10,100\n"
    "2,town,,200\n"
    "3,lake,30,300\n"
    "6,\"old, town\",50,400\n";

#define SECTION "format: csv\ntrain: t.csv\ntarget: price\n"

static void assert_row(const float *x, int n, const double *want)
{
    for (int i = 0; i < n; i++)
        if (fabs((double)x[i] - want[i]) > 1e-5) fail_msg("column %d: %g, not %g", i, (double)x[i], want[i]);
}

/* Median of 10, 30, 50 is 30; categories in the order of their bytes. */
static void test_golden(void **state)
{
    (void)state;
    write_text("t.csv", houses);
    data *d = open_good(SECTION "missing: median");
    assert_shape(&d->input, HEFT_F32, 1, 5, 0, 0, 0);
    assert_shape(&d->target, HEFT_F32, 1, 1, 0, 0, 0);
    const char *names[] = { "rooms", "place=lake", "place=old, town", "place=town", "age" };
    assert_int_equal(d->n_columns, 5);
    for (int i = 0; i < 5; i++) assert_string_equal(d->column_name[i], names[i]);
    assert_string_equal(d->target_name, "price");
    float x[20], y[4];
    fetch_all(d->train, 4, x, y);
    assert_row(x, 20, (double[]){ 1, 1, 0, 0, 10,  2, 0, 0, 1, 30,  3, 1, 0, 0, 30,  6, 0, 1, 0, 50 });
    assert_row(y, 4, (double[]){ 100, 200, 300, 400 });
    data_free(d);

    write_text("t.csv", "a,b\n1,1\n2,1\nNA,1\n9,1\n");     /* mean of 1, 2, 9 is 4; median 2 */
    d = open_good("format: csv\ntrain: {file: t.csv}\ntarget: b\nmissing: mean");
    fetch_all(d->train, 4, x, y);
    assert_row(x, 4, (double[]){ 1, 2, 4, 9 });
    data_free(d);
    write_text("t.csv", "a,b\n1,1\n2,1\n,1\n9,1\n4,1\n");  /* an even number: (2 + 4) / 2 */
    d = open_good("format: csv\ntrain: t.csv\ntarget: b\nmissing: median");
    float five[5];
    fetch_all(d->train, 5, five, NULL);
    assert_float_equal(five[2], 3, 0);
    data_free(d);
}

/* numpy: a = [1, 2, 3, 6]: mean 3, std sqrt(3.5); filled age 10, 30, 30, 50: mean 30, std sqrt(200). */
static void test_standard(void **state)
{
    (void)state;
    write_text("t.csv", houses);
    data *d = open_good(SECTION "missing: median\nnormalize: standard\nnormalize_target: standard");
    float x[20], y[4];
    fetch_all(d->train, 4, x, y);
    const double r = sqrt(3.5), a = sqrt(200), p = sqrt(12500);
    assert_row(x, 20, (double[]){ -2 / r, 1, 0, 0, -20 / a,  -1 / r, 0, 0, 1, 0,  0, 1, 0, 0, 0,  3 / r, 0, 1, 0, 20 / a });
    assert_row(y, 4, (double[]){ -150 / p, -50 / p, 50 / p, 150 / p });
    double mean, scale;
    data_target_scale(d, 1, &mean, &scale);
    assert_float_equal(mean, 250, 1e-9);
    assert_float_equal(scale, p, 1e-9);
    data_free(d);
    d = open_good(SECTION "missing: median\nscale_target: 0.01");
    fetch_all(d->train, 4, x, y);
    assert_row(y, 4, (double[]){ 1, 2, 3, 4 });
    data_free(d);
    d = open_good(SECTION "missing: median\nnormalize_target: minmax");
    fetch_all(d->train, 4, x, y);
    assert_row(y, 4, (double[]){ 0, 1 / 3.0, 2 / 3.0, 1 });
    data_free(d);
    d = open_good(SECTION "missing: median\nnormalize: minmax\ninputs: [age, rooms]");
    fetch_all(d->train, 4, x, y);
    assert_row(x, 8, (double[]){ 0, 0, 0.5, 0.2, 0.5, 0.4, 1, 1 });
    assert_row(y, 4, (double[]){ 100, 200, 300, 400 });
    data_free(d);
    d = open_good(SECTION "missing: median\nscale: 0.5\ndrop: [rooms]");
    fetch_all(d->train, 4, x, y);
    assert_row(x, 4, (double[]){ 1, 0, 0, 5 });
    data_free(d);
    /* Far from zero and close together: lost if it were computed in single precision. */
    write_text("t.csv", "a,b\n1700000000,0\n1700000001,0\n1700000002,0\n1700000003,0\n");
    d = open_good("format: csv\ntrain: t.csv\ntarget: b\nnormalize: minmax");
    fetch_all(d->train, 4, x, y);
    assert_row(x, 4, (double[]){ 0, 1 / 3.0, 2 / 3.0, 1 });
    data_free(d);
}

static void test_grammar(void **state)
{
    (void)state;
    write_text("t.csv", "\xef\xbb\xbf\r\n\"a \"\"x\"\"\" , b,c\r\n\r\n 1.5 ,\"two\nlines, \"\"q\"\"\",-.5e1\r\n+2,\"\",7");
    data *d = open_good("format: csv\ntrain: t.csv\ntarget: c\nmissing: median");
    assert_string_equal(d->column_name[0], "a \"x\"");
    assert_string_equal(d->column_name[1], "b=two\nlines, \"q\"");
    float x[4], y[2];
    fetch_all(d->train, 2, x, y);
    assert_row(x, 4, (double[]){ 1.5, 1, 2, 1 });        /* the missing text is the most frequent category */
    assert_row(y, 2, (double[]){ -5, 7 });
    data_free(d);

    write_text("t.tsv", "1\tx\t3\n2\ty\t-\n");           /* no header, tabs by the name, a word for missing */
    d = open_good("format: csv\ntrain: t.tsv\ncolumns: [p, q, r]\ntarget: [q]\nmissing_values: ['-']\nmissing: mean");
    assert_int_equal(d->n_columns, 2);
    fetch_all(d->train, 2, x, NULL);
    assert_row(x, 4, (double[]){ 1, 3, 2, 3 });
    data_free(d);

    write_text("t.txt", "a;b;c\n1;2;3\n4;5;6\n");        /* two targets, another separator */
    d = open_good("format: csv\ntrain: t.txt\nseparator: ;\ntarget: [c, a]");
    float two[4];
    fetch_all(d->train, 2, x, two);
    assert_row(x, 2, (double[]){ 2, 5 });
    assert_row(two, 4, (double[]){ 3, 1, 6, 4 });
    data_free(d);
}

static void test_classes(void **state)
{
    (void)state;
    write_text("t.csv", "a,kind\n1,red\n2,blue\n3,red\n4,green\n");
    write_text("v.csv", "kind,other,a\nyellow,0,5\nred,0,6\n");      /* found by name; classes are those of all splits */
    data *d = open_good("format: csv\ntrain: t.csv\nvalidation: v.csv\ntarget: kind");
    assert_int_equal(d->n_classes, 4);
    const char *names[] = { "blue", "green", "red", "yellow" };
    for (int i = 0; i < 4; i++) assert_string_equal(d->class_name[i], names[i]);
    assert_shape(&d->target, HEFT_I32, 0, 0, 0, 0, 4);
    float x[4];
    int32_t y[4];
    fetch_all(d->train, 4, x, (float *)(void *)y);
    assert_int_equal(y[0], 2);
    assert_int_equal(y[3], 1);
    fetch_all(d->validation, 2, x, (float *)(void *)y);
    assert_float_equal(x[0], 5, 0);
    assert_int_equal(y[0], 3);
    data_free(d);

    write_text("t.csv", "a,kind\n1,10\n2,9\n3,-1\n4,9\n");           /* numbers as classes, by value */
    d = open_good("format: csv\ntrain: t.csv\ntarget: kind\ntask: classification");
    fetch_all(d->train, 4, x, (float *)(void *)y);
    assert_string_equal(d->class_name[0], "-1");
    assert_string_equal(d->class_name[2], "10");
    assert_int_equal(y[0], 2);
    assert_int_equal(y[1], 1);
    data_free(d);

    write_text("t.csv", "zip,b\n10,1\n9,1\n10,1\n");                 /* numbers as categories */
    d = open_good("format: csv\ntrain: t.csv\ntarget: b\none_hot: [zip]");
    assert_string_equal(d->column_name[0], "zip=9");
    assert_string_equal(d->column_name[1], "zip=10");
    data_free(d);
}

static void test_unseen(void **state)
{
    (void)state;
    write_text("t.csv", "a,b\nx,1\ny,2\n");
    write_text("v.csv", "a,b\ny,1\nz,2\n");
    refuse("unseen", "format: csv\ntrain: t.csv\ntest: v.csv\ntarget: b",
           "v.csv:3:1: row 2, column a: 'z' did not occur in training; known are x, y|unseen: zeros");
    data *d = open_good("format: csv\ntrain: t.csv\ntest: v.csv\ntarget: b\nunseen: zeros");
    float x[4];
    fetch_all(d->test, 2, x, NULL);
    assert_row(x, 4, (double[]){ 0, 1, 0, 0 });
    data_free(d);
}

/* As most of Europe writes numbers; a point in them then is a mistake, and a comma is one where the point is meant. */
static void test_decimal_comma(void **state)
{
    (void)state;
    const struct { const char *name, *file, *yaml, *words; } cases[] = {
        { "input", "a;price\n1,5;2\n2,5;3\n", SECTION "separator: ;", "t.csv:2:1: column a: '1,5' has a decimal comma; decimal: comma reads such" },
        { "mixed", "a;price\n1;2\n-2,5e3;3\n", SECTION "separator: ;", "t.csv:3:1: column a: '-2,5e3' has a decimal comma" },
        { "target", "a;price\n1;2,5\n2;3,5\n", SECTION "separator: ;", "t.csv:2:3: target price: '2,5' has a decimal comma" },
        { "thousands", "a;price\n1.234,5;2\n2,5;3\n", SECTION "separator: ;\ndecimal: comma", "t.csv:2:1: column a: '1.234,5' is no number" },
        { "point", "a;price\n1,5;2\n2.5;3\n", SECTION "separator: ;\ndecimal: comma", "t.csv:3:1: column a: '2.5' is no number" },
        { "two", "a;price\n1,5,2;2\n2;3\n", SECTION "separator: ;\ndecimal: comma", "t.csv:2:1: column a: '1,5,2' is no number" },
        { "infinite", "a;price\n1,5e99;2\n2;3\n", SECTION "separator: ;\ndecimal: comma", "'1,5e99' is no finite number" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_text("t.csv", cases[i].file);
        refuse(cases[i].name, cases[i].yaml, cases[i].words);
    }
    float x[8], y[3];
    write_text("t.csv", "a;b;price\n1,5;\"2,25\";-0,5\n;+3;1e1\n4,5;0,75;,25\n");
    data *d = open_good(SECTION "separator: ;\ndecimal: comma\nmissing: mean");
    fetch_all(d->train, 3, x, y);
    assert_row(x, 6, (double[]){ 1.5, 2.25, 3, 3, 4.5, 0.75 });
    assert_row(y, 3, (double[]){ -0.5, 10, 0.25 });
    data_free(d);
    write_text("t.csv", "a;price\n1,5;2\n2,5;3\n1,5;4\n");
    d = open_good(SECTION "separator: ;\none_hot: [a]");
    assert_shape(&d->input, HEFT_F32, 1, 2, 0, 0, 0);
    data_free(d);
    write_text("t.csv", "a;price\n1;2,5\n2;3,5\n");
    d = open_good(SECTION "separator: ;\ntask: classification");
    assert_int_equal(d->n_classes, 2);
    data_free(d);
}

static void test_bad_files(void **state)
{
    (void)state;
    const struct { const char *name, *file, *words; } cases[] = {
        { "empty", "", "t.csv: is empty" },
        { "blank", "\n\r\n\n", "t.csv: is empty" },
        { "no rows", "a,price\n", "no rows below" },
        { "ragged", "a,price\n1,2\n3\n4,5,6\n7,8\n", "t.csv:3:1: 1 fields; there are 2 columns|t.csv:4:1: 3 fields" },
        { "quote", "a,price\n1,\"2\n3,4\n", "t.csv:2:3: a quote is opened here and never closed" },
        { "behind a quote", "a,price\n\"1\"x,2\n", "t.csv:2:4: text behind a closing quote" },
        { "name twice", "a,b,a,price\n1,2,3,4\n", "columns 1 and 3 are both named 'a'" },
        { "no name", "a,,price\n1,2,3\n", "column 2 has no name" },
        { "text among numbers", "a,price\n1,2\nx1,3\n4,4\n", "t.csv:3:1: column a: 'x1' is no number, but other rows hold numbers" },
        { "infinite", "a,price\n1,2\n-inf,3\n1e99,4\n", "t.csv:3:1|'-inf' is no finite number|t.csv:4:1" },
        { "gap", "a,b,price\n1,2,3\n1,,3\n1,nan,3\n,5,5\n",
          "t.csv:3:3: row 2, column b: is missing, as in 1 more rows|t.csv:5:1: row 4, column a: is missing;|missing: median" },
        { "gap in target", "a,price\n1,2\n3,\n", "t.csv:3:3: row 2, column price: the target is missing" },
        { "text in target", "a,price\n1,2\n3,dear\n", "t.csv:3:3: target price: 'dear' is no number" },
        { "all gaps", "a,b,price\n1,,2\n1,,3\n", "column b: no value in the training split" },
        { "no target", "a,prize\n1,2\n", "test.yaml:3:9: target|has no column price|did you mean 'prize'?" },
        { "nothing left", "price\n1\n", "no column of" },
        { "quoted line ends", "a,price\n\"x\ny\",1\n\"p\nq\",\n", "t.csv:5:4: row 2, column price: the target is missing" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_text("t.csv", cases[i].file);
        refuse(cases[i].name, SECTION, cases[i].words);
    }
    write_bytes("t.csv", "a,price\n1,2\n3\0,4\n", 17);
    refuse("NUL", SECTION, "t.csv:3:2: a NUL byte");
    unlink(path_of("t.csv"));
    mkdir(path_of("t.csv"), 0777);
    refuse("folder", SECTION, "test.yaml:2:8|is a directory");
    rmdir(path_of("t.csv"));
    refuse("absent", SECTION, "there is no file");

    FILE *f = fopen(path_of("t.csv"), "w");      /* a name in every row */
    fputs("id,price\n", f);
    for (int i = 0; i < 1500; i++) fprintf(f, "row%d,%d\n", i, i);
    fclose(f);
    refuse("identities", SECTION, "column id: 1500 different texts");
    f = fopen(path_of("t.csv"), "w");            /* mistakes without end end */
    fputs("a,price\n", f);
    for (int i = 0; i < 5000; i++) fputs("1,2,3\n", f);
    fclose(f);
    problems pr = { 0 };
    assert_null(open_seed(SECTION, 1, &pr));
    assert_in_range(pr.n, 1, 20);
    problems_free(&pr);
}

static void test_bad_sections(void **state)
{
    (void)state;
    write_text("t.csv", houses);
    const struct { const char *name, *yaml, *words; } cases[] = {
        { "no target", "format: csv\ntrain: t.csv", "target is missing" },
        { "drop", SECTION "drop: [ages]", "test.yaml:4:7: drop|has no column ages|did you mean 'age'?" },
        { "inputs", SECTION "inputs: [age, price]", "inputs: price is also the target" },
        { "both", SECTION "inputs: [age]\ndrop: age", "inputs: age is also dropped" },
        { "twice", SECTION "inputs: [age, age]", "age is named twice" },
        { "separator", SECTION "separator: '::'", "separator: '::'; one character is needed" },
        { "missing", SECTION "missing: median2", "median2" },
        { "none", SECTION "missing: median\none_hot: none", "t.csv:2:3: column place: 'lake' is no number, and one_hot is none" },
        { "one_hot", SECTION "one_hot: [plaice]", "one_hot|plaice|did you mean 'place'?" },
        { "columns", SECTION "columns: [price, a]", "4 fields; there are 2 columns" },
        { "key", SECTION "tagret: x", "tagret|target" },
        { "map", SECTION "drop: {a: b}", "drop" },
        { "several classes", "format: csv\ntrain: t.csv\ntarget: [place, price]\nmissing: mean", "several targets must be numbers" },
        { "class times a factor", "format: csv\ntrain: t.csv\ntarget: place\nmissing: mean\nscale_target: 2", "scale_target: the target is a class" },
        { "scaled class", "format: csv\ntrain: t.csv\ntarget: place\nmissing: mean\nnormalize_target: standard", "no quantity" },
        { "regression", "format: csv\ntrain: t.csv\ntarget: place\nmissing: mean\ntask: regression", "'lake' is no number, and task is regression" },
        { "decimal", SECTION "decimal: dot", "decimal|point" },
        { "no file", "format: csv\ntrain: {fil: t.csv}\ntarget: price", "fil" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) refuse(cases[i].name, cases[i].yaml, cases[i].words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden), cmocka_unit_test(test_standard), cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_classes), cmocka_unit_test(test_unseen), cmocka_unit_test(test_decimal_comma), cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_bad_sections),
    };
    return cmocka_run_group_tests(tests, scratch_begin, scratch_end);
}
