#include "tests/simulator/kernel_name.h"

#include <cxxabi.h>
#include <elf.h>
#include <link.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <vector>

namespace uptake::sim {
namespace {

/// The functions of this program by address, from the symbol table of its file: kernels have internal linkage or
/// live in an executable, where dladdr() does not see them.
std::map<std::uintptr_t, std::string> read_symbols() {
  std::map<std::uintptr_t, std::string> symbols;
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto read = [&]<class T>(std::size_t offset, T) {
    T value{};
    if (offset + sizeof(T) <= bytes.size()) std::memcpy(&value, &bytes[offset], sizeof(T));
    return value;
  };
  std::uintptr_t loaded_at = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* result) {
        *static_cast<std::uintptr_t*>(result) = info->dlpi_addr;
        return 1;  // the program itself comes first
      },
      &loaded_at);
  const auto header = read(0, ElfW(Ehdr){});
  const auto section = [&](std::size_t i) {
    return read(header.e_shoff + i * sizeof(ElfW(Shdr)), ElfW(Shdr){});
  };
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    const auto table = section(i);
    if (table.sh_type != SHT_SYMTAB) continue;
    const auto names = section(table.sh_link);
    for (std::size_t at = 0; at < table.sh_size; at += sizeof(ElfW(Sym))) {
      const auto symbol = read(table.sh_offset + at, ElfW(Sym){});
      const std::size_t text = names.sh_offset + symbol.st_name;
      if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || text >= bytes.size()) continue;
      symbols.emplace(loaded_at + symbol.st_value, &bytes[text]);
    }
  }
  return symbols;
}

/// Removes what stands between the last pair of outer parentheses, a return type, and "(anonymous namespace)::".
std::string shorten(std::string name) {
  for (std::size_t at; (at = name.find("(anonymous namespace)::")) != std::string::npos;) name.erase(at, 23);
  if (name.rfind("void ", 0) == 0) name.erase(0, 5);
  int depth = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '<') ++depth;
    if (name[i] == '>') --depth;
    if (name[i] == '(' && depth == 0) return name.substr(0, i);
  }
  return name;
}

}  // namespace

std::string kernel_name(const void* function) {
  static const std::map<std::uintptr_t, std::string> symbols = read_symbols();
  const auto found = symbols.find(reinterpret_cast<std::uintptr_t>(function));
  if (found == symbols.end()) return "?";
  int status = 0;
  char* readable = abi::__cxa_demangle(found->second.c_str(), nullptr, nullptr, &status);
  const std::string name = status == 0 ? shorten(readable) : found->second;
  std::free(readable);
  return name;
}

}  // namespace uptake::sim
