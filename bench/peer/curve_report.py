"""Compares three loss curves: PyTorch in float32, Uptake in float32, PyTorch in float64; prints a Markdown table and
draws the generator's L1 as SVG.

  python3 bench/peer/curve_report.py torch32.csv uptake.csv torch64.csv OUT.svg

Adversarial training amplifies rounding, so no two programs in float32 stay together for long. The yardstick is how
far PyTorch in float32 is from PyTorch in float64.
"""

import csv
import statistics
import sys

LOSSES = ("G_GAN", "G_L1", "D_real", "D_fake")


def read(path):
    with open(path) as file:
        rows = list(csv.DictReader(file))
    return {loss: [float(row[loss]) for row in rows] for loss in LOSSES}


def largest_difference(a, b, begin, end):
    """Mean over the steps of the largest relative difference of the four losses."""
    return statistics.mean(max(abs(a[l][i] - b[l][i]) / max(abs(b[l][i]), 1e-12) for l in LOSSES)
                           for i in range(begin, end))


def table(torch32, uptake, torch64):
    print("| steps | Uptake to PyTorch float32 | PyTorch float32 to float64 |\n|---|---|---|")
    steps = len(torch32["G_L1"])
    for begin, end in ((0, 1), (1, 2), (2, 5), (5, 10), (10, 20), (20, 50), (50, 100), (100, steps)):
        name = f"{begin + 1}" if end == begin + 1 else f"{begin + 1}-{end}"
        print(f"| {name} | {largest_difference(uptake, torch32, begin, end):.1e} "
              f"| {largest_difference(torch32, torch64, begin, end):.1e} |")
    print("\n| mean over all steps | " + " | ".join(LOSSES) + " |\n|---|---|---|---|---|")
    for name, curve in (("Uptake float32", uptake), ("PyTorch float32", torch32), ("PyTorch float64", torch64)):
        print(f"| {name} | " + " | ".join(f"{statistics.mean(curve[l]):.4f}" for l in LOSSES) + " |")


def draw(path, curves, loss):
    width, height, left, bottom = 720, 300, 50, 30
    values = [v for _, _, curve in curves for v in curve[loss]]
    low, high, count = min(values), max(values), len(curves[0][2][loss])

    def point(i, v):
        return (f"{left + (width - left - 10) * i / (count - 1):.1f},"
                f"{10 + (height - bottom - 10) * (high - v) / (high - low):.1f}")

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
           f'font-size="12">', f'<rect width="{width}" height="{height}" fill="white"/>']
    for k in range(5):
        value = low + (high - low) * k / 4
        y = float(point(0, value).split(",")[1])
        out.append(f'<line x1="{left}" x2="{width - 10}" y1="{y}" y2="{y}" stroke="#ddd"/>'
                   f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{value:.0f}</text>')
    for n, (name, color, curve) in enumerate(curves):
        points = " ".join(point(i, v) for i, v in enumerate(curve[loss]))
        dash = ' stroke-dasharray="4 3"' if n else ""
        out.append(f'<polyline fill="none" stroke="{color}" stroke-width="1.2"{dash} points="{points}"/>'
                   f'<text x="{left + 10 + 190 * n}" y="{height - 8}" fill="{color}">{name}: {loss}</text>')
    with open(path, "w") as file:
        file.write("\n".join(out) + "\n</svg>\n")


def main():
    if len(sys.argv) != 5:
        raise SystemExit(__doc__)
    torch32, uptake, torch64 = (read(path) for path in sys.argv[1:4])
    table(torch32, uptake, torch64)
    draw(sys.argv[4], (("PyTorch float32", "#d55e00", torch32), ("Uptake float32", "#0072b2", uptake)), "G_L1")


if __name__ == "__main__":
    main()
