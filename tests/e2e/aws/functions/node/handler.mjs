// A service with the official TypeScript SDK, which knows nothing of Holdfast.
import * as restate from "@restatedev/restate-sdk/lambda";

// All that the SDK wants of Node 22; with it, Node 20 will do.
Promise.withResolvers ??= function withResolvers() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
};

const tour = restate.service({
  name: "NodeTour",
  handlers: {
    visit: async (ctx, stops) => {
      const seen = [];
      for (let number = 0; number < stops; number++) {
        seen.push(await ctx.run(`stop-${number}`, () => `stop ${number}`));
      }
      await ctx.sleep(50);
      const doubled = await ctx.serviceClient({ name: "Work" }).twice(stops);
      return [...seen, `twice as many are ${doubled}`];
    },
  },
});

export const handler = restate.createEndpointHandler({ services: [tour] });
