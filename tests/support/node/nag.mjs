// Writes cdk-nag's report on plain templates: node nag.mjs FOLDER TEMPLATE…
import { existsSync } from "node:fs";
import path from "node:path";
import { App, Stack, Validations } from "aws-cdk-lib";
import { CfnInclude } from "aws-cdk-lib/cloudformation-include";
import { AwsSolutionsChecks } from "cdk-nag";

const [outdir, ...templates] = process.argv.slice(2);
const app = new App({ outdir });
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
for (const templateFile of templates) {
  new CfnInclude(new Stack(app, path.basename(templateFile, ".yaml")), "Template", { templateFile });
}
try {
  app.synth();
} catch (error) {
  // Findings raise an error, too; whatever else fails writes no report.
  if (!existsSync(path.join(outdir, "validation-report.json"))) throw error;
}
