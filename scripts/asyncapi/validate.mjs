// Validates AsyncAPI documents with the official parser: prints for each, on a line of JSON, whether it is valid and what was found.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

for (const file of process.argv.slice(2)) {
  const { document, diagnostics } = await new Parser().parse(readFileSync(file, "utf8"));
  const findings = diagnostics.map(({ severity, code, message, path }) => ({ severity, code, message, path: path.join(".") }));
  process.stdout.write(JSON.stringify({ valid: Boolean(document), findings }) + "\n");
}
