/* page.h -- what heft report writes: a run, a sweep or a folder of runs as one HTML file that needs nothing else */
#ifndef HEFT_REPORT_PAGE_H
#define HEFT_REPORT_PAGE_H

#include "report/board.h"

/* b is ranked.  What of a run cannot be read is said in the page; the problems of that are not the caller's. */
void page_write(board *b, const char *title, text *out);

#endif
