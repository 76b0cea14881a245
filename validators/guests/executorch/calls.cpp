// The loop over the calls: records in, one execution, records out.
#include "calls.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "failure.h"
#include "json_line.h"
#include "npy_stream.h"
#include "runtime_log.h"

namespace edgeproof {
namespace {

class Calls {
 public:
  Calls(LoadedMethod& method, const Arguments& arguments, NpyReader& reader, NpyWriter& writer)
      : method_(method),
        arguments_(arguments),
        reader_(reader),
        writer_(writer),
        inputs_(method.inputs().size()),
        outputs_(method.outputs().size()) {}

  std::int64_t run() {
    while (wants_more()) {
      enter(Stage::kInputs, call_);
      if (stream_is_over()) {
        break;
      }
      read_inputs();
      carry_state();
      execute();
      write_outputs();
      ++call_;
    }
    return call_;
  }

 private:
  bool wants_more() const {
    const bool timed_out = arguments_.seconds.has_value() && milliseconds_ >= *arguments_.seconds * 1000;
    return call_ == 0 || !timed_out || call_ < arguments_.least;
  }

  // A method without inputs has no records to count its calls by.
  bool stream_is_over() {
    if (!inputs_.empty()) {
      return reader_.at_end();
    }
    return !arguments_.seconds.has_value() && call_ >= std::max<std::int64_t>(arguments_.least, 1);
  }

  void read_inputs() {
    for (std::size_t place = 0; place < inputs_.size(); ++place) {
      try {
        read_input(place);
      } catch (const Failure& failure) {
        throw Failure("input " + std::to_string(place) + ": " + failure.what(), failure.code());
      }
    }
  }

  void read_input(std::size_t place) {
    const NpyHeader header = reader_.read_header();
    check_fits(method_.inputs()[place], *header.dtype, header.shape, "the record");
    Array& array = inputs_[place];
    array.dtype = header.dtype;
    array.shape = header.shape;
    array.memory.reserve(array.bytes());
    reader_.read_numbers(array.memory.data(), array.bytes());
  }

  // A copy, because an output may lie in the memory of an input.
  void carry_state() {
    if (call_ <= arguments_.state_start) {
      return;
    }
    for (const StateLink& link : arguments_.state) {
      const Array& from = outputs_[link.output];
      Array& to = inputs_[link.input];
      check_fits(
          method_.inputs()[link.input], *from.dtype, from.shape,
          "input " + std::to_string(link.input) + ": what output " + std::to_string(link.output) + " gave before it");
      to.shape = from.shape;
      to.memory.reserve(from.bytes());
      std::memcpy(to.memory.data(), from.memory.data(), from.bytes());
    }
  }

  void execute() {
    forget_messages();
    for (std::size_t place = 0; place < inputs_.size(); ++place) {
      method_.set_input(place, inputs_[place]);
    }
    enter(Stage::kRun);
    took_ = method_.execute();
    milliseconds_ += took_;
  }

  void write_outputs() {
    enter(Stage::kOutputs);
    for (std::size_t place = 0; place < outputs_.size(); ++place) {
      method_.read_output(place, outputs_[place]);
    }
    // The line goes first: whoever reads waits for it and then takes as many records as it says.
    JsonObject line;
    line.number("call", call_).decimal("milliseconds", took_);
    line.number("outputs", static_cast<std::int64_t>(outputs_.size()));
    print_line(line);
    for (const Array& output : outputs_) {
      writer_.write(output);
    }
    writer_.flush();
  }

  LoadedMethod& method_;
  const Arguments& arguments_;
  NpyReader& reader_;
  NpyWriter& writer_;
  std::vector<Array> inputs_;
  std::vector<Array> outputs_;
  std::int64_t call_ = 0;
  double took_ = 0;
  double milliseconds_ = 0;
};

void check_link(const StateLink& link, const std::vector<ValueSpec>& outputs, const std::vector<ValueSpec>& inputs) {
  if (link.output >= outputs.size() || link.input >= inputs.size()) {
    throw Failure(
        "--state joins output " + std::to_string(link.output) + " with input " + std::to_string(link.input) +
        ", and the method has " + std::to_string(outputs.size()) + " outputs and " + std::to_string(inputs.size()) +
        " inputs, counted from 0");
  }
  const DType* from = outputs[link.output].dtype;
  const DType* to = inputs[link.input].dtype;
  if (from != to) {
    throw Failure(
        "--state joins output " + std::to_string(link.output) + " with input " + std::to_string(link.input) +
        ", and the one is " + from->name + ", the other " + to->name);
  }
}

}  // namespace

void check_state(const Arguments& arguments, const LoadedMethod& method) {
  enter(Stage::kArguments);
  for (const StateLink& link : arguments.state) {
    check_link(link, method.outputs(), method.inputs());
  }
  enter(Stage::kLoad);
}

std::int64_t run_calls(LoadedMethod& method, const Arguments& arguments) {
  enter(Stage::kInputs);
  NpyReader reader(arguments.inputs);
  enter(Stage::kOutputs);
  NpyWriter writer(arguments.outputs);
  return Calls(method, arguments, reader, writer).run();
}

}  // namespace edgeproof
