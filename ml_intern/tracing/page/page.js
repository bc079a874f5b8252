"use strict";
(() => {
  const { spans, points } = JSON.parse(document.getElementById("data").textContent);
  const chart = document.getElementById("chart");
  const squeeze = document.getElementById("squeeze");
  const SVG = "http://www.w3.org/2000/svg";
  const LANES = ["model", "tools", "waits", "jobs"];
  const WIDTH = 1000, LEFT = 60, LANE = 16, CURVE = 46, LONG_MS = 60000;

  const words = (ms) => {
    const s = ms / 1000;
    if (s < 9.95) return s.toFixed(1) + " s";
    if (s < 60) return Math.round(s) + " s";
    if (s < 3600) return Math.floor(s / 60) + " min " + String(Math.round(s % 60)).padStart(2, "0") + " s";
    return Math.floor(s / 3600) + " h " + String(Math.floor((s % 3600) / 60)).padStart(2, "0") + " min";
  };
  for (const element of document.querySelectorAll("[data-seconds]"))
    element.textContent = words(Number(element.dataset.seconds) * 1000);
  for (const time of document.querySelectorAll("time")) {
    const at = new Date(time.textContent);
    if (!isNaN(at)) { time.dateTime = time.textContent; time.title = time.textContent; time.textContent = at.toLocaleTimeString(); }
  }

  const most = (numbers, least) => numbers.reduce((a, b) => Math.max(a, b), least);

  // Time in which nothing but waiting happens is drawn no longer than a minute.
  const scale = () => {
    const last = most([...spans.map((span) => span.end_ms), ...points.map((point) => point.at_ms)], 1);
    if (!squeeze.checked) return { at: (ms) => ms, last };
    const busy = spans.filter((span) => span.lane === "model" || span.lane === "tools")
      .map((span) => [span.begin_ms, span.end_ms]).sort((a, b) => a[0] - b[0]);
    const cuts = [];
    let end = 0, saved = 0;
    for (const [from, to] of [...busy, [last, last]]) {
      if (from - end > LONG_MS) { saved += from - end - LONG_MS; cuts.push([end + LONG_MS, from, saved]); }
      end = Math.max(end, to);
    }
    const at = (ms) => {
      let off = 0, before = 0;
      for (const [from, to, total] of cuts) {
        if (ms >= to) { off = total; before = total; } else if (ms > from) { off = before + ms - from; break; } else break;
      }
      return ms - off;
    };
    return { at, last: Math.max(1, at(last)) };
  };

  const add = (parent, name, attributes, text) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return parent.appendChild(element);
  };

  const jump = (anchor) => {
    const target = document.getElementById(anchor);
    if (!target) return;
    for (let up = target; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
    document.querySelectorAll(".target").forEach((old) => old.classList.remove("target"));
    target.classList.add("target");
    target.scrollIntoView({ block: "center" });
  };

  const curve = (svg, top, of, kind, x) => {
    const top_value = most(points.map(of), 0);
    if (!top_value) return;
    const line = points.map((point) => x(point.at_ms).toFixed(1) + "," + (top + CURVE - (of(point) / top_value) * (CURVE - 8)).toFixed(1));
    add(svg, "polyline", { points: LEFT + "," + (top + CURVE) + " " + line.join(" "), class: kind });
  };

  const draw = () => {
    const { at, last } = scale();
    const x = (ms) => LEFT + (at(ms) / last) * (WIDTH - LEFT - 4);
    const lanes = LANES.filter((lane) => spans.some((span) => span.lane === lane));
    const height = lanes.length * LANE + CURVE + 22;
    chart.replaceChildren();
    const svg = add(chart, "svg", { viewBox: "0 0 " + WIDTH + " " + height, role: "img", "aria-label": "Timeline" });
    lanes.forEach((lane, row) => {
      add(svg, "text", { x: 0, y: row * LANE + 12 }, lane);
      add(svg, "line", { x1: LEFT, x2: WIDTH, y1: row * LANE + LANE - 1, y2: row * LANE + LANE - 1, class: "grid" });
      for (const span of spans.filter((one) => one.lane === lane)) {
        const from = x(span.begin_ms), width = Math.max(1.5, x(span.end_ms) - from);
        const kind = span.is_error ? "bad" : lane === "tools" ? "tools-bar" : lane;
        const bar = add(svg, "rect", { x: from, y: row * LANE + 2, width, height: LANE - 5, class: kind, "data-to": span.anchor });
        add(bar, "title", {}, span.label + " · " + words(span.end_ms - span.begin_ms));
        bar.addEventListener("click", () => jump(span.anchor));
      }
    });
    const top = lanes.length * LANE;
    const final = points[points.length - 1];
    if (final) {
      curve(svg, top, (point) => point.tokens, "tokens", x);
      curve(svg, top, (point) => point.micro_usd, "cost", x);
      add(svg, "text", { x: 0, y: top + 16 }, "tokens");
      if (final.micro_usd) add(svg, "text", { x: 0, y: top + 30 }, "cost");
    }
    add(svg, "text", { x: LEFT, y: height - 4 }, "0");
    const real = most(spans.map((span) => span.end_ms), 0);
    add(svg, "text", { x: WIDTH - 4, y: height - 4, "text-anchor": "end" }, words(real));
  };

  const find = (typed) => {
    document.querySelectorAll(".hit").forEach((old) => old.classList.remove("hit"));
    const wanted = typed.trim().toLowerCase();
    const found = document.getElementById("found");
    if (!wanted) { found.textContent = ""; return; }
    let hits = 0, first = null;
    for (const element of document.querySelectorAll(".person, .words, pre, .notice, .call > summary")) {
      if (!element.textContent.toLowerCase().includes(wanted)) continue;
      hits += 1;
      first = first || element;
      element.classList.add("hit");
      for (let up = element; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
    }
    found.textContent = hits + (hits === 1 ? " place" : " places");
    if (first) first.scrollIntoView({ block: "center" });
  };

  document.getElementById("timeline").hidden = false;
  squeeze.addEventListener("change", draw);
  document.getElementById("find").addEventListener("input", (event) => find(event.target.value));
  document.getElementById("unfold").addEventListener("click", () => {
    const folded = [...document.querySelectorAll("details")];
    const open = folded.some((one) => !one.open);
    folded.forEach((one) => { one.open = open; });
  });
  const fromAddress = () => {
    const wish = decodeURIComponent(location.hash.slice(1));
    if (wish.startsWith("find=")) { document.getElementById("find").value = wish.slice(5); find(wish.slice(5)); }
    else if (wish) jump(wish);
  };
  window.addEventListener("hashchange", fromAddress);
  draw();
  fromAddress();
})();
