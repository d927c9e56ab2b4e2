/* build.h -- between the files of this room: the steps of model_build */
#ifndef HEFT_MODEL_BUILD_H
#define HEFT_MODEL_BUILD_H

#include "model/model.h"

typedef struct builder {
    model      *m;
    registry   *registry;
    problems   *pr;
    int         room;                /* allocated in m->layer */
    const node **init;               /* [room] the layer's `init:`, or NULL */
    bool       *sound;               /* [room] planned without a problem; what stands behind it can be planned */
} builder;

/* graph.c: read the sections into layers with resolved inputs, unplanned. */
void build_graph(builder *b, const node *layers, const node *loss, const node *metrics);

/* plan.c: plan layers in order, then lay out tensors. */
void build_plan(builder *b);
void build_layout(builder *b);

/* init.c: choose every tensor's initializer. */
void build_initializers(builder *b);

#endif
