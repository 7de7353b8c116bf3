import { Html } from './html.js';

/** The page's whole style: no web fonts, no images, light and dark, and readable on paper. */
export const style = new Html(`
:root { --ink: #1d2226; --quiet: #67707a; --line: #d9dee3; --paper: #fdfdfc; --panel: #f4f5f3; --base: #b4541a; --tuned: #1a6f8f; --warn: #fff4dd; --warn-line: #e0a93b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e6e8; --quiet: #98a1a9; --line: #363c42; --paper: #16191c; --panel: #1f2327; --base: #e58a55; --tuned: #62b8d6; --warn: #33290f; --warn-line: #a97d22; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2.5rem 1.5rem 5rem; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; letter-spacing: -.01em; }
h2 { font-size: 1.25rem; margin: 3rem 0 .8rem; padding-top: .9rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
p { margin: .5rem 0; max-width: 46rem; }
.quiet, figcaption, caption { color: var(--quiet); font-size: .88rem; }
.notice { background: var(--warn); border-left: 4px solid var(--warn-line); padding: .7rem 1rem; margin: 1rem 0; max-width: none; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .93rem; margin: .6rem 0 1rem; }
caption { text-align: left; padding-bottom: .3rem; }
th, td { padding: .3rem .9rem .3rem 0; text-align: right; border-bottom: 1px solid var(--line); vertical-align: baseline; white-space: nowrap; }
th { font-weight: 600; }
th:first-child, td:first-child, .text { text-align: left; white-space: normal; }
.scroll { overflow-x: auto; }
.base { color: var(--base); } .tuned { color: var(--tuned); }
.big { font-size: 1.5rem; font-weight: 650; letter-spacing: -.01em; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 1rem; margin: 1.2rem 0; }
.card { background: var(--panel); border-radius: 6px; padding: .9rem 1.1rem; }
.card .name { font-size: .85rem; color: var(--quiet); }
figure { margin: 1rem 0; overflow-x: auto; }
svg { max-width: 100%; height: auto; }
pre { background: var(--panel); border-radius: 6px; padding: .9rem 1rem; overflow-x: auto; font: .82rem/1.5 ui-monospace, Consolas, monospace; margin: .4rem 0; tab-size: 4; }
pre.prose { white-space: pre-wrap; font: .92rem/1.55 system-ui, sans-serif; }
code { font: .86em ui-monospace, Consolas, monospace; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1rem; }
.pair > div { min-width: 0; }
ul.cases { list-style: none; padding: 0; margin: .4rem 0; font-size: .88rem; }
.pass::before { content: "✓ "; color: var(--tuned); } .fail::before { content: "✗ "; color: var(--base); } .unverified::before { content: "? "; color: var(--quiet); }
details { margin: .4rem 0; } summary { cursor: pointer; color: var(--quiet); font-size: .9rem; }
footer { margin-top: 4rem; color: var(--quiet); font-size: .85rem; }
@media print { body { max-width: none; } details { display: block; } }
`);
