"use strict";
(() => {
  const { spans, points } = JSON.parse(document.getElementById("data").textContent);
  const chart = document.getElementById("chart");
  const squeeze = document.getElementById("squeeze");
  const SVG = "http://www.w3.org/2000/svg";
  const LANES = ["turns", "model", "tools", "waits", "jobs"];
  // The class of each kind of bar, and what the legend says of it.
  const KINDS = {
    turns: ["turns", "a turn"], model: ["model", "the model answers"], tools: ["calls", "a tool runs"], failed: ["failed", "it failed"],
    person: ["by-person", "waits for a person"], job: ["for-job", "waits for a job"],
    "no-model": ["for-model", "waits for a model that answers"], jobs: ["jobs", "a job runs"],
  };
  const LEFT = 48, LANE = 16, CURVE = 40, LONG_MS = 60000, TICK_PX = 84;
  const STEPS_S = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 604800];

  // Words

  const two = (number) => String(number).padStart(2, "0");
  const words = (ms) => {
    if (ms < 9950) return (ms / 1000).toFixed(1) + " s";
    const s = Math.round(ms / 1000);
    if (s < 60) return s + " s";
    if (s < 3600) return Math.floor(s / 60) + " min " + two(s % 60) + " s";
    if (s < 86400) return Math.floor(s / 3600) + " h " + two(Math.floor((s % 3600) / 60)) + " min";
    return Math.floor(s / 86400) + " d " + two(Math.floor((s % 86400) / 3600)) + " h";
  };
  const short = (ms) => {
    const s = Math.round(ms / 1000);
    const parts = [[Math.floor(s / 86400), "d"], [Math.floor(s / 3600) % 24, "h"], [Math.floor(s / 60) % 60, "min"], [s % 60, "s"]];
    return parts.filter(([count]) => count).map(([count, unit]) => count + " " + unit).join(" ") || "0";
  };
  const clock = (at) => two(at.getHours()) + ":" + two(at.getMinutes()) + ":" + two(at.getSeconds());
  const isoDay = (at) => at.getFullYear() + "-" + two(at.getMonth() + 1) + "-" + two(at.getDate());

  for (const element of document.querySelectorAll("[data-seconds]"))
    element.textContent = words(Number(element.dataset.seconds) * 1000);

  // Times as clocks read here; a day stands above what is the first of it.
  let day = "";
  for (const time of document.querySelectorAll("time")) {
    const at = new Date(time.textContent);
    if (isNaN(at)) continue;
    time.dateTime = time.title = time.textContent;
    if (time.className === "whole") { time.textContent = isoDay(at) + " " + clock(at).slice(0, 5); continue; }
    time.textContent = clock(at);
    if (isoDay(at) === day) continue;
    day = isoDay(at);
    const heading = document.createElement("p");
    heading.className = "day";
    heading.textContent = at.toLocaleDateString("en-GB", { weekday: "long" }) + ", " + day;
    time.closest(".entry, .turn").before(heading);
  }

  // The timeline

  const most = (numbers, least) => numbers.reduce((a, b) => Math.max(a, b), least);
  const last = most([...spans.map((span) => span.end_ms), ...points.map((point) => point.at_ms)], 1);

  // Time in which nothing but waiting happens: it is drawn no longer than a minute.
  const longWaits = () => {
    const busy = spans.filter((span) => span.lane === "model" || span.lane === "tools")
      .map((span) => [span.begin_ms, span.end_ms]).sort((a, b) => a[0] - b[0]);
    const cuts = [];
    let end = 0;
    for (const [from, to] of [...busy, [last, last]]) {
      if (from - end > LONG_MS) cuts.push([end + LONG_MS, from]);
      end = Math.max(end, to);
    }
    return cuts;
  };
  const CUTS = longWaits();

  // How far a moment is from the start, as drawn.
  const drawn = (ms, cuts) => {
    let off = 0;
    for (const [from, to] of cuts) {
      if (ms <= from) break;
      off += Math.min(ms, to) - from;
    }
    return ms - off;
  };

  const add = (parent, name, attributes, text) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return parent.appendChild(element);
  };

  const ticks = (cuts, width) => {
    const room = Math.max(1, Math.floor(width / TICK_PX));
    const whole_s = drawn(last, cuts) / 1000;
    const step = 1000 * (STEPS_S.find((seconds) => whole_s / seconds <= room) || Math.ceil(whole_s / room));
    const found = [];
    for (let ms = 0; ms < last; ms += step) {
      const cut = cuts.find(([from, to]) => ms > from && ms < to);
      if (cut) ms = Math.ceil(cut[1] / step) * step;
      if (ms < last) found.push(ms);
    }
    return found;
  };

  const scale = (svg, x, cuts, height, right) => {
    add(svg, "text", { x: right, y: height - 3, "text-anchor": "end" }, words(last));
    let free = 0;
    for (const ms of ticks(cuts, right - LEFT)) {
      add(svg, "line", { x1: x(ms), x2: x(ms), y1: 0, y2: height - 15, class: "tick" });
      const label = short(ms);
      const from = x(ms) - (ms ? label.length * 3 : 0);
      if (from < free || x(ms) + label.length * 3 > right - words(last).length * 6 - 6) continue;
      add(svg, "text", { x: x(ms), y: height - 3, "text-anchor": ms ? "middle" : "start" }, label);
      free = x(ms) + label.length * 3 + 10;
    }
    for (const [from, to] of cuts) {
      const line = add(svg, "line", { x1: x(from), x2: x(from), y1: 0, y2: height - 15, class: "cut" });
      add(line, "title", {}, words(to - from) + " in which it only waits are not drawn");
    }
  };

  const curve = (svg, top, of, kind, x) => {
    const high = most(points.map(of), 0);
    if (!high) return;
    const line = points.map((point) => x(point.at_ms).toFixed(1) + "," + (top + CURVE - (of(point) / high) * (CURVE - 8)).toFixed(1));
    add(svg, "polyline", { points: LEFT + "," + (top + CURVE) + " " + line.join(" "), class: kind });
  };

  const bar = (svg, span, row, x) => {
    const from = x(span.begin_ms), width = Math.max(1.5, x(span.end_ms) - from);
    const place = { x: from.toFixed(1), y: row * LANE + 2, width: width.toFixed(1), height: LANE - 5, rx: 1.5 };
    const element = add(svg, "rect", { ...place, class: KINDS[span.kind][0], "data-to": span.anchor });
    add(element, "title", {}, span.label + " · " + words(span.end_ms - span.begin_ms));
    element.addEventListener("click", () => jump(span.anchor));
  };

  const draw = () => {
    if (last <= 1) return;  // no times are known
    const cuts = squeeze.checked ? CUTS : [];
    const right = Math.max(260, chart.clientWidth || 900) - 2;
    const whole = drawn(last, cuts);
    const x = (ms) => LEFT + (drawn(ms, cuts) / whole) * (right - LEFT);
    const lanes = LANES.filter((lane) => spans.some((span) => span.lane === lane));
    const top = lanes.length * LANE;
    const height = top + (points.length ? CURVE : 0) + 20;
    chart.replaceChildren();
    const svg = add(chart, "svg", { width: right + 2, height, role: "img", "aria-label": "Timeline" });
    scale(svg, x, cuts, height, right);
    lanes.forEach((lane, row) => {
      add(svg, "text", { x: 0, y: row * LANE + 12 }, lane);
      add(svg, "line", { x1: LEFT, x2: right, y1: row * LANE + LANE - 1, y2: row * LANE + LANE - 1, class: "grid" });
      for (const span of spans) if (span.lane === lane) bar(svg, span, row, x);
    });
    if (!points.length) return;
    curve(svg, top, (point) => point.tokens, "tokens", x);
    curve(svg, top, (point) => point.micro_usd, "cost", x);
    add(svg, "text", { x: 0, y: top + 16 }, "tokens");
    if (points[points.length - 1].micro_usd) add(svg, "text", { x: 0, y: top + 30 }, "cost");
  };

  const explain = () => {
    const legend = document.getElementById("legend");
    for (const [kind, [name, meaning]] of Object.entries(KINDS)) {
      if (last <= 1 || !spans.some((span) => span.kind === kind)) continue;
      const entry = legend.appendChild(document.createElement("span"));
      entry.appendChild(document.createElement("i")).className = name;
      entry.append(meaning);
    }
  };

  // Going there

  const show = (element) => {
    for (let up = element; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
  };
  const go = (target, block) => {
    document.querySelectorAll(".target").forEach((old) => old.classList.remove("target"));
    target.classList.add("target");
    target.scrollIntoView({ block });
  };
  const jump = (anchor) => {
    const target = document.getElementById(anchor);
    if (!target) return;
    if (!target.matches(".turn")) show(target);
    go(target.matches(".turn") ? target.querySelector("h2") || target : target, target.matches(".turn") ? "start" : "center");
  };

  // To the next of these, or the one before, as seen from the one that was gone to last.
  const step = (selector, forward) => {
    const all = [...document.querySelectorAll(selector)];
    const from = document.querySelector(".target");
    let place = from ? all.indexOf(from) : -1;
    if (from && place < 0) {
      let low = 0, high = all.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (from.compareDocumentPosition(all[middle]) & Node.DOCUMENT_POSITION_FOLLOWING) high = middle; else low = middle + 1;
      }
      place = forward ? low - 1 : low;
    }
    const next = all[forward ? place + 1 : place - 1];
    if (next) go(next, "start");
  };
  const KEYS = {
    j: () => step(".reply", true), k: () => step(".reply", false), n: () => step("h2", true), p: () => step("h2", false),
    x: () => step(".call.error", true), "/": () => document.getElementById("find").focus(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("input") || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(KEYS, event.key)) return;
    event.preventDefault();
    KEYS[event.key]();
  });

  const find = (typed) => {
    document.querySelectorAll(".hit").forEach((old) => old.classList.remove("hit"));
    const wanted = typed.trim().toLowerCase();
    const found = document.getElementById("found");
    if (!wanted) { found.textContent = ""; return; }
    let hits = 0, first = null;
    for (const element of document.querySelectorAll(".person, .words, pre, .notice, .call .line")) {
      if (!element.textContent.toLowerCase().includes(wanted)) continue;
      hits += 1;
      first = first || element;
      element.classList.add("hit");
      show(element);
    }
    found.textContent = hits + (hits === 1 ? " place" : " places");
    if (first) first.scrollIntoView({ block: "center" });
  };

  // Paper has no folds.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((one) => { one.open = true; });
  });
  window.addEventListener("afterprint", () => folded.forEach((one) => { one.open = false; }));

  const timeline = document.getElementById("timeline");
  const cover = () => {
    const covered = getComputedStyle(timeline).position === "sticky" ? timeline.offsetHeight + 12 : 0;
    document.documentElement.style.setProperty("--covered", covered + "px");
  };
  timeline.hidden = false;
  document.getElementById("squeezing").hidden = !CUTS.length;
  squeeze.addEventListener("change", draw);
  document.getElementById("find").addEventListener("input", (event) => find(event.target.value));
  document.getElementById("find").addEventListener("keydown", (event) => { if (event.key === "Escape") event.target.blur(); });
  document.getElementById("unfold").addEventListener("click", () => {
    const all = [...document.querySelectorAll("details")];
    const open = all.some((one) => !one.open);
    all.forEach((one) => { one.open = open; });
  });
  const fromAddress = () => {
    const wish = decodeURIComponent(location.hash.slice(1));
    if (wish.startsWith("find=")) { document.getElementById("find").value = wish.slice(5); find(wish.slice(5)); }
    else if (wish) jump(wish);
  };
  window.addEventListener("hashchange", fromAddress);
  window.addEventListener("resize", () => { draw(); cover(); });
  explain();
  draw();
  cover();
  fromAddress();
})();
