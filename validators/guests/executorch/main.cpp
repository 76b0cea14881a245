// Loads one method of an ExecuTorch program, runs it on a stream of calls, and tells in lines of JSON what happened.
#include <executorch/runtime/platform/runtime.h>

#include <csignal>
#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "arguments.h"
#include "calls.h"
#include "cpu_features.h"
#include "crash_report.h"
#include "failure.h"
#include "json_line.h"
#include "loaded_method.h"
#include "runtime_log.h"
#include "thread_pool.h"

namespace {

using namespace edgeproof;

constexpr int kFailed = 1;
constexpr int kWrongArguments = 2;
constexpr std::uint32_t kNoMemory = 0x21;

void print_loaded(const LoadedMethod& method, const Arguments& arguments) {
  JsonObject loaded;
  loaded.text("method", arguments.method).texts("methods", method.methods());
  loaded.objects("inputs", described(method.inputs())).objects("outputs", described(method.outputs()));
  loaded.texts("backends", method.backends());
  if (const std::optional<PlanFacts> facts = method.facts()) {
    loaded.number("delegates", facts->delegate_calls).texts("operators", facts->operators);
  }
  loaded.number("threads", arguments.threads).texts("cpu_features", cpu_features());
// The package's headers do not tell its version; the command that compiles this program may.
#ifdef EDGEPROOF_EXECUTORCH_VERSION
  loaded.object("versions", JsonObject().text("executorch", EDGEPROOF_EXECUTORCH_VERSION));
#endif
  print_line(JsonObject().object("loaded", loaded));
}

void run(const std::vector<std::string>& words) {
  const Arguments arguments = parse_arguments(words);
  enter(Stage::kLoad);
  executorch::runtime::runtime_init();
  set_threads(arguments.threads);
  LoadedMethod method(arguments.model, arguments.method);
  if (arguments.inspect) {
    print_loaded(method, arguments);
    return;
  }
  refuse_what_no_record_holds(method.inputs(), "input");
  refuse_what_no_record_holds(method.outputs(), "output");
  check_state(arguments, method);
  print_loaded(method, arguments);
  const std::int64_t calls = run_calls(method, arguments);
  print_line(JsonObject().object("done", JsonObject().number("calls", calls)));
}

int reported(const std::string& message, std::uint32_t code) {
  report(message, code);
  return progress().stage == Stage::kArguments ? kWrongArguments : kFailed;
}

}  // namespace

int main(int count, char** words) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that has gone away is an error in words, not a signal
  catch_runtime_messages();
  report_crashes();
  try {
    run(std::vector<std::string>(words + 1, words + count));
    return 0;
  } catch (const Failure& failure) {
    return reported(failure.what(), failure.code());
  } catch (const std::bad_alloc&) {
    return reported(in_words(kNoMemory), kNoMemory);
  } catch (const std::exception& error) {
    return reported(std::string("an error that nobody expected: ") + error.what(), 0);
  }
}
