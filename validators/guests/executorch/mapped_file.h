// A program's file, mapped into memory, as the runtime's loader reads it.
#pragma once

#include <executorch/runtime/core/data_loader.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace edgeproof {

class MappedFile final : public executorch::runtime::DataLoader {
 public:
  explicit MappedFile(const std::string& path);
  ~MappedFile() override;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::uint8_t* bytes() const {
    return bytes_;
  }
  std::size_t length() const {
    return length_;
  }

  executorch::runtime::Result<executorch::runtime::FreeableBuffer> load(
      std::size_t offset, std::size_t size, const SegmentInfo& segment) const override;
  executorch::runtime::Error load_into(
      std::size_t offset, std::size_t size, const SegmentInfo& segment, void* buffer) const override;
  executorch::runtime::Result<std::size_t> size() const override;

 private:
  const std::uint8_t* bytes_ = nullptr;
  std::size_t length_ = 0;
};

}  // namespace edgeproof
