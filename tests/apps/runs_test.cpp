// What a run does when it is told to end, when nobody listens any more, and when it is asked for twice.
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "io/base/file.h"
#include "io/image/image.h"
#include "tests/apps/command.h"

namespace fs = std::filesystem;
namespace io = uptake::io;

namespace {

const char* const kOptions =
    " --load-size 0 --crop-size 0 --net-g unet_8 --net-d pixel --ngf 2 --ndf 2 --threads 1 --device cpu "
    "--epochs 100000 --epochs-decay 0 ";

void write_pairs(const fs::path& folder, int count, unsigned size = 8) {
  fs::create_directories(folder);
  for (int n = 0; n < count; ++n) {
    io::Image image(size, 2 * size, 1, io::SampleKind::u8);
    for (std::size_t i = 0; i < image.samples.size(); ++i)
      image.samples[i] = static_cast<float>((i * 2654435761u + static_cast<unsigned>(n)) >> 7 & 255);
    io::write_png(folder / (std::to_string(n) + ".png"), image);
  }
}

// In the shell: waits until a run has logged some steps.
std::string until_begun(const fs::path& run) {
  return "for i in $(seq 3000); do [ $(cat " + quoted(run / "losses.csv") +
         " 2>/dev/null | wc -l) -gt 4 ] && break; sleep 0.02; done; ";
}

std::string train(const fs::path& data, const fs::path& run) {
  return "'" UPTAKE_BINARY "' train --data " + quoted(data) + " --out " + quoted(run) + kOptions;
}

// The command that a stopped run prints, with what comes after `uptake`.
std::string printed_command(const Ran& ran) {
  const std::string words = "go on with: uptake ";
  const std::size_t at = ran.text.find(words);
  REQUIRE(at != std::string::npos);
  return ran.text.substr(at + words.size(), ran.text.find('\n', at) - at - words.size());
}

}  // namespace

TEST_CASE("every signal by which a run is asked to end saves it, and its number is the exit code") {
  const TemporaryFolder folder;
  write_pairs(folder / "data/train", 3);
  for (const auto& [signal, number] :
       {std::pair{"HUP", 1}, {"INT", 2}, {"USR1", 10}, {"TERM", 15}, {"XCPU", 24}}) {
    CAPTURE(signal);
    const fs::path out = folder / signal;
    const Ran ran = shell(train(folder / "data", out) + " & pid=$!; " + until_begun(out) + "kill -" + signal +
                          " $pid; wait $pid");
    CAPTURE(ran.text);
    CHECK(ran.code == 128 + number);
    CHECK(ran.says("go on with: uptake train"));
    CHECK(fs::exists(out / "last.safetensors"));
    CHECK(!fs::exists(out / ".uptake.lock"));
  }
}

TEST_CASE(
    "a run whose output nobody reads any more saves and ends; under nohup a closed terminal is nothing") {
  const TemporaryFolder folder;
  write_pairs(folder / "data/train", 3);
  const Ran piped =
      shell(train(folder / "data", folder / "piped") + "| head -n 1; ls " + quoted(folder / "piped"));
  CAPTURE(piped.text);
  CHECK(piped.says("last.safetensors"));
  const fs::path out = folder / "nohup";
  const Ran kept = shell("nohup " + train(folder / "data", out) + " --steps 400 > /dev/null & pid=$!; " +
                         until_begun(out) + "kill -HUP $pid; wait $pid");
  CAPTURE(kept.text);
  CHECK(kept.code == 0);
}

TEST_CASE("the printed command resumes as it is printed, whatever is in the paths and was left out") {
  const TemporaryFolder folder;
  const fs::path place = folder / "it's a \"place\" $(x) \xfc;#\\";
  write_pairs(place / "-data set/train", 3);
  io::write_file_atomically(place / "-data set/train/bad.png", "no image");
  fs::create_directory(place / "-run $x\xfc");
  fs::create_symlink(place, folder / "link");
  const std::string cd = "cd " + quoted(folder / "link") + " && ";
  const Ran stopped =
      shell(cd + "'" UPTAKE_BINARY "' train --skip-bad --data='-data set' --out='-run $x\xfc'" + kOptions +
            " & pid=$!; " + until_begun(folder / "link/-run $x\xfc") + "kill -INT $pid; wait $pid");
  CAPTURE(stopped.text);
  REQUIRE(stopped.code == 130);
  const std::string again = printed_command(stopped);
  const Ran resumed = shell(cd + "'" UPTAKE_BINARY "' " + again + " --steps 1");
  CAPTURE(resumed.text);
  CHECK(resumed.code == 0);
  CHECK(resumed.says("left out: train/bad.png"));
  CHECK(resumed.says("skip-bad=true"));

  // The folder of the run is enough, from anywhere.
  const Ran from_afar = command("train --resume --steps 1 --out " + quoted(folder / "link/-run $x\xfc"));
  CAPTURE(from_afar.text);
  CHECK(from_afar.code == 0);
  // And its configuration begins another run on the same data.
  const Ran other = command("train --steps 1 --config " + quoted(folder / "link/-run $x\xfc/config.ini") +
                            " --out " + quoted(folder / "other"));
  CAPTURE(other.text);
  CHECK(other.code == 0);
  CHECK(other.says("left out: train/bad.png"));
}

TEST_CASE("two runs cannot be in one folder at a time; looking at it is nobody's business") {
  const TemporaryFolder folder;
  write_pairs(folder / "data/train", 3);
  const fs::path out = folder / "run";
  const std::string first = train(folder / "data", out) + " --save-every 1 > /dev/null & pid=$!; " +
                            until_begun(out) + "echo pid $pid.; ";
  const Ran ran =
      shell(first + train(folder / "data", out) + "; echo code $?; " + train(folder / "data", out) +
            " --resume; echo code $?; '" UPTAKE_BINARY "' inspect " + quoted(out / "last.safetensors") +
            " | head -n 1; kill $pid; wait $pid");
  CAPTURE(ran.text);
  const std::size_t at = ran.text.find("pid ") + 4;
  const std::string pid = ran.text.substr(at, ran.text.find('.', at) - at);
  const std::size_t refused = ran.text.find("is being written into by process " + pid + " on ");
  REQUIRE(refused != std::string::npos);
  CHECK(ran.text.find("is being written into by process " + pid + " on ", refused + 1) != std::string::npos);
  CHECK(ran.says("or give another --out"));
  CHECK(ran.says("code 1"));
  CHECK(ran.says("checkpoint written by"));
}

TEST_CASE("translate and evaluate told to end say what is done and leave no partial file") {
  const TemporaryFolder folder;
  write_pairs(folder / "data/train", 2);
  write_pairs(folder / "data/test", 2000);
  REQUIRE(command("train --data " + quoted(folder / "data") + " --out " + quoted(folder / "run") + kOptions +
                  " --steps 1")
              .code == 0);
  const std::string model =
      " --device cpu --threads 1 --model " + quoted(folder / "run/generator.safetensors");
  const Ran translated =
      shell("'" UPTAKE_BINARY "' translate" + model + " --out " + quoted(folder / "out") + " " +
            quoted(folder / "data/test") + " > /dev/null & pid=$!; for i in $(seq 3000); do [ -e " +
            quoted(folder / "out/1.png") +
            " ] && break; sleep 0.01; done; kill -INT $pid; "
            "wait $pid");
  CAPTURE(translated.text);
  CHECK(translated.code == 130);
  CHECK(translated.says(" of 2000 files; the others are not begun"));
  for (const auto& entry : fs::directory_iterator(folder / "out")) {
    CHECK(entry.path().extension() == ".png");
    CHECK_NOTHROW(io::read_image(entry.path()));
  }
  const Ran evaluated =
      shell("'" UPTAKE_BINARY "' evaluate" + model + " --data " + quoted(folder / "data") + " --out " +
            quoted(folder / "report") + " & pid=$!; for i in $(seq 3000); do [ -e " +
            quoted(folder / "report") + " ] && break; sleep 0.01; done; kill -TERM $pid; wait $pid");
  CAPTURE(evaluated.text);
  CHECK(evaluated.code == 143);
  CHECK(evaluated.says(" of 2000 pairs; no report is written"));
  CHECK(fs::is_empty(folder / "report"));
}

TEST_CASE("output that is no terminal gets plain lines, also where standard error is one") {
  const TemporaryFolder folder;
  if (shell("command -v script").code != 0) {
    MESSAGE("SKIPPED: script is not installed");
    return;
  }
  write_pairs(folder / "data/train", 3);
  io::write_file_atomically(folder / "go", train(folder / "data", folder / "run") + "--steps 30 > " +
                                               quoted(folder / "log") + "\n");
  shell("TERM=xterm script -qec 'sh " + (folder / "go").string() + "' /dev/null");
  const std::string log = io::read_file(folder / "log");
  CHECK(log.find("done after step 30") != std::string::npos);
  CHECK(log.find_first_of("\x1b\r") == std::string::npos);
  CHECK(std::count(log.begin(), log.end(), '\n') < 40);
}

TEST_CASE("evaluate takes paths and names that are no UTF-8") {
  const TemporaryFolder folder;
  const fs::path data = folder / "f\xfcr", run = folder / "r\xff";
  write_pairs(data / "train", 2);
  write_pairs(data / "test", 1);
  fs::rename(data / "test/0.png", data / "test/\xe4.png");
  REQUIRE(command("train --data " + quoted(data) + " --out " + quoted(run) + kOptions + " --steps 1").code ==
          0);
  const Ran ran = command("evaluate --model " + quoted(run / "best.safetensors") + " --data " + quoted(data) +
                          " --out " + quoted(folder / "report\xfe"));
  CAPTURE(ran.text);
  REQUIRE(ran.code == 0);
  const auto summary = nlohmann::json::parse(io::read_file(folder / "report\xfe/summary.json"));
  CHECK(summary.at("data").get<std::string>().ends_with("f\xef\xbf\xbdr"));
  CHECK(io::read_file(folder / "report\xfe/report.html").find("\xef\xbf\xbd") != std::string::npos);
}

TEST_CASE("evaluate writes the predictions on request, and a report of large images stays small") {
  const TemporaryFolder folder;
  write_pairs(folder / "data/train", 1);
  write_pairs(folder / "data/test", 2, 700);
  REQUIRE(command("train --data " + quoted(folder / "data") + " --out " + quoted(folder / "run") + kOptions +
                  " --steps 1")
              .code == 0);
  const Ran ran = command("evaluate --save-images --model " + quoted(folder / "run/generator.safetensors") +
                          " --data " + quoted(folder / "data") + " --out " + quoted(folder / "report"));
  CAPTURE(ran.text);
  REQUIRE(ran.code == 0);
  const io::Image saved = io::read_image(folder / "report/images/1.png");
  CHECK(saved.height == 700);
  CHECK(saved.width == 700);
  CHECK(saved.kind == io::SampleKind::u8);
  CHECK(io::read_file(folder / "report/images/1.png").find("SHA-256 ") != std::string::npos);
  const std::string report = io::read_file(folder / "report/report.html");
  CHECK(report.size() < 6 * 200000);  // six images; of noise, which does not compress
  CHECK(report.find("2 of 2 cases are shown") != std::string::npos);
}

TEST_CASE(
    "standard output that cannot be written is an error, a reader that has had enough is none of words") {
  const Ran full = shell("'" UPTAKE_BINARY "' --help > /dev/full");
  CHECK(full.code == 1);
  CHECK(full.says("standard output cannot be written"));
  const Ran enough = shell("'" UPTAKE_BINARY "' --man | true");
  CHECK(enough.text.empty());
}
