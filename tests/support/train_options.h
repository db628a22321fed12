// Values for the entries of the table of training options, whichever they are.
#pragma once
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gan/config.h"

/// A value that the option may have and that is not its default; all of them together are a possible configuration.
template <class T, class Range>
T another_value(const uptake::gan::Option<T, Range>& option) {
  const T initial = uptake::gan::TrainConfig{}.*option.member;
  if constexpr (uptake::nn::NamedEnum<T>) {
    return names(initial)[initial == names(initial)[0].first ? 1 : 0].first;
  } else if constexpr (std::is_same_v<T, bool>) {
    return !initial;
  } else if constexpr (std::is_same_v<Range, uptake::gan::Between>) {
    const double step = std::is_integral_v<T> ? 1 : (option.range.most - option.range.least) / 4;
    const auto value = static_cast<T>(option.range.least + step);
    return value == initial ? static_cast<T>(option.range.least) : value;
  } else if constexpr (std::is_same_v<Range, uptake::gan::ConvName>) {
    return uptake::nn::conv_names().back();
  } else if constexpr (std::is_same_v<Range, uptake::gan::GeneratorName>) {
    return "resnet_9blocks";
  } else {
    return std::numeric_limits<T>::max();
  }
}

/// Values that it may not have; empty when every value of its type is one it may have.
template <class T, class Range>
std::vector<T> impossible_values(const uptake::gan::Option<T, Range>& option) {
  if constexpr (uptake::nn::NamedEnum<T>) {
    return {static_cast<T>(99)};
  } else if constexpr (std::is_same_v<Range, uptake::gan::Between> && std::is_integral_v<T>) {
    const auto least = static_cast<T>(option.range.least), most = static_cast<T>(option.range.most);
    return {static_cast<T>(least - 1), static_cast<T>(most + 1), std::numeric_limits<T>::min(),
            std::numeric_limits<T>::max()};
  } else if constexpr (std::is_same_v<Range, uptake::gan::Between>) {
    const T infinity = std::numeric_limits<T>::infinity();
    const T most = option.range.below ? option.range.most : std::nextafter(option.range.most, infinity);
    return {std::nextafter(option.range.least, -infinity), most, infinity, -infinity,
            std::numeric_limits<T>::quiet_NaN()};
  } else if constexpr (std::is_same_v<Range, uptake::gan::GeneratorName>) {
    return {"", "no such name", "unet_255", "resnet_0blocks"};
  } else {
    return {};
  }
}
