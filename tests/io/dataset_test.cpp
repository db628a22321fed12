#include "io/pairs/dataset.h"

#include <doctest/doctest.h>

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include "dataset_fixture.h"
#include "io/base/file.h"

using namespace uptake;
using namespace uptake::tests;
using io::DatasetForm;
using io::DatasetListing;
using io::list_pairs;
using io::PairDataset;
using io::SampleKind;

namespace {

std::vector<std::string> names(const DatasetListing& listing) {
  std::vector<std::string> result;
  for (const io::PairEntry& pair : listing.pairs) result.push_back(pair.name);
  return result;
}

/// "file reason" of each problem.
std::vector<std::string> problems(const std::vector<io::DatasetProblem>& list) {
  std::vector<std::string> result;
  for (const io::DatasetProblem& problem : list) result.push_back(problem.file + " " + problem.reason);
  return result;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("natural_less: numbers inside names are compared by value") {
  Names list{"b", "a10", "10", "a9", "2", "1", "a9b", "p2_f10", "p2_f9", "a99999999999999999999999", "a"};
  std::sort(list.begin(), list.end(), io::natural_less);
  CHECK(list ==
        Names{"1", "2", "10", "a", "a9", "a9b", "a10", "a99999999999999999999999", "b", "p2_f9", "p2_f10"});
  CHECK(io::natural_less("01", "1") != io::natural_less("1", "01"));
  CHECK_FALSE(io::natural_less("a01", "a01"));
}

TEST_CASE("list_pairs: side by side, the left half is A and the right half B") {
  const DatasetFolder folder;
  const io::Image a = patterned(4, 6, 3, 1), b = patterned(4, 6, 3, 2);
  folder.add("train/10.png", side_by_side(a, b));
  folder.add("train/9.png", side_by_side(b, a));
  folder.add("test/1.png", side_by_side(a, a));
  folder.add("train/notes.txt", "no image");
  folder.add("train/.hidden.png", "neither");

  const DatasetListing listing = list_pairs(folder.path(), "train");
  CHECK(listing.form == DatasetForm::side_by_side);
  CHECK(names(listing) == Names{"9", "10"});
  CHECK(listing.problems.empty());

  const PairDataset dataset(folder.path(), "train");
  CHECK(dataset.size() == 2);
  CHECK(same_image(dataset.load(1).a, a));
  CHECK(same_image(dataset.load(1).b, b));
  CHECK(dataset.load(0).name == "9");
  CHECK(same_image(dataset.load(0).a, b));
  CHECK(dataset.a_channels() == 3);
  CHECK(dataset.kind() == SampleKind::u8);
  CHECK_THROWS(dataset.load(2));
}

TEST_CASE("list_pairs: two folders in their three arrangements, 16 bit and differing channels kept") {
  const io::Image a = patterned(4, 6, 1, 1, SampleKind::u16), b = patterned(4, 6, 3, 2, SampleKind::u16);
  struct Arrangement {
    std::string a, b, split;
  };
  for (const Arrangement& where :
       {Arrangement{"A/", "B/", "train"}, Arrangement{"A/test/", "B/test/", "test"},
        Arrangement{"val/A/", "val/B/", "val"}}) {
    CAPTURE(where.a);
    const DatasetFolder folder;
    folder.add(where.a + "x.png", a);
    folder.add(where.b + "x.PNG", b);
    const PairDataset dataset(folder.path(), where.split);
    CHECK(dataset.form() == DatasetForm::two_folders);
    REQUIRE(dataset.size() == 1);
    CHECK(same_image(dataset.load(0).a, a));
    CHECK(same_image(dataset.load(0).b, b));
    CHECK(dataset.a_channels() == 1);
    CHECK(dataset.b_channels() == 3);
    CHECK(dataset.kind() == SampleKind::u16);
  }
}

TEST_CASE("list_pairs: an absent split is refused, naming the splits that exist") {
  const DatasetFolder folder;
  folder.add("train/1.png", patterned(2, 4, 1, 1));
  folder.add("val/1.png", patterned(2, 4, 1, 2));
  CHECK(contains(sentence_of([&] { list_pairs(folder.path(), "test"); }),
                 "no split 'test'; it has train, val"));
  CHECK(contains(sentence_of([&] { list_pairs(folder.path(), "../train"); }), "no split"));

  const DatasetFolder flat;
  flat.add("1.png", patterned(2, 4, 1, 1));
  CHECK(names(list_pairs(flat.path(), "train")) == Names{"1"});
  CHECK(contains(sentence_of([&] { list_pairs(flat.path(), "val"); }), "no split 'val'; it has train"));
}

TEST_CASE("list_pairs: every unpaired, unreadable, odd or foreign file is named with its reason") {
  const DatasetFolder folder;
  for (const char* side : {"A/", "B/"}) {
    folder.add(std::string(side) + "good.png", patterned(4, 4, 1, 1));
    folder.add(std::string(side) + "old.tif", "II*");
  }
  folder.add("A/only_a.png", patterned(4, 4, 1, 1));
  folder.add("B/only_b.png", patterned(4, 4, 1, 1));
  folder.add("A/text.png", "not an image at all");
  folder.add("B/text.png", patterned(4, 4, 1, 1));
  folder.add("A/size.png", patterned(4, 4, 1, 1));
  folder.add("B/size.png", patterned(4, 6, 1, 1));
  folder.add("A/kind.png", patterned(4, 4, 1, 1));
  folder.add("B/kind.png", patterned(4, 4, 1, 1, SampleKind::u16));
  folder.add("A/twin.png", patterned(4, 4, 1, 1));
  folder.add("A/twin.jpg", patterned(4, 4, 1, 1));  // PNG bytes: only the name counts here
  folder.add("B/twin.png", patterned(4, 4, 1, 1));
  std::filesystem::create_symlink("nowhere.png", folder.path() / "A/broken.png");
  folder.add("B/broken.png", patterned(4, 4, 1, 1));

  const DatasetListing listing = list_pairs(folder.path(), "train");
  CHECK(names(listing) == Names{"good", "twin"});
  const Names found = problems(listing.problems);
  const auto reported = [&](const std::string& file, const std::string& reason) {
    return std::any_of(found.begin(), found.end(), [&](const std::string& sentence) {
      return sentence.starts_with(file + " ") && contains(sentence, reason);
    });
  };
  CHECK(found.size() == 9);
  CHECK(reported("A/only_a.png", "no partner of this name in B"));
  CHECK(reported("B/only_b.png", "no partner of this name in A"));
  CHECK(reported("A/text.png", "neither a PNG nor a JPEG"));
  CHECK(reported("A/size.png", "is 4x4, 1 channel, 8 bit but its partner B/size.png is 4x6"));
  CHECK(reported("A/kind.png", "16 bit"));
  CHECK(reported("A/twin.png", "same name as twin.jpg"));
  CHECK(reported("A/broken.png", "cannot be opened"));
  CHECK(reported("A/old.tif", "convert them to PNG"));
  CHECK(reported("B/old.tif", "convert them to PNG"));
}

TEST_CASE("list_pairs: an odd width is not two images side by side") {
  const DatasetFolder folder;
  folder.add("train/odd.png", patterned(2, 5, 1, 1));
  const DatasetListing listing = list_pairs(folder.path(), "train");
  CHECK(listing.pairs.empty());
  REQUIRE(listing.problems.size() == 1);
  CHECK(listing.problems[0].file == "train/odd.png");
  CHECK(contains(listing.problems[0].reason, "5 pixels wide"));
}

TEST_CASE("list_pairs: the pairs unlike most others in channels or depth are problems") {
  const DatasetFolder folder;
  folder.add("train/0.png", patterned(2, 4, 3, 1));
  folder.add("train/1.png", patterned(2, 4, 1, 1));
  folder.add("train/2.png",
             patterned(2, 6, 1, 1));  // another size alone is no problem: sizes are made equal later
  folder.add("train/3.png", patterned(2, 4, 1, 1, SampleKind::u16));
  const DatasetListing listing = list_pairs(folder.path(), "train");
  CHECK(names(listing) == Names{"1", "2"});
  REQUIRE(listing.problems.size() == 2);
  CHECK(listing.problems[0].file == "train/0.png");
  CHECK(contains(listing.problems[0].reason, "is 2x2, 3 channels, 8 bit (A)"));
  CHECK(contains(listing.problems[0].reason, "most pairs are like train/1.png"));
  CHECK(listing.problems[1].file == "train/3.png");
}

TEST_CASE("PairDataset: refuses to open with a problem, naming it, unless bad files are to be skipped") {
  const DatasetFolder folder;
  folder.add("train/good.png", patterned(2, 4, 1, 1));
  for (int i = 0; i < 12; ++i) folder.add("train/bad" + std::to_string(i) + ".png", "broken");
  const std::string sentence = sentence_of([&] { PairDataset(folder.path(), "train"); });
  CHECK(contains(sentence, "12 files of split 'train' cannot be used; repair or remove them:\n  train/bad0"));
  CHECK(!contains(sentence, "--"));  // the library has no command line
  CHECK(contains(sentence, "train/bad0.png neither"));
  CHECK(contains(sentence, "train/bad11.png neither"));  // every one is named

  try {
    PairDataset(folder.path(), "train");
  } catch (const io::BadFilesError& error) {
    CHECK(error.path() == folder.path());
    CHECK(
        contains(error.what_or("sing: a song"),
                 ": 12 files of split 'train' cannot be used; repair or remove them, or sing: a song:\n  t"));
  }

  for (int i = 12; i < 25; ++i) folder.add("train/bad" + std::to_string(i) + ".png", "broken");
  const std::string many = sentence_of([&] { PairDataset(folder.path(), "train"); });
  CHECK(contains(many, "25 files of split"));
  CHECK(contains(many, "bad19.png neither"));
  CHECK(!contains(many, "bad20.png"));
  CHECK(many.ends_with("\n  and 5 more"));

  const PairDataset dataset(folder.path(), "train", {.skip_bad = true});
  CHECK(dataset.size() == 1);
  CHECK(dataset.problems().size() == 25);
}

TEST_CASE("PairDataset: pictures and files that are not read are said with their numbers") {
  const DatasetFolder folder;
  const io::Image both = patterned(2, 4, 1, 1);
  for (const char* name :
       {"train/1.png", "train/patient2/1.png", "train/patient2/deep/2.JPG", "training/1.png", "Val/1.png",
        "other/1.png", "loose.png", ".hidden/1.png", "__MACOSX/1.png"})
    folder.add(name, both);
  for (const char* name : {"train/notes.txt", "train/a.json", "train/b.json", "train/IM0001",
                           "train/Thumbs.db", "train/._1.png", "notes/readme.txt"})
    folder.add(name, "x");
  std::filesystem::create_directory(folder.path() / "train/empty");
  for (const std::filesystem::path& root : {folder.path(), folder.path() / ""}) {
    const Names lines = PairDataset(root, "train").notes();
    std::string all;
    for (const std::string& line : lines) all += line + "\n";
    CAPTURE(all);
    CHECK(lines.size() == 6);
    CHECK(contains(all,
                   "the folder train/patient2/ holds 2 pictures, which are not read: only those directly in "
                   "train/ are\n"));
    CHECK(contains(
        all,
        "the folder training/ holds 1 picture, which is not read: splits are folders called train, val and "
        "test; did you mean train?\n"));
    CHECK(contains(all, "the folder Val/ holds 1 picture"));
    CHECK(contains(all, "did you mean val?"));
    CHECK(contains(all, "the folder other/ holds 1 picture"));
    CHECK(contains(all, "the folder itself holds 1 picture"));
    CHECK(contains(
        all,
        "the folder train/ holds 4 files of other kinds, which are not read (no extension: 1, .json: 2, "
        ".txt: 1)\n"));
  }
  CHECK(contains(sentence_of([&] { PairDataset(folder.path(), "val"); }), "the folder Val/ holds 1 picture"));

  const DatasetFolder two;
  for (const char* name : {"A/1.png", "B/1.png", "A/more/2.png", "B/more/2.png", "train/1.png"})
    two.add(name, both);
  CHECK(PairDataset(two.path(), "train").notes().size() == 3);

  const DatasetFolder capital;
  capital.add("Train/1.png", both);
  const std::string sentence = sentence_of([&] { PairDataset(capital.path(), "train"); });
  CHECK(contains(sentence, "the folder Train/ holds 1 picture"));
  CHECK(contains(sentence, "did you mean train?"));
  capital.add("Cohort.CSV", "patient");
  CHECK(contains(sentence_of([&] { PairDataset(capital.path(), "train"); }),
                 "is called cohort.csv, in small letters"));
}

TEST_CASE("PairDataset: a named pipe or a device among the pictures is named and never opened") {
  const DatasetFolder folder;
  for (const char* side : {"A/", "B/"}) folder.add(std::string(side) + "1.png", patterned(2, 2, 1, 1));
  REQUIRE(mkfifo((folder.path() / "A/2.png").c_str(), 0600) == 0);
  std::filesystem::create_symlink("/dev/zero", folder.path() / "B/3.png");
  const std::string sentence = sentence_of([&] { PairDataset(folder.path(), "train"); });
  CAPTURE(sentence);
  CHECK(contains(sentence, "A/2.png is a named pipe, not a file"));
  CHECK(contains(sentence, "B/3.png is a device, not a file"));
  CHECK(PairDataset(folder.path(), "train", {.skip_bad = true}).size() == 1);
}

TEST_CASE("check_splits: the same picture in two splits, and twice in one, is warned of") {
  const DatasetFolder folder;
  folder.add("train/1.png", patterned(2, 4, 1, 1));
  folder.add("train/2.png", patterned(2, 4, 1, 2));
  folder.add("train/copy.png", patterned(2, 4, 1, 2));
  folder.add("val/9.png", patterned(2, 4, 1, 1));
  PairDataset train(folder.path(), "train"), val(folder.path(), "val");
  train.verify(1), val.verify(1);
  CHECK(io::check_splits(folder.path(), {&train, &val}) ==
        Names{"train/copy.png (train) is the same image as train/2.png (train), pixel for pixel",
              "val/9.png (val) is the same image as train/1.png (train), pixel for pixel"});
  CHECK(io::check_splits(folder.path(), {&val}).empty());
}

TEST_CASE("PairDataset: no folder, an empty folder and a folder A without B are each one clear sentence") {
  const DatasetFolder folder;
  CHECK(contains(sentence_of([&] { PairDataset(folder.path() / "missing", "train"); }),
                 "missing: is not a folder"));
  CHECK(contains(sentence_of([&] { PairDataset(folder.path(), "train"); }),
                 "no pairs in split 'train'; expected"));
  folder.add("A/1.png", patterned(2, 2, 1, 1));
  CHECK(contains(sentence_of([&] { PairDataset(folder.path(), "train"); }), "has A/ but not its partner B/"));
  folder.add("bad/train/1.png", "broken");
  const std::string nothing_left =
      sentence_of([&] { PairDataset(folder.path() / "bad", "train", {.skip_bad = true}); });
  CHECK(contains(nothing_left, "no pairs in split 'train'"));
  CHECK(contains(nothing_left, "train/1.png"));
}

TEST_CASE("PairDataset::verify: finds files that are broken behind a sound header, and the intensity range") {
  const DatasetFolder folder;
  io::Image dark(6, 6, 1, SampleKind::u16), bright = dark;
  dark.at(3, 2, 0) = 700;
  bright.at(5, 5, 0) = 41000;
  for (int i = 1; i <= 5; ++i) {
    const std::string name = std::to_string(i) + ".png";
    folder.add("A/" + name, i == 4 ? bright : dark);
    folder.add("B/" + name, i == 4 ? dark : bright);
  }
  {
    PairDataset dataset(folder.path(), "train");
    const io::IntensityRange range = dataset.verify(3);
    CHECK(range.a_max == 41000);
    CHECK(range.b_max == 41000);
  }
  folder.truncate("B/2.png");
  folder.truncate("A/4.png");
  for (const std::uintmax_t cache_bytes : {0, 1 << 20}) {
    PairDataset strict(folder.path(), "train", {.cache_bytes = cache_bytes});
    const std::string sentence = sentence_of([&] { strict.verify(3); });
    CHECK(contains(sentence, "2 files"));
    CHECK(contains(sentence, "\n  B/2.png "));
    CHECK(contains(sentence, "\n  A/4.png "));
    CHECK(!contains(sentence, folder.path().string() + "/A"));  // each is named once, within the folder

    PairDataset tolerant(folder.path(), "train", {.skip_bad = true, .cache_bytes = cache_bytes});
    CHECK(tolerant.size() == 5);
    CHECK(tolerant.verify(3).a_max == 700);
    REQUIRE(tolerant.size() == 3);
    CHECK(tolerant.name(1) == "3");
    CHECK(tolerant.load(1).name == "3");
    CHECK(tolerant.name(2) == "5");
    CHECK(same_image(tolerant.load(2).b, bright));
    CHECK(tolerant.problems().size() == 2);
  }
}

TEST_CASE("verify shows every good pair to a visitor once, and its refusal makes a pair a problem") {
  const DatasetFolder folder;
  for (int i = 1; i <= 4; ++i) {
    folder.add("A/" + std::to_string(i) + ".png", io::Image(3, 5, 1, SampleKind::u8));
    folder.add("B/" + std::to_string(i) + ".png", io::Image(3, 5, 1, SampleKind::u8));
  }
  folder.truncate("B/2.png");
  PairDataset dataset(folder.path(), "train", {.skip_bad = true});
  REQUIRE(dataset.size() == 4);
  std::vector<std::string> seen(4);
  dataset.verify(3, [&](std::size_t i, const io::Pair& pair) {
    seen[i] += pair.name;
    if (pair.name == "3") throw io::FileError(folder.path() / "A/3.png", "is not wanted");
  });
  CHECK(seen == std::vector<std::string>{"1", "", "3", "4"});
  REQUIRE(dataset.size() == 2);
  CHECK(dataset.name(1) == "4");
  REQUIRE(dataset.problems().size() == 2);
  CHECK(contains(dataset.problems()[0].reason + dataset.problems()[1].reason, "is not wanted"));
}

TEST_CASE("PairDataset: a data set that fits is decoded once and then served from memory, unchanged") {
  for (const SampleKind kind : {SampleKind::u8, SampleKind::u16}) {
    const DatasetFolder folder;
    const io::Image a = patterned(5, 7, 3, 1, kind), b = patterned(5, 7, 3, 2, kind);
    folder.add("train/1.png", side_by_side(a, b));
    const std::uintmax_t needed_bytes = 2 * 5 * 7 * 3 * (kind == SampleKind::u8 ? 1 : 2);
    const PairDataset cached(folder.path(), "train", {.cache_bytes = needed_bytes});
    const PairDataset uncached(folder.path(), "train", {.cache_bytes = needed_bytes - 1});
    cached.load(0), uncached.load(0);
    std::filesystem::remove(folder.path() / "train/1.png");
    CHECK(same_image(cached.load(0).a, a));
    CHECK(same_image(cached.load(0).b, b));
    CHECK_THROWS_AS(uncached.load(0), io::FileError);
  }
}

TEST_CASE("PairDataset: the facades data set as published") {
  const char* folder = std::getenv("UPTAKE_TEST_DATA");
  const std::filesystem::path facades =
      std::filesystem::path(folder != nullptr ? folder : UPTAKE_SOURCE_DIR "/../shared/data") / "facades";
  if (!std::filesystem::exists(facades)) {
    MESSAGE("SKIPPED: no real data at " << facades.string());
    return;
  }
  CHECK(PairDataset(facades, "train").size() == 400);
  PairDataset test(facades, "test");
  REQUIRE(test.size() == 106);
  CHECK(test.name(1) == "2");
  CHECK(test.name(105) == "106");
  const io::IntensityRange range = test.verify(2);
  CHECK(range.a_max == 255);
  CHECK(test.entry(0).a_header == io::ImageHeader{256, 256, 3, SampleKind::u8});
  CHECK(contains(sentence_of([&] { PairDataset(facades, "val"); }), "it has test, train"));
}
