/* record.h -- what the shim writes into FAULT_RECORD: a head, the path, the second path (rename), the data (write) */
#ifndef HEFT_TESTS_FAULT_RECORD_H
#define HEFT_TESTS_FAULT_RECORD_H

#include <stdint.h>

#define RECORD_MAGIC 0x64636572u

typedef enum record_kind {
    RECORD_CREATE = 1, RECORD_TRUNCATE, RECORD_WRITE, RECORD_FSYNC, RECORD_RENAME, RECORD_UNLINK, RECORD_MKDIR
} record_kind;

typedef struct record_head { uint32_t magic, kind, n_path, n_path2; uint64_t offset, n_data; } record_head;

#endif
