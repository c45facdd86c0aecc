// Everything that is known of one resource, in a dialog: its tags, and where each came from.

function makeDetails(dialog, resources, closed) {
  const fact = (name, ...of) => [el("dt", {}, name), el("dd", {}, ...of)];
  const code = (text) => el("code", {}, value(text));

  function facts(row) {
    const state = resources.state(row);
    const missing = resources.missing(row);
    const list = [
      ...fact("Type", value(resources.type(row))),
      ...fact("Account, Region", value(resources.account(row)), ", ", value(resources.region(row))),
      ...fact("State", el("span", { class: `state ${state.id}` }, state.label)),
    ];
    if (missing.length > 0) list.push(...fact("Missing", ...missing.flatMap((key, at) => [at > 0 ? ", " : null, code(key)])));
    if (resources.owner(row)) list.push(...fact("Owner", value(resources.owner(row))));
    if (resources.guess(row)) {
      list.push(...fact("Best guess", value(resources.guess(row)), ": ", value(resources.reason(row))));
    }
    return el("dl", { class: "facts" }, ...list);
  }

  function creation(row) {
    if (!resources.event(row)) return [el("p", { class: "hint" }, "No history names the event that created it.")];
    const file = resources.file(row);
    return [el("dl", { class: "facts" },
      ...fact("Call", value(resources.eventName(row)), `, ${resources.created(row)} UTC`),
      ...fact("By", code(resources.principal(row))),
      ...fact("Event", code(resources.event(row))),
      ...fact("File", file ? code(file) : "none: CloudTrail's history told"))];
  }

  function tags(row) {
    const all = resources.tags(row);
    if (all.length === 0) return el("p", { class: "hint" }, "It has none.");
    const heading = (text) => el("th", { scope: "col" }, text);
    const cell = (label, ...of) => el("td", { "data-label": label }, ...of);
    const lines = all.map(({ key, value: text, from, run }) => el("tr", {},
      el("th", { scope: "row" }, value(key)),
      cell("Value", text ? value(text) : el("span", { class: "nobody" }, resources.valuesHidden ? "not shown" : "empty")),
      cell("From", el("span", {}, from.label)),
      cell("Run", run ? value(run) : el("span", {}, "–"))));
    return el("table", { class: "plain stacked" },
      el("thead", {}, el("tr", {}, heading("Tag"), heading("Value"), heading("From"), heading("Run"))),
      el("tbody", {}, ...lines));
  }

  function open(row) {
    const close = el("button", { type: "button", class: "close" }, "Close");
    close.addEventListener("click", () => dialog.close());
    dialog.replaceChildren(
      el("header", {}, el("h2", { id: "details-title" }, value(resources.arn(row))), close),
      facts(row), el("h3", {}, "Tags"), tags(row), el("h3", {}, "Created"), ...creation(row));
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
  }

  // A click beside the dialog closes it.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", closed);
  return { open, close: () => dialog.open && dialog.close() };
}
