// Streams of .npy records, one after the other, read and written without ever seeking.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "array.h"

namespace edgeproof {

struct CloseFile {
  void operator()(std::FILE* file) const {
    std::fclose(file);
  }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

// What stands before a record's numbers.
struct NpyHeader {
  const DType* dtype;
  Shape shape;
};

class NpyReader {
 public:
  explicit NpyReader(const std::string& path);

  // Whether the stream ends here, where a record could begin; waits for a byte or the end.
  bool at_end();
  NpyHeader read_header();
  void read_numbers(void* memory, std::size_t bytes);

 private:
  void read(void* memory, std::size_t bytes, const char* part);

  File file_;
};

class NpyWriter {
 public:
  explicit NpyWriter(const std::string& path);

  void write(const Array& array);
  void flush();

 private:
  void put(const void* memory, std::size_t bytes);

  File file_;
};

}  // namespace edgeproof
