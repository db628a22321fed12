// Writing DICOM: what is written is read back, and dciodvfy (dicom3tools), which knows the standard
// independently, finds no error in it.
#ifdef UPTAKE_HAS_DICOM
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>

#include "dicom_bytes.h"
#include "dicom_judge.h"
#include "io/base/file.h"
#include "io/dicom/dicom_derived.h"
#include "test_files.h"

namespace uptake::tests {
namespace {

using io::DerivedDescription;
using io::DicomImage;
using io::FileError;
using io::Image;
using io::PlanarNm;
using io::read_dicom;
using io::SampleKind;
using io::View;

Image counts(std::int64_t height, std::int64_t width, float first = 0) {
  Image image(height, width, 1, SampleKind::counts);
  for (float& sample : image.samples) sample = first++;
  return image;
}

PlanarNm planar(std::vector<Image> frames) {
  PlanarNm nm;
  nm.frames = std::move(frames);
  nm.views = {View::anterior};
  if (nm.frames.size() == 2) nm.views.push_back(View::posterior);
  nm.patient_id = "P001";
  nm.patient_name = "Phantom^P001";
  nm.patient_sex = "F";
  nm.study_instance_uid = io::uid_from_name("study");
  nm.series_instance_uid = io::uid_from_name("series");
  nm.sop_instance_uid = io::uid_from_name("instance");
  nm.study_description = "Bone scan";
  nm.series_description = "BLOOD POOL";
  nm.body_part = "HAND";
  nm.laterality = "L";
  return nm;
}

DerivedDescription description() {
  DerivedDescription about;
  about.series_description = "delayed from blood pool";
  about.derivation_description = "Delayed image predicted from the blood-pool image";
  about.model_name = "bloodpool-to-delayed";
  about.model_fingerprint = "0123abcd";
  about.software_version = "0.1.0";
  about.now = std::chrono::system_clock::from_time_t(1700000000);
  return about;
}

}  // namespace

TEST_CASE("uid_from_name: version-5 UUIDs as another implementation computes them") {
  // Python: "2.25.%d" % uuid.uuid5(uuid.UUID("6f1d2a3e-9b7c-4c58-8e0a-5a1f0c3d7e92"), name).int
  CHECK(io::uid_from_name("") == "2.25.126709245303472675194783306854239447231");
  CHECK(io::uid_from_name("phantom") == "2.25.226332735852105603579263198007146599672");
  CHECK(io::uid_from_name(std::string(200, 'x')) == "2.25.45321820107618899950012896652374837571");
}

TEST_CASE("write_planar_nm: two frames come back with their counts, views and identity") {
  const TestFolder folder;
  write_planar_nm(folder / "x.dcm", planar({counts(7, 5, 65500), counts(7, 5)}));
  const DicomImage image = read_dicom(folder / "x.dcm");
  REQUIRE(image.frames.size() == 2);
  CHECK(image.frames[0].samples == counts(7, 5, 65500).samples);
  CHECK(image.frames[1].samples == counts(7, 5).samples);
  CHECK(image.views == std::vector<View>{View::anterior, View::posterior});
  CHECK_FALSE(image.views_assumed);
  CHECK(image.counts_accumulated.value() == 35 * 65500 + 2 * 34 * 35 / 2);
  CHECK(image.patient_id == "P001");
  CHECK(image.study_instance_uid == io::uid_from_name("study"));
  CHECK(image.synthetic);
  CHECK_FALSE(image.derived());
  CHECK(image.radiopharmaceutical == "Tc-99m HDP");
  CHECK(image.injection_time == "085000");
  CHECK(image.acquisition_time == "090000");
  CHECK(image.frame_duration_ms == 300000);
  CHECK(image.row_spacing_mm == 2.0);
  CHECK(image.warnings.empty());
  CHECK_NOTHROW(io::require_planar("x", image));
  CHECK(violations(folder / "x.dcm") == "");
  CHECK(folder.names() == std::vector<std::string>{"x.dcm"});
}

TEST_CASE("write_planar_nm: a single posterior frame stays posterior") {
  const TestFolder folder;
  PlanarNm nm = planar({counts(3, 3)});
  nm.views = {View::posterior};
  write_planar_nm(folder / "x.dcm", nm);
  CHECK(read_dicom(folder / "x.dcm").views == std::vector<View>{View::posterior});
  CHECK(violations(folder / "x.dcm") == "");
}

TEST_CASE("write_planar_nm: samples are rounded and clamped to what 16 bits hold") {
  const TestFolder folder;
  Image image(1, 7, 1, SampleKind::counts);
  const float infinity = std::numeric_limits<float>::infinity();
  image.samples = {-5, 0.49F, 0.51F, 65535.4F, 70000, infinity, std::nanf("")};
  write_planar_nm(folder / "x.dcm", planar({image}));
  CHECK(read_dicom(folder / "x.dcm").frames[0].samples ==
        std::vector<float>{0, 0, 1, 65535, 65535, 65535, 0});
}

TEST_CASE("write_planar_nm: what cannot be an image is refused and nothing is written") {
  const TestFolder folder;
  const auto refused = [&](const PlanarNm& nm) {
    CHECK_THROWS_AS(write_planar_nm(folder / "x.dcm", nm), std::invalid_argument);
  };
  refused(planar({}));
  refused(planar({counts(2, 2), counts(2, 3)}));
  refused(planar({counts(2, 2), counts(2, 2), counts(2, 2)}));
  refused(planar({Image(2, 2, 3, SampleKind::counts)}));
  refused(planar({Image(0, 0, 1, SampleKind::counts)}));
  PlanarNm nameless = planar({counts(2, 2)});
  nameless.sop_instance_uid.clear();
  refused(nameless);
  CHECK_THROWS_AS(write_planar_nm(folder / "none/x.dcm", planar({counts(2, 2)})), FileError);
  CHECK(folder.names().empty());
}

TEST_CASE("write_derived_nm: a real whole-body scan becomes a flagged NM image in the same study") {
  const auto source = test_data() / "dicom/nm/NM1_UNC.dcm";
  if (!std::filesystem::exists(source)) {
    MESSAGE("SKIPPED: no real DICOM files in " << test_data().string());
    return;
  }
  const TestFolder folder;
  const DicomImage before = read_dicom(source);
  Image predicted = before.frames[0];
  for (float& sample : predicted.samples) sample = 2 * sample + 0.4F;
  const auto written = write_derived_nm(folder / "x.dcm", source, {predicted}, description());
  const DicomImage image = read_dicom(folder / "x.dcm");
  CHECK(image.sop_class_uid == "1.2.840.10008.5.1.4.1.1.20");
  CHECK(image.image_type == std::vector<std::string>{"DERIVED", "PRIMARY", "WHOLE BODY", "EMISSION"});
  CHECK(image.synthetic);
  CHECK(image.study_instance_uid == before.study_instance_uid);
  CHECK(image.patient_id == before.patient_id);
  CHECK(image.patient_name == before.patient_name);
  CHECK(image.series_instance_uid != before.series_instance_uid);
  CHECK(image.series_instance_uid == written.series_instance_uid);
  CHECK(image.sop_instance_uid != before.sop_instance_uid);
  CHECK(image.sop_instance_uid == written.sop_instance_uid);
  CHECK(image.series_description == "SYNTHETIC delayed from blood pool");
  CHECK_FALSE(image.counts_accumulated.has_value());  // nothing was counted
  CHECK_FALSE(image.is_signed);
  CHECK(image.row_spacing_mm == before.row_spacing_mm);
  CHECK(image.views == before.views);
  CHECK(image.frames[0].at(512, 100, 0) == 2 * before.frames[0].at(512, 100, 0));
  CHECK(violations(folder / "x.dcm") == "");
  const std::string bytes = contents(folder / "x.dcm");
  CHECK(bytes.find("GEMS_GENIE_1") == std::string::npos);  // private groups describe the acquired image
  CHECK(bytes.find(before.sop_instance_uid) != std::string::npos);
  for (const char* code : {"121322", "109100", "0123abcd", "GE Medical Systems"}) {
    CAPTURE(code);
    CHECK(bytes.find(code) != std::string::npos);
  }
  CHECK(io::describe_dicom(folder / "x.dcm").find("derived, SYNTHETIC") != std::string::npos);
}

TEST_CASE("write_derived_nm: two-frame statics and one of their frames alone satisfy dciodvfy") {
  const TestFolder folder;
  const auto source = folder / "source.dcm";
  write_planar_nm(source, planar({counts(6, 4), counts(6, 4, 9)}));
  write_derived_nm(folder / "both.dcm", source, {counts(6, 4, 1), counts(6, 4, 2)}, description());
  const DicomImage both = read_dicom(folder / "both.dcm");
  CHECK(both.views == std::vector<View>{View::anterior, View::posterior});
  CHECK(both.radiopharmaceutical == "Tc-99m HDP");
  CHECK(violations(folder / "both.dcm") == "");

  DerivedDescription about = description();
  about.source_frames = {2};
  about.series_description = "SYNTHETIC posterior";
  about.frame_duration_ms = 600000;
  write_derived_nm(folder / "posterior.dcm", source, {counts(6, 4, 3)}, about);
  const DicomImage posterior = read_dicom(folder / "posterior.dcm");
  CHECK(posterior.views == std::vector<View>{View::posterior});
  CHECK(posterior.series_description == "SYNTHETIC posterior");
  CHECK(posterior.frame_duration_ms == 600000);
  CHECK(violations(folder / "posterior.dcm") == "");
}

TEST_CASE("write_derived_nm: the same inputs give the same bytes, any other pixel another instance") {
  const TestFolder folder;
  const auto source = folder / "source.dcm";
  write_planar_nm(source, planar({counts(6, 4)}));
  const auto first = write_derived_nm(folder / "a.dcm", source, {counts(6, 4, 1)}, description());
  const auto again = write_derived_nm(folder / "b.dcm", source, {counts(6, 4, 1)}, description());
  CHECK(contents(folder / "a.dcm") == contents(folder / "b.dcm"));
  Image other = counts(6, 4, 1);
  other.samples[23] += 1;
  const auto changed = write_derived_nm(folder / "b.dcm", source, {other}, description());
  DerivedDescription newer = description();
  newer.model_fingerprint = "fedc9876";
  const auto retrained = write_derived_nm(folder / "c.dcm", source, {counts(6, 4, 1)}, newer);
  CHECK(first.sop_instance_uid == again.sop_instance_uid);
  CHECK(first.series_instance_uid == changed.series_instance_uid);
  CHECK(first.series_instance_uid != retrained.series_instance_uid);
  CHECK(std::set<std::string>{first.sop_instance_uid, changed.sop_instance_uid, retrained.sop_instance_uid}
            .size() == 3);
  DerivedDescription batch = description();
  batch.series_instance_uid = "1.2.3.99";
  CHECK(write_derived_nm(folder / "d.dcm", source, {other}, batch).series_instance_uid == "1.2.3.99");
}

TEST_CASE("write_derived_nm: a view that was assumed is not written as known") {
  const TestFolder folder;
  const auto source = folder.put("source.dcm", camera_file(4, 3, 2).file());
  write_derived_nm(folder / "x.dcm", source, {counts(4, 3), counts(4, 3)}, description());
  const DicomImage image = read_dicom(folder / "x.dcm");
  CHECK(image.views == std::vector<View>{View::anterior, View::posterior});
  CHECK(image.views_assumed);
  CHECK(violations(folder / "x.dcm") == "");
  // Alone, the second detector becomes number 1 and would be taken for anterior: now the view is written.
  DerivedDescription about = description();
  about.source_frames = {2};
  write_derived_nm(folder / "y.dcm", source, {counts(4, 3)}, about);
  CHECK(read_dicom(folder / "y.dcm").views == std::vector<View>{View::posterior});
  CHECK(violations(folder / "y.dcm") == "");
}

TEST_CASE("write_derived_nm: sources and frames that do not fit are refused, and an old file is left alone") {
  const TestFolder folder;
  const auto target = folder.put("x.dcm", "old");
  const auto derive = [&](const DicomBytes& source, const std::vector<Image>& frames,
                          const DerivedDescription& about = description()) {
    write_derived_nm(target, folder.put("source.dcm", source.file()), frames, about);
  };
  const auto refusal = [&](const DicomBytes& source) {
    return message_of<FileError>([&] { derive(source, {counts(4, 3), counts(4, 3)}); });
  };
  CHECK(refusal(camera_file().without(0x0020000d)).find("StudyInstanceUID") != std::string::npos);
  CHECK(refusal(camera_file().without(0x00080018)).find("SOPInstanceUID") != std::string::npos);
  CHECK(refusal(camera_file().text(0x00080060, "CS", "CT")).find("modality is CT") != std::string::npos);
  CHECK(refusal(camera_file().text(0x00080008, "CS", "ORIGINAL\\PRIMARY\\TOMO\\EMISSION")).find("TOMO") !=
        std::string::npos);
  CHECK_THROWS_AS(derive(camera_file(), {counts(4, 4), counts(4, 4)}), std::invalid_argument);
  CHECK_THROWS_AS(derive(camera_file(), {}), std::invalid_argument);
  CHECK_THROWS_AS(derive(camera_file(), {counts(4, 3), counts(4, 3), counts(4, 3)}), std::invalid_argument);
  DerivedDescription third = description();
  third.source_frames = {3};
  CHECK_THROWS_AS(derive(camera_file(), {counts(4, 3)}, third), std::invalid_argument);
  CHECK(contents(target) == "old");
  CHECK(folder.names() == std::vector<std::string>{"source.dcm", "x.dcm"});
}

TEST_CASE("write_derived_nm: long and strange descriptions are made to fit the standard") {
  const TestFolder folder;
  const auto source = folder / "source.dcm";
  write_planar_nm(source, planar({counts(6, 4)}));
  DerivedDescription about = description();
  about.series_description = std::string(300, 'd') + "\\x";
  about.derivation_description = std::string(3000, 'e') + "\n\x01";
  about.model_name = "caf\xc3\xa9\\model\n";
  write_derived_nm(folder / "x.dcm", source, {counts(6, 4)}, about);
  const DicomImage image = read_dicom(folder / "x.dcm");
  CHECK(image.series_description.size() == 64);
  CHECK(image.series_description.rfind("SYNTHETIC d", 0) == 0);
  CHECK(violations(folder / "x.dcm") == "");
}

}  // namespace uptake::tests
#endif
