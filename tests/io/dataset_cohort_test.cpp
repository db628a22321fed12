// Cohorts as data sets: DICOM files written here, paired by a cohort.csv.
#ifdef UPTAKE_HAS_DICOM
#include <doctest/doctest.h>

#include <utility>

#include "dataset_fixture.h"
#include "dicom_bytes.h"
#include "io/base/file.h"
#include "io/dicom/dicom.h"
#include "io/pairs/dataset.h"

using namespace uptake;
using namespace uptake::tests;
using io::PairDataset;
using io::View;

namespace {

struct Acquisition {
  std::int64_t size = 8;
  std::vector<View> views{View::anterior, View::posterior};
  std::string patient = "P1";
  int seed = 1;
  double spacing_mm = 2;
};

io::Image frame_of(const Acquisition& acquisition, std::size_t frame) {
  return patterned(acquisition.size, acquisition.size, 1, acquisition.seed + static_cast<int>(frame) * 10,
                   io::SampleKind::counts);
}

void add_dicom(const DatasetFolder& folder, const std::string& name, const Acquisition& acquisition) {
  io::PlanarNm planar;
  for (std::size_t i = 0; i < acquisition.views.size(); ++i)
    planar.frames.push_back(frame_of(acquisition, i));
  planar.views = acquisition.views;
  planar.pixel_spacing_mm = acquisition.spacing_mm;
  planar.patient_id = planar.patient_name = acquisition.patient;
  planar.study_instance_uid = io::uid_from_name("study of " + acquisition.patient);
  planar.series_instance_uid = io::uid_from_name("series " + name);
  planar.sop_instance_uid = io::uid_from_name("image " + name);
  planar.frame_of_reference_uid = io::uid_from_name("frame " + name);
  io::write_planar_nm(folder.path() / name, planar);
}

void add_table(const DatasetFolder& folder, const std::string& rows) {
  folder.add("cohort.csv", "patient,group,split,blood_pool,delayed\n" + rows);
}

}  // namespace

TEST_CASE("PairDataset: a cohort gives one pair per frame, as counts, with patient and group") {
  const DatasetFolder folder;
  const Acquisition early{.seed = 1}, late{.seed = 2},
      other{.views = {View::anterior}, .patient = "P10", .seed = 3};
  add_dicom(folder, "early.dcm", early);
  add_dicom(folder, "late.dcm", late);
  add_dicom(folder, "early10.dcm", other);
  add_dicom(folder, "late10.dcm", other);
  add_dicom(folder, "test_early.dcm", {.patient = "P3"});
  add_dicom(folder, "test_late.dcm", {.patient = "P3"});
  add_table(folder,
            "P10,crps,train,early10.dcm,late10.dcm\n"
            "P2,arthritis,train,early.dcm,late.dcm\n"
            "P3,arthritis,test,test_early.dcm,test_late.dcm\n");

  const PairDataset dataset(folder.path(), "train");
  CHECK(dataset.form() == io::DatasetForm::cohort);
  CHECK(dataset.kind() == io::SampleKind::counts);
  REQUIRE(dataset.size() == 3);
  CHECK(dataset.name(0) == "P2#1");
  CHECK(dataset.name(1) == "P2#2");
  CHECK(dataset.name(2) == "P10");
  CHECK(same_image(dataset.load(1).a, frame_of(early, 1)));
  CHECK(same_image(dataset.load(1).b, frame_of(late, 1)));
  CHECK(same_image(dataset.load(2).a, frame_of(other, 0)));
  const io::ImageFacts& facts = dataset.facts(1).b;
  CHECK(facts.form == io::DatasetForm::cohort);
  CHECK(facts.file == folder.path() / "late.dcm");
  CHECK(facts.frame == 1);
  CHECK(facts.view == View::posterior);
  CHECK(facts.width == 8);
  CHECK(facts.row_spacing_mm == 2);
  CHECK(facts.frame_duration_ms == 300000);
  CHECK(facts.acquisition_kind == "STATIC");
  CHECK(facts.patient_id == "P1");
  CHECK(facts.sop_instance_uid == io::uid_from_name("image late.dcm"));
  CHECK(facts.synthetic);
  CHECK_FALSE(facts.derived);
  CHECK(PairDataset(folder.path(), "test").size() == 2);
  CHECK(contains(sentence_of([&] { PairDataset(folder.path(), "val"); }),
                 "cohort.csv: has no split 'val'; it has test, train"));
}

TEST_CASE("PairDataset: the intensity range of a cohort is the largest count of each side") {
  const DatasetFolder folder;
  add_dicom(folder, "early.dcm", {.seed = 1});
  add_dicom(folder, "late.dcm", {.seed = 100});
  add_table(folder, "P1,,train,early.dcm,late.dcm\n");
  PairDataset dataset(folder.path(), "train");
  const io::IntensityRange range = dataset.verify(2);
  // patterned(8, 8, 1, seed) is seed * 29 + y * 97 + x * 13, below its 65521 levels; the second frame has
  // seed + 10.
  CHECK(range.a_max == 11 * 29 + 7 * 97 + 7 * 13);
  CHECK(range.b_max == 110 * 29 + 7 * 97 + 7 * 13);
}

TEST_CASE("PairDataset: frames of a scatter window are no pairs") {
  const DatasetFolder folder;
  DicomBytes peak_range, peak, scatter_range, scatter;
  peak_range.text(0x00540014, "DS", "128.6").text(0x00540015, "DS", "149.4");
  peak.sequence(0x00540013, peak_range).text(0x00540018, "SH", "Tc-99m");
  scatter_range.text(0x00540014, "DS", "108.3").text(0x00540015, "DS", "129.2");
  scatter.sequence(0x00540013, scatter_range).text(0x00540018, "SH", "Scatter");
  auto both = camera_file(3, 3, 2);
  both.set(0x00540020, "US", u16(1) + u16(1)).set(0x00540010, "US", u16(2) + u16(1));
  both.sequence(0x00540012, peak, scatter);  // the second frame is of the photopeak
  folder.add("early.dcm", both.file());
  folder.add("late.dcm", both.text(0x00080018, "UI", "1.2.3.4.6").file());
  add_table(folder, "ID7,,train,early.dcm,late.dcm\n");
  const PairDataset dataset(folder.path(), "train");
  REQUIRE(dataset.size() == 1);
  CHECK(dataset.name(0) == "ID7");
  CHECK(dataset.load(0).a.samples[0] == 9);
  folder.add("late.dcm", both.set(0x00540010, "US", u16(1) + u16(2)).file());
  CHECK(contains(sentence_of([&] { PairDataset(folder.path(), "train"); }), "frames of a scatter window"));
}

TEST_CASE("PairDataset: further rows of one patient get names of their own") {
  const DatasetFolder folder;
  std::string rows;
  for (const char* name : {"a", "b", "c"}) {
    for (const char* phase : {"_early.dcm", "_late.dcm"})
      add_dicom(folder, std::string(name) + phase, {.views = {View::anterior}});
    rows += std::string("P/1,,train,") + name + "_early.dcm," + name + "_late.dcm\n";
  }
  add_table(folder, rows);
  const PairDataset dataset(folder.path(), "train");
  REQUIRE(dataset.size() == 3);
  CHECK(dataset.name(0) == "P_1");
  CHECK(dataset.name(1) == "P_1-2");
  CHECK(dataset.name(2) == "P_1-3");
}

TEST_CASE("PairDataset: cohort files that cannot be paired are named with the reason") {
  const DatasetFolder folder;
  std::string rows;
  const auto add_row = [&](const std::string& name, const Acquisition& a, const Acquisition& b) {
    add_dicom(folder, name + "_a.dcm", a);
    add_dicom(folder, name + "_b.dcm", b);
    rows += name + ",,train," + name + "_a.dcm," + name + "_b.dcm\n";
  };
  add_row("good", {}, {});
  add_row("size", {.size = 8}, {.size = 9});
  add_row("frames", {}, {.views = {View::anterior}});
  add_row("views", {}, {.views = {View::posterior, View::anterior}});
  add_row("patient", {.patient = "P7"}, {.patient = "P8"});
  add_row("missing", {}, {});
  add_row("broken", {}, {});
  std::filesystem::remove(folder.path() / "missing_b.dcm");
  folder.truncate("broken_a.dcm");
  add_table(folder, rows);

  const PairDataset dataset(folder.path(), "train", {.skip_bad = true});
  CHECK(dataset.size() == 2);
  std::string all;
  for (const io::DatasetProblem& problem : dataset.problems())
    all += problem.file + " " + problem.reason + "\n";
  CAPTURE(all);
  CHECK(dataset.problems().size() == 6);
  CHECK(contains(all, "size_a.dcm is 8x8, 1 channel, counts but its partner size_b.dcm is 9x9"));
  CHECK(contains(all, "frames_a.dcm has 2 frames but its partner frames_b.dcm has 1"));
  CHECK(contains(all, "views_a.dcm shows frame 1 from the anterior side but its partner"));
  CHECK(contains(all, "patient_a.dcm is of another patient than its partner patient_b.dcm"));
  CHECK(contains(all, "missing_b.dcm "));
  CHECK(contains(all, "(the partner of missing_a.dcm)\n"));
  CHECK(contains(all, "its partner size_b.dcm is 9x9"));
  CHECK(!contains(all, "(the partner of size_b.dcm)"));
  CHECK(contains(all, "broken_a.dcm "));
  CHECK(contains(sentence_of([&] { PairDataset(folder.path(), "train"); }), "6 files of split 'train'"));
}

TEST_CASE("PairDataset: derived targets are refused with a remedy, and taken when allowed") {
  const DatasetFolder folder;
  add_dicom(folder, "early.dcm", {.seed = 1});
  add_dicom(folder, "late.dcm", {.seed = 2});
  auto derived = camera_file(3, 3, 1);
  const std::string early = derived.file();
  folder.add("a.dcm", early);
  folder.add("b.dcm", derived.set(0x00080008, "CS", "DERIVED\\PRIMARY\\STATIC\\EMISSION ")
                          .text(0x00080018, "UI", "1.9")
                          .file());
  add_table(folder, "P1,,train,early.dcm,late.dcm\nP2,,train,a.dcm,b.dcm\n");
  try {
    PairDataset(folder.path(), "train");
    FAIL("a derived target was taken");
  } catch (const io::BadFilesError& error) {
    CAPTURE(error.what());
    CHECK(contains(error.what(), "a.dcm would be trained towards its partner b.dcm, which is"));
    CHECK(error.remedies() == std::vector{io::Remedy::allow_synthetic});
  }
  CHECK(PairDataset(folder.path(), "train", {.allow_synthetic = true}).size() == 3);
  const PairDataset skipped(folder.path(), "train", {.skip_bad = true});
  CHECK(skipped.size() == 2);
  CHECK(skipped.problems().size() == 1);
}

TEST_CASE("PairDataset: images of one field of view are matched to either of them when asked for") {
  const DatasetFolder folder;
  add_dicom(folder, "early.dcm", {.size = 8, .views = {View::anterior}, .seed = 1});
  add_dicom(folder, "late.dcm", {.size = 4, .views = {View::anterior}, .seed = 2, .spacing_mm = 4});
  add_dicom(folder, "other.dcm", {.size = 4, .views = {View::anterior}, .patient = "P2", .seed = 3});
  add_dicom(folder, "other_late.dcm", {.size = 8, .views = {View::anterior}, .patient = "P2", .seed = 4});
  add_table(folder, "P1,,train,early.dcm,late.dcm\n");
  try {
    PairDataset(folder.path(), "train");
    FAIL("different matrices were taken");
  } catch (const io::BadFilesError& error) {
    CHECK(contains(error.what(), "early.dcm is 8x8, 1 channel, counts but its partner late.dcm is 4x4"));
    CHECK(error.remedies() == std::vector{io::Remedy::match_matrix});
  }
  const io::Image early = frame_of({.size = 8, .seed = 1}, 0), late = frame_of({.size = 4, .seed = 2}, 0);
  PairDataset to_a(folder.path(), "train", {.match_matrix = io::MatchMatrix::to_a});
  to_a.verify(1);
  CHECK(same_image(to_a.load(0).a, early));
  CHECK(to_a.load(0).b.width == 8);
  CHECK(to_a.load(0).b.at(0, 0, 0) == late.at(0, 0, 0) / 4);
  CHECK(to_a.facts(0).b.row_spacing_mm == 2);
  PairDataset to_b(folder.path(), "train", {.match_matrix = io::MatchMatrix::to_b});
  to_b.verify(1);
  CHECK(same_image(to_b.load(0).b, late));
  CHECK(to_b.load(0).a.at(0, 0, 0) ==
        early.at(0, 0, 0) + early.at(0, 1, 0) + early.at(1, 0, 0) + early.at(1, 1, 0));
  CHECK(to_b.facts(0).a.row_spacing_mm == 4);
  add_table(folder, "P2,,train,other.dcm,other_late.dcm\n");
  CHECK(contains(
      sentence_of([&] { PairDataset(folder.path(), "train", {.match_matrix = io::MatchMatrix::to_a}); }),
      "they show different fields of view"));
}

TEST_CASE("check_splits: one PatientID under two names in two splits of a cohort is refused") {
  const DatasetFolder folder;
  for (const char* name : {"a", "b"}) {
    const int seed = name[0];
    add_dicom(folder, std::string(name) + "_early.dcm", {.patient = "SECRET", .seed = seed});
    add_dicom(folder, std::string(name) + "_late.dcm", {.patient = "SECRET", .seed = seed + 50});
  }
  add_table(folder, "P1,,train,a_early.dcm,a_late.dcm\nP2,,test,b_early.dcm,b_late.dcm\n");
  PairDataset train(folder.path(), "train"), test(folder.path(), "test");
  train.verify(1), test.verify(1);
  const std::string sentence = sentence_of([&] { io::check_splits(folder.path(), {&train, &test}); });
  CAPTURE(sentence);
  CHECK(contains(sentence, "b_early.dcm (test) is of the same patient as a_early.dcm (train)"));
  CHECK_FALSE(contains(sentence, "SECRET"));
  CHECK(io::check_splits(folder.path(), {&train}).empty());
}

TEST_CASE("PairDataset: DICOM files beside a table that does not name them are said") {
  const DatasetFolder folder;
  std::filesystem::create_directories(folder.path() / "dicom");
  int seed = 0;
  for (const char* name : {"dicom/a.dcm", "dicom/b.dcm", "dicom/c.dcm", "dicom/d.DCM", "e.dcm"})
    add_dicom(folder, name, {.seed = ++seed});
  add_table(folder, "P1,,train,dicom/a.dcm,dicom/b.dcm\n");
  const std::vector<std::string> notes = PairDataset(folder.path(), "train").notes();
  REQUIRE(notes.size() >= 2);
  CHECK(contains(notes[0],
                 "1 DICOM file beside those of cohort.csv is named in none of its rows and not read: e.dcm"));
  CHECK(contains(notes[1], "2 DICOM files beside those of cohort.csv are named in none"));
}
#endif
