"use strict";
(() => {
  const PRINT_WIDTH_PX = 700;
  const held = document.getElementById("figures");
  const plots = [];
  if (held) {
    const config = { displayModeBar: false, displaylogo: false, responsive: true };
    for (const [name, figure] of Object.entries(JSON.parse(held.textContent))) {
      const place = document.getElementById(`plot-${name}`);
      plots.push(Plotly.newPlot(place, figure.data, figure.layout, config).then(() => place));
    }
  }
  Promise.all(plots).then((places) => {
    document.documentElement.dataset.drawn = String(places.length);
    const widen = (size) => places.forEach((place) => Plotly.relayout(place, size));
    addEventListener("beforeprint", () => widen({ autosize: false, width: PRINT_WIDTH_PX }));
    addEventListener("afterprint", () => widen({ autosize: true, width: null }));
  });

  const valueOf = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent;
    return text !== "" && isFinite(text) ? Number(text) : text;
  };
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const falls = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", falls ? "descending" : "ascending");
        const rows = [...table.tBodies[0].rows];
        rows.sort((a, b) => compare(valueOf(a, column), valueOf(b, column)) * (falls ? -1 : 1));
        table.tBodies[0].append(...rows);
      });
    });
  }
})();
