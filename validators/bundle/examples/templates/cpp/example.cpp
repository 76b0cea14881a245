// Runs @@PATH@@ (@@PRECISION@@) in @@RUNTIME@@: @@WHAT@@.
//
// Build: @@BUILD@@
// Run:   ./example BUNDLE               prints of the bundle's samples @@PRINTS@@
//        ./example BUNDLE --self-test   replays the golden data; ends with 1 and names what differs
// BUNDLE is the folder of the unpacked bundle, "." if it is left out.
//
@@CHECKED@@
@@REMARKS@@#include "bundle.hpp"
@@INCLUDES@@
namespace {

using edgeproof::Tensor;
using edgeproof::Tensors;
using edgeproof::Type;

// What the artifact takes and gives, in its order.
const std::vector<edgeproof::Port> kInputs = {
@@INPUTS@@
};
const std::vector<edgeproof::Port> kOutputs = {
@@OUTPUTS@@
};
const std::vector<edgeproof::Call> kCalls = {
@@CALLS@@
};
@@PREPROCESSING@@
@@MODEL@@
// Real numbers in, real numbers out.
Tensors infer(Model& model, Tensors tensors) {
  for (std::size_t place = 0; place < tensors.size(); ++place)
    tensors[place] = edgeproof::quantize(tensors[place], kInputs[place]);
  tensors = model.run(tensors);
  for (std::size_t place = 0; place < tensors.size(); ++place)
    tensors[place] = edgeproof::dequantize(tensors[place], kOutputs[place]);
  return tensors;
}

@@ANSWER@@
int run(const std::string& root, bool self_test) {
  Model model(root + @@QUOTED_PATH@@);
  if (self_test) {
    const int differs = edgeproof::self_test(root, kCalls, kOutputs, [&](const Tensors& given) { return infer(model, given); });
    return @@SELF_TEST@@;
  }
@@LABELS@@  for (const edgeproof::Call& call : kCalls) {
    Tensors inputs;
    for (const edgeproof::Stored& stored : call.inputs) inputs.push_back(edgeproof::load(root, stored));
@@FROM_ORIGINAL@@    print_answer(call.sample, infer(model, inputs)@@LABELS_ARGUMENT@@);
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  std::string root = ".";
  bool self_test = false;
  for (int place = 1; place < count; ++place) {
    if (std::string(arguments[place]) == "--self-test") self_test = true;
    else root = arguments[place];
  }
  return edgeproof::guarded([&] { return run(root, self_test); });
}
