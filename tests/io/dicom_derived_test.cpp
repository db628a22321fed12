// What a derived object says about itself, attribute by attribute, read from its bytes by code that shares nothing with
// the writer; dciodvfy judges the whole.
#ifdef UPTAKE_HAS_DICOM
#include "io/dicom/dicom_derived.h"

#include <doctest/doctest.h>

#include <cctype>
#include <ctime>
#include <set>

#include "dicom_bytes.h"
#include "dicom_judge.h"
#include "io/base/file.h"
#include "test_files.h"

namespace uptake::tests {
namespace {

using io::DerivedDescription;
using io::FileError;
using io::Image;
using io::SampleKind;

Image counts(float first = 0, std::int64_t height = 4, std::int64_t width = 3) {
  Image image(height, width, 1, SampleKind::counts);
  for (float& sample : image.samples) sample = first++;
  return image;
}

std::chrono::system_clock::time_point moment(int seconds = 0) {
  std::tm parts{};
  parts.tm_year = 126;  // 2026-03-04 05:06:07, in the zone of this machine
  parts.tm_mon = 2;
  parts.tm_mday = 4;
  parts.tm_hour = 5;
  parts.tm_min = 6;
  parts.tm_sec = 7 + seconds;
  parts.tm_isdst = -1;
  return std::chrono::system_clock::from_time_t(std::mktime(&parts));
}

DerivedDescription description() {
  DerivedDescription about;
  about.series_description = "predicted from";
  about.names_source_series = true;
  about.derivation_description = "Predicted by a network.";
  about.model_name = "pix2pix";
  about.model_fingerprint = "SHA-256 0123abcd";
  about.software_version = "uptake test";
  about.now = moment();
  return about;
}

/// The value of the first attribute with this tag, padding removed; "(absent)".
std::string value(const std::string& bytes, std::uint32_t tag) {
  const std::string key = u16(tag >> 16) + u16(tag & 0xffff);
  for (std::size_t at = bytes.find(key); at != std::string::npos; at = bytes.find(key, at + 1)) {
    const std::string vr = bytes.substr(at + 4, 2);
    if (vr.size() != 2 || std::isupper(vr[0]) == 0 || std::isupper(vr[1]) == 0) continue;
    const bool is_long = vr == "SQ" || vr == "OB" || vr == "OW" || vr == "UN";
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes.at(i)); };
    const std::size_t start = at + (is_long ? 12 : 8);
    const std::size_t length =
        is_long ? byte(at + 8) | byte(at + 9) << 8 | byte(at + 10) << 16 : byte(at + 6) | byte(at + 7) << 8;
    std::string text = bytes.substr(start, length);
    while (!is_long && vr != "US" && !text.empty() && (text.back() == ' ' || text.back() == '\0'))
      text.pop_back();
    return text;
  }
  return "(absent)";
}

/// The bytes of what is derived from a source of one or two frames.
struct Derived {
  TestFolder folder;
  std::string bytes, errors;
  io::WrittenDicom written;

  explicit Derived(const DicomBytes& source, const DerivedDescription& about = description(),
                   std::vector<Image> frames = {counts()}) {
    const auto in = folder.put("source.dcm", source.file());
    written = write_derived_nm(folder / "x.dcm", in, frames, about);
    bytes = contents(folder / "x.dcm");
    errors = violations(folder / "x.dcm");
  }
  std::string operator[](std::uint32_t tag) const { return value(bytes, tag); }
};

DicomBytes one_frame() { return camera_file(4, 3, 1); }

DicomBytes code(const std::string& value, const std::string& scheme, const std::string& meaning) {
  return DicomBytes()
      .text(0x00080100, "SH", value)
      .text(0x00080102, "SH", scheme)
      .text(0x00080104, "LO", meaning);
}

DicomBytes energy_window(const std::string& name, const std::string& lower, const std::string& upper) {
  const DicomBytes range = DicomBytes().text(0x00540014, "DS", lower).text(0x00540015, "DS", upper);
  return DicomBytes().sequence(0x00540013, range).text(0x00540018, "SH", name);
}

}  // namespace

TEST_CASE("derived: series and content are of now, the acquisition of when it was; the study's day is kept") {
  const Derived d(one_frame().text(0x00080020, "DA", "20240102").text(0x00080021, "DA", "20240102"));
  for (const std::uint32_t date : {0x00080012U, 0x00080021U, 0x00080023U}) CHECK(d[date] == "20260304");
  for (const std::uint32_t time : {0x00080013U, 0x00080031U, 0x00080033U}) CHECK(d[time] == "050607");
  CHECK(d[0x00080020] == "20240102");
  CHECK(d[0x00080022] == "20240102");
  CHECK(d[0x00080032] == "101112");
  CHECK(d.errors == "");
}

TEST_CASE("derived: in a data set with a time zone, the time of now is of that zone") {
  DerivedDescription about = description();
  about.now = std::chrono::system_clock::from_time_t(1772600767);  // 2026-03-04 05:06:07 UTC
  const Derived east(one_frame().text(0x00080201, "SH", "+0930"), about);
  CHECK(east[0x00080033] == "143607");
  const Derived west(one_frame().text(0x00080201, "SH", "-0600"), about);
  CHECK(west[0x00080023] == "20260303");
  CHECK(west[0x00080033] == "230607");
  CHECK(west[0x00080201] == "-0600");
}

TEST_CASE("derived: the clock changes bytes, but neither instance nor series") {
  DerivedDescription later = description();
  later.now = moment(1);
  const Derived a(one_frame()), same(one_frame()), b(one_frame(), later);
  CHECK(a.bytes == same.bytes);
  CHECK(a.bytes != b.bytes);
  CHECK(a.written.sop_instance_uid == b.written.sop_instance_uid);
  CHECK(a.written.series_instance_uid == b.written.series_instance_uid);
  DerivedDescription without = description();
  without.now.reset();
  CHECK(Derived(one_frame(), without)[0x00080023].size() == 8);
}

TEST_CASE("derived: duration and minutes are those of the training targets") {
  DerivedDescription about = description();
  about.frame_duration_ms = 600000;
  about.minutes_after_injection = 180;
  const Derived d(one_frame(), about);
  CHECK(d[0x00181242] == "600000");
  CHECK(d[0x00082111] ==
        "Predicted by a network. Stands for an image of 600 s 180 minutes after injection, as in the "
        "training data.");
  CHECK(Derived(one_frame())[0x00181242] == "300000");
  CHECK(Derived(one_frame())[0x00082111] == "Predicted by a network.");
}

TEST_CASE("derived: the energy windows are those of the frames that were used") {
  const DicomBytes source = camera_file(4, 3, 4)
                                .set(0x00540010, "US", u16(1) + u16(2) + u16(2) + u16(1))
                                .number(0x00540011, 2)
                                .sequence(0x00540012, energy_window("Scatter", "108", "129"),
                                          energy_window("Tc-99m", "129", "150"));
  DerivedDescription about = description();
  about.source_frames = {2, 3};
  const Derived peak(source, about, {counts(), counts(1)});
  CHECK(peak[0x00540010] == u16(1) + u16(1));
  CHECK(peak[0x00540011] == u16(1));
  CHECK(peak[0x00540018] == "Tc-99m");
  CHECK(peak.bytes.find("Scatter") == std::string::npos);
  CHECK(peak.errors == "");
  about.source_frames = {2, 1};
  const Derived both(source, about, {counts(), counts(1)});
  CHECK(both[0x00540010] == u16(1) + u16(2));
  CHECK(both[0x00540011] == u16(2));
  CHECK(both.bytes.find("Tc-99m") < both.bytes.find("Scatter"));
  CHECK(both.errors == "");
}

TEST_CASE("derived: instance and series numbers follow those of the source") {
  const auto numbered = [](const char* instance, const char* series) {
    const Derived d(one_frame().text(0x00200013, "IS", instance).text(0x00200011, "IS", series));
    return d[0x00200013] + " in " + d[0x00200011];
  };
  CHECK(numbered("3", "7") == "3 in 9007");
  CHECK(numbered("", "") == "1 in 9001");
  CHECK(numbered("-4", "x") == "1 in 9001");
  DerivedDescription about = description();
  about.instance_number = 12;
  about.series_number = 77;
  const Derived d(one_frame(), about);
  CHECK(d[0x00200013] == "12");
  CHECK(d[0x00200011] == "77");
}

TEST_CASE("derived: an image once compressed with loss says so for ever") {
  const Derived d(one_frame()
                      .text(0x00282110, "CS", "01")
                      .text(0x00282112, "DS", "9.5")
                      .text(0x00282114, "CS", "ISO_10918_1"));
  CHECK(d[0x00282110] == "01");
  CHECK(d[0x00282112] == "9.5");
  CHECK(d[0x00282114] == "ISO_10918_1");
  CHECK(Derived(one_frame().text(0x00282110, "CS", "00"))[0x00282110] == "00");
  CHECK(Derived(one_frame())[0x00282110] == "(absent)");
}

TEST_CASE("derived: the first window shows the predicted counts, also none and one") {
  const auto window = [](const std::vector<float>& samples) {
    Image image = counts();
    image.samples.assign(image.samples.size(), 0);
    std::copy(samples.begin(), samples.end(), image.samples.begin());
    const Derived d(one_frame(), description(), {image});
    CHECK(d.errors == "");
    return d[0x00281050] + " / " + d[0x00281051];
  };
  CHECK(window({}) == "1.0 / 2.0");
  CHECK(window({40}) == "20.5 / 41.0");
  CHECK(window({1, 2, 3, 99}) == "2.0 / 4.0");  // the hottest pixel of a few stays above
  CHECK(window({70000}) == "32768.0 / 65536.0");
}

TEST_CASE("derived: names and descriptions survive in the source's character set, cut between characters") {
  struct Case {
    const char *set, *name, *series;
  };
  for (const Case& c :
       {Case{"ISO_IR 100",
             "B\xfc"
             "cher^J\xfcrgen",
             "Knochen Sp\xe4tphase"},
        Case{"ISO_IR 192", "\xea\xb9\x80^\xed\x9d\xac\xec\xa4\x91", "\xe9\xaa\xa8"},
        Case{"GB18030", "Wang^XiaoDong=\xcd\xf5^\x90\x5c", "\xb9\xc7 \x90\x5c"},
        Case{"\\ISO 2022 IR 87", "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$B;\\O:\x1b(B", "\x1b$B9|;\\\x1b(B"},
        Case{"\\ISO 2022 IR 149", "Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7", "\x1b$)C\xb1\xe8"},
        Case{"ISO_IR 13", "\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "\xba\xc2"}}) {
    CAPTURE(c.set);
    const Derived d(one_frame()
                        .text(0x00080005, "CS", c.set)
                        .text(0x00100010, "PN", c.name)
                        .text(0x00081030, "LO", c.series)
                        .text(0x0008103e, "LO", c.series));
    CHECK(d[0x00080005] == c.set);
    CHECK(d[0x00100010] == c.name);
    CHECK(d[0x00081030] == c.series);
    CHECK(d[0x0008103e] == std::string("SYNTHETIC predicted from ") + c.series);
  }
  DerivedDescription about = description();
  about.model_name = "M\xc3\xbcller";
  CHECK(Derived(one_frame().text(0x00080005, "CS", "ISO_IR 100"), about)[0x00081090] == "M\xfcller");
  CHECK(Derived(one_frame(), about)[0x00081090] == "M?ller");
}

TEST_CASE("derived: laterality is for paired parts of the body") {
  const auto side = [](DicomBytes source) {
    const Derived d(source.text(0x00200060, "CS", "L"));
    CHECK(d.errors == "");
    return d[0x00180015] + " " + d[0x00200060];
  };
  const DicomBytes whole = one_frame().text(0x00080008, "CS", "ORIGINAL\\PRIMARY\\WHOLE BODY\\EMISSION");
  const auto part = [](DicomBytes source, const char* name) { return source.text(0x00180015, "CS", name); };
  CHECK(side(part(one_frame(), "HAND")) == "HAND L");
  CHECK(side(one_frame()) == "(absent) L");
  CHECK(side(part(one_frame(), "SPINE")) == "SPINE (absent)");
  CHECK(side(part(one_frame(), "WHOLE BODY")) == "WHOLEBODY (absent)");
  CHECK(side(whole) == "WHOLEBODY (absent)");
  CHECK(side(part(whole, "WHOLEBODY")) == "WHOLEBODY (absent)");
}

TEST_CASE("derived: what the standard wants there is there, sequences are copied whole or not at all") {
  const DicomBytes orientation =
      code("F-10450", "SRT", "recumbent").sequence(0x00540412, code("F-10340", "SRT", "supine"));
  const DicomBytes detector = DicomBytes().text(0x00181181, "CS", "FANB").text(0x00181182, "IS", "550");
  const DicomBytes tracer = DicomBytes()
                                .text(0x00180031, "LO", "Tc-99m HDP")
                                .text(0x00181072, "TM", "08:50:00")
                                .text(0x00111001, "LO", "private");
  const Derived d(one_frame()
                      .sequence(0x00540022, detector)
                      .sequence(0x00540016, tracer)
                      .sequence(0x00540410, orientation)
                      .sequence(0x00540414, code("F-10470", "SRT", "headfirst")));
  CHECK(d.errors == "");
  CHECK(d[0x00181182] == "550");
  CHECK(d.bytes.find("recumbent") != std::string::npos);
  CHECK(d.bytes.find("supine") != std::string::npos);
  CHECK(d.bytes.find("headfirst") != std::string::npos);
  CHECK(d.bytes.find("private") == std::string::npos);
  CHECK(d[0x00540300] == "");  // RadionuclideCodeSequence: present and empty
  const Derived bare(one_frame());
  CHECK(bare[0x00181182] == "");
  CHECK(bare[0x00540410] == "");
  CHECK(bare.errors == "");
  const Derived broken(one_frame()
                           .sequence(0x00540410, code("", "SRT", "recumbent"))
                           .sequence(0x00540016, DicomBytes().sequence(0x00540300, code("", "SRT", ""))));
  CHECK(broken.errors == "");
  CHECK(broken[0x00540410] == "");
}

TEST_CASE("derived: values that are not of their kind are mended or left out, not handed on") {
  const Derived d(one_frame()
                      .text(0x00100030, "DA", "1970.01.02")
                      .text(0x00100040, "CS", "f")
                      .text(0x00101010, "AS", "45")
                      .text(0x00101030, "DS", "70,5")
                      .text(0x00080032, "TM", "10:11:12")
                      .text(0x00080020, "DA", "yesterday"));
  CHECK(d.errors == "");
  CHECK(d[0x00100030] == "19700102");
  CHECK(d[0x00100040] == "F");
  CHECK(d[0x00101010] == "(absent)");
  CHECK(d[0x00101030] == "(absent)");
  CHECK(d[0x00080032] == "101112");
  CHECK(d[0x00080020] == "");
}

TEST_CASE("predicted_from: tells our results from everything else") {
  const Derived d(one_frame());
  CHECK(io::predicted_from(d.folder / "x.dcm").value() == "1.2.3.4.5");
  CHECK(io::identity_of(d.folder / "x.dcm").sop_instance_uid == d.written.sop_instance_uid);
  CHECK(io::identity_of(d.folder / "source.dcm").sop_instance_uid == "1.2.3.4.5");
  CHECK_FALSE(io::predicted_from(d.folder / "source.dcm").has_value());
  CHECK_FALSE(io::predicted_from(d.folder.put("text.dcm", "no image")).has_value());
  CHECK_FALSE(io::predicted_from(d.folder / "none.dcm").has_value());
  DicomBytes other = one_frame().text(0x00080008, "CS", "DERIVED\\PRIMARY\\STATIC\\EMISSION");
  CHECK_FALSE(io::predicted_from(d.folder.put("other.dcm", other.file())).has_value());
  CHECK(io::identity_of(d.folder / "none.dcm").sop_instance_uid == "");
}

TEST_CASE("anonymous: nothing of the patient, the day, the place or the source's identifiers is left") {
  const DicomBytes source = one_frame()
                                .text(0x00080050, "SH", "ACC77")
                                .text(0x00080080, "LO", "Saint Elsewhere")
                                .text(0x00080090, "PN", "Referrer^Rita")
                                .text(0x00081010, "SH", "STATION5")
                                .text(0x00081030, "LO", "Bone scan of Jane")
                                .text(0x0008103e, "LO", "JANE hands")
                                .text(0x00100030, "DA", "19700102")
                                .text(0x00101010, "AS", "054Y")
                                .text(0x00101030, "DS", "71")
                                .text(0x00181030, "LO", "protocol J")
                                .text(0x00200010, "SH", "STUDY8")
                                .text(0x00200052, "UI", "1.2.3.52")
                                .text(0x00111001, "LO", "private")
                                .sequence(0x00540016, DicomBytes()
                                                          .text(0x00180031, "LO", "Tc-99m HDP")
                                                          .text(0x00181072, "TM", "085059")
                                                          .text(0x00181078, "DT", "20240102085059"));
  DerivedDescription about = description();
  about.anonymous = io::Anonymity{"secret", "ANON-1"};
  const Derived d(source, about);
  CHECK(d.errors == "");
  for (const char* trace :
       {"Doe",      "ID7",      "ACC77",      "Elsewhere", "Referrer", "STATION5",    "Jane",      "JANE",
        "19700102", "054Y",     "protocol J", "STUDY8",    "1.2.3.1",  "1.2.3.2",     "1.2.3.4.5", "1.2.3.52",
        "private",  "20240102", "101112",     "085059",    "20260304", "Camera maker"}) {
    CAPTURE(trace);
    CHECK(d.bytes.find(trace) == std::string::npos);
  }
  CHECK(d[0x00100010] == "ANON-1");
  CHECK(d[0x00100020] == "ANON-1");
  CHECK(d[0x00120062] == "YES");
  CHECK(d[0x00280303] == "REMOVED");
  CHECK(d.bytes.find("113100") != std::string::npos);
  CHECK(d.bytes.find("113105") != std::string::npos);
  CHECK(d[0x0008103e] == "SYNTHETIC predicted from NM");
  CHECK(d.bytes.find("SHA-256 0123abcd") != std::string::npos);
  CHECK(d[0x00080016] == "1.2.840.10008.5.1.4.1.1.20");
  CHECK(d[0x0008001c] == "YES");
  CHECK(d.bytes.find("Tc-99m HDP") != std::string::npos);
  // Equal identifiers are replaced by equal ones within a batch, and by others in another.
  const Derived again(DicomBytes(source).text(0x00080018, "UI", "1.2.3.4.6"), about);
  CHECK(d[0x0020000d] == again[0x0020000d]);
  CHECK(d[0x00081155] != again[0x00081155]);
  about.anonymous->secret = "other";
  CHECK(d[0x0020000d] != Derived(source, about)[0x0020000d]);
}

TEST_CASE("display copy: a Secondary Capture with burned-in words, in a series of its own") {
  const TestFolder folder;
  const auto source = folder.put("source.dcm", one_frame().file());
  Image picture(5, 7, 1, SampleKind::u8);
  for (std::size_t i = 0; i < picture.samples.size(); ++i) picture.samples[i] = static_cast<float>(7 * i);
  const auto written = write_display_copy(folder / "x.dcm", source, picture, description());
  const std::string bytes = contents(folder / "x.dcm");
  CHECK(value(bytes, 0x00080016) == "1.2.840.10008.5.1.4.1.1.7");
  CHECK(value(bytes, 0x00280301) == "YES");
  CHECK(value(bytes, 0x00080008) == "DERIVED\\SECONDARY");
  CHECK(value(bytes, 0x0008001c) == "YES");
  CHECK(value(bytes, 0x00080064) == "SYN");
  CHECK(value(bytes, 0x0020000d) == "1.2.3.1");
  CHECK(io::predicted_from(folder / "x.dcm").value() == "1.2.3.4.5");
  CHECK(violations(folder / "x.dcm", "SCImage") == "");
  const io::DicomImage image = io::read_dicom(folder / "x.dcm");
  CHECK(image.frames[0].samples == picture.samples);
  const auto counted = write_derived_nm(folder / "y.dcm", source, {counts()}, description());
  CHECK(counted.series_instance_uid != written.series_instance_uid);
  CHECK_THROWS_AS(write_display_copy(folder / "z.dcm", source, counts(), description()),
                  std::invalid_argument);
}

}  // namespace uptake::tests
#endif
