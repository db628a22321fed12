// The command line itself: help, versions, refusals, exit codes.
#include <doctest/doctest.h>

#include <algorithm>

#include "io/base/file.h"
#include "kernels/base/device.h"
#include "tests/apps/command.h"

namespace fs = std::filesystem;

TEST_CASE("--version and --help tell what this is and exit with 0") {
  const Ran version = command("--version");
  CHECK(version.code == 0);
  CHECK(version.text.starts_with("uptake 0."));
  CHECK(version.says("  CUDA     "));
  const Ran help = command("--help");
  CHECK(help.code == 0);
  for (const char* name : {"train", "translate", "evaluate", "inspect", "phantom"}) {
    CAPTURE(name);
    CHECK(help.says(name));
    const Ran page = command(std::string(name) + " --help");
    CHECK(page.code == 0);
    for (const char* part :
         {"NAME\n", "SYNOPSIS\n", "DESCRIPTION\n", "OPTIONS\n", "EXIT CODES\n", "EXAMPLE\n"})
      CHECK(page.says(part));
  }
  CHECK(command("train --help").says("--lambda-l1"));
  CHECK(command("train --help").says("[100]"));
}

TEST_CASE(
    "a GPU that is asked for and is not there is refused; left to itself, the command runs on the CPU, and "
    "says so "
    "where there is a card") {
  const Ran version = command("--version");
  const bool built = !version.says("no CUDA backend"), usable = version.says("float32, tf32, bf16\n");
  const Ran asked = command("train --data /nonexistent --out y --device cuda");
  CHECK(asked.says("--device is cuda, but ") == !usable);
  CHECK(asked.code == (usable ? 1 : 2));
  const Ran left = command("translate --model /nonexistent --out o f");
  CHECK(left.code == 1);
  CHECK(left.says("; running on the CPU\n") == (built && !usable && uptake::kernels::cuda::card_present()));
  CHECK_FALSE(command("translate --device cpu --model /nonexistent --out o f").says("running on the CPU"));
}

TEST_CASE("a command line that makes no sense is answered in one sentence with exit code 2") {
  const auto refused = [](const std::string& arguments, const std::string& sentence) {
    CAPTURE(arguments);
    const Ran ran = command(arguments);
    CAPTURE(ran.text);
    CHECK(ran.code == 2);
    CHECK(ran.says(sentence));
    CHECK(std::count(ran.text.begin(), ran.text.end(), '\n') == 1);
  };
  refused("", "no command given");
  refused("trian", "did you mean train?");
  refused("train --lambda-11 3", "did you mean --lambda-l1?");
  refused("train --no-flp", "did you mean --no-flip?");
  refused("train --out x", "--data is missing");
  refused("train --data x", "--out is missing");
  refused("train --data x --out y --ngf many", "ngf");
  refused("train --data x --out y --net-g unet_255", "did you mean unet_256?");
  refused("train --data x --out y --load-size 100 --crop-size 200",
          "--crop-size 200 is larger than --load-size 100");
  refused("train --data x --out y --precision float16", "float32");
  refused("train --data x --out y --device gpu", "expected one of auto, cpu, cuda");
  refused("train --data x --out y --device cpu --precision bf16", "--precision bf16 is for the GPU");
  refused("train --data x --out y --conv mine", "expected one of auto, ");
  refused("train --data x --out y extra", "unexpected argument 'extra'");
  refused("train --data x --out y --config /nonexistent.ini", "cannot be opened");
  refused("translate --model m", "--out is missing");
  refused("translate --model m --out o", "no input given");
  refused("train --data x --out y --config /tmp", "--config /tmp");
  refused("train --data x --out y --ngf=", "--ngf has no value");
  refused("train --data x --out y --ngf 3.5", "'3.5' is not a whole number");
  refused("train --data x --out y --seed -1", "'-1' is not a whole number from 0");
  refused("train --data x --out y --seed 99999999999999999999",
          "not a whole number from 0 of a possible size");
  refused("train --data x --out y --lr nan", "--lr is nan");
  refused("train --data x --out y --lr inf", "--lr is inf");
  refused("train --data x --out y --threads 100000",
          "--threads is 100000, expected a whole number from 0 to 1024");
  refused("train --data x --out y --batch-size 9223372036854775807", "--batch-size");
  refused("train --data x --out y --gan-mode vanila", "did you mean vanilla?");
  refused("train --data x --out y --n-layers-d 5", "--n-layers-d is for --net-d n_layers");
  refused("train --data x --out y --lr-decay-epochs 5", "--lr-decay-epochs is for --lr-policy step");
  refused("translate --model m --out o --threads -4 f", "--threads is -4");
  refused("translate --model m --out o --norm-at-test foo f", "--norm-at-test is 'foo'");
  refused("--versio", "did you mean --version?");
  refused("evaluate --data x --out y", "--model is missing");
  refused("inspect", "no file given");
  refused("phantom --patients 3", "--out is missing");
}

TEST_CASE(
    "a config file sets options, the command line has precedence, unknown names are refused with the line") {
  const TemporaryFolder folder;
  const fs::path config = folder / "c.ini";
  uptake::io::write_file_atomically(config, "# a comment\nngf = 3\n\nlambda-1l = 5\n");
  const Ran unknown = command("train --data x --out y --config " + quoted(config));
  CHECK(unknown.code == 2);
  CHECK(unknown.says("line 4: unknown option 'lambda-1l'; did you mean lambda-l1?"));
  uptake::io::write_file_atomically(config, "ngf = -3\n");
  CHECK(command("train --data x --out y --config " + quoted(config)).says("--ngf is -3"));
  CHECK(command("train --data x --out y --ngf 0 --config " + quoted(config)).says("--ngf is 0"));
  uptake::io::write_file_atomically(config, "ngf =\n");
  CHECK(command("train --data x --out y --config " + quoted(config)).says("line 1: 'ngf =' has no value"));
  uptake::io::write_file_atomically(config, "ngf\n");
  CHECK(command("train --data x --out y --config " + quoted(config))
            .says("line 1: 'ngf', expected 'name = value'"));
  using std::string_literals::operator""s;
  for (const std::string& text :
       {"\xef\xbb\xbf# by an editor\r\nngf = -3\r\n"s, "# with old line ends\rngf = -3\r"s,
        "\xff\xfen\0g\0f\0=\0-\0003\0\r\0\n\0"s, "\xfe\xff\0n\0g\0f\0=\0-\0003"s}) {
    uptake::io::write_file_atomically(config, text);
    CAPTURE(text);
    CHECK(command("train --data x --out y --config " + quoted(config)).says("--ngf is -3"));
  }
  uptake::io::write_file_atomically(config, "n\0g\0f\0=\0003\0"s);
  CHECK(command("train --data x --out y --config " + quoted(config))
            .says("UTF-16 text without a byte-order mark"));
}

TEST_CASE("what cannot be read or written ends with exit code 1 and a sentence naming it") {
  const TemporaryFolder folder;
  const auto failed = [&](const std::string& arguments, const std::string& name) {
    CAPTURE(arguments);
    const Ran ran = command(arguments);
    CAPTURE(ran.text);
    CHECK(ran.code == 1);
    CHECK(ran.says(name));
    CHECK(ran.says("uptake: "));
  };
  fs::create_directories(folder / "empty");
  uptake::io::write_file_atomically(folder / "file", "x");
  uptake::io::write_file_atomically(folder / "c.safetensors", "garbage");
  failed("train --data " + quoted(folder / "nowhere") + " --out " + quoted(folder / "o"), "nowhere");
  failed("train --data " + quoted(folder / "empty") + " --out " + quoted(folder / "o"), "empty");
  failed("train --resume --data " + quoted(folder / "empty") + " --out " + quoted(folder / "o"),
         "last.safetensors");
  failed("phantom --out " + quoted(folder / "file/under"), "under");
  failed("phantom --patients 0 --out " + quoted(folder / "p"), "patients");
  failed("inspect " + quoted(folder / "c.safetensors"), "c.safetensors");
  failed("inspect " + quoted(folder / "nothing.dcm"), "nothing.dcm");
  failed("translate --model " + quoted(folder / "c.safetensors") + " --out " + quoted(folder / "o") + " " +
             quoted(folder / "file"),
         "c.safetensors");
  CHECK_FALSE(fs::exists(folder / "o"));
}
