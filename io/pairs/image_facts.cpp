#include "io/pairs/image_facts.h"

#include <algorithm>
#include <array>
#include <span>

#include "io/base/sha256.h"

namespace uptake::io {
namespace {

/// The samples as narrow as their kind, so that a hash costs little beside the decoding.
template <class Sample>
void add_samples(Sha256& hash, const std::vector<float>& samples) {
  std::array<Sample, 4096> block{};
  for (std::size_t at = 0; at < samples.size(); at += block.size()) {
    const std::size_t count = std::min(block.size(), samples.size() - at);
    std::transform(samples.begin() + static_cast<std::ptrdiff_t>(at),
                   samples.begin() + static_cast<std::ptrdiff_t>(at + count), block.begin(),
                   [](float sample) { return static_cast<Sample>(sample); });
    hash.add(std::as_bytes(std::span(block).first(count)));
  }
}

std::string hash_of(const Image& image) {
  Sha256 hash;
  const std::array<std::int64_t, 4> form{image.height, image.width, image.channels,
                                         static_cast<std::int64_t>(image.kind)};
  hash.add(std::as_bytes(std::span(form)));
  switch (image.kind) {
    case SampleKind::u8:
      add_samples<std::uint8_t>(hash, image.samples);
      break;
    case SampleKind::u16:
      add_samples<std::uint16_t>(hash, image.samples);
      break;
    case SampleKind::counts:
      add_samples<float>(hash, image.samples);
      break;
  }
  return hash.hex();
}

}  // namespace

ImageFacts dicom_facts(const std::filesystem::path& file, const DicomImage& image, std::int64_t frame) {
  const Image& pixels = image.frames.at(static_cast<std::size_t>(frame));
  ImageFacts facts;
  facts.form = DatasetForm::cohort;
  facts.file = file;
  facts.frame = frame;
  facts.height = pixels.height;
  facts.width = pixels.width;
  facts.channels = pixels.channels;
  facts.kind = pixels.kind;
  facts.bits_stored = image.bits_stored;
  facts.row_spacing_mm = image.row_spacing_mm;
  facts.column_spacing_mm = image.column_spacing_mm;
  facts.body_part = image.body_part;
  facts.laterality = image.laterality;
  const auto at = static_cast<std::size_t>(frame);
  facts.view = image.views.at(at);
  if (at < image.view_assumed.size()) facts.view_assumed = image.view_assumed[at];
  if (at < image.windows.size()) facts.window = image.windows[at];
  facts.radiopharmaceutical = image.radiopharmaceutical;
  facts.minutes_after_injection = image.minutes_after_injection();
  facts.acquisition_kind = image.acquisition_kind();
  facts.frame_duration_ms = image.frame_duration_ms;
  facts.study_date = image.study_date;
  facts.acquisition_date = image.acquisition_date;
  facts.acquisition_time = image.acquisition_time;
  facts.patient_id = image.patient_id;
  facts.patient_sex = image.patient_sex;
  facts.manufacturer = image.manufacturer;
  facts.study_instance_uid = image.study_instance_uid;
  facts.series_instance_uid = image.series_instance_uid;
  facts.sop_instance_uid = image.sop_instance_uid;
  facts.synthetic = image.synthetic;
  facts.derived = image.derived();
  facts.original = !image.image_type.empty() && image.image_type[0] == "ORIGINAL";
  facts.notes = image.warnings;
  return facts;
}

void add_pixel_facts(ImageFacts& facts, const Image& image) {
  facts.height = image.height;
  facts.width = image.width;
  facts.channels = image.channels;
  facts.kind = image.kind;
  for (const float sample : image.samples)
    facts.largest = std::max(facts.largest, static_cast<double>(sample));
  facts.content_hash = hash_of(image);
}

}  // namespace uptake::io
