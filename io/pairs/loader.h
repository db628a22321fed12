// Decoding and augmenting pairs ahead of their use, on threads of its own.
//
// Nothing here is random: the caller draws every random number beforehand, so that what is trained on depends
// on the seed and not on the number of threads.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "io/pairs/dataset.h"

namespace uptake::io {

/// One use of one pair.
struct Draw {
  std::size_t index = 0;                // into the data set
  std::int64_t crop_y = 0, crop_x = 0;  // top-left pixel of the crop, after resizing
  bool flip = false;                    // mirror left to right, after cropping
};

/// What is done to every pair, A and B alike: resize (bicubic), crop, flip.
struct Preparation {
  std::int64_t load_h = 0, load_w = 0;  // size to resize to; 0: as the file is
  std::int64_t crop_h = 0, crop_w = 0;  // size of the crop; 0: all of it
};

/// Applies a preparation. Throws std::invalid_argument when the crop does not fit.
Pair prepare(Pair pair, const Preparation& preparation, const Draw& draw);

/// Hands out prepared pairs strictly in the order of the draws. At most `ahead` pairs are decoded or being
/// decoded before they are asked for. Destruction is possible at any time and waits for no more than the
/// decodings under way.
class PairLoader {
 public:
  /// The data set must outlive the loader. Throws std::invalid_argument unless threads and ahead are at least
  /// 1 and every index is in the data set.
  PairLoader(const PairDataset& dataset, const Preparation& preparation, std::vector<Draw> draws, int threads,
             std::size_t ahead);
  ~PairLoader();
  PairLoader(const PairLoader&) = delete;
  PairLoader& operator=(const PairLoader&) = delete;

  /// The pair of the next draw, waiting for it if need be; nothing after the last one. If that pair failed,
  /// its error is thrown (FileError, with the file's name) and the following call goes on with the draw after
  /// it.
  std::optional<Pair> next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace uptake::io
