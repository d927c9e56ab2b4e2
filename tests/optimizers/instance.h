/* instance.h -- an optimizer or initializer with its options, as the host opens one */
#ifndef HEFT_TESTS_INSTANCE_H
#define HEFT_TESTS_INSTANCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <heft/plugin.h>

#include "base/arena.h"
#include "base/problems.h"
#include "base/rng.h"
#include "compute/compute.h"
#include "config/options.h"
#include "plugin/registry.h"

typedef struct instance {
    arena    *memory;
    registry *plugins;
    const plugin *plugin;
    void     *self;
    char      label[160], said[320];     /* said: the first problem, or "" */
} instance;

/* options "": none. */
static inline instance instance_open(heft_kind kind, const char *name, const char *options)
{
    problems pr = {0};
    instance o = { .memory = arena_new(), .plugins = registry_new(1, (const char *const[]){ PLUGIN_DIR }) };
    snprintf(o.label, sizeof o.label, "%s %s", name, options);
    o.plugin = registry_find(o.plugins, kind, name, (place){0}, &pr);
    const node *map = options[0] ? node_parse(o.memory, "options", options, strlen(options), &pr) : NULL;
    if (o.plugin && !pr.n) {
        const heft_head *head = &o.plugin->head;
        o.self = arena_alloc(o.memory, head->instance_size + 1, 1);
        const heft_option *table = head->options ? head->options : (const heft_option[]){ HEFT_OPT_END };
        options_read(table, map, (place){0}, name, NULL, o.self, o.memory, &pr);
    }
    if (pr.n) snprintf(o.said, sizeof o.said, "%s", pr.item[0].text);
    problems_free(&pr);
    return o;
}

static inline void instance_close(instance *o)
{
    registry_free(o->plugins);
    arena_free(o->memory);
}

#endif
