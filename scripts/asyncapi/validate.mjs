// Validates an AsyncAPI document with the official parser: prints its findings as JSON; exit code 1 where it is not valid.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
const findings = diagnostics.map(({ severity, code, message, path }) => ({ severity, code, message, path: path.join(".") }));
process.stdout.write(JSON.stringify(findings) + "\n");
process.exitCode = document ? 0 : 1;
