#include "io/base/sha256.h"

#include <doctest/doctest.h>

#include <algorithm>

using uptake::io::Sha256;

namespace {

std::string sha256(const std::string& text, std::size_t piece = SIZE_MAX) {
  Sha256 hash;
  for (std::size_t at = 0; at < text.size(); at += std::min(piece, text.size() - at))
    hash.add(std::as_bytes(std::span(text).subspan(at, std::min(piece, text.size() - at))));
  return hash.hex();
}

}  // namespace

TEST_CASE("Sha256: the examples of FIPS 180-4") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
               "lmnopqrsmnopqrstnopqrstu") ==
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  CHECK(sha256(std::string(1000000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("Sha256: how the bytes are cut into pieces does not matter") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += static_cast<char>(i * i % 251);
  for (const std::size_t piece : {1, 3, 55, 56, 63, 64, 65, 127, 999})
    CHECK(sha256(text, piece) == sha256(text));
  CHECK(sha256(text.substr(1)) != sha256(text));
}
