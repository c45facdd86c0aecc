"use strict";

// Elements and texts. Values become texts of nodes, never markup.

/** An element with attributes and children; what is null or undefined is left out. */
function el(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined) element.setAttribute(attribute, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A value of somebody's: it keeps its own direction of writing. */
const value = (text, attributes) => el("bdi", attributes, visible(text));

/** A text in which characters that turn, hide or break what is beside them are escaped, as in the command's output. */
const visible = (text) => text.replace(STEERING, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
const STEERING =
  /[\p{Cc}\u{ad}\u{61c}\u{180e}\u{200b}-\u{200f}\u{2028}-\u{202e}\u{2060}-\u{206f}\u{feff}\u{fff9}-\u{fffb}\u{e0000}-\u{e007f}]/gu;

const numberFormat = new Intl.NumberFormat("en");

/** `1,234 resources`. */
const count = (n, what) => `${numberFormat.format(n)} ${what}${n === 1 ? "" : "s"}`;

/** `2026-11-26 20:00`, in UTC. */
const moment = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");
