/* familiar.c -- what PyTorch, Keras and scikit-learn call what has another name here */
#include <ctype.h>
#include <string.h>

#include "base/text.h"

/* Without capitals and marks: MaxPool2d and max_pool2d are one name. */
typedef struct plain { char s[TEXT_LONGEST + 1]; } plain;

static plain plain_of(const char *word)
{
    plain p = { "" };
    size_t n = 0;
    for (; *word && n < TEXT_LONGEST; word++)
        if (isalnum((unsigned char)*word)) p.s[n++] = (char)tolower((unsigned char)*word);
    return p;
}

const familiar_name familiar_names[] = {
    /* layers */
    { "linear", "dense" }, { "fullyconnected", "dense" }, { "fc", "dense" }, { "conv2dtranspose", "conv_transpose2d" },
    { "maxpooling1d", "max_pool1d" }, { "maxpooling2d", "max_pool2d" }, { "averagepooling1d", "avg_pool1d" }, { "averagepooling2d", "avg_pool2d" },
    { "globalaveragepooling1d", "global_avg_pool" }, { "globalaveragepooling2d", "global_avg_pool" },
    { "globalmaxpooling1d", "global_max_pool" }, { "globalmaxpooling2d", "global_max_pool" },
    { "batchnorm1d", "batch_norm" }, { "batchnorm2d", "batch_norm" }, { "batchnormalization", "batch_norm" },
    { "layernormalization", "layer_norm" }, { "groupnormalization", "group_norm" }, { "rmsnormalization", "rms_norm" },
    { "dropout1d", "spatial_dropout" }, { "dropout2d", "spatial_dropout" }, { "spatialdropout1d", "spatial_dropout" },
    { "spatialdropout2d", "spatial_dropout" }, { "rnn", "simple_rnn" }, { "attention", "multi_head_attention" }, { "swish", "silu" },
    { "concatenate", "concat" }, { "cat", "concat" }, { "zeropad2d", "pad" }, { "zeropadding2d", "pad" },
    { "upsampling2d", "upsample" }, { "positionembedding", "position" }, { "positionalencoding", "sinusoidal_position" },
    /* losses and metrics */
    { "crossentropy", "softmax_cross_entropy" }, { "crossentropyloss", "softmax_cross_entropy" }, { "nllloss", "softmax_cross_entropy" },
    { "categoricalcrossentropy", "softmax_cross_entropy" }, { "sparsecategoricalcrossentropy", "softmax_cross_entropy" },
    { "logloss", "softmax_cross_entropy" }, { "bce", "binary_cross_entropy" }, { "bceloss", "binary_cross_entropy" },
    { "bcewithlogitsloss", "binary_cross_entropy" }, { "mse", "mean_squared_error" }, { "mseloss", "mean_squared_error" },
    { "mae", "mean_absolute_error" }, { "l1loss", "mean_absolute_error" }, { "mape", "mean_absolute_percentage_error" },
    { "smoothl1loss", "smooth_l1" }, { "huberloss", "huber" }, { "kldivloss", "kl_divergence" }, { "kldivergence", "kl_divergence" },
    { "gaussiannllloss", "gaussian_nll" }, { "poissonnllloss", "poisson" }, { "focalloss", "focal" },
    { "acc", "accuracy" }, { "r2score", "r2" }, { "f1score", "f1" }, { "rootmeansquarederror", "rmse" }, { "rocauc", "auc" }, { "auroc", "auc" },
    { "topkcategoricalaccuracy", "top_k" }, { "confusion", "confusion_matrix" },
    /* initializers */
    { "kaimingnormal", "he_normal" }, { "kaiminguniform", "he_uniform" }, { "xaviernormal", "glorot_normal" },
    { "xavieruniform", "glorot_uniform" }, { "randomnormal", "normal" }, { "randomuniform", "uniform" },
    /* keys */
    { "learningrate", "lr" }, { "batchsize", "batch" }, { "minibatch", "batch" }, { "numepochs", "epochs" }, { "maxepochs", "epochs" },
    { "nepochs", "epochs" }, { "kernelsize", "kernel" }, { "kernelsize", "size" }, { "poolsize", "size" }, { "outchannels", "filters" },
    { "outfeatures", "units" }, { "hiddensize", "units" }, { "embeddingdim", "units" }, { "outputdim", "units" }, { "neurons", "units" },
    { "strides", "stride" }, { "dilationrate", "dilation" }, { "usebias", "bias" }, { "negativeslope", "slope" }, { "p", "rate" },
    { "probability", "rate" }, { "betas", "beta1" }, { "epsilon", "eps" }, { "wd", "weight_decay" }, { "l2penalty", "weight_decay" },
    { "numheads", "heads" }, { "nhead", "heads" }, { "nheads", "heads" }, { "iscausal", "causal" }, { "kernelinitializer", "init" },
    { "validationsplit", "validation" }, { "gradclip", "clip_norm" }, { "clipnorm", "clip_norm" }, { "maxgradnorm", "clip_norm" },
    { "randomstate", "seed" }, { "randomseed", "seed" },
    /* sweeps, of W&B and Optuna */
    { "bayes", "tpe" }, { "bayesian", "tpe" }, { "loguniformvalues", "log_uniform" }, { "lognormalvalues", "log_normal" },
    { "miniter", "min_epochs" }, { "maxiter", "max_epochs" }, { "runcap", "trials" }, { "ntrials", "trials" },
    { NULL, NULL }
};

const char *text_familiar(const char *word, const char *const *candidates)
{
    const plain p = plain_of(word);
    if (!*p.s || strlen(word) > TEXT_LONGEST) return NULL;
    for (const char *const *c = candidates; *c; c++)
        if (!strcmp(plain_of(*c).s, p.s) && strlen(*c) <= TEXT_LONGEST) return *c;
    for (const familiar_name *f = familiar_names; f->theirs; f++)
        for (const char *const *c = candidates; *c && !strcmp(f->theirs, p.s); c++)
            if (!strcmp(*c, f->ours)) return *c;
    return NULL;
}
