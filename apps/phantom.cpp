#include <iostream>

#include "apps/cli.h"
#include "io/base/file.h"
#include "io/scan/phantom_cohort.h"

namespace uptake::apps {
namespace {

struct Request {
  std::filesystem::path out;
  io::PhantomOptions phantom;
};

Options declare(Request& r) {
  Options options(
      {.name = "phantom",
       .synopsis = "uptake phantom --out DIR [--patients N] [--seed S] [--size PIXELS]",
       .summary = "make a synthetic two-phase bone scan cohort",
       .description =
           "Draws hands and feet of N patients in two phases of a bone scan, blood pool (10 min) and delayed "
           "(3 h), with Poisson noise and the lesions of six disease groups, and writes them as DICOM NM "
           "files "
           "with cohort.csv (what uptake train reads) and lesions.csv (the truth). The same seed gives the "
           "same files. It is a drawing for tests and teaching: results on it say nothing about patients.",
       .example = "  uptake phantom --out cohort --patients 60 --seed 7\n"});
  options.add_path("out", r.out, "folder for the cohort (required)");
  options.add("patients", r.phantom.patients, "number of patients");
  options.add("seed", r.phantom.seed, "of all random numbers");
  options.add("size", r.phantom.size, "height and width of the images, pixels, 32 to 1024");
  return options;
}

}  // namespace

ManPage phantom_page() {
  Request request;
  return declare(request).page();
}

int phantom(Arguments arguments) {
  Request request;
  if (!declare(request).parse(arguments)) return kExitOk;
  const auto& [out, phantom] = request;
  if (out.empty()) throw UsageError("--out is missing: the folder for the cohort");
  if (std::filesystem::exists(out / "cohort.csv"))
    throw io::FileError(out, "already holds a cohort; choose another --out");
  io::make_phantom_cohort(out, phantom);
  std::cout << phantom.patients << " patients, " << 2 * phantom.patients
            << " DICOM files, cohort.csv and lesions.csv in " << out.string() << "\n";
  return kExitOk;
}

}  // namespace uptake::apps
