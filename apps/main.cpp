// uptake: pix2pix without Python. Finds the subcommand and turns whatever goes wrong into one sentence and an
// exit code.
#include <iostream>
#include <map>
#include <new>
#include <string>
#include <vector>

#include "apps/cli.h"
#include "io/base/text.h"
#include "io/pairs/dataset.h"
#include "kernels/base/device.h"
#include "kernels/base/host.h"

namespace uptake::apps {
namespace {

struct Command {
  const char* summary;
  int (*run)(Arguments);
};

const std::map<std::string, Command>& commands() {
  static const std::map<std::string, Command> all = {
      {"train", {"train a model on image pairs", train}},
      {"translate", {"apply a trained model to PNG, JPEG and DICOM files", translate}},
      {"evaluate", {"judge a trained model on a split and write a report", evaluate}},
      {"inspect", {"explain a checkpoint or a DICOM file", inspect}},
      {"phantom", {"make a synthetic two-phase bone scan cohort", phantom}},
  };
  return all;
}

std::string overview() {
  std::string text =
      "uptake - train and use pix2pix on image pairs, from pictures or DICOM, without Python\n\n"
      "usage: uptake COMMAND [OPTION]...     uptake COMMAND --help explains one command\n\n";
  for (const char* name : {"train", "translate", "evaluate", "inspect", "phantom"})
    text += "  " + std::string(name) + std::string(12 - std::string(name).size(), ' ') +
            commands().at(name).summary + "\n";
  return text + "\n  --version   what this build is and can do\n";
}

std::string cuda_words() {
  namespace cuda = kernels::cuda;
  if (!cuda::built_with_cuda()) return "no CUDA backend in this build";
  const std::string convolutions =
      cuda::built_with_cudnn() ? "cuDNN and own convolutions" : "own convolutions (no cuDNN)";
  return convolutions + "; float32, tf32, bf16" +
         (cuda::why_unavailable().empty() ? "" : "; " + cuda::why_unavailable());
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) throw UsageError("no command given; uptake --help lists them");
  const std::string& first = arguments[0];
  if (first == "--help" || first == "-h" || first == "help") {
    std::cout << overview();
    return kExitOk;
  }
  if (first == "--version") {
    std::cout << version() << "\n"
              << "  backend  CPU"
              << (kernels::has_onednn() ? " (oneDNN convolutions)" : " (plain convolutions, slow)")
              << ", float32\n"
              << "  CUDA     " << cuda_words() << "\n"
#ifdef UPTAKE_HAS_DICOM
              << "  DICOM    yes (DCMTK)\n";
#else
              << "  DICOM    no\n";
#endif
    return kExitOk;
  }
  const auto found = commands().find(first);
  if (found == commands().end()) {
    std::vector<std::string> names{"--version", "--help"};
    for (const auto& [name, command] : commands()) names.push_back(name);
    const std::string offer = io::nearest_name(first, names);
    throw UsageError("unknown command '" + first + "'" +
                     (offer.empty() ? "" : "; did you mean " + offer + "?") + " (uptake --help lists them)");
  }
  if (const char* missing = kernels::missing_cpu_feature())
    throw std::runtime_error(std::string("this CPU has no ") + missing +
                             ", which uptake was compiled for; build it with -DUPTAKE_CPU_ARCH=x86-64");
  return found->second.run(Arguments(arguments).subspan(1));
}

}  // namespace

std::string version() { return "uptake " UPTAKE_VERSION; }

}  // namespace uptake::apps

int main(int argc, char** argv) {
  using namespace uptake::apps;
  try {
    return run({argv + 1, argv + argc});
  } catch (const UsageError& e) {
    std::cerr << "uptake: " << e.what() << "\n";
    return kExitUsage;
  } catch (const uptake::io::BadFilesError& e) {
    std::cerr << "uptake: " << e.what_or("leave them out with --skip-bad") << "\n";
    return kExitFailed;
  } catch (const std::bad_alloc&) {
    std::cerr << "uptake: out of memory\n";
    return kExitFailed;
  } catch (const std::exception& e) {
    std::cerr << "uptake: " << e.what() << "\n";
    return kExitFailed;
  }
}
