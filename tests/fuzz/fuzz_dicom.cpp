// DICOM files: reading, describing, and deriving an image from a hostile source.
#include "io/dicom/dicom_derived.h"
#include "target.h"

#ifdef UPTAKE_FUZZ
#include "dicom_mutator.h"
#endif

using namespace uptake;

namespace {

constexpr std::size_t kFewSamples = 1 << 14;

std::size_t require_frames(const io::DicomImage& image) {
  tests::require(!image.frames.empty(), "an image has frames");
  tests::require(image.views.size() == image.frames.size(), "every frame has a view");
  std::size_t samples = 0;
  for (const auto& frame : image.frames) {
    tests::require(frame.channels == 1 && frame.kind == io::SampleKind::counts, "frames are counts");
    tests::require(frame.samples.size() == static_cast<std::size_t>(frame.height * frame.width),
                   "samples are as many as the size says");
    samples += frame.samples.size();
  }
  return samples;
}

void derive(const std::filesystem::path& source, const io::DicomImage& image) {
  std::vector<io::Image> frames = image.frames;
  float value = 0;
  for (auto& frame : frames)
    for (float& sample : frame.samples) sample = (value += 1);
  io::DerivedDescription about;
  about.derivation_description = "made by a test";
  about.model_name = "test";
  about.model_fingerprint = "SHA-256 0123";
  about.software_version = "1";
  const auto path = source.parent_path() / "derived.dcm";
  if (!tests::accepts<io::FileError>([&] { io::write_derived_nm(path, source, frames, about); })) return;
  const io::DicomImage derived = io::read_dicom(path);
  require_frames(derived);
  tests::require(derived.synthetic && derived.derived(), "a derived image says that it is one");
  tests::require(derived.modality == "NM", "a derived image is one of nuclear medicine");
  tests::require(derived.study_instance_uid == image.study_instance_uid,
                 "a derived image stays in its study");
  tests::require(derived.patient_id == image.patient_id, "a derived image stays with its patient");
  tests::require(derived.sop_instance_uid != image.sop_instance_uid, "a derived image is another one");
  tests::require(derived.frames.size() == frames.size(), "a derived image has the frames it was given");
  for (std::size_t f = 0; f < frames.size(); ++f)
    tests::require(derived.frames[f].samples == frames[f].samples,
                   "a derived image has the counts it was given");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto path = tests::put_file("input.dcm", tests::view_of(data, size));
  const bool looks_like_dicom = io::is_dicom(path);
  io::DicomImage image;
  if (!tests::accepts<io::FileError>([&] { image = io::read_dicom(path); })) return 0;
  tests::require(looks_like_dicom, "what is read as DICOM looks like DICOM");
  const std::size_t samples = require_frames(image);
  tests::accepts<io::FileError>([&] { io::require_planar(path, image); });
  if (samples > kFewSamples) return 0;
  for (const char c : io::describe_dicom(path))
    tests::require(c == '\n' || c < 0 || (c >= 0x20 && c != 0x7f), "a description has no control characters");
  derive(path, image);
  return 0;
}
