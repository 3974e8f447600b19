"use strict";
// On paper a figure is as wide as the page: its drawing is scaled, which needs to know its own size.
document.addEventListener("DOMContentLoaded", () => {
  const shape = (plot) => {
    const [first] = plot.querySelectorAll(".main-svg");
    const width = Number(first?.getAttribute("width")), height = Number(first?.getAttribute("height"));
    if (!width || !height) return;
    for (const drawing of plot.querySelectorAll(".main-svg")) drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    plot.style.setProperty("--shape", `${width} / ${height}`);
  };
  const plots = [...document.querySelectorAll(".js-plotly-plot")];
  for (const plot of plots) {
    shape(plot);
    plot.on("plotly_afterplot", () => shape(plot));
  }
  addEventListener("beforeprint", () => plots.forEach(shape));
  for (const image of document.querySelectorAll("img[loading=lazy]")) addEventListener("beforeprint", () => { image.loading = "eager"; });
});
