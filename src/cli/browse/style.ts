import { createHash } from 'node:crypto';
import { Html } from '../../stages/report/html.js';

const text = `
:root {
  color-scheme: light dark;
  --ink: #1b2024; --quiet: #616a73; --line: #dde1e5; --paper: #fcfcfb; --panel: #f3f4f2; --link: #12637e; --mark: #ffe58a;
  --bad: #a3261f; --comment: #6b7178; --string: #2f6b2a; --number: #8a4b08; --keyword: #6a3aa8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e4e7e9; --quiet: #9aa4ad; --line: #343b41; --paper: #14171a; --panel: #1d2125; --link: #6cc1de; --mark: #6b5710;
    --bad: #f08a80; --comment: #8b949c; --string: #93c98c; --number: #e0a868; --keyword: #c3a1ee;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1.5rem 1.2rem 4rem; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.3rem; margin: 0 0 .3rem; } h2 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
a { color: var(--link); text-underline-offset: .15em; }
p { margin: .3rem 0; }
.quiet { color: var(--quiet); font-size: .88rem; font-weight: 400; }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; margin: .6rem 0; }
nav [aria-current] { color: var(--ink); font-weight: 600; text-decoration: none; }
form { display: flex; flex-wrap: wrap; gap: .5rem .8rem; align-items: end; background: var(--panel); border-radius: 8px; padding: .7rem .9rem; margin: .8rem 0; }
label { display: grid; font-size: .82rem; color: var(--quiet); }
select, input, button { font: inherit; color: var(--ink); background: var(--paper); border: 1px solid var(--line); border-radius: 5px; padding: .25rem .5rem; max-width: 20rem; }
ol { list-style: none; margin: 0; padding: 0; }
li { border-top: 1px solid var(--line); padding: .6rem 0; }
.badge { display: inline-block; border-radius: 4px; padding: 0 .4rem; font-size: .8rem; background: var(--panel); border: 1px solid var(--line); }
.badge.why, .badge.bad { color: var(--bad); }
table { border-collapse: collapse; font-size: .9rem; margin: .6rem 0; }
th { text-align: left; font-weight: 400; color: var(--quiet); padding: .1rem 1rem .1rem 0; vertical-align: top; }
td { padding: .1rem 0; }
.prose { white-space: pre-wrap; max-width: 52rem; }
pre { background: var(--panel); border-radius: 6px; padding: .7rem .9rem; white-space: pre-wrap; font: .88rem/1.45 ui-monospace, monospace; tab-size: 4; }
mark { background: var(--mark); color: inherit; }
.comment { color: var(--comment); } .string { color: var(--string); } .number { color: var(--number); } .keyword { color: var(--keyword); }
.notice { border-left: 4px solid var(--bad); padding-left: .8rem; }
`;

export const style = new Html(text);

/** What the page's policy allows of styles: exactly this one. */
export const styleHash = `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
