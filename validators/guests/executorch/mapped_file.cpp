// A program's file, mapped into memory, as the runtime's loader reads it.
#include "mapped_file.h"

#include <executorch/runtime/executor/program.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "failure.h"

namespace edgeproof {
namespace {

namespace et = executorch::runtime;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) {
      ::close(number_);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const {
    return number_;
  }

 private:
  int number_;
};

Failure unreadable(const std::string& path) {
  const auto code = static_cast<std::uint32_t>(et::Error::AccessFailed);
  return Failure(in_words(code) + ": " + path + ": " + std::strerror(errno), code);
}

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (file.number() < 0 || ::fstat(file.number(), &status) != 0) {
    throw unreadable(path);
  }
  length_ = static_cast<std::size_t>(status.st_size);
  if (S_ISREG(status.st_mode) && length_ < et::Program::kMinHeadBytes) {
    const auto code = static_cast<std::uint32_t>(et::Error::InvalidProgram);
    throw Failure(in_words(code) + ": " + path + " has " + std::to_string(length_) + " bytes", code);
  }
  void* memory = ::mmap(nullptr, length_, PROT_READ, MAP_PRIVATE, file.number(), 0);
  if (memory == MAP_FAILED) {
    throw unreadable(path);
  }
  bytes_ = static_cast<const std::uint8_t*>(memory);
}

MappedFile::~MappedFile() {
  ::munmap(const_cast<std::uint8_t*>(bytes_), length_);
}

et::Result<et::FreeableBuffer> MappedFile::load(
    std::size_t offset, std::size_t size, const SegmentInfo& /*segment*/) const {
  ET_CHECK_OR_RETURN_ERROR(
      offset <= length_ && size <= length_ - offset,
      InvalidProgram,
      "the file has %zu bytes, and the program says that %zu bytes start at byte %zu",
      length_,
      size,
      offset);
  return et::FreeableBuffer(bytes_ + offset, size, nullptr);
}

et::Error MappedFile::load_into(
    std::size_t offset, std::size_t size, const SegmentInfo& segment, void* buffer) const {
  const et::Result<et::FreeableBuffer> loaded = load(offset, size, segment);
  if (!loaded.ok()) {
    return loaded.error();
  }
  std::memcpy(buffer, loaded->data(), size);
  return et::Error::Ok;
}

et::Result<std::size_t> MappedFile::size() const {
  return length_;
}

}  // namespace edgeproof
