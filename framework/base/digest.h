/* digest.h -- SHA-256, by OpenSSL's libcrypto */
#ifndef HEFT_BASE_DIGEST_H
#define HEFT_BASE_DIGEST_H

#include <stddef.h>
#include "base/problems.h"

#define DIGEST_HEX 65                              /* 64 hexadecimal digits and a NUL */

typedef struct digest digest;

digest *digest_new(void);                          /* never NULL (memory_exhausted) */
void    digest_add(digest *d, const void *bytes, size_t n);
void    digest_end(digest *d, char hex[DIGEST_HEX]);   /* frees d */

void    digest_bytes(const void *bytes, size_t n, char hex[DIGEST_HEX]);
int     digest_file(const char *path, char hex[DIGEST_HEX], problems *pr);

#endif
