// Runs the custom resource's handler of Restate's CDK constructs for the event in the first argument.
import { handler } from "@restatedev/restate-cdk/dist/register-service-handler/index.mjs";

await handler(JSON.parse(process.argv[2]), { getRemainingTimeInMillis: () => 120_000 });
