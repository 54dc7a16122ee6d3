#pragma once

/*
 * Banned - functions that have no place here, made unusable. Every .c file
 * gets this header through base/err.h.
 *
 * They either write past their buffer, keep hidden state, or block the loop.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison sprintf vsprintf strcpy strcat strncpy strtok gmtime localtime asctime ctime
#pragma GCC poison atoi atol atoll gets tmpnam
