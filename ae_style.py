"""How the book looks: one colour a role, in light and in dark, and the style sheet made of them."""

from typing import NamedTuple


class Colour(NamedTuple):
    """A role's colour on light and on dark paper, and what a reader calls the role."""

    light: str
    dark: str
    word: str


# Hues near the colour-blind-safe palette of Okabe and Ito, lightness set for each paper: in any step they are
# told apart in every kind of colour vision, and ink reads on their strongest shade (tests/test_view.py).
COLOURS = {
    "input": Colour("#0072b2", "#44a7e1", "input"),
    "weight": Colour("#dd8700", "#e69c1a", "weight"),
    "bias": Colour("#ad9620", "#c0b03e", "bias"),
    "pre_activation": Colour("#7a879b", "#898a8e", "pre-activation"),
    "activation": Colour("#009e73", "#28c594", "feature or activation"),
    "output": Colour("#35a3dc", "#7fb4d9", "output"),
    "target": Colour("#4b4f58", "#a9aeb5", "target"),
    "norm": Colour("#8c5a46", "#b99075", "norm"),
    "loss": Colour("#d55e00", "#ff8a4c", "loss"),
    "gradient": Colour("#a13c83", "#ca7bb4", "gradient"),
}
INK = Colour("#1b2230", "#eef2f8", "text")
SOFT = Colour("#4f5969", "#aeb8c8", "quiet text")
PAPER = Colour("#ffffff", "#14181e", "paper")

FAINTEST, STRONGEST = 0.08, 0.56
"""Share of a role's colour in a cell that is just not 0, and in its matrix's largest one."""
CAPTION_SHARE = 0.45
"""Share of a role's colour in the text that names it; the rest is ink, so that it can be read."""
SMALLEST_CELL, LARGEST_CELL = 22, 2.4
"""Width of a table's cell: at least so many px, that two digits fit, at most so many rem."""
DASHES = ("7 4", "2 4", "10 3 2 3")
"""What tells the lines of a chart apart, beside the first, which has none."""
HIGHLIGHTED = 9
"""Rows and columns of a matrix that light up; a larger matrix lights up its first ones only."""
CHAINED = 3
"""Results in one row of tables that can light up what they come from."""


def mix(colour: str, other: str, share: float) -> str:
    """Mix two colours as CSS's ``color-mix(in srgb, …)`` does; ``share`` is the first one's, 0 to 1."""
    pairs = zip(bytes.fromhex(colour[1:]), bytes.fromhex(other[1:]))
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in pairs)


def role_class(role: str) -> str:
    """Give the class of what has a role's colour."""
    return f"ae-{role.replace('_', '-')}"


def style_sheet() -> str:
    """Give the style sheet of all figures; every output carries it, since some notebooks isolate outputs."""
    return f"{_themes()}\n{_RULES}\n{_CHARTS}\n{_dashes()}\n{_CONTROLS}\n{_highlights()}"


def _themes() -> str:
    def block(selector, paper):
        pairs = {"ink": INK, "soft": SOFT, "paper": PAPER, **COLOURS}
        variables = "".join(f"--{role_class(name)}:{getattr(colour, paper)};" for name, colour in pairs.items())
        return f"{selector}{{color-scheme:{paper};{variables}}}"

    # A page that has a theme of its own says so in one of these ways; only one that says nothing follows
    # the system's.
    dark_hosts = "html[data-theme=dark],html[theme=dark],body[data-jp-theme-light=false],body.vscode-dark,body.vscode-high-contrast"
    silent = "html:not([data-theme],[theme],:has(body:is([data-jp-theme-light],[data-vscode-theme-kind])))"
    return "\n".join(
        [
            block(":is(.ae,.ae-panel,.ae-live)", "light"),
            block(f":is({dark_hosts}) :is(.ae,.ae-panel,.ae-live)", "dark"),
            f"@media screen and (prefers-color-scheme:dark){{{block(f'{silent} :is(.ae,.ae-panel,.ae-live)', 'dark')}}}",
            f"@media print{{{block('html:root:root :is(.ae,.ae-panel,.ae-live)', 'light')}}}",
            *(f".{role_class(role)}{{--role:var(--{role_class(role)})}}" for role in COLOURS),
        ]
    )


def _dashes() -> str:
    """Tell the lines of a chart apart without colour."""
    return " ".join(f".ae-chart .ae-line-{k}{{stroke-dasharray:{dashes}}}" for k, dashes in enumerate(DASHES, start=1))


def _highlights() -> str:
    """Light the cells of a table that the pointed-at cell of a later table reads.

    A cell is lit where both its row and its column are: ``--rK`` times ``--cK`` for the K-th result of a
    row of tables.  A table read by whole rows has ``--cK: 1`` throughout, one read by columns ``--rK: 1``.
    """
    at = ":is(:hover,:focus)"
    # A browser looks through a row of tables for each of these, many times when a slider moves, unless it is told first
    # that nothing in the row is pointed at.
    flow = ".ae-flow:is(:hover,:focus-within)"
    rules = []
    for k in range(CHAINED):
        for i in range(HIGHLIGHTED):
            for axis in "rc":
                rules.append(f"{flow}:has(.ae-y{k} td.{axis}{i}{at}) .ae-x{k} .{axis}{i}{{--{axis}{k}:1}}")
        rules.append(f"{flow}:has(.ae-y{k} td{at}) .ae-all{k}{{--r{k}:1;--c{k}:1}}")
    return "\n".join(rules)


_LIT = " + ".join(f"var(--r{k})*var(--c{k})" for k in range(CHAINED))
_UNLIT = "".join(f"--r{k}:0;--c{k}:0;" for k in range(CHAINED))

# Lengths that are computed once a row of tables: each cell would else compute them anew, several times over.
_LENGTHS = "".join(f"@property --{name}{{syntax:'<length>';inherits:true;initial-value:16px}}" for name in ("fit", "cell", "text"))

_RULES = f"""
{_LENGTHS}
.ae{{color:var(--ae-ink);margin:1rem 0;font-size:1rem;line-height:1.5;font-variant-numeric:tabular-nums;container-type:inline-size}}
div.cell_output .text_html:has(>.ae,>.ae-live){{background:none!important;color:inherit!important;padding:0!important}}
.ae *{{box-sizing:border-box}}
.ae-line{{position:relative;padding-bottom:3.4rem;margin-bottom:.6rem}}
.ae-scroll{{overflow-x:auto;padding:3px;scrollbar-width:thin}}
.ae-flow{{{_UNLIT}display:flex;flex-wrap:wrap;align-items:end;gap:.5rem calc(var(--cell)/3);
  --fit:calc((100cqi - var(--room))/var(--cells) - 3px);--cell:calc(clamp({SMALLEST_CELL}px,var(--fit),{LARGEST_CELL}rem) + clamp(0px,({SMALLEST_CELL}px - var(--fit))*99,3px));--text:clamp(.78rem,calc(var(--cell)*.42),1rem)}}
.ae-cross{{display:grid;grid-template:". top" auto "left result" auto / auto auto;gap:.35rem .6rem;align-items:end;justify-items:start}}
.ae-cross>.ae-top{{grid-area:top}} .ae-cross>.ae-left{{grid-area:left}} .ae-cross>.ae-result{{grid-area:result}}
.ae-stack{{display:grid;justify-items:start;gap:.2rem}}
.ae-sign{{color:var(--ae-soft);font-size:1.15rem;align-self:end;text-align:center;line-height:1.2;padding-bottom:calc(var(--cell)*var(--rise,1) - .4rem)}}
.ae-sign small{{display:block;font-size:.78rem}}
.ae table.ae-m{{position:static;border-collapse:separate;border-spacing:3px;width:auto;margin:0;background:none;border:0;display:table;table-layout:fixed;font-size:inherit;color:inherit}}
.ae .ae-m :is(tr,thead,tbody){{background:none!important;border:0}}
.ae .ae-m caption{{caption-side:top;text-align:left;white-space:nowrap;font-size:.86rem;font-style:normal;color:var(--ae-soft);padding:0;margin:0;height:1.6rem;position:relative}}
.ae .ae-m caption>span{{position:absolute;left:1.9rem;bottom:.1rem}}
.ae .ae-thin caption>span{{left:0}}
.ae .ae-m caption b{{color:color-mix(in srgb,var(--role) {CAPTION_SHARE:.0%},var(--ae-ink));font-size:.98rem}}
.ae .ae-m caption i{{font-style:normal}}
.ae .ae-m th{{font-size:.72rem;line-height:1.15;font-weight:500;color:var(--ae-soft);text-align:center;vertical-align:bottom;padding:1px 2px;border:0;border-radius:5px;background:none;max-width:var(--cell)}}
.ae .ae-m th[scope=row]{{vertical-align:middle;width:1.9rem;min-width:1.9rem;max-width:1.9rem}}
.ae .ae-m th span{{display:block;font-size:.62rem;white-space:nowrap;margin:0 -4px;letter-spacing:-.01em}}
.ae-tight .ae-m th span{{writing-mode:vertical-rl;margin:2px auto}}
.ae .ae-m .ae-corner{{border:0;padding:0;background:none}}
.ae .ae-m :is(td,th){{box-shadow:inset 0 0 0 calc(2px*({_LIT})) var(--ae-ink)}}
.ae .ae-m td:not(.ae-corner){{width:var(--cell);min-width:var(--cell);max-width:var(--cell);height:var(--cell);padding:0;text-align:center;vertical-align:middle;border-radius:7px;
  font-size:var(--text);line-height:1.05;white-space:nowrap;color:var(--ae-ink);
  background-color:color-mix(in srgb,var(--role) var(--k,0%),var(--ae-paper));border:1px solid color-mix(in srgb,var(--role) 42%,var(--ae-paper))}}
.ae .ae-m td.neg{{background-image:linear-gradient(135deg,color-mix(in srgb,var(--role) 75%,var(--ae-ink)) 0 .38em,transparent calc(.38em + 1px))}}
.ae .ae-m td.off{{border-style:dashed;color:var(--ae-soft);background-image:repeating-linear-gradient(135deg,transparent 0 5px,color-mix(in srgb,var(--ae-soft) 20%,transparent) 5px 6px)}}
.ae .ae-m td.off[style]{{color:var(--ae-ink)}}
.ae .ae-m td.open{{border-style:dotted;color:transparent}}
.ae .ae-m td s{{display:block;font-size:.68em;line-height:1;text-decoration-thickness:1px}}
.ae .ae-m td.w4{{font-size:calc(var(--text)*.8)}} .ae .ae-m td.w6{{font-size:calc(var(--text)*.66)}}
.ae .ae-m td[tabindex]{{cursor:help}}
.ae .ae-m td[tabindex]:is(:hover,:focus){{outline:2.5px solid var(--ae-ink);outline-offset:0;color:var(--ae-ink)}}
.ae-how{{display:none;position:absolute;left:0;right:0;bottom:.1rem;height:3.1rem;overflow:auto;text-align:left;white-space:normal;font-size:.98rem;line-height:1.5;color:var(--ae-ink)}}
.ae-how i{{font-style:normal;color:var(--ae-soft)}}
td:is(:hover,:focus)>.ae-how{{display:block}}
.ae-flow:focus-within:has(td:focus) td:hover:not(:focus)>.ae-how{{display:none}}
.ae-hint{{position:absolute;left:0;top:calc(100% - 3.2rem);margin:0;line-height:1.35;color:var(--ae-soft);font-size:.9rem}}
.ae-line:is(:hover,:focus-within):has(td:is(:hover,:focus)>.ae-how) .ae-hint{{display:none}}
.ae-formula{{margin:.2rem 0;color:var(--ae-soft);font-size:.95rem}}
.ae details{{margin:.2rem 0 .8rem}} .ae summary{{cursor:pointer;padding:.3rem 0;font-weight:500}}
.ae-step{{margin:1.1rem 0 -.4rem;color:var(--ae-ink);font-size:1rem}} .ae-step b{{font-weight:600;margin-right:.7rem}} .ae-step>span{{color:var(--ae-soft);font-size:.95rem}}
.ae-side{{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.9rem,1fr));gap:.9rem .7rem;margin-top:1rem}}
.ae-one p{{margin:0 0 -.2rem;font-weight:500;font-size:.92rem}} .ae-one .ae-flow{{--cell:22px!important;--text:.75rem!important}}
.ae-hidden{{position:absolute!important;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}}
.ae-skip{{position:absolute;left:0;top:-1.1rem;clip-path:inset(50%);font-size:.9rem;z-index:1}}
.ae-skip:focus{{clip-path:none;background:var(--ae-paper);outline:2px solid var(--ae-ink);padding:.1rem .5rem}}
.ae-legend{{display:flex;flex-wrap:wrap;gap:.4rem 1rem;list-style:none;padding:0}}
.ae-legend li{{display:flex;align-items:center;gap:.4rem;margin:0}}
.ae-legend b{{display:inline-block;width:1.6rem;height:1.6rem;border-radius:6px;background:color-mix(in srgb,var(--role) {STRONGEST:.0%},var(--ae-paper));border:1px solid var(--role)}}
@container (max-width:30rem){{.ae-sign{{padding-bottom:calc(var(--cell)*min(var(--rise,1),3) - .4rem)}} .ae-flow{{gap:.4rem .4rem;--cell:clamp({SMALLEST_CELL}px,calc((100cqi - 58px)/var(--narrow) - 2px),{LARGEST_CELL}rem)}} .ae table.ae-m{{border-spacing:2px}} .ae .ae-m th[scope=row]{{width:1rem;min-width:1rem;max-width:1rem;padding:0;font-size:.64rem}} .ae-cross{{gap:.3rem .25rem}} .ae .ae-m caption{{font-size:.78rem}} .ae .ae-m caption>span{{left:1.2rem}} .ae .ae-m caption i{{display:none}} .ae .ae-m td:not(.ae-corner){{border-radius:5px}} .ae .ae-m th span{{writing-mode:vertical-rl;margin:2px auto}}}}
@media print{{.ae{{print-color-adjust:exact;-webkit-print-color-adjust:exact}} .ae-line{{padding-bottom:.4rem;break-inside:avoid}} .ae-hint,.ae-how,.ae-skip{{display:none!important}} .ae-scroll{{overflow:visible}}}}
@media (forced-colors:active){{.ae .ae-m td.neg{{text-decoration:none}} .ae .ae-m :is(td,th){{forced-color-adjust:none}}}}
""".strip()

# Charts: lines are stretched to the width of their place, their strokes and all text are not.
_CHARTS = """
.ae-chart{margin:.4rem 0;color:var(--ae-ink);font-size:.86rem;forced-color-adjust:none}
.ae-chart i{font-style:normal}
.ae .ae-keys{display:flex;flex-wrap:wrap;gap:.1rem 1.2rem;list-style:none;margin:0 0 .2rem;padding:0}
.ae-keys li{display:flex;align-items:center;gap:.4rem;margin:0} .ae-keys svg{flex:none}
.ae-keys b{font-weight:600;min-width:3.2em}
.ae-plot{color:var(--ae-soft)} .ae .ae-plot p{margin:0;font-size:.8rem;line-height:1.3rem}
.ae-plot .ae-x-label{text-align:right;padding-right:1.4rem}
.ae-area{position:relative;margin:.35rem 1.4rem 1.4rem 3rem}
.ae-area svg{position:absolute;inset:0;width:100%;height:100%;overflow:visible;clip-path:inset(-7px)}
.ae-area i{position:absolute;font-size:.8rem;line-height:1;white-space:nowrap}
.ae-tick-x{top:calc(100% + .35rem);transform:translateX(-50%)} .ae-tick-y{right:calc(100% + .4rem);transform:translateY(-50%)}
.ae-area .ae-point{transform:translate(.45rem,35%);color:var(--ae-ink)} .ae-area .ae-late{transform:translate(calc(-100% - .4rem),-110%)}
.ae-chart :is(path,circle){fill:none;vector-effect:non-scaling-stroke;stroke:color-mix(in srgb,var(--role) 82%,var(--ae-ink));stroke-width:2px;stroke-linejoin:round}
.ae-chart .ae-grid{stroke:color-mix(in srgb,var(--ae-soft) 24%,var(--ae-paper));stroke-width:1px}
.ae-chart .ae-dots{stroke-width:7px;stroke-linecap:round}
.ae-chart .ae-cloud{stroke:color-mix(in srgb,var(--ae-input) 50%,var(--ae-paper));stroke-width:5px;stroke-linecap:round}
.ae-chart .ae-mark{stroke:var(--ae-ink);stroke-width:1.5px}
.ae-chart .ae-marked{stroke-width:13px;stroke-linecap:round}
.ae-chart .ae-arrows{display:block;width:100%;max-width:22rem;margin:0 auto}
.ae-chart .ae-dashed{stroke-dasharray:5 4} .ae-chart .ae-tip{fill:color-mix(in srgb,var(--role) 82%,var(--ae-ink));stroke-width:1px}
.ae-arrows text{fill:var(--ae-ink);font-size:calc(.11px*var(--unit));text-anchor:middle;dominant-baseline:central}
.ae .ae-numbers{display:table;border-collapse:collapse;width:auto;margin:.3rem 0;background:none;font-size:.86rem;color:inherit}
.ae .ae-numbers caption{caption-side:top;text-align:left;color:var(--ae-soft);padding:0 0 .2rem;margin:0;font-size:.86rem;font-style:normal}
.ae .ae-numbers tr{background:none!important;border:0}
.ae .ae-numbers :is(th,td){text-align:right;padding:.1rem .7rem .1rem 0;border:0;border-bottom:1px solid color-mix(in srgb,var(--ae-soft) 25%,var(--ae-paper));background:none;font-weight:400;color:inherit}
.ae .ae-numbers thead th{color:var(--ae-soft);vertical-align:bottom} .ae .ae-numbers td{white-space:nowrap}
.ae-chart details{overflow-x:auto}
@media print{.ae-chart{break-inside:avoid}}
""".strip()

# The sliders: widgets and their static form share the boxes, so that neither is higher or wider.
_CONTROLS = """
.ae-panel{color:var(--ae-ink)}
.ae-panel .widget-html-content{color:var(--ae-ink);line-height:inherit;font-size:inherit;align-self:stretch;width:100%;overflow:visible}
.ae-panel :is(.widget-html,.widget-box){overflow:visible}
.ae-message:not(:has([role=alert])){display:none}
.ae-message [role=alert]{color:var(--ae-ink);border-left:4px solid var(--ae-loss);padding:.3rem .8rem;background:color-mix(in srgb,var(--ae-loss) 14%,var(--ae-paper))}
.ae-controls{color:var(--ae-ink);font-size:.95rem;padding-bottom:1.2rem!important}
.ae-group{padding:.2rem 0} .ae-group sub{line-height:0}
.ae-variants>.ae-controls{display:flex;flex-flow:row wrap!important;align-items:flex-start;gap:0 1.6rem} .ae-variants>.ae-controls>:is(.ae-row,.ae-fold){flex:1 0 100%;min-width:0}
.ae-fold:not(:has(details[open]))>.ae-group{display:none} .ae-fold summary{cursor:pointer;font-size:.95rem;line-height:32px;font-weight:500}
.ae-row select{appearance:auto!important;background-image:none!important}
.ae-row{display:flex!important;flex-wrap:wrap;align-items:center;gap:.3rem .7rem;min-height:38px}
.ae-row .widget-html{flex:0 0 auto} .ae-row .widget-html-content{line-height:32px!important;height:32px}
.ae-row b{font-size:1rem;line-height:32px;color:color-mix(in srgb,var(--role) 45%,var(--ae-ink))}
.ae-row .jupyter-button,.ae-button{height:32px;line-height:30px;padding:0 .8rem;font-size:.9rem;box-sizing:border-box;border-radius:6px;box-shadow:none;
  color:var(--ae-ink);background:color-mix(in srgb,var(--ae-soft) 12%,var(--ae-paper));border:1px solid color-mix(in srgb,var(--ae-soft) 45%,var(--ae-paper))}
.ae-row .widget-label,.ae-field{color:var(--ae-ink)!important;font-size:.9rem;line-height:32px;height:32px;max-width:100%}
.ae-row .widget-checkbox .widget-label-basic,.ae-switch{color:var(--ae-ink)!important;display:flex;align-items:center;gap:.4rem;font-size:.9rem;line-height:1.4;min-height:32px;height:auto;max-width:100%;white-space:normal}
.ae-row .widget-checkbox input,.ae-switch i{flex:none;width:16px;height:16px;margin:0;font-style:normal;line-height:16px}
.ae-field{display:flex;gap:.5rem;box-sizing:border-box;white-space:nowrap} .ae-field>span{flex:1;overflow:hidden;text-overflow:ellipsis}
.ae-row :is(select,input[type=number]),.ae-field>span{height:32px;line-height:30px;padding:0 .5rem;font-size:.9rem;box-sizing:border-box;border-radius:6px;
  color:var(--ae-ink)!important;background:var(--ae-paper)!important;border:1px solid color-mix(in srgb,var(--ae-soft) 45%,var(--ae-paper))!important}
.ae-sliders{display:grid!important;width:100%;overflow-x:auto!important;overflow-y:hidden!important;gap:0!important;align-items:center;justify-content:start;padding:2px;scrollbar-width:thin}
.ae-sliders .widget-label,.ae-heading,.ae-row-label{color:var(--ae-soft)!important;font-size:.8rem;text-align:center;line-height:20px;overflow:hidden;white-space:nowrap}
.ae-heading{grid-area:auto/auto/auto/span 3;margin-right:10px;height:20px} .ae-row-label{grid-area:auto/auto/span 2/auto;height:60px;line-height:60px}
.ae-sliders>.widget-label{display:block;justify-self:stretch;width:auto;text-align:center!important}
.ae-sliders>.widget-label:has(+button){line-height:60px!important}
.ae-sliders :is(.widget-text,.widget-slider)>.widget-label{position:absolute;width:1px!important;height:1px;overflow:hidden;clip-path:inset(50%);margin:0}
.ae-sliders .jupyter-button,.ae-minus,.ae-plus{display:block;width:26px;height:30px;line-height:28px;padding:0;font-size:1rem;font-style:normal;text-align:center;border-radius:0;box-shadow:none;box-sizing:border-box;
  color:var(--ae-ink);background:color-mix(in srgb,var(--role) 14%,var(--ae-paper));border:1px solid color-mix(in srgb,var(--role) 45%,var(--ae-paper))}
.ae-sliders :is(input[type=number],.ae-number){display:block;width:50px;height:30px;line-height:28px;font-size:.95rem;font-weight:400;padding:0!important;text-align:center;font-variant-numeric:tabular-nums;box-sizing:border-box;border-radius:0;
  color:var(--ae-ink)!important;background:var(--ae-paper)!important;border:1px solid color-mix(in srgb,var(--role) 45%,var(--ae-paper))!important;border-width:1px 0!important;-moz-appearance:textfield;appearance:textfield}
.ae-sliders input::-webkit-inner-spin-button{display:none}
.ae-track{grid-area:auto/auto/auto/span 3;position:relative;height:30px;margin-right:10px}
.ae-track::before{content:"";position:absolute;left:12px;right:12px;top:13px;height:4px;border-radius:2px;background:color-mix(in srgb,var(--role) 40%,var(--ae-paper))}
.ae-track::after{content:"";position:absolute;left:calc(var(--at)*78/102);width:24px;height:24px;top:3px;border-radius:50%;background:var(--ae-paper);border:2px solid color-mix(in srgb,var(--role) 85%,var(--ae-ink));box-sizing:border-box}
.ae-scrub .ae-track{grid-area:auto;margin:0} .ae-scrub .ae-track::after{left:calc(var(--share)*(100% - 24px))}
.ae-sliders .widget-slider .slider-container{margin:0 12px;height:30px;display:flex;align-items:center}
.ae-sliders .noUi-target{width:100%;height:4px;border:0;border-radius:2px;box-shadow:none;background:color-mix(in srgb,var(--role) 40%,var(--ae-paper))}
.ae-sliders .noUi-target .noUi-connects{background:none}
.ae-sliders .noUi-horizontal .noUi-handle{width:24px;height:24px;top:-10px;right:-12px;border-radius:50%;background:var(--ae-paper);border:2px solid color-mix(in srgb,var(--role) 85%,var(--ae-ink));box-shadow:none;cursor:grab}
.ae-sliders .noUi-horizontal .noUi-handle:is(:hover,:focus,.noUi-active){background:color-mix(in srgb,var(--role) 30%,var(--ae-paper))}
.ae-sliders .noUi-handle::before,.ae-sliders .noUi-handle::after{display:none}
.ae-controls :is(.noUi-handle,input,button,select,summary):focus-visible{outline:2.5px solid var(--ae-ink)!important;outline-offset:1px}
@media print{.ae-controls{display:none!important}}
""".strip()
