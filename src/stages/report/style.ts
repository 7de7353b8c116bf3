import { Html } from './html.js';

/** Colours that charts are drawn with. They are marks for the style sheet, which replaces them by those of the reader's scheme. */
export const chartInk = {
  line: '#000001',
  faint: '#000002',
  grid: '#000003',
  text: '#000004',
  aside: '#000005',
} as const;

/** The page's whole style: no web fonts, no images, light and dark, wide and narrow, and readable on paper. */
export const style = new Html(`
:root {
  color-scheme: light dark;
  --ink: #1b2024; --quiet: #616a73; --line: #dde1e5; --paper: #fcfcfb; --panel: #f3f4f2;
  --base: #a94a12; --tuned: #12637e; --warn: #fdf3dc; --warn-line: #d9982a; --bad: #a3261f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e4e7e9; --quiet: #9aa4ad; --line: #343b41; --paper: #14171a; --panel: #1d2125;
    --base: #ee9a66; --tuned: #6cc1de; --warn: #2e2510; --warn-line: #b98728; --bad: #f08a80;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0 auto; max-width: 62rem; padding: 3rem 1.5rem 4rem; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .6rem; letter-spacing: -.015em; text-wrap: balance; }
h2 { font-size: 1.4rem; line-height: 1.3; margin: 0 0 .35rem; letter-spacing: -.01em; }
h3 { font-size: 1.02rem; line-height: 1.4; margin: 2rem 0 .5rem; }
h3 .quiet { font-weight: 400; margin-left: .4rem; }
p { margin: .5rem 0; max-width: 44rem; }
a { color: var(--tuned); text-decoration-thickness: 1px; text-underline-offset: .15em; }
section { margin-top: 3.2rem; padding-top: 1.6rem; border-top: 1px solid var(--line); }
.kicker { color: var(--quiet); font-size: .88rem; margin: 0 0 .3rem; }
.lead { font-size: 1.06rem; }
.quiet, figcaption, caption { color: var(--quiet); font-size: .88rem; font-weight: 400; }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin-top: 1.3rem; font-size: .92rem; }
.notice { background: var(--warn); border-left: 4px solid var(--warn-line); border-radius: 0 6px 6px 0; padding: .8rem 1.1rem; margin: 1.3rem 0 0; }
.notice p { max-width: none; margin: .25rem 0; }
.base { color: var(--base); } .tuned { color: var(--tuned); }

.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(13rem, 100%), 1fr)); gap: 1rem; margin: 1.3rem 0 1.8rem; }
.card { background: var(--panel); border-radius: 8px; padding: 1rem 1.2rem 1.1rem; display: flex; flex-direction: column; }
.card .name { font-weight: 600; }
.card .quiet { line-height: 1.4; }
.big { font-size: 1.55rem; line-height: 1.2; font-weight: 650; letter-spacing: -.02em; font-variant-numeric: tabular-nums; margin: auto 0 .15rem; padding-top: .5rem; }
.big span { white-space: nowrap; }
.big .arrow { color: var(--quiet); font-weight: 400; padding: 0 .1em; }

.scroll { overflow-x: auto; margin: .6rem 0 1.2rem; }
table { border-collapse: collapse; width: 100%; font-size: .94rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .5rem; }
th, td { padding: .42rem .7rem; text-align: right; border-bottom: 1px solid var(--line); vertical-align: baseline; white-space: nowrap; }
th { font-weight: 600; font-size: .86rem; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
thead tr:not(:last-child) th { border-bottom: 0; padding-bottom: 0; }
tbody tr:last-child td { border-bottom: 0; }
th[colspan] { text-align: center; color: var(--quiet); font-weight: 400; }
td small { display: block; color: var(--quiet); font-size: .84rem; }
td.up { color: var(--tuned); font-weight: 600; } td.down { color: var(--bad); font-weight: 600; }
th.text, td.text { text-align: left; }
.facts td:first-child { color: var(--quiet); width: 9rem; }
.facts td { text-align: left; white-space: normal; }

td.plotted, th.plotted { width: 36%; min-width: 13rem; padding-left: 1.4rem; padding-right: .5rem; vertical-align: middle; }
.axis { display: flex; justify-content: space-between; color: var(--quiet); font-weight: 400; margin: 0 -.8em; }
.plot { background: linear-gradient(to right, var(--line) 1px, transparent 1px 100%) 0 0 / 25% 100%; border-right: 1px solid var(--line); padding: .2rem 0; }
.plot div { position: relative; height: .95rem; }
.plot i { position: absolute; top: calc(50% - 1.5px); height: 3px; border-radius: 2px; background: currentColor; opacity: .5; }
.plot b { position: absolute; top: calc(50% - .3rem); width: .6rem; height: .6rem; margin-left: -.3rem; border-radius: 50%; background: currentColor; }

.steps { display: grid; grid-template-columns: repeat(4, 1fr); gap: .75rem; margin: 1.2rem 0 1.6rem; padding: 0; list-style: none; }
.steps strong { display: block; font-size: 1.5rem; line-height: 1.25; font-weight: 650; font-variant-numeric: tabular-nums; }
.steps .bar { height: .45rem; border-radius: 3px; background: var(--line); margin-top: .45rem; overflow: hidden; }
.steps .bar span { display: block; height: 100%; background: var(--tuned); }

figure { margin: 1.2rem 0 1.6rem; overflow-x: auto; }
figure svg { display: block; width: 100%; min-width: 36rem; height: auto; }
svg [stroke="${chartInk.line}"] { stroke: var(--tuned); } svg [stroke="${chartInk.faint}"] { stroke: var(--tuned); opacity: .35; }
svg [stroke="${chartInk.aside}"] { stroke: var(--base); } svg [fill="${chartInk.aside}"] { fill: var(--base); }
svg [stroke="${chartInk.grid}"] { stroke: var(--line); } svg [fill="${chartInk.text}"] { fill: var(--quiet); }

pre { background: var(--panel); border-radius: 8px; padding: .9rem 1.1rem; margin: .4rem 0; font: .84rem/1.55 ui-monospace, SFMono-Regular, Consolas, monospace; tab-size: 4; white-space: pre-wrap; overflow-wrap: anywhere; }
pre.prose { font: inherit; font-size: .95rem; }
code { font: .88em ui-monospace, SFMono-Regular, Consolas, monospace; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(25rem, 100%), 1fr)); gap: 1rem 1.4rem; }
.pair > div { min-width: 0; }
.pair h4 { font-size: .95rem; margin: .4rem 0 .5rem; display: flex; flex-wrap: wrap; gap: .4rem .6rem; align-items: center; }
.badge { border: 1px solid currentColor; border-radius: 1rem; padding: .02rem .6rem; font-size: .82rem; font-weight: 500; }
.badge.pass { color: var(--tuned); } .badge.fail { color: var(--bad); } .badge.unverified { color: var(--quiet); }
.badge.unseen { color: var(--quiet); margin-left: .3rem; font-size: .76rem; white-space: nowrap; }
ul.cases { list-style: none; padding: 0; margin: .5rem 0; font-size: .88rem; }
ul.cases li { padding: .1rem 0 .1rem 1.3rem; text-indent: -1.3rem; }
ul.cases li::before { display: inline-block; width: 1.3rem; text-indent: 0; }
ul.cases .pass::before { content: "✓"; color: var(--tuned); } ul.cases .fail::before { content: "✗"; color: var(--bad); } ul.cases .unverified::before { content: "?"; color: var(--quiet); }
.example { border: 1px solid var(--line); border-radius: 10px; padding: .3rem 1.2rem 1rem; margin: 1.2rem 0; }
.example h3 { margin: .8rem 0; }
.question { white-space: pre-wrap; }
.label { color: var(--quiet); font-size: .84rem; margin: .9rem 0 .2rem; }
details { margin: .6rem 0; } summary { cursor: pointer; color: var(--quiet); font-size: .92rem; padding: .15rem 0; }
summary:hover { color: var(--ink); }
footer { margin-top: 4rem; padding-top: 1.2rem; border-top: 1px solid var(--line); color: var(--quiet); font-size: .87rem; }

@media (max-width: 44rem) {
  body { padding: 1.8rem 1rem 3rem; }
  h1 { font-size: 1.6rem; }
  section { margin-top: 2.4rem; }
  .plotted { display: none; }
  .steps { grid-template-columns: repeat(2, 1fr); }
  table { font-size: .88rem; }
  caption { max-width: calc(100vw - 2rem); }
  th, td { padding-left: .3rem; padding-right: .3rem; }
  td small { font-size: .74rem; }
  .label-cell { white-space: normal; min-width: 6rem; }
  .label-cell .quiet { display: block; }
  .example { padding: .1rem .9rem .8rem; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  nav { display: none; }
  section { break-inside: auto; } .card, tr, pre, .pair > div { break-inside: avoid; }
  .plot i, .plot b, .steps .bar span { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`);
