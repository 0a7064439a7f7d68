"""Draw the layers from the import graph: `python -m bench.layers docs/layers.svg`.

Each box is a package, each line an import. Lines that follow from other lines are left out
(transitive reduction), so a package stands below all packages that import it.
"""

import sys
from html import escape
from pathlib import Path

import grimp

PACKAGE = "accounts_bank"
TITLES = {
    "cli": "the command accounts",
    "config_shown": "accounts config",
    "sandbox_commands": "clock, faults, snapshots",
    "store_commands": "upgrade, copy, seed, verify",
    "user_commands": "users: list, password, role",
    "seeding": "what a seed file says",
    "seed_file": "YAML or JSON, with lines",
    "usernames": "characters, look-alikes",
    "testing": "banks for tests, pytest plugin",
    "server": "granian, gateway, threads",
    "app": "the one composition root",
    "web": "pages for people",
    "api": "JSON over HTTP",
    "sandbox": "demo, simulated clock",
    "http": "shared by web and api",
    "collections": "permissions, use cases",
    "audit": "log, sealer, verifier",
    "stores": "load, lock, save, retry",
    "logging_config": "JSON lines",
    "config": "settings",
    "concurrency": "greenlets, coalescing",
    "observability": "metrics, traces",
    "errors": "the error tree",
    "identity": "callers and roles",
    "ledger": "the rules of money, pure",
}
CORE = {"web", "api", "collections", "stores", "ledger"}  # the three layers and the rules
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 200, 46, 40, 26, 16
STYLE = (
    ".box{fill:#eef2f7;stroke:#8a97a8}.core{fill:#dcefe3;stroke:#2f7d55;stroke-width:2}"
    ".name{font:600 14px sans-serif;fill:#17202a}.title{font:12px sans-serif;fill:#4a5563}"
    ".line{fill:none;stroke:#6b7785;stroke-width:1.3;marker-end:url(#arrow)}"
)
ARROW = (
    '<marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0 0L8 4L0 8z" fill="#6b7785"/></marker>'
)

Edges = dict[str, set[str]]
Places = dict[str, tuple[int, int]]


def imports() -> Edges:
    """Return the imports of each package, without imports that follow from others."""
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    names = {child.rpartition(".")[2] for child in graph.find_children(PACKAGE)} - {"__main__"}
    edges: Edges = {name: set() for name in sorted(names)}
    for module in graph.modules - {PACKAGE, f"{PACKAGE}.__main__"}:
        importer = module.split(".")[1]
        imported = (other.split(".") for other in graph.find_modules_directly_imported_by(module))
        edges[importer] |= {parts[1] for parts in imported if len(parts) > 1} - {importer}
    return {name: _reduced(edges, below) for name, below in edges.items() if below or name in names}


def _reduced(edges: Edges, below: set[str]) -> set[str]:
    return {goal for goal in below if not _leads(edges, below - {goal}, goal)}


def _leads(edges: Edges, start: set[str], goal: str) -> bool:
    return any(goal in edges[name] or _leads(edges, edges[name], goal) for name in start)


def places(edges: Edges) -> Places:
    """Return row and column of each package: below its importers, and near them."""
    depths = {name: _depth(edges, name) for name in edges}
    depths |= {name: max(depths.values()) for name in edges if not edges[name]}
    found: Places = {}
    for name in sorted(
        edges, key=lambda name: (depths[name], name not in CORE, *_near(edges, depths, name))
    ):
        row = depths[name]
        found[name] = (row, sum(place[0] == row for place in found.values()))
    return found


def _depth(edges: Edges, name: str) -> int:
    above = [_depth(edges, other) + 1 for other, below in edges.items() if name in below]
    return max(above, default=0)


def _near(edges: Edges, depths: dict[str, int], name: str) -> tuple[int, str]:
    """Order a row by the distance to the next row below: long lines go to the right."""
    return max((depths[other] for other in edges[name]), default=0), name


def svg(edges: Edges, found: Places) -> str:
    """Return the picture."""
    width = MARGIN * 2 + (max(column for _, column in found.values()) + 1) * (WIDTH + GAP_X) - GAP_X
    height = MARGIN * 2 + (max(row for row, _ in found.values()) + 1) * (HEIGHT + GAP_Y) - GAP_Y
    lines = [_line(found[name], found[other]) for name in edges for other in sorted(edges[name])]
    boxes = [_box(name, place) for name, place in found.items()]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            "<title>Packages; a line leads to a package that is imported</title>",
            f"<style>{STYLE}</style><defs>{ARROW}</defs>",
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
            *lines,
            *boxes,
            "</svg>\n",
        ]
    )


def _corner(place: tuple[int, int]) -> tuple[int, int]:
    row, column = place
    return MARGIN + column * (WIDTH + GAP_X), MARGIN + row * (HEIGHT + GAP_Y)


def _line(start: tuple[int, int], end: tuple[int, int]) -> str:
    (x, y), (to_x, to_y) = _corner(start), _corner(end)
    x, to_x, bend, middle = x + WIDTH // 2, to_x + WIDTH // 2, to_y - GAP_Y, to_y - GAP_Y // 2
    curve = f"C{x} {middle} {to_x} {middle} {to_x} {to_y}"
    return f'<path class="line" d="M{x} {y + HEIGHT}V{bend}{curve}"/>'


def _box(name: str, place: tuple[int, int]) -> str:
    (x, y), middle = _corner(place), _corner(place)[0] + WIDTH // 2
    kind = "core" if name in CORE else "box"
    return (
        f'<rect class="{kind}" x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        f'<text class="name" x="{middle}" y="{y + 20}" text-anchor="middle">{escape(name)}</text>'
        f'<text class="title" x="{middle}" y="{y + 37}" text-anchor="middle">'
        f"{escape(TITLES.get(name, ''))}</text>"
    )


def main() -> None:
    """Write the picture to the path that the command line names."""
    edges = imports()
    Path(sys.argv[1]).write_text(svg(edges, places(edges)), encoding="utf-8")


if __name__ == "__main__":
    main()
