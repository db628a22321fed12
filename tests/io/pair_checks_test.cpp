#include "io/pairs/pair_checks.h"

#include <doctest/doctest.h>

#include <functional>

#include "dataset_fixture.h"

using namespace uptake;
using namespace uptake::tests;
using io::ImageFacts;
using io::PairFacts;
using io::Remedy;

namespace {

/// A blood pool and its delayed image, as they should be.
PairFacts good_pair() {
  PairFacts pair;
  ImageFacts& a = pair.a;
  a.form = io::DatasetForm::cohort;
  a.height = a.width = 128;
  a.channels = 1;
  a.kind = io::SampleKind::counts;
  a.largest = 40;
  a.row_spacing_mm = a.column_spacing_mm = 2.4;
  a.body_part = "HAND";
  a.laterality = "R";
  a.view = io::View::anterior;
  a.window = {"Tc-99m", 126, 154, false};
  a.minutes_after_injection = 10;
  a.study_date = a.acquisition_date = "20240131";
  a.acquisition_time = "101000";
  a.patient_id = "ID1";
  a.patient_sex = "F";
  a.study_instance_uid = "1.2.3";
  a.sop_instance_uid = "1.2.3.4";
  a.content_hash = "aa";
  a.original = true;
  pair.b = a;
  pair.b.minutes_after_injection = 180;
  pair.b.acquisition_time = "130000";
  pair.b.sop_instance_uid = "1.2.3.5";
  pair.b.content_hash = "bb";
  return pair;
}

using Change = std::function<void(PairFacts&)>;

std::vector<io::PairFinding> findings(const Change& change, const io::PairRules& rules = {}) {
  PairFacts pair = good_pair();
  change(pair);
  return io::check_pair(pair, "late.dcm", rules);
}

/// One finding, of this gravity, which names the partner and says `words`.
void finds(bool refusal, const std::string& words, const Change& change, Remedy remedy = Remedy::none) {
  CAPTURE(words);
  const std::vector<io::PairFinding> found = findings(change);
  REQUIRE(found.size() == 1);
  CAPTURE(found[0].sentence);
  CHECK(found[0].refusal == refusal);
  CHECK(found[0].remedy == remedy);
  CHECK(contains(found[0].sentence, words));
  CHECK(contains(found[0].sentence, "late.dcm"));
  CHECK_FALSE(contains(found[0].sentence, "ID1"));
}

void refuses(const std::string& words, const Change& change, Remedy remedy = Remedy::none) {
  finds(true, words, change, remedy);
}
void warns(const std::string& words, const Change& change) { finds(false, words, change); }

io::PlacedPair placed(const std::string& split, const std::string& patient, int number) {
  PairFacts facts = good_pair();
  const std::string id = std::to_string(number);
  for (ImageFacts* of : {&facts.a, &facts.b}) {
    of->patient_id = "ID" + id;
    of->sop_instance_uid += "." + id;
    of->content_hash += id;
  }
  return {split, patient, id + "_early.dcm", id + "_late.dcm", facts};
}

}  // namespace

TEST_CASE("check_pair: nothing speaks against a pair as it should be, or one that states nothing") {
  CHECK(findings([](PairFacts&) {}).empty());
  CHECK(findings([](PairFacts& pair) {
          pair = {};
          pair.a.form = pair.b.form = io::DatasetForm::cohort;
        }).empty());
  CHECK(findings([](PairFacts& p) { p.a.synthetic = p.b.synthetic = true; }).empty());  // the phantom
  CHECK(findings([](PairFacts& p) { p.b.row_spacing_mm = 2.41; }).empty());             // a rounded header
  CHECK(findings([](PairFacts& p) { p.b.acquisition_date = "20240201"; }).empty());     // the day after
  CHECK(findings([](PairFacts& p) { p.b.window.name = "other"; }).empty());
}

TEST_CASE("check_pair: phases that are swapped are refused, by minutes after injection or by the clock") {
  refuses("180 min after injection but its partner late.dcm already after 10 min",
          [](PairFacts& p) { std::swap(p.a.minutes_after_injection, p.b.minutes_after_injection); });
  const auto without_minutes = [](const Change& change) {
    return [change](PairFacts& p) {
      p.a.minutes_after_injection.reset();
      change(p);
    };
  };
  CHECK(findings(without_minutes([](PairFacts&) {})).empty());
  refuses("was taken at 130000, after its partner",
          without_minutes([](PairFacts& p) { std::swap(p.a.acquisition_time, p.b.acquisition_time); }));
  refuses("are they swapped?", without_minutes([](PairFacts& p) { p.b.acquisition_date = "20240130"; }));
  CHECK(findings(without_minutes([](PairFacts& p) {
          p.b.acquisition_date = "20240201";  // over midnight
          p.b.acquisition_time = "003000";
        })).empty());
  warns("the same time as its partner", [](PairFacts& p) { p.b.minutes_after_injection = 10; });
  warns("at the same time as", without_minutes([](PairFacts& p) { p.b.acquisition_time = "101000"; }));
}

TEST_CASE("check_pair: another patient, study, day, body part, side or view") {
  refuses("of another patient", [](PairFacts& p) { p.b.patient_id = "ID2"; });
  warns("another sex", [](PairFacts& p) { p.b.patient_sex = "M"; });
  warns("of another study", [](PairFacts& p) { p.b.study_instance_uid = "1.2.4"; });
  refuses("was taken 2 days before", [](PairFacts& p) { p.b.acquisition_date = "20240202"; });
  refuses("was taken 366 days before", [](PairFacts& p) {
    p.a.acquisition_date = p.b.acquisition_date = "";
    p.b.study_date = "20250131";
    p.b.study_instance_uid = "1.2.4";
  });
  refuses("body part HAND but its partner late.dcm is of FOOT", [](PairFacts& p) { p.b.body_part = "FOOT"; });
  warns("body part HAND", [](PairFacts& p) { p.b.body_part = "HANDS"; });
  refuses("side R but its partner late.dcm is of L", [](PairFacts& p) { p.b.laterality = "L"; });
  warns("side R", [](PairFacts& p) { p.b.laterality = "B"; });
  refuses("shows frame 1 from the anterior side but its partner",
          [](PairFacts& p) { p.b.view = io::View::posterior; });
  CHECK(findings([](PairFacts& p) { p.b.view = io::View::unknown; }).empty());
}

TEST_CASE("check_pair: spacings and matrices; one field of view may be matched when asked for") {
  refuses("pixel spacing of 2.4 mm but its partner late.dcm has one of 4.8 mm",
          [](PairFacts& p) { p.b.row_spacing_mm = p.b.column_spacing_mm = 4.8; });
  refuses("one of 2.4 x 3 mm", [](PairFacts& p) { p.b.column_spacing_mm = 3; });
  warns("states a pixel spacing", [](PairFacts& p) { p.b.row_spacing_mm = p.b.column_spacing_mm = 0; });
  const Change finer = [](PairFacts& p) {
    p.b.height = p.b.width = 256;
    p.b.row_spacing_mm = p.b.column_spacing_mm = 1.2;
  };
  refuses(
      "is 128x128, 1 channel, counts but its partner late.dcm is 256x256, 1 channel, counts, of the same "
      "field",
      finer, Remedy::match_matrix);
  CHECK(findings(finer, {.match_matrix = true}).empty());
  const Change other_field = [](PairFacts& p) { p.b.height = p.b.width = 256; };
  refuses("different fields of view", other_field);
  CHECK(findings(other_field, {.match_matrix = true}).size() == 1);
  CHECK(findings([](PairFacts& p) { p.b.height = 64, p.a.row_spacing_mm = p.b.row_spacing_mm = 0; }).size() ==
        1);
}

TEST_CASE("check_pair: scatter windows and other energies") {
  refuses("scatter window", [](PairFacts& p) {
    p.a.window = {"Scatter", 92, 125, true};
    p.b.window = {};
  });
  refuses("late.dcm is of a scatter window", [](PairFacts& p) { p.b.window = {"Scatter", 0, 0, true}; });
  refuses("126 to 154 keV", [](PairFacts& p) { p.b.window = {"I-131", 328, 400, false}; });
  warns("126 to 154 keV", [](PairFacts& p) { p.b.window = {"Tc-99m 15 %", 130, 151, false}; });
}

TEST_CASE("check_pair: derived and synthetic images are no targets unless they are allowed") {
  const Change prediction = [](PairFacts& p) {
    p.b.synthetic = p.b.derived = true;
    p.b.original = false;
  };
  refuses("synthetic and derived", prediction, Remedy::allow_synthetic);
  CHECK(findings(prediction, {.allow_synthetic = true}).empty());
  refuses(
      "derived from other images", [](PairFacts& p) { p.b.derived = true, p.b.original = false; },
      Remedy::allow_synthetic);
  refuses(
      "which is synthetic, not acquired", [](PairFacts& p) { p.b.synthetic = true, p.b.original = false; },
      Remedy::allow_synthetic);
  refuses(
      "is synthetic and derived",
      [](PairFacts& p) {
        p.a.synthetic = p.a.derived = true;
        p.a.original = false;
      },
      Remedy::allow_synthetic);
  warns("is derived from other images", [](PairFacts& p) { p.a.derived = true, p.a.original = false; });
}

TEST_CASE("check_pair, check_pixels: one image twice, and images without counts") {
  refuses("one SOP Instance UID", [](PairFacts& p) { p.b.sop_instance_uid = p.a.sop_instance_uid; });
  PairFacts pair = good_pair();
  CHECK(io::check_pixels(pair, "late.dcm").empty());
  pair.b.content_hash = pair.a.content_hash;
  auto found = io::check_pixels(pair, "late.dcm");
  REQUIRE(found.size() == 1);
  CHECK(found[0].refusal);
  CHECK(found[0].sentence == "is the same image as its partner late.dcm, pixel for pixel");
  pair.a.form = pair.b.form = io::DatasetForm::two_folders;
  found = io::check_pixels(pair, "late.png");
  REQUIRE(found.size() == 1);
  CHECK_FALSE(found[0].refusal);  // a mask may be its picture
  pair = good_pair();
  pair.b.largest = 0;
  found = io::check_pixels(pair, "late.dcm");
  REQUIRE(found.size() == 1);
  CHECK(found[0].sentence == "has no use: its partner late.dcm holds no count at all");
}

TEST_CASE("check_beside: a patient or an image in two splits is a leak, under whatever name") {
  const auto one = [](const std::vector<io::PlacedPair>& pairs, bool refusal, const std::string& words) {
    const std::vector<io::PairFinding> found = io::check_beside(pairs);
    CAPTURE(words);
    REQUIRE(found.size() == 1);
    CAPTURE(found[0].sentence);
    CHECK(found[0].refusal == refusal);
    CHECK(contains(found[0].sentence, words));
    CHECK_FALSE(contains(found[0].sentence,
                         "ID"
                         "1"));
  };
  io::PlacedPair first = placed("train", "P1", 1), second = placed("test", "P2", 2);
  CHECK(io::check_beside(std::vector{first, second}).empty());

  second.facts.a.patient_id = second.facts.b.patient_id = "ID1";
  one({first, second}, true, "2_early.dcm (test) is of the same patient as 1_early.dcm (train)");
  second.split = "train";
  one({first, second}, false, "the table gives them two names");
  second = placed("train", "P1", 2);
  one({first, second}, false, "one patient by the table, but their PatientIDs differ");
  for (const char* nobody : {"ANONYMOUS", "Anon^", "00000", "unknown"}) {
    second = placed("test", "P2", 2);
    for (ImageFacts* of : {&first.facts.a, &first.facts.b, &second.facts.a, &second.facts.b})
      of->patient_id = nobody;
    CHECK(io::check_beside(std::vector{first, second}).empty());
  }

  first = placed("train", "P1", 1), second = placed("val", "P2", 2);
  second.facts.b.sop_instance_uid = first.facts.a.sop_instance_uid;
  one({first, second}, true, "2_late.dcm (val) is the same image as 1_early.dcm (train): they have one SOP");
  second = placed("val", "P2", 2);
  second.facts.b.content_hash = first.facts.b.content_hash;
  one({first, second}, true, "2_late.dcm (val) is the same image as 1_late.dcm (train), pixel for pixel");
  second.split = "train";
  one({first, second}, false, "pixel for pixel");
  second.facts.b.largest = first.facts.b.largest = 0;  // nothing is like nothing
  CHECK(io::check_beside(std::vector{first, second}).empty());

  io::PlacedPair frame = first;  // a second frame of the same files
  frame.facts.a.frame = frame.facts.b.frame = 1;
  CHECK(io::check_beside(std::vector{first, frame}).empty());
}

TEST_CASE("check_beside: pictures are one where both of a pair are, and only warned of") {
  io::PlacedPair first = placed("train", "", 1), second = placed("val", "", 2);
  for (ImageFacts* of : {&first.facts.a, &first.facts.b, &second.facts.a, &second.facts.b})
    of->form = io::DatasetForm::two_folders;
  CHECK(io::check_beside(std::vector{first, second}).empty());
  second.facts.b.content_hash = first.facts.b.content_hash;
  CHECK(io::check_beside(std::vector{first, second}).empty());  // two inputs may share an empty mask
  second.facts.a.content_hash = first.facts.a.content_hash;
  const std::vector<io::PairFinding> found = io::check_beside(std::vector{first, second});
  REQUIRE(found.size() == 1);
  CHECK_FALSE(found[0].refusal);
  CHECK(found[0].sentence == "2_early.dcm (val) is the same image as 1_early.dcm (train), pixel for pixel");
}

TEST_CASE("days_between: months, leap years, and what is no date") {
  CHECK(io::days_between("20240228", "20240301") == 2);
  CHECK(io::days_between("20230228", "20230301") == 1);
  CHECK(io::days_between("20240101", "20231231") == -1);
  for (const char* wrong : {"", "2024", "20240230", "2024-1-1", "abcdefgh", "20241301"}) {
    CHECK_FALSE(io::days_between(wrong, "20240101"));
    CHECK_FALSE(io::days_between("20240101", wrong));
  }
}
