// The synthetic cohort: what a patient looks like is checked against the numbers that came with it.
#include "io/scan/phantom_cohort.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "io/base/csv.h"
#include "io/base/file.h"
#include "io/dicom/dicom.h"
#include "io/pairs/cohort.h"
#include "io/scan/phantom_random.h"
#include "io/scan/phantom_render.h"
#include "test_files.h"

namespace uptake::tests {
namespace {

using io::make_phantom_cohort;
using io::make_phantom_patient;
using io::PhantomLesion;
using io::PhantomOptions;
using io::PhantomPatient;

double disc_sum(const io::Image& image, const PhantomLesion& lesion) {
  double sum = 0;
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      if (std::hypot(x - lesion.x_px, y - lesion.y_px) <= lesion.radius_px) sum += image.at(y, x, 0);
  return sum;
}

double total(const io::Image& image) {
  return std::accumulate(image.samples.begin(), image.samples.end(), 0.0);
}

// Correlation, over the lesions of a group, of what is added in one phase with what is added in the other.
// The ratios of the finished images also depend on what lies around a lesion, which says nothing about the
// disease.
double phase_correlation(const std::string& group) {
  std::vector<double> x, y;
  io::phantom::Random random(17);
  for (int patient = 0; patient < 40; ++patient) {
    const auto body = io::phantom::make_anatomy(random, patient % 2 == 0);
    const auto physiology = io::phantom::make_physiology(random, body);
    for (const auto& lesion : io::phantom::make_disease(random, body, physiology, group).lesions) {
      x.push_back(lesion.pool_gain);
      y.push_back(lesion.bone_gain);
    }
  }
  const auto mean = [](const std::vector<double>& v) {
    return std::accumulate(v.begin(), v.end(), 0.0) / double(v.size());
  };
  const double mx = mean(x), my = mean(y);
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mx) * (y[i] - my);
    xx += (x[i] - mx) * (x[i] - mx);
    yy += (y[i] - my) * (y[i] - my);
  }
  return xy / std::sqrt(xx * yy);
}

}  // namespace

TEST_CASE("phantom random: Poisson counts have the mean and variance of their distribution") {
  for (const double mean : {0.3, 4.0, 9.9, 10.0, 57.0, 400.0}) {
    CAPTURE(mean);
    io::phantom::Random random(99);
    constexpr int kDraws = 40000;
    double sum = 0, squares = 0;
    for (int i = 0; i < kDraws; ++i) {
      const auto count = static_cast<double>(random.poisson(mean));
      sum += count;
      squares += (count - mean) * (count - mean);
    }
    // Five standard errors: of the mean sqrt(m/n), of the variance sqrt((m + 2 m^2)/n).
    CHECK(std::abs(sum / kDraws - mean) < 5 * std::sqrt(mean / kDraws));
    CHECK(std::abs(squares / kDraws - mean) < 5 * std::sqrt((mean + 2 * mean * mean) / kDraws));
  }
  io::phantom::Random random(1);
  CHECK(random.poisson(0) == 0);
  CHECK(random.poisson(-1) == 0);
}

TEST_CASE("phantom random: the probabilities around the mean are Poisson's, in both samplers") {
  for (const double mean : {6.0, 12.0}) {
    CAPTURE(mean);
    io::phantom::Random random(3);
    constexpr int kDraws = 100000;
    std::map<std::int64_t, int> seen;
    for (int i = 0; i < kDraws; ++i) ++seen[random.poisson(mean)];
    for (int k = 0; k <= 24; ++k) {
      const double p = std::exp(k * std::log(mean) - mean - std::lgamma(k + 1.0));
      CAPTURE(k);
      // Five standard errors of a count, and one for the smallest probabilities.
      CHECK(std::abs(seen[k] - kDraws * p) < 5 * std::sqrt(kDraws * p) + 1);
    }
  }
}

TEST_CASE("gaussian_blur: keeps the sum away from the border and has the asked width") {
  constexpr int kSize = 41;
  std::vector<double> image(kSize * kSize);
  image[20 * kSize + 20] = 1;
  io::phantom::gaussian_blur(image, kSize, 2.5);
  double sum = 0, variance = 0;
  for (int y = 0; y < kSize; ++y)
    for (int x = 0; x < kSize; ++x) {
      const double value = image[static_cast<std::size_t>(y * kSize + x)];
      sum += value;
      variance += value * (x - 20) * (x - 20);
    }
  CHECK(sum == doctest::Approx(1).epsilon(1e-12));
  CHECK(variance == doctest::Approx(2.5 * 2.5).epsilon(0.002));  // cut at 4 sigma
}

TEST_CASE("phantom patient: counts are whole, realistic, and differ between the phases") {
  for (const char* group : {"normal", "arthritis", "crps", "osteomyelitis", "cellulitis", "bone_injury"}) {
    CAPTURE(group);
    const PhantomPatient patient = make_phantom_patient({.seed = 2}, 3, group);
    for (const io::Image* image : {&patient.blood_pool, &patient.delayed}) {
      CHECK(image->height == 128);
      CHECK(image->kind == io::SampleKind::counts);
      for (float sample : image->samples) REQUIRE((sample >= 0 && sample == std::floor(sample)));
      CHECK(total(*image) > 1e5);
      CHECK(total(*image) < 8e5);
      const float peak = *std::max_element(image->samples.begin(), image->samples.end());
      CHECK(peak > 60);
      CHECK(peak < 1000);
    }
    CHECK(patient.pixel_spacing_mm == doctest::Approx(2.0));
    CHECK(patient.lesions.empty() == (std::string(group) == "normal"));
    CHECK(patient.blood_pool.samples != patient.delayed.samples);
  }
}

TEST_CASE("phantom patient: the same number is the same person, another number or seed is not") {
  const PhantomOptions options{.seed = 7, .size = 64};
  const PhantomPatient a = make_phantom_patient(options, 4, "normal"),
                       b = make_phantom_patient(options, 4, "normal");
  CHECK(a.blood_pool.samples == b.blood_pool.samples);
  CHECK(a.delayed.samples == b.delayed.samples);
  CHECK(a.blood_pool.samples != make_phantom_patient(options, 5, "normal").blood_pool.samples);
  CHECK(a.blood_pool.samples !=
        make_phantom_patient({.seed = 8, .size = 64}, 4, "normal").blood_pool.samples);
}

TEST_CASE("phantom patient: the noisy image shows each lesion at its place with its ratio") {
  // The healthy twin has the same anatomy: disease is drawn after it, and noise after disease.
  for (const char* group : {"osteomyelitis", "bone_injury", "cellulitis"}) {
    for (int number = 1; number <= 4; ++number) {
      CAPTURE(group);
      CAPTURE(number);
      const PhantomPatient ill = make_phantom_patient({.seed = 4}, number, group);
      const PhantomPatient well = make_phantom_patient({.seed = 4}, number, "normal");
      for (const PhantomLesion& lesion : ill.lesions) {
        CAPTURE(lesion.x_px);
        REQUIRE(lesion.x_px > 0);
        REQUIRE(lesion.x_px < 127);
        REQUIRE(lesion.y_px > 0);
        REQUIRE(lesion.y_px < 127);
        const auto check = [&](const io::Image& with, const io::Image& without, double ratio) {
          const double n1 = disc_sum(with, lesion), n0 = disc_sum(without, lesion);
          REQUIRE(n0 > 0);
          // Five standard errors of a ratio of Poisson counts.
          CHECK(std::abs(n1 / n0 - ratio) < 5 * ratio * std::sqrt(1 / n1 + 1 / n0));
        };
        check(ill.blood_pool, well.blood_pool, lesion.blood_pool_ratio);
        check(ill.delayed, well.delayed, lesion.delayed_ratio);
      }
    }
  }
}

TEST_CASE("phantom groups: each shows in the phases in which the disease does") {
  std::map<std::string, std::pair<double, double>> mean;
  for (const char* group : {"arthritis", "crps", "osteomyelitis", "cellulitis", "bone_injury"}) {
    double pool = 0, delayed = 0;
    int lesions = 0;
    for (int number = 1; number <= 8; ++number)
      for (const auto& lesion : make_phantom_patient({.seed = 6, .size = 64}, number, group).lesions) {
        pool += lesion.blood_pool_ratio;
        delayed += lesion.delayed_ratio;
        ++lesions;
      }
    REQUIRE(lesions > 0);
    mean[group] = {pool / lesions, delayed / lesions};
  }
  CHECK(mean["arthritis"].first > 1.2);
  CHECK(mean["arthritis"].second > 1.4);
  CHECK(mean["crps"].first > 1.3);
  CHECK(mean["crps"].second > 1.4);
  CHECK(mean["osteomyelitis"].first > 1.3);
  CHECK(mean["osteomyelitis"].second > 1.8);
  CHECK(mean["cellulitis"].first > 1.4);
  CHECK(mean["cellulitis"].second < 1.1);
  CHECK(mean["bone_injury"].first < 1.25);
  CHECK(mean["bone_injury"].second > 1.6);
}

TEST_CASE("phantom groups: the delayed image follows the blood pool in arthritis, not in the focal groups") {
  CHECK(phase_correlation("arthritis") > 0.8);
  CHECK(phase_correlation("crps") > 0.6);
  // 40 to 60 independent pairs: three standard errors of a correlation of zero are below 0.48.
  CHECK(std::abs(phase_correlation("osteomyelitis")) < 0.48);
  CHECK(std::abs(phase_correlation("cellulitis")) < 0.48);
  CHECK(std::abs(phase_correlation("bone_injury")) < 0.48);
}

TEST_CASE("phantom options: out of range is refused") {
  CHECK_THROWS_AS(make_phantom_patient({.size = 31}, 1, "normal"), std::invalid_argument);
  CHECK_THROWS_AS(make_phantom_patient({.size = 1025}, 1, "normal"), std::invalid_argument);
  CHECK_THROWS_AS(make_phantom_patient({}, 0, "normal"), std::invalid_argument);
  CHECK_THROWS_AS(make_phantom_patient({}, 1, "gout"), std::invalid_argument);
  const TestFolder folder;
  CHECK_THROWS_AS(make_phantom_cohort(folder / "x", {.patients = 0}), std::invalid_argument);
  CHECK(folder.names().empty());
}

#ifdef UPTAKE_HAS_DICOM

TEST_CASE("phantom cohort: files, tables and splits agree") {
  const TestFolder folder;
  const PhantomOptions options{.patients = 20, .seed = 3, .size = 32};
  make_phantom_cohort(folder / "out", options);
  const auto table = folder / "out" / "cohort.csv";
  const std::vector<io::CohortRow> rows = io::read_cohort(table);
  REQUIRE(rows.size() == 20);
  std::map<std::string, int> splits, groups;
  std::map<std::string, std::size_t> lesions;
  std::set<std::string> instances;
  for (const auto& row : rows) {
    ++splits[row.split];
    ++groups[row.group];
    const io::DicomImage pool = io::read_dicom(row.blood_pool), delayed = io::read_dicom(row.delayed);
    CHECK_NOTHROW(io::require_planar(row.blood_pool, pool));
    CHECK(pool.patient_id == row.patient);
    CHECK(delayed.patient_id == row.patient);
    CHECK(pool.study_instance_uid == delayed.study_instance_uid);
    CHECK(pool.series_instance_uid != delayed.series_instance_uid);
    CHECK(pool.synthetic);
    CHECK(pool.series_description == "BLOOD POOL");
    CHECK(pool.injection_time == "090000");
    CHECK(pool.acquisition_time == "091000");     // ten minutes
    CHECK(delayed.acquisition_time == "120000");  // three hours
    instances.insert(pool.sop_instance_uid);
    instances.insert(delayed.sop_instance_uid);
    const int number = std::stoi(row.patient.substr(1));
    const PhantomPatient patient = make_phantom_patient(options, number, row.group);
    CHECK(pool.frames[0].samples == patient.blood_pool.samples);
    CHECK(delayed.frames[0].samples == patient.delayed.samples);
    if (!patient.lesions.empty()) lesions[row.patient] = patient.lesions.size();
  }
  CHECK(instances.size() == 40);
  CHECK(splits == std::map<std::string, int>{{"train", 14}, {"val", 2}, {"test", 4}});
  CHECK(groups == std::map<std::string, int>{{"arthritis", 6},
                                             {"bone_injury", 3},
                                             {"cellulitis", 3},
                                             {"crps", 3},
                                             {"normal", 2},
                                             {"osteomyelitis", 3}});
  std::map<std::string, std::size_t> listed;
  const auto records = io::parse_csv("lesions.csv", contents(folder / "out" / "lesions.csv"));
  CHECK(records[0].fields == std::vector<std::string>{"patient", "lesion", "group", "x_px", "y_px",
                                                      "radius_px", "blood_pool_ratio", "delayed_ratio"});
  for (std::size_t r = 1; r < records.size(); ++r) {
    REQUIRE(records[r].fields.size() == 8);
    CHECK(records[r].fields[1] == std::to_string(++listed[records[r].fields[0]]));
  }
  CHECK(listed == lesions);
}

TEST_CASE("phantom cohort: the same seed gives the same bytes, another seed other images") {
  const TestFolder folder;
  const PhantomOptions options{.patients = 3, .seed = 12, .size = 32};
  make_phantom_cohort(folder / "a", options);
  make_phantom_cohort(folder / "b", options);
  make_phantom_cohort(folder / "c", {.patients = 3, .seed = 13, .size = 32});
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "a")) {
    if (!entry.is_regular_file()) continue;
    const auto name = entry.path().lexically_relative(folder / "a");
    CAPTURE(name.string());
    CHECK(contents(entry.path()) == contents(folder / "b" / name));
    if (name.extension() == ".dcm") CHECK(contents(entry.path()) != contents(folder / "c" / name));
    ++files;
  }
  CHECK(files == 8);
}

TEST_CASE("phantom cohort: no split is empty from three patients on") {
  for (const int patients : {1, 2, 3, 5, 11}) {
    CAPTURE(patients);
    const TestFolder folder;
    make_phantom_cohort(folder / "x", {.patients = patients, .seed = 1, .size = 32});
    std::set<std::string> splits;
    for (const auto& row : io::read_cohort(folder / "x" / "cohort.csv")) splits.insert(row.split);
    CHECK(splits.count("train") == 1);
    if (patients >= 3) CHECK(splits.size() == 3);
  }
}

#endif

}  // namespace uptake::tests
