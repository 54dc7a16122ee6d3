#pragma once

/* The program's version; CMake passes the project's. */

#ifndef ISTHMUS_VERSION
#error "the build defines ISTHMUS_VERSION"
#endif
