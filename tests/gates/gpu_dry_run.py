"""What scripts/gpu-check can try on a machine without a GPU: all of it but the numbers, which are invented here, marked as
synthetic, and kept in a temporary folder. Skipped parts say SKIPPED."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import types

# A project that finds every library it needs in the folder that --pack fills, and runs with them.
PROBE_CMAKE = """cmake_minimum_required(VERSION 3.25)
project(Probe LANGUAGES CXX)
find_package(doctest CONFIG REQUIRED)
find_package(benchmark REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_path(STB_INCLUDE_DIR stb_image.h PATH_SUFFIXES stb REQUIRED)
foreach(target doctest::doctest benchmark::benchmark nlohmann_json::nlohmann_json CLI11::CLI11)
  get_target_property(folders ${target} INTERFACE_INCLUDE_DIRECTORIES)
  list(GET folders 0 folder)
  string(FIND "${folder}" "${CARRY}" at)
  if(NOT at EQUAL 0)
    message(FATAL_ERROR "${target} comes from ${folder}, not from ${CARRY}")
  endif()
endforeach()
add_executable(probe probe.cpp)
target_compile_features(probe PRIVATE cxx_std_20)
target_include_directories(probe SYSTEM PRIVATE ${STB_INCLUDE_DIR})
target_link_libraries(probe PRIVATE benchmark::benchmark)
"""
PROBE_CPP = """#include <benchmark/benchmark.h>
#include <stb_image.h>
int main(int argc, char** argv) { benchmark::Initialize(&argc, argv); return STBI_VERSION == 1 ? 0 : 1; }
"""


def need(condition, text):
    if not condition:
        raise AssertionError(text)


def call(*command, **options):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **options)
    need(done.returncode == 0, f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


def check_programs(gpu_check):
    """Every Python program can at least be read."""
    for path in (*(gpu_check.ROOT / "bench/peer").glob("*.py"), gpu_check.ROOT / "scripts/gpu-check"):
        compile(path.read_text(), str(path), "exec")


def check_pack(gpu_check, work):
    """The packed folder is all that a build needs."""
    if shutil.which("dpkg") is None:
        print("SKIPPED: gpu-check: packing needs a Debian system")
        return
    carry, probe = work / "carry", work / "probe"
    gpu_check.pack(carry)
    packed = json.loads((carry / "commit.json").read_text())
    need("sources_sha256" in packed, "the packed folder does not say of which sources it is")
    probe.mkdir()
    (probe / "CMakeLists.txt").write_text(PROBE_CMAKE)
    (probe / "probe.cpp").write_text(PROBE_CPP)
    generator = ["-GNinja"] if shutil.which("ninja") else []
    call("cmake", "-S", probe, "-B", probe / "build", f"-DCARRY={carry}", *generator, *gpu_check.carried(carry))
    call("cmake", "--build", probe / "build")
    call(probe / "build/probe")


def check_benchmark(gpu_check, folder):
    """Without a GPU the benchmark says so in each row, and that is no measurement."""
    program = folder and folder / "bench_kernels"
    if not program or not program.exists():
        print("SKIPPED: gpu-check: bench_kernels is not built (it needs the CUDA backend)")
        return
    if gpu_check.card_state():
        print("SKIPPED: gpu-check: bench_kernels without a GPU: there is one")
        return
    printed = subprocess.run([str(program), "--benchmark_format=json"], capture_output=True, text=True).stdout
    rows = gpu_check.parse_benchmark(printed)
    need(len(rows) > 100, f"bench_kernels has {len(rows)} rows")
    need(all(row.get("error", "").startswith("no GPU: ") for row in rows), f"a row without 'no GPU': {rows[0]}")


def invented(gpu_check, batch):
    """What the programs would print, with numbers that cannot be mistaken for measurements: all are 1, 2 or 4."""
    benchmarks = [{"name": f"{name}/iterations:25/manual_time", "real_time": 1.0, "time_unit": "us", "GB_per_s": 1.0,
                   "share_of_copy": 1.0, "TFLOP_per_s": 1.0, "iterations": 25}
                  for name in ("copy/1GB", "norm_forward/batch/16x4x4x4/float32", "norm_forward/batch/16x4x4x4/bfloat16")]
    steps = [{"size": 256, "ngf": 64, "batch": batch, "precision": "bf16", "variant": "graph", "median_ms": 2.0, "min_ms": 1.0,
              "max_ms": 4.0, "images_per_s": 500.0 * batch}]
    return {
        "bench_kernels": json.dumps({"context": {}, "benchmarks": benchmarks}, indent=1),
        "bench_ladder": json.dumps({"context": {}, "benchmarks": benchmarks[:1]}, indent=1),
        "bench_train_step_gpu": "\n".join(map(json.dumps, steps)),
        "compute-sanitizer": "========= ERROR SUMMARY: 0 errors\n",
        "ctest": "1: [doctest] test cases: 3 | 3 passed | 0 failed | 0 skipped\n1/1 Test #1: cuda_gpu .....   Passed    1.2 sec\n",
        "cmake": "-- CUDA backend: 13.0, cuDNN 9.19.0\n",
    }


def check_parts(gpu_check, work):
    """Every part on invented output, PyTorch's program for real where there is a PyTorch; then the tables."""

    class Rehearsal(gpu_check.Check):
        peer_options = ("--device", "cpu", "--size", "32", "--ngf", "4", "--only", "eager", "--seconds", "0.02")

        def program(self, name):
            return pathlib.Path(name)

        def run(self, command, limit=600.0):
            name = pathlib.Path(command[0]).name
            batch = command[command.index("--batch") + 1] if "--batch" in command else 1
            return 0, invented(gpu_check, batch)[name]

        def part_ladder(self):
            self.result["ladder"], _ = self.benchmark("bench_ladder", 10)

        def part_sanitizer(self):
            if gpu_check.find_tool("compute-sanitizer"):
                return super().part_sanitizer()
            return "no tool here"

    options = types.SimpleNamespace(minutes=2, out=work / "out", folder=work / "build", commit="0" * 40, batches=[1, 2],
                                    rounds=2)
    check = Rehearsal(options)
    check.result["synthetic"] = True
    status = check.run_parts(gpu_check.Check.PARTS)
    result = gpu_check.gpu_report.load(str(work / "out/gpu.json"))
    need(result is not None and result["synthetic"], "the rehearsal's result is not marked as synthetic")
    parts = {name: part["status"] for name, part in result["parts"].items()}
    if check.python is None:
        print("SKIPPED: gpu-check: PyTorch is not installed; its program was not run")
        need(parts.pop("step") == "failed" and status == 1, "a missing PyTorch must be a failure on the GPU machine")
    else:
        need(status == 0, f"parts: {result['parts']}")
        torch_rows = [row for row in result["step"] if row["program"] == "torch"]
        need({row["batch"] for row in torch_rows} == {1, 2} and all("median_ms" in row for row in torch_rows), f"{torch_rows}")
    need(set(parts.values()) == {"passed"}, f"parts: {parts}")
    command = check.configure_command()
    need("-DUPTAKE_DICOM=OFF" in command and "-DUPTAKE_ONEDNN=OFF" in command, f"{command}")
    for name in gpu_check.gpu_report.TABLES:
        text = gpu_check.gpu_report.table(name, result)
        need(text.startswith("SYNTHETIC, NOT MEASURED: "), f"the table {name} does not say that it is synthetic:\n{text}")


def check_readme(gpu_check):
    """The tables of the README are those of the committed result, or say that there is none."""
    readme = gpu_check.ROOT / "README.md"
    if "<!-- gpu: " in readme.read_text():
        call(sys.executable, "-B", gpu_check.ROOT / "bench/peer/gpu_report.py", "--check", readme)


def check_build(gpu_check, work):
    """The build itself, as on the GPU machine."""
    options = types.SimpleNamespace(minutes=60, out=work / "out-build", folder=work / "build", commit=None)
    need(gpu_check.Check(options).run_parts(["build"]) == 0, "the build failed: see above")


def run(gpu_check, options):
    """Every rehearsal; 0 if none failed."""
    failures = 0
    with tempfile.TemporaryDirectory(prefix="gpu_dry_run_") as folder:
        work = pathlib.Path(folder)
        os.makedirs(work / "out")
        steps = [("programs", lambda: check_programs(gpu_check)), ("pack", lambda: check_pack(gpu_check, work)),
                 ("benchmark", lambda: check_benchmark(gpu_check, options.benchmark_folder)),
                 ("readme", lambda: check_readme(gpu_check)), ("parts", lambda: check_parts(gpu_check, work))]
        if options.build:
            steps.append(("build", lambda: check_build(gpu_check, work)))
        for name, step in steps:
            try:
                step()
                print(f"dry run: {name}: passed", flush=True)
            except (AssertionError, gpu_check.PartFailed) as error:
                failures += 1
                print(f"FAILED: dry run: {name}: {error}", flush=True)
    return 1 if failures else 0
