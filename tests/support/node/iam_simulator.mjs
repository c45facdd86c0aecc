// What policies allow, by @cloud-copilot/iam-simulate. Reads one JSON document and writes one.
//
// In: {policies: {name: document}, requests: [{principal, action, resource, account, context, policies: [name],
// resourcePolicy?, controls?: [document]}]}. Out, for each request: {asked: resource, by: [name]}; with a resource's policy or service
// control policies {asked, allowed}; {error} where the simulator cannot answer.
import { text } from "node:stream/consumers";
import { createValidatedPolicy, validateIdentityPolicy } from "@cloud-copilot/iam-policy";
import { runSimulation } from "@cloud-copilot/iam-simulate";

const given = JSON.parse(await text(process.stdin));

// Validated once, not for each request.
const valid = (policy) => createValidatedPolicy(policy, validateIdentityPolicy);
const policies = Object.fromEntries(Object.entries(given.policies).map(([name, policy]) => [name, valid(policy)]));

// ARNs whose resource type is ambiguous for the simulator: two types have the same format, or one type has two formats.
const UNREADABLE = {
  "multiple.resource.types": (arn) => arn.replace(/\**$/, "*"),
  "no.resource.types": () => "*",
};

// What every account of an organisation has.
const FULL_ACCESS = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] };

async function simulate(request) {
  const { principal, action, resource, account, context, policies: names, resourcePolicy, controls = [] } = request;
  const answer = await runSimulation({
    request: { principal, action, resource: { resource, accountId: account }, contextVariables: context },
    identityPolicies: names.map((name) => ({ name, policy: policies[name] })),
    serviceControlPolicies: controls.length === 0 ? [] : [{
      orgIdentifier: "o-1", policies: [FULL_ACCESS, ...controls].map((policy, nth) => ({ name: `control-${nth}`, policy })),
    }],
    resourceControlPolicies: [],
    resourcePolicy,
  }, {});
  if (answer.resultType === "error") {
    const instead = UNREADABLE[answer.errors.message]?.(resource) ?? resource;
    if (instead !== resource) return simulate({ ...request, resource: instead });
    return { error: JSON.stringify(answer.errors) };
  }
  const analyses = (answer.resultType === "single" ? [answer.result] : answer.results).map((one) => one.analysis);
  if (resourcePolicy || controls.length > 0) return { asked: resource, allowed: answer.overallResult === "Allowed" };
  // Only the role's own policies count: it does not excuse them that another account would deny the request.
  // Actions that everybody may use, e.g. sts:GetCallerIdentity, have no analysis.
  const statements = analyses.flatMap((one) => one.identityAnalysis?.allowStatements ?? []);
  const by = statements.map((statement) => statement.policyId);
  return { asked: resource, by: [...new Set(by)] };
}

const results = [];
for (const request of given.requests) results.push(await simulate(request));
process.stdout.write(JSON.stringify(results));
