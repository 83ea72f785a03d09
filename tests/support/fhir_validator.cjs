// Reads a list of FHIR resources as JSON, and writes the errors in each, by the definitions of R4.
const { Fhir } = require("fhir");
const { readFileSync } = require("node:fs");

const validator = new Fhir();
const errors = JSON.parse(readFileSync(0, "utf8")).map((resource) =>
  validator
    .validate(resource, { errorOnUnexpected: true })
    .messages.filter(({ severity }) => severity === "fatal" || severity === "error")
    .map(({ location, message }) => `${location}: ${message}`),
);
process.stdout.write(JSON.stringify(errors));
