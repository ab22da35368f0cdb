"use strict";
// Sorts and filters the gradebook; without it the page is a plain table.
(() => {
  const table = document.getElementById("gradebook");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const verdicts = heads.length - 2, findings = heads.length - 1;
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const key = (cell) => cell.dataset.k ?? cell.textContent.trim();
  const number = (cell) => parseFloat(key(cell).replaceAll(",", ""));

  const form = document.querySelector(".filter");
  const text = form.querySelector("#text"), verdict = form.querySelector("#verdict");
  const words = new Map(rows.map((row) => [row, plain(row.textContent)]));
  const screen = 60;
  let rest;

  function wanted(row) {
    const wish = verdict.value;
    const fits =
      wish === "for a person"
        ? number(row.cells[findings]) > 0
        : !wish || key(row.cells[verdicts]) === wish;
    return fits && words.get(row).includes(plain(text.value.trim()));
  }

  function arrange() {
    const found = rows.filter(wanted);
    clearTimeout(rest);
    // A thousand rows take a browser a moment: those that are seen come first.
    body.replaceChildren(...found.slice(0, screen));
    rest = setTimeout(() => body.append(...found.slice(screen)), 100);
    form.querySelector("#shown").textContent = `${found.length} of ${rows.length} shown`;
  }

  function sort(column) {
    const head = heads[column];
    const down = head.getAttribute("aria-sort") === "ascending";
    const text = head.dataset.sort === "text";
    const keys = new Map(rows.map((row) => [row, (text ? key : number)(row.cells[column])]));
    rows.sort((one, other) => {
      const a = keys.get(one), b = keys.get(other);
      // What is not known stands at the end, whichever way is sorted.
      if (!text && (isNaN(a) || isNaN(b))) return isNaN(a) - isNaN(b);
      const order = text ? collator.compare(a, b) : a - b;
      return down ? -order : order;
    });
    heads.forEach((each) => each.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    arrange();
  }

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(column));
    head.append(button);
  });
  form.addEventListener("input", arrange);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  arrange();
})();
