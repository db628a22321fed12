"""Tests of scripts/kernel-gate on a small tree of its own: what it must catch is planted there.

Without nvcc only the parts that read text and files are tested, and the exit status is 77.
"""

import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
GATE = HERE.parent.parent / "scripts" / "kernel-gate"
sys.path.insert(0, str(HERE))
import cubin  # noqa: E402

PLACES = (os.environ.get("CUDACXX"), "nvcc", "/usr/local/cuda/bin/nvcc")
NVCC = next((place for place in PLACES if place and shutil.which(place)), None)
needs_nvcc = unittest.skipUnless(NVCC, "nvcc is not installed")

COPY = """#include "kernels/type.h"
namespace a { namespace {
__global__ void copy_kernel(Wide* y, const Wide* x) { y[threadIdx.x] = x[threadIdx.x]; }
}  // namespace
void use() { copy_kernel<<<1, 32>>>(nullptr, nullptr); }
}
"""
RULES = "all | copy_kernel | LDG.narrow + STG.narrow == 0\nall | * | LDL + STL == 0\n"
# 70 values that live at the same time, in a block of 1024 threads, which leaves each thread 64 registers.
SPILL = "__global__ void __launch_bounds__(1024) spill_kernel(float* y) {\n  float v[70];\n" + "".join(
    f"  v[{i}] = y[{i} * 1024 + threadIdx.x];\n" for i in range(70)) + "  __syncthreads();\n" + "".join(
    f"  y[{i} * 999 + threadIdx.x] = v[{i}];\n" for i in range(70)) + "}\n"
LOCAL = """__global__ void local_kernel(float* y, const int* x) {
  float a[64];
  for (int i = 0; i < 64; ++i) a[i] = y[i];
  for (int i = 0; i < x[0]; ++i) a[x[i] & 63] += a[x[i + 1] & 63];
  y[threadIdx.x] = a[x[threadIdx.x] & 63];
}
"""
OPERATIONS = """#include <cstdint>
template <class T> __global__ void copy_kernel(T* y, const T* x) { y[threadIdx.x] = x[threadIdx.x]; }
template __global__ void copy_kernel(unsigned char*, const unsigned char*);
template __global__ void copy_kernel(short*, const short*);
template __global__ void copy_kernel(float*, const float*);
template __global__ void copy_kernel(float2*, const float2*);
template __global__ void copy_kernel(float4*, const float4*);
template <class T> __global__ void shared_kernel(T* y) {
  __shared__ T tile[64];
  tile[threadIdx.x] = y[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = tile[63 - threadIdx.x];
}
template __global__ void shared_kernel(float*);
template __global__ void shared_kernel(float4*);
__global__ void double_kernel(double* y) { y[0] = y[1] * y[2] + y[3]; }
__global__ void atomic_kernel(float* y) { y[1] = atomicAdd(y, 1.0f); }
__global__ void reduction_kernel(float* y) { atomicAdd(y + threadIdx.x, 1.0f); }
__global__ void generic_kernel(float** y) { y[0][threadIdx.x] = 1; }
__global__ void either_kernel(float* y, int which) {
  __shared__ float tile[32];
  float* p = which ? y : tile;
  tile[threadIdx.x] = y[3];
  __syncthreads();
  p[threadIdx.x] += 1.0f;
  __syncthreads();
  y[threadIdx.x + 50] = tile[threadIdx.x];
}
__global__ void mma_kernel(float* d, const uint32_t* a) {
  float c0 = d[0], c1 = d[1], c2 = d[2], c3 = d[3];
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
               : "+f"(c0), "+f"(c1), "+f"(c2), "+f"(c3) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(a[4]), "r"(a[5]));
  d[threadIdx.x] = c0 + c1 + c2 + c3;
}
template <int kBytes> __global__ void async_kernel(float* d, const float* x) {
  __shared__ __align__(16) float tile[1024];
  const unsigned to = __cvta_generic_to_shared(tile + threadIdx.x * 4);
  asm volatile("cp.async.ca.shared.global [%0],[%1],%2;" ::"r"(to), "l"(x + threadIdx.x * 4), "n"(kBytes));
  asm volatile("cp.async.wait_all;");
  __syncthreads();
  d[threadIdx.x] = tile[threadIdx.x];
}
template __global__ void async_kernel<4>(float*, const float*);
template __global__ void async_kernel<16>(float*, const float*);
"""


class Tree:
    """A checkout with one kernel, its table and its rules."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="kernel_gate_test_")
        self.root = pathlib.Path(self.folder.name)
        self.write("kernels/type.h", "using Wide = float4;\n")
        self.write("kernels/copy.cu", COPY)
        self.write("tests/gates/opcodes.txt", RULES)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def gate(self, *arguments):
        done = subprocess.run([sys.executable, "-B", str(GATE), "--root", str(self.root), "--jobs", "2", *arguments],
                              capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    @property
    def table(self):
        return self.root / "tests/gates/kernel_resources.tsv"


@needs_nvcc
class GateTest(unittest.TestCase):
    def setUp(self):
        self.tree = Tree()
        self.addCleanup(self.tree.folder.cleanup)

    def recorded(self):
        status, text = self.tree.gate("--update")
        self.assertEqual(status, 0, text)

    def fails(self, expected, *arguments):
        status, text = self.tree.gate(*arguments)
        self.assertEqual(status, 1, text)
        self.assertRegex(text, expected)

    def test_good_kernels_pass_and_come_from_the_cache_the_second_time(self):
        self.recorded()
        status, text = self.tree.gate()
        self.assertEqual(status, 0, text)
        self.assertIn("0 of 2 compiled now", text)
        self.assertIn("kernels/copy.cu\tcopy_kernel\tsm_80\t", self.tree.table.read_text())

    def test_a_narrow_access_breaks_the_rule_though_only_a_header_changed(self):
        self.recorded()
        self.tree.write("kernels/type.h", "using Wide = float2;\n")
        self.fails(r"opcodes.txt:1: kernels/copy.cu: copy_kernel for sm_90a has LDG.narrow \+ STG.narrow = 2, expected == 0")

    def test_a_spill_is_refused(self):
        self.tree.write("kernels/spill.cu", SPILL)
        self.fails(r"kernels/spill.cu for sm_90a does not compile:\n(.*\n)*.*[Ss]pill", "--update")
        self.assertFalse(self.tree.table.exists())

    def test_an_array_in_local_memory_is_refused(self):
        self.tree.write("kernels/local.cu", LOCAL)
        self.fails(r"kernels/local.cu for sm_80 does not compile:\n(.*\n)*.*[Ll]ocal memory", "--update")

    def test_a_warning_is_refused(self):
        self.tree.write("kernels/unused.cu", "__global__ void k(int* y) { int unused; y[0] = 1; }\n")
        self.fails("kernels/unused.cu for sm_80 does not compile:\n(.*\n)*.*unused", "--update")

    def test_a_kernel_that_is_gone_is_missed(self):
        self.tree.write("kernels/more.cu", "__global__ void more_kernel(float4* y) { y[0] = y[1]; }\n")
        self.recorded()
        (self.tree.root / "kernels/more.cu").unlink()
        self.fails("more_kernel for sm_80 is in the table of resources, but there is no such kernel")

    def test_a_new_kernel_must_be_recorded(self):
        self.recorded()
        self.tree.write("bench/ladder/conv/1_new.cu", "__global__ void new_kernel(float4* y) { y[0] = y[1]; }\n")
        self.fails("bench/ladder/conv/1_new.cu: new_kernel for sm_90a is not in the table of resources")

    def test_other_resources_are_reported_by_name_and_number(self):
        self.recorded()
        lines = self.tree.table.read_text().splitlines()
        cells = lines[2].split("\t")
        registers = int(cells[3])
        cells[3] = str(registers + 8)
        self.tree.table.write_text("\n".join([*lines[:2], "\t".join(cells), *lines[3:]]) + "\n")
        self.fails(f"copy_kernel for sm_80: registers {registers + 8} -> {registers}")

    def test_another_compiler_skips_the_resources_and_still_checks_the_rules(self):
        self.recorded()
        self.tree.table.write_text(re.sub(r"# nvcc [\d.]+\.", "# nvcc 1.2.3.", self.tree.table.read_text()))
        status, text = self.tree.gate()
        self.assertEqual(status, 77, text)
        self.assertRegex(text, r"(?m)^SKIPPED: kernel-gate: kernel resources were recorded with nvcc 1\.2\.3, this is \d")
        self.tree.write("tests/gates/opcodes.txt", "all | * | LDG.16 == 0\n")
        self.fails("LDG.16 = 1, expected == 0")

    def test_a_table_is_needed(self):
        self.fails("kernel_resources.tsv is missing")
        self.tree.write("tests/gates/kernel_resources.tsv", "nonsense\n")
        self.fails("expected the heading")

    def test_rules_that_say_nothing_are_errors(self):
        self.recorded()
        for rule, expected in (("all | gone_kernel | LDG == 0", "no kernel matches 'gone_kernel' for all"),
                               ("sm_75 | * | LDG == 0", "expected 'architecture or all"),
                               ("all | * | LDQ == 0", "unknown quantity LDQ"),
                               ("all | * | LDG.3 == 0", "unknown quantity LDG.3"),
                               ("all | * | LDG = 0", "expected 'architecture or all"),
                               ("all | *", "expected 'architecture or all")):
            with self.subTest(rule):
                self.tree.write("tests/gates/opcodes.txt", rule + "\n")
                self.fails(re.escape(expected))

    def test_rules_may_speak_of_resources(self):
        self.recorded()
        self.tree.write("tests/gates/opcodes.txt", "all | copy_* | registers <= 1\n")
        self.fails("copy_kernel for sm_80 has registers = [0-9]+, expected <= 1")

    def test_flags_of_the_product_that_the_gate_does_not_know(self):
        self.recorded()
        file = self.tree.root / "kernels/copy.cu"
        for compiler, flags, expected in (("/usr/local/cuda/bin/nvcc", "-O3 -std=c++20 -Xptxas=-v -I. -isystem /x", 0),
                                          ("g++", "-fsanitize=alignment", 0), ("nvcc", "-O3 -use_fast_math", 1)):
            command = f"{compiler} -forward-unknown-to-host-compiler {flags} -x cu -c {file} -o x.o"
            self.tree.write("build/compile_commands.json", json.dumps([{"command": command, "file": str(file)}]))
            status, text = self.tree.gate()
            self.assertEqual(status, expected, text)
        self.assertIn("with -use_fast_math, which is not among the gate's flags", text)

    def test_a_tree_without_kernels_is_an_error(self):
        (self.tree.root / "kernels/copy.cu").unlink()
        self.fails("there is no .cu file")

    def test_the_map_of_operations(self):
        self.tree.write("kernels/copy.cu", OPERATIONS)
        rules = ["copy_kernel<float4> | LDG.16 == 1", "copy_kernel<float4> | STG.16 == 1", "copy_kernel<float2> | LDG.8 == 1",
                 "copy_kernel<float2> | STG.8 == 1", "copy_kernel<float> | LDG.4 == 1", "copy_kernel<short> | STG.2 == 1",
                 "copy_kernel<unsigned char> | LDG.1 == 1", "copy_kernel<float> | LDG.narrow + STG.narrow == 2",
                 "copy_kernel<float> | LDG + STG == 2", "copy_kernel<float4> | LDG.narrow + STG.narrow == 0",
                 "shared_kernel<float> | LDS.4 == 1", "shared_kernel<float> | STS.4 == 1", "shared_kernel<float4> | STS.16 == 1",
                 "shared_kernel<float4> | LDS.16 == 1", "shared_kernel<float> | BAR == 1", "shared_kernel<float> | shared == 256",
                 "double_kernel | DFMA == 1", "atomic_kernel | ATOMG == 1", "reduction_kernel | RED == 1",
                 "either_kernel | LD == 1", "either_kernel | ST == 1", "generic_kernel | LD + ST <= 1", "mma_kernel | HMMA == 1",
                 "async_kernel<4> | LDGSTS.4 == 1", "async_kernel<16> | LDGSTS.16 == 1",
                 "copy_kernel<float> | HMMA + DFMA + ATOMG + RED == 0"]
        self.tree.write("tests/gates/opcodes.txt", "".join(f"all | {rule}\n" for rule in rules))
        status, text = self.tree.gate("--update")
        text = text.replace("copy_kernel<(int)", "copy_kernel<")
        self.assertEqual(status, 0, text)


class ReadingTest(unittest.TestCase):
    def test_without_nvcc_it_is_a_visible_skip(self):
        tree = Tree()
        self.addCleanup(tree.folder.cleanup)
        status, text = tree.gate("--nvcc", "/nowhere/nvcc")
        self.assertEqual(status, 77, text)
        self.assertIn("SKIPPED: kernel-gate: nvcc is not installed", text)

    def test_short_names(self):
        for name, short in (("void a::(anonymous namespace)::f<a::B, 4>(int)", "f<B, 4>"),
                            ("k(int)", "k"),
                            ("void n::k<n::B, (n::Act)1>(n::View<float const>, void (*)(int))", "k<B, (Act)1>")):
            self.assertEqual(cubin.short_name(name), short)

    def test_damaged_files_are_refused(self):
        for data in (b"", b"\x7fELF", b"\x7fELF\x02\x01" + b"\xff" * 100, b"\x7fELF\x02\x01" + b"\0" * 10):
            with self.assertRaises(cubin.BadCubin):
                cubin.functions(data)
        with self.assertRaises(cubin.BadCubin):
            cubin.count_instructions(b"\0" * 17)
        with self.assertRaises(cubin.BadCubin):
            cubin.count_instructions(struct.pack("<QQ", 0x981, 7 << 9))

    def test_the_compilers_report(self):
        kernels = cubin.parse_report(
            "ptxas info    : Compiling entry function 'k' for 'sm_90a'\n"
            "ptxas info    : Function properties for k\n"
            "    16 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads\n"
            "ptxas info    : Used 40 registers, used 1 barriers, 16 bytes cumulative stack size, 4104 bytes smem\n"
            "ptxas info    : Function properties for helper\n"
            "    99 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n")
        self.assertEqual(kernels, {"k": cubin.Resources(registers=40, shared=4104, stack=16, spills=20, barriers=1)})


if __name__ == "__main__":
    program = unittest.main(exit=False)
    if not program.result.wasSuccessful():
        sys.exit(1)
    if not NVCC:
        print("SKIPPED: kernel-gate-test: nvcc is not installed; only the reading of files was tested")
        sys.exit(77)
