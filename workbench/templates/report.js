"use strict";
(() => {
  const table = document.getElementById("all"), body = table.tBodies[0], rows = [...body.rows];
  const text = document.getElementById("filter-text"), verdict = document.getElementById("filter-verdict");
  const repeats = document.getElementById("filter-repeats"), count = document.getElementById("filter-count");
  const value = (row, column) => {
    const cell = row.cells[column], raw = cell.dataset.v ?? cell.textContent, number = parseFloat(raw);
    return cell.classList.contains("n") ? (Number.isNaN(number) ? -Infinity : number) : raw.trim().toLowerCase();
  };
  const show = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const content = row.textContent.toLowerCase();
      const fits = words.every((word) => content.includes(word))
        && (!verdict.value || row.cells[row.cells.length - 1].textContent === verdict.value)
        && !(repeats.checked && row.classList.contains("repeats"));
      row.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown} of ${rows.length} rows`;
  };
  [...table.tHead.rows[0].cells].forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") !== "descending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const sign = down ? -1 : 1;
    rows.sort((a, b) => {
      const x = value(a, column), y = value(b, column);
      return x < y ? -sign : x > y ? sign : 0;
    });
    body.append(...rows);
  }));
  for (const control of [text, verdict, repeats]) control.addEventListener("input", show);
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
      if (claim) row(`Read as ${emotion.value} less often than others. ${claim[0]}`, claim[2], claim[3]);
      const [n, some] = chosen.cells[emotion.value], few = some.length < n ? `; ${some.length} of them:` : ":";
      row(`${n.toLocaleString("en")} of the ${all} pictures with ${chosen.name} are read as ${emotion.value}${n ? few : "."}`, some);
    } else {
      row(`Of the ${all} pictures with ${chosen.name}, ${truth ? "read most against their labels" : "those read most surely"}:`, chosen.worst);
      row("Most typical, read as most of them are, neither surely nor barely:", chosen.typical);
    }
  };
  for (const image of document.querySelectorAll("img[data-picture]")) image.src = source(Number(image.dataset.picture));
  for (const control of [slice, emotion]) control.addEventListener("input", show);
  document.getElementById("heat-map")?.on("plotly_click", ({ points }) => {
    const cell = points.find((point) => point.customdata)?.customdata;
    if (!cell) return;
    [slice.value, emotion.value] = [String(cell[0]), cell[1]];
    show();
    panel.scrollIntoView({ block: "nearest", behavior: "smooth" });
  });
})();
