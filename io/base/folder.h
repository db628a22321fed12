// What lies in folders of data beside the data.
#pragma once
#include <filesystem>

namespace uptake::io {

/// Is it a regular file, or a link to one? Pipes, sockets and devices are not; nothing is opened to find out, for
/// opening a pipe waits until somebody writes to it. A path that cannot be examined is not.
bool is_regular(const std::filesystem::path& path) noexcept;

/// Throws FileError with the system's reason unless the file can be opened for reading: for readers that learn only that
/// it cannot, so that a file that is there but out of reach is not called damaged, or of no kind.
void require_readable(const std::filesystem::path& path);

/// Is it a file that systems and programs leave in folders, by its name: hidden (".DS_Store", the "._x" that macOS
/// puts beside x), Thumbs.db, desktop.ini, DICOMDIR, the index of a medium of DICOM files; or a folder of such
/// (__MACOSX, @eaDir)?
bool is_litter(const std::filesystem::path& path);

}  // namespace uptake::io
