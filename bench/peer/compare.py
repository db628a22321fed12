"""Times Uptake's training step and PyTorch's in alternation, so that both see the same machine, and prints medians
and their ratio; the whole of it goes into a JSON file.

  python3 bench/peer/compare.py build/bench/bench_train_step --out bench/results/cpu.json

PyTorch is timed in the interpreter that runs this, in two ways: as Debian installs it (python3-torch with the packages it
recommends, which bring OpenBLAS with its own threads: libopenblas0-pthread), and tuned: OpenBLAS on OpenMP, so that two
thread pools do not fight (libopenblas0-openmp), and a malloc that keeps freed memory. OPENBLAS_* variables of the caller
are not passed on, so that the library chooses its kernels for the CPU it is on.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = [  # size, filters, batch, channels
    (256, 64, 1, 3),
    (128, 32, 4, 1),
    (64, 16, 8, 1),
]


def uptake_ms(program, case, threads, seconds):
    size, ngf, batch, channels = case
    name = f"size:{size}/ngf:{ngf}/batch:{batch}/channels:{channels}/"
    command = [program, f"--benchmark_filter={name}", "--benchmark_format=json", f"--benchmark_min_time={seconds}"]
    text = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": str(threads)}, check=True,
                          capture_output=True, text=True).stdout
    return json.loads(text)["benchmarks"][0]["real_time"]


OPENBLAS_OPENMP = "/usr/lib/x86_64-linux-gnu/openblas-openmp"
TUNED = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000", "LD_LIBRARY_PATH": OPENBLAS_OPENMP}


def torch_ms(case, threads, steps, extra):
    size, ngf, batch, channels = case
    command = [sys.executable, os.path.join(HERE, "train_step_torch.py"), "--size", size, "--ngf", ngf, "--ndf", ngf,
               "--batch", batch, "--input-nc", channels, "--output-nc", channels, "--threads", threads,
               "--steps", steps]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
    text = subprocess.run([str(c) for c in command], env={**clean, "OMP_NUM_THREADS": str(threads), **extra},
                          check=True, capture_output=True, text=True).stdout
    return json.loads(text)["median_ms"]


def cpu_name():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.processor()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="bench_train_step")
    parser.add_argument("--out", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    import torch
    if not os.path.isdir(OPENBLAS_OPENMP) or "openblas" not in os.path.realpath("/etc/alternatives/libblas.so.3-x86_64-linux-gnu"):
        raise SystemExit("compare: OpenBLAS is missing, which makes PyTorch several times slower; "
                         "apt-get install libopenblas0-pthread libopenblas0-openmp")
    rows = []
    print("| size, filters, batch | Uptake (ms) | PyTorch as installed (ms) | tuned (ms) | ratio | ratio to tuned |")
    for case in CASES:
        ours, installed, tuned, load = [], [], [], []
        steps = 4 if case[0] >= 256 else 20
        for _ in range(options.rounds):
            load.append(os.getloadavg()[0])
            ours.append(uptake_ms(options.program, case, options.threads, 4))
            installed.append(torch_ms(case, options.threads, steps, {}))
            tuned.append(torch_ms(case, options.threads, steps, TUNED))
        a, b, c = statistics.median(ours), statistics.median(installed), statistics.median(tuned)
        rows.append({"size": case[0], "ngf": case[1], "batch": case[2], "channels": case[3],
                     "uptake_ms": ours, "torch_as_installed_ms": installed, "torch_tuned_ms": tuned,
                     "uptake_median_ms": a, "torch_as_installed_median_ms": b, "torch_tuned_median_ms": c,
                     "ratio_as_installed": b / a, "ratio_tuned": c / a, "load_before_each_round": load})
        print(f"| {case[0]}, {case[1]}, {case[2]} | {a:.0f} | {b:.0f} | {c:.0f} | {b / a:.1f} | {c / a:.1f} |", flush=True)
    commit = subprocess.run(["git", "-C", HERE, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    result = {"date": datetime.date.today().isoformat(), "commit": commit, "cpu": cpu_name(),
              "threads": options.threads, "torch": torch.__version__, "precision": "float32", "cases": rows}
    with open(options.out, "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
