# SPDX-License-Identifier: Apache-2.0
# Every library the project stands on, found once.

# Boost's own libraries are linked in: a daemon that starts at boot loads fewer files and keeps
# less of them in memory. Distributions that forbid it turn it off.
option(FWKNOP_STATIC_BOOST "Link Boost's libraries statically" ON)
set(Boost_USE_STATIC_LIBS ${FWKNOP_STATIC_BOOST})
find_package(Boost 1.81 REQUIRED COMPONENTS log program_options url)
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto SSL)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(GPGME REQUIRED IMPORTED_TARGET gpgme)
pkg_check_modules(PCAP REQUIRED IMPORTED_TARGET libpcap)
# What the daemon gives up once it runs.
pkg_check_modules(CAP REQUIRED IMPORTED_TARGET libcap)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(MNL REQUIRED IMPORTED_TARGET libmnl)
pkg_check_modules(NFTNL REQUIRED IMPORTED_TARGET libnftnl)
# libpcap loads it in any case.
pkg_check_modules(DBUS REQUIRED IMPORTED_TARGET dbus-1)
