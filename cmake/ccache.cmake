# SPDX-License-Identifier: Apache-2.0
# Compile through ccache where it is installed.
find_program(FWKNOP_CCACHE ccache)
if(FWKNOP_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # Precompiled headers need the sloppiness, or every compilation that uses one is a miss.
    set(CMAKE_CXX_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${FWKNOP_CCACHE})
endif()
