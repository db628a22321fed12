// A training run so small that a test can have hundreds of them, and what a test asks of its folder.
#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "io/base/file.h"
#include "io/image/image.h"
#include "tests/apps/command.h"

/// `count` gray pictures, of which none is like another: side-by-side pairs of 16 x 16 pixels, or of another width.
inline void write_pairs(const std::filesystem::path& folder, int count, std::int64_t width = 32) {
  std::filesystem::create_directories(folder);
  for (int i = 0; i < count; ++i) {
    uptake::io::Image image(16, width, 1, uptake::io::SampleKind::u8);
    for (std::size_t s = 0; s < image.samples.size(); ++s)
      image.samples[s] =
          static_cast<float>(((s * 2654435761u + static_cast<std::size_t>(i) * 40503u) >> 9) % 256);
    uptake::io::write_png(folder / (std::to_string(i) + ".png"), image);
  }
}

/// Data with training and validation pairs, and the runs on it.
class SmallRun {
 public:
  /// With checkpoints of some 100 KiB: their writing takes a good part of the time.
  SmallRun() {
    write_pairs(folder_ / "data/train", 5);
    write_pairs(folder_ / "data/val", 1);
  }
  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }
  std::filesystem::path data() const { return folder_ / "data"; }

  /// The arguments of a run into OUT: begun, or gone on with where it has a checkpoint.
  std::string arguments(const std::string& out, const std::string& more = "") const {
    const std::string where = "train --data " + quoted(data()) + " --out " + quoted(folder_ / out) + " ";
    if (std::filesystem::exists(folder_ / out / "last.safetensors")) return where + "--resume " + more;
    return where +
           "--load-size 0 --crop-size 0 --net-g unet_16 --ngf 4 --ndf 8 --net-d n_layers --n-layers-d 1 "
           "--epochs 6 --epochs-decay 6 --save-every 2 --keep 2 --threads 1 --device cpu " +
           more;
  }

  /// Names of what a run leaves behind.
  static std::vector<std::string> results() {
    return {"last.safetensors", "best.safetensors", "losses.csv", "validation.csv"};
  }
  bool same(const std::string& one, const std::string& other) const {
    return std::ranges::all_of(results(), [&](const std::string& name) {
      return uptake::io::read_file(folder_ / one / name) == uptake::io::read_file(folder_ / other / name);
    });
  }
  /// Files that only a run under way has.
  std::vector<std::string> leftovers(const std::string& out) const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / out))
      if (const std::string name = entry.path().filename(); name.starts_with(".")) names.push_back(name);
    return names;
  }

 private:
  TemporaryFolder folder_;
};

/// The command with one system call that goes wrong (see tests/faults/faults.cpp).
inline Ran with_fault(const std::string& fault, const std::string& arguments) {
  return shell(
      "env UPTAKE_FAULT='" + fault +
      "' LD_PRELOAD='" UPTAKE_FAULTS
      "' ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 OMP_WAIT_POLICY=passive '" UPTAKE_BINARY "' " +
      arguments);
}
