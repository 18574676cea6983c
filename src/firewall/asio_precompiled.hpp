// SPDX-License-Identifier: Apache-2.0
#pragma once

// What nearly every file of the daemon and of the asynchronous firewall includes and what takes
// longest to read. Only for the compiler's sake: files include what they use all the same.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <string>
#include <vector>
