// What frames are: energy windows, kinds of acquisition, views, times; and what does not fit together.
#ifdef UPTAKE_HAS_DICOM
#include <doctest/doctest.h>

#include "dicom_bytes.h"
#include "io/base/file.h"
#include "io/dicom/dicom_derived.h"
#include "test_files.h"

namespace uptake::tests {
namespace {

using io::DicomImage;
using io::FileError;
using io::read_dicom;
using io::View;

DicomImage read(const TestFolder& folder, const DicomBytes& bytes) {
  return read_dicom(folder.put("image.dcm", bytes.file()));
}

std::string refusal(const TestFolder& folder, const DicomBytes& bytes) {
  const auto path = folder.put("image.dcm", bytes.file());
  return message_of<FileError>([&] { read_dicom(path); });
}

/// Why it is not planar; "" if it is.
std::string not_planar(const DicomImage& image) {
  return message_of<FileError>([&] { io::require_planar("x", image); });
}

bool warns(const DicomImage& image, const std::string& words) {
  return std::any_of(image.warnings.begin(), image.warnings.end(),
                     [&](const std::string& warning) { return warning.find(words) != std::string::npos; });
}

DicomBytes window(const std::string& name, const std::string& lower, const std::string& upper) {
  DicomBytes range, item;
  range.text(0x00540014, "DS", lower).text(0x00540015, "DS", upper);
  return item.sequence(0x00540013, range).text(0x00540018, "SH", name);
}

DicomBytes tracer(const std::string& name) { return DicomBytes().text(0x00180031, "LO", name); }

std::string words(std::initializer_list<unsigned> values) {
  std::string bytes;
  for (const unsigned value : values) bytes += u16(value);
  return bytes;
}

/// Two detectors, each in two windows: frames 1 and 2 of the first.
DicomBytes two_windows(const DicomBytes& first, const DicomBytes& second, const std::string& given) {
  auto bytes = camera_file(2, 2, 4);
  bytes.set(0x00540010, "US", words({1, 1, 2, 2})).set(0x00540020, "US", words({1, 2, 1, 2}));
  if (!given.empty()) bytes.sequence(0x00540016, tracer(given));
  return bytes.sequence(0x00540012, first, second);
}

}  // namespace

TEST_CASE("read_dicom: frames of a scatter window are known by its name or by its range") {
  const TestFolder folder;
  const auto peaks = [&](const DicomBytes& first, const DicomBytes& second, const std::string& given) {
    return read(folder, two_windows(first, second, given)).photopeak_frames();
  };
  const std::vector<std::size_t> front{0, 1}, back{2, 3}, all{0, 1, 2, 3};
  const DicomBytes photopeak = window("Tc-99m", "128.6", "149.4");
  CHECK(peaks(photopeak, window("Scatter", "108.3", "129.2"), "Tc-99m HDP") == front);
  CHECK(peaks(photopeak, window("Tc99m_SC", "130", "150"), "Tc-99m HDP") == front);
  CHECK(peaks(photopeak, window("Window 2", "108.3", "129.2"), "99mTc MDP") == front);
  CHECK(peaks(photopeak, window("", "108.3", "129.2"), "") == front);
  CHECK(peaks(window("EM", "92", "125"), window("EM", "126", "154"), "") == back);
  CHECK(peaks(photopeak, window("upper", "150", "170"), "Tc-99m HDP") == front);
  CHECK(peaks(window("low", "154", "188"), window("high", "221", "270"), "In-111 leucocytes") == all);
  CHECK(peaks(photopeak, window("Tc-99m high", "133", "154"), "Tc-99m HDP") == all);
  CHECK(peaks(window("a", "", ""), window("b", "", ""), "Tc-99m HDP") == all);
  CHECK(peaks(photopeak, window("DESCENDING", "128", "150"), "Tc-99m HDP") ==
        all);  // no word, though it holds "sc"
}

TEST_CASE("read_dicom: each frame says its window, and a file of scatter alone is not translated") {
  const TestFolder folder;
  const DicomImage image = read(folder, two_windows(window("Tc-99m", "128.6", "149.4"),
                                                    window("Scatter", "108.3", "129.2"), "Tc-99m HDP"));
  REQUIRE(image.windows.size() == 4);
  CHECK(image.windows[1] == io::EnergyWindow{"Tc-99m", 128.6, 149.4, false});
  CHECK(image.windows[2] == io::EnergyWindow{"Scatter", 108.3, 129.2, true});
  CHECK(image.radionuclide == "Tc-99m");
  CHECK(warns(image, "of a scatter window"));
  CHECK(not_planar(image) == "");
  CHECK(io::describe_dicom(folder / "image.dcm").find("scatter window Scatter (108.3 to 129.2 keV)") !=
        std::string::npos);

  const auto lone = camera_file(2, 2, 1).sequence(0x00540012, window("Scatter", "108.3", "129.2"));
  CHECK(not_planar(read(folder, lone)).find("every frame is of a scatter window") != std::string::npos);
  auto untold = two_windows(window("Tc-99m", "128.6", "149.4"), window("Scatter", "108.3", "129.2"), "");
  CHECK(not_planar(read(folder, untold.without(0x00540010))).find("EnergyWindowVector") != std::string::npos);
}

TEST_CASE(
    "require_planar: frames ordered by slice, angle, time slot or phase are known without an image type") {
  const TestFolder folder;
  auto bytes = camera_file(1, 2, 4).text(0x00080008, "CS", "ORIGINAL\\PRIMARY");
  bytes.set(0x00540020, "US", words({1, 1, 1, 1}));
  struct Case {
    std::uint32_t tag;
    const char* name;
    bool DicomImage::*kind;
  };
  const Case cases[] = {{0x00540080, "SliceVector", &DicomImage::reconstructed},
                        {0x00540050, "RotationVector", &DicomImage::tomographic},
                        {0x00540090, "AngularViewVector", &DicomImage::tomographic},
                        {0x00540060, "RRIntervalVector", &DicomImage::gated},
                        {0x00540070, "TimeSlotVector", &DicomImage::gated},
                        {0x00540030, "PhaseVector", &DicomImage::dynamic},
                        {0x00540100, "TimeSliceVector", &DicomImage::dynamic}};
  for (const Case& one : cases) {
    CAPTURE(one.name);
    DicomBytes by_vector = bytes, by_pointer = bytes, said_static = camera_file(1, 2, 4),
               habit = camera_file(1, 2, 1);
    const DicomImage image = read(folder, by_vector.set(one.tag, "US", words({1, 2, 3, 4})));
    CHECK(image.*one.kind);
    CHECK(not_planar(image).find(one.name) != std::string::npos);
    by_pointer.set(0x00280009, "AT", u16(one.tag >> 16) + u16(one.tag & 0xffff));
    CHECK(not_planar(read(folder, by_pointer)).find(one.name) != std::string::npos);
    // An image type that says STATIC does not make frames that differ by slice a planar image.
    said_static.set(one.tag, "US", words({1, 2, 3, 4}));
    CHECK(not_planar(read(folder, said_static)).find(one.name) != std::string::npos);
    CHECK(not_planar(read(folder, habit.set(one.tag, "US", words({1})))) == "");
  }
  CHECK(not_planar(read(folder, bytes)).find("several frames are of one energy window and detector") !=
        std::string::npos);
  CHECK(not_planar(read(folder, camera_file().text(0x00080008, "CS", "ORIGINAL\\PRIMARY"))) == "");
}

TEST_CASE(
    "read_summed_dicom: a dynamic series becomes one static frame of each detector, as long as all of them") {
  const TestFolder folder;
  DicomBytes early, late;
  early.text(0x00181242, "IS", "1000");
  late.text(0x00181242, "IS", "2500");
  auto film = camera_file(1, 2, 6).text(0x00080008, "CS", "ORIGINAL\\PRIMARY\\DYNAMIC\\EMISSION");
  film.set(0x00540010, "US", words({1, 1, 1, 1, 1, 1}))  // pixels 0 1, 2 3, 4 5, ...
      .set(0x00540020, "US", words({1, 1, 1, 2, 2, 2}))
      .set(0x00540030, "US", words({1, 2, 2, 1, 2, 2}))
      .number(0x00540021, 2)
      .sequence(0x00540032, early, late);
  const auto path = folder.put("film.dcm", film.file());
  CHECK(not_planar(read_dicom(path)).find("DYNAMIC") != std::string::npos);
  const DicomImage image = io::read_summed_dicom(path);
  CHECK(not_planar(image) == "");
  REQUIRE(image.frames.size() == 2);
  CHECK(image.frames[0].samples == std::vector<float>{0 + 2 + 4, 1 + 3 + 5});
  CHECK(image.frames[1].samples == std::vector<float>{6 + 8 + 10, 7 + 9 + 11});
  CHECK(image.views == std::vector<View>{View::anterior, View::posterior});
  CHECK(image.frame_duration_ms == 6000);
  CHECK(image.acquisition_kind() == "STATIC");
  CHECK(warns(image, "6 frames of a dynamic series were summed over time into 2"));
  io::DerivedDescription of_sum;
  of_sum.sum_dynamic = true;
  write_derived_nm(folder / "derived.dcm", path, image.frames, of_sum);
  const DicomImage derived = read_dicom(folder / "derived.dcm");
  CHECK(derived.frames[1].samples == image.frames[1].samples);
  CHECK(derived.views == image.views);
  CHECK(derived.acquisition_kind() == "STATIC");
  CHECK(derived.frame_duration_ms == 6000);
  CHECK_THROWS_AS(write_derived_nm(folder / "x.dcm", path, image.frames, io::DerivedDescription{}),
                  FileError);
  // Without an image type, by its phases alone.
  const auto bare = folder.put("bare.dcm", film.text(0x00080008, "CS", "ORIGINAL\\PRIMARY").file());
  CHECK(io::read_summed_dicom(bare).frames.size() == 2);

  const auto untold = folder.put("untold.dcm", film.without(0x00540020).file());
  CHECK(message_of<FileError>([&] { io::read_summed_dicom(untold); }).find("DetectorVector") !=
        std::string::npos);
  const auto still = folder.put("still.dcm", camera_file().file());
  CHECK(io::read_summed_dicom(still).frames[1].samples == read_dicom(still).frames[1].samples);
  auto tomographic = camera_file(1, 1, 3).text(0x00080008, "CS", "ORIGINAL\\PRIMARY\\TOMO\\EMISSION");
  CHECK(io::read_summed_dicom(folder.put("tomo.dcm", tomographic.file())).frames.size() == 3);
}

TEST_CASE("read_dicom: a rescale slope or intercept that is no number is refused") {
  const TestFolder folder;
  for (const char* value : {"0,5", "", "zero", "NaN", "inf", "1e400", "0.5x", "0.5\\2"}) {
    CAPTURE(value);
    const std::string slope = refusal(folder, camera_file().text(0x00281053, "DS", value));
    CHECK(slope.find("RescaleSlope is") != std::string::npos);
    CHECK(slope.find("not a number") != std::string::npos);
    CHECK(refusal(folder, camera_file().text(0x00281052, "DS", value)).find("RescaleIntercept is") !=
          std::string::npos);
  }
  CHECK(refusal(folder, camera_file().text(0x00281053, "DS", "0.0")).find("RescaleSlope is 0") !=
        std::string::npos);
  CHECK(read(folder, camera_file().text(0x00281053, "DS", " +0.5e0 ")).frames[0].samples[2] == 1);
}

TEST_CASE("read_dicom: a named view that is neither of the two ends the search") {
  const TestFolder folder;
  const auto view = [&](const DicomBytes& bytes) {
    const DicomImage image = read(folder, bytes);
    CHECK_FALSE(image.views_assumed);
    return image.views[0];
  };
  CHECK(view(camera_file(1, 1, 1).sequence(0x00540022, detector_with_view("G-A101"))) == View::unknown);
  for (const char* label : {"LT LAT", "R LATERAL", "LAO", "ANT OBLIQUE", "PLANTAR", "HANDS PALMAR"}) {
    CAPTURE(label);
    CHECK(view(camera_file(1, 1, 1).text(0x00540400, "SH", label)) == View::unknown);
  }
  for (const char* angle : {"90", "270", "45", "-120"}) {
    CAPTURE(angle);
    CHECK(view(camera_file(1, 1, 1).sequence(0x00540022, DicomBytes().text(0x00540200, "DS", angle))) ==
          View::unknown);
  }
  const auto meaning = [](const std::string& words_of_code, const std::string& modifier) {
    DicomBytes code, item;
    code.text(0x00080100, "SH", "99X")
        .text(0x00080102, "SH", "99LOCAL")
        .text(0x00080104, "LO", words_of_code);
    if (!modifier.empty()) code.sequence(0x00540222, DicomBytes().text(0x00080104, "LO", modifier));
    return camera_file(1, 1, 1).sequence(0x00540022, item.sequence(0x00540220, code));
  };
  CHECK(view(meaning("left lateral", "")) == View::unknown);
  CHECK(view(meaning("left anterior oblique", "")) == View::unknown);
  CHECK(view(meaning("Posterior projection", "")) == View::posterior);
  CHECK(view(meaning("anterior", "oblique")) == View::unknown);
}

TEST_CASE("read_dicom: private labels count in the block of their creator, whichever it is") {
  const TestFolder folder;
  const auto label = [](DicomBytes bytes, std::uint32_t block, const char* creator, const char* vr) {
    return bytes.text(0x00110000 | block, "LO", creator)
        .set(0x00110000 | block << 8 | 0x12, vr, "WHOLE BODY_F");
  };
  for (const std::uint32_t block : {0x10U, 0x29U, 0xffU})
    for (const char* vr : {"LO", "UN"}) {
      CAPTURE(block);
      const DicomImage image = read(folder, label(camera_file(1, 1, 1), block, "GEMS_GENIE_1", vr));
      CHECK(image.views == std::vector<View>{View::posterior});
      CHECK_FALSE(image.views_assumed);
    }
  CHECK(read(folder, label(camera_file(1, 1, 1), 0x10, "SOMEBODY ELSE", "LO")).views_assumed);
  CHECK(read(folder, camera_file(1, 1, 1).text(0x00111012, "LO", "WHOLE BODY_F")).views_assumed);
}

TEST_CASE("read_dicom: frames of which no vector says the detector are unknown") {
  const TestFolder folder;
  const DicomImage image =
      read(folder, camera_file(1, 1, 2)
                       .without(0x00540020)
                       .sequence(0x00540022, detector_with_view("G-5215"), detector_with_view("G-5216")));
  CHECK(image.views == std::vector<View>{View::unknown, View::unknown});
  CHECK_FALSE(image.views_assumed);
  CHECK(warns(image, "from which side"));
  // A single frame was seen by the only detector there is.
  CHECK(read(folder,
             camera_file(1, 1, 1).without(0x00540020).sequence(0x00540022, detector_with_view("G-5216")))
            .views == std::vector<View>{View::posterior});
  CHECK(read(folder, camera_file(1, 1, 1).without(0x00540020)).views == std::vector<View>{View::unknown});
}

TEST_CASE("write_derived_nm: a known view is written though the other was only assumed") {
  const TestFolder folder;
  const auto source = folder.put(
      "source.dcm",
      camera_file(1, 1, 2).sequence(0x00540022, detector_with_view("G-5216"), DicomBytes()).file());
  const DicomImage image = read_dicom(source);
  CHECK(image.views == std::vector<View>{View::posterior, View::posterior});
  CHECK(image.view_assumed == std::vector<bool>{false, true});
  write_derived_nm(folder / "derived.dcm", source, image.frames, io::DerivedDescription{});
  const DicomImage derived = read_dicom(folder / "derived.dcm");
  CHECK(derived.views == std::vector<View>{View::posterior, View::posterior});
  CHECK(derived.view_assumed == std::vector<bool>{false, true});
}

TEST_CASE("read_dicom: bits above BitsStored are an overlay, a sign, or a warning") {
  const TestFolder folder;
  const auto twelve = [](unsigned pixel) {
    return camera_file(1, 2, 1)
        .number(0x00280101, 12)
        .number(0x00280102, 11)
        .set(0x7fe00010, "OW", u16(pixel) + u16(1));
  };
  const char* said = "no overlay claims";
  CHECK(warns(read(folder, twelve(0x1002)), said));
  CHECK_FALSE(warns(read(folder, twelve(0x0fff)), said));
  const auto overlay = [&](unsigned pixel, unsigned position) {
    return twelve(pixel).number(0x60000100, 16).number(0x60000102, position);
  };
  CHECK_FALSE(warns(read(folder, overlay(0x1002, 12)), said));
  CHECK(warns(read(folder, overlay(0x1002, 13)), said));
  CHECK_FALSE(warns(read(folder, twelve(0xffff).number(0x00280103, 1)), said));  // -1
  CHECK(warns(read(folder, twelve(0x7fff).number(0x00280103, 1)), said));
  CHECK(read(folder, twelve(0xffff).number(0x00280103, 1)).frames[0].samples == std::vector<float>{-1, 1});
}

TEST_CASE("read_dicom: a declared sum or largest value that the pixels miss is said") {
  const TestFolder folder;
  const auto warnings = [&](std::uint32_t tag, const char* vr, const std::string& value) {
    return read(folder, camera_file(4, 3, 2).set(tag, vr, value)).warnings.size();
  };
  const std::size_t usual = read(folder, camera_file(4, 3, 2)).warnings.size();  // of the views
  CHECK(warnings(0x00180070, "IS", "276 ") == usual);                            // 0 + 1 + ... + 23
  CHECK(warnings(0x00180070, "IS", "277 ") == usual + 1);
  CHECK(warnings(0x00180070, "IS", "66") == usual + 1);
  CHECK(warnings(0x00280107, "US", u16(23)) == usual);
  CHECK(warnings(0x00280107, "US", u16(0)) == usual);
  CHECK(warnings(0x00280107, "US", u16(4200)) == usual + 1);
}

TEST_CASE("require_planar: a captured screen is refused or said, a count image of its class is taken") {
  const TestFolder folder;
  const auto capture = [] {
    return camera_file(1, 2, 1)
        .text(0x00080016, "UI", std::string("1.2.840.10008.5.1.4.1.1.7\0", 26))
        .text(0x00080064, "CS", "WSD")
        .text(0x00080008, "CS", "DERIVED\\SECONDARY");
  };
  const DicomImage unproved = read(folder, capture());
  CHECK(unproved.captured);
  CHECK(unproved.conversion_type == "WSD");
  CHECK(warns(unproved, "Secondary Capture"));
  CHECK(not_planar(unproved) == "");
  const DicomImage proved = read(folder, capture().text(0x00180070, "IS", "1"));
  CHECK_FALSE(proved.captured);
  CHECK_FALSE(warns(proved, "Secondary Capture"));
  const auto screen =
      capture().number(0x00280100, 8).number(0x00280101, 8).number(0x00280102, 7).set(0x7fe00010, "OB", "ab");
  CHECK(not_planar(read(folder, screen)).find("captured screen of 8 bits") != std::string::npos);
  CHECK(not_planar(read(folder, camera_file().text(0x00280301, "CS", "YES")))
            .find("BurnedInAnnotation is YES") != std::string::npos);
  CHECK(not_planar(read(folder, camera_file().text(0x00280301, "CS", "NO"))) == "");
}

TEST_CASE("minutes_after_injection: over midnight, over days, and none where the times make no sense") {
  const auto minutes = [](DicomImage image) { return image.minutes_after_injection().value_or(-1); };
  DicomImage image;
  CHECK(minutes(image) == -1);
  image.acquisition_date = "20240102";
  image.acquisition_time = "103000.5";
  CHECK(minutes(image) == -1);
  image.injection_time = "100000";
  CHECK(minutes(image) == doctest::Approx(30));
  image.acquisition_date = "";
  CHECK(minutes(image) == doctest::Approx(30));
  image.injection_time = "103500";  // five minutes later on the same day
  CHECK(minutes(image) == -1);
  image.acquisition_time = "015000";
  image.injection_time = "2320";
  CHECK(minutes(image) == doctest::Approx(150));
  image.acquisition_date = "20240103";
  CHECK(minutes(image) == doctest::Approx(150));
  image.study_date = "20240102";  // the study began the day before, and so did the injection
  CHECK(minutes(image) == doctest::Approx(150));
  image.acquisition_time = "100500";
  image.injection_time = "100000";
  CHECK(minutes(image) == doctest::Approx(24 * 60 + 5));
  image.injection_datetime = "20240103095000.000000";
  CHECK(minutes(image) == doctest::Approx(15));
  image.injection_datetime = "20240104000000";
  CHECK(minutes(image) == -1);
  image.injection_datetime = "20230103095000";
  CHECK(minutes(image) == -1);
  image.injection_datetime = "20240103095000+0100";
  image.acquisition_datetime = "20240103120000+0300";
  CHECK(minutes(image) == doctest::Approx(10));
  image.injection_datetime = "20240230";
  image.acquisition_datetime = "noon";
  CHECK(minutes(image) == doctest::Approx(24 * 60 + 5));
  image.injection_time = "250000";
  CHECK(minutes(image) == -1);
}

TEST_CASE("read_dicom: body part and side, by value or by code, and times") {
  const TestFolder folder;
  DicomBytes modifier, region;
  modifier.text(0x00080100, "SH", "G-A101").text(0x00080102, "SH", "SRT");
  region.text(0x00080100, "SH", "T-D8700").text(0x00080102, "SH", "SRT").sequence(0x00082220, modifier);
  const DicomImage coded = read(folder, camera_file().sequence(0x00082218, region));
  CHECK(coded.body_part == "HAND");
  CHECK(coded.laterality == "L");
  const DicomImage plain = read(folder, camera_file()
                                            .text(0x00180015, "CS", "FOOT")
                                            .text(0x00200060, "CS", "R")
                                            .text(0x00080020, "DA", "20240101")
                                            .text(0x00080023, "DA", "20240103")
                                            .text(0x00080033, "TM", "1012"));
  CHECK(plain.body_part == "FOOT");
  CHECK(plain.laterality == "R");
  CHECK(plain.study_date == "20240101");
  CHECK(plain.content_date == "20240103");
  CHECK(plain.content_time == "1012");
  CHECK(warns(read(folder, camera_file().text(0x00200060, "CS", "R").text(0x00200062, "CS", "L")),
              "different sides"));
}

}  // namespace uptake::tests
#endif
