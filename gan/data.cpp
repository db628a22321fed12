#include "gan/data.h"

#include <numeric>

#include "gan/fingerprint.h"
#include "gan/random_streams.h"
#include "kernels/base/philox.h"

namespace uptake::gan {

Example oriented(const io::Pair& pair, const TrainConfig& config) {
  if (config.direction == Direction::b_to_a) return {pair.b, pair.a};
  return {pair.a, pair.b};
}

io::Preparation training_preparation(const TrainConfig& c) {
  return {c.load_size, c.load_size, c.crop_size, c.crop_size};
}

io::Preparation test_preparation(const TrainConfig& c) {
  if (c.load_size == 0) return {};
  const std::int64_t size = c.crop_size > 0 ? c.crop_size : c.load_size;
  return {size, size, 0, 0};
}

std::vector<io::Draw> epoch_draws(const io::PairDataset& data, const TrainConfig& c, std::int64_t epoch) {
  const auto number = static_cast<std::uint32_t>(epoch);
  const kernels::RandomKey order{c.seed, streams::kOrder, number},
      augment{c.seed, streams::kAugmentation, number};
  std::vector<std::size_t> shuffled(data.size());
  std::iota(shuffled.begin(), shuffled.end(), std::size_t{0});
  for (std::size_t i = shuffled.size(); i > 1; --i)  // Fisher-Yates
    std::swap(shuffled[i - 1], shuffled[kernels::philox_word(order, i) % i]);

  std::vector<io::Draw> draws;
  for (const std::size_t index : shuffled) {
    const auto [words] = kernels::philox(augment, draws.size());
    io::Draw draw;
    draw.index = index;
    draw.flip = c.flip && words[2] % 2 == 1;
    if (c.crop_size > 0) {
      const io::ImageHeader& header = data.entry(index).a_header;
      const std::int64_t h = c.load_size > 0 ? c.load_size : header.height;
      const std::int64_t w = c.load_size > 0 ? c.load_size : header.width;
      if (h < c.crop_size || w < c.crop_size)
        throw OptionError(
            {data.name(index) + " is " + text_of(h) + "x" + text_of(w) + " pixels, smaller than ",
             nn::option_name("crop_size"), " " + text_of(c.crop_size)});
      draw.crop_y = words[0] % (h - c.crop_size + 1);
      draw.crop_x = words[1] % (w - c.crop_size + 1);
    }
    draws.push_back(draw);
  }
  return draws;
}

io::DatasetOptions dataset_options(const TrainConfig& c) {
  io::DatasetOptions options;
  options.skip_bad = c.skip_bad;
  options.allow_synthetic = c.allow_synthetic;
  options.allow_outside = c.allow_outside;
  if (c.match_matrix)
    options.match_matrix = c.direction == Direction::a_to_b ? io::MatchMatrix::to_a : io::MatchMatrix::to_b;
  return options;
}

std::string fingerprint(const io::PairDataset& data) {
  Fingerprint names;
  for (std::size_t i = 0; i < data.size(); ++i) names.add(data.name(i));
  return names.hex();
}

void add_pixels(const io::PairDataset& data, Fingerprint& fingerprint) {
  for (std::size_t i = 0; i < data.size(); ++i) {
    fingerprint.add(data.facts(i).a.content_hash);
    fingerprint.add(data.facts(i).b.content_hash);
  }
}

}  // namespace uptake::gan
