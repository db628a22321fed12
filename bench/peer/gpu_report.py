"""Makes the tables about GPUs out of what scripts/gpu-check measured.

  python3 bench/peer/gpu_report.py                          prints every table
  python3 bench/peer/gpu_report.py --write README.md        puts them where the file has a line <!-- gpu: NAME -->, in
                                                            place of what is there up to the line <!-- /gpu -->
  python3 bench/peer/gpu_report.py --check README.md        fails if --write would change the file

NAME is step, kernels, ladder or checks. Where nothing was measured the table says so.
"""

import argparse
import json
import os
import re
import statistics
import sys

RESULT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "results", "gpu.json")
NOT_MEASURED = "Not measured yet."
PRECISIONS = ("float32", "tf32", "bfloat16")
STATUSES = ("passed", "failed", "not run")


class BadResult(Exception):
    pass


def expect(condition, text):
    if not condition:
        raise BadResult(text)


def number(row, key, where):
    value = row.get(key)
    expect(isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float("inf"),
           f"{where}: {key} is {value!r}, expected a positive number")
    return value


def validate(result):
    """Throws BadResult unless `result` is what gpu-check writes."""
    expect(isinstance(result, dict) and result.get("schema") == 1, "expected schema 1")
    expect(isinstance(result.get("synthetic"), bool), "synthetic must be true or false")
    for key in ("date", "commit", "sources_sha256"):
        expect(isinstance(result.get(key), str) and result[key], f"{key} is missing")
    machine = result.get("machine")
    expect(isinstance(machine, dict), "machine is missing")
    for key in ("card", "driver", "cuda"):
        expect(isinstance(machine.get(key), str) and machine[key], f"machine.{key} is missing")
    parts = result.get("parts")
    expect(isinstance(parts, dict) and parts, "parts is missing")
    for name, part in parts.items():
        expect(part.get("status") in STATUSES, f"parts.{name}.status is {part.get('status')!r}")
    for section in ("kernels", "ladder"):
        for row in result.get(section, []):
            expect(isinstance(row.get("name"), str), f"{section}: a row has no name")
            if "error" not in row:
                number(row, "median_us", f"{section} {row['name']}")
    for row in result.get("step", []):
        where = f"step {row.get('program')} {row.get('variant')}"
        for key in ("program", "variant", "precision"):
            expect(isinstance(row.get(key), str) and row[key], f"{where}: {key} is missing")
        expect(row["precision"] in PRECISIONS, f"{where}: precision is {row['precision']!r}")
        number(row, "batch", where)
        if "error" not in row:
            for key in ("median_ms", "min_ms", "max_ms", "images_per_s"):
                number(row, key, where)
            expect(row["min_ms"] <= row["median_ms"] <= row["max_ms"], f"{where}: the median is not between its ends")
    return result


def load(path):
    """The result, or None if there is none."""
    if not os.path.exists(path):
        return None
    with open(path) as file:
        try:
            return validate(json.load(file))
        except (json.JSONDecodeError, BadResult) as error:
            raise SystemExit(f"gpu_report: {path}: {error}") from error


# ------------------------------------------------------------------- tables


def heading(result):
    m = result["machine"]
    versions = [f"driver {m['driver']}", f"CUDA {m['cuda']}"]
    versions += [f"{label} {m[key]}" for key, label in (("cudnn", "cuDNN"), ("torch", "PyTorch")) if m.get(key)]
    text = f"{m['card']}, {', '.join(versions)}; {result['date']}, commit {result['commit'][:10]}"
    return f"SYNTHETIC, NOT MEASURED: {text}" if result["synthetic"] else text


def markdown(titles, rows):
    line = "| " + " | ".join(titles) + " |"
    return "\n".join([line, "|" + "---|" * len(titles), *("| " + " | ".join(row) + " |" for row in rows)])


def best(rows):
    return min(rows, key=lambda row: row["median_ms"], default=None)


def milliseconds(row):
    return f"{row['median_ms']:.3g} ms" if row else "-"


def step_table(result):
    """One line a batch and precision: our fastest variant beside PyTorch as the public code runs and at its fastest."""
    rows = result.get("step", [])
    good, lines = [row for row in rows if "error" not in row], []
    for batch in sorted({row["batch"] for row in good}):
        for precision in PRECISIONS:
            these = [row for row in good if row["batch"] == batch and row["precision"] == precision]
            ours = best([row for row in these if row["program"] == "uptake"])
            peers = [row for row in these if row["program"] == "torch"]
            plain, peer = best([row for row in peers if row["variant"] == "eager"]), best(peers)
            if ours is None and peer is None:
                continue

            def ratio(other):
                return f"{other['median_ms'] / ours['median_ms']:.2f}" if ours and other else "-"

            lines.append([str(batch), precision, milliseconds(ours), f"{ours['images_per_s']:.0f}" if ours else "-",
                          milliseconds(plain), f"{milliseconds(peer)} ({peer['variant']})" if peer else "-",
                          ratio(plain), ratio(peer)])
    if not lines:
        return NOT_MEASURED
    text = markdown(("batch", "precision", "Uptake", "images/s", "PyTorch eager", "PyTorch at its fastest",
                     "faster than eager by", "than the fastest by"), lines)
    failed = [f"{row['program']} {row['variant']} {row['precision']} at batch {row['batch']} ({row['error']})"
              for row in rows if "error" in row]
    return text + ("\n\nWithout a time: " + "; ".join(failed) + "." if failed else "")


def kernel_table(result):
    """One line an operation: the share of the copy's speed over its sizes at batch 16, per type."""
    rows = [row for row in result.get("kernels", []) if "error" not in row]
    copies = [row for row in rows if row["name"].startswith("copy/")]
    cells = {}
    for row in rows:
        parts = row["name"].split("/")
        kind = parts[-1]
        shape = parts[-2] if len(parts) > 2 else ""
        if kind in ("float32", "bfloat16") and shape.startswith("16x"):
            cells.setdefault("/".join(parts[:-2]), {}).setdefault(kind, []).append(row["share_of_copy"])
        elif kind.startswith("generator"):
            cells.setdefault("/".join(parts[:-1]), {}).setdefault("bfloat16" if "bfloat16" in row["name"] else "float32",
                                                                 []).append(row["share_of_copy"])
    if not cells or not copies:
        return NOT_MEASURED

    def span(shares):
        if not shares:
            return "-"
        low, high = (f"{100 * share:.0f}" for share in (min(shares), max(shares)))
        return f"{high} %" if low == high else f"{low}-{high} %"

    lines = [[name, span(kinds.get("float32")), span(kinds.get("bfloat16"))] for name, kinds in cells.items()]
    return (f"A large copy moves {copies[0]['GB_per_s']:.0f} GB/s (read + written). Shares of that, batch 16, over the "
            "layer sizes:\n\n" + markdown(("operation", "float32", "bfloat16"), lines))


def ladder_table(result):
    rows = [row for row in result.get("ladder", []) if "error" not in row]
    if not rows:
        return NOT_MEASURED
    lines = [[row["name"], f"{row['median_us']:.1f} us", f"{row['TFLOP_per_s']:.1f}" if row.get("TFLOP_per_s") else "-"]
             for row in rows]
    return markdown(("kernel", "time", "TFLOP/s"), lines)


def check_table(result):
    lines = [[name, part["status"], part.get("detail", "")] for name, part in result["parts"].items()]
    return markdown(("check", "result", ""), lines)


TABLES = {"step": step_table, "kernels": kernel_table, "ladder": ladder_table, "checks": check_table}


def table(name, result):
    if result is None:
        return NOT_MEASURED
    text = TABLES[name](result)
    return text if text == NOT_MEASURED else f"{heading(result)}.\n\n{text}"


def written(text, result):
    """`text` with the tables put between its marks."""

    def replace(found):
        if found[2] not in TABLES:
            raise SystemExit(f"gpu_report: <!-- gpu: {found[2]} --> is none of {', '.join(TABLES)}")
        return f"{found[1]}\n{table(found[2], result)}\n{found[4]}"

    text, count = re.subn(r"(?ms)^(<!-- gpu: (\w+) -->)$(.*?)^(<!-- /gpu -->)$", replace, text)
    if count == 0:
        raise SystemExit("gpu_report: no line <!-- gpu: NAME --> followed by <!-- /gpu --> was found")
    return text


def rounds_to_row(lines):
    """One row out of the JSON lines that a program printed for one variant, one a round: the median over rounds of each
    round's median; least and most over all."""
    last = dict(lines[-1])
    failed = next((line for line in lines if "error" in line), None)
    if failed is not None:
        return {**{key: value for key, value in last.items() if not key.endswith("_ms")}, "error": failed["error"]}
    medians = [line["median_ms"] for line in lines]
    middle = statistics.median(medians)
    return {**last, "median_ms": middle, "min_ms": min(line["min_ms"] for line in lines),
            "max_ms": max(line["max_ms"] for line in lines), "rounds_ms": medians,
            "images_per_s": round(1e3 * last["batch"] / middle, 2)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", nargs="?", default=RESULT, help="default: bench/results/gpu.json")
    parser.add_argument("--table", choices=TABLES, help="only this one")
    parser.add_argument("--write", metavar="FILE")
    parser.add_argument("--check", metavar="FILE")
    options = parser.parse_args()
    result = load(options.result)
    if options.write or options.check:
        if result is not None and result["synthetic"]:
            raise SystemExit("gpu_report: these numbers are synthetic; they go into no file")
        path = options.write or options.check
        with open(path) as file:
            before = file.read()
        after = written(before, result)
        if options.check:
            sys.exit(0 if after == before else f"gpu_report: the tables of {path} are not those of {options.result}")
        with open(path, "w") as file:
            file.write(after)
        return
    for name in [options.table] if options.table else TABLES:
        print(f"{name}\n\n{table(name, result)}\n")


if __name__ == "__main__":
    main()
