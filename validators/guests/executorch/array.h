// An array of numbers in C order, and the dtypes that one can have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace edgeproof {

using Shape = std::vector<std::int64_t>;

// A dtype's name, its descr in .npy files (empty if numpy has no such dtype), and its size.
struct DType {
  const char* name;
  const char* descr;
  std::size_t size;
};

// The dtype with the runtime's number for it, or one called "unknown".
const DType& dtype_of(int scalar_type);
// The dtype with a descr, or null.
const DType* dtype_of_descr(const std::string& descr);

// Aligned memory, zero at first, that grows and never shrinks. Kernels that work on several numbers at once may read
// a little past the end of what they are given, so there is always more.
class Memory {
 public:
  // Makes room for so many bytes; what was there may be lost.
  void reserve(std::size_t bytes);

  std::uint8_t* data() const {
    return aligned_;
  }

 private:
  struct Release {
    void operator()(void* memory) const;
  };

  std::unique_ptr<void, Release> owned_;
  std::uint8_t* aligned_ = nullptr;
  std::size_t size_ = 0;
};

struct Array {
  const DType* dtype = nullptr;
  Shape shape;
  Memory memory;

  std::size_t elements() const;
  std::size_t bytes() const;
};

// "[1, 3, 224, 224]"
std::string in_words(const Shape& shape);

// Copies elements between C order and memory whose axes lie in another order: the stride of each axis of `strided`
// is given in elements.
void copy_to_c_order(const Shape& shape, const Shape& strides, std::size_t size, const void* strided, void* packed);
void copy_from_c_order(const Shape& shape, const Shape& strides, std::size_t size, const void* packed, void* strided);

// The strides, in elements, of a tensor without gaps.
Shape strides_of(const Shape& shape, const std::vector<std::uint8_t>& dim_order);

}  // namespace edgeproof
