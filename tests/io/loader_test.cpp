#include "io/pairs/loader.h"

#include <doctest/doctest.h>

#include <chrono>
#include <random>
#include <stdexcept>
#include <thread>

#include "dataset_fixture.h"
#include "io/base/file.h"

using namespace uptake;
using namespace uptake::tests;
using io::Draw;
using io::Pair;
using io::PairDataset;
using io::PairLoader;

namespace {

constexpr int kPairs = 6;

/// Six pairs of 8x10 named 0 to 5.
void add_pairs(const DatasetFolder& folder) {
  for (int i = 0; i < kPairs; ++i) {
    const std::string name = std::to_string(i) + ".png";
    folder.add("A/" + name, patterned(8, 10, 1, i));
    folder.add("B/" + name, patterned(8, 10, 3, i + 100));
  }
}

std::vector<Draw> random_draws(std::size_t count) {
  std::mt19937 random(7);
  const auto below = [&](int limit) { return static_cast<int>(random() % static_cast<unsigned>(limit)); };
  std::vector<Draw> draws(count);
  for (Draw& draw : draws) {
    draw.index = static_cast<std::size_t>(below(kPairs));
    draw.crop_y = below(4), draw.crop_x = below(5);
    draw.flip = below(2) == 1;
  }
  return draws;
}

}  // namespace

TEST_CASE("prepare: crops, then flips, A and B alike") {
  const Pair pair{"x", patterned(5, 7, 1, 1), patterned(5, 7, 3, 2)};
  const Pair plain = prepare(pair, {.crop_h = 2, .crop_w = 3}, {.crop_y = 1, .crop_x = 4});
  const Pair flipped = prepare(pair, {.crop_h = 2, .crop_w = 3}, {.crop_y = 1, .crop_x = 4, .flip = true});
  REQUIRE(plain.a.height == 2);
  REQUIRE(flipped.b.width == 3);
  for (std::int64_t y = 0; y < 2; ++y)
    for (std::int64_t x = 0; x < 3; ++x) {
      CHECK(plain.a.at(y, x, 0) == pair.a.at(1 + y, 4 + x, 0));
      CHECK(flipped.a.at(y, x, 0) == pair.a.at(1 + y, 4 + 2 - x, 0));
      CHECK(flipped.b.at(y, x, 2) == pair.b.at(1 + y, 4 + 2 - x, 2));
    }
}

TEST_CASE("prepare: sizes of zero leave the image as it is") {
  const Pair pair{"x", patterned(5, 7, 1, 1), patterned(5, 7, 1, 2)};
  CHECK(same_image(prepare(pair, {}, {}).a, pair.a));
  CHECK(same_image(prepare(pair, {}, {}).b, pair.b));
}

TEST_CASE("prepare: the crop is taken from the resized image") {
  const Pair pair{"x", patterned(5, 7, 1, 1), patterned(5, 7, 1, 2)};
  const Pair prepared =
      prepare(pair, {.load_h = 10, .load_w = 14, .crop_h = 4, .crop_w = 4}, {.crop_y = 6, .crop_x = 10});
  const io::Image resized = io::resize_bicubic(pair.b, 10, 14);
  for (std::int64_t y = 0; y < 4; ++y)
    for (std::int64_t x = 0; x < 4; ++x) CHECK(prepared.b.at(y, x, 0) == resized.at(6 + y, 10 + x, 0));
}

TEST_CASE("PairLoader: hands out pairs in the order of the draws, whatever the threads") {
  const DatasetFolder folder;
  add_pairs(folder);
  const PairDataset dataset(folder.path(), "train");
  const std::vector<Draw> draws = random_draws(60);
  const io::Preparation preparation{.load_h = 9, .load_w = 11, .crop_h = 6, .crop_w = 7};
  PairLoader one(dataset, preparation, draws, 1, 1), three(dataset, preparation, draws, 3, 5);
  for (const Draw& draw : draws) {
    const std::optional<Pair> x = one.next(), y = three.next();
    REQUIRE(x.has_value());
    REQUIRE(y.has_value());
    CHECK(x->name == std::to_string(draw.index));
    CHECK(y->name == x->name);
    CHECK(same_image(x->a, prepare(dataset.load(draw.index), preparation, draw).a));
    CHECK(same_image(x->a, y->a));
    CHECK(same_image(x->b, y->b));
  }
  CHECK_FALSE(one.next().has_value());
  CHECK_FALSE(three.next().has_value());
  CHECK_FALSE(three.next().has_value());
}

TEST_CASE("PairLoader: an error reaches the consumer at its place in the order, then the others follow") {
  const DatasetFolder folder;
  add_pairs(folder);
  const PairDataset dataset(folder.path(), "train");
  folder.truncate("B/3.png");
  PairLoader loader(dataset, {}, {{.index = 2}, {.index = 3}, {.index = 4}, {.index = 3}, {.index = 5}}, 3,
                    4);
  CHECK(loader.next()->name == "2");
  CHECK(contains(sentence_of([&] { loader.next(); }), "B/3.png: "));
  CHECK(loader.next()->name == "4");
  CHECK_THROWS_AS(loader.next(), io::FileError);
  CHECK(loader.next()->name == "5");
  CHECK_FALSE(loader.next().has_value());
}

TEST_CASE("PairLoader: a crop that does not fit is an error that names the file") {
  const DatasetFolder folder;
  add_pairs(folder);
  const PairDataset dataset(folder.path(), "train");
  PairLoader loader(dataset, {.crop_h = 4, .crop_w = 4}, {{.index = 1, .crop_y = 5}}, 1, 1);
  CHECK(contains(sentence_of([&] { loader.next(); }), "A/1.png: "));
}

TEST_CASE("PairLoader: decodes no further ahead than it is told to") {
  const DatasetFolder folder;
  add_pairs(folder);
  const PairDataset dataset(folder.path(), "train");
  PairLoader loader(dataset, {}, {{.index = 0}, {.index = 1}, {.index = 2}, {.index = 3}}, 3, 2);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // time to go too far
  std::filesystem::remove(folder.path() / "A/2.png");
  std::filesystem::remove(folder.path() / "A/3.png");
  CHECK(loader.next()->name == "0");
  CHECK(loader.next()->name == "1");
  CHECK_THROWS_AS(loader.next(), io::FileError);
  CHECK_THROWS_AS(loader.next(), io::FileError);
}

TEST_CASE("PairLoader: can be destroyed at any time") {
  const DatasetFolder folder;
  add_pairs(folder);
  const PairDataset dataset(folder.path(), "train");
  for (std::size_t used = 0; used < 12; ++used)
    for (const std::size_t ahead : {1, 8}) {
      PairLoader loader(dataset, {}, random_draws(10), 3, ahead);
      for (std::size_t i = 0; i < used; ++i) CHECK(loader.next().has_value() == (i < 10));
    }
}

TEST_CASE("PairLoader: no draws, no threads, no room and indices outside the data set") {
  const DatasetFolder folder;
  add_pairs(folder);
  const PairDataset dataset(folder.path(), "train");
  CHECK_FALSE(PairLoader(dataset, {}, {}, 2, 2).next().has_value());
  CHECK_THROWS_AS(PairLoader(dataset, {}, {}, 0, 2), std::invalid_argument);
  CHECK_THROWS_AS(PairLoader(dataset, {}, {}, 2, 0), std::invalid_argument);
  CHECK_THROWS_AS(PairLoader(dataset, {}, {{.index = kPairs}}, 1, 1), std::invalid_argument);
}
