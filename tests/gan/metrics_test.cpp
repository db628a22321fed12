#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <stdexcept>

#include "gan/intensity.h"
#include "gan/metrics.h"

namespace {

using namespace uptake;
using io::Image;
using io::SampleKind;

Image noise(std::int64_t h, std::int64_t w, std::int64_t c, unsigned seed) {
  std::mt19937 random(seed);
  Image image(h, w, c, SampleKind::u8);
  for (float& x : image.samples) x = static_cast<float>(random() % 256);
  return image;
}

// SSIM straight from its definition: one 11x11 window at a time, variances as sums of squared differences.
double ssim_by_windows(const Image& a, const Image& b, double range) {
  const double c1 = std::pow(0.01 * range, 2), c2 = std::pow(0.03 * range, 2);
  double total = 0;
  int windows = 0;
  for (std::int64_t c = 0; c < a.channels; ++c)
    for (std::int64_t y = 5; y + 5 < a.height; ++y)
      for (std::int64_t x = 5; x + 5 < a.width; ++x) {
        double weights = 0, ma = 0, mb = 0, va = 0, vb = 0, cov = 0;
        const auto each = [&](auto visit) {
          for (int i = -5; i <= 5; ++i)
            for (int j = -5; j <= 5; ++j)
              visit(std::exp(-(i * i + j * j) / 4.5), a.at(y + i, x + j, c), b.at(y + i, x + j, c));
        };
        each([&](double g, double p, double q) { weights += g, ma += g * p, mb += g * q; });
        ma /= weights;
        mb /= weights;
        each([&](double g, double p, double q) {
          va += g / weights * (p - ma) * (p - ma);
          vb += g / weights * (q - mb) * (q - mb);
          cov += g / weights * (p - ma) * (q - mb);
        });
        total += (2 * ma * mb + c1) * (2 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
        ++windows;
      }
  return total / windows;
}

}  // namespace

TEST_CASE("metrics of hand-made images") {
  Image a(1, 2, 1, SampleKind::u8), b(1, 2, 1, SampleKind::u8);
  b.samples = {3, 4};
  const auto m = gan::compare(a, b, 255);
  CHECK(m.l1 == doctest::Approx(3.5));
  CHECK(m.psnr == doctest::Approx(10 * std::log10(255 * 255 / 12.5)));
  const auto same = gan::compare(b, b, 255);
  CHECK(same.l1 == 0);
  CHECK(std::isinf(same.psnr));
  CHECK(same.ssim == doctest::Approx(1));
}

TEST_CASE("SSIM equals its definition window by window") {
  for (const auto& [h, w, c] : {std::tuple{11, 11, 1}, {12, 19, 1}, {17, 13, 3}}) {
    const Image a = noise(h, w, c, 1);
    Image b = noise(h, w, c, 2);
    for (std::size_t i = 0; i < b.samples.size(); ++i)
      b.samples[i] = 0.7f * a.samples[i] + 0.3f * b.samples[i];
    CHECK(gan::compare(a, b, 255).ssim == doctest::Approx(ssim_by_windows(a, b, 255)).epsilon(1e-9));
  }
}

TEST_CASE("metrics refuse images that cannot be compared") {
  CHECK_THROWS_AS(gan::compare(noise(3, 3, 1, 1), noise(3, 4, 1, 1), 255), std::invalid_argument);
  CHECK_THROWS_AS(gan::compare(Image(0, 3, 1, SampleKind::u8), Image(0, 3, 1, SampleKind::u8), 255),
                  std::invalid_argument);
  CHECK_THROWS_AS(gan::compare(noise(3, 3, 1, 1), noise(3, 3, 1, 1), 0), std::invalid_argument);
}

TEST_CASE("intensity mappings go to [-1,1] and back without loss beyond rounding") {
  for (const auto& [kind, scale, largest] : {std::tuple{SampleKind::u8, 255.0, 255},
                                             {SampleKind::u16, 65535.0, 65535},
                                             {SampleKind::counts, 4000.0, 4000}}) {
    const auto intensity = gan::Intensity::of(kind, 4000);
    CHECK(intensity.scale == scale);
    Image image(1, largest + 1, 1, kind);
    for (int i = 0; i <= largest; ++i) image.samples[static_cast<std::size_t>(i)] = static_cast<float>(i);
    const nn::Tensor t = gan::to_network(image, intensity);
    CHECK(t.data<float>()[0] == -1);
    CHECK(t.data<float>()[largest] == doctest::Approx(1));
    const Image back = gan::from_network(t, 0, intensity);
    for (std::size_t i = 0; i < back.samples.size(); ++i)
      REQUIRE(std::lround(back.samples[i]) == static_cast<long>(i));
  }
}

TEST_CASE(
    "counts: negative ones are 0, larger ones than in training go beyond 1, an empty data set is refused") {
  const auto intensity = gan::Intensity::of(SampleKind::counts, 100);
  Image image(1, 2, 1, SampleKind::counts);
  image.samples = {-5, 400};
  const nn::Tensor t = gan::to_network(image, intensity);
  CHECK(t.data<float>()[0] == -1);
  CHECK(t.data<float>()[1] == doctest::Approx(3));
  CHECK(gan::from_network(t, 0, intensity).samples[1] == doctest::Approx(400));
  CHECK_THROWS_AS(gan::Intensity::of(SampleKind::counts, 0), std::invalid_argument);
  CHECK_THROWS_AS(gan::to_network(Image(1, 1, 1, SampleKind::u8), intensity), std::invalid_argument);
}

TEST_CASE("relative L1 and NRMSE are errors over the truth, and need no range") {
  Image p(1, 2, 1, SampleKind::counts), t(1, 2, 1, SampleKind::counts);
  p.samples = {3, 0};
  t.samples = {0, 4};
  for (const double range : {1.0, 1000.0}) {
    const auto m = gan::compare(p, t, range);
    CHECK(m.relative_l1 == doctest::Approx(7.0 / 4));
    CHECK(m.nrmse == doctest::Approx(5.0 / 4));
    CHECK(m.data_range == range);
  }
  const Image zero(1, 2, 1, SampleKind::counts);
  CHECK(std::isinf(gan::compare(p, zero, 1).relative_l1));
  CHECK(std::isinf(gan::compare(p, zero, 1).nrmse));
  CHECK(gan::compare(zero, zero, 1).relative_l1 == 0);
  CHECK(gan::compare(zero, zero, 1).nrmse == 0);
}

TEST_CASE("the data range is 255 for 8 bit, else what the true image reaches, and at least 1") {
  CHECK(gan::data_range_of(noise(8, 8, 3, 1)) == 255);
  CHECK(gan::data_range_of(Image(8, 8, 1, SampleKind::u8)) == 255);
  Image counts(1, 100, 1, SampleKind::counts);
  for (std::size_t i = 0; i < 100; ++i) counts.samples[i] = 100 + static_cast<float>(i);
  CHECK(gan::data_range_of(counts) == 199);
  counts.samples[50] = 20000;
  CHECK(gan::data_range_of(counts) == 2 * 198);
  Image deep = counts;
  deep.kind = SampleKind::u16;
  CHECK(gan::data_range_of(deep) == 2 * 198);
  CHECK(gan::data_range_of(Image(8, 8, 1, SampleKind::counts)) == 1);
}

TEST_CASE("counts with a knee: root below, logarithm above, smooth between, and back without loss") {
  const auto intensity = gan::Intensity::of_training(SampleKind::counts, 20000, 150);
  CHECK(intensity.knee == 150);
  CHECK(intensity.scale == 16 * 150);
  CHECK(gan::Intensity::of_training(SampleKind::counts, 9000, 5000).scale == 65535);
  CHECK(gan::Intensity::of_training(SampleKind::counts, 90000, 80000).scale == 90000);
  CHECK_THROWS_AS(gan::Intensity::of_training(SampleKind::counts, 0, 0), std::invalid_argument);
  Image image(1, 20001, 1, SampleKind::counts);
  for (int i = 0; i <= 20000; ++i) image.samples[static_cast<std::size_t>(i)] = static_cast<float>(i);
  const nn::Tensor t = gan::to_network(image, intensity);
  const float* y = t.data<float>();
  const double top = 1 + std::log(16.0) / 2;
  CHECK(y[0] == -1);
  CHECK(y[2400] == doctest::Approx(1));
  CHECK(y[50] == doctest::Approx(2 * std::sqrt(50 / 150.0) / top - 1));
  CHECK(y[1500] == doctest::Approx(2 * (1 + std::log(10.0) / 2) / top - 1));
  CHECK(y[151] - y[150] == doctest::Approx(y[150] - y[149]).epsilon(0.02));
  CHECK(y[20000] > 1);  // the input is not cut
  const Image back = gan::from_network(t, 0, intensity);
  for (std::size_t i = 0; i < back.samples.size(); ++i) {
    REQUIRE(std::lround(back.samples[i]) == static_cast<long>(i));
    if (i > 0) REQUIRE(y[i] > y[i - 1]);
  }
  // Ten times the level, such as a bladder, is within what tanh reaches.
  CHECK(y[1500] < 0.9);
}

TEST_CASE("16-bit images of few bits use those, and say so") {
  using gan::Intensity;
  for (const auto& [largest, scale] : {std::pair{0.0, 255.0},
                                       {255.0, 255.0},
                                       {256.0, 511.0},
                                       {4095.0, 4095.0},
                                       {4096.0, 8191.0},
                                       {16383.0, 16383.0},
                                       {16384.0, 65535.0},
                                       {65535.0, 65535.0}})
    CHECK(Intensity::of_training(SampleKind::u16, largest, 0).scale == scale);
  CHECK(Intensity::of_training(SampleKind::u8, 3, 0).scale == 255);
  gan::IntensitySurvey survey(2);
  for (std::size_t i = 0; i < 2; ++i) {
    io::Pair pair{"", noise(4, 4, 1, 1), noise(4, 4, 1, 2)};
    pair.a.kind = pair.b.kind = SampleKind::u16;
    pair.a.samples[3] = 3500;
    pair.b.samples[7] = 40000;
    survey(i, pair);
  }
  CHECK(survey.a() == Intensity::of_training(SampleKind::u16, 3500, 0));
  CHECK(survey.b().scale == 65535);
  REQUIRE(survey.remarks().size() == 1);
  const std::string remark = survey.remarks()[0];
  for (const char* part : {"warning: A", "3500", "12", "4095"}) CHECK(remark.find(part) != std::string::npos);
  Image deep(1, 4096, 1, SampleKind::u16);
  for (std::size_t i = 0; i < 4096; ++i) deep.samples[i] = static_cast<float>(i);
  const Image back = gan::from_network(gan::to_network(deep, survey.a()), 0, survey.a());
  for (std::size_t i = 0; i < 4096; ++i) REQUIRE(std::lround(back.samples[i]) == static_cast<long>(i));
}

TEST_CASE("intensity mappings are in the checkpoint; those without a knee are those of older versions") {
  using gan::Intensity;
  for (const Intensity& i :
       {Intensity::of(SampleKind::u8, 0), Intensity::of_training(SampleKind::u16, 4000, 0),
        Intensity::of(SampleKind::counts, 812), Intensity::of_training(SampleKind::counts, 900, 101.5)})
    CHECK(nlohmann::json(i).get<Intensity>() == i);
  const auto old = nlohmann::json::parse(R"({"kind": "counts", "scale": 400})").get<Intensity>();
  Image image(1, 2, 1, SampleKind::counts);
  image.samples = {100, 1600};
  const nn::Tensor t = gan::to_network(image, old);
  CHECK(t.data<float>()[0] == 0);
  CHECK(t.data<float>()[1] == 3);
  CHECK_FALSE(nlohmann::json(old).contains("knee"));
  for (const char* bad :
       {R"({"kind": "counts", "scale": 400, "knee": 0})", R"({"kind": "counts", "scale": 4, "knee": 5})",
        R"({"kind": "16-bit", "scale": 0})", R"({"kind": "16-bit", "scale": 70000})"})
    CHECK_THROWS_AS(nlohmann::json::parse(bad).get<Intensity>(), std::invalid_argument);
}

TEST_CASE("padding repeats the border and cropping undoes it") {
  auto t = nn::Tensor::empty({2, 3, 5, 2}, nn::DType::f32);
  for (std::int64_t i = 0; i < t.size(); ++i) t.data<float>()[i] = static_cast<float>(i);
  const nn::Tensor padded = gan::pad_to_multiple(t, 4);
  REQUIRE(padded.shape() == nn::Shape{2, 4, 8, 2});
  CHECK(padded.data<float>()[((0 * 4 + 3) * 8 + 7) * 2 + 1] == t.data<float>()[(2 * 5 + 4) * 2 + 1]);
  const nn::Tensor back = gan::crop_to(padded, 3, 5);
  CHECK(std::equal(t.data<float>(), t.data<float>() + t.size(), back.data<float>()));
  CHECK_THROWS_AS(gan::stack({t, padded}), std::invalid_argument);
}
