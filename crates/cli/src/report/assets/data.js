// All resources: columns of numbers, one for each row, and the texts that the numbers stand for. They come sorted by ARN.

const NONE = -1;

/** The data in the page: JSON, packed with gzip, in Base64. */
async function unpack(element) {
  const packed = JSON.parse(element.textContent);
  const bytes = Uint8Array.fromBase64?.(packed) ?? Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(unpacked).json();
}

/** What the rest of the script asks about a row. */
function makeResources({ valuesHidden, states, origins, texts, columns }) {
  const numbers = {};
  for (const [name, column] of Object.entries(columns)) {
    // Seconds need more bits in 2038.
    numbers[name] = typeof column[0] !== "number" ? column : name === "created" ? Float64Array.from(column) : Int32Array.from(column);
  }
  const { prefix, rest } = columns;
  const arns = rest.map((end, row) => texts.prefixes[prefix[row]] + end);
  const text = (column, of) => (row) => of[numbers[column][row]] ?? "";
  const tag = ([key, value, from, run]) =>
    ({ key: texts.keys[key], value: texts.values[value], from: origins[from], run: texts.runs[run] ?? "" });
  return {
    count: rest.length,
    valuesHidden,
    states,
    origins,
    texts,
    columns: numbers,
    arns,
    arn: (row) => arns[row],
    /** The ARN without what all of its service, Region and account have in common. */
    name: (row) => rest[row],
    type: text("type", texts.types),
    account: text("account", texts.accounts),
    region: text("region", texts.regions),
    state: text("state", states),
    owner: text("owner", texts.owners),
    guess: text("guess", texts.owners),
    reason: text("reason", texts.reasons),
    created: (row) => (numbers.created[row] === NONE ? "" : moment(numbers.created[row])),
    event: (row) => columns.event[row],
    eventName: text("eventName", texts.eventNames),
    principal: text("principal", texts.principals),
    file: text("file", texts.files),
    missing: (row) => texts.keySets[columns.missing[row]].map((key) => texts.keys[key]),
    tags: (row) => texts.tagSets[columns.tags[row]].map((number) => tag(texts.tags[number])),
  };
}
