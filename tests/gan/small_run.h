// A training run small enough for tests: its pairs, its configuration, and what it said.
#pragma once
#include <sstream>

#include "gan/trainer.h"
#include "io/image/image.h"

namespace uptake::tests {

// Pairs whose right half is the left half inverted: something to learn.
inline void write_pairs(const std::filesystem::path& folder, int count, std::int64_t size, unsigned seed) {
  std::filesystem::create_directories(folder);
  for (int n = 0; n < count; ++n) {
    io::Image image(size, 2 * size, 1, io::SampleKind::u8);
    for (std::int64_t y = 0; y < size; ++y)
      for (std::int64_t x = 0; x < size; ++x) {
        seed = seed * 1664525u + 1013904223u;
        const unsigned level = (seed >> 25) + (x > size / 2 ? 64u : 0u);
        const auto value = static_cast<float>(level);
        image.at(y, x, 0) = value;
        image.at(y, x + size, 0) = 255 - value;
      }
    io::write_png(folder / (std::to_string(n) + ".png"), image);
  }
}

inline gan::TrainRequest small_request(const std::filesystem::path& data, const std::filesystem::path& out) {
  gan::TrainRequest r;
  r.data = data;
  r.out = out;
  r.version = "test";
  gan::TrainConfig& c = r.config;
  c.net_g = "unet_32";
  c.ngf = c.ndf = 2;
  c.load_size = 36;
  c.crop_size = 32;
  c.batch_size = 2;
  c.epochs = 2;
  c.epochs_decay = 1;
  c.threads = 2;
  c.seed = 5;
  return r;
}

inline const std::atomic<bool> kNeverStop = false;

inline std::string run(const gan::TrainRequest& request, const std::atomic<bool>& stop = kNeverStop) {
  std::ostringstream told;
  gan::train(request, stop, told);
  return told.str();
}

}  // namespace uptake::tests
