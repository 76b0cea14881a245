// Turns a signal that would end the process without a word into an error line.
#include "crash_report.h"

#include <signal.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "failure.h"

namespace edgeproof {
namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
constexpr std::size_t kStackSize = 64 * 1024;

// A handler may not allocate: the text is put together in a buffer of fixed size.
class Line {
 public:
  Line& text(const char* value) {
    const std::size_t length = std::strlen(value);
    if (length_ + length <= sizeof buffer_) {
      std::memcpy(buffer_ + length_, value, length);
      length_ += length;
    }
    return *this;
  }

  Line& number(std::int64_t value) {
    char digits[24];
    char* place = digits + sizeof digits - 1;
    *place = '\0';
    do {
      *--place = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value > 0);
    return text(place);
  }

  void write() const {
    std::size_t written = 0;
    while (written < length_) {
      const ssize_t count = ::write(STDOUT_FILENO, buffer_ + written, length_ - written);
      if (count <= 0) {
        return;
      }
      written += static_cast<std::size_t>(count);
    }
  }

 private:
  char buffer_[512];
  std::size_t length_ = 0;
};

const char* words_of(int signal) {
  switch (signal) {
    case SIGSEGV:
      return "it touched memory that is not its own (SIGSEGV)";
    case SIGBUS:
      return "it read memory that is not there (SIGBUS)";
    case SIGFPE:
      return "it divided whole numbers by zero (SIGFPE)";
    case SIGILL:
      return "it used an instruction that this processor does not have (SIGILL)";
    default:
      return "it aborted the process (SIGABRT)";
  }
}

void report_and_exit(int signal) {
  const Progress reached = progress();
  Line line;
  line.text("{\"error\": {\"stage\": \"").text(name_of(reached.stage)).text("\", ");
  if (reached.call >= 0) {
    line.text("\"call\": ").number(reached.call).text(", ");
  }
  line.text("\"message\": \"the runtime crashed: ").text(words_of(signal)).text("\"}}\n").write();
  ::_exit(1);
}

}  // namespace

void report_crashes() {
  // A stack of its own, because an overflowing stack is one of the crashes.
  static char stack[kStackSize];
  stack_t alternative{};
  alternative.ss_sp = stack;
  alternative.ss_size = sizeof stack;
  ::sigaltstack(&alternative, nullptr);
  struct sigaction action {};
  action.sa_handler = report_and_exit;
  action.sa_flags = SA_ONSTACK | static_cast<int>(SA_RESETHAND);
  for (const int signal : kSignals) {
    ::sigaction(signal, &action, nullptr);
  }
}

}  // namespace edgeproof
