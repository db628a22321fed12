#include "io/scan/phantom_anatomy.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace uptake::io::phantom {
namespace {

// Lengths follow the usual proportions of an adult; angles are from straight up, positive towards +x.
struct Digit {
  Point base;                     // proximal end of the metacarpal or metatarsal
  double root_angle, tip_angle;   // degrees: of that bone, and of the phalanges
  double root_mm;                 // its length
  std::vector<double> phalanges;  // lengths in mm
  double bone_radius, flesh_radius;
};

Point direction(double degrees) {
  const double radians = degrees * std::numbers::pi / 180;
  return {std::sin(radians), std::cos(radians)};
}

// One ray: the long bone, the phalanges beyond it, a joint at every meeting, flesh around all.
void add_digit(Anatomy& body, Random& random, const Digit& digit, double root_flesh) {
  const double stretch = random.factor(0.03), bend = random.normal() * 2.5;
  const Point root = digit.base + stretch * digit.root_mm * direction(digit.root_angle + 0.4 * bend);
  body.bones.push_back({digit.base, root, digit.bone_radius * 1.1, digit.bone_radius * 1.15});
  body.flesh.push_back({digit.base, root, root_flesh, 0.8 * root_flesh});
  body.joints.push_back({digit.base, digit.bone_radius * 1.2, false, false});
  Point at = root;
  double radius = digit.bone_radius, flesh = digit.flesh_radius;
  double angle = digit.tip_angle + bend;
  for (std::size_t p = 0; p < digit.phalanges.size(); ++p) {
    const bool last = p + 1 == digit.phalanges.size();
    body.joints.push_back({at, radius * 1.45, false, p > 0 && last});
    const Point tip = at + stretch * digit.phalanges[p] * direction(angle);
    body.bones.push_back({at, tip, radius * 0.95, radius * 0.8});
    body.flesh.push_back({at, tip + (last ? 3.0 : 0.0) * direction(angle), flesh, flesh * 0.9});
    angle += random.normal() * 2;
    radius *= 0.86;
    flesh *= 0.93;
    at = tip;
  }
}

void add_small_bone(Anatomy& body, Random& random, Capsule bone) {
  const Point shift{random.normal() * 0.6, random.normal() * 0.6};
  bone.a = bone.a + shift;
  bone.b = bone.b + shift;
  body.bones.push_back(bone);
}

// Right hand, palm to the camera: the thumb is on the right.
void build_hand(Anatomy& body, Random& random) {
  const double spread = random.uniform(0.7, 1.3);
  const std::vector<Digit> fingers = {
      {{14, 31}, 8 * spread, 10 * spread, 64, {41, 24, 18}, 4.6, 9.5},
      {{4, 32}, 1 * spread, 2 * spread, 63, {45, 28, 18}, 4.7, 9.7},
      {{-6, 31}, -6 * spread, -6 * spread, 56, {42, 27, 18}, 4.3, 9.2},
      {{-15, 28}, -13 * spread, -16 * spread, 52, {33, 19, 17}, 3.9, 8.4},
  };
  for (const Digit& finger : fingers) add_digit(body, random, finger, 14);
  const double thumb = random.uniform(38, 52);
  add_digit(body, random, {{21, 20}, thumb, thumb - 14, 44, {31, 24}, 5.2, 11}, 15);
  body.flesh.push_back({{12, 18}, {32, 40}, 19, 15});     // ball of the thumb
  body.flesh.push_back({{2, 25}, {4, 80}, 30, 32});       // palm
  body.flesh.push_back({{0, 0}, {-2, -90}, 26, 30});      // forearm
  body.bones.push_back({{12, -4}, {9, -95}, 10, 6.5});    // radius
  body.bones.push_back({{-14, -7}, {-13, -95}, 6.5, 6});  // ulna
  for (const double x : {-13.0, -4.5, 4.5, 13.5}) add_small_bone(body, random, {{x, 7}, {x + 1, 9}, 6, 6});
  for (const double x : {-13.0, -4.5, 5.0, 14.5}) add_small_bone(body, random, {{x, 19}, {x, 22}, 6, 6});
  body.joints.push_back({{6, 1}, 11, true, false});
  body.joints.push_back({{-9, 4}, 9, true, false});
  body.joints.push_back({{1, 15}, 11, true, false});
  body.vessels = {
      {{16, -90}, {19, 5}, 3, 2.5}, {{-17, -90}, {-12, 15}, 3, 2.5}, {{-12, 15}, {14, 62}, 2.5, 2}};
}

// Right foot from the front, toes up: the big toe is on the left.
void build_foot(Anatomy& body, Random& random) {
  const double spread = random.uniform(0.7, 1.4);
  const std::vector<Digit> toes = {
      {{-20, 88}, -6 * spread, 1, 58, {29, 22}, 6.4, 11.5},
      {{-11, 92}, -1 * spread, 2, 66, {25, 12, 8}, 4, 7.6},
      {{-1, 90}, 4 * spread, 4, 62, {23, 11, 8}, 3.9, 7.3},
      {{9, 86}, 9 * spread, 7, 58, {21, 9, 8}, 3.9, 7.2},
      {{18, 80}, 14 * spread, 10, 55, {18, 8, 8}, 4, 7.4},
  };
  for (const Digit& toe : toes) add_digit(body, random, toe, 12.5);
  body.flesh.push_back({{5, -10}, {3, 35}, 27, 27});           // heel
  body.flesh.push_back({{3, 35}, {0, 118}, 26, 33});           // instep
  add_small_bone(body, random, {{6, -12}, {5, 28}, 15, 13});   // calcaneus
  add_small_bone(body, random, {{-4, 34}, {-7, 52}, 14, 11});  // talus
  add_small_bone(body, random, {{-17, 66}, {-4, 66}, 8, 8});   // navicular
  add_small_bone(body, random, {{13, 56}, {16, 74}, 9, 8});    // cuboid
  for (const double x : {-20.0, -10.5, -1.0}) add_small_bone(body, random, {{x, 79}, {x, 84}, 6, 6});
  body.joints.push_back({{-4, 44}, 13, true, false});
  body.joints.push_back({{-10, 66}, 10, true, false});
  body.joints.push_back({{10, 60}, 9, true, false});
  body.joints.push_back({{-8, 84}, 9, true, false});
  body.vessels = {
      {{-16, 30}, {-19, 110}, 3, 2}, {{16, 10}, {14, 100}, 2.5, 2}, {{14, 100}, {-14, 128}, 2, 2}};
}

// Moves the center of the part to the origin, then sizes, mirrors (left side), turns and shifts it.
void pose(Anatomy& body, Random& random) {
  const double scale = 0.93 * random.factor(0.04), side = body.right ? 1 : -1;
  const double angle = random.normal() * 6 * std::numbers::pi / 180;
  const Point center = body.foot ? Point{2, 86} : Point{6, 78},
              shift{random.normal() * 4, random.normal() * 4};
  const auto move = [&](Point p) {
    const double x = side * scale * (p.x - center.x), y = scale * (p.y - center.y);
    return Point{std::cos(angle) * x - std::sin(angle) * y + shift.x,
                 std::sin(angle) * x + std::cos(angle) * y + shift.y};
  };
  for (auto* capsules : {&body.flesh, &body.bones, &body.vessels})
    for (Capsule& capsule : *capsules)
      capsule = {move(capsule.a), move(capsule.b), scale * capsule.radius_a, scale * capsule.radius_b};
  for (Joint& joint : body.joints) {
    joint.at = move(joint.at);
    joint.radius_mm *= scale;
  }
}

}  // namespace

Anatomy make_anatomy(Random& random, bool foot) {
  Anatomy body;
  body.foot = foot;
  body.right = random.chance(0.5);
  if (foot) {
    build_foot(body, random);
  } else {
    build_hand(body, random);
  }
  pose(body, random);
  return body;
}

double distance(const Capsule& capsule, Point p, double* along) {
  const double ax = capsule.b.x - capsule.a.x, ay = capsule.b.y - capsule.a.y;
  const double length_squared = ax * ax + ay * ay;
  const double projected =
      length_squared > 0 ? ((p.x - capsule.a.x) * ax + (p.y - capsule.a.y) * ay) / length_squared : 0;
  const double t = std::clamp(projected, 0.0, 1.0);
  if (along != nullptr) *along = t;
  return std::hypot(p.x - capsule.a.x - t * ax, p.y - capsule.a.y - t * ay) -
         (capsule.radius_a + t * (capsule.radius_b - capsule.radius_a));
}

}  // namespace uptake::io::phantom
