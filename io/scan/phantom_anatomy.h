// The phantom's hand and foot: bones as capsules, joints as points, flesh as tapered capsules, in
// millimetres.
#pragma once
#include <vector>

#include "io/scan/phantom_random.h"

namespace uptake::io::phantom {

/// Position in the image plane in mm: x to the right, y towards the fingertips or toes.
struct Point {
  double x = 0, y = 0;
};
inline Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
inline Point operator*(double s, Point a) { return {s * a.x, s * a.y}; }

/// A segment with a radius at each end.
struct Capsule {
  Point a, b;
  double radius_a = 0, radius_b = 0;
};

struct Joint {
  Point at;
  double radius_mm = 0;
  bool large = false;   // wrist, carpus, tarsus, ankle
  bool distal = false;  // last joint of a digit: rarely the seat of arthritis
};

struct Anatomy {
  bool foot = false;
  bool right = true;
  std::vector<Capsule> flesh;
  std::vector<Capsule> bones;
  std::vector<Joint> joints;
  std::vector<Capsule> vessels;
};

/// A hand (palm to the camera) or a foot (seen from the front), of random proportions, spread, size, side and
/// pose.
Anatomy make_anatomy(Random& random, bool foot);

/// Width and height of the square field of view that the anatomy is made for, centered on the origin.
inline constexpr double kFieldOfViewMm = 256;

/// Distance from the point to the surface of the capsule, negative inside; `along` (if given) gets 0 at a to
/// 1 at b.
double distance(const Capsule& capsule, Point p, double* along = nullptr);

}  // namespace uptake::io::phantom
