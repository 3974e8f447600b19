"use strict";
// plotly.js stands at the end of the page as text: the page is readable before it runs. Then figures are drawn one by one,
// those that are folded away once they are unfolded; each fires "drawn". On paper a figure is as wide as the page: its drawing
// is scaled, which needs to know its own size.
(() => {
  const waiting = [...(window.figures ?? [])], plots = [];
  const pause = () => new Promise((done) => setTimeout(done));
  const shape = (plot) => {
    const [first] = plot.querySelectorAll(".main-svg");
    const width = Number(first?.getAttribute("width")), height = Number(first?.getAttribute("height"));
    if (!width || !height) return;
    for (const drawing of plot.querySelectorAll(".main-svg")) drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    plot.style.setProperty("--shape", `${width} / ${height}`);
  };
  // A figure has the name of the heading above it. Its toolbar is for the mouse; a frame that scrolls is reached by the tab key.
  const reached = (plot) => {
    const frame = plot.parentElement, above = Node.DOCUMENT_POSITION_FOLLOWING;
    const heading = [...document.querySelectorAll("h2, h3, h4")].findLast((one) => one.compareDocumentPosition(plot) & above);
    frame.role = "figure";
    frame.ariaLabel = heading?.textContent ?? "";
    frame.tabIndex = frame.scrollWidth > frame.clientWidth ? 0 : -1;
    for (const button of plot.querySelectorAll(".modebar-btn")) button.tabIndex = -1;
  };
  const started = () => {
    if (window.Plotly) return;
    const script = document.createElement("script");
    script.textContent = document.getElementById("plotly").textContent;
    document.head.append(script);
  };
  const next = () => {
    const at = waiting.findIndex(([name]) => !document.getElementById(name)?.closest("details:not([open])"));
    if (at < 0) return false;
    const [[name, draw]] = waiting.splice(at, 1);
    started();
    draw();
    const plot = document.getElementById(name);
    for (const after of [shape, reached]) {
      after(plot);
      plot.on("plotly_afterplot", () => after(plot));
    }
    plots.push(plot);
    plot.dispatchEvent(new Event("drawn"));
    return true;
  };
  let drawing = Promise.resolve();
  const drawAll = () => (drawing = drawing.then(async () => {
    do await pause(); while (next());
  }));
  requestAnimationFrame(() => setTimeout(drawAll));
  document.addEventListener("toggle", drawAll, true);
  addEventListener("beforeprint", () => {
    for (const notes of document.querySelectorAll("details.notes")) notes.open = true;
    while (next());
    plots.forEach(shape);
    for (const image of document.querySelectorAll("img[loading=lazy]")) image.loading = "eager";
  });
  // Paper has the first page only, unless everything is asked for: by the button, or with #everything in the address.
  const everything = async () => {
    document.body.classList.add("everything");
    const folded = [...document.querySelectorAll("details:not([open])")];
    for (const one of folded) one.open = true;
    await drawAll();
    return folded;
  };
  document.getElementById("print-everything")?.addEventListener("click", async () => {
    const folded = await everything();
    print();
    for (const one of folded) one.open = false;
    document.body.classList.remove("everything");
  });
  // Not every browser unfolds what a link leads to.
  const unfold = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const folded = target?.closest("details:not([open])");
    if (!folded) return;
    folded.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  if (location.hash === "#everything") everything();
  else unfold();
})();
