"""How often each fault of a training pair is found, and how often one is claimed that is not there.

    python benchmarks/pair_doctor.py ../shared/data [--out benchmarks/pair_doctor.md]

Sound pairs are cut from measured denoising pairs (W2S) and made from sharp images by blur and noise; each fault is
planted in each of them.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from scipy import ndimage

from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import run
from napari_restoration.tasks.pair_doctor import Found, find_pairs, iter_check_pairs
from napari_restoration.training.pairs.leaks import _LEAST_CORRELATION, find_overlap
from napari_restoration.training.pairs.pair import make_pair
from napari_restoration.training.sources import read_plane

SIDE = 320
SHIFTS = (0.4, 0.7, 1.5, 4.0)
# What a planted fault must be called; some have two right names.
RIGHT = {
    "gamma 0.6": {"nonlinear"}, "gamma 1.5": {"nonlinear"}, "scale x2": {"super_resolution"},
    "shift 20 %": {"shift", "unrelated"}, "empty": {"empty", "unrelated"},
}  # fmt: skip
BELOW_LIMIT = "shift 0.4 px"
READING = "## What this says"


def sound_pairs(data):
    rng = np.random.default_rng(0)
    pairs = []
    for pair in find_pairs(data / "pairs/w2s_denoise").pairs[::10]:
        given, target = pair.input.read({}), pair.target.read({})
        y, x = (int(n) for n in rng.integers(16, 512 - SIDE - 16, 2))
        pairs.append(("real", pair.name, given, target, y, x))
    rows = [r for r in csv.DictReader((data / "index.csv").open()) if r["use"] == "train" and not r["pair"]]
    chosen = [r["file"] for r in rows if r["file"].startswith(("fluorescence/", "em/", "brightfield/"))][::8]
    for number, file in enumerate(chosen):
        image = read_plane(data / file)
        if min(image.shape) < SIDE + 32:
            continue
        truth = ndimage.gaussian_filter(image, 0.8)
        spread = float(np.percentile(truth, 99.5) - np.percentile(truth, 0.5))
        blurred = ndimage.gaussian_filter(truth, (0, 1.5, 2.5)[number % 3])
        noise = (0.03, 0.1)[number % 2] * spread
        given = blurred + rng.normal(0, noise, truth.shape)
        y, x = (int(rng.integers(16, n - SIDE - 16 + 1)) for n in image.shape)
        target = truth + rng.normal(0, 0.003 * spread, truth.shape)
        pairs.append(("made", file, given.astype(np.float32), target.astype(np.float32), y, x))
    return pairs


def planted(given, target, y, x, other, rng):
    """Fault -> (input, target), whole images cut at (y, x)."""
    cut = (slice(y, y + SIDE), slice(x, x + SIDE))
    a, b = given[cut].copy(), target[cut].copy()
    yield "none", a, b
    for shift in SHIFTS:
        angle = rng.uniform(0, 2 * np.pi)
        step = (shift * np.sin(angle), shift * np.cos(angle))
        yield f"shift {shift} px", a, ndimage.shift(target, step, order=3, mode="mirror")[cut]
    far = int(0.2 * SIDE)
    yield "shift 20 %", a, np.roll(target, (far, 0), (0, 1))[cut]
    yield "swapped", b, a
    yield "identical", a, (2 * a + 10).astype(np.float32)
    yield "constant", a, np.full_like(b, b.mean())
    spoiled = b.copy()
    spoiled[rng.integers(0, SIDE, 5), rng.integers(0, SIDE, 5)] = np.nan
    yield "missing", a, spoiled
    level = np.percentile(a, 95)
    yield "saturated", np.minimum(a, level), b
    yield "empty", a, rng.normal(b.mean(), b.std() / 3, b.shape).astype(np.float32)
    yield "unrelated", a, other
    yield "intensity", a, (3 * b + 100).astype(np.float32)
    low, high = b.min(), b.max()
    for gamma in (0.6, 1.5):
        yield (
            f"gamma {gamma}",
            a,
            (low + (high - low) * ((b - low) / (high - low)) ** gamma).astype(np.float32),
        )
    yield (
        "scale x2",
        a[: SIDE // 2, : SIDE // 2],
        np.repeat(np.repeat(b[: SIDE // 2, : SIDE // 2], 2, 0), 2, 1),
    )
    yield "shape", a, b[:-7, :-3]
    yield "channels", np.stack([a, a]), np.stack([b, b, b])


def named(fault):
    return RIGHT.get(fault, {fault.split()[0]})


def detection(pairs):
    found = defaultdict(list)
    seconds = []
    rng = np.random.default_rng(1)
    for number, (origin, name, given, target, y, x) in enumerate(pairs):
        stranger = pairs[(number + 1) % len(pairs)]
        other = stranger[3][stranger[4] : stranger[4] + SIDE, stranger[5] : stranger[5] + SIDE]
        for fault, a, b in planted(given, target, y, x, other, rng):
            axes = "CYX"[-a.ndim :]
            pair = make_pair(*(CalibratedImage(image, axes, name=name) for image in (a, b)))
            start = time.perf_counter()
            report = run(iter_check_pairs(Found(pairs=(pair,))))
            seconds.append(time.perf_counter() - start)
            found[fault].append((origin, name, {one.kind for one in report.findings}))
    return found, seconds


def overlaps(data):
    """Planted overlaps of crops that are found, and different fields that are taken for one."""
    fields = [pair.target.read({}) for pair in find_pairs(data / "pairs/w2s_denoise").pairs]
    names = [pair.name for pair in find_pairs(data / "pairs/w2s_denoise").pairs]
    hits, tried = Counter(), Counter()
    rng = np.random.default_rng(2)
    for field in fields[::3]:
        for share in (0.1, 0.25, 0.5):
            step = round(300 * (1 - share**0.5))
            step = min(step, 512 - 300)
            one, other = field[:300, :300], field[step : step + 300, step : step + 300]
            real = round((300 - step) ** 2 / 300**2, 2)
            noisy = (other + rng.normal(0, 0.05 * other.std(), other.shape)).astype(np.float32)
            hits[real] += find_overlap(one, noisy) is not None
            tried[real] += 1
    false, compared, known = [], 0, []
    for channel in range(3):
        mine = [i for i, name in enumerate(names) if name.endswith(f"_{channel}.tif")]
        for n, i in enumerate(mine):
            for j in mine[:n]:
                is_known = {names[i][:3], names[j][:3]} in ({"053", "057"}, {"077", "079"})
                result = find_overlap(fields[i], fields[j])
                if is_known:
                    known.append((names[j], names[i], result is not None))
                else:
                    compared += 1
                    if result:
                        false.append((names[j], names[i], round(result.correlation, 2)))
    return hits, tried, false, compared, known


def real_sets(data):
    for name in ("w2s_denoise", "biosr_wf2sim", "gigadb_snr", "rcan3d_snr"):
        yield name, find_pairs(data / "pairs" / name)
    folder = data / "pairs/dfnn_defocus_microtubules"
    rows = [
        r
        for r in csv.DictReader((data / "index.csv").open())
        if "dfnn_defocus" in r["file"] and "/input/" in r["file"]
    ]
    yield (
        "dfnn_defocus_microtubules",
        Found(
            pairs=tuple(
                make_pair(data / r["file"], folder / f"target/cell11_{r['pair'][-3:]}.tif") for r in rows
            )
        ),
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    pairs = sound_pairs(arguments.data)
    found, seconds = detection(pairs)
    origins = Counter(p[0] for p in pairs)
    lines = [
        "# Pair doctor", "",
        "Command: `python benchmarks/pair_doctor.py ../shared/data --out benchmarks/pair_doctor.md`", "",
        f"{len(pairs)} sound pairs of {SIDE} x {SIDE} px, {origins['real']} cut from W2S and {origins['made']} made "
        "of sharp images (Gaussian blur of 0, 1.5 or 2.5 px, noise of 3 or 10 % of the range). In each, one fault is "
        "planted. "
        f"One pair takes {np.median(seconds):.2f} s (median, one thread).", "",
        "| planted | found | real | made | also told (share of the pairs) |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for fault, results in found.items():
        right = named(fault)
        hit = {
            o: [bool(k & right) for origin, _, k in results if o in (origin, "")]
            for o in ("", "real", "made")
        }
        share = {o: f"{sum(v)}/{len(v)}" for o, v in hit.items()}
        if fault == "none":
            share = dict.fromkeys(share, "-")
        others = Counter(kind for _, _, kinds in results for kind in kinds - right)
        told = ", ".join(f"{kind} {count / len(results):.0%}" for kind, count in others.most_common())
        name = f"{fault} (below the limit of 0.5 px)" if fault == BELOW_LIMIT else fault
        lines.append(f"| {name} | {share['']} | {share['real']} | {share['made']} | {told or 'nothing'} |")
    lines += ["", "Pairs without a fault that are told one:", ""]
    lines += [f"- {n}: {', '.join(sorted(k))}" for _, n, k in found["none"] if k - {"intensity"}] or [
        "- none"
    ]
    missed = [
        (f, n)
        for f, results in found.items()
        if f not in ("none", BELOW_LIMIT)
        for _, n, k in results
        if not k & named(f)
    ]
    lines += ["", "Missed:", "", *(f"- {f}: {n}" for f, n in missed)]
    hits, tried, false, compared, known = overlaps(arguments.data)
    lines += [
        "", "## Overlapping fields", "",
        "Crops of one W2S field that have a part in common, noise of 5 % added (threshold: correlation "
        f"{_LEAST_CORRELATION}):", "",
        *(f"- {share:.0%} common: {hits[share]} of {tried[share]} found" for share in sorted(tried)),
        f"- different fields: {len(false)} of {compared} couples taken for one{': ' + str(false) if false else ''}",
        "- fields known to overlap: " + ", ".join(f"{a}/{b} {'found' if ok else 'missed'}" for a, b, ok in known),
        "", "## Real pairs", "", "| set | pairs | usable | findings (pairs) |", "|---|---|---|---|",
    ]  # fmt: skip
    details = []
    for name, listed in real_sets(arguments.data):
        report = run(iter_check_pairs(listed))
        kinds = Counter(f"{one.kind} ({one.severity})" for one in report.findings)
        told = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
        lines.append(f"| {name} | {len(report.pairs)} | {len(report.usable)} | {told or 'nothing'} |")
        shifts = [(one.pair, one.value) for one in report.findings if one.kind == "shift"]
        details += [f"- {name}, {pair}: shifted by {value:.2f} px" for pair, value in shifts]
        details += [
            f"- {name}: {one.words}"
            for one in report.findings
            if one.kind in ("duplicate", "unrelated", "swapped")
        ]
    lines += ["", *details]
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.out:
        # What was concluded is written by hand and stays.
        earlier = arguments.out.read_text() if arguments.out.exists() else ""
        _, heading, words = earlier.partition(READING)
        arguments.out.write_text(text + ("\n" + heading + words if heading else ""))


if __name__ == "__main__":
    main()
