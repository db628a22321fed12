// What may go wrong around the command: a full disk, a folder that cannot be written, too few file handles, files that
// vanish or change, a second process, too little memory. Each is answered by one sentence and a non-zero exit code, and what
// was there before is there after.
#include <doctest/doctest.h>
#include <unistd.h>

#include <string_view>

#include "tests/apps/small_run.h"

namespace fs = std::filesystem;
namespace io = uptake::io;

namespace {

constexpr const char* kNoSpace = "No space left on device";

bool has_sanitizer() {
#ifdef __SANITIZE_ADDRESS__
  return true;
#else
  return false;
#endif
}

/// One line that begins with the program's name, and nothing of a crash.
bool is_one_sentence(const Ran& ran) {
  const auto at = ran.text.rfind("uptake: ");
  return at != std::string::npos && ran.text.find('\n', at) == ran.text.size() - 1;
}

/// Whether this process may mount things where only it sees them.
bool can_mount() { return shell("unshare -m mount -t tmpfs tmpfs /mnt").code == 0; }

/// The command where FOLDER is a file system of its own, mounted with these options.
Ran on_file_system(const std::string& options, const fs::path& folder, const std::string& before,
                   const std::string& arguments) {
  return shell("unshare -m sh -c \"mount -t tmpfs -o " + options + " tmpfs " + quoted(folder) + " && " +
               before + " && '" UPTAKE_BINARY "' " + arguments + "; code=\\$?; find " + quoted(folder) +
               " -name '.uptake-*'; exit \\$code\"");
}

struct Writer {
  const char* name;
  std::string arguments;
  const char* file;  // that cannot be written
};

}  // namespace

TEST_CASE(
    "a disk that is full ends a run with a sentence; the checkpoint stays, and the run goes on with the same "
    "bits") {
  const SmallRun run;
  REQUIRE(command(run.arguments("whole")).code == 0);
  struct Moment {
    const char *fault, *file;
  };
  for (const auto& [fault, file] :
       {Moment{"write .tmp 9 28", ""}, Moment{"write .tmp 20 28", ""}, Moment{"fsync .tmp 12 28", ""},
        Moment{"write losses.csv 12 28", "losses.csv"}, Moment{"write validation.csv 2 28", "validation.csv"},
        Moment{"open .tmp 15 28", ""}}) {
    const char* const now = fault;
    CAPTURE(now);
    fs::remove_all(run / "part");
    const Ran stopped = with_fault(fault, run.arguments("part"));
    CAPTURE(stopped.text);
    CHECK(stopped.code == 1);
    CHECK(stopped.says(kNoSpace));
    CHECK(stopped.says(file));
    CHECK(is_one_sentence(stopped));
    CHECK(run.leftovers("part").empty());
    const Ran resumed = command(run.arguments("part"));
    CAPTURE(resumed.text);
    REQUIRE(resumed.code == 0);
    CHECK(run.same("part", "whole"));
  }
}

TEST_CASE("what cannot be written for want of space is not there in part, and says so") {
  const SmallRun run;
  REQUIRE(command(run.arguments("run")).code == 0);
  const std::string model = " --model " + quoted(run / "run/best.safetensors");
  write_pairs(run / "inputs", 1, 16);
  const std::vector<Writer> writers{
      {"translate",
       "translate" + model + " --out " + quoted(run / "translated") + " " + quoted(run / "inputs/0.png"),
       "translated"},
      {"evaluate",
       "evaluate" + model + " --data " + quoted(run.data()) + " --split val --out " +
           quoted(run / "evaluated"),
       "evaluated"},
      {"phantom", "phantom --patients 1 --size 32 --out " + quoted(run / "phantom"), "phantom"}};
  for (const Writer& writer : writers) {
    CAPTURE(writer.name);
    const Ran ran = with_fault("write .tmp 1 28", writer.arguments);
    CAPTURE(ran.text);
    CHECK(ran.code == 1);
    CHECK(ran.says(kNoSpace));
    CHECK(ran.says(writer.file));
    for (const auto& entry : fs::recursive_directory_iterator(run / writer.file)) {
      CAPTURE(entry.path().string());
      CHECK(entry.is_directory());
    }
  }
}

TEST_CASE(
    "a file system of 300 KiB is full in the middle of a run: a sentence, and the last checkpoint is whole") {
  if (!can_mount()) {
    MESSAGE("SKIPPED: this user may not mount a file system");
    return;
  }
  const SmallRun run;
  fs::create_directories(run / "small");
  const Ran ran = on_file_system("size=300k", run / "small", "true",
                                 run.arguments("small/out") + "--net-g unet_16 --ngf 8");
  CAPTURE(ran.text);
  CHECK(ran.code == 1);
  CHECK(ran.says(kNoSpace));
  CHECK(!ran.says(".tmp"));
}

TEST_CASE("a folder that cannot be written is refused before anything is computed") {
  const SmallRun run;
  REQUIRE(command(run.arguments("run")).code == 0);
  write_pairs(run / "inputs", 1, 16);
  const std::string model = " --model " + quoted(run / "run/best.safetensors");
  const auto commands = [&](const fs::path& out) {
    return std::vector<std::string>{
        "train --data " + quoted(run.data()) + " --net-g unet_16 --out " + quoted(out),
        "translate" + model + " --out " + quoted(out) + " " + quoted(run / "inputs/0.png"),
        "evaluate" + model + " --data " + quoted(run.data()) + " --split val --out " + quoted(out),
        "phantom --patients 1 --size 32 --out " + quoted(out)};
  };
  // A file where the folder should be.
  const fs::path file = run / "inputs/0.png";
  const std::string before = io::read_file(file);
  for (const fs::path& out : {file, file / "deeper"})
    for (const std::string& arguments : commands(out)) {
      CAPTURE(arguments);
      const Ran ran = command(arguments);
      CAPTURE(ran.text);
      CHECK(ran.code == 1);
      CHECK(ran.says(out.string()));
      CHECK(is_one_sentence(ran));
      CHECK(io::read_file(file) == before);
    }
  if (!can_mount()) {
    MESSAGE("SKIPPED: this user may not mount a read-only file system");
    return;
  }
  fs::create_directories(run / "locked");
  for (const std::string& arguments : commands(run / "locked")) {
    CAPTURE(arguments);
    const Ran ran = on_file_system("ro", run / "locked", "true", arguments);
    CAPTURE(ran.text);
    CHECK(ran.code == 1);
    CHECK(ran.says("Read-only file system"));
    CHECK(ran.says("locked"));
  }
}

TEST_CASE("a file may grow no further: a sentence instead of the end by a signal") {
  if (has_sanitizer()) {
    MESSAGE("SKIPPED: a sanitizer writes files of its own");
    return;
  }
  const SmallRun run;
  // 20 blocks of 512 bytes: less than a checkpoint.
  const Ran ran = shell("ulimit -f 20; '" UPTAKE_BINARY "' " + run.arguments("run"));
  CAPTURE(ran.text);
  CHECK(ran.code == 1);
  CHECK(ran.says("File too large"));
  CHECK(run.leftovers("run").empty());
}

TEST_CASE("without file handles the sentence says so, whichever file it is that cannot be opened") {
  const SmallRun run;
  REQUIRE(command(run.arguments("run")).code == 0);
  write_pairs(run / "inputs", 1, 16);
  const std::string model = quoted(run / "run/best.safetensors");
  struct Reader {
    const char* fault;
    std::string arguments;
  };
  std::vector<Reader> readers{
      {"open last.safetensors 1 24", run.arguments("run")},
      {"open /1.png 1 24", run.arguments("other")},
      {"open losses.csv 1 24", run.arguments("other")},
      {"open best.safetensors 1 24", "inspect " + model},
      {"open 0.png 1 24", "inspect " + quoted(run / "inputs/0.png")},
      {"open best.safetensors 1 24",
       "translate --model " + model + " --out " + quoted(run / "t") + " " + quoted(run / "inputs/0.png")},
      {"open 0.png 1 24",
       "translate --model " + model + " --out " + quoted(run / "t") + " " + quoted(run / "inputs/0.png")},
      {"open 0.png 1 24", "evaluate --model " + model + " --data " + quoted(run.data()) +
                              " --split val --out " + quoted(run / "e")}};
#ifdef UPTAKE_HAS_DICOM
  REQUIRE(command("phantom --patients 2 --size 32 --out " + quoted(run / "cohort")).code == 0);
  for (const auto& entry : fs::recursive_directory_iterator(run / "cohort"))
    if (entry.path().extension() == ".dcm") {
      readers.push_back({"open .dcm 1 24", "inspect " + quoted(entry.path())});
      break;
    }
  readers.push_back({"open .dcm 1 24", "train --net-g unet_16 --data " + quoted(run / "cohort") + " --out " +
                                           quoted(run / "c")});
  readers.push_back({"open cohort.csv 1 24", "train --net-g unet_16 --data " + quoted(run / "cohort") +
                                                 " --out " + quoted(run / "c")});
#endif
  for (const auto& [fault, arguments] : readers) {
    const std::string now = std::string(fault) + ": " + arguments;
    CAPTURE(now);
    const Ran ran = with_fault(fault, arguments);
    CAPTURE(ran.text);
    CHECK(ran.code == 1);
    CHECK(ran.says("Too many open files"));
  }
  // And by the system's own limit, wherever it strikes.
  if (has_sanitizer()) {
    MESSAGE("SKIPPED: a sanitizer opens handles of its own");
    return;
  }
  for (int handles = 3; handles < 9; ++handles) {
    fs::remove_all(run / "few");
    const Ran ran =
        shell("ulimit -n " + std::to_string(handles) + "; exec '" UPTAKE_BINARY "' " + run.arguments("few"));
    CAPTURE(handles);
    CAPTURE(ran.text);
    // 127: not even the libraries could be loaded.
    CHECK((ran.code == 0 || ran.code == 127 || (ran.code == 1 && ran.says("Too many open files"))));
  }
}

TEST_CASE("a file that vanishes after it was checked ends a run with its name; what was learned is saved") {
  const SmallRun run;
  REQUIRE(command(run.arguments("whole")).code == 0);
  const std::string gone = io::read_file(run / "data/train/3.png");
  for (const char* const fault :
       {"open train/3.png 1 vanish", "open train/3.png 2 vanish", "open train/3.png 3 vanish"}) {
    CAPTURE(fault);
    fs::remove_all(run / "part");
    const Ran ran = with_fault(fault, run.arguments("part"));
    CAPTURE(ran.text);
    io::write_file_atomically(run / "data/train/3.png", gone);
    // Decoded pairs stay in memory, so that the file may be opened twice only.
    if (ran.code != 0) {
      CHECK(ran.code == 1);
      CHECK(ran.says("3.png"));
      CHECK(ran.says("No such file"));
    }
    const Ran resumed = command(run.arguments("part"));
    CAPTURE(resumed.text);
    REQUIRE(resumed.code == 0);
    CHECK(run.same("part", "whole"));
  }
}

TEST_CASE("a data set that has changed between stop and resume is noticed, and nothing is lost") {
  const SmallRun run;
  REQUIRE(command(run.arguments("part", "--steps 7")).code == 0);
  const std::string saved = io::read_file(run / "part/last.safetensors");
  const fs::path image = run / "data/train/2.png";
  const std::string original = io::read_file(image);
  const auto refused = [&](const std::string& what) {
    const Ran ran = command(run.arguments("part", "--steps 0"));
    CAPTURE(what);
    CAPTURE(ran.text);
    CHECK(ran.code == 1);
    CHECK(is_one_sentence(ran));
    CHECK(ran.says("a run can only be resumed on its own data"));
    CHECK(io::read_file(run / "part/last.safetensors") == saved);
  };
  fs::copy_file(run / "data/train/1.png", image, fs::copy_options::overwrite_existing);
  refused("other pixels under the same name");
  fs::remove(image);
  refused("a pair less");
  io::write_file_atomically(image, original);
  fs::copy_file(image, run / "data/train/9.png");
  refused("a pair more");
  fs::remove(run / "data/train/9.png");
  CHECK(command(run.arguments("part", "--steps 0")).code == 0);
}

TEST_CASE("too little memory ends a run with a sentence, and with no file in part") {
  if (has_sanitizer()) {
    MESSAGE("SKIPPED: a sanitizer needs more address space than any limit leaves");
    return;
  }
  const SmallRun run;
  for (const int mebibytes : {150, 250, 400, 600}) {
    fs::remove_all(run / "run");
    const Ran ran = shell("ulimit -v " + std::to_string(1024 * mebibytes) + "; '" UPTAKE_BINARY "' " +
                          run.arguments("run") + " --net-g unet_16 --ngf 512 --ndf 512");
    CAPTURE(mebibytes);
    CAPTURE(ran.text);
    CHECK(ran.code == 1);
    CHECK(ran.says("memory"));
    CHECK(is_one_sentence(ran));
    if (fs::exists(run / "run")) CHECK(run.leftovers("run").empty());
  }
}
