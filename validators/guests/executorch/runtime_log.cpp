// The runtime's own log messages, kept for the error that they explain instead of written to standard error.
#include "runtime_log.h"

#include <executorch/runtime/platform/platform.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <utility>

#include "failure.h"

namespace edgeproof {
namespace {

constexpr std::size_t kKept = 1000;
constexpr std::size_t kTold = 6;
constexpr const char* kMissing = "Missing operator: ";

// The runtime's threads log too.
std::mutex guard;
std::deque<std::string> messages;

void keep(
    et_timestamp_t /*timestamp*/,
    et_pal_log_level_t level,
    const char* /*filename*/,
    const char* /*function*/,
    size_t /*line*/,
    const char* message,
    size_t length) {
  if (level != et_pal_log_level_t::kError && level != et_pal_log_level_t::kFatal) {
    return;
  }
  const std::lock_guard<std::mutex> lock(guard);
  std::string text(message, length);
  if (std::find(messages.begin(), messages.end(), text) != messages.end()) {
    return;
  }
  messages.push_back(std::move(text));
  if (messages.size() > kKept) {
    messages.pop_front();
  }
}

// A check in the runtime failed. Its state cannot be trusted after that, so nothing is cleaned up.
void report_and_exit() {
  const std::string said = logged();
  report("the runtime aborted" + (said.empty() ? said : ": " + said), 0);
  ::_exit(1);
}

}  // namespace

void catch_runtime_messages() {
  executorch::runtime::register_pal(executorch::runtime::PalImpl::create(
      nullptr, report_and_exit, nullptr, nullptr, keep, nullptr, nullptr, "runtime_log.cpp"));
}

void forget_messages() {
  const std::lock_guard<std::mutex> lock(guard);
  messages.clear();
}

std::string logged() {
  const std::lock_guard<std::mutex> lock(guard);
  const std::size_t first = messages.size() > kTold ? messages.size() - kTold : 0;
  std::string text;
  for (std::size_t place = first; place < messages.size(); ++place) {
    text += (text.empty() ? "" : "; ") + messages[place];
  }
  return text;
}

std::vector<std::string> missing_operators() {
  const std::lock_guard<std::mutex> lock(guard);
  std::vector<std::string> names;
  for (const std::string& message : messages) {
    const std::size_t start = message.find(kMissing);
    const std::size_t name = start == std::string::npos ? start : message.find("] ", start);
    if (name == std::string::npos) {
      continue;
    }
    names.push_back(message.substr(name + 2));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace edgeproof
