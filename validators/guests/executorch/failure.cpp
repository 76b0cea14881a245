// What went wrong, in words: the stages, the runtime's error codes, and the line that reports a failure.
#include "failure.h"

#include <atomic>
#include <cstdio>
#include <utility>
#include <vector>

#include "json_line.h"
#include "runtime_log.h"

namespace edgeproof {
namespace {

// Atomics, because a signal's handler and the runtime's threads read them.
std::atomic<Stage> current_stage{Stage::kArguments};
std::atomic<std::int64_t> current_call{-1};

constexpr std::uint32_t kOperatorMissing = 0x14;

constexpr std::pair<std::uint32_t, const char*> kCodes[] = {
    {0x1, "internal error of the runtime"},
    {0x2, "the method is in a state that does not allow this"},
    {0x3, "the method has no more steps to run"},
    {0x4, "the resource is already loaded"},
    {0x10, "not supported: often an input whose size the program does not allow"},
    {0x11, "not implemented"},
    {0x12, "invalid argument: a kernel refused what the program gives it"},
    {0x13, "a value has the wrong type"},
    {0x14, "the program needs an operator that this runtime has no kernel for"},
    {0x15, "the runtime has no room for more kernels"},
    {0x16, "a kernel is registered twice"},
    {0x20, "not found: a backend or resource that the program names is not in this runtime"},
    {0x21, "memory could not be had"},
    {0x22, "the file could not be read"},
    {0x23, "the file is not a program that this runtime understands"},
    {0x24, "the program's external data are damaged"},
    {0x25, "resources ran out"},
    {0x30, "the backend's part was made by another version of the backend"},
    {0x31, "the backend could not have the memory it needs"},
    {0x32, "the backend's handle is invalid"},
};

std::string hexadecimal(std::uint32_t code) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%x", static_cast<unsigned>(code));
  return text;
}

}  // namespace

const char* name_of(Stage stage) {
  switch (stage) {
    case Stage::kArguments:
      return "arguments";
    case Stage::kLoad:
      return "load";
    case Stage::kInputs:
      return "inputs";
    case Stage::kRun:
      return "run";
    case Stage::kOutputs:
      return "outputs";
  }
  return "run";
}

Progress progress() {
  return {current_stage.load(), current_call.load()};
}

void enter(Stage stage) {
  current_stage = stage;
}

void enter(Stage stage, std::int64_t call) {
  current_stage = stage;
  current_call = call;
}

std::string in_words(std::uint32_t code) {
  for (const auto& [known, words] : kCodes) {
    if (known == code) {
      return words;
    }
  }
  return "an error that this program has no words for";
}

Failure runtime_failure(const std::string& tried, std::uint32_t code) {
  std::string message = tried + ": " + in_words(code);
  const std::vector<std::string> missing = missing_operators();
  if (code == kOperatorMissing && !missing.empty()) {
    return Failure(message + ": " + joined(missing), code);
  }
  const std::string said = logged();
  if (!said.empty()) {
    message += " (the runtime says: " + said + ")";
  }
  return Failure(message, code);
}

void report(const std::string& message, std::uint32_t code) {
  const Progress reached = progress();
  JsonObject error;
  error.text("stage", name_of(reached.stage));
  if (reached.call >= 0) {
    error.number("call", reached.call);
  }
  if (code != 0) {
    error.text("code", hexadecimal(code));
  }
  error.text("message", message);
  print_line(JsonObject().object("error", error));
}

}  // namespace edgeproof
