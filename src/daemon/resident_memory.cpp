// SPDX-License-Identifier: Apache-2.0
#include "daemon/resident_memory.hpp"

#include <cstddef>
#include <cstdint>

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

namespace fwknop::daemon {

namespace {

// Code is mapped from its file and never written, so dropping a page of it loses nothing.
int drop_code(dl_phdr_info* object, std::size_t, void* page_size) {
    const std::uintptr_t mask = ~(*static_cast<const std::uintptr_t*>(page_size) - 1);
    for (std::size_t i = 0; i < object->dlpi_phnum; ++i) {
        const ElfW(Phdr)& segment = object->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD || segment.p_flags != (PF_R | PF_X)) continue;
        const std::uintptr_t begin = object->dlpi_addr + segment.p_vaddr;
        const std::uintptr_t first = begin & mask;
        // NOLINTNEXTLINE(performance-no-int-to-ptr): addresses of segments are numbers
        static_cast<void>(::madvise(reinterpret_cast<void*>(first), begin + segment.p_memsz - first,
                                    MADV_DONTNEED));
    }
    return 0;
}

} // namespace

void trim_resident_memory() noexcept {
    static_cast<void>(::malloc_trim(0));
    auto page_size = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    ::dl_iterate_phdr(&drop_code, &page_size);
}

} // namespace fwknop::daemon
