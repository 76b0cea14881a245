// Streams of .npy records, one after the other, read and written without ever seeking.
#include "npy_stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "failure.h"
#include "npy_header.h"

namespace edgeproof {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kLongestHeader = 1 << 20;
constexpr std::size_t kPreamble = 8;

// A descriptor that the process has already is used as it is: opening it by name does not work everywhere.
int open_descriptor(const std::string& path, int flags) {
  constexpr std::string_view folder = "/dev/fd/";
  if (path == "/dev/stdin") {
    return ::dup(STDIN_FILENO);
  }
  const bool numbered = path.rfind(folder, 0) == 0 && path.size() > folder.size() &&
      path.find_first_not_of("0123456789", folder.size()) == std::string::npos;
  return numbered ? ::dup(std::atoi(path.c_str() + folder.size())) : ::open(path.c_str(), flags, 0666);
}

File open_file(const std::string& path, int flags, const char* mode) {
  const int descriptor = open_descriptor(path, flags);
  File file(descriptor < 0 ? nullptr : ::fdopen(descriptor, mode));
  if (file == nullptr) {
    throw Failure(path + " cannot be opened: " + std::strerror(errno));
  }
  return file;
}

std::size_t little_endian(const unsigned char* bytes, std::size_t count) {
  std::size_t value = 0;
  for (std::size_t place = count; place-- > 0;) {
    value = value << 8 | bytes[place];
  }
  return value;
}

}  // namespace

NpyReader::NpyReader(const std::string& path) : file_(open_file(path, O_RDONLY | O_CLOEXEC, "rb")) {}

bool NpyReader::at_end() {
  const int character = std::fgetc(file_.get());
  if (character != EOF) {
    std::ungetc(character, file_.get());
    return false;
  }
  if (std::ferror(file_.get()) != 0) {
    throw Failure(std::string("the inputs cannot be read: ") + std::strerror(errno));
  }
  return true;
}

NpyHeader NpyReader::read_header() {
  unsigned char preamble[kPreamble];
  read(preamble, sizeof preamble, "header");
  if (std::memcmp(preamble, kMagic.data(), kMagic.size()) != 0) {
    throw Failure("a .npy record was expected here, and the bytes are something else");
  }
  const unsigned major = preamble[kMagic.size()];
  if (major < 1 || major > 3) {
    throw Failure("the .npy format has the versions 1, 2 and 3, and this record says " + std::to_string(major));
  }
  unsigned char length_bytes[4];
  const std::size_t count = major == 1 ? 2 : 4;
  read(length_bytes, count, "header");
  const std::size_t length = little_endian(length_bytes, count);
  if (length > kLongestHeader) {
    throw Failure("a .npy header of " + std::to_string(length) + " bytes is too long to be one");
  }
  std::string text(length, '\0');
  read(text.data(), length, "header");
  return parse_npy_header(text);
}

void NpyReader::read_numbers(void* memory, std::size_t bytes) {
  read(memory, bytes, "numbers");
}

void NpyReader::read(void* memory, std::size_t bytes, const char* part) {
  const std::size_t count = std::fread(memory, 1, bytes, file_.get());
  if (count == bytes) {
    return;
  }
  if (std::ferror(file_.get()) != 0) {
    throw Failure(std::string("the inputs cannot be read: ") + std::strerror(errno));
  }
  throw Failure(
      std::string("the inputs end in the middle of a call: the record's ") + part + " should have " +
      std::to_string(bytes) + " bytes here, and " + std::to_string(count) + " are left");
}

NpyWriter::NpyWriter(const std::string& path)
    : file_(open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, "wb")) {}

void NpyWriter::write(const Array& array) {
  const std::string header = npy_header_of(array);
  put(header.data(), header.size());
  put(array.memory.data(), array.bytes());
}

void NpyWriter::flush() {
  if (std::fflush(file_.get()) != 0) {
    throw Failure(std::string("the outputs cannot be written: ") + std::strerror(errno));
  }
}

void NpyWriter::put(const void* memory, std::size_t bytes) {
  if (bytes > 0 && std::fwrite(memory, 1, bytes, file_.get()) != bytes) {
    throw Failure(std::string("the outputs cannot be written: ") + std::strerror(errno));
  }
}

}  // namespace edgeproof
