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
  CHECK(contains(all, "patient_a.dcm is of patient P7 but its partner patient_b.dcm is of patient P8"));
  CHECK(contains(all, "missing_b.dcm "));
  CHECK(contains(all, "broken_a.dcm "));
  CHECK(contains(sentence_of([&] { PairDataset(folder.path(), "train"); }), "6 files of split 'train'"));
}
#endif
