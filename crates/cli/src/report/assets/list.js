// The list: as many rows as fit on the screen, however many there are. All have one height, and each is put at its place.

/** Rows above and below the screen. */
const BESIDE = 8;
/** Rows that are printed. */
const PRINTED = 200;
/** Browsers cut off what is higher. */
const HIGHEST = 15_000_000;

function makeList(table, resources, open) {
  const body = table.tBodies[0];
  const rows = new Map();
  let view = new Int32Array(0);
  /** The place of the row that Tab comes to. */
  let active = 0;

  const height = () => parseFloat(getComputedStyle(body).minHeight);
  const length = () => Math.min(view.length, Math.floor(HIGHEST / height()));

  function show(newView) {
    view = newView;
    active = 0;
    rows.clear();
    body.replaceChildren();
    table.setAttribute("aria-rowcount", view.length + 1);
    draw();
  }

  function draw() {
    const each = height();
    body.style.height = `${length() * each}px`;
    const top = body.getBoundingClientRect().top;
    const first = Math.max(0, Math.min(length(), Math.floor(-top / each)) - BESIDE);
    // Some are there before the list is on the screen, so that Tab finds them.
    const end = Math.min(length(), Math.max(Math.ceil((innerHeight - top) / each), first) + BESIDE);
    // The active row stays, so that it keeps the focus.
    const wanted = (place) => (place >= first && place < end) || (place === active && rows.has(place));
    for (const [place, row] of rows) {
      if (!wanted(place)) {
        row.remove();
        rows.delete(place);
      }
    }
    for (let place = first; place < end; place++) {
      if (!rows.has(place)) put(place);
      rows.get(place).style.transform = `translateY(${place * each}px)`;
    }
    mark();
  }

  /** Adds a row, in the order in which it is read aloud. */
  function put(place) {
    const row = makeRow(resources, view[place], place);
    const next = [...body.rows].find((other) => Number(other.dataset.place) > place);
    body.insertBefore(row, next ?? null);
    rows.set(place, row);
  }

  function mark() {
    const place = rows.has(active) ? active : Math.min(...rows.keys());
    for (const [at, row] of rows) row.querySelector("button").tabIndex = at === place ? 0 : -1;
  }

  /** Goes to another row with the keyboard. */
  function go(place) {
    active = Math.max(0, Math.min(length() - 1, place));
    const each = height();
    const top = body.getBoundingClientRect().top + active * each;
    const covered = table.tHead.getBoundingClientRect().bottom;
    const above = top - Math.max(covered, 0), below = top + each - innerHeight;
    if (above < 0) scrollBy(0, above);
    else if (below > 0) scrollBy(0, below);
    draw();
    rows.get(active)?.querySelector("button").focus({ preventScroll: true });
  }

  const placeOf = (event) => Number(event.target.closest("tr")?.dataset.place ?? NONE);
  const page = () => Math.max(1, Math.floor(innerHeight / height()) - 3);
  const keys = {
    ArrowDown: (place) => place + 1,
    ArrowUp: (place) => place - 1,
    PageDown: (place) => place + page(),
    PageUp: (place) => place - page(),
    Home: () => 0,
    End: () => length() - 1,
  };
  body.addEventListener("keydown", (event) => {
    const place = placeOf(event);
    if (place === NONE || !keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    go(keys[event.key](place));
  });
  body.addEventListener("click", (event) => {
    const place = placeOf(event);
    // Whoever marks a text wants the text.
    if (place === NONE || String(getSelection())) return;
    active = place;
    mark();
    open(view[place]);
  });
  let asked = false;
  const drawSoon = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
  addEventListener("scroll", drawSoon, { passive: true });
  addEventListener("resize", drawSoon);
  // On paper, rows follow each other.
  addEventListener("beforeprint", () => {
    rows.clear();
    body.replaceChildren(...Array.from(view.subarray(0, PRINTED), (row, place) => makeRow(resources, row, place)));
  });
  addEventListener("afterprint", () => {
    body.replaceChildren();
    draw();
  });
  return { show, draw, view: () => view, cut: () => view.length - length() };
}

function makeRow(resources, row, place) {
  const state = resources.state(row);
  const owner = resources.owner(row), guess = resources.guess(row);
  const cell = (label, ...children) => el("td", { role: "cell", "data-label": label }, ...children);
  const name = el("button", { type: "button", tabindex: -1 },
    value(resources.type(row), { class: "kind" }), value(resources.name(row), { class: "name" }));
  const whose = owner ? value(owner)
    : guess ? el("span", { class: "guess" }, value(guess), "?")
    : el("span", { class: "nobody" }, "unknown");
  return el("tr", { role: "row", "aria-rowindex": place + 2, "data-place": place },
    el("th", { role: "rowheader", scope: "row" }, name),
    cell("Owner", whose),
    cell("State", el("span", { class: `state ${state.id}` }, state.label)),
    cell("Account", value(resources.account(row))),
    cell("Region", value(resources.region(row))),
    cell("Created", el("span", {}, resources.created(row) || "–")));
}
