# SPDX-License-Identifier: Apache-2.0
# What every target of ours is compiled and linked with: warnings, hardening, sanitizers.
# Use: target_link_libraries(<target> PRIVATE fwknop_options).
add_library(fwknop_options INTERFACE)

target_compile_options(fwknop_options INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow
    # GCC 12 sees overlapping copies in "text" + std::string (its bug 105651).
    $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
    $<$<BOOL:${FWKNOP_WERROR}>:-Werror>)

# Boost.Asio's own way to memory goes past the handler of src/daemon/memory_reserve.hpp; this way it
# asks `operator new`. For all targets alike: half of them would break the one-definition rule.
add_compile_definitions(BOOST_ASIO_DISABLE_STD_ALIGNED_ALLOC BOOST_ASIO_DISABLE_BOOST_ALIGN)

# What nobody calls is left out of the programs, of static libraries above all.
target_compile_options(fwknop_options INTERFACE -ffunction-sections -fdata-sections)
target_link_options(fwknop_options INTERFACE -Wl,--gc-sections)

if(FWKNOP_SANITIZE)
    # GCC takes the sanitizers' own code for paths that leave values unset; the dev build still warns.
    target_compile_options(fwknop_options INTERFACE
        $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
        -fsanitize=${FWKNOP_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(fwknop_options INTERFACE -fsanitize=${FWKNOP_SANITIZE})
endif()

if(FWKNOP_HARDENING)
    target_compile_options(fwknop_options INTERFACE
        -fstack-protector-strong -fstack-clash-protection -fcf-protection)
    target_link_options(fwknop_options INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
    # Fortified string functions need an optimised build and hide errors from AddressSanitizer.
    if(NOT FWKNOP_SANITIZE)
        target_compile_options(fwknop_options INTERFACE
            $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3>)
        target_compile_definitions(fwknop_options INTERFACE _GLIBCXX_ASSERTIONS)
    endif()
    set(CMAKE_POSITION_INDEPENDENT_CODE ON)
    include(CheckPIESupported)
    check_pie_supported(LANGUAGES CXX)
endif()
