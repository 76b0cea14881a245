// The runtime's one pool of threads, which its kernels and XNNPACK share.
#pragma once

#include <cstdint>

namespace edgeproof {

// Gives the pool so many threads; to be called before a method is loaded, since XNNPACK takes the pool then.
void set_threads(std::uint32_t threads);

}  // namespace edgeproof
