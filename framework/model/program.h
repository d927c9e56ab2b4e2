/* program.h -- in which order a lane calls its layers, and where lanes wait for each other */
#ifndef HEFT_MODEL_PROGRAM_H
#define HEFT_MODEL_PROGRAM_H

#include "model/recompute.h"

typedef enum op_kind { SURVEY, FORWARD, RECOMPUTE, SURVEY_BACK, BACKWARD } op_kind;
typedef struct op { op_kind kind; int layer; } op;

/* Ops [begin, end), then, if total_of is a layer, its tallies (of survey_back, if `back`) are summed over all lanes. */
typedef struct phase { int begin, end; int total_of; bool back; } phase;

typedef struct program { op *op; phase *phase; int n_ops, n_phases; } program;

/* train: layers survey; backward: and run backward, and some forward `again`; else that may be NULL. */
program program_make(const model *m, bool train, bool backward, const recomputation *again, arena *a);

static inline bool surveys(const model_layer *l) { return l->layer->survey && l->n_tallies; }

#endif
