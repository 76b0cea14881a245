// A method of a program, loaded with all the memory it needs, ready to be called again and again.
#pragma once

#include <executorch/extension/memory_allocator/malloc_memory_allocator.h>
#include <executorch/extension/tensor/tensor_ptr.h>
#include <executorch/runtime/core/hierarchical_allocator.h>
#include <executorch/runtime/executor/memory_manager.h>
#include <executorch/runtime/executor/program.h>

#include <optional>
#include <string>
#include <vector>

#include "array.h"
#include "mapped_file.h"
#include "plan_facts.h"
#include "signature.h"

namespace edgeproof {

// The buffers that the exporter planned for a method.
class PlannedMemory {
 public:
  explicit PlannedMemory(const executorch::runtime::MethodMeta& meta);
  PlannedMemory(const PlannedMemory&) = delete;
  PlannedMemory& operator=(const PlannedMemory&) = delete;

  executorch::runtime::HierarchicalAllocator* allocator() {
    return &*allocator_;
  }

 private:
  std::vector<Memory> buffers_;
  std::vector<executorch::runtime::Span<std::uint8_t>> spans_;
  std::optional<executorch::runtime::HierarchicalAllocator> allocator_;
};

class LoadedMethod {
 public:
  LoadedMethod(const std::string& path, const std::string& name);

  const std::vector<ValueSpec>& inputs() const {
    return inputs_;
  }
  const std::vector<ValueSpec>& outputs() const {
    return outputs_;
  }
  std::vector<std::string> methods() const;
  std::vector<std::string> backends() const;
  std::optional<PlanFacts> facts() const;

  // The array must stay as it is until the call is over: the method may read it in place.
  void set_input(std::size_t place, const Array& array);
  // One call; how many milliseconds it took.
  double execute();
  void read_output(std::size_t place, Array& array) const;

 private:
  void give_outputs_memory();
  executorch::runtime::EValue tensor_of(std::size_t place, const Array& array);

  std::string name_;
  MappedFile file_;
  executorch::runtime::Program program_;
  PlannedMemory planned_;
  executorch::extension::MallocMemoryAllocator method_allocator_;
  executorch::extension::MallocMemoryAllocator temporary_allocator_;
  executorch::runtime::MemoryManager memory_manager_;
  std::vector<Memory> output_memory_;
  executorch::runtime::Method method_;
  std::vector<ValueSpec> inputs_;
  std::vector<ValueSpec> outputs_;
  std::vector<Memory> reordered_;
  std::vector<executorch::extension::TensorPtr> tensors_;
};

}  // namespace edgeproof
