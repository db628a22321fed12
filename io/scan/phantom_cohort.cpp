#include "io/scan/phantom_cohort.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "io/base/csv.h"
#include "io/base/file.h"
#include "io/dicom/dicom.h"
#include "io/scan/phantom_anatomy.h"
#include "io/scan/phantom_random.h"
#include "io/scan/phantom_render.h"

namespace uptake::io {
namespace {

using namespace phantom;

// Parts of 20.
struct GroupShare {
  const char* name;
  int share;
};
constexpr std::array<GroupShare, 6> kGroups = {{{"arthritis", 6},
                                                {"crps", 3},
                                                {"osteomyelitis", 3},
                                                {"cellulitis", 3},
                                                {"bone_injury", 3},
                                                {"normal", 2}}};

void check(const PhantomOptions& options) {
  if (options.patients < 1 || options.patients > 99999)
    throw std::invalid_argument("a phantom cohort has 1 to 99999 patients, not " +
                                std::to_string(options.patients));
  if (options.size < 32 || options.size > 1024)
    throw std::invalid_argument("phantom images have 32 to 1024 pixels a side, not " +
                                std::to_string(options.size));
}

// splitmix64 (Steele, Lea, Flood 2014): unrelated streams from seed and number.
std::uint64_t mixed(std::uint64_t seed, std::uint64_t number) {
  std::uint64_t z = seed + number * 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

Image counted(Random& random, const std::vector<double>& expected, int size) {
  Image image(size, size, 1, SampleKind::counts);
  // Expected counts are kept to 1/1024 so that the last bits of exp and sqrt, which differ between machines,
  // seldom reach the counts.
  for (std::size_t i = 0; i < expected.size(); ++i)
    image.samples[i] = static_cast<float>(random.poisson(std::round(expected[i] * 1024) / 1024));
  return image;
}

double disc_sum(const std::vector<double>& image, int size, const PhantomLesion& lesion) {
  double sum = 0;
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x)
      if (std::hypot(x - lesion.x_px, y - lesion.y_px) <= lesion.radius_px)
        sum +=
            image[static_cast<std::size_t>(y) * static_cast<std::size_t>(size) + static_cast<std::size_t>(x)];
  return sum;
}

std::string decimals(double value, int digits) {
  char text[64];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, digits);
  return error == std::errc() ? std::string(text, end) : "0";
}

// Group and split of each patient, in order of patient number.
struct Assignment {
  std::string group, split;
};

std::vector<Assignment> assign(const PhantomOptions& options) {
  const auto n = static_cast<std::size_t>(options.patients);
  std::vector<Assignment> order;
  int shares = 0;
  for (const auto& group : kGroups) shares += group.share;
  // Sorted by group, in proportion: patient i of n falls where i/n of the shares are used up.
  for (std::size_t i = 0; i < n; ++i) {
    double left = (static_cast<double>(i) + 0.5) / static_cast<double>(n) * shares;
    std::size_t g = 0;
    while (g + 1 < kGroups.size() && left >= kGroups[g].share) left -= kGroups[g++].share;
    order.push_back({kGroups[g].name, "train"});
  }
  // Taking every k-th of this order spreads each group over the splits.
  const auto share = [&](double part) {
    return std::max<std::size_t>(n >= 3 ? 1 : 0,
                                 static_cast<std::size_t>(std::lround(part * static_cast<double>(n))));
  };
  const auto take = [&](const char* split, std::size_t count) {
    std::size_t available = 0, seen = 0;
    for (const auto& patient : order) available += patient.split == "train" ? 1 : 0;
    if (available == 0) return;
    for (auto& patient : order) {
      if (patient.split != "train") continue;
      if ((seen + 1) * count / available > seen * count / available) patient.split = split;
      ++seen;
    }
  };
  take("test", share(0.2));
  take("val", share(0.1));
  Random random(mixed(options.seed, 0));
  for (std::size_t i = n; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

std::string patient_id(int number) {
  std::string digits = std::to_string(number);
  if (digits.size() < 3) digits.insert(0, 3 - digits.size(), '0');
  return "P" + digits;
}

PlanarNm describe(const PhantomOptions& options, const PhantomPatient& patient, bool delayed) {
  const std::string name = "phantom 1 seed " + std::to_string(options.seed) + " size " +
                           std::to_string(options.size) + " " + patient.id + " " + patient.group;
  PlanarNm planar;
  planar.frames = {delayed ? patient.delayed : patient.blood_pool};
  planar.views = {View::anterior};
  planar.patient_id = patient.id;
  planar.patient_name = "Phantom^" + patient.id;
  planar.patient_sex = patient.female ? "F" : "M";
  planar.study_instance_uid = uid_from_name(name + " study");
  planar.frame_of_reference_uid = uid_from_name(name + " frame of reference");
  planar.series_instance_uid = uid_from_name(name + (delayed ? " delayed series" : " blood pool series"));
  // The pixels are part of the instance's name: should the drawing ever change, so do the instances.
  std::string counts;
  for (float sample : planar.frames[0].samples) counts += std::to_string(static_cast<long>(sample)) + " ";
  planar.sop_instance_uid = uid_from_name(name + (delayed ? " delayed " : " blood pool ") + counts);
  planar.study_description = patient.foot ? "Three-phase bone scan, foot" : "Three-phase bone scan, hand";
  planar.series_description = delayed ? "DELAYED 3H" : "BLOOD POOL";
  planar.body_part = patient.foot ? "FOOT" : "HAND";
  planar.laterality = patient.right ? "R" : "L";
  planar.series_number = delayed ? 2 : 1;
  planar.study_time = planar.injection_time = "090000";
  planar.acquisition_time = delayed ? "120000" : "091000";
  planar.pixel_spacing_mm = patient.pixel_spacing_mm;
  planar.frame_duration_ms = delayed ? 600000 : 300000;
  return planar;
}

std::string lesion_rows(const PhantomPatient& patient) {
  std::string rows;
  for (std::size_t k = 0; k < patient.lesions.size(); ++k) {
    const PhantomLesion& lesion = patient.lesions[k];
    rows += csv_row({patient.id, std::to_string(k + 1), patient.group, decimals(lesion.x_px, 2),
                     decimals(lesion.y_px, 2), decimals(lesion.radius_px, 2),
                     decimals(lesion.blood_pool_ratio, 3), decimals(lesion.delayed_ratio, 3)});
  }
  return rows;
}

}  // namespace

PhantomPatient make_phantom_patient(const PhantomOptions& options, int number, const std::string& group) {
  check(options);
  if (number < 1) throw std::invalid_argument("patients are numbered from 1");
  Random random(mixed(options.seed, static_cast<std::uint64_t>(number)));
  PhantomPatient patient;
  patient.id = patient_id(number);
  patient.group = group;
  patient.female = random.chance(0.5);
  patient.foot = random.chance(0.5);
  const Anatomy body = make_anatomy(random, patient.foot);
  patient.right = body.right;
  const Physiology physiology = make_physiology(random, body);
  const Disease disease = make_disease(random, body, physiology, group);

  const TissueMap map = map_tissue(body, physiology, options.size);
  const Phases ill = render(map, physiology, disease), healthy = render(map, physiology, {});
  const double mm_per_px = map.mm_per_px;
  patient.pixel_spacing_mm = mm_per_px;
  patient.blood_pool = counted(random, ill.blood_pool, options.size);
  patient.delayed = counted(random, ill.delayed, options.size);
  for (const Lesion& lesion : disease.lesions) {
    PhantomLesion found{(lesion.at.x + kFieldOfViewMm / 2) / mm_per_px - 0.5,
                        (kFieldOfViewMm / 2 - lesion.at.y) / mm_per_px - 0.5,
                        std::max(lesion.radius_mm / mm_per_px, 1.0), 0, 0};
    found.blood_pool_ratio =
        disc_sum(ill.blood_pool, options.size, found) / disc_sum(healthy.blood_pool, options.size, found);
    found.delayed_ratio =
        disc_sum(ill.delayed, options.size, found) / disc_sum(healthy.delayed, options.size, found);
    patient.lesions.push_back(found);
  }
  return patient;
}

void make_phantom_cohort(const std::filesystem::path& out, const PhantomOptions& options) {
  check(options);
  ensure_writable_folder(out / "dicom");
  std::string cohort = csv_row({"patient", "group", "split", "blood_pool", "delayed"});
  std::string lesions = csv_row(
      {"patient", "lesion", "group", "x_px", "y_px", "radius_px", "blood_pool_ratio", "delayed_ratio"});
  const std::vector<Assignment> assignments = assign(options);
  for (int number = 1; number <= options.patients; ++number) {
    const Assignment& assigned = assignments[static_cast<std::size_t>(number - 1)];
    const PhantomPatient patient = make_phantom_patient(options, number, assigned.group);
    const std::string blood_pool = "dicom/" + patient.id + "_bloodpool.dcm",
                      delayed = "dicom/" + patient.id + "_delayed.dcm";
    write_planar_nm(out / blood_pool, describe(options, patient, false));
    write_planar_nm(out / delayed, describe(options, patient, true));
    cohort += csv_row({patient.id, patient.group, assigned.split, blood_pool, delayed});
    lesions += lesion_rows(patient);
  }
  write_file_atomically(out / "lesions.csv", lesions);
  write_file_atomically(out / "cohort.csv", cohort);
}

}  // namespace uptake::io
