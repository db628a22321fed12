#include "io/scan/phantom_render.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace uptake::io::phantom {
namespace {

constexpr double kPoolCounts = 62;      // per 2 mm pixel where flesh is thick, five minutes after injection
constexpr double kDelayedCounts = 150;  // per 2 mm pixel over an ordinary joint of uptake 1
constexpr double kPoolBlurMm = 3.6;     // Gaussian sigma: collimator, and vessels washing out edges
constexpr double kDelayedBlurMm = 2.6;
constexpr double kScatterBlurMm = 16;
constexpr double kScatterPart = 0.10;
constexpr double kRoomCounts = 0.6;  // per 2 mm pixel, everywhere
constexpr int kWaves = 6;

// Union of two shapes with a rounded crease of about k mm.
double smooth_min(double a, double b, double k) {
  const double h = std::max(k - std::abs(a - b), 0.0) / k;
  return std::min(a, b) - h * h * k / 4;
}

// Thickness of flesh seen through, 0..1: round at the edge, flat from 16 mm inwards.
double thickness(double distance_mm) {
  const double depth = std::clamp(-distance_mm / 16, 0.0, 1.0);
  return std::sqrt(1 - (1 - depth) * (1 - depth));
}

// The projection of a solid round bar, 0..1.
double bar(double distance_mm, double radius_mm) {
  const double depth = std::clamp(-distance_mm / radius_mm, 0.0, 1.0);
  return std::sqrt(1 - (1 - depth) * (1 - depth));
}

double bump(Point p, Point center, double radius_mm) {
  const double dx = p.x - center.x, dy = p.y - center.y;
  return std::exp(-(dx * dx + dy * dy) / (2 * radius_mm * radius_mm));
}

// Slow variation of perfusion around 1: a few plane waves {kx, ky, phase, amplitude}.
std::vector<double> random_texture(Random& random, double amplitude) {
  std::vector<double> waves;
  for (int w = 0; w < kWaves; ++w) {
    const double angle = random.uniform(0, 2 * std::numbers::pi), wavelength_mm = random.uniform(30, 120);
    const double k = 2 * std::numbers::pi / wavelength_mm;
    waves.insert(waves.end(), {k * std::cos(angle), k * std::sin(angle),
                               random.uniform(0, 2 * std::numbers::pi), amplitude / std::sqrt(kWaves)});
  }
  return waves;
}

double texture(const std::vector<double>& waves, Point p) {
  double sum = 1;
  for (std::size_t w = 0; w + 3 < waves.size(); w += 4)
    sum += waves[w + 3] * std::numbers::sqrt2 * std::cos(waves[w] * p.x + waves[w + 1] * p.y + waves[w + 2]);
  return std::max(sum, 0.3);
}

Tissue tissue_at(const Anatomy& body, const Physiology& physiology, Point p) {
  double surface = 1e9;
  for (const Capsule& capsule : body.flesh) surface = smooth_min(surface, distance(capsule, p), 5);
  Tissue tissue;
  if (surface > 4) return tissue;  // bones and joints lie inside the flesh
  tissue.flesh = thickness(surface);
  for (const Capsule& bone : body.bones) {
    double along = 0;
    const double radius = 0.5 * (bone.radius_a + bone.radius_b),
                 inside = bar(distance(bone, p, &along), radius);
    tissue.bone = std::max(tissue.bone, inside);
    // The ends of long bones turn over faster than the shaft.
    const double ends = 0.6 + 0.4 * std::abs(2 * along - 1);
    tissue.shaft = std::max(tissue.shaft, inside * ends * std::min(radius / 5, 1.6));
  }
  for (const Capsule& vessel : body.vessels)
    tissue.vessel = std::max(tissue.vessel, bar(distance(vessel, p), vessel.radius_a));
  for (std::size_t j = 0; j < body.joints.size(); ++j)
    tissue.joints += physiology.joint_uptake[j] * bump(p, body.joints[j].at, body.joints[j].radius_mm * 0.62);
  return tissue;
}

void add_scatter(std::vector<double>& image, int size, double mm_per_px, double room) {
  std::vector<double> haze = image;
  gaussian_blur(haze, size, kScatterBlurMm / mm_per_px);
  for (std::size_t i = 0; i < image.size(); ++i)
    image[i] = (1 - kScatterPart) * image[i] + kScatterPart * haze[i] + room;
}

}  // namespace

Physiology make_physiology(Random& random, const Anatomy& body) {
  Physiology physiology;
  physiology.pool_sensitivity = random.factor(0.10);
  physiology.delayed_sensitivity = random.factor(0.10);
  physiology.flesh_delayed = 0.13 * random.factor(0.12);
  physiology.shaft = 0.46 * random.factor(0.10);
  for (const Joint& joint : body.joints)
    physiology.joint_uptake.push_back((joint.large    ? 0.42
                                       : joint.distal ? 0.45
                                                      : 0.58) *
                                      random.factor(0.16));
  physiology.pool_texture = random_texture(random, 0.12);
  physiology.delayed_texture = random_texture(random, 0.08);
  return physiology;
}

Point TissueMap::center_of(int row, int column) const {
  return {(column + 0.5) * mm_per_px - kFieldOfViewMm / 2, kFieldOfViewMm / 2 - (row + 0.5) * mm_per_px};
}

TissueMap map_tissue(const Anatomy& body, const Physiology& physiology, int size) {
  TissueMap map{size, kFieldOfViewMm / size, {}};
  map.pixels.reserve(static_cast<std::size_t>(size) * static_cast<std::size_t>(size));
  for (int row = 0; row < size; ++row)
    for (int column = 0; column < size; ++column)
      map.pixels.push_back(tissue_at(body, physiology, map.center_of(row, column)));
  return map;
}

Phases render(const TissueMap& map, const Physiology& physiology, const Disease& disease) {
  const double area = map.mm_per_px * map.mm_per_px / 4;  // the constants above are per 2 mm pixel
  const double pool_counts = kPoolCounts * area * physiology.pool_sensitivity,
               delayed_counts = kDelayedCounts * area * physiology.delayed_sensitivity;
  Phases phases{std::vector<double>(map.pixels.size()), std::vector<double>(map.pixels.size())};
  for (std::size_t at = 0; at < map.pixels.size(); ++at) {
    const Tissue& tissue = map.pixels[at];
    if (tissue.flesh == 0 && tissue.joints == 0) continue;
    const Point p = map.center_of(static_cast<int>(at) / map.size, static_cast<int>(at) % map.size);
    double hyperaemia = disease.diffuse_pool, turnover = 0;
    for (const Lesion& lesion : disease.lesions) {
      const double shape = bump(p, lesion.at, lesion.radius_mm * 0.75);
      hyperaemia += lesion.pool_gain * shape;
      turnover += lesion.bone_gain * shape;
    }
    const double perfused = tissue.flesh * texture(physiology.pool_texture, p);
    phases.blood_pool[at] =
        pool_counts * (perfused * (1 + hyperaemia) + 0.30 * tissue.vessel + 0.14 * tissue.bone);
    const double flesh = physiology.flesh_delayed * tissue.flesh * texture(physiology.delayed_texture, p);
    phases.delayed[at] =
        delayed_counts * (flesh * (1 + disease.diffuse_delayed) + physiology.shaft * tissue.shaft +
                          tissue.joints + turnover * std::min(1.0, tissue.flesh * 1.5));
  }
  gaussian_blur(phases.blood_pool, map.size, kPoolBlurMm / map.mm_per_px);
  gaussian_blur(phases.delayed, map.size, kDelayedBlurMm / map.mm_per_px);
  add_scatter(phases.blood_pool, map.size, map.mm_per_px, kRoomCounts * area);
  add_scatter(phases.delayed, map.size, map.mm_per_px, kRoomCounts * area);
  return phases;
}

void gaussian_blur(std::vector<double>& image, int size, double sigma_px) {
  const int reach = std::max(1, static_cast<int>(std::ceil(4 * sigma_px)));
  std::vector<double> weights;
  double sum = 0;
  for (int k = -reach; k <= reach; ++k)
    sum += weights.emplace_back(std::exp(-k * k / (2 * sigma_px * sigma_px)));
  for (double& weight : weights) weight /= sum;
  std::vector<double> line(static_cast<std::size_t>(size));
  const auto pass = [&](int start, int step) {
    for (int i = 0; i < size; ++i)
      line[static_cast<std::size_t>(i)] = image[static_cast<std::size_t>(start + i * step)];
    for (int i = 0; i < size; ++i) {
      double total = 0;
      for (int k = std::max(-reach, -i); k <= std::min(reach, size - 1 - i); ++k)
        total += weights[static_cast<std::size_t>(k + reach)] * line[static_cast<std::size_t>(i + k)];
      image[static_cast<std::size_t>(start + i * step)] = total;
    }
  };
  for (int row = 0; row < size; ++row) pass(row * size, 1);
  for (int column = 0; column < size; ++column) pass(column, size);
}

}  // namespace uptake::io::phantom
