// The phantom's disease, and its expected counts per pixel in both phases.
#pragma once
#include <string>
#include <vector>

#include "io/scan/phantom_anatomy.h"
#include "io/scan/phantom_random.h"

namespace uptake::io::phantom {

/// A disc of raised uptake. Gains are what is added, in units of the undisturbed local reference of each
/// phase: 1 doubles the flesh of the blood pool, or adds one ordinary joint's uptake to the delayed image.
struct Lesion {
  Point at;
  double radius_mm = 0;
  double pool_gain = 0;  // hyperaemia
  double bone_gain = 0;  // delayed
};

struct Disease {
  std::vector<Lesion> lesions;
  double diffuse_pool = 0;     // hyperaemia of the whole part
  double diffuse_delayed = 0;  // the same in the delayed flesh
};

/// What differs from patient to patient but not between health and disease.
struct Physiology {
  double pool_sensitivity = 1, delayed_sensitivity = 1;
  double flesh_delayed = 0.13, shaft = 0.46;
  std::vector<double> joint_uptake;                   // one per joint
  std::vector<double> pool_texture, delayed_texture;  // plane waves {kx, ky, phase, amplitude}
};
Physiology make_physiology(Random& random, const Anatomy& body);

/// Random lesions as the group has them. Throws std::invalid_argument for an unknown group.
Disease make_disease(Random& random, const Anatomy& body, const Physiology& physiology,
                     const std::string& group);

/// What lies under each pixel, disease apart: computed once, rendered in health and in disease.
struct Tissue {
  double flesh = 0, bone = 0, shaft = 0, vessel = 0, joints = 0;  // all 0 in the air
};
struct TissueMap {
  int size = 0;
  double mm_per_px = 0;
  std::vector<Tissue> pixels;  // [size, size], row 0 at the top

  Point center_of(int row, int column) const;  // in mm
};
TissueMap map_tissue(const Anatomy& body, const Physiology& physiology, int size);

/// Expected counts of both phases, [size, size].
struct Phases {
  std::vector<double> blood_pool, delayed;
};
Phases render(const TissueMap& map, const Physiology& physiology, const Disease& disease);

/// In-place separable Gaussian blur of a [size, size] image, truncated at 4 sigma, zero outside.
void gaussian_blur(std::vector<double>& image, int size, double sigma_px);

}  // namespace uptake::io::phantom
