// Reads cases as words of text, runs each, and writes the bits of its floats, one case a line.
#include "preprocess.hpp"

#include <cstring>
#include <iostream>

template <typename T>
std::vector<T> read_all(std::size_t count) {
  std::vector<T> values;
  for (double value; count > 0 && std::cin >> value; --count) values.push_back(T(value));
  return values;
}

int main() {
  std::ios::sync_with_stdio(false);
  for (std::string kind; std::cin >> kind;) {
    std::vector<float> result;
    if (kind == "image") {
      edgeproof::ImageSpec spec;
      int height, width, colours, filter;
      std::size_t channels;
      std::cin >> height >> width >> colours >> spec.resize_height >> spec.resize_width >> spec.shortest >> filter >>
          spec.antialias >> spec.crop_height >> spec.crop_width >> spec.nhwc >> spec.divisor >> channels;
      spec.colours = edgeproof::Colours(colours);
      spec.filter = edgeproof::Filter(filter);
      spec.mean = read_all<float>(channels);
      spec.std = read_all<float>(channels);
      const auto rgb = read_all<std::uint8_t>(std::size_t(height) * width * 3);
      result = edgeproof::preprocess(rgb.data(), height, width, spec);
    } else {
      edgeproof::AudioSpec spec;
      std::size_t count;
      std::cin >> spec.rate >> spec.window >> spec.fft >> spec.hop >> spec.mels >> spec.low >> spec.high >>
          spec.offset >> count;
      const auto pcm = read_all<std::int16_t>(count);
      result = edgeproof::preprocess(pcm.data(), pcm.size(), spec);
    }
    for (float value : result) {
      std::uint32_t bits;
      std::memcpy(&bits, &value, sizeof bits);
      std::cout << bits << ' ';
    }
    std::cout << '\n';
  }
}
