// What resources can be chosen by: a menu of checkboxes for each facet, with how many there are of each.

/** Choices that a menu shows; the field above finds the others. */
const CHOICES = 100;
/** From so many on, a menu has that field. */
const FINDABLE = 12;

function makeMenus(container, facets, changed) {
  let counts = [];
  const menus = facets.map(makeMenu);
  container.replaceChildren(...menus.map((menu) => menu.element));
  addEventListener("click", (event) => {
    for (const { element } of menus) if (!element.contains(event.target)) element.open = false;
  });

  function makeMenu(facet, at) {
    const summary = el("summary");
    const list = el("div", { class: "choices" });
    const find = el("input", { type: "search", "aria-label": `Find in ${facet.label}`, placeholder: "Find", autocomplete: "off" });
    find.hidden = facet.options.length < FINDABLE;
    const fieldset = el("fieldset", {}, el("legend", { class: "visually-hidden" }, facet.label), find, list);
    // Of menus with one name, one is open.
    const element = el("details", { name: "facet", class: "menu" }, summary, fieldset);
    find.addEventListener("input", draw);
    element.addEventListener("toggle", () => element.open && draw());
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !element.open) return;
      event.preventDefault();
      element.open = false;
      summary.focus();
    });
    list.addEventListener("change", ({ target }) => {
      const option = Number(target.value);
      if (target.checked) facet.chosen.add(option);
      else facet.chosen.delete(option);
      changed();
    });

    /** The options that there are, chosen ones first, then by number. */
    function choices() {
      const typed = find.value.toLowerCase();
      const isWanted = (option) =>
        facet.chosen.has(option) || (counts[at][option] > 0 && facet.options[option].label.toLowerCase().includes(typed));
      const rank = (option) => (facet.chosen.has(option) ? Infinity : counts[at][option]);
      return [...facet.options.keys()].filter(isWanted).sort((a, b) => rank(b) - rank(a) || a - b);
    }

    function draw() {
      const focused = document.activeElement?.closest(".choices") === list ? document.activeElement.value : null;
      const all = choices();
      const lines = all.slice(0, CHOICES).map((option) => {
        const box = el("input", { type: "checkbox", value: option });
        box.checked = facet.chosen.has(option);
        return el("label", {}, box, value(facet.options[option].label), el("span", { class: "count" }, numberFormat.format(counts[at][option])));
      });
      const more = all.length - lines.length;
      list.replaceChildren(...lines, more > 0 ? el("p", { class: "hint" }, `and ${numberFormat.format(more)} more`) : "");
      if (focused !== null) list.querySelector(`input[value="${focused}"]`)?.focus();
    }

    function update() {
      const chosen = [...facet.chosen].map((option) => visible(facet.options[option].label));
      const shown = chosen.length > 1 ? `${chosen.length} of ${numberFormat.format(facet.options.length)}` : chosen[0];
      summary.replaceChildren(facet.label, ...(shown ? [": ", el("strong", {}, shown)] : []));
      if (element.open) draw();
    }
    return { element, update };
  }

  return (newCounts) => {
    counts = newCounts;
    for (const { update } of menus) update();
  };
}
