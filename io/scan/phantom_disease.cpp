#include <algorithm>
#include <stdexcept>

#include "io/scan/phantom_render.h"

namespace uptake::io::phantom {
namespace {

// The uptake of an ordinary joint, of which the delayed gains are multiples.
constexpr double kOrdinaryUptake = 0.58;

// k different joints that are not the last of a digit (fewer if there are fewer), by index, in random order.
std::vector<std::size_t> pick_joints(Random& random, const Anatomy& body, std::size_t k) {
  std::vector<std::size_t> chosen;
  for (std::size_t j = 0; j < body.joints.size(); ++j)
    if (!body.joints[j].distal) chosen.push_back(j);
  for (std::size_t i = chosen.size(); i > 1; --i) std::swap(chosen[i - 1], chosen[random.below(i)]);
  chosen.resize(std::min(k, chosen.size()));
  return chosen;
}

Point on_bone(Random& random, const Anatomy& body) {
  const Capsule& bone = body.bones[random.below(body.bones.size())];
  const double t = random.uniform(0.2, 0.8);
  const Point at{bone.a.x + t * (bone.b.x - bone.a.x), bone.a.y + t * (bone.b.y - bone.a.y)};
  // The forearm reaches out of the field of view.
  const double edge = kFieldOfViewMm / 2 - 16;
  return {std::clamp(at.x, -edge, edge), std::clamp(at.y, -edge, edge)};
}

// Several inflamed joints; what the blood pool shows, the delayed image shows in proportion.
Disease arthritis(Random& random, const Anatomy& body, const Physiology& physiology) {
  Disease disease;
  for (const std::size_t j : pick_joints(random, body, 2 + random.below(5))) {
    const Joint& joint = body.joints[j];
    const double severity = random.uniform(0.3, 1.2), uptake = physiology.joint_uptake[j] / kOrdinaryUptake;
    disease.lesions.push_back({joint.at, std::max(6.5, joint.radius_mm * 1.15),
                               1.5 * severity * random.factor(0.06),
                               1.5 * severity * uptake * random.factor(0.08)});
  }
  return disease;
}

// The whole part is hyperaemic and every joint takes part: one severity for all.
Disease crps(Random& random, const Anatomy& body, const Physiology& physiology) {
  const double severity = random.uniform(0.5, 1.0);
  Disease disease;
  disease.diffuse_pool = 0.7 * severity;
  disease.diffuse_delayed = 0.5 * severity;
  for (std::size_t j = 0; j < body.joints.size(); ++j) {
    const Joint& joint = body.joints[j];
    const double here = severity * random.factor(0.12), uptake = physiology.joint_uptake[j] / kOrdinaryUptake;
    disease.lesions.push_back({joint.at, std::max(5.5, joint.radius_mm * 1.1),
                               0.45 * here * random.factor(0.05),
                               0.95 * here * uptake * random.factor(0.06)});
  }
  return disease;
}

// One infected bone, hot in both phases, but the one does not tell the other.
Disease osteomyelitis(Random& random, const Anatomy& body) {
  Disease disease;
  disease.lesions.push_back(
      {on_bone(random, body), random.uniform(7, 11), random.uniform(0.8, 2.0), random.uniform(0.7, 2.6)});
  return disease;
}

// Infected soft tissue: a wide hot area in the blood pool, hardly anything later.
Disease cellulitis(Random& random, const Anatomy& body) {
  Disease disease;
  const std::size_t patches = 1 + random.below(2);
  for (std::size_t k = 0; k < patches; ++k)
    disease.lesions.push_back(
        {on_bone(random, body), random.uniform(11, 19), random.uniform(0.8, 1.8), random.uniform(0.0, 0.04)});
  return disease;
}

// A recent fracture: bone repair is hot late, the blood pool may show nothing.
Disease bone_injury(Random& random, const Anatomy& body) {
  Disease disease;
  const std::size_t breaks = 1 + random.below(2);
  for (std::size_t k = 0; k < breaks; ++k)
    disease.lesions.push_back(
        {on_bone(random, body), random.uniform(5.5, 8), random.uniform(0.0, 0.5), random.uniform(0.8, 2.4)});
  return disease;
}

}  // namespace

Disease make_disease(Random& random, const Anatomy& body, const Physiology& physiology,
                     const std::string& group) {
  if (group == "normal") return {};
  if (group == "arthritis") return arthritis(random, body, physiology);
  if (group == "crps") return crps(random, body, physiology);
  if (group == "osteomyelitis") return osteomyelitis(random, body);
  if (group == "cellulitis") return cellulitis(random, body);
  if (group == "bone_injury") return bone_injury(random, body);
  throw std::invalid_argument("unknown disease group '" + group + "'");
}

}  // namespace uptake::io::phantom
