// What is shown as a CSV file, for a spreadsheet.

const HEADINGS = ["arn", "type", "account", "region", "state", "owner", "guess", "guess reason", "missing", "tags", "created", "event",
  "event name", "principal", "file"];

/** A field. A text that a spreadsheet would take for a formula gets an apostrophe, so that it stays a text. */
function field(text) {
  const inert = /^\s*[=+\-@＝＋－＠]|^[\t\r\n]/.test(text) ? `'${text}` : text;
  return /["\n\r,;]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

function csv(resources, view) {
  const line = (row) => [
    resources.arn(row), resources.type(row), resources.account(row), resources.region(row), resources.state(row).id,
    resources.owner(row), resources.guess(row), resources.reason(row), resources.missing(row).join(" "),
    resources.tags(row).map(({ key, value }) => `${key}=${value}`).join("; "),
    resources.created(row), resources.event(row), resources.eventName(row), resources.principal(row), resources.file(row),
  ];
  const lines = [HEADINGS, ...Array.from(view, line)].map((fields) => `${fields.map(field).join(",")}\r\n`);
  // Spreadsheets take a file without this mark for one of another encoding.
  return new Blob(["\ufeff", ...lines], { type: "text/csv" });
}

/** Hands a file to the browser, as a download. */
function save(file, name) {
  const link = el("a", { href: URL.createObjectURL(file), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
