// A program that logs through DCMTK: its log survives our reading, and our reading adds nothing to it.
#ifdef UPTAKE_HAS_DICOM
#include <dcmtk/config/osconfig.h>
// osconfig.h must come first.
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/oflog/oflog.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <iostream>
#include <thread>

#include "dicom_bytes.h"
#include "io/base/file.h"
#include "io/dicom/dicom_derived.h"
#include "test_files.h"

namespace uptake::tests {
namespace {

/// Standard error into a file, for as long as this lives.
class CapturedErrors {
 public:
  explicit CapturedErrors(const std::filesystem::path& path) : path_(path), before_(dup(STDERR_FILENO)) {
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(file, STDERR_FILENO);
    close(file);
  }
  ~CapturedErrors() {
    dup2(before_, STDERR_FILENO);
    close(before_);
  }
  CapturedErrors(const CapturedErrors&) = delete;
  CapturedErrors& operator=(const CapturedErrors&) = delete;
  std::string text() const {
    std::cerr.flush();
    return contents(path_);
  }

 private:
  std::filesystem::path path_;
  int before_;
};

/// A host's configuration of DCMTK's log, undone at the end.
class HostLog {
 public:
  HostLog() { OFLog::configure(OFLogger::INFO_LOG_LEVEL); }
  ~HostLog() { OFLog::configure(); }
  HostLog(const HostLog&) = delete;
  HostLog& operator=(const HostLog&) = delete;
  OFLogger own = OFLog::getLogger("my.hospital"), module = OFLog::getLogger("dcmtk.dcmdata");
};

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

// DCMTK warns of the odd length, and refuses the data set that ends inside an element.
std::string broken_file() {
  const std::string whole = camera_file().file();
  return whole.substr(0, whole.size() - 7);
}

}  // namespace

TEST_CASE("read_dicom: the host's DCMTK log goes on, and says nothing of the files we read") {
  const TestFolder folder;
  const auto good = folder.put("good.dcm", camera_file().file()),
             broken = folder.put("broken.dcm", broken_file());
  const CapturedErrors errors(folder / "errors");
  HostLog log;
  // What the host reads itself is reported, so there is something that could have been silenced, or said twice.
  DcmFileFormat by_host;
  CHECK(by_host.loadFile(broken.c_str()).bad());
  const std::string of_dcmtk = errors.text();
  CHECK_FALSE(of_dcmtk.empty());

  OFLOG_INFO(log.own, "before");
  CHECK(io::read_dicom(good).frames.size() == 2);
  CHECK_THROWS_AS(io::read_dicom(broken), io::FileError);
  CHECK(io::is_dicom(good));
  CHECK_FALSE(io::is_dicom(folder.put("no.dcm", "no DICOM at all")));
  CHECK_THROWS_AS(io::describe_dicom(broken), io::FileError);
  CHECK_THROWS_AS(
      io::write_derived_nm(folder / "out.dcm", broken, {io::Image(4, 3, 1, io::SampleKind::counts)}, {}),
      io::FileError);
  OFLOG_INFO(log.own, "after");
  OFLOG_ERROR(log.own, "an error after");
  CHECK(errors.text() == of_dcmtk + "I: before\nI: after\nE: an error after\n");

  CHECK(by_host.loadFile(broken.c_str()).bad());  // DCMTK speaks to the host again
  CHECK(count(errors.text(), of_dcmtk) == 2);
}

TEST_CASE("read_dicom: a level the host gave to DCMTK's modules is there again afterwards") {
  const TestFolder folder;
  const auto good = folder.put("good.dcm", camera_file().file());
  const CapturedErrors errors(folder / "errors");
  HostLog log;
  OFLogger modules = OFLog::getLogger("dcmtk");
  modules.setLogLevel(OFLogger::DEBUG_LOG_LEVEL);
  io::read_dicom(good);
  CHECK(modules.getLogLevel() == OFLogger::DEBUG_LOG_LEVEL);
  CHECK(errors.text().empty());
}

TEST_CASE("read_dicom: many threads read good and broken files while the host logs") {
  const TestFolder folder;
  const auto good = folder.put("good.dcm", camera_file().file()),
             broken = folder.put("broken.dcm", broken_file());
  const CapturedErrors errors(folder / "errors");
  HostLog log;
  std::atomic<int> read{0}, refused{0};
  {
    std::vector<std::jthread> readers;
    for (int t = 0; t < 4; ++t)
      readers.emplace_back([&] {
        for (int i = 0; i < 25; ++i) {
          read += io::read_dicom(good).frames.size() == 2 ? 1 : 0;
          try {
            io::read_dicom(broken);
          } catch (const io::FileError&) {
            ++refused;
          }
        }
      });
    for (int i = 0; i < 100; ++i) OFLOG_INFO(log.own, "line");
  }
  CHECK(read == 100);
  CHECK(refused == 100);
  OFLOG_WARN(log.module, "of a module");
  std::string expected;
  for (int i = 0; i < 100; ++i) expected += "I: line\n";
  CHECK(errors.text() == expected + "W: of a module\n");
}

}  // namespace uptake::tests
#endif
