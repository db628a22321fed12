// uptake: pix2pix without Python. Finds the subcommand and turns whatever goes wrong into one sentence and an
// exit code.
#include <algorithm>
#include <iostream>
#include <new>
#include <string>
#include <vector>

#include "apps/cli.h"
#include "apps/signals.h"
#include "apps/spinning.h"
#include "io/base/text.h"
#include "kernels/base/device.h"
#include "kernels/base/host.h"

namespace uptake::apps {
namespace {

constexpr const char* kSummary =
    "train and use pix2pix on image pairs, from pictures or DICOM, without Python";

struct Command {
  ManPage page;
  int (*run)(Arguments);
};

std::vector<Command> commands() {
  return {{train_page(), train},
          {translate_page(), translate},
          {evaluate_page(), evaluate},
          {inspect_page(), inspect},
          {phantom_page(), phantom}};
}

std::vector<ManPage> pages() {
  std::vector<ManPage> all;
  for (Command& command : commands()) all.push_back(std::move(command.page));
  return all;
}

std::string overview() {
  std::string text = "uptake - " + std::string(kSummary) +
                     "\n\n"
                     "usage: uptake COMMAND [OPTION]...     uptake COMMAND --help explains one command\n\n";
  const auto line = [&](const std::string& name, const std::string& summary) {
    text += "  " + name + std::string(19 - name.size(), ' ') + summary + "\n";
  };
  for (const ManPage& page : pages()) line(page.name, page.summary);
  text += "\n";
  line("--version", "what this build is and can do");
  line("--man", "all of this as a page for man: uptake --man | man -l -");
  line("--bash-completion",
       "what completes commands and options in bash: eval \"$(uptake --bash-completion)\"");
  return text;
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
  if (first == "--man") {
    std::cout << manual_page(pages(), kSummary, version());
    return kExitOk;
  }
  if (first == "--bash-completion") {
    std::cout << bash_completion(pages());
    return kExitOk;
  }
  if (first == "--version") {
    std::cout << version() << "\n"
              << "  use      research, not diagnosis: predicted images are synthetic\n"
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
  const std::vector<Command> all = commands();
  const auto found = std::ranges::find(all, first, [](const Command& command) { return command.page.name; });
  if (found == all.end()) {
    std::vector<std::string> names{"--version", "--help", "--man", "--bash-completion"};
    for (const Command& command : all) names.push_back(command.page.name);
    const std::string offer = io::nearest_name(first, names);
    throw UsageError("unknown command '" + first + "'" +
                     (offer.empty() ? "" : "; did you mean " + offer + "?") + " (uptake --help lists them)");
  }
  if (const char* missing = kernels::missing_cpu_feature())
    throw std::runtime_error(std::string("this CPU has no ") + missing +
                             ", which uptake was compiled for; build it with -DUPTAKE_CPU_ARCH=x86-64");
  return found->run(Arguments(arguments).subspan(1));
}

}  // namespace

std::string version() { return "uptake " UPTAKE_VERSION; }

}  // namespace uptake::apps

int main(int argc, char** argv) {
  using namespace uptake::apps;
  limit_spinning(argv);
  ignore_broken_pipes();
  try {
    return exit_code_of_output(run({argv + 1, argv + argc}));
  } catch (const UsageError& e) {
    std::cerr << "uptake: " << e.what() << "\n";
    return kExitUsage;
  } catch (const std::bad_alloc&) {
    std::cerr << "uptake: out of memory\n";
    return kExitFailed;
  } catch (const std::exception& e) {
    std::cerr << "uptake: " << explain(e) << "\n";
    return kExitFailed;
  }
}
