// Which files `uptake translate` is asked to work on: told apart by what they hold, never by their names.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace uptake::apps {

enum class Content { picture, dicom, unknown };

/// By the first bytes of a regular file; anything else (a pipe, a device: not opened) is unknown.
Content content_of(const std::filesystem::path& path);

struct Input {
  std::filesystem::path path;
  std::filesystem::path
      below;  // the folders it lies in, below the argument it was found by; "" directly in it
  Content content = Content::unknown;
};

struct Inputs {
  std::vector<Input> files;           // each once, in the order of the arguments and then of their names
  std::vector<std::string> left_out;  // "notes.txt", "sub/ (a folder)": what lies in the folders beside them
};

/// Files stand for themselves, folders for the pictures and DICOM files in them and, if `recursive`, in the folders
/// below. Left out are what systems leave in folders (io::is_litter), empty files and other kinds of files; not
/// files named as pictures or DICOM, whose refusal shall be seen, nor files named as arguments. Links to folders
/// are not followed. Throws FileError for an argument that does not exist or cannot be listed, is a pipe or
/// device, or is a folder without any input.
Inputs find_inputs(const std::vector<std::filesystem::path>& arguments, bool recursive);

/// "left out 2 entries of the folders: a.txt, sub (a folder)", with the first ten names; "" for none.
std::string describe_left_out(const std::vector<std::string>& left_out);

}  // namespace uptake::apps
