// The runtime's one pool of threads, which its kernels and XNNPACK share.
#include "thread_pool.h"

#include <cstddef>
#include <string>

#include "failure.h"

// The executorch package brings the library of the pool and not its header; these are the parts of it that are used.
namespace executorch::extension::threadpool {

class ThreadPool {
 public:
  std::size_t get_thread_count() const;
  bool _unsafe_reset_threadpool(std::uint32_t threads);
};

ThreadPool* get_threadpool();

}  // namespace executorch::extension::threadpool

namespace edgeproof {

void set_threads(std::uint32_t threads) {
  auto* pool = executorch::extension::threadpool::get_threadpool();
  if (pool == nullptr) {
    throw Failure("the runtime has no pool of threads on this processor");
  }
  if (!pool->_unsafe_reset_threadpool(threads) || pool->get_thread_count() != threads) {
    throw Failure(
        "the runtime's pool should have " + std::to_string(threads) + " threads, and has " +
        std::to_string(pool->get_thread_count()));
  }
}

}  // namespace edgeproof
