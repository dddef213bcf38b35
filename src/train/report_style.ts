/** The look of reports: light and dark by the reader's system, white on paper. */
export const style = `
:root{color-scheme:light dark;--paper:#fbfbfa;--card:#fff;--ink:#1d2127;--soft:#626a76;--line:#e3e5e8;--c1:#2563c9;--c2:#d2610c;--c3:#15803d;--c4:#8b3fc2;--good:#15803d;--bad:#c02626;--fill:37 99 201;--wrong:192 38 38}
@media (prefers-color-scheme:dark){:root{--paper:#14171b;--card:#1c2026;--ink:#e6e9ed;--soft:#99a2ae;--line:#31373f;--c1:#6ea8fe;--c2:#f5a05a;--c3:#5fcf87;--c4:#c792ea;--good:#5fcf87;--bad:#ff7b72;--fill:110 168 254;--wrong:255 123 114}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
main,header{max-width:1180px;margin:0 auto;padding:0 24px}
header{padding-top:28px}
h1{font-size:27px;line-height:1.2;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:19px;margin:0 0 6px}
h3{font-size:15px;margin:0 0 8px}
p{margin:0 0 10px}
.soft,small,.subtitle{color:var(--soft)}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:18px 20px;margin:18px 0}
.state{display:inline-block;border-radius:99px;padding:1px 11px;font-size:13px;border:1px solid currentColor;vertical-align:5px;margin-left:10px}
.complete{color:var(--good)}.running{color:var(--c1)}.failed{color:var(--bad)}.stopped{color:var(--c2)}
.message{border-left:3px solid var(--bad);padding:6px 12px;margin:12px 0;background:rgb(var(--wrong)/.08);overflow-wrap:anywhere}
nav{margin:14px 0 0;font-size:14px}nav a{color:var(--c1);text-decoration:none;margin-right:16px}nav a:hover{text-decoration:underline}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:18px 0 0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:10px 14px}
.tile b{display:block;font-size:21px;line-height:1.3}.tile span{color:var(--soft);font-size:13px}
.controls{display:flex;flex-wrap:wrap;gap:4px 22px;margin:0 0 12px;font-size:14px}
.controls fieldset{border:0;margin:0;padding:0;display:flex;gap:4px;align-items:center}.controls legend{float:left;color:var(--soft);margin-right:6px}
.toggle{position:absolute;opacity:0;pointer-events:none}
.controls label{cursor:pointer;border:1px solid var(--line);border-radius:6px;padding:1px 9px}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,330px),1fr));gap:18px}
figure{margin:0}
.chart figcaption{font-size:14px;display:flex;flex-wrap:wrap;gap:0 14px;margin:0 0 2px 8px}
.key{color:var(--soft)}.key i{display:inline-block;width:14px;height:3px;border-radius:2px;vertical-align:4px;margin-right:5px;background:currentColor}
i.c1{color:var(--c1)}i.c2{color:var(--c2)}i.c3{color:var(--c3)}i.c4{color:var(--c4)}
svg{display:block;width:100%;height:auto;overflow:visible}
svg svg{overflow:hidden}
svg text{fill:var(--soft);font-size:12px}
.axis .y{text-anchor:end}.axis .x,.axis .name{text-anchor:middle}
.grid line{stroke:var(--line)}.epochs line{stroke:var(--line);stroke-dasharray:2 3}
.line{fill:none;stroke-width:1.9;stroke-linejoin:round}
.line.c1{stroke:var(--c1)}.line.c2{stroke:var(--c2)}.line.c3{stroke:var(--c3)}.line.c4{stroke:var(--c4)}
.dot.c1{fill:var(--c1)}.dot.c2{fill:var(--c2)}.dot.c3{fill:var(--c3)}.dot.c4{fill:var(--c4)}
.raw{opacity:.28;stroke-width:1}
.smooth,.log{display:none}
#linear:checked~.charts .log,#log:checked~.charts .linear{display:none}
#log:checked~.charts .log{display:block}
#s0:checked~.charts .smooth0,#s1:checked~.charts .smooth1,#s2:checked~.charts .smooth2,#s3:checked~.charts .smooth3{display:inline}
#linear:checked~.controls [for=linear],#log:checked~.controls [for=log],#s0:checked~.controls [for=s0],#s1:checked~.controls [for=s1],#s2:checked~.controls [for=s2],#s3:checked~.controls [for=s3]{border-color:var(--c1);color:var(--c1);font-weight:600}
.toggle:focus-visible~.controls{outline:2px solid var(--c1);outline-offset:3px;border-radius:6px}
.tip rect{fill:transparent}.tip line{stroke:var(--soft);visibility:hidden}.tip text{visibility:hidden;text-anchor:end;fill:var(--ink);paint-order:stroke;stroke:var(--card);stroke-width:5px;font-size:12px}
.tip:hover line,.tip:hover text{visibility:visible}
.empty{color:var(--soft);padding:40px 0;text-align:center}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:14px}
caption{caption-side:bottom;text-align:left;color:var(--soft);font-size:13px;padding-top:6px}
th,td{padding:3px 9px;text-align:left;unicode-bidi:isolate;max-width:340px;overflow-wrap:anywhere}
thead th{color:var(--soft);font-weight:600;border-bottom:1px solid var(--line);vertical-align:bottom}
tbody th{font-weight:500}
tbody tr+tr>*{border-top:1px solid var(--line)}
.numbers td,.numbers thead th+th{text-align:right;white-space:nowrap}
.pairs td:nth-child(2),.pairs th:nth-child(2){text-align:left;white-space:normal}
.layers td:nth-child(2),.layers td:nth-child(3),.layers th:nth-child(2),.layers th:nth-child(3){text-align:left}
.confusion th,.confusion td{text-align:center;padding:4px 6px;min-width:36px;white-space:nowrap;max-width:120px;overflow:hidden;text-overflow:ellipsis;border:0}
.confusion tbody tr>*{border:0}.confusion thead th{border:0}.confusion tbody th{text-align:right}
.confusion td{border-radius:4px}.confusion .none{color:var(--soft);opacity:.55}
.confusion .right{background:rgb(var(--fill)/calc(var(--share)*.85 + .05))}.confusion .wrong{background:rgb(var(--wrong)/calc(var(--share)*1.6 + .08))}
.confusion .strong{color:#fff}.confusion .recall{color:var(--soft);padding-left:12px}
@media (prefers-color-scheme:dark){.confusion .strong{color:#0c1016}}
.bar{display:inline-block;min-width:90px;background:linear-gradient(to right,rgb(var(--fill)/.28) calc(var(--share)*100%),transparent 0);border-radius:3px;padding:0 5px}
.pair{display:flex;flex-wrap:wrap;gap:22px 34px;align-items:flex-start}
.pair>*{max-width:100%}
.examples{display:flex;flex-wrap:wrap;gap:14px}
.example{width:112px;font-size:13px;line-height:1.35}
.example img{width:112px;height:auto;image-rendering:pixelated;border-radius:6px;border:2px solid var(--line);display:block;background:#000}
.example.wrong img{border-color:var(--bad)}.example.right img{border-color:var(--good)}
.example figcaption{margin-top:3px;overflow-wrap:anywhere}.example small{display:block}.example b,.guess{unicode-bidi:isolate}.guess{color:var(--bad)}
.many{display:grid;grid-template-columns:repeat(auto-fill,minmax(250px,1fr));gap:12px}
.ridges .head{fill:var(--ink);font-size:13px;font-weight:600}.ridges .end{text-anchor:end}
.ridges path{fill:color-mix(in srgb,var(--c1) calc(25% + var(--age)*60%),var(--card));stroke:var(--card);stroke-width:1}
.ridges .axis line{stroke:var(--soft);stroke-dasharray:2 2;opacity:.6}
.scatter{width:330px}.scatter figcaption{display:flex;flex-wrap:wrap;gap:0 12px;font-size:14px}.points circle{fill:var(--c1);opacity:.45}.ideal{stroke:var(--c2);stroke-dasharray:5 4;stroke-width:1.4}
.warning{color:var(--bad);font-size:13px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:3px 18px;margin:0;font-size:14px}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
details{margin-top:14px;font-size:14px}summary{cursor:pointer;color:var(--c1)}details[open] summary{margin-bottom:8px}
footer{max-width:1180px;margin:0 auto;padding:4px 24px 34px;color:var(--soft);font-size:13px}
@media print{:root{color-scheme:light;--paper:#fff;--card:#fff;--ink:#000;--soft:#555;--line:#ccc;--c1:#2563c9;--c2:#d2610c;--c3:#15803d;--c4:#8b3fc2;--good:#15803d;--bad:#c02626;--fill:37 99 201;--wrong:192 38 38}body{font-size:12px}nav,.controls,details:not([open]){display:none}table{font-size:11px}.confusion th,.confusion td{padding:2px 3px;min-width:20px}.wide{overflow:visible}section{break-inside:avoid;border-color:#ddd;padding:12px 14px}#histograms,#layers,#data{break-inside:auto}.confusion .strong{color:#fff}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`.trim();
