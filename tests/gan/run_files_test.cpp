// What a run leaves in its folder, whenever and however it ends.
#include <doctest/doctest.h>

#include <sys/stat.h>

#include "gan/translator.h"
#include "io/base/file.h"
#include "io/base/folder_lock.h"
#include "io/base/interrupt.h"
#include "io/logs/csv_log.h"
#include "tests/gan/small_run.h"
#include "tests/support/temporary_folder.h"

using namespace uptake;
using namespace uptake::tests;
namespace fs = std::filesystem;

namespace {

template <class Error, class Act>
std::string message_of(const Act& act) {
  try {
    act();
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

// Five steps, of which three are the first epoch.
gan::TrainRequest five_steps(const TemporaryFolder& folder, const char* name) {
  if (!fs::exists(folder / "data")) write_pairs(folder / "data/train", 5, 36, 1);
  gan::TrainRequest r = small_request(folder / "data", folder / name);
  r.config.steps = 5;
  return r;
}

std::vector<std::string> numbered(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    if (const std::string name = entry.path().filename().string(); name.starts_with("step_"))
      names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

void cut_file(const fs::path& path, std::size_t bytes) { fs::resize_file(path, fs::file_size(path) - bytes); }

}  // namespace

TEST_CASE("best is a link of last after the best epoch and stays when last goes on; the generator is apart") {
  const TemporaryFolder folder;
  gan::TrainRequest r = five_steps(folder, "run");
  r.config.steps = 3;
  r.config.epochs = 1;
  r.config.epochs_decay = 1;
  run(r);
  const fs::path last = folder / "run/last.safetensors", best = folder / "run/best.safetensors",
                 generator = folder / "run/generator.safetensors";
  CHECK(fs::equivalent(last, best));
  const std::string bytes = io::read_file(best);
  CHECK(fs::file_size(generator) < bytes.size() / 2);
  r.resume = true;
  r.config.steps = 4;
  run(r);
  CHECK(!fs::equivalent(last, best));
  CHECK((io::read_file(last) != bytes));

  const gan::LoadedGenerator alone = gan::load_generator(generator), whole = gan::load_generator(best);
  CHECK(alone.info.generator_only);
  CHECK(!whole.info.generator_only);
  CHECK(alone.info.weights_sha256 == whole.info.weights_sha256);
  CHECK(alone.info.config == whole.info.config);
  const io::Image image = io::read_image(folder / "data/train/0.png");
  const io::Image half = io::crop(image, 0, 0, 36, 36);
  CHECK((gan::Translator(generator)(half).samples == gan::Translator(best)(half).samples));
}

TEST_CASE("a generator alone cannot be resumed from, and says so") {
  const TemporaryFolder folder;
  gan::TrainRequest r = five_steps(folder, "run");
  run(r);
  fs::copy_file(folder / "run/generator.safetensors", folder / "run/last.safetensors",
                fs::copy_options::overwrite_existing);
  r.resume = true;
  CHECK(message_of<io::FileError>([&] { run(r); }).find("holds the generator alone") != std::string::npos);
}

TEST_CASE("--save-every: a run goes on from the last such step with the bits of an uninterrupted one") {
  const TemporaryFolder folder;
  const gan::TrainRequest whole = five_steps(folder, "whole");
  run(whole);
  for (const std::int64_t every : {1, 2}) {
    CAPTURE(every);
    gan::TrainRequest r = five_steps(folder, every == 1 ? "one" : "two");
    r.config.save_every = every;
    // Killed after step 5, before that is saved: the folder as step 4 left it, the log longer.
    r.config.keep = 9;
    run(r);
    fs::copy_file(r.out / "step_00000004.safetensors", r.out / "last.safetensors",
                  fs::copy_options::overwrite_existing);
    r.resume = true;
    const std::string told = run(r);
    CHECK(told.find("losses.csv is cut back to the checkpoint, by 1 row\n") != std::string::npos);
    CHECK((io::read_file(r.out / "losses.csv") == io::read_file(whole.out / "losses.csv")));
    CHECK(gan::load_generator(r.out / "last.safetensors").info.weights_sha256 ==
          gan::load_generator(whole.out / "last.safetensors").info.weights_sha256);
  }
}

TEST_CASE("--keep: the newest checkpoints due by steps and epochs stay under their steps") {
  const TemporaryFolder folder;
  gan::TrainRequest r = five_steps(folder, "run");
  r.config.steps = 0;  // three epochs of three steps
  r.config.save_every = 2;
  r.config.keep = 3;
  fs::create_directories(r.out);
  io::write_file_atomically(folder / "run/step_1.safetensors.txt", "not mine");
  run(r);
  CHECK(numbered(r.out) == std::vector<std::string>{"step_00000006.safetensors", "step_00000008.safetensors",
                                                    "step_00000009.safetensors", "step_1.safetensors.txt"});
  CHECK(gan::read_checkpoint_info(r.out / "step_00000008.safetensors").progress.step == 8);
  CHECK(fs::equivalent(r.out / "step_00000009.safetensors", r.out / "last.safetensors"));
  r.out = folder / "rare";
  r.config.save_every = 0;
  r.config.save_every_epochs = 2;
  run(r);
  CHECK(numbered(r.out) == std::vector<std::string>{"step_00000006.safetensors"});
  CHECK(gan::read_checkpoint_info(r.out / "last.safetensors").progress.step == 9);
}

TEST_CASE("--save-every-minutes: what is due is saved between epochs, too") {
  const TemporaryFolder folder;
  gan::TrainRequest r = five_steps(folder, "run");
  r.config.save_every_minutes = 1e-6;
  struct Watch : std::stringbuf {
    fs::path last;
    bool there = false;
    int sync() override {
      if (str().find("epoch 1: ") != std::string::npos && str().find("epoch 2: ") == std::string::npos)
        there = fs::exists(last);  // what the end of the epoch saves comes after its message
      return 0;
    }
  } watch;
  watch.last = r.out / "last.safetensors";
  std::ostream out(&watch);
  gan::train(r, kNeverStop, out);
  CHECK(watch.there);
}

TEST_CASE(
    "a run stopped in the judgement of an epoch judges it again and has the bits of an uninterrupted one") {
  const TemporaryFolder folder;
  write_pairs(folder / "data/train", 2, 36, 1);
  write_pairs(folder / "data/val", 3, 36, 2);
  gan::TrainRequest whole = small_request(folder / "data", folder / "whole");
  whole.config.epochs_decay = 0;
  run(whole);
  gan::TrainRequest r = whole;
  r.out = folder / "pieces";
  std::ostringstream told;
  for (int times = 0; times < 3; ++times) {
    std::atomic<bool> stop = false;
    const gan::TrainOutcome outcome = gan::train(r, stop, told, [&] { stop = true; });
    CHECK(outcome.stopped);
    CHECK(outcome.progress.step == 1);
    CHECK(outcome.progress.epoch == 1);
    CHECK(outcome.progress.position == 2);
    CHECK(io::read_csv_log(r.out / "validation.csv").steps.empty());
    r.resume = true;
  }
  run(r);
  for (const char* file : {"last.safetensors", "best.safetensors", "losses.csv", "validation.csv"}) {
    CAPTURE(file);
    CHECK((io::read_file(r.out / file) == io::read_file(whole.out / file)));
  }
}

TEST_CASE("logs torn, longer than the checkpoint or lost do not stop a resume, and lose nothing else") {
  const TemporaryFolder folder;
  write_pairs(folder / "data/train", 5, 36, 1);
  write_pairs(folder / "data/val", 1, 36, 2);
  gan::TrainRequest whole = small_request(folder / "data", folder / "whole");
  run(whole);
  const auto begun = [&](const char* name) {
    gan::TrainRequest r = small_request(folder / "data", folder / name);
    r.config.steps = 7;
    run(r);
    r.resume = true;
    r.config.steps = 0;
    return r;
  };
  const auto bytes = [&](const gan::TrainRequest& r, const char* file) {
    return io::read_file(r.out / file);
  };

  gan::TrainRequest longer = begun("longer");
  std::string log = io::read_file(longer.out / "losses.csv");
  io::write_file_atomically(longer.out / "losses.csv", log + "8,3,1,1,1,1,1\n9,3,1,");
  io::write_file_atomically(longer.out / "validation.csv", bytes(longer, "validation.csv") + "9,1");
  std::string told = run(longer);
  CHECK(told.find("losses.csv is cut back to the checkpoint, by 1 row, and by an end that was torn\n") !=
        std::string::npos);
  CHECK(told.find("validation.csv is cut back") != std::string::npos);
  CHECK(bytes(longer, "losses.csv") == bytes(whole, "losses.csv"));
  CHECK(bytes(longer, "validation.csv") == bytes(whole, "validation.csv"));

  gan::TrainRequest shorter = begun("shorter");
  cut_file(shorter.out / "losses.csv", 5);  // the end of step 7
  told = run(shorter);
  CHECK(told.find("losses.csv: the rows of steps 7 to 7 are lost") != std::string::npos);
  CHECK(io::read_csv_log(shorter.out / "losses.csv").steps.size() == 8);
  CHECK(bytes(shorter, "last.safetensors") == bytes(longer, "last.safetensors"));

  gan::TrainRequest lost = begun("lost");
  fs::remove(lost.out / "losses.csv");
  fs::remove(lost.out / "validation.csv");
  told = run(lost);
  CHECK(told.find("losses.csv is missing and begun anew\n") != std::string::npos);
  CHECK(told.find("validation.csv is missing and begun anew\n") != std::string::npos);
  CHECK(bytes(lost, "last.safetensors") == bytes(longer, "last.safetensors"));
}

TEST_CASE("a run that another process writes into is neither resumed nor begun, and then it is") {
  const TemporaryFolder folder;
  gan::TrainRequest r = five_steps(folder, "run");
  fs::create_directories(r.out);
  {
    const io::FolderLock other(r.out);
    CHECK_THROWS_AS(run(r), io::FolderInUse);
  }
  run(r);
  CHECK(!fs::exists(r.out / ".uptake.lock"));
  r.resume = true;
  const std::string before = io::read_file(r.out / "losses.csv");
  {
    const io::FolderLock other(r.out);
    CHECK_THROWS_AS(run(r), io::FolderInUse);
  }
  CHECK(io::read_file(r.out / "losses.csv") == before);
  CHECK_NOTHROW(run(r));
}

TEST_CASE("a run told to stop while its data is being read leaves nothing behind") {
  const TemporaryFolder folder;
  gan::TrainRequest r = five_steps(folder, "run");
  const std::atomic<bool> stop = true;
  CHECK_THROWS_AS(run(r, stop), io::Interrupted);
  CHECK(!fs::exists(r.out));
}
