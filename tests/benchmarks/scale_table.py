"""The tables of ``make bench-scale``, in Markdown, from the figures that it keeps."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.scale_systems import SYSTEMS, TO_FEATURES, Record


def text(results: Record) -> str:
    """Return all tables."""
    systems = {name: results["systems"][name] for name in SYSTEMS if name in results["systems"]}
    rows = results["rows"]
    parts = [
        f"{rows:,} lines; segcore at {results.get('memory', '?')}.",
        "\n".join(_overview(systems, rows)),
        "\n".join(_stages(systems, rows)),
        "\n".join(_sums_of_squares(systems)),
        "\n".join(_passes(systems)),
        "\n".join(_checks(systems)),
    ]
    return "\n\n".join(part for part in parts if part)


def _overview(systems: Record, rows: int) -> Iterator[str]:
    """Give seconds to the features and to the end; a fit is added to the features that it goes on with."""
    ours = systems.get("segcore", {})
    yield "| system | features, s | all, s | lines/s | peak MB | time, x segcore | CPU s |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for name, own in systems.items():
        parts = [own]
        if before := SYSTEMS[name].after:
            parts.insert(0, systems.get(before, {"failure": f"{before} has not been run"}))
        if failure := next((part["failure"] for part in parts if part["failure"]), ""):
            yield f"| {own['title']} | {failure} | | | {own['peak'] / 1e6:,.0f} | | |"
            continue
        seconds = sum(part["seconds"] for part in parts)
        to_features = sum(_to_features(part) for part in parts)
        done = any(part.get("kmeans") for part in parts)
        # Features alone are compared with the stages that lead to them, the whole with the whole.
        mine = _mine(systems, name, done) if ours else 0.0
        yield (
            f"| {own['title']} | {to_features:,.1f} | {f'{seconds:,.1f}' if done else ''} "
            f"| {rows / (seconds if done else to_features):,.0f} | {max(p['peak'] for p in parts) / 1e6:,.0f} "
            f"| {(seconds if done else to_features) / mine if mine else float('nan'):.2f} "
            f"| {sum(part['cpu_seconds'] for part in parts):,.1f} |"
        )


def _mine(systems: Record, name: str, done: bool) -> float:
    own = systems.get("segcore-csv" if SYSTEMS[name].form == "csv" else "segcore", {})
    if not own or own["failure"]:
        return 0.0
    return float(own["seconds"]) if done else _to_features(own)


def _to_features(record: Record) -> float:
    return sum(float(s["seconds"]) for s in record.get("stages", ()) if s["name"] in TO_FEATURES)


def _stages(systems: Record, rows: int) -> Iterator[str]:
    yield "| system | stage | seconds | lines/s | peak MB |"
    yield "| --- | --- | ---: | ---: | ---: |"
    for own in systems.values():
        for stage in own.get("stages", ()):
            seconds = stage["seconds"]
            speed = f"{rows / seconds:,.0f}" if seconds > 0.05 else ""
            yield (
                f"| {own['title']} | {stage['name']} | {seconds:,.1f} | {speed} | {stage['peak'] / 1e6:,.0f} |"
            )
        outcome = own["failure"] or f"{rows / own['seconds']:,.0f}"
        yield f"| {own['title']} | **all** | {own['seconds']:,.1f} | {outcome} | {own['peak'] / 1e6:,.0f} |"


def _sums_of_squares(systems: Record) -> Iterator[str]:
    """Give each sum of squares as what it is above the best of all."""
    fits = {own["title"]: own["kmeans"] for own in systems.values() if own.get("kmeans")}
    ks = sorted({int(k) for fit in fits.values() for k in fit})
    best = {k: min(fit[str(k)]["inertia"] for fit in fits.values() if str(k) in fit) for k in ks}
    if fits:
        yield f"| sum of squares above the best, k = | {' | '.join(map(str, ks))} |"
        yield f"| --- |{' ---: |' * len(ks)}"
    for title, fit in fits.items():
        cells = [f"{fit[str(k)]['inertia'] / best[k] - 1:.3%}" if str(k) in fit else "" for k in ks]
        yield f"| {title} | {' | '.join(cells)} |"


def _passes(systems: Record) -> Iterator[str]:
    """Give how often segcore went through all customers for each k, and when that k was done."""
    if not (fits := systems.get("segcore", {}).get("passes")):
        return
    yield f"| segcore, K-Means on all customers, k = | {' | '.join(str(fit['k']) for fit in fits)} |"
    yield f"| --- |{' ---: |' * len(fits)}"
    yield f"| passes | {' | '.join(str(fit['n_passes']) for fit in fits)} |"
    yield f"| done after, s | {' | '.join(format(fit['seconds'], '.1f') for fit in fits)} |"


def _checks(systems: Record) -> Iterator[str]:
    """Say whether everybody did the same work: ledgers and totals exactly, and every customer's features."""
    ours = systems.get("segcore")
    if ours is None or ours["failure"]:
        yield "segcore has not been run: nothing to compare with."
        return
    expected = {name: list(figures) for name, figures in ours["ledger"].items()}
    totals = ours["totals"]
    money = sum(figures[1] for figures in expected.values()) / 10_000
    yield (
        f"segcore counts {sum(figures[0] for figures in expected.values()):,} lines worth {money:,.2f}, "
        f"{totals['customers']:,} customers, {totals['order_count']:,} orders, "
        f"{totals['unique_products']:,} products of a customer, {totals['item_count']:,} items."
    )
    for own in systems.values():
        if "ledger" not in own or own is ours:
            continue
        found = {name: list(figures) for name, figures in own["ledger"].items() if figures[0]}
        wrong = [
            *(["the ledger"] if found != expected else []),
            *(["the totals"] if own.get("totals") != totals else []),
            *own.get("differences", ["no features"]),
        ]
        verdict = f"DIFFERS in {', '.join(wrong)}" if wrong else "the same, and every customer's features"
        yield f"- {own['title']}: {verdict}"
