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
