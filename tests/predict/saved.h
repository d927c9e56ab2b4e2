/* saved.h -- models as checkpoints in a scratch directory: their first weights, or a run of some epochs */
#ifndef HEFT_TESTS_PREDICT_SAVED_H
#define HEFT_TESTS_PREDICT_SAVED_H

#include "run/scratch.h"

static inline void save_model(const char *yaml, const char *path, bool train)
{
    setup s;
    saver none = { 0 };
    make_trainer(&s, yaml);
    if (train) train_to_end(&s, &none);
    assert_int_equal(checkpoint_save(s.trainer, path, &s.pr), 0);
    setup_end(&s);
}

#endif
