// Name-based UIDs, and the parts of io/dicom/dicom.h that need no DICOM library.
#include <array>
#include <bit>

#include "io/dicom/dicom.h"

namespace uptake::io {
namespace {

// RFC 4122 name space of this project's names: version-4 UUID 6f1d2a3e-9b7c-4c58-8e0a-5a1f0c3d7e92, drawn
// once.
constexpr std::array<unsigned char, 16> kNameSpace = {0x6f, 0x1d, 0x2a, 0x3e, 0x9b, 0x7c, 0x4c, 0x58,
                                                      0x8e, 0x0a, 0x5a, 0x1f, 0x0c, 0x3d, 0x7e, 0x92};

using Sha1State = std::array<std::uint32_t, 5>;

void sha1_block(Sha1State& state, const unsigned char* block) {
  std::array<std::uint32_t, 80> w;
  for (std::size_t t = 0; t < 16; ++t)
    w[t] = std::uint32_t{block[4 * t]} << 24 | std::uint32_t{block[4 * t + 1]} << 16 |
           std::uint32_t{block[4 * t + 2]} << 8 | std::uint32_t{block[4 * t + 3]};
  for (std::size_t t = 16; t < 80; ++t) w[t] = std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  auto [a, b, c, d, e] = state;
  for (std::size_t t = 0; t < 80; ++t) {
    const std::uint32_t f = t < 20              ? (b & c) | (~b & d)
                            : t < 40 || t >= 60 ? b ^ c ^ d
                                                : (b & c) | (b & d) | (c & d);
    const std::uint32_t k = t < 20 ? 0x5a827999 : t < 40 ? 0x6ed9eba1 : t < 60 ? 0x8f1bbcdc : 0xca62c1d6;
    const std::uint32_t next = std::rotl(a, 5) + f + e + k + w[t];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
}

// FIPS 180-4. Not for secrets: version-5 UUIDs are defined by it.
Sha1State sha1(std::string message) {
  const std::uint64_t bits = std::uint64_t{message.size()} * 8;
  message += '\x80';
  while (message.size() % 64 != 56) message += '\0';
  for (int shift = 56; shift >= 0; shift -= 8) message += static_cast<char>(bits >> shift & 0xff);
  Sha1State state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  for (std::size_t at = 0; at < message.size(); at += 64)
    sha1_block(state, reinterpret_cast<const unsigned char*>(message.data()) + at);
  return state;
}

// A 128-bit big-endian number in decimal, by long division.
std::string decimal(std::array<unsigned char, 16> number) {
  std::string digits;
  bool zero = false;
  while (!zero) {
    zero = true;
    unsigned remainder = 0;
    for (unsigned char& byte : number) {
      const unsigned value = remainder * 256 + byte;
      byte = static_cast<unsigned char>(value / 10);
      remainder = value % 10;
      zero = zero && byte == 0;
    }
    digits.insert(digits.begin(), static_cast<char>('0' + remainder));
  }
  return digits;
}

}  // namespace

std::string uid_from_name(std::string_view name) {
  std::string message(reinterpret_cast<const char*>(kNameSpace.data()), kNameSpace.size());
  message += name;
  const Sha1State hash = sha1(std::move(message));
  std::array<unsigned char, 16> uuid;
  for (std::size_t i = 0; i < 16; ++i)
    uuid[i] = static_cast<unsigned char>(hash[i / 4] >> (24 - 8 * (i % 4)) & 0xff);
  uuid[6] = static_cast<unsigned char>((uuid[6] & 0x0f) | 0x50);  // version 5
  uuid[8] = static_cast<unsigned char>((uuid[8] & 0x3f) | 0x80);  // the RFC 4122 variant
  return "2.25." + decimal(uuid);
}

std::string to_string(View view) {
  switch (view) {
    case View::anterior:
      return "anterior";
    case View::posterior:
      return "posterior";
    case View::unknown:
      break;
  }
  return "unknown";
}

}  // namespace uptake::io
