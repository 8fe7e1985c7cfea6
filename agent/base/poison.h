/* poison.h - functions that nothing here may call. The build includes it in front of every C file
 * (-include base/poison.h); the system headers that declare them are therefore read first.
 *
 * Numbers go through num.h, text through buf.h, time through timeutil.h. Only C: the C++ library's
 * own headers need some of these names.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_POISON_H
#define COSMOWATCH_POISON_H
#ifndef __cplusplus

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#undef strcpy /* the library may define them as macros */
#undef strcat
#undef strncpy
#undef strtok
#undef sprintf
#undef vsprintf

#pragma GCC poison atoi atol atoll atof strtol strtoll strtoul strtoull /* num.h: range, whole field */
#pragma GCC poison sprintf vsprintf strcpy strcat strncpy strncat stpcpy /* no bound; gets() left C by itself */
#pragma GCC poison strtok strtok_r                                    /* destroys, skips empty */
#pragma GCC poison localtime localtime_r mktime ctime asctime gmtime  /* a zone, a static */
#pragma GCC poison srand srandom drand48                              /* services.h */
#pragma GCC poison sleep usleep                                       /* wait on an event */
#pragma GCC poison system popen tmpnam mktemp tempnam                 /* a shell, a race */

#endif
#endif
