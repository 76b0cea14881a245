"""The stylesheet of the HTML report, for light and dark screens and for paper."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #ffffff; --panel: #f5f7f9; --line: #d0d7de;
  --artifact: #0550ae; --source: #9a6700;
  --pass: #116329; --pass-back: #dafbe1; --fail: #a40e26; --fail-back: #ffebe9; --open: #7d4e00; --open-back: #fff8c5; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9aa5b1; --paper: #0d1117; --panel: #161b22;
  --line: #30363d; --artifact: #79c0ff; --source: #e3b341;
  --pass: #7ee787; --pass-back: #12351c; --fail: #ffa198; --fail-back: #490f14; --open: #f2cc60;
  --open-back: #3b2d00; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .5rem; }
p { margin: .25rem 0; } .soft { color: var(--soft); } code { font: .9em ui-monospace, Menlo, Consolas, monospace;
  overflow-wrap: anywhere; }
.badge { display: inline-block; padding: .1rem .6rem; border-radius: 1rem; font-weight: 600; white-space: nowrap; }
.pass { color: var(--pass); background: var(--pass-back); } .fail { color: var(--fail); background: var(--fail-back); }
.open { color: var(--open); background: var(--open-back); }
.caveat { border-left: .3rem solid var(--open); background: var(--open-back); padding: .5rem .9rem; margin: .75rem 0; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .4rem; }
th, td { padding: .4rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { border-bottom: 2px solid var(--line); } .number { text-align: right; white-space: nowrap; }
tbody th { font-weight: 500; min-width: 12rem; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .75rem 0; background: var(--panel); }
summary { cursor: pointer; padding: .6rem .9rem; } details > div { padding: 0 .9rem .9rem; }
summary:focus-visible, a:focus-visible { outline: 3px solid var(--soft); outline-offset: 2px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: .5rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; } ul { margin: .4rem 0; padding-left: 1.2rem; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; margin: .75rem 0; }
.plot { margin: 0; flex: 1 1 17rem; min-width: 0; max-width: 26rem; }
.plot.wide-plot { flex-basis: 100%; max-width: 42rem; }
.plot svg { width: 100%; height: auto; display: block; } .plot text { font-family: inherit; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .5rem; } }
@media print { body { max-width: none; } details { break-inside: avoid; } }
"""
