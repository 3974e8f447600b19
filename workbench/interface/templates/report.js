"use strict";
(() => {
  const table = document.getElementById("all"), body = table.tBodies[0], step = 1000;
  const text = document.getElementById("filter-text"), verdict = document.getElementById("filter-verdict");
  const repeats = document.getElementById("filter-repeats"), count = document.getElementById("filter-count");
  const more = document.getElementById("more-rows");
  const kept = JSON.parse(document.getElementById("more-findings").textContent);
  const withTruth = table.tHead.rows[0].cells.length > 9;
  const known = (value) => value !== null && value !== undefined;
  const plain = (tenths) => (Math.abs(tenths) / 10).toFixed(1);
  const points = (tenths) => (known(tenths) ? (tenths < 0 ? "−" : tenths > 0 ? "+" : "") + plain(tenths) : "–");
  const cell = (row, content, { number = false, value = null, small = [], kind = "", title = "" } = {}) => {
    const made = row.insertCell();
    made.append(content);
    if (number) made.className = "n";
    if (kind) made.className = kind;
    if (known(value)) made.dataset.v = value;
    if (title) made.title = title;
    for (const one of small) {
      const under = document.createElement("small");
      under.append(one);
      made.append(under);
    }
  };
  const marked = (name, words) => {
    const made = document.createElement(name);
    made.textContent = words;
    return made;
  };
  const built = (record) => {
    const [at, of, n, judged, parent, review, q, shownQ, exact, detectable, rate, low, high, shrunk, others, effect, from, to, labels, model, strata] = record;
    const row = document.createElement("tr");
    if (parent >= 0) row.className = "repeats";
    cell(row, kept.slices[at], {
      small: [...(parent >= 0 ? [`explained by ${kept.parents[parent]}`] : []), ...(review ? [marked("mark", review)] : [])],
    });
    cell(row, kept.emotions[of]);
    cell(row, String(n), { number: true });
    if (!known(rate)) for (let empty = 0; empty < 3; empty += 1) cell(row, "–", { number: true });
    else {
      const title = known(low) ? `Rate ${plain(rate)} % [${plain(low)} %, ${plain(high)} %].` : "";
      cell(row, plain(rate), { number: true, value: rate / 10, small: known(shrunk) ? [plain(shrunk)] : [], title });
      cell(row, plain(others), { number: true });
      cell(row, marked("b", points(effect)), { number: true, value: 100 * exact });
      row.lastChild.append(` [${points(from)}, ${points(to)}]`);
    }
    cell(row, shownQ, { number: true, value: q ?? 2 });
    cell(row, known(detectable) ? plain(detectable) : "–", { number: true });
    if (withTruth) for (const value of [labels, model]) cell(row, points(value), { number: true, value: known(value) ? value / 10 : "" });
    cell(row, kept.verdicts[judged], { kind: kept.verdicts[judged].replace(" ", "-"), small: strata ? [strata] : [] });
    return row;
  };
  const entry = (row) => ({ row, words: row.textContent.toLowerCase(), verdict: row.lastElementChild.firstChild.textContent, repeats: row.classList.contains("repeats") });
  const later = (record) => ({
    record, verdict: kept.verdicts[record[3]], repeats: record[4] >= 0,
    words: [kept.slices[record[0]], kept.emotions[record[1]], kept.verdicts[record[3]], record[5] ?? "", record[20] ?? "", kept.parents[record[4]] ?? ""].join(" ").toLowerCase(),
  });
  const entries = [...[...body.rows].map(entry), ...kept.rows.map(later)];
  const rowOf = (one) => (one.row ??= built(one.record));
  const value = (one, column) => {
    const cell = rowOf(one).cells[column], raw = cell.dataset.v ?? cell.textContent, number = parseFloat(raw);
    return cell.classList.contains("n") ? (Number.isNaN(number) ? -Infinity : number) : raw.trim().toLowerCase();
  };
  let most = step;
  const show = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fit = entries.filter((one) => words.every((word) => one.words.includes(word))
      && (!verdict.value || one.verdict === verdict.value) && !(repeats.checked && one.repeats));
    const drawn = fit.slice(0, most);
    body.replaceChildren(...drawn.map(rowOf));
    more.hidden = drawn.length === fit.length;
    const all = entries.length.toLocaleString("en"), some = fit.length.toLocaleString("en");
    count.textContent = `${some} of ${all} rows${drawn.length < fit.length ? `, the first ${drawn.length.toLocaleString("en")} drawn` : ""}`;
  };
  [...table.tHead.rows[0].cells].forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") !== "descending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const sign = down ? -1 : 1, keys = new Map(entries.map((one) => [one, value(one, column)]));
    entries.sort((a, b) => {
      const x = keys.get(a), y = keys.get(b);
      return x < y ? -sign : x > y ? sign : 0;
    });
    show();
  }));
  for (const control of [text, verdict, repeats]) control.addEventListener("input", () => { most = step; show(); });
  more.addEventListener("click", () => { most += step; show(); });
  show();
})();

(() => {
  const kept = document.getElementById("gallery");
  if (!kept) return;
  const { pictures, slices, truth } = JSON.parse(kept.textContent), panel = document.getElementById("behind");
  const slice = document.getElementById("behind-slice"), emotion = document.getElementById("behind-emotion");
  const source = (number) => pictures[number].src ?? document.getElementById(`picture-${number}`)?.src;
  const element = (name, text) => {
    const made = document.createElement(name);
    made.textContent = text ?? "";
    return made;
  };
  const row = (title, numbers, notes = []) => {
    const list = element("ul");
    list.className = "pictures";
    numbers.forEach((number, at) => {
      const one = pictures[number], item = element("li"), what = notes[at] ? `${one.what}, ${notes[at]}` : one.what;
      if (one.shown) {
        const image = element("img");
        Object.assign(image, { src: source(number), alt: `picture ${one.id}, ${what}`, title: one.id, width: 72 });
        item.append(image, element("small", what));
      } else item.append(element("code", one.id), element("small", what));
      list.append(item);
    });
    panel.append(element("p", title), ...(numbers.length ? [list] : []));
  };
  const show = () => {
    panel.replaceChildren();
    if (slice.value === "") return;
    const chosen = slices[Number(slice.value)], all = chosen.n.toLocaleString("en");
    if (emotion.value) {
      const claim = chosen.claims[emotion.value];
      if (claim) row(`Predicted as ${emotion.value} less often than the other pictures. ${claim[0]}`, claim[2], claim[3]);
      const [n, some] = chosen.cells[emotion.value], few = some.length < n ? `; ${some.length} of them:` : ":";
      row(`${n.toLocaleString("en")} of the ${all} pictures with ${chosen.name} are predicted as ${emotion.value}${n ? few : "."}`, some);
    } else {
      row(`Of the ${all} pictures with ${chosen.name}, ${truth ? "those furthest from their labels" : "those predicted most confidently"}:`, chosen.worst);
      row("Most typical, predicted as most of them are, with a medium margin:", chosen.typical);
    }
  };
  for (const image of document.querySelectorAll("img[data-picture]")) image.src = source(Number(image.dataset.picture));
  for (const control of [slice, emotion]) control.addEventListener("input", show);
  document.getElementById("heat-map")?.addEventListener("drawn", ({ target }) => target.on("plotly_click", ({ points }) => {
    const cell = points.find((point) => point.customdata)?.customdata;
    if (!cell) return;
    [slice.value, emotion.value] = [String(cell[0]), cell[1]];
    show();
    panel.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }));
})();
