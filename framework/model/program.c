#include "model/program.h"

static void end_phase(program *g, int total_of, bool back)
{
    const int begin = g->n_phases ? g->phase[g->n_phases - 1].end : 0;
    g->phase[g->n_phases++] = (phase){ begin, g->n_ops, total_of, back };
}

/* A layer that surveys the minibatch ends a phase: all lanes must have been surveyed before one goes on. */
program program_make(const model *m, bool train, bool backward, const recomputation *again, arena *a)
{
    const size_t n = (size_t)m->n_layers;
    program g = { arena_alloc(a, 5 * n, sizeof *g.op), arena_alloc(a, 2 * n + 1, sizeof *g.phase), 0, 0 };
    for (int i = 0; i < m->n_layers; i++) {
        if (train && surveys(&m->layer[i])) {
            g.op[g.n_ops++] = (op){ SURVEY, i };
            end_phase(&g, i, false);
        }
        g.op[g.n_ops++] = (op){ FORWARD, i };
    }
    for (int i = m->loss; backward && i >= 0; i--) {
        if (!m->layer[i].differentiated) continue;
        for (int k = 0; k < m->loss; k++)
            if (again[k].before == i) g.op[g.n_ops++] = (op){ RECOMPUTE, k };
        if (m->layer[i].layer->survey_back) {
            g.op[g.n_ops++] = (op){ SURVEY_BACK, i };
            end_phase(&g, i, true);
        }
        g.op[g.n_ops++] = (op){ BACKWARD, i };
    }
    end_phase(&g, -1, false);
    return g;
}
