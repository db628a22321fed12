// What a model was trained on: gathering, JSON, and which images are refused by it.
#include "gan/training_domain.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

namespace {

using namespace uptake;
using gan::SeenImage;

// A hand in the blood pool: a disc of 40 counts a pixel with a joint of 90 in air of 0.
io::Image hand(std::int64_t h = 64, std::int64_t w = 64, float factor = 1) {
  io::Image image(h, w, 1, io::SampleKind::counts);
  for (std::int64_t y = 0; y < h; ++y)
    for (std::int64_t x = 0; x < w; ++x) {
      const auto d = [&](double cy, double cx) {
        return std::max(
            std::abs(static_cast<double>(y) - cy * static_cast<double>(h)) / static_cast<double>(h),
            std::abs(static_cast<double>(x) - cx * static_cast<double>(w)) / static_cast<double>(w));
      };
      image.at(y, x, 0) = factor * (d(0.5, 0.5) < 0.08 ? 90.0F : d(0.5, 0.5) < 0.35 ? 40.0F : 0.0F);
    }
  return image;
}

SeenImage blood_pool(const io::Image& image = hand()) {
  SeenImage seen;
  seen.height = image.height;
  seen.width = image.width;
  seen.channels = image.channels;
  seen.kind = image.kind;
  seen.pixels = gan::summarize(image);
  seen.row_spacing_mm = seen.column_spacing_mm = 2.0;
  seen.minutes = 10;
  seen.duration_s = 300;
  seen.body_part = "HAND";
  seen.view = "anterior";
  seen.acquisition = "STATIC";
  seen.radiopharmaceutical = "Tc-99m HDP";
  seen.window = io::EnergyWindow{"Tc-99m", 128.6, 149.4};
  return seen;
}

gan::ImageDomain hands() {
  gan::ImageDomain domain;
  domain.add(blood_pool());
  domain.add(blood_pool(hand(64, 64, 1.4F)));
  return domain;
}

std::string violations(const SeenImage& image, const gan::ImageDomain& domain = hands(),
                       bool resized = false) {
  std::string text;
  for (const auto& violation : gan::compare(image, domain, resized).violations)
    text += violation.quantity + ";";
  return text;
}
std::string notes(const SeenImage& image, const gan::ImageDomain& domain = hands()) {
  const gan::Comparison comparison = gan::compare(image, domain, false);
  CHECK(comparison.violations.empty());
  std::string text;
  for (const auto& note : comparison.notes) text += note.quantity + ";";
  for (const auto& quantity : comparison.unstated) text += "?" + quantity + ";";
  return text;
}

template <class Change>
SeenImage changed(const Change& change) {
  SeenImage seen = blood_pool();
  change(seen);
  return seen;
}

}  // namespace

TEST_CASE(
    "the summary of pixels: a hot spot moves the largest, not the 99 % quantile; extent finds a lone point") {
  io::Image image(20, 10, 1, io::SampleKind::counts);
  for (std::size_t i = 0; i < image.samples.size(); ++i) image.samples[i] = static_cast<float>(i);
  const gan::PixelSummary plain = gan::summarize(image);
  CHECK(plain.largest == 199);
  CHECK(plain.quantile99 == 197);
  CHECK(plain.mean == doctest::Approx(99.5));
  // The largest n of 0..199 sum to 0.9 of 19900 first for n = 137.
  CHECK(plain.extent == doctest::Approx(137 / 200.0));
  CHECK_FALSE(plain.constant);
  image.samples[7] = 1e6F;
  const gan::PixelSummary hot = gan::summarize(image);
  CHECK(hot.largest == 1e6);
  CHECK(hot.quantile99 == 198);
  CHECK(hot.extent == doctest::Approx(1 / 200.0));

  const gan::PixelSummary one = gan::summarize(io::Image(1, 1, 1, io::SampleKind::u16));
  CHECK(one.constant);
  CHECK(one.extent == 0);
  CHECK(gan::summarize(io::Image()).constant);
  io::Image broken(1, 3, 1, io::SampleKind::counts);
  broken.samples = {-4, std::numeric_limits<float>::quiet_NaN(), 2};
  const gan::PixelSummary summary = gan::summarize(broken);
  CHECK_FALSE(summary.finite);
  CHECK(summary.largest == 2);
  CHECK(summary.mean == doctest::Approx(2 / 3.0));
}

TEST_CASE("pictures and counts of the same samples have the same summary") {
  io::Image counts(13, 7, 1, io::SampleKind::counts);
  for (std::size_t i = 0; i < counts.samples.size(); ++i)
    counts.samples[i] = static_cast<float>(i * 37 % 251);
  io::Image picture = counts;
  picture.kind = io::SampleKind::u8;
  const auto a = gan::summarize(counts), b = gan::summarize(picture);
  CHECK(a.largest == b.largest);
  CHECK(a.quantile99 == b.quantile99);
  CHECK(a.extent == b.extent);
  CHECK(a.mean == b.mean);
}

TEST_CASE("an image like those trained on is taken without a word") {
  CHECK(violations(blood_pool()).empty());
  CHECK(notes(blood_pool()).empty());
  CHECK(notes(blood_pool(hand(64, 64, 0.5F))).empty());
}

TEST_CASE("a hand blood-pool model refuses what it was never trained on") {
  const auto scaled = [](float factor) { return blood_pool(hand(64, 64, factor)); };
  CHECK(violations(scaled(43)).starts_with("99 % quantile"));
  CHECK(violations(scaled(1 / 43.0F)).starts_with("99 % quantile"));
  CHECK(violations(scaled(4)).empty());  // 3 times the brighter of the two hands is allowed
  CHECK(violations(scaled(4.3F)) != "");

  io::Image syringe(64, 64, 1, io::SampleKind::counts);
  for (std::int64_t y = 0; y < 64; ++y) syringe.at(y, 30, 0) = static_cast<float>(y % 2);  // background
  for (std::int64_t y = 30; y < 38; ++y)
    for (std::int64_t x = 30; x < 38; ++x) syringe.at(y, x, 0) = 100;
  CHECK(violations(blood_pool(syringe)) == "part of the image that holds nine tenths of its counts;");
  syringe = io::Image(64, 64, 1, io::SampleKind::counts);
  syringe.at(9, 9, 0) = 20000;
  CHECK(violations(blood_pool(syringe)).find("nine tenths") != std::string::npos);
  // An injection site in an ordinary hand is no reason to refuse it.
  io::Image injected = hand();
  for (std::int64_t x = 40; x < 43; ++x) injected.at(40, x, 0) = 20000;
  CHECK(notes(blood_pool(injected)) == "largest pixel;");

  CHECK(violations(blood_pool(hand(64, 64, 0))).starts_with("image;"));
  CHECK(violations(changed([](auto& s) { s.minutes = 180; })) == "time after injection;");
  CHECK(violations(changed([](auto& s) { s.body_part = "FOOT"; })) == "body part;");
  CHECK(violations(changed([](auto& s) { s.view = "posterior"; })) == "view;");
  CHECK(violations(changed([](auto& s) { s.acquisition = "WHOLE BODY"; })) == "acquisition;");
  CHECK(violations(changed([](auto& s) { s.duration_s = 1210; })) == "frame duration;");
  CHECK(violations(changed([](auto& s) { s.window = io::EnergyWindow{"", 108, 129}; })) == "energy window;");
  CHECK(violations(changed([](auto& s) {
          s.window = io::EnergyWindow{"Scatter", 0, 0};
        })) == "energy window;");
  CHECK(violations(changed([](auto& s) { s.derived = s.synthetic = true; })) == "origin;");
  CHECK(violations(changed([](auto& s) { s.synthetic = true; })) == "origin;");
  CHECK(violations(changed([](auto& s) { s.row_spacing_mm = 4.8, s.column_spacing_mm = 4.8; })) ==
        "pixel spacing;field of view;");
  CHECK(violations(changed([](auto& s) { s.row_spacing_mm = 1, s.column_spacing_mm = 1; })) ==
        "pixel spacing;");
  CHECK(violations(changed([](auto& s) { s.column_spacing_mm = 2.5; })) == "pixel spacing;");

  SeenImage whole = blood_pool(hand(1024, 256));
  whole.row_spacing_mm = whole.column_spacing_mm = 2.26;
  CHECK(violations(whole) == "field of view;");
}

TEST_CASE("what is near, or not stated, is said and not refused") {
  CHECK(notes(changed([](auto& s) { s.row_spacing_mm = 2.4, s.column_spacing_mm = 2.4; })) ==
        "pixel spacing;");
  CHECK(notes(changed([](auto& s) { s.row_spacing_mm = 2.03, s.column_spacing_mm = 2.0; })).empty());
  CHECK(notes(changed([](auto& s) { s.minutes = 30; })) == "time after injection;");
  CHECK(notes(changed([](auto& s) { s.minutes.reset(); })) == "?time after injection;");
  CHECK(notes(changed([](auto& s) { s.duration_s = 600; })) == "frame duration;");
  CHECK(notes(changed([](auto& s) { s.derived = true; })) == "origin;");
  CHECK(notes(changed([](auto& s) { s.view = "posterior", s.view_assumed = true; })) == "view;");
  CHECK(notes(changed([](auto& s) { s.radiopharmaceutical = "MDP"; })) == "radiopharmaceutical;");
  CHECK(notes(changed([](auto& s) { s.window = io::EnergyWindow{"Tc 20%", 126, 154}; })).empty());
  CHECK(notes(changed([](auto& s) { s.body_part = "hand"; })).empty());
  SeenImage silent = blood_pool();
  silent.body_part = silent.view = silent.acquisition = "";
  silent.row_spacing_mm.reset();
  silent.window.reset();
  CHECK(notes(silent) == "?body part;?acquisition;?view;?energy window;?pixel spacing;");
  CHECK(notes(blood_pool(hand(20, 20))) == "field of view;");
  // What the training images did not say is not compared.
  gan::ImageDomain bare;
  SeenImage plain = silent;
  plain.minutes.reset(), plain.duration_s.reset(), plain.radiopharmaceutical.clear();
  bare.add(plain);
  CHECK(violations(changed([](auto& s) { s.minutes = 1000, s.body_part = "SKULL"; }), bare).empty());
}

TEST_CASE(
    "a model trained on synthetic originals takes them, says it of acquired ones, and refuses predictions") {
  const auto synthetic = changed([](auto& s) { s.synthetic = true; });
  gan::ImageDomain domain;
  domain.add(synthetic);
  CHECK(violations(synthetic, domain).empty());
  CHECK(notes(blood_pool(), domain) == "origin;");
  const auto predicted = changed([](auto& s) { s.synthetic = s.derived = true; });
  CHECK(violations(predicted, domain) == "origin;");
  domain.add(predicted);
  CHECK(violations(predicted, domain).empty());
}

TEST_CASE("images of another kind cannot be forced; pictures are not compared as counts are") {
  SeenImage picture;
  picture.height = picture.width = 64;
  picture.channels = 3;
  picture.kind = io::SampleKind::u8;
  picture.pixels = gan::summarize(hand());
  const gan::Comparison mixed = gan::compare(picture, hands(), false);
  REQUIRE(mixed.violations.size() == 1);
  CHECK_FALSE(mixed.violations[0].forcible);
  CHECK(gan::sentence(mixed.violations[0]) == "the image is 8-bit color (trained: counts (DICOM))");

  gan::ImageDomain pictures;
  pictures.add(picture);
  SeenImage large = picture;
  large.height = 512;
  CHECK(notes(large, pictures) == "matrix;");
  CHECK(gan::compare(large, pictures, true).notes.empty());  // it is resized
  SeenImage dim = picture;
  dim.pixels.quantile99 /= 20;
  CHECK(notes(dim, pictures).empty());
  SeenImage gray = picture;
  gray.channels = 1;
  CHECK(violations(gray, pictures) == "image;");
  picture.pixels = {};
  CHECK(violations(picture, pictures) == "image;");  // empty
  // 12-bit data in 16-bit files, and full 16-bit data.
  gan::ImageDomain twelve;
  gray.kind = io::SampleKind::u16;
  gray.pixels.quantile99 = 4000;
  twelve.add(gray);
  gray.pixels.quantile99 = 60000;
  CHECK(violations(gray, twelve) == "99 % quantile of its pixels;");
}

TEST_CASE("a model trained on resized images compares the field of view, not the spacing") {
  SeenImage fine = blood_pool(hand(128, 128));
  fine.row_spacing_mm = fine.column_spacing_mm = 1;
  CHECK(violations(fine) == "pixel spacing;");
  CHECK(violations(fine, hands(), true).empty());
  fine.row_spacing_mm = fine.column_spacing_mm = 2;
  CHECK(violations(fine, hands(), true) == "field of view;");
  fine.row_spacing_mm.reset();
  CHECK(violations(fine, hands(), true).empty());
}

TEST_CASE("the violated ranges are one text of limited length") {
  const auto both = changed([](auto& s) { s.minutes = 180, s.body_part = "FOOT"; });
  const auto found = gan::compare(both, hands(), false).violations;
  CHECK(gan::violated_ranges(found) ==
        "body part FOOT (trained: HAND); time after injection 180 min (trained: 10 min)");
  CHECK(gan::violated_ranges({}).empty());
  CHECK(gan::violated_ranges(found, 20) == "body part FOOT (t...");
  std::vector<gan::Deviation> many(100, found[0]);
  CHECK(gan::violated_ranges(many).size() == 600);
}

TEST_CASE("a whole pair is known by its shape") {
  gan::TrainingDomain domain;
  domain.form = io::DatasetForm::side_by_side;
  SeenImage half;
  half.height = 30, half.width = 40;
  domain.input.add(half);
  using gan::PairShape;
  CHECK(gan::pair_shape(domain, 30, 40) == PairShape::single);
  CHECK(gan::pair_shape(domain, 30, 80) == PairShape::pair);
  CHECK(gan::pair_shape(domain, 300, 800) == PairShape::pair);
  CHECK(gan::pair_shape(domain, 301, 800) == PairShape::pair);
  CHECK(gan::pair_shape(domain, 30, 70) == PairShape::single);
  CHECK(gan::pair_shape(domain, 0, 70) == PairShape::single);
  half.width = 80;
  domain.input.add(half);
  CHECK(gan::pair_shape(domain, 30, 80) == PairShape::unclear);
  CHECK(gan::pair_shape(domain, 30, 160) == PairShape::pair);
  domain.form = io::DatasetForm::two_folders;
  CHECK(gan::pair_shape(domain, 30, 160) == PairShape::single);
}

TEST_CASE("a domain comes back from JSON, in whatever order its images came") {
  gan::TrainingDomain domain, other;
  domain.form = other.form = io::DatasetForm::cohort;
  const SeenImage a = changed([](auto& s) { s.synthetic = true, s.body_part = "F\xfc\x01ss"; });
  const SeenImage b = changed([](auto& s) { s.window = io::EnergyWindow{"Scatter", 108, 129}; });
  domain.input.add(a), domain.input.add(b), domain.target.add(a);
  other.input.add(b), other.input.add(a), other.target.add(a);
  CHECK(domain == other);
  const std::string text = nlohmann::json(domain).dump();  // throws for what is no UTF-8
  CHECK(nlohmann::json::parse(text).get<gan::TrainingDomain>() == domain);
  const std::string lines = gan::describe(domain, "    ");
  CHECK(lines.find("    inputs: 2 images, counts (DICOM), 64 x 64 pixels, spacing 2 mm") !=
        std::string::npos);
  CHECK(lines.find("10 min after injection") != std::string::npos);
  CHECK(lines.find("some synthetic") != std::string::npos);
}

TEST_CASE("JSON that gathering cannot have left is refused") {
  gan::TrainingDomain domain;
  domain.input.add(blood_pool()), domain.target.add(blood_pool());
  const nlohmann::json good = domain;
  const auto refused = [&](const char* pointer, const nlohmann::json& value) {
    CAPTURE(pointer);
    nlohmann::json bad = good;
    bad[nlohmann::json::json_pointer(pointer)] = value;
    CHECK_THROWS_AS(bad.get<gan::TrainingDomain>(), std::exception);
  };
  refused("/form", "heap");
  refused("/form", 3);
  refused("/input", nullptr);
  refused("/input/images", -1);
  refused("/input/images", 1.5);
  refused("/input/images", 1e300);
  refused("/input/synthetic_images", 2);
  refused("/input/kind", "9-bit");
  refused("/input/channels", 1e9);
  refused("/input/height", {3, 2});
  refused("/input/height", {3});
  refused("/input/height", {1, 2, 3});
  refused("/input/height", "tall");
  refused("/input/minutes", {nullptr, 2});
  refused("/input/body_parts", "HAND");
  refused("/input/body_parts", {1, 2});
  refused("/input/body_parts", std::vector<std::string>(1000, "x"));
  refused("/input/windows", {{{"name", "x"}, {"lower_kev", 5}, {"upper_kev", 3}}});
  refused("/input/windows", {1});
  refused("/input/windows", nullptr);
  CHECK_NOTHROW(good.get<gan::TrainingDomain>());
}
