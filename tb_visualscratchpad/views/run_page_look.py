"""Style and script of a run's page. Both are fixed text, so that the page's policy can allow them by their hashes alone."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--ground:#f4f5f7;--panel:#fff;--sunken:#f7f8fa;--line:#e1e4e9;--ink:#1b1f26;--ink2:#4c5461;--ink3:#6a7280;--accent:#b84900;--accent-ink:#fff;--soft:#fdeee3;--bar:#0b3a75;--bar2:#a9b1bd}
@media(prefers-color-scheme:dark){:root{--ground:#1c1d20;--panel:#26282c;--sunken:#202226;--line:#383b41;--ink:#eceef1;--ink2:#b9bec6;--ink3:#979da7;--accent:#ff9352;--accent-ink:#231005;--soft:#43301f;--bar:#e3cf62;--bar2:#676d77}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:14px/21px "Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
.mono,.words button,.said,td.lat{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"Roboto Mono",monospace;font-size:13px}
main{max-width:1160px;margin:0 auto;padding:24px 20px 48px;display:grid;gap:16px}
section.card,header.card{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:16px 20px;min-width:0}
h1{font-size:22px;line-height:28px;margin:0 0 2px}
h2{font-size:15px;line-height:22px;margin:0 0 8px}
h3{font-size:13px;line-height:20px;margin:14px 0 4px;color:var(--ink2)}
p{margin:0 0 8px}section p:last-child,header p:last-child{margin-bottom:0}
h2 .k,h1 .k{font-weight:400}
.raster+.raster{margin-top:12px}
.scroll+p{margin-top:8px}
.word+p{margin-top:10px}
.k{color:var(--ink3);font-size:12px}
.asked{font-size:16px;line-height:24px;overflow-wrap:anywhere}
.words{display:flex;flex-wrap:wrap;gap:4px;margin:8px 0 0;padding:0}
.words button{border:1px solid var(--line);background:var(--sunken);color:var(--ink);border-radius:4px;padding:1px 7px;line-height:22px;cursor:pointer;min-width:28px;overflow-wrap:anywhere;text-align:left}
.words button:hover{border-color:var(--ink3)}
.words button[aria-pressed=true]{background:var(--accent);border-color:var(--accent);color:var(--accent-ink);font-weight:600}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.word{display:grid;grid-template-columns:minmax(240px,380px) minmax(0,1fr);gap:24px}
.js .word:not(.on){display:none}
.word+.word{margin-top:20px;border-top:1px solid var(--line);padding-top:16px}
.js .word{margin-top:0;border-top:0;padding-top:0}
.pic{position:relative;display:block;border-radius:6px;overflow:hidden;background-size:100% 100%;background-color:var(--sunken);aspect-ratio:var(--ratio,1)}
.pic i{position:absolute;inset:0;background-size:100% 100%}
.facts{display:flex;flex-wrap:wrap;gap:4px 20px;margin:8px 0 0;font-size:13px}
.facts b{font-weight:600}
table{border-collapse:collapse;width:100%;font-size:13px}
th{font-weight:400;font-size:12px;color:var(--ink3);text-align:left;padding:2px 8px 2px 0;white-space:nowrap}
td{padding:3px 8px 3px 0;border-top:1px solid var(--line);vertical-align:middle}
td.num,th.num{text-align:right;white-space:nowrap}
.thumb{width:44px}
.refs{display:flex;gap:3px}
.refs .pic{width:44px;flex:none;border-radius:4px}
svg .c{fill:var(--bar)}svg .b{fill:var(--bar2)}
.map{width:100%;height:auto;display:block}
.map text{fill:var(--ink2);font:11px ui-monospace,Menlo,Consolas,monospace}
.map .name{fill:var(--ink);font:600 12px "Segoe UI",Roboto,Arial,sans-serif}
.map image{image-rendering:pixelated}
.map .dark{display:none}
@media(prefers-color-scheme:dark){.map .dark{display:inline}.map .light{display:none}}
.map .edge{fill:var(--panel)}.map .band{fill:var(--bar2)}.map .tall{fill:var(--bar)}
.scroll{overflow-x:auto}
.raster{width:auto}
.raster th{padding-right:14px}
.raster td{text-align:center;padding:2px 6px;border:1px solid var(--line);line-height:17px}
.raster td small{display:block;color:var(--ink3);font-size:11px}
.raster del{opacity:.85}
.raster ins{text-decoration:none;box-shadow:inset 0 -2px var(--accent)}
.raster .loss1{background:#f6d3b6;color:#14171c}.raster .loss2{background:#e08a4a;color:#14171c}.raster .loss3{background:#a84400;color:#fff}
.raster .gain1{background:#c4dcf0;color:#14171c}.raster .gain2{background:#5c9bcf;color:#14171c}.raster .gain3{background:#084f93;color:#fff}
.raster .loss1 small,.raster .loss2 small,.raster .loss3 small,.raster .gain1 small,.raster .gain2 small,.raster .gain3 small{color:inherit}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:2px 16px;margin:0;font-size:13px}
dt{color:var(--ink3)}dd{margin:0;overflow-wrap:anywhere}
.figures{display:flex;flex-wrap:wrap;gap:8px 28px}
.figures b{display:block;font-size:20px;line-height:26px}
@media(max-width:760px){.word{grid-template-columns:1fr}}
@media print{:root{color-scheme:light;--ground:#fff;--panel:#fff;--sunken:#f7f8fa;--line:#c6cbd3;--ink:#000;--ink2:#333;--ink3:#555;--accent:#b84900;--accent-ink:#fff;--bar:#0b3a75;--bar2:#a9b1bd}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
main{max-width:none;padding:0}section.card,header.card{border:0;border-top:1px solid var(--line);border-radius:0;padding:12px 0}tr,.pic,.raster{break-inside:avoid}.scroll{overflow:visible}.map .light{display:inline}.map .dark{display:none}}
"""

SCRIPT = """
'use strict';
document.documentElement.classList.add('js');
const buttons = [...document.querySelectorAll('.words button')];
let chosen = Math.max(0, buttons.findIndex((one) => one.getAttribute('aria-pressed') === 'true'));
function show(at) {
  buttons.forEach((one, i) => {
    document.getElementById(one.getAttribute('aria-controls')).classList.toggle('on', i === at);
  });
}
function choose(at, focus) {
  chosen = at;
  buttons.forEach((one, i) => {
    one.setAttribute('aria-pressed', String(i === at));
    one.tabIndex = i === at ? 0 : -1;
  });
  show(at);
  if (focus) buttons[at].focus();
}
buttons.forEach((one, i) => {
  one.addEventListener('click', () => choose(i, false));
  one.addEventListener('pointerenter', (event) => { if (event.pointerType !== 'touch') show(i); });
  one.addEventListener('pointerleave', () => show(chosen));
});
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !buttons.length) return;
  const to = { ArrowLeft: chosen - 1, ArrowRight: chosen + 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  choose(Math.min(buttons.length - 1, Math.max(0, to)), true);
});
if (buttons.length) choose(chosen, false);
"""
