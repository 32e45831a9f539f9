# SPDX-License-Identifier: Apache-2.0
# Every library the project wraps, found once. docs/dependencies.md gives the reason for each.
find_package(fmt REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Threads REQUIRED)

# Libraries that Debian ships without a usable CMake package.
function(canrec_find_library target name header)
  find_library(${name}_LIBRARY NAMES ${name} REQUIRED)
  find_path(${name}_INCLUDE_DIR NAMES ${header} PATH_SUFFIXES ${ARGN} REQUIRED)
  add_library(${target} UNKNOWN IMPORTED)
  set_target_properties(${target} PROPERTIES
    IMPORTED_LOCATION ${${name}_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${${name}_INCLUDE_DIR})
endfunction()
canrec_find_library(xxHash::xxHash xxhash xxhash.h)
canrec_find_library(zstd::zstd zstd zstd.h)
canrec_find_library(iberty iberty demangle.h libiberty)
canrec_find_library(wabt::wabt wabt wabt/wast-parser.h)

# Loaded when it is needed, so that its start is not every command's (src/downloader/binaryen.h).
find_library(binaryen_LIBRARY NAMES binaryen REQUIRED)
find_path(binaryen_INCLUDE_DIR NAMES binaryen-c.h REQUIRED)
# By the name that the library gives itself: the other one may come with a -dev package only.
execute_process(COMMAND ${CMAKE_OBJDUMP} -p ${binaryen_LIBRARY} OUTPUT_VARIABLE binaryen_HEADERS
  COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCH "SONAME +([^ \n]+)" binaryen_SONAME "${binaryen_HEADERS}")
set(binaryen_NAME ${CMAKE_MATCH_1})
if(NOT binaryen_NAME)
  get_filename_component(binaryen_NAME ${binaryen_LIBRARY} NAME)
endif()
add_library(binaryen::binaryen INTERFACE IMPORTED)
set_target_properties(binaryen::binaryen PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES ${binaryen_INCLUDE_DIR}
  INTERFACE_COMPILE_DEFINITIONS CANREC_BINARYEN="${binaryen_NAME}"
  INTERFACE_LINK_LIBRARIES "${CMAKE_DL_LIBS}")
