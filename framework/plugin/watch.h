/* watch.h -- does a plugin's code read a field of its instance?
 *
 *     watch_open(instance_size, offset, bytes)    // of the field
 *     void *self = watch_instance(size);          // the instance, one at a time; rig_instance takes it if there is one
 *     watch_pass(true); layer->forward(self, ...); watch_pass(false);
 *     watched w = watch_close();
 *
 * The instance lies so that the field begins a page, which is closed while a pass runs.  What touches it is noted, and let
 * through for one instruction by the processor's trap flag.  On x86-64 Linux alone.
 * [main, of a child: signal handlers are the process']
 */
#ifndef HEFT_PLUGIN_WATCH_H
#define HEFT_PLUGIN_WATCH_H

#include <stdbool.h>
#include <stddef.h>

typedef enum watched {
    WATCH_UNREAD,                    /* no pass has read it, or it was written before */
    WATCH_READ,
    WATCH_UNKNOWN                    /* cannot be told here */
} watched;

bool    watch_open(size_t instance_size, size_t offset, size_t bytes);
void   *watch_instance(size_t size);             /* zeroed; NULL: no watch is open */
void    watch_pass(bool inside);                 /* a plugin's code runs, or no longer */
watched watch_state(void);
watched watch_close(void);

#endif
