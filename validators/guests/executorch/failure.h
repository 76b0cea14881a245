// What went wrong, in words, and where the program was when it did.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace edgeproof {

enum class Stage : int { kArguments, kLoad, kInputs, kRun, kOutputs };

const char* name_of(Stage stage);

// The stage and the call at which the program is. Every failure is reported with them, also the ones that
// nobody throws: a signal, or the runtime aborting the process.
struct Progress {
  Stage stage = Stage::kArguments;
  std::int64_t call = -1;  // -1: no call has begun
};

Progress progress();
void enter(Stage stage);
void enter(Stage stage, std::int64_t call);

class Failure : public std::runtime_error {
 public:
  explicit Failure(const std::string& message, std::uint32_t code = 0) : std::runtime_error(message), code_(code) {}

  // The runtime's error code, 0 if the failure is not the runtime's.
  std::uint32_t code() const {
    return code_;
  }

 private:
  std::uint32_t code_;
};

// What one of the runtime's error codes stands for.
std::string in_words(std::uint32_t code);

// A failure that the runtime returned: what was tried, what the code stands for, and what the runtime logged.
Failure runtime_failure(const std::string& tried, std::uint32_t code);

// The line that tells of a failure, printed to standard output.
void report(const std::string& message, std::uint32_t code);

}  // namespace edgeproof
