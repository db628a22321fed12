// The words that stand for the values of an enum in files and on command lines. An enum has them when a function
// `names` next to it returns its table:
//
//   enum class Colour { red, blue };
//   constexpr auto names(Colour) {
//     return std::to_array<std::pair<Colour, const char*>>({{Colour::red, "red"}, {Colour::blue, "blue"}});
//   }
#pragma once
#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace uptake::nn {

template <class E>
concept NamedEnum = std::is_enum_v<E> && requires {
  names(E{}).size();
};

/// Throws std::logic_error for a number that is no value of the enum.
template <NamedEnum E>
std::string name_of(E value) {
  for (const auto& [known, name] : names(E{}))
    if (known == value) return name;
  throw std::logic_error("a number that is no value of its enum");
}

/// Nothing for an unknown name.
template <NamedEnum E>
std::optional<E> from_name(std::string_view text) {
  for (const auto& [value, name] : names(E{}))
    if (name == text) return value;
  return std::nullopt;
}

/// In the table's order.
template <NamedEnum E>
std::vector<std::string> all_names() {
  std::vector<std::string> all;
  for (const auto& [value, name] : names(E{})) all.emplace_back(name);
  return all;
}

}  // namespace uptake::nn
