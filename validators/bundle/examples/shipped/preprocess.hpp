// From pixels or samples to a model's input, as preprocess.json says: images bit for bit what Python computes.
//
// C++17, standard library only. No flag is needed but the absence of one: -ffast-math breaks the promise.
#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#ifdef __FAST_MATH__
#error "-ffast-math lets the compiler round otherwise than the model's reference: leave it out for this file"
#endif

namespace edgeproof {

enum class Colours { rgb, bgr, grey };
enum class Filter { nearest, box, bilinear, bicubic };

// A size of 0 stands for what preprocess.json leaves out; an empty mean or std too.
struct ImageSpec {
  Colours colours = Colours::rgb;
  int resize_height = 0, resize_width = 0, shortest = 0;
  Filter filter = Filter::bilinear;
  bool antialias = true;
  int crop_height = 0, crop_width = 0;
  float divisor = 255;
  std::vector<float> mean, std;
  bool nhwc = false;
};

// With fft = 0 the input is the samples themselves, otherwise their log-mel features (frames, mels).
struct AudioSpec {
  int rate = 0, window = 0, fft = 0, hop = 0, mels = 0;
  double low = 0, high = 0, offset = 0;
};

namespace detail {

struct Image {
  int height, width, channels;
  std::vector<std::uint8_t> pixels;  // row by row, the channels of a pixel side by side

  Image(int h, int w, int c) : height(h), width(w), channels(c), pixels(std::size_t(h) * w * c) {}
  std::uint8_t& at(int y, int x, int c) { return pixels[(std::size_t(y) * width + x) * channels + c]; }
  std::uint8_t at(int y, int x, int c) const { return pixels[(std::size_t(y) * width + x) * channels + c]; }
};

// Keeps a compiler from fusing a multiplication with the addition that follows, as it does on Arm: that rounds once
// where the reference rounds twice.
inline double rounded(double value) {
  volatile double stored = value;
  return stored;
}

inline Image in_colours(const std::uint8_t* rgb, int height, int width, Colours colours) {
  Image image(height, width, colours == Colours::grey ? 1 : 3);
  for (std::size_t i = 0; i < std::size_t(height) * width; ++i) {
    const std::uint8_t* p = rgb + 3 * i;
    if (colours == Colours::grey) {
      image.pixels[i] = std::uint8_t((19595 * p[0] + 38470 * p[1] + 7471 * p[2] + 32768) >> 16);
    } else {
      for (int c = 0; c < 3; ++c) image.pixels[3 * i + c] = p[colours == Colours::bgr ? 2 - c : c];
    }
  }
  return image;
}

inline Image transposed(const Image& image) {
  Image turned(image.width, image.height, image.channels);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      for (int c = 0; c < image.channels; ++c) turned.at(x, y, c) = image.at(y, x, c);
  return turned;
}

inline double kernel(Filter filter, double x) {
  if (filter == Filter::box) return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
  x = std::abs(x);
  if (filter == Filter::bilinear) return std::max(1.0 - x, 0.0);
  if (x < 1.0) return rounded(rounded((rounded(1.5 * x) - 2.5) * x) * x) + 1.0;
  if (x < 2.0) return (rounded((rounded((x - 5.0) * x) + 8.0) * x) - 4.0) * -0.5;
  return 0.0;
}

// Rows of `width` pixels, each the weighted sum of source pixels in integers with 22 bits of fraction.
inline Image along_rows(const Image& image, int width, Filter filter, bool antialias) {
  const double scale = double(image.width) / width;
  const double widened = antialias ? std::max(scale, 1.0) : 1.0;
  const double reach = (filter == Filter::box ? 0.5 : filter == Filter::bilinear ? 1.0 : 2.0) * widened;
  Image result(image.height, width, image.channels);
  std::vector<double> shares;
  std::vector<std::int32_t> weights;
  for (int x = 0; x < width; ++x) {
    const double centre = rounded((x + 0.5) * scale);
    const int first = std::max(int(rounded(centre - reach) + 0.5), 0);
    const int last = std::min(int(rounded(centre + reach) + 0.5), image.width);
    double total = 0;
    shares.clear();
    for (int from = first; from < last; ++from) {
      shares.push_back(kernel(filter, rounded((from - centre + 0.5) * (1.0 / widened))));
      total += shares.back();
    }
    weights.clear();
    for (double share : shares) {
      if (total != 0) share /= total;
      weights.push_back(std::int32_t(share * (1 << 22) + (share < 0 ? -0.5 : 0.5)));
    }
    for (int y = 0; y < image.height; ++y)
      for (int c = 0; c < image.channels; ++c) {
        std::int32_t sum = 1 << 21;
        for (std::size_t tap = 0; tap < weights.size(); ++tap) sum += image.at(y, first + int(tap), c) * weights[tap];
        result.at(y, x, c) = std::uint8_t(std::clamp(sum >> 22, 0, 255));
      }
  }
  return result;
}

// The source position of every new one; steps are added up one by one, since that is how they round.
inline std::vector<int> nearest(int before, int after) {
  std::vector<int> positions;
  const double step = double(before) / after;
  double place = step * 0.5;
  for (int i = 0; i < after; ++i, place += step) positions.push_back(int(place));
  return positions;
}

inline Image resized(const Image& image, const ImageSpec& spec) {
  int height = spec.resize_height, width = spec.resize_width;
  if (spec.shortest) {
    const long long side = spec.shortest;
    height = image.height <= image.width ? spec.shortest : int(side * image.height / image.width);
    width = image.height <= image.width ? int(side * image.width / image.height) : spec.shortest;
  }
  if (spec.filter != Filter::nearest) {
    const Image wide = along_rows(image, width, spec.filter, spec.antialias);
    return transposed(along_rows(transposed(wide), height, spec.filter, spec.antialias));
  }
  const std::vector<int> rows = nearest(image.height, height), columns = nearest(image.width, width);
  Image result(height, width, image.channels);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < image.channels; ++c) result.at(y, x, c) = image.at(rows[y], columns[x], c);
  return result;
}

// Half of what is spare; where that is no whole number, the even one of the two beside it.
inline int offset(int spare) { return (spare + ((spare >> 1) & 1)) >> 1; }

inline Image centre(const Image& image, int height, int width) {
  if (height > image.height || width > image.width)
    throw std::invalid_argument("an image of " + std::to_string(image.height) + " x " + std::to_string(image.width) +
                                " has no centre of " + std::to_string(height) + " x " + std::to_string(width));
  const int top = offset(image.height - height), left = offset(image.width - width);
  Image result(height, width, image.channels);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < image.channels; ++c) result.at(y, x, c) = image.at(top + y, left + x, c);
  return result;
}

constexpr double pi = 3.141592653589793;

// The discrete Fourier transform: halves as long as there are halves, then by its definition.
inline std::vector<std::complex<double>> transform(const std::vector<std::complex<double>>& values) {
  const std::size_t n = values.size();
  std::vector<std::complex<double>> result(n);
  if (n % 2) {
    for (std::size_t k = 0; k < n; ++k)
      for (std::size_t i = 0; i < n; ++i) result[k] += values[i] * std::polar(1.0, -2 * pi * double(i * k % n) / n);
    return result;
  }
  std::vector<std::complex<double>> even, odd;
  for (std::size_t i = 0; i < n; ++i) (i % 2 ? odd : even).push_back(values[i]);
  even = transform(even);
  odd = transform(odd);
  for (std::size_t k = 0; k < n / 2; ++k) {
    const std::complex<double> turned = std::polar(1.0, -2 * pi * double(k) / n) * odd[k];
    result[k] = even[k] + turned;
    result[k + n / 2] = even[k] - turned;
  }
  return result;
}

inline double mel(double hertz) { return 2595.0 * std::log10(1.0 + hertz / 700.0); }

// The corners of all triangles in Hz, equally far apart on the HTK mel scale.
inline std::vector<double> corners(const AudioSpec& spec) {
  std::vector<double> found;
  for (int i = 0; i < spec.mels + 2; ++i) {
    const double place = mel(spec.low) + (mel(spec.high) - mel(spec.low)) * i / (spec.mels + 1);
    found.push_back(700.0 * (std::pow(10.0, place / 2595.0) - 1.0));
  }
  return found;
}

}  // namespace detail

// The input (1, C, H, W), or (1, H, W, C) with nhwc, of height * width pixels of red, green and blue.
inline std::vector<float> preprocess(const std::uint8_t* rgb, int height, int width, const ImageSpec& spec) {
  detail::Image image = detail::in_colours(rgb, height, width, spec.colours);
  if (spec.resize_height || spec.shortest) image = detail::resized(image, spec);
  if (spec.crop_height) image = detail::centre(image, spec.crop_height, spec.crop_width);
  std::vector<float> values(image.pixels.size());
  const std::size_t plane = std::size_t(image.height) * image.width, channels = std::size_t(image.channels);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t c = i % channels;
    float value = float(image.pixels[i]) / spec.divisor;
    if (!spec.mean.empty()) value -= spec.mean[c];
    if (!spec.std.empty()) value /= spec.std[c];
    values[spec.nhwc ? i : c * plane + i / channels] = value;
  }
  return values;
}

// The input (1, window), or (1, frames, mels) with fft, of samples of one channel at spec.rate Hz.
inline std::vector<float> preprocess(const std::int16_t* pcm, std::size_t count, const AudioSpec& spec) {
  std::vector<float> values(std::size_t(spec.window), 0.0F);
  for (std::size_t i = 0; i < std::min(count, values.size()); ++i) values[i] = float(pcm[i]) / 32768.0F;
  if (!spec.fft) return values;
  std::vector<float> features;
  const std::vector<double> corner = detail::corners(spec);
  for (int start = 0; start + spec.fft <= spec.window; start += spec.hop) {
    std::vector<std::complex<double>> frame;
    for (int i = 0; i < spec.fft; ++i)
      frame.push_back(values[std::size_t(start + i)] * (0.5 - 0.5 * std::cos(2 * detail::pi * i / spec.fft)));
    frame = detail::transform(frame);
    for (int band = 0; band < spec.mels; ++band) {
      double power = 0;
      for (int k = 0; k <= spec.fft / 2; ++k) {
        const double hertz = double(k) * spec.rate / spec.fft;
        const double rising = (hertz - corner[band]) / (corner[band + 1] - corner[band]);
        const double falling = (corner[band + 2] - hertz) / (corner[band + 2] - corner[band + 1]);
        power += std::max(0.0, std::min(rising, falling)) * std::norm(frame[k]);
      }
      features.push_back(float(std::log(power + spec.offset)));
    }
  }
  return features;
}

}  // namespace edgeproof
