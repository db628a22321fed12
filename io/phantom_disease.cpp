#include <algorithm>
#include <stdexcept>

#include "io/detail/phantom_render.h"

namespace uptake::io::phantom {
namespace {

// k different joints for which `fits` holds (fewer if there are fewer), in random order.
template <typename Predicate>
std::vector<Joint> pick_joints(Random& random, const Anatomy& body, std::size_t k, Predicate fits) {
  std::vector<Joint> chosen;
  for (const Joint& joint : body.joints)
    if (fits(joint)) chosen.push_back(joint);
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
Disease arthritis(Random& random, const Anatomy& body) {
  Disease disease;
  for (const Joint& joint :
       pick_joints(random, body, 2 + random.below(5), [](const Joint& j) { return !j.distal; })) {
    const double severity = random.uniform(0.4, 1.0);
    disease.lesions.push_back({joint.at, std::max(6.5, joint.radius_mm * 1.15),
                               1.5 * severity * random.factor(0.06), 1.7 * severity * random.factor(0.08)});
  }
  return disease;
}

// The whole part is hyperaemic and every joint takes part: one severity for all.
Disease crps(Random& random, const Anatomy& body) {
  const double severity = random.uniform(0.5, 1.0);
  Disease disease;
  disease.diffuse_pool = 0.7 * severity;
  disease.diffuse_delayed = 0.5 * severity;
  for (const Joint& joint : body.joints) {
    const double here = severity * random.factor(0.12);
    disease.lesions.push_back({joint.at, std::max(5.5, joint.radius_mm * 1.1),
                               0.45 * here * random.factor(0.05), 0.95 * here * random.factor(0.06)});
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

Disease make_disease(Random& random, const Anatomy& body, const std::string& group) {
  if (group == "normal") return {};
  if (group == "arthritis") return arthritis(random, body);
  if (group == "crps") return crps(random, body);
  if (group == "osteomyelitis") return osteomyelitis(random, body);
  if (group == "cellulitis") return cellulitis(random, body);
  if (group == "bone_injury") return bone_injury(random, body);
  throw std::invalid_argument("unknown disease group '" + group + "'");
}

}  // namespace uptake::io::phantom
