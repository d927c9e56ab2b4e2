#include <ctype.h>
#include <string.h>
#include <yaml.h>

#include "config/node.h"

static int take_bytes(void *out, unsigned char *bytes, size_t n)
{
    text_add_n(out, (const char *)bytes, n);
    return 1;
}

/* All texts are UTF-8 and events come in their order, so only memory can be missing. */
static void need(int ok)
{
    if (!ok) memory_exhausted(0);
}

/* Single quotes for what was quoted, because libyaml takes them too for what it cannot write plain: a text that is
 * read back and written again stays the same. */
static void emit_scalar(yaml_emitter_t *y, const char *s, bool quoted)
{
    yaml_event_t e;
    need(yaml_scalar_event_initialize(&e, NULL, NULL, (const yaml_char_t *)s, (int)strlen(s), 1, 1,
                                      quoted ? YAML_SINGLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE));
    need(yaml_emitter_emit(y, &e));
}

/* [3, 3] rather than a line for each, where no element could need quotes inside brackets. */
static bool fits_a_line(const node *list)
{
    if (list->n > 16) return false;
    for (size_t i = 0; i < list->n; i++) {
        const node *item = list->item[i];
        if (item->kind != NODE_SCALAR || item->quoted || !*item->text) return false;
        if (!strcmp(item->text, "-") || !strncmp(item->text, "---", 3) || !strncmp(item->text, "...", 3)) return false;
        for (const char *s = item->text; *s; s++)
            if (!isalnum((unsigned char)*s) && !strchr("_.+-", *s)) return false;
    }
    return true;
}

static void emit(yaml_emitter_t *y, const node *n)
{
    yaml_event_t e;
    if (n->kind == NODE_SCALAR) emit_scalar(y, n->text, n->quoted);
    else if (n->kind == NODE_LIST) {
        const yaml_sequence_style_t style = fits_a_line(n) ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE;
        need(yaml_sequence_start_event_initialize(&e, NULL, NULL, 1, style));
        need(yaml_emitter_emit(y, &e));
        for (size_t i = 0; i < n->n; i++) emit(y, n->item[i]);
        need(yaml_sequence_end_event_initialize(&e));
        need(yaml_emitter_emit(y, &e));
    } else {
        need(yaml_mapping_start_event_initialize(&e, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));
        need(yaml_emitter_emit(y, &e));
        for (size_t i = 0; i < n->n; i++) {
            emit_scalar(y, n->pair[i].key, false);
            emit(y, n->pair[i].value);
        }
        need(yaml_mapping_end_event_initialize(&e));
        need(yaml_emitter_emit(y, &e));
    }
}

void node_write(const node *n, text *out)
{
    yaml_emitter_t y;
    yaml_event_t e;
    need(yaml_emitter_initialize(&y));
    yaml_emitter_set_output(&y, take_bytes, out);
    yaml_emitter_set_unicode(&y, 1);
    yaml_emitter_set_width(&y, -1);
    need(yaml_stream_start_event_initialize(&e, YAML_UTF8_ENCODING));
    need(yaml_emitter_emit(&y, &e));
    need(yaml_document_start_event_initialize(&e, NULL, NULL, NULL, 1));
    need(yaml_emitter_emit(&y, &e));
    emit(&y, n);
    need(yaml_document_end_event_initialize(&e, 1));
    need(yaml_emitter_emit(&y, &e));
    need(yaml_stream_end_event_initialize(&e));
    need(yaml_emitter_emit(&y, &e));
    yaml_emitter_delete(&y);
}
