// The page with its list. What is chosen, sought, sorted and opened stands in the address behind `#`, so that it can be
// passed on; it is sent nowhere.

const byId = (id) => document.getElementById(id);

async function start() {
  byId("unpacking").hidden = false;
  // First the summary is painted.
  await new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)));
  const resources = makeResources(await unpack(byId("data")));
  byId("unpacking").hidden = true;
  byId("list").hidden = false;
  makePage(resources);
}

function makePage(resources) {
  const section = byId("resources"), search = byId("search"), table = byId("table");
  const facets = makeFacets(resources);
  const find = makeSearch(resources);
  const orderBy = makeOrders(resources);
  const sort = { column: "resource", descending: false };
  const details = makeDetails(byId("details"), resources, () => remember(NONE));
  const list = makeList(table, resources, open);
  const updateMenus = makeMenus(byId("facets"), facets, update);
  const headings = [...table.tHead.rows[0].cells];
  /** What was typed last, and the rows that have it. */
  let typed = null, found = null;

  /** Shows what is asked for now. */
  function update() {
    performance.mark("filter-begins");
    if (typed !== search.value) {
      typed = search.value;
      found = find(typed);
    }
    const { shown, counts } = filter(facets, found);
    const view = arranged(orderBy(sort.column), shown, sort.descending);
    list.show(view);
    updateMenus(counts);
    say(view.length);
    for (const heading of headings) {
      const direction = sort.descending ? "descending" : "ascending";
      heading.setAttribute("aria-sort", heading.dataset.column === sort.column ? direction : "none");
    }
    performance.measure("filter", "filter-begins");
    remember(NONE);
    // Whoever chooses far down sees the first of what is chosen.
    if (section.getBoundingClientRect().top < 0) section.scrollIntoView();
  }

  function say(shown) {
    const cut = list.cut();
    byId("count").textContent = `${numberFormat.format(shown)} of ${count(resources.count, "resource")}`
      + (cut > 0 ? `; the last ${numberFormat.format(cut)} do not fit: filter to see them` : "");
    byId("none").hidden = shown > 0;
    byId("printed").hidden = shown <= PRINTED;
    byId("printed").textContent = `The first ${PRINTED} of ${count(shown, "resource")}. The file itself, or its CSV, has all.`;
    byId("clear").hidden = !search.value && facets.every(({ chosen }) => chosen.size === 0);
  }

  function open(row) {
    details.open(row);
    remember(row);
  }

  /** Writes the state into the address. */
  function remember(opened) {
    const state = new URLSearchParams();
    if (search.value) state.set("q", search.value);
    for (const { id, chosen, options } of facets) for (const option of chosen) state.append(id, options[option].id);
    if (sort.column !== "resource" || sort.descending) state.set("sort", (sort.descending ? "-" : "") + sort.column);
    if (opened !== NONE) state.set("open", resources.arn(opened));
    const text = String(state);
    const isState = location.hash.includes("=");
    if (text || isState) history.replaceState(null, "", text ? `#${text}` : "#resources");
  }

  /** Reads the state from the address; what it names and is not there counts for nothing. */
  function recall() {
    const state = new URLSearchParams(location.hash.slice(1));
    search.value = state.get("q") ?? "";
    for (const { id, chosen, options } of facets) {
      chosen.clear();
      const wanted = new Set(state.getAll(id));
      options.forEach((option, at) => wanted.has(option.id) && chosen.add(at));
    }
    const column = state.get("sort") ?? "resource";
    sort.descending = column.startsWith("-");
    sort.column = headings.map((heading) => heading.dataset.column).find((name) => name === column.replace("-", "")) ?? "resource";
    const opened = resources.arns.indexOf(state.get("open"));
    update();
    if (opened !== NONE) open(opened);
  }

  search.addEventListener("input", update);
  byId("clear").addEventListener("click", () => {
    search.value = "";
    for (const { chosen } of facets) chosen.clear();
    update();
    search.focus();
  });
  byId("csv").addEventListener("click", () => save(csv(resources, list.view()), "resources.csv"));
  for (const heading of headings) {
    heading.firstElementChild.addEventListener("click", () => {
      const { column } = heading.dataset;
      sort.descending = sort.column === column && !sort.descending;
      sort.column = column;
      update();
    });
  }
  addEventListener("hashchange", () => {
    if (!location.hash.includes("=")) return;
    details.close();
    recall();
    section.scrollIntoView();
  });
  // Headings stay below the controls, which may need one line or more.
  new ResizeObserver(([{ target }]) => table.style.setProperty("--controls", `${target.offsetHeight}px`)).observe(section.querySelector(".controls"));
  recall();
  if (location.hash.includes("=")) section.scrollIntoView();
}

start().catch((error) => {
  byId("unpacking").hidden = false;
  byId("unpacking").textContent = `The list cannot be shown (${error.message}). It needs a browser of 2023 or later; the summary above is whole.`;
});
