#pragma once

/* How many elements an array has. Not for pointers: of those sizeof knows nothing. */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
