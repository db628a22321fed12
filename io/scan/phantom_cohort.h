// A synthetic two-phase bone scintigraphy cohort: hands and feet, blood pool and delayed, with known lesions.
//
// It exists so that the whole chain (DICOM in, training, translation, lesion analysis) can be run, taught and
// tested without patient data. The disease groups are those of the studies that predict delayed from
// blood-pool images (Park et al. 2023): in arthritis and CRPS the delayed image follows the blood pool, in
// osteomyelitis, cellulitis and bone injury it does not, so a model can be caught inventing lesions. It is a
// drawing with Poisson noise, not a simulation of a camera or of physiology: results on it say nothing about
// patients.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/image/image.h"

namespace uptake::io {

struct PhantomOptions {
  int patients = 60;
  std::uint64_t seed = 1;
  int size = 128;  // pixels of the square images; 32 to 1024
};

/// A lesion of a phantom patient. Positions are in pixels from the center of the top-left pixel. The ratios
/// are the noise-free expected counts in the disc with disease over those without; 1 is "not visible in this
/// phase".
struct PhantomLesion {
  double x_px, y_px, radius_px;
  double blood_pool_ratio, delayed_ratio;
};

struct PhantomPatient {
  std::string id;     // P001...
  std::string group;  // arthritis, crps, osteomyelitis, cellulitis, bone_injury, normal
  bool foot = false, right = true, female = false;
  double pixel_spacing_mm = 0;
  Image blood_pool, delayed;  // Poisson counts
  std::vector<PhantomLesion> lesions;
};

/// Draws one patient. Patients depend on the seed and their own number only, so cohorts of one seed share
/// their first patients' anatomy. `group` must be one of the six names. Throws std::invalid_argument
/// otherwise, or for number < 1 or a size outside 32..1024.
PhantomPatient make_phantom_patient(const PhantomOptions& options, int number, const std::string& group);

/// Writes
///   out/dicom/P001_bloodpool.dcm, P001_delayed.dcm ...  single-frame NM, 10 and 180 minutes after injection
///   out/cohort.csv   patient,group,split,blood_pool,delayed (paths relative to out; splits by patient, about
///                    70/10/20 train/val/test, none empty from 3 patients on, groups spread over the splits)
///   out/lesions.csv  patient,lesion,group,x_px,y_px,radius_px,blood_pool_ratio,delayed_ratio
/// The two tables come last, so an interrupted run leaves no cohort.csv. The same options give the same bytes
/// in one build; another compiler or processor may round an expected count differently and change single
/// counts. Throws FileError when something cannot be written or the build has no DICOM support,
/// std::invalid_argument for options out of range (1 to 99999 patients).
void make_phantom_cohort(const std::filesystem::path& out, const PhantomOptions& options);

}  // namespace uptake::io
