// On a phone, a table of texts that does not fit becomes a list: each row a card, each cell under
// its column's name. A table of numbers stays a table, which scrolls.
const phone = window.matchMedia("(max-width: 44.9375em)");

function isText(table) {
  const cells = [...table.querySelectorAll("tbody td:not(:first-child)")];
  const numbers = cells.filter((cell) => /^[\d.,\s-]/.test(cell.textContent));
  return numbers.length * 2 < cells.length;
}

function fold(table) {
  const names = [...table.querySelectorAll("thead th")].map((name) => name.textContent.trim());
  table.classList.remove("folded");
  if (!phone.matches || !isText(table)) return;
  if (table.scrollWidth <= table.closest(".md-typeset__scrollwrap, article").clientWidth) return;
  for (const row of table.tBodies[0].rows) {
    [...row.cells].forEach((cell, at) => {
      cell.dataset.column = at === 0 ? "" : names[at];
    });
  }
  table.classList.add("folded");
}

function all() {
  document.querySelectorAll("article table:not([class]), article table.folded").forEach(fold);
}

all();
phone.addEventListener("change", all);
