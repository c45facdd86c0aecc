// Which rows are shown, in which order, and how many there are of each choice.

/** The facets by which resources are chosen. A row has one number in `column`; an option counts where `has` says so. */
function makeFacets(resources) {
  const { texts, columns, states, origins } = resources;
  const options = (all) => all.map((id) => ({ id, label: id }));
  const services = [...new Set(texts.types.map(serviceOf))];
  const service = texts.types.map((type) => services.indexOf(serviceOf(type)));
  // Of several sources, a bit each.
  const sources = texts.tagSets.map((tags) => tags.reduce((bits, tag) => bits | (1 << texts.tags[tag][2]), 0));
  const isSame = (value, option) => value === option;
  const facet = (id, label, options, column, has = isSame, size = options.length) =>
    ({ id, label, options, column, has, size, chosen: new Set() });
  return [
    facet("state", "State", states, columns.state),
    facet("service", "Service", options(services), columns.type.map((type) => service[type])),
    facet("owner", "Owner", [{ id: "", label: "owner unknown" }, ...options(texts.owners)], columns.owner.map((n) => n + 1)),
    facet("account", "Account", options(texts.accounts), columns.account),
    facet("region", "Region", options(texts.regions), columns.region),
    facet("source", "Source of a tag", origins, columns.tags.map((set) => sources[set]),
      (bits, option) => (bits >> option) & 1, 1 << origins.length),
  ];
}

const serviceOf = (type) => type.split(":", 1)[0];

/** Says of each row whether it has all words, in its ARN, type, owner, account, Region, creation or tags. */
function makeSearch(resources) {
  const { texts, columns } = resources;
  const lower = (all) => all.map((text) => text.toLowerCase());
  const arns = lower(resources.arns);
  const tags = texts.tags.map(([key, value]) => `${texts.keys[key]}=${texts.values[value]}`.toLowerCase());
  // Each column with its texts, in the order of how many there are to compare.
  const others = [
    [columns.type, lower(texts.types)],
    [columns.region, lower(texts.regions)],
    [columns.account, lower(texts.accounts)],
    [columns.owner, lower(texts.owners)],
    [columns.guess, lower(texts.owners)],
    [columns.eventName, lower(texts.eventNames)],
    [columns.principal, lower(texts.principals)],
  ];
  return (typed) => {
    const found = new Uint8Array(resources.count).fill(1);
    for (const word of typed.toLowerCase().split(/\s+/).filter(Boolean)) {
      const inText = (text) => text.includes(word);
      const hits = others.map(([column, texts]) => [column, flags(texts, inText)]).filter(([, hit]) => hit.includes(1));
      const inTag = flags(tags, inText);
      if (inTag.includes(1)) hits.push([columns.tags, flags(texts.tagSets, (set) => set.some((tag) => inTag[tag]))]);
      for (let row = 0; row < found.length; row++) {
        if (!found[row]) continue;
        let has = arns[row].includes(word) || columns.event[row].startsWith(word);
        for (let at = 0; at < hits.length && !has; at++) has = hits[at][1][hits[at][0][row]] === 1;
        if (!has) found[row] = 0;
      }
    }
    return found;
  };
}

/** For each item, whether something holds of it. */
function flags(items, holds) {
  const all = new Uint8Array(items.length);
  for (let at = 0; at < items.length; at++) all[at] = holds(items[at]) ? 1 : 0;
  return all;
}

/** The rows that every facet lets through; and for each option, how many there would be if it were the only one chosen. */
function filter(facets, found) {
  const allowed = facets.map(({ chosen, size, has }) =>
    chosen.size === 0 ? null : Uint8Array.from({ length: size }, (_, value) => [...chosen].some((option) => has(value, option))));
  const columns = facets.map((facet) => facet.column);
  const counts = facets.map(({ size }) => new Uint32Array(size));
  const shown = new Uint8Array(found.length);
  for (let row = 0; row < found.length; row++) {
    if (!found[row]) continue;
    let refused = NONE, refusals = 0;
    for (let facet = 0; facet < columns.length && refusals < 2; facet++) {
      if (allowed[facet] && !allowed[facet][columns[facet][row]]) {
        refused = facet;
        refusals++;
      }
    }
    if (refusals === 0) {
      shown[row] = 1;
      for (let facet = 0; facet < columns.length; facet++) counts[facet][columns[facet][row]]++;
    } else if (refusals === 1) {
      counts[refused][columns[refused][row]]++;
    }
  }
  return { shown, counts: facets.map((facet, at) => countOptions(facet, counts[at])) };
}

/** From how many rows have each value to how many have each option. */
function countOptions({ options, size, has }, counts) {
  if (size === options.length) return counts;
  return Uint32Array.from(options, (_, option) => counts.reduce((sum, count, value) => sum + (has(value, option) ? count : 0), 0));
}

/** Orders of rows by each column, made when they are first asked for. */
function makeOrders(resources) {
  const { texts, columns } = resources;
  const orders = new Map();
  const keys = {
    resource: () => Int32Array.from({ length: resources.count }, (_, row) => row),
    owner: () => ranked(columns.owner, texts.owners),
    state: () => columns.state,
    account: () => ranked(columns.account, texts.accounts),
    region: () => ranked(columns.region, texts.regions),
    created: () => columns.created,
  };
  return (column) => {
    if (!orders.has(column)) orders.set(column, ordered(keys[column]()));
    return orders.get(column);
  };
}

/** For each row the place of its text among all, sorted; what has none comes last. */
function ranked(column, texts) {
  const ranks = new Int32Array(texts.length);
  [...texts.keys()].sort((a, b) => (texts[a] < texts[b] ? -1 : 1)).forEach((text, rank) => (ranks[text] = rank));
  return column.map((text) => (text === NONE ? texts.length : ranks[text]));
}

/** Rows by key, then by ARN. Key and row together are one number, which is sorted without calling back. */
function ordered(keys) {
  const both = Float64Array.from(keys, (key, row) => key * keys.length + row).sort();
  return Int32Array.from(both, (key) => ((key % keys.length) + keys.length) % keys.length);
}

/** The rows that are shown, in an order. */
function arranged(order, shown, descending) {
  const view = order.filter((row) => shown[row]);
  return descending ? view.reverse() : view;
}
