/* Which initializer a weight gets: the plugin's with its options, unless the user names another. */
#include "setup.h"

static void check(const char *options, float want)
{
    char yaml[256];
    setup s;
    snprintf(yaml, sizeof yaml, "model: [{dense: {units: 3}}, {prelu: {shared: false%s}}, {dense: {units: 1}}]\nloss: mean_squared_error\n", options);
    setup_model(&s, yaml, (heft_shape){ HEFT_F32, 1, { 4 } }, (heft_shape){ HEFT_F32, 1, { 1 } }, 8);
    if (s.pr.n) fail_msg("%s: %s", options, s.pr.item[0].text);
    const float *slope = model_weight(s.model, &s.model->layer[1], 0);
    for (int i = 0; i < 3; i++)
        if (slope[i] != want) fail_msg("%s: slope %d is %g, expected %g", options, i, (double)slope[i], (double)want);
    setup_end(&s);
}

static void options_of_an_initializer(void **state)
{
    (void)state;
    check("", 0.25f);
    check(", init: auto", 0.25f);
    check(", init: {slope: zeros}", 0);
    check(", init: {slope: {constant: {value: 0.5}}}", 0.5f);
}

int main(void)
{
    compute_init(1, COMPUTE_F32);
    const struct CMUnitTest tests[] = { cmocka_unit_test(options_of_an_initializer) };
    return cmocka_run_group_tests_name("initializers of a model", tests, NULL, NULL);
}
