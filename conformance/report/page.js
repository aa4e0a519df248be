
"use strict";
(() => {
  const form = document.getElementById("filter");
  const field = (name) => form.elements.namedItem(name);
  const cards = [...document.querySelectorAll(".card")];
  const texts = new Map();
  const text = (card) => {
    if (!texts.has(card)) texts.set(card, card.textContent.toLowerCase());
    return texts.get(card);
  };
  const filter = () => {
    const words = field("text").value.toLowerCase().split(/\s+/).filter(Boolean);
    const severities = field("severity").value.split(" ").filter(Boolean);
    let matches = 0;
    for (const card of cards) {
      const wanted = !severities.length || severities.includes(card.dataset.severity);
      card.hidden = !(wanted && words.every((word) => text(card).includes(word)));
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
  addEventListener("beforeprint", () => openAll(true));
  form.hidden = cards.length === 0;
  openLinked();
})();
