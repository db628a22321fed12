// A dynamic series as one static image: what a camera would have stored had it not been told to make a film.
#ifdef UPTAKE_HAS_DICOM
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <utility>

#include "io/base/file.h"
#include "io/dicom/dicom_acquisition.h"
#include "io/dicom/dicom_write.h"

namespace uptake::io {
namespace {

struct Sum {
  std::vector<std::size_t> frames;
  double duration_ms = 0;
};

/// Of the phase that the frame belongs to, or of the image.
double duration_of(DcmItem& data, int frame, int frames) {
  const auto of_image = dcmtk::number(data, DCM_ActualFrameDuration);
  const long phase = vector_value(data, DCM_PhaseVector, frame, frames).value_or(1);
  DcmItem* item = phase >= 1 && phase <= 0xffff ? dcmtk::sequence_item(data, DCM_PhaseInformationSequence,
                                                                       static_cast<unsigned>(phase - 1))
                                                : nullptr;
  const auto of_phase = item != nullptr ? dcmtk::number(*item, DCM_ActualFrameDuration) : std::nullopt;
  return std::max(0.0, of_phase.value_or(of_image.value_or(0)));
}

long detector_of(DcmItem& data, int frame, int frames, const std::filesystem::path& file) {
  if (const auto detector = vector_value(data, DCM_DetectorVector, frame, frames)) return *detector;
  if (dcmtk::integer(data, DCM_NumberOfDetectors).value_or(1) <= 1) return 1;
  throw FileError(
      file, "cannot be summed over time: DetectorVector does not say which frames are of which detector");
}

void make_static(DcmItem& data, const std::map<std::pair<long, long>, Sum>& sums) {
  auto type = dcmtk::texts(data, DCM_ImageType);
  if (type.size() < 2) type = {"ORIGINAL", "PRIMARY"};
  if (type.size() < 3) type.insert(type.end(), {"STATIC", "EMISSION"});
  type[2] = "STATIC";
  std::string joined;
  for (const auto& value : type) joined += (joined.empty() ? "" : "\\") + value;
  dcmtk::put(data, DCM_ImageType, joined);

  std::vector<Uint16> windows, detectors;
  double duration_ms = 0;
  for (const auto& [key, sum] : sums) {
    windows.push_back(static_cast<Uint16>(key.first));
    detectors.push_back(static_cast<Uint16>(key.second));
    duration_ms = std::max(duration_ms, sum.duration_ms);
  }
  for (const DcmTagKey& tag :
       {DCM_PhaseVector, DCM_NumberOfPhases, DCM_PhaseInformationSequence, DCM_TimeSliceVector,
        DCM_NumberOfTimeSlices, DCM_FrameTime, DCM_FrameTimeVector, DCM_FrameIncrementPointer})
    delete data.remove(tag);
  dcmtk::put_words(data, DCM_EnergyWindowVector, windows);
  dcmtk::put_words(data, DCM_DetectorVector, detectors);
  dcmtk::put(data, DCM_NumberOfFrames, std::to_string(sums.size()));
  if (duration_ms > 0)
    dcmtk::put(data, DCM_ActualFrameDuration,
               std::to_string(std::lround(std::min(duration_ms, 2147483647.0))));
}

}  // namespace

std::string sum_over_time(DcmItem& data, std::vector<Image>* frames, const std::filesystem::path& file) {
  const auto count = static_cast<int>(dcmtk::integer(data, DCM_NumberOfFrames).value_or(1));
  DicomImage kind;
  kind.modality = dcmtk::text(data, DCM_Modality);
  kind.image_type = dcmtk::texts(data, DCM_ImageType);
  read_kind(data, count, kind);
  if (!kind.dynamic || kind.gated || kind.tomographic || kind.reconstructed) return {};

  std::map<std::pair<long, long>, Sum> sums;  // by energy window and detector
  for (int f = 0; f < count; ++f) {
    const long window = vector_value(data, DCM_EnergyWindowVector, f, count).value_or(1);
    Sum& sum = sums[{window, detector_of(data, f, count, file)}];
    sum.frames.push_back(static_cast<std::size_t>(f));
    sum.duration_ms += duration_of(data, f, count);
  }
  make_static(data, sums);
  if (frames != nullptr) {
    std::vector<Image> added;
    for (const auto& [key, sum] : sums) {
      Image total = (*frames)[sum.frames[0]];
      for (std::size_t k = 1; k < sum.frames.size(); ++k) {
        const Image& frame = (*frames)[sum.frames[k]];
        std::transform(frame.samples.begin(), frame.samples.end(), total.samples.begin(),
                       total.samples.begin(), std::plus<>());
      }
      added.push_back(std::move(total));
    }
    *frames = std::move(added);
  }
  return std::to_string(count) + " frames of a dynamic series were summed over time into " +
         std::to_string(sums.size());
}

}  // namespace uptake::io
#endif
