# SPDX-License-Identifier: Apache-2.0
# Warnings are errors with both compilers. Asserts (CANREC_ASSERT) do not depend on NDEBUG.
add_library(canrec_flags INTERFACE)
target_compile_options(canrec_flags INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor
  -Wold-style-cast -Woverloaded-virtual -Wimplicit-fallthrough)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these inside inlined library code (std::variant, fmt) with no fault of ours.
  target_compile_options(canrec_flags INTERFACE
    -Wno-maybe-uninitialized -Wno-restrict -Wno-dangling-pointer -Wno-array-bounds
    -Wno-stringop-overflow -Wno-stringop-overread)
else()
  # libstdc++ 12's own stable_sort calls a function that it marks as deprecated.
  target_compile_options(canrec_flags INTERFACE -Wno-deprecated-declarations)
endif()
target_include_directories(canrec_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(canrec_flags INTERFACE CANREC_VERSION="${PROJECT_VERSION}")

if(CANREC_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
if(CANREC_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(EXISTS /usr/bin/ld.lld-19 AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(--ld-path=/usr/bin/ld.lld-19)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()
