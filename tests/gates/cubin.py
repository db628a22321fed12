"""Reads what nvcc made of a kernel: machine instructions out of a cubin (an ELF file), resources out of ptxas' report.

An instruction of sm_70 and later is 16 bytes. Its low 12 bits are the operation, of which the upper three say where the
operands come from, so that the low 9 name the operation. Bits 73 to 75 of a memory access are its width. This map is
not documented by NVIDIA; each line of it was found by compiling small kernels that differ in one access, and
gate_test.py compiles some of them again.
"""

import collections
import dataclasses
import re
import shutil
import struct
import subprocess

OPERATIONS = {
    0x181: "LDG", 0x186: "STG",  # global memory
    0x184: "LDS", 0x188: "STS",  # shared
    0x183: "LDL", 0x187: "STL",  # local: spills, arrays that did not fit the registers
    0x180: "LD", 0x185: "ST",  # an address whose memory the compiler does not know
    0x1AE: "LDGSTS",  # cp.async: global to shared
    0x03B: "LDSM",  # ldmatrix
    0x1A8: "ATOMG", 0x1A9: "ATOMG", 0x1A3: "ATOMG", 0x18E: "RED", 0x1A6: "RED", 0x18C: "ATOMS", 0x18D: "ATOMS",
    0x03C: "HMMA", 0x1F0: "HGMMA",  # tensor cores: mma.sync, wgmma
    0x1B4: "UTMALDG", 0x1BA: "UBLKCP",  # bulk copies: by tensor map, plain
    0x023: "FFMA", 0x020: "FMUL", 0x021: "FADD",
    0x02B: "DFMA", 0x028: "DMUL", 0x029: "DADD", 0x02A: "DSETP",  # double
    0x108: "MUFU", 0x11D: "BAR", 0x189: "SHFL",
    0x144: "CALL", 0x143: "CALL",
}
WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 8, 6: 16}  # bytes
WITH_WIDTH = {"LDG", "STG", "LDS", "STS", "LDL", "STL", "LD", "ST", "LDGSTS"}


class BadCubin(Exception):
    pass


def sections(data):
    """(name, contents) of each section of a 64-bit little-endian ELF file that has contents."""
    if data[:6] != b"\x7fELF\x02\x01":
        raise BadCubin("not a 64-bit ELF file")
    try:
        offset = struct.unpack_from("<Q", data, 40)[0]
        size, count, names_index = struct.unpack_from("<HHH", data, 58)
        headers = [struct.unpack_from("<IIQQQQIIQQ", data, offset + i * size) for i in range(count)]
        names = headers[names_index][4]
        for name, kind, _, _, start, length, *_ in headers:
            if kind == 8:  # memory without contents in the file
                continue
            if start + length > len(data):
                raise BadCubin("a section lies outside the file")
            end = data.index(b"\0", names + name)
            yield data[names + name : end].decode(), data[start : start + length]
    except (struct.error, IndexError, ValueError, OverflowError) as error:
        raise BadCubin(f"damaged ELF file: {error}") from error


def count_instructions(code):
    """Counter of "LDG", and "LDG.16" for those of 16 bytes, "instructions" for all."""
    if len(code) % 16 != 0:
        raise BadCubin(f"{len(code)} bytes of code, expected a multiple of 16")
    counts = collections.Counter(instructions=len(code) // 16)
    for low, high in struct.iter_unpack("<QQ", code):
        name = OPERATIONS.get(low & 0x1FF)
        if name is None:
            continue
        counts[name] += 1
        if name in WITH_WIDTH:
            width = (high >> 9) & 7
            if width not in WIDTHS:
                raise BadCubin(f"{name} of unknown width {width}")
            counts[f"{name}.{WIDTHS[width]}"] += 1
            if WIDTHS[width] < 16:
                counts[f"{name}.narrow"] += 1
    return counts


def functions(data):
    """Instruction counts by mangled name of each function of a cubin."""
    prefix = ".text."
    return {name[len(prefix) :]: count_instructions(code) for name, code in sections(data) if name.startswith(prefix)}


@dataclasses.dataclass
class Resources:
    registers: int = 0
    shared: int = 0  # bytes, static
    stack: int = 0
    spills: int = 0  # bytes stored and loaded
    barriers: int = 0


def parse_report(text):
    """Resources by mangled kernel name out of what `nvcc -Xptxas -v` prints. Functions that are no kernels are left
    out: what they need is part of their callers' numbers."""
    kernels, name = {}, None
    for line in text.splitlines():
        if found := re.search(r"Compiling entry function '([^']+)'", line):
            kernels[found[1]] = Resources()
        elif found := re.search(r"Function properties for (\S+)", line):
            name = found[1]
        elif name not in kernels:
            continue
        elif found := re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", line):
            kernels[name].stack = int(found[1])
            kernels[name].spills = int(found[2]) + int(found[3])
        elif found := re.search(r"Used (\d+) registers", line):
            kernels[name].registers = int(found[1])
            for field, pattern in (("barriers", r"used (\d+) barriers"), ("shared", r"(\d+) bytes smem")):
                if number := re.search(pattern, line):
                    setattr(kernels[name], field, int(number[1]))
    return kernels


def short_name(demangled):
    """ "void a::(anonymous namespace)::f<a::B, 4>(int)" as "f<B, 4>"."""
    text = demangled
    if text.endswith(")"):  # the parameters, from their closing bracket backwards
        depth = 0
        for i in range(len(text) - 1, -1, -1):
            depth += {")": 1, "(": -1}.get(text[i], 0)
            if depth == 0:
                text = text[:i]
                break
    text = text.replace("(anonymous namespace)::", "")
    text = re.sub(r"\b(?:[A-Za-z_]\w*::)+", "", text)
    return text.removeprefix("void ")


def demangled(text):
    """The text with readable names in place of mangled ones, from c++filt."""
    tool = shutil.which("c++filt") or shutil.which("cu++filt")
    if tool is None:
        raise RuntimeError("c++filt is missing (package binutils)")
    return subprocess.run([tool], input=text, capture_output=True, text=True, check=True).stdout


def demangle(names):
    """Readable names by mangled ones."""
    names = list(names)
    return dict(zip(names, demangled("".join(f"{name}\n" for name in names)).splitlines(), strict=True))
