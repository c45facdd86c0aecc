// Unpacks the Chromium of @sparticuz/chromium, its libraries and its fonts into the folder TMPDIR.
import { fileURLToPath } from "node:url";
import { inflate } from "@sparticuz/chromium";

const packed = new URL("../bin/", import.meta.resolve("@sparticuz/chromium"));
for (const name of ["al2023.tar.br", "fonts.tar.br", "chromium.br"]) await inflate(fileURLToPath(new URL(name, packed)));
