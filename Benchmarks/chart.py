"""Horizontal bars as a self-contained SVG picture in the reader's own font, light or dark as the reader's setting is."""
from html import escape


def bars(title, rows):
    """rows: (name, value, the value that must be reached, drawn as a line across the bar)."""
    left, right, height = 330, 640, 26
    largest = max(max(value, bound) for _, value, bound in rows)
    scale = lambda value: left + value / largest * (right - left)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 700 {70 + height * len(rows)}" role="img">', f"<title>{escape(title)}</title>",
             "<style>.ground{fill:#fff}text{font:13px system-ui,sans-serif;fill:#222}.title{font-weight:600;font-size:16px}.bar{fill:#0072b2}.bound{stroke:#d55e00;stroke-width:2}"
             "@media(prefers-color-scheme:dark){.ground{fill:#1b1b1b}text{fill:#eee}.bar{fill:#5cb8f0}.bound{stroke:#ff8f4a}}</style>",
             '<rect class="ground" width="100%" height="100%"/>', f'<text class="title" x="14" y="28">{escape(title)}</text>']
    for number, (name, value, bound) in enumerate(rows):
        y = 48 + height * number
        parts += [f'<text x="{left - 10}" y="{y + 14}" text-anchor="end">{escape(name)}</text>',
                  f'<rect class="bar" x="{left}" y="{y + 2}" width="{scale(value) - left:.1f}" height="{height - 10}"/>',
                  f'<line class="bound" x1="{scale(bound):.1f}" x2="{scale(bound):.1f}" y1="{y - 1}" y2="{y + height - 5}"/>',
                  f'<text x="{scale(max(value, bound)) + 6:.1f}" y="{y + 14}">{value:.2f}</text>']
    parts.append(f'<text x="{left}" y="{62 + height * len(rows)}">bar: ratio; line: what it must reach</text></svg>\n')
    return "\n".join(parts)
