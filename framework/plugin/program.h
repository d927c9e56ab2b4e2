/* program.h -- which build of the program this is */
#ifndef HEFT_PLUGIN_PROGRAM_H
#define HEFT_PLUGIN_PROGRAM_H

enum { BUILD_HEX = 65 };

/* The linker's build ID of the program, in hexadecimal digits; "" if it was linked without. */
void program_build(char hex[BUILD_HEX]);

#endif
