
"use strict";
(() => {
  const form = document.getElementById("filter");
  const field = (name) => form.elements.namedItem(name);
  const cards = [...document.querySelectorAll(".card")];
  const texts = new Map();
  const has = (element, words) => {
    if (!texts.has(element)) texts.set(element, element.textContent.toLowerCase());
    return words.every((word) => texts.get(element).includes(word));
  };
  const filterRows = (card, words) => {
    const rows = [...card.querySelectorAll("tbody tr")].map((row) => [row, has(row, words)]);
    const some = rows.some(([, hit]) => hit);
    for (const [row, hit] of rows) row.hidden = some && !hit;
  };
  const filter = () => {
    const words = field("text").value.toLowerCase().split(/\s+/).filter(Boolean);
    const severities = field("severity").value.split(" ").filter(Boolean);
    let matches = 0;
    for (const card of cards) {
      const wanted = !severities.length || severities.includes(card.dataset.severity);
      card.hidden = !(wanted && has(card, words));
      if (!card.hidden) filterRows(card, words);
      matches += !card.hidden;
    }
    for (const section of document.querySelectorAll("main > section:not(.next)"))
      section.hidden = !section.querySelector(".card:not([hidden])");
    document.getElementById("nothing").hidden = matches > 0;
    field("matches").textContent = matches === cards.length ? "" : `${matches} of ${cards.length} requirements`;
  };
  const openAll = (open) => cards.forEach((card) => { if (!card.hidden) card.open = open; });
  const openLinked = () => {
    const card = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (card && card.matches(".card")) card.open = true;
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  field("open").addEventListener("click", () => openAll(true));
  field("close").addEventListener("click", () => openAll(false));
  addEventListener("hashchange", openLinked);
  addEventListener("beforeprint", () => cards.forEach((card) => { card.open = !card.matches(".skipped *, .passed *"); }));
  form.hidden = cards.length === 0;
  openLinked();
})();
