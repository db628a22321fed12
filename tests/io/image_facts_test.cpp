#include "io/pairs/image_facts.h"

#include <doctest/doctest.h>

#include "dataset_fixture.h"
#include "io/pairs/dataset.h"

using namespace uptake;
using namespace uptake::tests;
using io::SampleKind;

TEST_CASE("add_pixel_facts: equal pixels have equal hashes, any other size, kind or sample another one") {
  const auto hash = [](const io::Image& image) {
    io::ImageFacts facts;
    io::add_pixel_facts(facts, image);
    return facts.content_hash;
  };
  const io::Image image = patterned(67, 71, 1, 1);  // more samples than one block, and no multiple of it
  io::Image other = image, reshaped = image, wider = image;
  other.samples.back() += 1;
  reshaped.height = 71, reshaped.width = 67;
  wider.kind = SampleKind::u16;
  CHECK(hash(image) == hash(patterned(67, 71, 1, 1)));
  CHECK(hash(image) != hash(other));
  CHECK(hash(image) != hash(reshaped));
  CHECK(hash(image) != hash(wider));
  CHECK(hash(image).size() == 64);
  CHECK(hash(io::Image(0, 0, 1, SampleKind::u8)).size() == 64);
}

TEST_CASE("PairDataset: what its pictures say about themselves") {
  const DatasetFolder folder;
  io::Image a = patterned(4, 6, 3, 1), b = patterned(4, 6, 3, 2);
  a.at(2, 5, 1) = 255;
  folder.add("train/1.png", side_by_side(a, b));
  folder.add("train/2.png", side_by_side(b, b));
  io::PairDataset dataset(folder.path(), "train");
  CHECK(dataset.facts(0).a.width == 6);  // of the half, from the header
  CHECK(dataset.facts(0).a.content_hash.empty());
  dataset.verify(2);
  const io::PairFacts &first = dataset.facts(0), &second = dataset.facts(1);
  CHECK(first.a.form == io::DatasetForm::side_by_side);
  CHECK(first.a.file == folder.path() / "train/1.png");
  CHECK(first.a.largest == 255);
  CHECK(first.b.height == 4);
  CHECK(first.b.channels == 3);
  CHECK(first.a.content_hash != first.b.content_hash);
  CHECK(second.a.content_hash == second.b.content_hash);
  CHECK(second.a.content_hash == first.b.content_hash);
}
