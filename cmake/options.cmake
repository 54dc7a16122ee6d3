# How everything is compiled. Asserts stay on in every build: they are how we
# notice our own bugs.
add_library(isthmus_options INTERFACE)
target_include_directories(isthmus_options INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
target_compile_definitions(isthmus_options INTERFACE _GNU_SOURCE)
target_compile_options(isthmus_options INTERFACE
    -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wwrite-strings
    -Wpointer-arith -Wformat=2 -fno-omit-frame-pointer -fstack-protector-strong)
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-Og -g")
if(ISTHMUS_SANITIZE)
    target_compile_options(isthmus_options INTERFACE
        -fsanitize=${ISTHMUS_SANITIZE} -fno-sanitize-recover=all)
    target_link_options(isthmus_options INTERFACE -fsanitize=${ISTHMUS_SANITIZE})
endif()
if(ISTHMUS_FUZZ)
    target_compile_options(isthmus_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# One library per folder; the build follows the folder's files.
function(isthmus_library name)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PUBLIC isthmus_options ${ARGN})
endfunction()
