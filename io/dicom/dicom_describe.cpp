#ifdef UPTAKE_HAS_DICOM
#include <algorithm>
#include <iomanip>
#include <locale>
#include <sstream>

#include "io/base/text.h"
#include "io/dicom/dicom.h"

namespace uptake::io {
namespace {

struct Counts {
  double lowest, highest, sum;
};

Counts counts_of(const Image& frame) {
  const auto [low, high] = std::minmax_element(frame.samples.begin(), frame.samples.end());
  double sum = 0;
  for (float sample : frame.samples) sum += sample;
  return {*low, *high, sum};
}

std::string shown(const std::string& value) { return value.empty() ? "(not stated)" : printable(value); }

std::string joined(const std::vector<std::string>& values) {
  std::string text;
  for (const auto& value : values) text += (text.empty() ? "" : "\\") + value;
  return text;
}

std::ostream& line(std::ostream& out, const char* label) {
  return out << "  " << std::left << std::setw(18) << label << std::right;
}

std::string window_of(const EnergyWindow& window) {
  if (window == EnergyWindow()) return {};
  std::string text = ", " + std::string(window.scatter ? "scatter window " : "window ") +
                     (window.name.empty() ? "without a name" : printable(window.name));
  if (window.upper_kev > 0)
    text += " (" + number_text(window.lower_kev) + " to " + number_text(window.upper_kev) + " keV)";
  return text;
}

// What the frames are to each other.
std::string kind_of(const DicomImage& image) {
  std::string kind;
  const auto add = [&](bool is, const char* name) {
    if (is) kind += (kind.empty() ? "" : ", ") + std::string(name);
  };
  add(image.reconstructed, "reconstructed");
  add(image.gated, "gated");
  add(image.dynamic, "dynamic");
  add(image.tomographic, "tomographic");
  add(image.whole_body, "whole body");
  return kind.empty() ? "static" : kind;
}

void describe_what(std::ostream& out, const DicomImage& image) {
  line(out, "object") << shown(image.sop_class_name.empty() ? image.sop_class_uid : image.sop_class_name)
                      << ", modality " << shown(image.modality) << "\n";
  line(out, "image type") << shown(joined(image.image_type)) << "\n";
  if (image.modality == "NM") line(out, "acquisition") << kind_of(image) << "\n";
  line(out, "origin") << (image.derived() ? "derived" : "as acquired")
                      << (image.synthetic ? ", SYNTHETIC: not a measurement of the patient" : "") << "\n";
  line(out, "pixels") << image.frames.size() << (image.frames.size() == 1 ? " frame of " : " frames of ")
                      << image.frames[0].height << " rows x " << image.frames[0].width << " columns, "
                      << image.bits_stored << " of " << image.bits_allocated << " bits "
                      << (image.is_signed ? "signed" : "unsigned") << "\n";
  line(out, "transfer syntax") << shown(image.transfer_syntax) << "\n";
}

void describe_acquisition(std::ostream& out, const DicomImage& image) {
  line(out, "pixel spacing");
  if (image.row_spacing_mm > 0) {
    out << image.row_spacing_mm << " x " << image.column_spacing_mm << " mm\n";
  } else {
    out << "(not stated)\n";
  }
  line(out, "frame duration");
  if (image.frame_duration_ms > 0) {
    out << image.frame_duration_ms / 1000 << " s\n";
  } else {
    out << "(not stated)\n";
  }
  if (!image.body_part.empty() || !image.laterality.empty())
    line(out, "body part") << shown(image.body_part)
                           << (image.laterality.empty() ? "" : ", side " + image.laterality) << "\n";
  line(out, "acquired") << shown(image.acquisition_date) << " at " << shown(image.acquisition_time) << "\n";
  const std::string& injected =
      image.injection_datetime.empty() ? image.injection_time : image.injection_datetime;
  if (!image.radiopharmaceutical.empty() || !injected.empty()) {
    line(out, "tracer") << shown(image.radiopharmaceutical) << ", given at " << shown(injected);
    if (const auto minutes = image.minutes_after_injection())
      out << ", " << number_text(*minutes) << " minutes before";
    out << "\n";
  }
}

void describe_identity(std::ostream& out, const DicomImage& image) {
  line(out, "patient") << shown(image.patient_id) << "\n";
  line(out, "study") << shown(image.study_description) << ", " << shown(image.study_instance_uid) << "\n";
  line(out, "series") << shown(image.series_description) << ", " << shown(image.series_instance_uid) << "\n";
  line(out, "instance") << shown(image.sop_instance_uid) << "\n";
}

void describe_frames(std::ostream& out, const DicomImage& image) {
  double total = 0;
  for (std::size_t f = 0; f < image.frames.size(); ++f) {
    const Counts counts = counts_of(image.frames[f]);
    total += counts.sum;
    line(out, ("frame " + std::to_string(f + 1)).c_str())
        << to_string(image.views[f]) << (image.view_assumed[f] ? " (assumed)" : "")
        << window_of(image.windows[f]) << (image.modality == "NM" ? ", counts " : ", values ")
        << counts.lowest << " to " << counts.highest << ", sum " << counts.sum << "\n";
  }
  if (image.modality != "NM") return;
  line(out, "counts declared");
  if (image.counts_accumulated) {
    out << *image.counts_accumulated << " (pixels sum to " << total << ")\n";
  } else {
    out << "(not stated; pixels sum to " << total << ")\n";
  }
}

}  // namespace

std::string describe_dicom(const std::filesystem::path& path) {
  const DicomImage image = read_dicom(path);
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out << std::setprecision(12) << path.string() << "\n";
  describe_what(out, image);
  describe_acquisition(out, image);
  describe_identity(out, image);
  describe_frames(out, image);
  for (const auto& warning : image.warnings) line(out, "warning") << warning << "\n";
  return out.str();
}

}  // namespace uptake::io
#endif
